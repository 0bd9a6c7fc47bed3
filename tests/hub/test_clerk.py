"""The clerk and what it keeps: one thread writes, and what waits together is written together."""

import time

import pytest
from hubhouse import key_of, write_found

from hansa.coalition import Tick
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.hub import Clerk, Sequencer
from hansa.hub.tiles import Tiles
from hansa.hub.witnessing import (
    LATE_SECONDS,
    LONGEST_SECONDS,
    MOST_SHOWN_SECONDS,
    SHORTEST_SECONDS,
    Witnessing,
)
from hansa.node import Follower, Voter
from hansa.store import LogStore
from hansa.transparency import (
    entry_bundles,
    hash_leaf,
    hash_tiles,
    parse_note,
    parse_tile_path,
)

NAMES = ("ada", "bob", "cyd")
NOW = 1_795_431_600


@pytest.fixture
def store(tmp_path):
    with LogStore.create(tmp_path / "log.sqlite") as store:
        yield store


@pytest.fixture
def log(store):
    log = Sequencer(store, key_of("log"), lambda: NOW)
    log.submit(write_found(key_of("log")))
    return log


def tick(log, name="ada", count=1):
    return Voter(name, key_of(name)).write(log.state, *[Tick()] * count)


def cosign(witnessing, log, *names):
    for name in names:
        follower = Follower(name, key_of(name), lambda: NOW)
        note = parse_note(witnessing.published.text)
        size = int(note.body.split("\n")[1])
        follower.follow(log.leaves()[:size], witnessing.published.text)
        witnessing.add(size, [follower.cosign().encode().rstrip("\n")])


# -- the sequencer ---------------------------------------------------------------------------------------------


def test_bundles_are_written_together_and_refused_apart(log):
    (first,), (second,) = tick(log, "ada"), tick(log, "bob")
    (forged,) = Voter("cyd", key_of("ada")).write(log.state, Tick())
    outcomes = log.submit_each([[first], [forged], [second], [first, second]])
    assert outcomes[0] == (1,)
    assert isinstance(outcomes[1], Malformed)
    assert outcomes[2:] == [(2,), (1, 2)]
    assert log.size == 3
    assert log.submit_each([[second], [first]]) == [(2,), (1,)]
    assert log.size == 3


def test_a_bundle_is_sequenced_whole_or_not_at_all(log):
    good, (bad,) = tick(log, "ada"), Voter("cyd", key_of("ada")).write(log.state, Tick())
    (outcome,) = log.submit_each([[*good, bad]])
    assert isinstance(outcome, HansaError)
    assert log.size == 1


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_tiles_are_those_of_the_whole_log_however_it_grew(size):
    hashes = [hash_leaf(str(number).encode()) for number in range(size)]
    tiles = Tiles()
    for start in range(0, size, 100):
        tiles.extend(hashes[start : start + 100])
    for path, content in hash_tiles(hashes):
        place = parse_tile_path(path)
        assert tiles.read(place.level, place.start, place.stop, size) == content
    with pytest.raises(Refused, match=r"tile\.unknown"):
        tiles.read(0, 0, size + 1, size)
    with pytest.raises(Refused, match=r"tile\.unknown"):
        tiles.read(0, 0, size, size - 1)


def test_a_bundle_of_entries_is_read_alone(log):
    log.submit(*tick(log, count=5))
    for path, content in entry_bundles(log.leaves()):
        assert log.reading.read_tile(parse_tile_path(path), 6) == content
    with pytest.raises(Refused, match=r"tile\.unknown"):
        log.reading.read_tile(parse_tile_path("tile/entries/000.p/6"), 5)


# -- checkpoints -----------------------------------------------------------------------------------------------


def test_readers_see_a_checkpoint_when_it_is_signed_final_and_whole(log):
    witnessing = Witnessing(log, 0)
    shown = [witnessing.published]
    assert (shown[0].size, shown[0].final_size) == (1, 0)
    cosign(witnessing, log, "ada", "bob")
    witnessing.advance(0)
    assert witnessing.published is shown[0]  # two of three make nothing final
    cosign(witnessing, log, "cyd")
    witnessing.advance(0)
    assert witnessing.published.final_size == 1
    assert len(parse_note(witnessing.published.text).signatures) == 4


