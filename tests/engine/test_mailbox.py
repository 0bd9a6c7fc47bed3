import threading
from hashlib import sha256

import pytest

from hansa.engine import Letter, Mailbox
from hansa.errors import Refused, Unavailable

NAMES = ("ada", "bob")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mailbox(clock):
    return Mailbox(NAMES, turn_seconds=10, absent_seconds=3, notify=lambda: None, clock=clock)


def letter(data):
    return Letter(sha256(data).digest(), data)


def refused(rule, call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.rule == rule


def test_messages_are_fetched_and_answers_come_as_they_arrive(mailbox):
    turn = mailbox.turn({"ada": b"one", "bob": b"two"})
    assert (mailbox.fetch("ada", 1), mailbox.fetch("bob", 1)) == (b"one", b"two")
    mailbox.bring("bob", 1, letter(b"from bob"))
    arriving = iter(turn.answers)
    assert next(arriving) == "bob"
    assert turn.answers["bob"] == b"from bob"
    late = threading.Timer(0.05, mailbox.bring, ("ada", 1, letter(b"from ada")))
    late.start()
    assert list(arriving) == ["ada"]
    late.join()
    assert dict(turn.answers) == {"ada": b"from ada", "bob": b"from bob"}
    assert turn.failures == {}
    assert (mailbox.fetch("ada", 2), mailbox.present_turn("ada")) == (None, 2)


def test_a_member_is_given_up_when_it_is_not_heard_of_and_when_it_takes_too_long(mailbox, clock):
    turn = mailbox.turn({"ada": b"one", "bob": b"one"})
    clock.now = 10
    assert list(turn.answers) == []
    assert {name: str(why) for name, why in turn.failures.items()} == {
        "ada": "`ada` has not answered in time",
        "bob": "`bob` has not answered in time",
    }


def test_who_calls_is_waited_for_longer_than_who_does_not(mailbox, clock):
    turn = mailbox.turn({"ada": b"one", "bob": b"one"})
    clock.now = 4
    with mailbox.attended("bob"):
        threading.Timer(0.05, mailbox.bring, ("bob", 1, letter(b"here"))).start()
        assert list(turn.answers) == ["bob"]
    assert str(turn.failures["ada"]) == "`ada` has not been heard of"


def test_an_answer_is_the_one_that_came_first(mailbox):
    turn = mailbox.turn({"ada": b"one"})
    mailbox.bring("ada", 1, letter(b"first"))
    mailbox.bring("ada", 1, letter(b"first"))
    refused("turn.answered", mailbox.bring, "ada", 1, letter(b"second"))
    refused("turn.answered", mailbox.verify_open, "ada", 1, sha256(b"second").digest())
    refused("turn.answered", mailbox.fetch, "ada", 1)
    assert dict(turn.answers) == {"ada": b"first"}


def test_turns_come_in_order_and_to_those_who_take_part(mailbox):
    mailbox.turn({"ada": b"one"})
    refused("turn.order", mailbox.fetch, "ada", 3)
    refused("turn.order", mailbox.bring, "ada", 2, letter(b"early"))
    refused("turn.order", mailbox.fetch, "bob", 2)
    refused("run.cohort", mailbox.fetch, "eve", 1)
    refused("run.cohort", mailbox.bring, "eve", 1, letter(b"x"))
    with pytest.raises(ValueError, match="nobody here"):
        mailbox.turn({"eve": b"one"})


def test_who_was_given_up_hears_so_when_it_answers_after_all(mailbox, clock):
    turn = mailbox.turn({"ada": b"one"})
    clock.now = 20
    assert list(turn.answers) == []
    mailbox.tell({"ada": b"stop"})
    mailbox.bring("ada", 1, letter(b"late"))
    assert mailbox.fetch("ada", 2) == b"stop"
    mailbox.bring("ada", 2, letter(b"stopped"))
    refused("run.over", mailbox.fetch, "ada", 3)


def test_a_closed_mailbox_tells_whoever_waits_and_still_brings_last_words(mailbox):
    turn = mailbox.turn({"ada": b"one"})
    mailbox.tell({"bob": b"stop"})
    closing = threading.Timer(0.05, mailbox.close, ("the hub is stopping",))
    closing.start()
    with pytest.raises(Unavailable, match="the hub is stopping"):
        list(turn.answers)
    closing.join()
    refused("run.over", mailbox.fetch, "ada", 1)
    refused("run.over", mailbox.bring, "ada", 1, letter(b"late"))
    assert mailbox.fetch("bob", 1) == b"stop"
    mailbox.bring("bob", 1, letter(b"stopped"))
    with pytest.raises(Unavailable):
        mailbox.turn({"ada": b"two"})
    mailbox.tell({"ada": b"stop"})  # nobody hears it, and that is all right


def test_an_answer_in_a_file_is_read_when_it_is_looked_up_and_removed_afterwards(mailbox, tmp_path):
    paths = [tmp_path / "first", tmp_path / "again", tmp_path / "second"]
    for path in paths:
        path.write_bytes(b"large")
    turn = mailbox.turn({"ada": b"one"})
    mailbox.bring("ada", 1, Letter(sha256(b"large").digest(), path=paths[0]))
    mailbox.bring("ada", 1, Letter(sha256(b"large").digest(), path=paths[1]))
    assert not paths[1].exists()
    assert dict(turn.answers) == {"ada": b"large"}
    mailbox.turn({"ada": b"two"})
    assert not paths[0].exists()
    mailbox.bring("ada", 2, Letter(sha256(b"large").digest(), path=paths[2]))
    mailbox.close("done")
    assert not paths[2].exists()
