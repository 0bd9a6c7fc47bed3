from hashlib import sha256

import pytest

from hansa.coalition import ZERO_DIGEST, Found, LogKey, Tick, make_entry
from hansa.errors import Malformed, Refused
from hansa.governance import Member, load_charter
from hansa.hub import Sequencer
from hansa.node import Follower, Voter, witness_name
from hansa.store import LogStore
from hansa.transparency import (
    COSIGNATURE,
    Checkpoint,
    NoteKey,
    SigningKey,
    hash_leaf,
    root_of,
    sign_checkpoint,
    verify_cosignature,
)

CHARTER = """
version: 1
name: Three
origin: three.example/log
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
clock: {tolerance: 5m}
"""
NAMES = ("ada", "bob", "cyd")
START = 1_700_000_000


def key_of(name):
    return SigningKey.from_seed(sha256(name.encode()).digest())


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def found(path, clock):
    members = [
        Member(
            id=n, name=n, member_class="bank", country="NL", voting_weight=1, key=key_of(n).public.encode()
        )
        for n in NAMES
    ]
    body = Found(
        charter=load_charter(CHARTER, "charter.yaml").to_json(),
        log=LogKey(key=key_of("log").public.encode()),
        members=[member.to_json() for member in members],
    )
    LogStore.create(path).close()
    hub = Sequencer(LogStore.open(path), key_of("log"), clock)
    hub.submit(
        make_entry(
            body,
            coalition=ZERO_DIGEST,
            author="ada",
            seq=0,
            prev=ZERO_DIGEST,
            keys=tuple(map(key_of, NAMES)),
        )
    )
    return hub


@pytest.fixture
def hub(tmp_path, clock):
    return found(tmp_path / "log.sqlite", clock)


def tick(hub, name):
    hub.submit(*Voter(name, key_of(name)).write(hub.state, Tick()))


def note_of(hub):
    return hub.sign_checkpoint().encode()


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


def test_a_checkpoint_signed_by_another_key_is_refused(hub, tmp_path, clock):
    follower = Follower("bob", key_of("bob"), clock)
    impostor = Sequencer(_copy(hub, tmp_path), key_of("mallory"), clock)
    refused("note.unsigned", follower.follow, hub.leaves(), impostor.sign_checkpoint().encode())


def _copy(hub, tmp_path):
    LogStore.create(tmp_path / "copy.sqlite").close()
    store = LogStore.open(tmp_path / "copy.sqlite")
    store.append(hub.leaves())
    return store


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


def test_a_damaged_memory_stops_the_witness(tmp_path, clock):
    (tmp_path / "witness.json").write_text("{")
    refused("witness.memory", Follower, "bob", key_of("bob"), clock, tmp_path)


def test_the_sequencer_refuses_what_the_fold_refuses_and_writes_nothing(hub, clock):
    (first,) = Voter("ada", key_of("ada")).write(hub.state, Tick())
    good, bad = first, Voter("bob", key_of("cyd")).write(hub.state, Tick())[0]
    refused("envelope.signer-unknown", hub.submit, good, bad)
    assert len(hub.leaves()) == 1
    hub.submit(good)
    refused("chain.seq", hub.submit, good)


def test_the_sequencers_clock_never_runs_back(hub, clock):
    clock.now -= 1_000
    tick(hub, "ada")
    assert hub.state.at == START


def test_the_sequencer_opens_again_where_it_was(hub, tmp_path, clock):
    tick(hub, "ada")
    before = hub.state.digest
    hub._store.close()
    again = Sequencer(LogStore.open(tmp_path / "log.sqlite"), key_of("log"), clock)
    assert again.state.digest == before
    tick(again, "ada")
