import os
import signal
import threading
from pathlib import Path

import pytest
from threelog import CHARTER, START, Clock, close_logs, found, key_of, note_of, tick

from hansa.coalition import Ballot, Propose, Tick
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import load_charter
from hansa.node import Follower, Voter
from hansa.node import outbox as outboxes
from hansa.node.keyring import Keyring
from hansa.node.outbox import Outbox

AMENDED = load_charter(CHARTER.replace("version: 1", "version: 2"), "charter.yaml")
PROPOSE = Propose(title="Go on", reason="", effect={"effect": "amend", "charter": AMENDED.to_json()})


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


def keyring_of(name):
    return Keyring(Path("key"), key_of(name))


class Bob:
    """One member's follower and outbox over one folder; made anew it is the same member after a crash."""

    def __init__(self, hub, clock, folder):
        self.hub = hub
        self.follower = Follower("bob", key_of("bob"), clock)
        self.follow()
        self.outbox = Outbox("bob", keyring_of("bob"), lambda: self.follower.state, clock, folder)

    def follow(self):
        self.follower.follow(self.hub.leaves(self.follower.size), note_of(self.hub))

    def send(self):
        self.hub.submit(*(waiting.envelope for waiting in self.outbox.waiting))

    def settle(self):
        self.follow()
        return self.outbox.settle(self.follower.state)


