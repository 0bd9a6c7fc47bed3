"""A coalition in processes of its own: the same figures as in one process, and nothing left running."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hubhouse import SRC, HubProcess, free_port
from nodehouse import make_member

from hansa.errors import Refused, Unavailable
from hansa.hub import init_hub
from hansa.rehearsal import Silent, Stage, cast_birds, conduct_run
from hansa.rehearsal.assembly import Window, approve_plan, await_figures, run_plan
from hansa.rehearsal.building import build_street
from hansa.rehearsal.play import open_proposal, vote_all
from hansa.rehearsal.recasting import hasten, keep_largest, take_noise_away
from hansa.rehearsal.runner import locate_private_report
from hansa.rehearsal.server import Server
from hansa.rehearsal.street import Street, StreetLock, StreetSettings, is_built, stop_street
from hansa.store import read_tree

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC), "COLUMNS": "300"}


@pytest.fixture
def place(monkeypatch):
    """A folder whose path is short enough for a socket; what runs there is stopped."""
    monkeypatch.setenv("PYTHONPATH", str(SRC))
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as made:
        Path(made).chmod(0o755)  # a server of somebody else's may enter
        folder = Path(made) / "s"
        folder.mkdir()
        yield folder
        stop_street(folder)


@pytest.fixture
def own_server(place):
    if absence := Server(place / "database").explain_absence():
        pytest.skip(f"NOT TESTED on PostgreSQL: {absence}")


def run_street(folder, cast, database="sqlite"):
    street = build_street(folder, cast, free_port(), database)
    street.begin()
    number = approve_plan(street, Silent())
    run = run_plan(street, number, Silent())
    await_figures(street, run)
    return street, run


def run_stage(folder, cast):
    with Stage.found(folder, cast.charter, cast.founders, cast.lead) as stage:
        effect = {"effect": "run", "plan": cast.plan.to_json()}
        number = open_proposal(stage, cast.lead, cast.plan.name, cast.plan.purpose, effect)
        vote_all(stage, number, {})
        return conduct_run(stage, number, cast.lead, Silent())


def hansa(*tokens):
    command = [sys.executable, "-W", "error", "-m", "hansa", *map(str, tokens)]
    return subprocess.run(command, check=False, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def count_processes(folder):
    """How many processes name a folder in their command line, as the system sees it."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        found += b"up" in words and any(w.startswith(str(folder.resolve()).encode()) for w in words)
    return found


@pytest.mark.parametrize(
    "database",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.slow),
    ],
)
def test_the_demos_data_give_the_same_to_the_last_digit_in_processes_as_on_a_stage(
    place, tmp_path, database, request
):
    if database == "postgresql":
        request.getfixturevalue("own_server")
    cast = take_noise_away(hasten(keep_largest(cast_birds(tmp_path / "tables"), 5)))
    street, run = run_street(place, cast, database)
    ran = run_stage(tmp_path / "stage", cast)
    assert dict(run.metrics) == dict(ran.run.metrics)
    assert "auc_pooled_together" in run.metrics
    assert run.model == ran.model
    assert run.report == ran.run.report
    assert run.dropped == ran.run.dropped == {}
    for name, house in street.houses.items():
        assert (house.blobs / run.model).read_bytes() == ran.conducted.model
        private = json.loads(house.report(run.id).read_text())
        expected = locate_private_report(tmp_path / "stage", name, ran.run.id)
        assert private == json.loads(expected.read_text())
    # They are processes, each with a key of its own in a house of its own.
    count = {"sqlite": 6, "postgresql": 7}[database]
    assert len({process.pid for process in street.processes}) == count
    assert len({house.key.read_bytes() for house in street.houses.values()}) == 5
    assert count_processes(place) == 6
    assert stop_street(place) == count
    assert count_processes(place) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("own_server")
def test_a_killed_server_is_begun_again_and_nothing_is_lost(place, cast):
    street = build_street(place, hasten(cast), free_port(), "postgresql")
    street.begin()
    number = approve_plan(street, Silent())
    size = len(read_tree(street.houses["ada"].log).leaves)
    street.database.signal(signal.SIGKILL)
    while street.database.is_alive:
        time.sleep(0.01)
    street.database.bury()
    with pytest.raises(Unavailable, match="the process of the-database has ended"):
        street.verify_alive()
    assert street.hub.is_alive, "it waits"
    assert street.begin() == 1
    assert run_plan(street, number, Silent()).dropped == {}
    stop_street(place)
    street.begin()
    stop_street(place)
    assert not (place / "database" / "data" / "postmaster.pid").exists()
    assert len(read_tree(street.houses["ada"].log).leaves) > size


def test_what_was_founded_stays_and_whoever_asks_for_something_else_is_told(place, cast):
    init_hub(place / "hub", ["https://127.0.0.1:8443"], None)
    names = tuple(founder.id for founder in cast.founders)
    (place / "houses").mkdir()
    for name in names:
        make_member(place / "houses" / name, HubProcess(place / "hub", 8443), name, "0" * 64)
    settings = StreetSettings(lead="ada", members=names, plan=hasten(cast).plan.to_json())
    (place / "street.json").write_text(json.dumps(settings.model_dump(mode="json")))
    street = Street(place)
    street.verify_same()
    street.verify_same(members=len(names), port=8443, database="sqlite")
    for asked in ({"members": 4}, {"port": 8444}, {"database": "postgresql"}):
        with pytest.raises(Refused, match=f"street.founded: .*`--{next(iter(asked))} "):
            street.verify_same(**asked)
    with pytest.raises(Refused) as caught:
        street.verify_same(members=4, port=1, database="postgresql")
    assert len(caught.value.reasons) == 4


