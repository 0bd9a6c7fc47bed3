"""The drill of docs/deploy/backup.md, with its very commands: back up, go on, lose the machine, restore, catch up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from threelog import Clock, close_logs, found, key_of, open_log, tick

from hansa.cli import main
from hansa.errors import Refused
from hansa.hub import Sequencer, restore_log
from hansa.node import Follower
from hansa.store import LogReader, LogStore, read_tree

PAGE = (Path(__file__).parents[2] / "docs" / "deploy" / "backup.md").read_text()
COMMANDS = {
    name: re.sub(r"^ {3}", "", text, flags=re.MULTILINE)
    for name, text in re.findall(r"^ *```sh ([a-z-]+)\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
}
PROGRAMS = {"sqlite": ("sqlite3",), "postgresql": ("pg_dump", "pg_restore")}


class House:
    """A member that follows, cosigns, mirrors, and remembers across restarts."""

    def __init__(self, name, folder, clock):
        self.name, self.folder, self.clock = name, folder / name, clock
        self.folder.mkdir()
        self.restart()

    def restart(self):
        self.follower = Follower(self.name, key_of(self.name), self.clock, self.folder)

    def follow(self, hub):
        """Follow from the first entry on, as a node does that was restarted."""
        self.restart()
        self.follower.follow(hub.leaves(), hub.sign_checkpoint().encode())
        hub.keep(hub.sign_checkpoint(), [self.follower.cosign()])

    def mirror(self, hub):
        hub.publish(self.folder / "log")


class Machine:
    """A hub's machine, which can be lost, and a place for backups, which is elsewhere."""

    def __init__(self, kind, folder, server):
        self.kind, self.server = kind, server
        self.hub, self.backup, self.mirrors = folder / "hub", folder / "backup", folder / "mirrors"
        for path in (self.hub, self.backup, self.mirrors):
            path.mkdir()
        self.database = server.make_database() if kind == "postgresql" else ""

    @property
    def log(self):
        return self.database or self.hub / "log.sqlite"

    def lose(self):
        shutil.rmtree(self.hub)
        self.hub.mkdir()
        if self.database:
            self.database = self.server.make_database()

    def run(self, name):
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/lib/postgresql/15/bin:{os.environ['PATH']}",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HUB": self.hub,
            "BACKUP": self.backup,
            "MIRRORS": self.mirrors,
            "DATABASE": self.database,
            "LOG": self.log,
        }
        return subprocess.run(
            ["sh", "-euc", COMMANDS[name]],
            env=environment, capture_output=True, text=True, check=True, timeout=120,
        ).stdout  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(request, tmp_path):
    for program in PROGRAMS[request.param]:
        if shutil.which(program) is None:
            pytest.skip(f"NOT TESTED: `{program}` is not installed")
    return Machine(
        request.param, tmp_path, request.getfixturevalue("server") if request.param != "sqlite" else None
    )


@pytest.fixture
def clock():
    yield Clock()
    close_logs()


@pytest.fixture
def houses(tmp_path, clock):
    (tmp_path / "houses").mkdir()
    return [House(name, tmp_path / "houses", clock) for name in ("ada", "bob", "cyd")]


def reopen(machine, clock):
    close_logs()
    return Sequencer(open_log(machine.log), key_of("log"), clock)


def say(hub, clock, houses, *, mirrored=()):
    """Put another entry on the log, which everybody follows and cosigns and some mirror."""
    clock.now += 60
    tick(hub, "ada")
    for house in houses:
        house.follow(hub)
    for house in mirrored:
        house.mirror(hub)


def collect(machine, *houses):
    for house in houses:
        shutil.copytree(house.folder / "log", machine.mirrors / house.name)


@pytest.fixture
def lost(machine, houses, clock):
    """A log of 6 entries that is lost, with a backup of 3; ada's mirror has all, bob's has 5."""
    hub = found(machine.log, clock)
    for _ in range(2):
        say(hub, clock, houses)
    machine.run(f"backup-{machine.kind}")  # while the hub has it open
    say(hub, clock, houses)
    say(hub, clock, houses, mirrored=houses[:2])
    say(hub, clock, houses, mirrored=houses[:1])
    leaves = hub.leaves()
    close_logs()
    machine.lose()
    return leaves


