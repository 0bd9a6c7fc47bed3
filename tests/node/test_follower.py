import pytest
from threelog import START, Clock, close_logs, found, key_of, note_of, tick

from hansa.coalition import Tick
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node import Follower, Voter, witness_name
from hansa.transparency import (
    COSIGNATURE,
    Checkpoint,
    NoteKey,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    root_of,
    sign_checkpoint,
    verify_cosignature,
)


@pytest.fixture(autouse=True)
def logs():
    yield
    close_logs()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, clock):
    return found(tmp_path / "log.sqlite", clock)


def refused(rule, call, *arguments):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments)
    assert caught.value.rule == rule


def test_a_follower_folds_and_its_cosignature_verifies(hub, clock):
    follower = Follower("bob", key_of("bob"), clock)
    note = hub.sign_checkpoint()
    follower.follow(hub.leaves(), note.encode())
    signed = note.add([follower.cosign()])
    witness = NoteKey(witness_name("three.example/log", "bob"), COSIGNATURE, key_of("bob").public)
    assert verify_cosignature(signed, witness) == START
    assert follower.state.digest == hub.state.digest


def test_a_fork_shown_to_two_members_is_refused_by_the_second_glance(hub, tmp_path, clock):
    other = found(tmp_path / "fork.sqlite", clock)
    tick(hub, "ada")
    tick(other, "cyd")
    follower = Follower("bob", key_of("bob"), clock)
    follower.follow(hub.leaves(), note_of(hub))
    tick(other, "cyd")
    refused("witness.fork", follower.follow, other.leaves(follower.size), note_of(other))
    assert follower.state.digest == hub.state.digest


def test_a_fork_is_refused_after_a_restart_too(hub, tmp_path, clock):
    other = found(tmp_path / "fork.sqlite", clock)
    tick(hub, "ada")
    tick(other, "cyd")
    Follower("bob", key_of("bob"), clock, tmp_path).follow(hub.leaves(), note_of(hub))
    again = Follower("bob", key_of("bob"), clock, tmp_path)
    refused("witness.fork", again.follow, other.leaves(), note_of(other))
    again.follow(hub.leaves(), note_of(hub))


def test_a_log_that_became_shorter_is_refused(hub, tmp_path, clock):
    shorter, short_note = hub.leaves(), note_of(hub)
    tick(hub, "ada")
    Follower("bob", key_of("bob"), clock, tmp_path).follow(hub.leaves(), note_of(hub))
    again = Follower("bob", key_of("bob"), clock, tmp_path)
    refused("witness.size", again.follow, shorter, short_note)


def test_a_checkpoint_must_cover_exactly_what_was_shown(hub, clock):
    note = note_of(hub)
    tick(hub, "ada")
    follower = Follower("bob", key_of("bob"), clock)
    refused("witness.size", follower.follow, hub.leaves(), note)
    refused("log.empty", lambda: follower.state)


def test_a_checkpoint_signed_by_another_key_is_refused(hub, clock):
    follower = Follower("bob", key_of("bob"), clock)
    head = parse_checkpoint(parse_note(note_of(hub)).body)
    forged = sign_checkpoint(head, key_of("mallory"), head.origin)
    refused("note.unsigned", follower.follow, hub.leaves(), forged.encode())


def test_an_entry_that_does_not_follow_is_not_cosigned_whatever_the_hub_signs(hub, tmp_path, clock):
    tick(hub, "ada")
    leaves = [hub.leaves()[0], hub.leaves()[1].replace(b'"at":"2023', b'"at":"2022')]
    root = root_of([hash_leaf(leaf) for leaf in leaves])
    note = sign_checkpoint(Checkpoint("three.example/log", 2, root), key_of("log"), "three.example/log")
    follower = Follower("bob", key_of("bob"), clock)
    refused("clock.backwards", follower.follow, leaves, note.encode())
    assert follower.size == 0


def test_an_entry_changed_on_the_way_is_noticed(hub, clock):
    tick(hub, "ada")
    leaves = [hub.leaves()[0], hub.leaves()[1].replace(b'"at":"2023', b'"at":"2024')]
    refused("witness.fork", Follower("bob", key_of("bob"), clock).follow, leaves, note_of(hub))


def test_a_witness_does_not_cosign_when_the_logs_clock_is_off_its_own(hub, clock):
    follower = Follower("bob", key_of("bob"), clock)
    follower.follow(hub.leaves(), note_of(hub))
    clock.now += 301
    refused("witness.clock", follower.cosign)
    clock.now -= 602
    refused("witness.clock", follower.cosign)
    clock.now += 301
    follower.cosign()


def test_a_stranger_follows_but_its_cosignature_would_count_for_nothing(hub, clock):
    follower = Follower("eve", key_of("eve"), clock)
    follower.follow(hub.leaves(), note_of(hub))
    refused("witness.member", follower.cosign)
    refused("author.unknown", Voter("eve", key_of("eve")).write, follower.state, Tick())


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 10_000,
        '{"root":"00","size":true}',
        '{"root":"00","size":1e400}',
        '{"root":"zz","size":1}',
    ],
)
def test_a_damaged_memory_stops_the_witness(tmp_path, clock, text):
    (tmp_path / "witness.json").write_text(text)
    refused("witness.memory", Follower, "bob", key_of("bob"), clock, tmp_path)


def test_what_cannot_be_remembered_is_not_followed(hub, tmp_path, clock):
    follower = Follower("bob", key_of("bob"), clock, tmp_path / "gone")
    with pytest.raises(Unavailable):
        follower.follow(hub.leaves(), note_of(hub))
    assert follower.size == 0


def test_a_clock_that_runs_ahead_of_the_members_own_is_not_followed(hub, clock):
    follower = Follower("bob", key_of("bob"), clock)
    clock.now += 5 * 86_400
    tick(hub, "ada")
    clock.now = START
    refused("witness.clock", follower.follow, hub.leaves(), note_of(hub))
    assert follower.size == 0


def test_a_checkpoint_is_final_with_enough_cosignatures_of_members(hub, clock):
    followers = [Follower(name, key_of(name), clock) for name in ("ada", "bob", "cyd")]
    note = hub.sign_checkpoint()
    for follower in followers:
        follower.follow(hub.leaves(), note.encode())
    few = note.add([follower.cosign() for follower in followers[:2]])
    refused("witness.not-final", followers[0].confirm, few.encode())
    assert followers[0].final_size == 0
    followers[0].confirm(few.add([followers[2].cosign()]).encode())
    assert followers[0].final_size == 1
    tick(hub, "ada")
    refused("witness.note", followers[0].confirm, hub.sign_checkpoint().encode())
