"""A hub is replaced while it goes on, and lies: what each member turns to, and what it never gives up."""

import pytest
from threelog import NAMES, START, Clock, close_logs, found, key_of, note_of, open_log, tick

from hansa.coalition import Tick, draft_handover
from hansa.errors import Malformed, Refused
from hansa.hub import Sequencer, take_over
from hansa.node import Follower
from hansa.transparency import parse_checkpoint, parse_note, sign_checkpoint

ADDRESS = "https://second.example:8443"


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


@pytest.fixture
def witnesses(hub, clock, tmp_path):
    """Three members that saw the founding final."""
    for name in NAMES:
        (tmp_path / name).mkdir()
    followers = {name: Follower(name, key_of(name), clock, tmp_path / name) for name in NAMES}
    settle(hub, followers)
    return followers


def settle(hub, followers):
    note = hub.sign_checkpoint()
    for follower in followers.values():
        follower.follow(hub.leaves(follower.size), note.encode())
    note = hub.keep(note, [follower.cosign() for follower in followers.values()])
    for follower in followers.values():
        follower.confirm(note.encode())


def refused(rule, call, *arguments, **options):
    with pytest.raises((Refused, Malformed)) as caught:
        call(*arguments, **options)
    assert caught.value.rule == rule


def draft(state, log_key="second log"):
    return draft_handover(
        state, author="ada", key=key_of("ada"), log_key=key_of(log_key).public, addresses=[ADDRESS]
    ).sign(key_of(log_key))


def succeed(tmp_path, hub, handover, clock, log_key="second log"):
    path = tmp_path / f"{log_key}.sqlite"
    take_over(path, hub.leaves(), handover, key_of(log_key), clock)
    return Sequencer(open_log(path), key_of(log_key), clock)


def sign_all(witnesses, handover):
    for follower in witnesses.values():
        handover = follower.sign_handover(handover)
    return handover


def test_members_go_on_with_the_new_hub_where_they_stood(tmp_path, hub, witnesses, clock):
    handover = sign_all(witnesses, draft(hub.state))
    second = succeed(tmp_path, hub, handover, clock)
    tick(second, "bob")
    settle(second, witnesses)
    assert {follower.final_size for follower in witnesses.values()} == {3}
    assert witnesses["bob"].state.tenures[-1].addresses == (ADDRESS,)


def test_the_old_hub_gets_no_cosignature_from_who_signed_restarts_included(tmp_path, hub, witnesses, clock):
    handover = draft(hub.state)
    witnesses["bob"].sign_handover(handover)
    tick(hub, "ada")
    for follower in (witnesses["bob"], Follower("bob", key_of("bob"), clock, tmp_path / "bob")):
        follower.follow(hub.leaves(follower.size), note_of(hub))
        refused("witness.pledged", follower.cosign)
    witnesses["cyd"].follow(hub.leaves(1), note_of(hub))
    witnesses["cyd"].cosign()


def test_a_lying_old_hub_that_goes_on_is_left_and_what_only_it_showed_is_gone(
    tmp_path, hub, witnesses, clock
):
    handover = sign_all(witnesses, draft(hub.state))
    tick(hub, "cyd")
    bob = witnesses["bob"]
    bob.follow(hub.leaves(bob.size), note_of(hub))
    second = succeed(tmp_path, hub, handover, clock)
    tick(second, "cyd")
    # By itself it does not turn away from what it has followed.
    refused("note.unsigned", bob.follow, second.leaves(bob.size), note_of(second))
    bob = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    bob.follow(second.leaves(), note_of(second))
    assert bob.state.digest == second.state.digest
    tick(hub, "cyd")
    refused("note.unsigned", bob.follow, hub.leaves(bob.size), note_of(hub))
    tick(second, "bob")
    again = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    refused("witness.fork", again.follow, hub.leaves(), note_of(hub))
    settle(second, witnesses | {"bob": again})


def test_nothing_that_a_member_saw_final_is_dropped_whoever_signs(tmp_path, hub, witnesses, clock):
    early = hub.state
    tick(hub, "cyd")
    settle(hub, witnesses)
    handover = draft(early).sign(key_of("bob")).sign(key_of("cyd"))
    refused("handover.view", witnesses["bob"].sign_handover, draft(early))
    second = succeed(tmp_path, hub, handover, clock)
    bob = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    refused("witness.final", bob.follow, second.leaves(), note_of(second))
    tick(second, "ada")
    refused("witness.final", bob.follow, second.leaves(), note_of(second))
    bob.follow(hub.leaves(), note_of(hub))


