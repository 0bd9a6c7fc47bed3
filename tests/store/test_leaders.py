"""Real processes that want to write one log: one at a time does, whoever is killed or stopped."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import leading
import pytest

from hansa.store import LogReader
from hansa.transparency import root_of

PATIENCE_SECONDS = 60


class Leader:
    def __init__(self, where, name, folder):
        self.name = name
        self._said = folder / f"{name}.said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, leading.__file__, where, name, folder], stdout=said, stderr=subprocess.STDOUT
            )

    def said(self):
        return self._said.read_text().splitlines()

    def send(self, what):
        self.process.send_signal(what)


@contextmanager
def leaders(where, folder, *names):
    started = [Leader(where, name, folder) for name in names]
    try:
        yield started
    finally:
        for leader in started:
            leader.process.kill()
            leader.process.wait(timeout=PATIENCE_SECONDS)


def wait_for(holds, *leaders):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, [leader.said() for leader in leaders]
        time.sleep(0.02)


def promised(folder, name):
    path = folder / "promised"
    return [line for line in path.read_text().splitlines() if line.startswith(name)] if path.exists() else []


def wait_for_progress(folder, leader, more=5):
    before = len(promised(folder, leader.name))
    wait_for(lambda: len(promised(folder, leader.name)) >= before + more, leader)


def check_log(where, folder):
    """Check that nothing was lost, nothing is there twice, and nobody was ever shown another history."""
    with LogReader.open(where) as log:
        leaves = [leaf.decode() for leaf in log.leaves()]
        hashes = log.leaf_hashes()
    assert set((folder / "promised").read_text().splitlines()) <= set(leaves)
    assert set(Counter(leaves).values()) == {1}
    for name in {leaf.split()[0] for leaf in leaves}:
        own = [leaf for leaf in leaves if leaf.split()[0] == name]
        assert own == [f"{name} {count}" for count in range(len(own))]
    for line in (folder / "shown").read_text().splitlines():
        size, root = line.split()
        assert root_of(hashes[: int(size)]).hex() == root
    return leaves


def make_log(where):
    from hansa.store import LogStore

    LogStore.create(where).close()


def test_another_takes_over_when_the_leader_is_killed(where, tmp_path):
    make_log(where)
    with leaders(where, tmp_path, "ada") as (ada,):
        wait_for_progress(tmp_path, ada)
        with leaders(where, tmp_path, "bob", "cyd") as (bob, cyd):
            wait_for(lambda: bob.said() and cyd.said(), bob, cyd)
            assert all(line.startswith("BeingWritten") for line in bob.said() + cyd.said())
            assert f"process {ada.process.pid} on " in bob.said()[0]
            ada.send(signal.SIGKILL)
            wait_for(lambda: "leads" in bob.said() + cyd.said(), bob, cyd)
            first, second = (bob, cyd) if "leads" in bob.said() else (cyd, bob)
            wait_for_progress(tmp_path, first)
            assert "leads" not in second.said()
            first.send(signal.SIGKILL)
            wait_for_progress(tmp_path, second)
    leaves = check_log(where, tmp_path)
    assert {leaf.split()[0] for leaf in leaves} == {"ada", "bob", "cyd"}


def test_who_wakes_up_after_its_lease_writes_nothing_more(database, tmp_path):
    make_log(database)
    dice = random.Random(5)
    with leaders(database, tmp_path, "ada", "bob") as both:
        wait_for(lambda: any("leads" in leader.said() for leader in both), *both)
        old, new = both if "leads" in both[0].said() else both[::-1]
        for turn in range(1, 4):
            wait_for_progress(tmp_path, old)
            time.sleep(dice.uniform(0, 0.02))
            old.send(signal.SIGSTOP)
            wait_for(lambda new=new, turn=turn: new.said().count("leads") >= (turn + 1) // 2, *both)
            wait_for_progress(tmp_path, new)
            before = len(promised(tmp_path, old.name))
            old.send(signal.SIGCONT)
            # It may note what it was promised before it was stopped; then it learns that it leads no more.
            wait_for(lambda old=old: old.said()[-1].startswith("BeingWritten"), *both)
            assert len(promised(tmp_path, old.name)) <= before + 1
            assert any(line.startswith("Unavailable") for line in old.said())
            wait_for_progress(tmp_path, new)
            old, new = new, old
    check_log(database, tmp_path)


def test_a_leader_that_was_only_short_of_time_goes_on(database, tmp_path):
    make_log(database)
    with leaders(database, tmp_path, "ada", "bob") as both:
        wait_for(lambda: any("leads" in leader.said() for leader in both), *both)
        leader = both[0] if "leads" in both[0].said() else both[1]
        leader.send(signal.SIGSTOP)
        time.sleep(leading.LEASE_SECONDS / 4)
        leader.send(signal.SIGCONT)
        wait_for_progress(tmp_path, leader)
        assert leader.said() == [*leader.said()[:-1], "leads"]
    check_log(database, tmp_path)


@pytest.mark.slow
def test_thirty_stops_at_random_moments_lose_nothing(database, tmp_path):
    make_log(database)
    dice = random.Random(17)
    with leaders(database, tmp_path, "ada", "bob", "cyd") as all_three:
        for _ in range(30):
            victim = dice.choice(all_three)
            victim.send(signal.SIGSTOP)
            time.sleep(dice.uniform(0, 1.5 * leading.LEASE_SECONDS))
            victim.send(signal.SIGCONT)
            time.sleep(dice.uniform(0, 0.5))
    check_log(database, tmp_path)
