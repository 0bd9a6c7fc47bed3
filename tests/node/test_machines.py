"""Whole coalitions of real processes: what members on machines of their own live through."""

import signal
import time
from pathlib import Path

import pytest
from hubhouse import HubProcess, free_port
from machines import NAMES, Machines
from nodehouse import NodeProcess

from hansa.cli.record import read_state


@pytest.fixture
def machines(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("HANSA_FOLDER", raising=False)
    made = Machines(tmp_path)
    yield made
    made.stop()


def run_of(machines, name):
    _, state = read_state(machines.path / name)
    return list(state.runs.values())[-1]


def wait_for_all(machines):
    size = max(read_state(machines.path / name)[1].size for name in machines.nodes)
    for node in machines.nodes.values():
        node.wait_until(lambda found: found["final"] >= size)


def support(name):
    return str(Path(__file__).parents[1] / "support" / name)


def test_four_organisations_found_vote_and_train_and_one_is_killed_in_the_middle(machines):
    machines.found()
    leaving = machines.nodes["dan"]
    leaving.program = (support("leavingnode.py"), "12")
    machines.nodes["ada"].program = (support("defectivenode.py"),)
    machines.start().approve_run()
    under_way = machines.begin("run", "start", 1, "--folder", "ada", "--json")
    leaving.process.wait(40)  # it kills itself in its twelfth turn
    leaving.stop()
    leaving.program = ("-m", "hansa")
    leaving.start()  # and comes back while the others are still at it
    ended = machines.end(under_way)
    assert ended.code == 0, ended.err + machines.journals()
    said = ended.json
    assert list(said["dropped"]) == ["dan"]
    wait_for_all(machines)
    for name in NAMES:
        run = run_of(machines, name)
        assert (run.status, run.model, run.coordinator) == ("completed", said["model"], "ada")
        verified = machines.hansa("verify", name, "--json").json
        assert verified["final"] is True
    # A defect in the coordinator's thread is told to its people, and the run was closed nevertheless.
    problem = machines.nodes["ada"].wait_until(lambda found: found["problems"])["problems"][-1]
    assert (problem["rule"], problem["where"]) == ("defect", f"run {run_of(machines, 'ada').id[:16]}")
    assert "ZeroDivisionError" in machines.hansa("node", "status", "--folder", "ada").out
    assert "division" not in machines.nodes["ada"].journal()
    for name in ("ada", "bob", "cyd"):
        private = machines.hansa("run", "report", 1, "--as", name, "--folder", name, "--json").json
        assert private["member"] == name
    assert "vanished" in machines.hansa("run", "report", 1, "--as", "dan", "--folder", "dan", code=4).err
    # Nobody has anybody else's private report, and the hub has none.
    machines.hansa("run", "report", 1, "--as", "cyd", "--folder", "ada", code=4)
    assert sorted(path.parts[-3] for path in machines.path.rglob("reports/*.json")) == ["ada", "bob", "cyd"]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_hub_dies_in_the_middle_of_a_run_and_a_members_mirror_goes_on_with_it(machines, kind, request):
    there = ()
    if kind == "postgresql":
        database, blobs = request.getfixturevalue("database"), machines.path / "blobs"
        there = ("--database", database, "--blobs", blobs)
    machines.found().start().approve_run()
    under_way = machines.begin("run", "start", 1, "--folder", "ada", "--json")
    end = time.monotonic() + 30
    while not list(machines.hub.path.glob("runs/*/2.json")):
        assert time.monotonic() < end, machines.journals()
        time.sleep(0.005)
    machines.hub.stop(signal.SIGKILL)
    port = free_port()
    where = f"https://127.0.0.1:{port}"
    machines.hansa(
        *("hub", "handover", "draft", "--hub", "second", "--address", where),
        *("--output", "handover.json", "--folder", "ada"),
    )
    for name in ("bob", "cyd"):
        machines.hansa("hub", "handover", "sign", "handover.json", "--folder", name)
    machines.hansa(
        "hub", "init", "second", "--address", where, "--from", "ada", "--handover", "handover.json", *there
    )
    machines.hub = HubProcess(machines.path / "second", port).start()
    for name in NAMES:  # all of them at work
        machines.hansa("hub", "handover", "take", "handover.json", "--folder", name)
    ended = machines.end(under_way)
    assert ended.code == 0, ended.err + machines.journals()
    assert ended.json["attempt"] == 1
    assert (machines.path / "second" / "log.sqlite").exists() is (kind == "sqlite")
    assert len(run_of(machines, "ada").survivors) >= 3
    wait_for_all(machines)
    for name in NAMES:
        assert (run_of(machines, name).status, machines.hansa("verify", name, "--json").json["final"]) == (
            "completed",
            True,
        )
        while list((machines.path / name / "minutes").iterdir()):  # the steward looks once a second
            assert time.monotonic() < end + 60
            time.sleep(0.05)


@pytest.mark.slow
def test_a_node_whose_data_do_not_fit_tells_its_people_why_and_the_others_its_rule(machines):
    machines.found()
    (machines.path / "dan" / "data.csv").write_text("late,amount,sector\nyes,123456.0,farm\n")
    machines.start().approve_run()
    said = machines.hansa("run", "start", 1, "--folder", "bob", "--json").json
    assert list(said["dropped"]) == ["dan"]
    assert said["dropped"]["dan"] == 1
    told = machines.nodes["dan"].wait_until(lambda found: found["problems"])
    assert "123456" in told["problems"][0]["text"]
    for name in NAMES:
        assert "123456" not in machines.nodes[name].journal()
    assert "123456" not in machines.hub.journal()


@pytest.mark.slow
def test_too_few_who_can_take_part_fail_the_run_on_the_record(machines):
    machines.found()
    for name in ("cyd", "dan"):
        (machines.path / name / "data.csv").unlink()
    machines.start().approve_run()
    said = machines.hansa("run", "start", 1, "--folder", "ada", code=4)
    assert "run.failed" in said.err
    assert "data.none" in said.err
    assert run_of(machines, "ada").status == "failed"
    # The next attempt, once they have their data, is another one.
    for name in ("cyd", "dan"):
        (machines.path / name / "data.csv").write_bytes((machines.path / f"{name}.csv").read_bytes())
    said = machines.hansa("run", "start", 1, "--folder", "cyd", "--json").json
    assert (said["attempt"], said["dropped"]) == (2, {})


@pytest.mark.slow
def test_what_people_see_when_the_hub_or_their_own_node_is_away(machines):
    machines.found()
    assert (
        "hansa node up"
        in machines.hansa("proposal", "open", "run", "plan.yaml", "--folder", "ada", code=5).err
    )
    machines.start()
    wait_for_all(machines)
    machines.hub.stop()
    said = machines.hansa("proposal", "open", "run", "plan.yaml", "--folder", "ada", code=5)
    assert "signed and kept" in " ".join(said.err.split())
    assert "propose" in machines.hansa("node", "status", "--folder", "ada").out
    machines.hub.start()
    machines.nodes["ada"].wait_until(lambda found: found["outbox"] == [])
    assert "Who pays late" in machines.hansa("proposal", "list", "--folder", "ada").out
    assert machines.hansa("proposal", "vote", 1, "yes", "--as", "bob", "--folder", "ada", code=4).err
    assert machines.hansa("log", "tick", "--forward", "1h", "--folder", "ada", code=4).err


@pytest.mark.slow
def test_a_newcomer_joins_from_a_machine_of_its_own_and_disturbs_nobody(machines):
    machines.found().start()
    before = {name: (machines.path / name / "node.json").read_bytes() for name in NAMES}
    (machines.path / "eve.yaml").write_text("{id: eve, name: Eve Bank, country: SE}")
    machines.hansa("member", "invite", "eve.yaml", "--folder", "bob")
    machines.hansa(
        *("coalition", "join", "invitation-eve.json", "--folder", "eve", "--data", "eve.csv"),
        "--no-passphrase",
    )
    machines.hansa("proposal", "open", "admit", "admission-eve.json", "--folder", "bob")
    for name in NAMES[:3]:
        machines.hansa("proposal", "vote", 1, "yes", "--folder", name)
    eve = machines.nodes["eve"] = NodeProcess(machines.path / "eve").start()
    eve.wait_until(lambda found: found["standing"] == "active" and found["final"] == found["entries"])
    machines.hansa("proposal", "open", "run", "plan.yaml", "--folder", "eve")
    assert {name: (machines.path / name / "node.json").read_bytes() for name in NAMES} == before