def test_it_goes_on_where_it_was_when_processes_were_killed(place, cast):
    cast = hasten(cast)
    street = build_street(place, cast, free_port())
    assert is_built(place)
    street.begin()
    number = approve_plan(street, Silent())
    for process in (street.hub, street.nodes["bob"], street.nodes["ada"]):
        process.signal(signal.SIGKILL)
        while process.is_alive:
            time.sleep(0.01)
        process.bury()
    with pytest.raises(Unavailable, match="the process of the-hub has ended"):
        street.verify_alive()
    assert street.begin() == 3
    assert street.begin() == 0
    assert approve_plan(street, Silent()) == number, "it is not proposed twice"
    assert run_plan(street, number, Silent()).dropped == {}
    # The same again finds the same run.
    run = run_plan(street, number, Silent())
    assert len(Window(street.houses["ada"]).state.runs) == 1
    assert list(Window(street.houses["eve"]).state.runs) == [run.id]


def test_a_process_that_ends_at_its_start_says_why(place, cast):
    street = build_street(place, hasten(cast), free_port())
    street.houses["cyd"].key.chmod(0o644)
    with pytest.raises(Unavailable, match="cyd has ended: others than its owner can open"):
        street.begin()


def test_a_port_that_is_taken_is_named_before_anything_is_made(place, cast):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} of this machine .*--port"):
            build_street(place, hasten(cast), port)
    assert not any(place.iterdir())


def test_a_port_that_is_taken_later_is_named_too(place, cast):
    port = free_port()
    street = build_street(place, hasten(cast), port)
    stop_street(place)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}` cannot be listened at"):
            street.begin()


def test_a_folder_with_too_long_a_path_is_refused(tmp_path, cast):
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    with pytest.raises(Refused, match=r"street\.path|too long for a socket"):
        build_street(folder, hasten(cast), free_port())


def test_what_somebody_else_has_made_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(Refused, match="has not made"):
        StreetLock(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_command_at_a_time_begins_and_stops(tmp_path):
    with StreetLock(tmp_path / "street"), pytest.raises(Unavailable, match="being written by process"):
        StreetLock(tmp_path / "street")


def test_fewer_members_than_a_sum_needs_are_refused(cast):
    with pytest.raises(Refused, match="no sum over fewer than 3"):
        keep_largest(cast, 2)
    assert [founder.id for founder in keep_largest(cast, 99).founders] == [f.id for f in cast.founders]


def test_the_largest_stay_and_one_of_them_leads(cast):
    with cast.founders[4].data.open("a") as table:
        table.write("yes,1,farm\n")
    kept = keep_largest(replace(cast, lead="dan"), 3)
    assert [founder.id for founder in kept.founders] == ["ada", "bob", "eve"]
    assert kept.lead == "eve"


def begin_and_signal(folder, number):
    """Begin `hansa up`, send it a signal once its processes are being begun, and return its exit code and what it said."""
    command = [sys.executable, "-m", "hansa", "up", "--folder", str(folder), "--members", "5"]
    up = subprocess.Popen(
        [*command, "--port", str(free_port())], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 60
        while count_processes(folder) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        up.send_signal(number)
        _, said = up.communicate(timeout=60)
    finally:
        up.kill()
        up.wait()
    return up.returncode, said


def test_interrupted_it_leaves_nothing_running(place):
    code, said = begin_and_signal(place, signal.SIGTERM)
    assert code == 130
    assert "processes are stopped" in said
    assert count_processes(place) == 0


@pytest.mark.slow
def test_killed_it_leaves_processes_that_down_finds(place):
    code, _ = begin_and_signal(place, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert count_processes(place) > 0
    assert hansa("down", "--folder", place).returncode == 0
    assert count_processes(place) == 0


@pytest.mark.slow
def test_up_status_and_down(place):
    up = ("up", "--folder", place, "--members", 5, "--port", free_port(), "--without-noise")
    said = hansa(*up, "--json")
    assert said.returncode == 0, said.stderr + said.stdout
    first = json.loads(said.stdout)
    assert first["guarantee"] == "no formal guarantee"
    assert first["bars_met"] is True
    status = json.loads(hansa("up", "--folder", place, "--status", "--json").stdout)
    count = 6 + (status["database"] == "postgresql")
    assert [process["pid"] is not None for process in status["processes"]] == [True] * count
    for asked in (("--members", 7), ("--port", 1), ("--database", "sqlite" if count == 7 else "postgresql")):
        said = hansa("up", "--folder", place, *asked)
        assert said.returncode == 4
        assert "street.founded" in said.stderr
    assert f"{count} processes are stopped" in hansa("down", "--folder", place).stdout
    assert count_processes(place) == 0
    assert "Nothing was running" in hansa("down", "--folder", place).stdout
    again = hansa("up", "--folder", place)
    assert first["model"] in again.stdout, again.stderr
    # What it says one could type can be typed.
    typed = [line.strip().split()[1:] for line in again.stdout.splitlines() if line.startswith("  hansa")]
    assert len(typed) >= 6
    for tokens in typed:
        assert hansa(*tokens).returncode == 0, tokens
    assert count_processes(place) == 0


def test_down_where_nothing_was_made_says_so(tmp_path):
    said = hansa("down", "--folder", tmp_path)
    assert said.returncode == 5
    assert "has made" in said.stderr
