"""A watch against a hub in the same process that shows whatever it likes."""

import pytest
from threelog import START, Clock, close_logs, found, key_of, note_of, tick

from hansa.errors import Malformed, Refused, Unavailable
from hansa.node import Follower
from hansa.node.journal import Journal
from hansa.node.mirror import Mirror
from hansa.node.watch import BURST, Watch
from hansa.store import read_tree
from hansa.transparency import parse_note, tile_path


class OpenHub:
    """Shows a log as a remote hub would, and takes cosignatures; `shown` may be somebody else's log."""

    def __init__(self, log):
        self.log = log
        self.tiles = log
        self.lines = []
        self.fetched = []
        self.is_deaf = False
        self.note = None

    def read_checkpoint(self, _seen, _wait):
        if self.note is not None:
            return self.note
        note = parse_note(note_of(self.log))
        return note.add(
            [line for size, line in self.lines if size == self.log.state.size and line not in note.signatures]
        ).encode()

    def read_tile(self, path, skip=0):
        leaves = self.tiles.leaves()
        bundle = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
        assert path == tile_path("entries", 0, len(leaves))
        self.fetched.append(len(bundle) - skip)
        return bundle[skip:]

    def cosign(self, size, lines):
        if self.is_deaf:
            raise Unavailable("the hub is down")
        for line in lines:
            self.lines.append((size, parse_note(f"x\n\n{line}\n").signatures[0]))

    def cosign_as(self, *names):
        for name in names:
            other = Follower(name, key_of(name), self.log._clock)
            other.follow(self.log.leaves(), note_of(self.log))
            self.lines.append((self.log.state.size, other.cosign()))


class Bob:
    """One member's watch over one folder; made anew it is the same member after a crash."""

    def __init__(self, hub, clock, folder):
        self.ticks = [0.0]
        self.told = []
        self.journal = []
        folder.mkdir(exist_ok=True)
        self.mirror = Mirror(folder / "log")
        self.follower = Follower("bob", key_of("bob"), clock, folder, self.mirror.extend)
        self.watch = Watch(
            self.follower,
            self.mirror,
            hub,
            Journal(self.journal.append, clock),
            fetched=lambda first, leaves: self.told.append((first, len(leaves))),
            tick=lambda: self.ticks[0],
        )
        self.watch.begin()


@pytest.fixture(autouse=True)
def logs():
    yield
    close_logs()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(tmp_path, clock):
    return found(tmp_path / "log.sqlite", clock)


@pytest.fixture
def hub(log):
    return OpenHub(log)


@pytest.fixture
def bob(hub, clock, tmp_path):
    return Bob(hub, clock, tmp_path / "house")


def refused(rule, call):
    with pytest.raises((Refused, Malformed)) as caught:
        call()
    assert caught.value.rule == rule


def step(bob):
    return bob.watch.step(0)


def test_what_is_followed_is_mirrored_cosigned_and_told(bob, hub, log, tmp_path):
    assert step(bob)
    assert bob.told == [(0, 1)]
    assert [size for size, _ in hub.lines] == [1]
    tick(log, "ada")
    step(bob)
    assert bob.told == [(0, 1), (1, 1)]
    assert read_tree(tmp_path / "house" / "log").leaves == log.leaves()


def test_of_a_bundle_only_the_rest_is_asked_for(bob, hub, log):
    step(bob)
    for _ in range(3):
        tick(log, "ada")
        step(bob)
    assert hub.fetched[1:] == [2 + len(leaf) for leaf in log.leaves(1)]


def test_it_is_final_when_enough_have_cosigned_and_the_mirror_shows_them(bob, hub, tmp_path):
    step(bob)
    assert not bob.watch.is_final
    hub.cosign_as("ada", "cyd")
    step(bob)
    assert bob.watch.is_final
    assert len(parse_note(read_tree(tmp_path / "house" / "log").note_text).signatures) == 4


def test_a_cosignature_that_the_hub_lost_is_brought_again_but_not_at_once(bob, hub):
    step(bob)
    hub.lines.clear()
    step(bob)
    assert hub.lines == []
    bob.ticks[0] += 4
    step(bob)
    assert len(hub.lines) == 1


