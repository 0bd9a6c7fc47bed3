import pytest
from threelog import START, Clock, close_logs, found, key_of, open_log, tick

from hansa.coalition import Tick
from hansa.errors import Malformed, Refused
from hansa.hub import Sequencer
from hansa.node import Follower, Voter
from hansa.store import read_tree


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
    again = Sequencer(open_log(tmp_path / "log.sqlite"), key_of("log"), clock)
    assert again.state.digest == before
    tick(again, "ada")


def test_an_empty_log_has_no_state_and_nothing_to_publish(tmp_path, clock):
    empty = Sequencer(open_log(tmp_path / "empty.sqlite"), key_of("log"), clock)
    refused("log.empty", lambda: empty.state)
    refused("log.empty", empty.publish, tmp_path / "log")


def test_nothing_is_signed_twice_and_cosignatures_are_kept_once(hub, clock):
    follower = Follower("bob", key_of("bob"), clock)
    note = hub.sign_checkpoint()
    follower.follow(hub.leaves(), note.encode())
    whole = hub.keep(note, [follower.cosign()])
    clock.now += 10
    assert hub.sign_checkpoint() == whole
    assert hub.keep(hub.sign_checkpoint(), [follower.cosign()]) == whole
    tick(hub, "ada")
    assert hub.sign_checkpoint().body != whole.body


def test_what_is_published_is_the_log(hub, tmp_path):
    tick(hub, "ada")
    note = hub.sign_checkpoint()
    hub.publish(tmp_path / "log")
    tree = read_tree(tmp_path / "log")
    assert tree.leaves == hub.leaves()
    assert tree.note_text == note.encode()