def test_what_a_member_has_cosigned_is_not_dropped_though_it_never_saw_it_final(
    tmp_path, hub, witnesses, clock
):
    """The hub keeps to itself that enough members have cosigned: some other member may have been shown it."""
    early = hub.state
    tick(hub, "cyd")
    for name in ("bob", "cyd"):
        witnesses[name].follow(hub.leaves(witnesses[name].size), note_of(hub))
        witnesses[name].cosign()
    refused("handover.cosigned", witnesses["bob"].sign_handover, draft(early))
    again = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    again.follow(hub.leaves(), note_of(hub))
    refused("handover.cosigned", again.sign_handover, draft(early))
    assert again.sign_handover(draft(hub.state)).signatures
    # Who signs cosigns nothing more, so what comes later may be dropped; and people may decide so.
    later = hub.state
    tick(hub, "ada")
    again.follow(hub.leaves(again.size), note_of(hub))
    assert again.sign_handover(draft(later)).signatures
    assert witnesses["cyd"].sign_handover(draft(early), drop=True).signatures


def test_a_fork_by_the_logs_own_key_is_no_handover(tmp_path, hub, witnesses, clock):
    fork = found(tmp_path / "fork.sqlite", clock)
    tick(hub, "ada")
    tick(fork, "cyd")
    witnesses["bob"].follow(hub.leaves(1), note_of(hub))
    again = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    refused("witness.fork", again.follow, fork.leaves(), note_of(fork))


def test_a_new_hub_does_not_fork_its_own_log_under_the_cover_of_its_handover(tmp_path, hub, witnesses, clock):
    handover = sign_all(witnesses, draft(hub.state))
    second = succeed(tmp_path, hub, handover, clock)
    tick(second, "ada")
    witnesses["bob"].follow(second.leaves(1), note_of(second))
    clock.now += 1
    (tmp_path / "again").mkdir()
    fork = succeed(tmp_path / "again", hub, handover, clock)
    again = Follower("bob", key_of("bob"), clock, tmp_path / "bob")
    refused("witness.size", again.follow, fork.leaves(), note_of(fork))
    tick(fork, "cyd")
    refused("witness.fork", again.follow, fork.leaves(), note_of(fork))


def test_the_old_key_signs_nothing_after_a_handover(tmp_path, hub, witnesses, clock):
    handover = sign_all(witnesses, draft(hub.state))
    second = succeed(tmp_path, hub, handover, clock)
    head = parse_checkpoint(parse_note(note_of(second)).body)
    forged = sign_checkpoint(head, key_of("log"), head.origin).encode()
    refused("witness.log-key", witnesses["bob"].follow, second.leaves(1), forged)
    hub.submit(handover)
    refused("log.key", hub.sign_checkpoint)


def test_a_handover_signed_by_too_few_makes_no_hub(tmp_path, hub, witnesses, clock):
    handover = witnesses["bob"].sign_handover(draft(hub.state))
    refused("handover.signers", succeed, tmp_path, hub, handover, clock)
    assert not (tmp_path / "second log.sqlite").exists()
    refused("handover.signers", witnesses["cyd"].verify_handover, handover)


def test_a_new_hub_needs_its_own_key_and_a_mirror_that_reaches_so_far(tmp_path, hub, witnesses, clock):
    tick(hub, "ada")
    settle(hub, witnesses)
    handover = sign_all(witnesses, draft(hub.state))
    assert witnesses["cyd"].verify_handover(handover).addresses == [ADDRESS]
    path = tmp_path / "new.sqlite"
    refused("handover.log-key", take_over, path, hub.leaves(), handover, key_of("other"), clock)
    refused("handover.mirror", take_over, path, hub.leaves()[:1], handover, key_of("second log"), clock)
    take_over(path, hub.leaves(), handover, key_of("second log"), clock)
    refused("log.exists", take_over, path, hub.leaves(), handover, key_of("second log"), clock)
    assert open_log(path).size == 3


def test_a_member_signs_one_handover_of_what_it_has_seen(tmp_path, hub, witnesses, clock):
    bob = witnesses["bob"]
    other = found(tmp_path / "other.sqlite", clock)
    tick(other, "ada")
    refused("handover.view", bob.sign_handover, draft(other.state))
    tick(hub, "cyd")
    bob.follow(hub.leaves(bob.size), note_of(hub))
    refused("handover.view", bob.sign_handover, draft(other.state))
    bob.sign_handover(draft(hub.state))
    assert bob.sign_handover(draft(hub.state)).signatures
    refused("handover.pledged", bob.sign_handover, draft(hub.state, "third log"))
    bob.sign_handover(draft(hub.state, "third log"), instead=True)
    refused("handover.kind", bob.sign_handover, _tick_of(hub))
    stranger = Follower("eve", key_of("eve"), clock)
    stranger.follow(hub.leaves(), note_of(hub))
    refused("witness.member", stranger.sign_handover, draft(hub.state))


def _tick_of(hub):
    from hansa.node import Voter

    return Voter("ada", key_of("ada")).write(hub.state, Tick())[0]


def test_the_clock_of_a_new_hub_is_held_against_the_members_own(tmp_path, hub, witnesses, clock):
    handover = sign_all(witnesses, draft(hub.state))
    clock.now += 400
    second = succeed(tmp_path, hub, handover, clock)
    clock.now = START
    refused("witness.clock", witnesses["bob"].follow, second.leaves(1), note_of(second))