def test_a_hub_that_fails_in_the_middle_is_asked_again(bob, hub):
    hub.is_deaf = True
    with pytest.raises(Unavailable):
        step(bob)
    hub.is_deaf = False
    step(bob)
    assert len(hub.lines) == 1
    assert bob.told == [(0, 1)]


def test_a_log_that_grows_shorter_is_a_lie(bob, hub, log, tmp_path, clock):
    old = note_of(log)
    tick(log, "ada")
    step(bob)
    hub.note = old
    refused("witness.size", lambda: step(bob))
    assert bob.follower.size == 2


def test_a_fork_is_refused_and_not_cosigned(bob, hub, log, tmp_path, clock):
    step(bob)
    fork = found(tmp_path / "fork.sqlite", clock)
    for name in ("ada", "ada"):
        tick(fork, name)
    tick(log, "cyd")
    step(bob)
    before = list(hub.lines)
    hub.note, hub.tiles = note_of(fork), fork
    with pytest.raises((Refused, Malformed)):
        step(bob)
    assert hub.lines == before
    assert read_tree(tmp_path / "house" / "log").leaves == log.leaves()


def test_entries_of_another_number_are_refused(bob, hub, log):
    hub.read_tile = lambda _path, _skip=0: b""
    refused("hub.answer", lambda: step(bob))


def test_after_a_restart_it_replays_what_it_has_and_asks_for_the_rest(bob, hub, log, clock, tmp_path):
    tick(log, "ada")
    hub.cosign_as("ada", "cyd")
    step(bob)
    step(bob)
    again = Bob(hub, clock, tmp_path / "house")
    assert again.follower.size == 2
    assert again.watch.is_final
    assert again.told == []
    tick(log, "cyd")
    step(again)
    assert again.told == [(2, 1)]
    assert hub.fetched[-1] == 2 + len(log.leaves(2)[0])


def test_an_older_copy_is_completed_and_must_contain_what_was_cosigned(bob, hub, log, clock, tmp_path):
    import shutil

    step(bob)
    shutil.copytree(tmp_path / "house" / "log", tmp_path / "backup")
    tick(log, "ada")
    step(bob)
    shutil.rmtree(tmp_path / "house" / "log")
    shutil.copytree(tmp_path / "backup", tmp_path / "house" / "log")
    again = Bob(hub, clock, tmp_path / "house")
    assert again.follower.size == 0
    step(again)
    assert again.follower.size == 2
    assert read_tree(tmp_path / "house" / "log").leaves == log.leaves()
    fork = found(tmp_path / "fork.sqlite", clock)
    tick(fork, "cyd")
    shutil.rmtree(tmp_path / "house" / "log")
    forked = Bob(OpenHub(fork), clock, tmp_path / "house")
    refused("witness.fork", lambda: step(forked))
    assert not (tmp_path / "house" / "log" / "checkpoint").exists()


def test_who_comes_too_late_to_cosign_knows_that_a_tick_would_help(bob, hub, log, clock):
    clock.now = START + 3_600
    step(bob)
    assert bob.watch.is_late
    assert hub.lines == []
    tick(log, "bob")
    step(bob)
    assert not bob.watch.is_late
    assert [size for size, _ in hub.lines] == [2]


def test_cosignatures_are_paced(bob, hub, log):
    pauses = []
    for _ in range(BURST + 2):
        tick(log, "ada")
        pauses.append(bob.watch.count_pause())
        step(bob)
    assert pauses[0] == 0
    assert pauses[BURST] == pytest.approx(0.5)
    bob.ticks[0] += 10
    assert bob.watch.count_pause() == 0


def test_another_thread_may_be_quicker(bob, hub, log):
    step(bob)
    tick(log, "ada")
    late = note_of(log)
    tick(log, "cyd")

    def read(_seen, _wait):
        hub.read_checkpoint = real
        bob.watch.catch_up()
        return late

    real, hub.read_checkpoint = hub.read_checkpoint, read
    step(bob)
    assert bob.follower.size == 3
    assert [size for size, _ in hub.lines] == [1]
