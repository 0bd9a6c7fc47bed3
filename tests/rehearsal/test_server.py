"""A PostgreSQL server of one's own: where there can be one, who reaches it, and what is said where there cannot."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from postgres import run_statement

from hansa.errors import Unavailable
from hansa.rehearsal import server as room
from hansa.rehearsal.building import choose_database
from hansa.rehearsal.process import Process, await_ready, stop_all
from hansa.rehearsal.server import Server
from hansa.rehearsal.street import make_database_process

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


@pytest.fixture
def place():
    """A folder that whoever a server runs as may enter."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)
        stop_all([make_database_process(Path(made))])


@pytest.fixture
def running(place):
    server = Server(place / "database")
    if absence := server.explain_absence():
        pytest.skip(f"NOT TESTED: {absence}")
    server.initialise()
    (place / "processes").mkdir()
    process = make_database_process(place)
    process.begin()
    await_ready([process], 60)
    return server, process


def test_it_is_reached_by_its_socket_alone_and_by_nobody_else(running, place):
    server, process = running
    assert run_statement(server.address(), "SHOW listen_addresses") == [("",)]
    assert run_statement(server.address(), "SHOW fsync") == [("on",)]
    assert server.folder.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        assert Path(f"/proc/{process.pid}").stat().st_uid != 0
        other = subprocess.run([*NOBODY, "test", "-w", server.socket], check=False)
        assert other.returncode == 1
    # Nobody who is connected keeps it from stopping.
    talk = subprocess.Popen(
        ["sh", "-c", f'exec {room.find_program("psql")} "$0" -c "SELECT pg_sleep(60)"', server.address()],
        stderr=subprocess.DEVNULL,
    )
    while run_statement(
        server.address(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    ) != [(1,)]:
        assert talk.poll() is None
    assert stop_all([process]) == 1
    assert talk.wait(20) == 2
    assert not process.is_alive
    assert not server.is_ready(0)


def test_without_a_server_the_log_is_in_sqlite_and_it_says_why(place, monkeypatch):
    def choose(reason):
        kind, why = choose_database(place, None)
        assert kind == "sqlite"
        assert reason in why
        with pytest.raises(Unavailable, match=reason):
            choose_database(place, "postgresql")

    with monkeypatch.context() as patched:
        patched.setattr(room, "find_program", lambda _name: None)
        choose("no PostgreSQL server is installed")
    monkeypatch.setattr(room, "find_program", lambda _name: sys.executable)
    choose("PostgreSQL 0 is installed, and 15 or newer is needed")
    monkeypatch.setattr(room, "_read_version", lambda _program: (15,))
    with monkeypatch.context() as patched:
        patched.setattr(room.importlib.util, "find_spec", lambda _name: None)
        choose("needs a driver")
    assert "too long" in Server(place / ("x" * 90)).explain_absence()
    assert "comma" in Server(place / "a,b").explain_absence()
    assert choose_database(place, "sqlite") == ("sqlite", "its log is in SQLite, as was asked")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_as_root_it_says_that_another_user_cannot_enter(place, monkeypatch):
    monkeypatch.setattr(room, "_read_version", lambda _program: (15,))
    monkeypatch.setattr(room, "find_program", lambda _name: "/bin/true")
    assert Server(place / "database").explain_absence() is None
    place.chmod(0o700)
    assert "refuses to run as root, and `" in Server(place / "database").explain_absence()
    assert "cannot enter" in choose_database(place, None)[1]


def test_what_the_server_says_of_its_end_is_passed_on(running, place):
    server, process = running
    stop_all([process])
    (server.data / "PG_VERSION").write_text("9\n")
    process.begin()
    with pytest.raises(Unavailable, match=r"the-database has ended: .*the-database\.log"):
        await_ready([process], 60)
    with pytest.raises(Unavailable, match="no PostgreSQL server can be made"):
        server.initialise()


def test_a_process_whose_program_is_gone_has_ended(tmp_path):
    process = Process("none", tmp_path, ["/nowhere/at/all"], is_working=lambda _pid: False)
    process.begin()
    with pytest.raises(Unavailable, match=r"none has ended: .*not found"):
        await_ready([process], 60)


def test_data_are_read_by_the_version_that_made_them(tmp_path, monkeypatch):
    for version in ("9.6", "15", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    monkeypatch.setattr(room, "VERSIONS", tmp_path)
    server = Server(tmp_path / "database")
    server.data.mkdir(parents=True)
    for made_by, used in ((None, "16"), ("15", "15"), ("14", "16")):
        if made_by is not None:
            (server.data / "PG_VERSION").write_text(f"{made_by}\n")
        assert str(tmp_path / used / "bin" / "postgres") in server.spell_command()