def test_a_new_checkpoint_waits_until_the_one_before_is_final_but_not_for_ever(log):
    witnessing = Witnessing(log, 0)
    log.submit(*tick(log))
    assert witnessing.advance(1.9) == LONGEST_SECONDS
    assert witnessing.published.size == 1
    witnessing.advance(LONGEST_SECONDS)
    assert witnessing.published.size == 2
    cosign(witnessing, log, *NAMES)
    log.submit(*tick(log))
    assert witnessing.advance(LONGEST_SECONDS + 0.05) == LONGEST_SECONDS + SHORTEST_SECONDS
    witnessing.advance(LONGEST_SECONDS + SHORTEST_SECONDS)
    assert (witnessing.published.size, witnessing.published.final_size) == (3, 2)


@pytest.mark.parametrize(
    ("final_at", "shown"), [(0.25, 0.25), (1.5, MOST_SHOWN_SECONDS), (5.0, MOST_SHOWN_SECONDS)]
)
def test_a_final_checkpoint_is_seen_although_more_entries_wait(log, final_at, shown):
    witnessing = Witnessing(log, 0)
    log.submit(*tick(log))
    cosign(witnessing, log, *NAMES)
    due = witnessing.advance(final_at)
    assert due == pytest.approx(final_at + shown)
    assert (witnessing.published.size, witnessing.published.final_size) == (1, 1)
    witnessing.advance(due)
    assert (witnessing.published.size, witnessing.published.final_size) == (2, 1)


def test_a_late_cosignature_is_shown_a_little_later(tmp_path):
    names = ("ada", "bob", "cyd", "dan", "eve", "fay", "gil")  # five of seven make it final
    with LogStore.create(tmp_path / "seven.sqlite") as store:
        log = Sequencer(store, key_of("log"), lambda: NOW)
        log.submit(write_found(key_of("log"), names))
        witnessing = Witnessing(log, 0)
        cosign(witnessing, log, *names[:5])
        witnessing.advance(0)
        final = witnessing.published
        assert final.final_size == 1
        assert witnessing.advance(5) is None
        cosign(witnessing, log, "fay")
        assert witnessing.advance(5) == 5 + LATE_SECONDS
        assert witnessing.published is final
        witnessing.advance(5 + LATE_SECONDS)
        assert len(parse_note(witnessing.published.text).signatures) == 7
        cosign(witnessing, log, "gil")
        witnessing.advance(5 + LATE_SECONDS)  # all have cosigned: at once
        assert len(parse_note(witnessing.published.text).signatures) == 8


def test_a_hub_that_begins_again_knows_what_was_cosigned(log):
    witnessing = Witnessing(log, 0)
    cosign(witnessing, log, *NAMES)
    witnessing.advance(0)
    again = Witnessing(log, 0)
    assert again.published == witnessing.published


# -- the clerk -------------------------------------------------------------------------------------------------


@pytest.fixture
def clerk(tmp_path):
    LogStore.create(tmp_path / "clerk.sqlite").close()
    rung = []
    clerk = Clerk(
        lambda: LogStore.open(tmp_path / "clerk.sqlite"), key_of("log"), lambda: NOW, lambda: rung.append(1)
    )
    clerk.rung = rung
    yield clerk
    clerk.close()


def test_the_clerk_writes_and_tells(clerk):
    with pytest.raises(Refused, match=r"log\.empty"):
        _ = clerk.published
    assert clerk.submit([write_found(key_of("log"))]).result(10) == (0,)
    assert clerk.published.size == 1
    assert clerk.rung
    futures = [clerk.submit(tick(clerk, name)) for name in NAMES]
    assert sorted(number for future in futures for number in future.result(10)) == [1, 2, 3]
    with pytest.raises(Malformed):
        clerk.submit(Voter("ada", key_of("bob")).write(clerk.state, Tick())).result(10)
    with pytest.raises(Refused, match=r"checkpoint\.unknown"):
        clerk.cosign(77, ["x"]).result(10)
    assert clerk.root_at(1)


def test_a_log_that_failed_is_opened_again_and_nothing_is_lost(clerk, tmp_path):
    clerk.submit([write_found(key_of("log"))]).result(10)
    (entry,) = tick(clerk)
    clerk._store.close()  # as it does itself when the disk fails
    with pytest.raises(Unavailable):
        clerk.submit([entry]).result(10)
    assert not clerk.is_working
    assert clerk.published.size == 1  # readers go on
    deadline = time.monotonic() + 20
    while True:
        try:
            assert clerk.submit([entry]).result(10) == (1,)
            break
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert clerk.is_working


def test_whoever_asks_a_clerk_that_has_stopped_is_told(clerk):
    clerk.close()
    with pytest.raises(Unavailable, match="stopping"):
        clerk.submit([])


def test_a_clerk_whose_log_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(Unavailable, match="there is no log"):
        Clerk(lambda: LogStore.open(tmp_path / "no"), key_of("log"), lambda: NOW, lambda: None)