@pytest.fixture
def house(tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    return folder


@pytest.fixture
def bob(hub, clock, house):
    return Bob(hub, clock, house)


def files_of(house):
    return sorted(path.name for path in (house / "outbox").glob("*"))


def test_what_is_signed_is_on_the_disk_until_the_own_fold_has_it(bob, house):
    bob.outbox.write(Tick())
    assert files_of(house) == ["000000000.json"]
    bob.send()
    assert files_of(house) == ["000000000.json"]
    (seen,) = bob.settle()
    assert seen.entry.kind == "tick"
    assert files_of(house) == []


def test_entries_written_before_the_first_is_seen_continue_one_another(bob):
    bob.outbox.write(Tick(), Tick())
    bob.outbox.write(Tick())
    assert [waiting.entry.seq for waiting in bob.outbox.waiting] == [0, 1, 2]
    bob.send()
    assert len(bob.settle()) == 3
    assert bob.follower.state.members["bob"].next_seq == 3


def test_two_who_write_at_the_same_time_never_sign_one_place_twice(bob):
    threads = [threading.Thread(target=bob.outbox.write, args=(Tick(),)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bob.send()
    assert len(bob.settle()) == 20


def test_the_chain_goes_on_while_what_the_fold_has_is_not_yet_removed(bob):
    """The watch has folded an entry, and whoever speaks next is quicker than the courier."""
    bob.outbox.write(Tick())
    bob.send()
    (pending,) = bob.outbox.write(Tick())
    bob.follow()
    assert len(bob.outbox.waiting) == 2
    (written,) = bob.outbox.write(Tick())
    assert [waiting.entry.seq for waiting in bob.outbox.waiting] == [0, 1, 2]
    bob.hub.submit(pending, written)
    assert len(bob.settle()) == 3


def test_after_a_crash_the_same_bytes_are_sent_and_the_chain_goes_on(bob, hub, clock, house):
    (before,) = bob.outbox.write(Tick())
    again = Bob(hub, clock, house)
    (after,) = again.outbox.write(Tick())
    first, second = again.outbox.waiting
    assert (first.envelope, second.envelope) == (before, after)
    assert second.entry.prev == before.id
    again.send()
    assert len(again.settle()) == 2


def test_after_a_crash_what_the_log_took_meanwhile_is_not_said_again(bob, hub, clock, house):
    bob.outbox.write(Tick())
    bob.send()
    again = Bob(hub, clock, house)
    assert len(again.settle()) == 1
    (envelope,) = again.outbox.write(Tick())
    assert again.outbox.waiting[0].entry.seq == 1
    hub.submit(envelope)


def test_what_the_own_fold_refuses_is_never_signed_for_the_log(bob, house):
    with pytest.raises(Refused) as caught:
        bob.outbox.write(Tick(), Ballot(proposal="0" * 64, choice="yes", reason=""))
    assert caught.value.rule == "proposal.unknown"
    assert bob.outbox.waiting == ()
    assert not (house / "outbox").exists()


def test_nothing_is_given_up_that_the_fold_would_take(bob, house):
    bob.outbox.write(Tick())
    assert bob.outbox.give_up(bob.follower.state) is None
    assert files_of(house) == ["000000000.json"]


def test_what_the_fold_will_not_take_any_more_is_given_up_with_all_that_follows(bob, hub, clock, house):
    ada = Outbox("ada", keyring_of("ada"), lambda: hub.state, clock, house.parent)
    (proposal,) = ada.write(PROPOSE)
    hub.submit(proposal)
    bob.follow()
    bob.outbox.write(Ballot(proposal=proposal.id, choice="yes", reason=""))
    clock.now += 4 * 24 * 3600
    with pytest.raises(Unavailable, match="signed before"):
        bob.outbox.write(Tick())
    tick(hub, "cyd")
    bob.follow()
    refusal = bob.outbox.give_up(bob.follower.state)
    assert refusal.rule.startswith("ballot.") or refusal.rule.startswith("proposal.")
    assert bob.outbox.waiting == ()
    assert files_of(house) == []
    bob.outbox.write(Tick())
    bob.send()


def test_a_key_in_use_elsewhere_is_noticed_and_nothing_is_lost_silently(bob, hub, house):
    bob.outbox.write(Tick(), Tick())
    hub.submit(*Voter("bob", key_of("bob")).write(hub.state, PROPOSE))
    with pytest.raises(Refused) as caught:
        bob.settle()
    assert caught.value.rule == "outbox.elsewhere"
    assert bob.outbox.waiting == ()
    bob.outbox.write(Tick())
    bob.send()


def test_a_fold_that_is_behind_removes_nothing(bob, hub, clock, house):
    bob.outbox.write(Tick())
    bob.send()
    bob.settle()
    (envelope,) = bob.outbox.write(Tick())
    behind = Bob.__new__(Bob)
    behind.follower = Follower("bob", key_of("bob"), clock)
    behind.follower.follow(hub.leaves()[:1], _older_note(hub))
    outbox = Outbox("bob", keyring_of("bob"), lambda: behind.follower.state, clock, house)
    assert outbox.settle(behind.follower.state) == ()
    assert outbox.waiting[0].envelope == envelope


def _older_note(hub):
    from hansa.transparency import Checkpoint, sign_checkpoint

    origin = hub.state.charter.origin
    return sign_checkpoint(Checkpoint(origin, 1, hub.root_at(1)), key_of("log"), origin).encode()


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff"])
def test_a_damaged_outbox_is_called_so(bob, hub, clock, house, damage):
    bob.outbox.write(Tick())
    (house / "outbox" / "000000000.json").write_bytes(damage)
    with pytest.raises(Malformed) as caught:
        Bob(hub, clock, house)
    assert caught.value.rule == "outbox.form"


def test_a_gap_in_the_outbox_is_damage(bob, hub, clock, house):
    bob.outbox.write(Tick(), Tick(), Tick())
    (house / "outbox" / "000000001.json").unlink()
    with pytest.raises(Malformed, match="continue"):
        Bob(hub, clock, house)


@pytest.mark.parametrize("moment", ["before", "amid", "after"])
def test_killed_while_signing_nothing_is_signed_twice(bob, hub, clock, house, moment):
    """A child is really killed; whatever left it before is what the member says afterwards."""
    left = house.parent / "left"
    child = os.fork()
    if child == 0:
        _die(moment)
        envelopes = bob.outbox.write(Tick())
        left.write_text(envelopes[0].id)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    again = Bob(hub, clock, house)
    assert not left.exists()
    assert len(again.outbox.waiting) == (moment == "after")
    kept = again.outbox.waiting
    clock.now = (
        START + 5
    )  # another time, so that a second signature would be over other bytes if any were made
    again.outbox.write(Tick())
    assert again.outbox.waiting[: len(kept)] == kept
    again.send()
    again.settle()
    assert again.follower.state.members["bob"].next_seq == 1 + len(kept)


def _die(moment):
    real = outboxes.write_atomically

    def write(path, data):
        if moment == "amid":
            path.with_name(f".{path.name}.unfinished").write_bytes(data[:40])
        elif moment == "after":
            real(path, data)
        os.kill(os.getpid(), signal.SIGKILL)

    outboxes.write_atomically = write