def test_the_drill_loses_nothing(machine, houses, clock, lost):
    machine.run(f"restore-{machine.kind}")
    # The backup holds what was signed until then; members who saw more refuse it and sign nothing.
    hub = reopen(machine, clock)
    assert hub.leaves() == lost[:3]
    for house in houses:
        with pytest.raises(Refused) as excinfo:
            house.follow(hub)
        assert excinfo.value.rule == "witness.size"
    close_logs()
    # The mirrors bring the rest, and everybody goes on.
    collect(machine, *houses[:2])
    assert "3 entries came from" in machine.run("catch-up")
    hub = reopen(machine, clock)
    assert hub.leaves() == lost
    for house in houses:
        house.follow(hub)
    say(hub, clock, houses)
    assert hub.leaves()[:6] == lost
    close_logs()
    assert "no mirror has one more" in machine.run("catch-up")


def test_mirrors_alone_make_the_log_anew(machine, houses, clock, lost):
    collect(machine, *houses[:2])
    assert "6 entries came from" in machine.run("catch-up")
    hub = reopen(machine, clock)
    assert hub.leaves() == lost
    assert hub.checkpoint.encode() == read_tree(machine.mirrors / "ada").note_text
    for house in houses:
        house.follow(hub)


def test_a_hub_that_went_on_from_an_old_backup_is_caught(machine, houses, clock, lost):
    machine.run(f"restore-{machine.kind}")
    hub = reopen(machine, clock)
    clock.now += 600
    for _ in range(4):
        tick(hub, "bob")
    for house in houses:
        with pytest.raises(Refused) as excinfo:
            house.follow(hub)
        assert excinfo.value.rule == "witness.fork"
    close_logs()
    collect(machine, houses[0])
    with pytest.raises(Refused) as excinfo:
        restore_log(machine.log, [machine.mirrors / "ada"])
    assert excinfo.value.rule == "restore.fork"
    assert excinfo.value.reasons[0].startswith("entry 3 of the log")
    with LogReader.open(machine.log) as log:
        assert log.size == 7
    # The way back that the page names.
    machine.lose()
    machine.run(f"restore-{machine.kind}")
    machine.run("catch-up")
    hub = reopen(machine, clock)
    assert hub.leaves() == lost
    say(hub, clock, houses)


def test_a_log_moves_to_another_database(server, houses, clock, tmp_path):
    hub = found(tmp_path / "log.sqlite", clock)
    say(hub, clock, houses, mirrored=houses[:1])
    leaves = hub.leaves()
    address = server.make_database()
    restored = restore_log(address, [houses[0].folder / "log"])
    assert (restored.before, restored.after, restored.audit.is_final) == (0, 2, True)
    with LogStore.open(address) as store:
        assert tuple(store.leaves()) == leaves


def test_mirrors_that_contradict_each_other_restore_nothing(houses, clock, tmp_path):
    for number, house in enumerate(houses[:2]):
        hub = found(tmp_path / f"{number}.sqlite", Clock())
        house.clock = clock
        clock.now += number * 60
        tick(hub, "ada" if number else "bob")
        hub.sign_checkpoint()
        house.mirror(hub)
    with pytest.raises(Refused) as excinfo:
        restore_log(tmp_path / "new.sqlite", [house.folder / "log" for house in houses[:2]])
    assert excinfo.value.rule == "restore.fork"
    assert not (tmp_path / "new.sqlite").exists()


def test_a_damaged_mirror_restores_nothing(houses, clock, tmp_path, capsys):
    hub = found(tmp_path / "log.sqlite", clock)
    say(hub, clock, houses, mirrored=houses[:1])
    mirror = houses[0].folder / "log"
    bundle = mirror / "tile" / "entries" / "000.p" / "2"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")
    assert main(["log", "restore", str(mirror), "--into", str(tmp_path / "new.sqlite")]) == 3
    assert "tree.entry" in capsys.readouterr().err
    assert not (tmp_path / "new.sqlite").exists()


def test_a_log_that_a_hub_has_open_is_left_alone(houses, clock, tmp_path, capsys):
    hub = found(tmp_path / "log.sqlite", clock)
    say(hub, clock, houses, mirrored=houses[:1])
    mirror = str(houses[0].folder / "log")
    assert main(["log", "restore", mirror, "--into", str(tmp_path / "log.sqlite")]) == 5
    assert f"process {os.getpid()} on " in " ".join(capsys.readouterr().err.split())
