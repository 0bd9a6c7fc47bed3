import doctest
from hashlib import shake_256

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import hansa.engine
from hansa.engine import LocalEngine, Traffic
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.secagg import Aggregator, Contributor, Party, Session


def refuse(message: bytes) -> bytes:
    raise Refused("permit.braked", f"not now, to {len(message)} bytes")


def test_the_front_page_runs():
    assert doctest.testmod(hansa.engine).failed == 0


def test_bytes_go_to_each_contributor_and_come_back():
    engine = LocalEngine({"alder": lambda message: message + b"!", "birch": lambda message: message * 2})
    turn = engine.turn({"alder": b"one", "birch": b"two"})
    assert turn.answers == {"alder": b"one!", "birch": b"twotwo"}
    assert turn.failures == {}


def test_only_those_named_are_asked():
    asked = []
    engine = LocalEngine(
        {"alder": lambda message: asked.append("alder") or b"", "birch": lambda message: b""}
    )
    assert set(engine.turn({"birch": b"two"}).answers) == {"birch"}
    assert asked == []
    assert engine.turn({}).answers == {}


@pytest.mark.parametrize(
    "failure", [Refused("permit.braked", "not now"), Malformed("secagg.form", "cut off"), Unavailable("gone")]
)
def test_one_members_expected_failure_is_its_own(failure):
    def fail(message: bytes) -> bytes:
        raise failure

    turn = LocalEngine({"alder": fail, "birch": bytes.upper}).turn({"alder": b"one", "birch": b"two"})
    assert turn.answers == {"birch": b"TWO"}
    assert turn.failures == {"alder": failure}
    assert isinstance(turn.failures["alder"], HansaError)


def test_a_defect_is_not_taken_for_a_refusal():
    def break_down(message: bytes) -> bytes:
        return message[1000].to_bytes(1, "big")

    with pytest.raises(IndexError):
        LocalEngine({"alder": break_down}).turn({"alder": b"one"})


def test_a_message_to_nobody_is_misuse_and_nobody_is_asked():
    asked = []
    engine = LocalEngine({"alder": lambda message: asked.append(message) or b""})
    with pytest.raises(ValueError, match="`zelkova`"):
        engine.turn({"alder": b"one", "zelkova": b"two"})
    assert asked == []
    assert engine.traffic["alder"] == Traffic()


def test_traffic_is_counted_in_both_directions_and_failures_send_nothing():
    engine = LocalEngine({"alder": lambda message: message * 3, "birch": refuse})
    assert engine.traffic == {"alder": Traffic(), "birch": Traffic()}
    engine.turn({"alder": b"12", "birch": b"1234"})
    engine.turn({"alder": b"1"})
    assert engine.traffic == {
        "alder": Traffic(bytes_down=3, bytes_up=9),
        "birch": Traffic(bytes_down=4, bytes_up=0),
    }


def test_what_an_engine_shows_cannot_be_written():
    engine = LocalEngine({"alder": bytes.upper})
    turn = engine.turn({"alder": b"one"})
    for view in (engine.traffic, turn.answers, turn.failures):
        with pytest.raises(TypeError):
            view["alder"] = b"other"


def test_later_changes_of_the_mapping_change_nothing():
    contributors = {"alder": bytes.upper}
    engine = LocalEngine(contributors)
    contributors.clear()
    assert engine.turn({"alder": b"one"}).answers == {"alder": b"ONE"}


# --- a secure sum over the engine --------------------------------------------------------------------


class Member:
    """A contributor behind one entrance: an empty message starts it."""

    def __init__(self, session, name, key, patience):
        self.machine = Contributor(session, name, sign=key.sign, draw=shake_256(name.encode()).digest)
        self.machine.contribute(np.array([len(name)]))
        self.patience = patience

    def __call__(self, message: bytes) -> bytes:
        if self.patience == 0:
            raise Unavailable("the power went out")
        self.patience -= 1
        return self.machine.receive(message) if message else self.machine.start()


def carry_sum(patience):
    """Carry a sum over members of whom one answers so many times."""
    keys = {
        name: Ed25519PrivateKey.from_private_bytes(name.encode() * 4)
        for name in ("alderalt", "birchelf", "cedaroak")
    }
    session = Session(
        coalition=bytes(32),
        run=bytes(32),
        round=0,
        attempt=0,
        cohort=tuple(Party(name, key.public_key().public_bytes_raw()) for name, key in keys.items()),
        threshold=3,
        minimum_cohort=3,
        length=1,
        question=bytes(32),
    )
    members = {
        name: Member(session, name, key, -1 if name != "birchelf" else patience) for name, key in keys.items()
    }
    engine = LocalEngine(members)
    hub = Aggregator(session, draw=shake_256(b"hub").digest)
    messages = dict.fromkeys(members, b"")
    while messages:
        for name, answer in engine.turn(messages).answers.items():
            hub.receive(name, answer)
        messages = hub.broadcast()
    return hub.total.tolist(), engine


def test_a_secure_sum_is_carried_and_counted():
    total, engine = carry_sum(patience=-1)
    assert total == [24]
    assert engine.traffic["alderalt"] == engine.traffic["cedaroak"] == Traffic(bytes_down=1484, bytes_up=896)


@pytest.mark.parametrize("patience", range(5))
def test_a_member_that_goes_away_in_the_middle_is_named_and_there_is_no_total(patience):
    with pytest.raises(Refused, match="`birchelf`") as excinfo:
        carry_sum(patience)
    assert excinfo.value.rule == "secagg.dropout"
