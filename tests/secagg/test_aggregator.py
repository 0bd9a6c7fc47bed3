"""What the hub checks, names and adds."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from hansa.errors import HansaError, Malformed, Refused
from hansa.secagg import Aggregator, Kind
from hansa.secagg.field import PRIME, encode_element
from hansa.secagg.message import RevealedShare, Secret, parse_reveal, parse_shares
from hansa.secagg.statement import Advert, Masked, parse_advert, parse_consent, parse_masked

UPWARD = (Kind.ADVERT, Kind.SHARES, Kind.MASKED, Kind.CONSENT, Kind.REVEAL)


def refuses(hub, member, message, rule):
    """Assert that the hub refuses by name, names the member, and has not changed."""
    before = state_of(hub)
    with pytest.raises(HansaError, match=f"`{member}`") as excinfo:
        hub.receive(member, message)
    assert excinfo.value.rule == rule
    assert state_of(hub) == before
    return True


def state_of(hub):
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        for name, value in vars(hub).items()
        if name != "_witness"  # what was signed and refused is remembered, see test_evidence
    }


def has_ended(hub):
    assert hub.turn is None
    assert hub.missing == ()
    for attempt in (lambda: hub.receive("alder", b""), hub.broadcast):
        with pytest.raises(Malformed) as excinfo:
            attempt()
        assert excinfo.value.rule == "secagg.ended"
    with pytest.raises(RuntimeError):
        _ = hub.total
    return True


@pytest.fixture
def at(start_sum):
    def go(kind, **changes):
        return start_sum(**changes).run(until=kind)

    return go


def test_the_turns_are_the_documented_ones(start_sum):
    sum_ = start_sum()
    kinds = [sum_.hub.turn]
    while sum_.waiting:
        sum_.step()
        if sum_.hub.turn is not kinds[-1]:
            kinds.append(sum_.hub.turn)
    assert kinds == [*UPWARD, None]


def test_the_hub_says_who_is_missing(start_sum):
    sum_ = start_sum()
    assert sum_.hub.missing == ("alder", "birch", "cedar")
    sum_.hub.receive("birch", sum_.waiting["birch"])
    assert sum_.hub.missing == ("alder", "cedar")


@pytest.mark.parametrize("kind", UPWARD)
@pytest.mark.parametrize("gone", [("birch",), ("alder", "cedar"), ("alder", "birch", "cedar")])
def test_a_member_that_vanishes_at_any_move_ends_the_sum_and_is_named(at, kind, gone):
    sum_ = at(kind)
    for name, message in sum_.waiting.items():
        if name not in gone:
            sum_.hub.receive(name, message)
    assert sum_.hub.missing == gone
    with pytest.raises(Refused) as excinfo:
        sum_.hub.broadcast()
    assert excinfo.value.rule == "secagg.dropout"
    assert excinfo.value.reasons == tuple(f"`{name}` sent no message `{kind.label}`" for name in gone)
    assert has_ended(sum_.hub)


@pytest.mark.parametrize("kind", UPWARD)
def test_a_second_message_in_a_turn_is_refused(at, kind):
    sum_ = at(kind)
    sum_.hub.receive("birch", sum_.waiting["birch"])
    assert refuses(sum_.hub, "birch", sum_.waiting["birch"], "secagg.duplicate")


@pytest.mark.parametrize(("due", "sent"), list(permutations(UPWARD, 2)))
def test_late_and_early_messages_are_refused(start_sum, due, sent):
    message = start_sum().run().seen[sent - 1]["birch"]
    assert refuses(start_sum().run(until=due).hub, "birch", message, "secagg.turn")


@pytest.mark.parametrize("kind", UPWARD)
@pytest.mark.parametrize(
    "changes", [{"round": 5}, {"run": b"R" * 32}, {"attempt": 1}, {"question": b"Q" * 32}]
)
def test_messages_of_another_sum_are_refused(at, kind, changes):
    message = at(kind, **changes).waiting["birch"]
    assert refuses(at(kind).hub, "birch", message, "secagg.session")


@pytest.mark.parametrize("kind", UPWARD)
def test_one_members_message_does_not_pass_for_anothers(at, kind):
    sum_ = at(kind)
    assert refuses(sum_.hub, "birch", sum_.waiting["cedar"], "secagg.sender")


@pytest.mark.parametrize("kind", UPWARD)
def test_an_outsider_is_refused(at, kind):
    sum_ = at(kind)
    assert refuses(sum_.hub, "zelkova", sum_.waiting["birch"], "secagg.unknown-member")


@pytest.mark.parametrize("kind", UPWARD)
def test_a_message_that_is_cut_off_is_refused(at, kind):
    sum_ = at(kind)
    assert refuses(sum_.hub, "birch", sum_.waiting["birch"][:-1], "secagg.form")


def test_an_advert_that_its_member_did_not_sign_is_refused(at, key_of):
    sum_ = at(Kind.ADVERT)
    advert = parse_advert(sum_.waiting["birch"])
    forged = replace(advert, signature=key_of("cedar").sign(advert.statement.signed_bytes))
    assert refuses(sum_.hub, "birch", forged.encode(), "secagg.signature")


@pytest.mark.parametrize(
    "change",
    [
        lambda boxes: boxes[:1],
        lambda boxes: (boxes[0]._replace(member=1), boxes[1]),
        lambda boxes: (*boxes, boxes[1]._replace(member=3)),
    ],
)
def test_shares_are_for_every_other_member(at, change):
    sum_ = at(Kind.SHARES)
    shares = parse_shares(sum_.waiting["birch"])
    wrong = replace(shares, boxes=change(shares.boxes)).encode()
    assert refuses(sum_.hub, "birch", wrong, "secagg.cohort")


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_vector_of_another_length_is_refused(at, length):
    sum_ = at(Kind.MASKED)
    wrong = Masked(
        sum_.session.digest, 1, length, bytes(8 * length), bytes(32), bytes(16), bytes(64)
    ).encode()
    assert refuses(sum_.hub, "birch", wrong, "secagg.length")


def test_numbers_that_changed_on_the_way_are_found_before_they_are_added(at):
    sum_ = at(Kind.MASKED)
    changed = bytearray(sum_.waiting["birch"])
    changed[48] ^= 1
    assert refuses(sum_.hub, "birch", bytes(changed), "secagg.tag")
    assert sum_.run().hub.total.tolist() == [60, -6]  # the right ones arrived in time


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"survivors": bytes(32)}, "secagg.set"),
        ({"masked": bytes(32)}, "secagg.masked"),
    ],
)
def test_a_consent_to_something_else_is_refused(at, key_of, changes, rule):
    sum_ = at(Kind.CONSENT)
    other = replace(parse_consent(sum_.waiting["birch"]), **changes)
    unsigned = sum_.copy()
    assert refuses(unsigned.hub, "birch", other.encode(), "secagg.signature")
    signed = replace(other, signature=key_of("birch").sign(other.statement.signed_bytes))
    assert refuses(sum_.hub, "birch", signed.encode(), rule)


@pytest.mark.parametrize(
    "change",
    [
        lambda shares: shares[:2],
        lambda shares: (),
        lambda shares: (shares[0]._replace(secret=Secret.MASK_KEY), *shares[1:]),
        lambda shares: (*shares, RevealedShare(3, Secret.MASK_KEY, bytes(33))),
        lambda shares: (*shares[:2], shares[2]._replace(owner=3)),
    ],
)
def test_a_reveal_holds_one_share_of_every_survivor_and_nothing_else(at, change):
    sum_ = at(Kind.REVEAL)
    reveal = parse_reveal(sum_.waiting["birch"])
    wrong = replace(reveal, shares=change(reveal.shares)).encode()
    assert refuses(sum_.hub, "birch", wrong, "secagg.reveal")


def test_both_secrets_of_one_member_do_not_fit_a_reveal(at):
    sum_ = at(Kind.REVEAL)
    reveal = parse_reveal(sum_.waiting["birch"])
    both = (*reveal.shares, reveal.shares[2]._replace(secret=Secret.MASK_KEY))
    assert refuses(sum_.hub, "birch", replace(reveal, shares=both).encode(), "secagg.order")


def test_a_share_that_is_no_element_of_the_field_is_refused(at):
    sum_ = at(Kind.REVEAL)
    reveal = parse_reveal(sum_.waiting["birch"])
    wrong = (reveal.shares[0]._replace(share=PRIME.to_bytes(33, "little")), *reveal.shares[1:])
    assert refuses(sum_.hub, "birch", replace(reveal, shares=wrong).encode(), "secagg.share")


@pytest.mark.parametrize("share", [encode_element(0), encode_element(PRIME - 1)])
def test_a_wrong_share_gives_no_total(at, share):
    sum_ = at(Kind.REVEAL)
    reveal = parse_reveal(sum_.waiting["birch"])
    wrong = replace(reveal, shares=(*reveal.shares[:2], reveal.shares[2]._replace(share=share)))
    sum_.waiting = {**sum_.waiting, "birch": wrong.encode()}
    with pytest.raises(Malformed, match="`cedar`") as excinfo:
        sum_.run()
    assert excinfo.value.rule == "secagg.share"
    assert has_ended(sum_.hub)


def test_a_member_that_deals_shares_of_another_seed_is_found_by_its_commitment(start_sum):
    sum_ = start_sum()
    cedar = sum_.members["cedar"]
    cedar._seed = bytes(32)
    with pytest.raises(Malformed, match="`cedar`") as excinfo:
        sum_.run()
    assert excinfo.value.rule == "secagg.share"


def test_there_is_no_total_before_the_end(start_sum):
    sum_ = start_sum()
    while sum_.waiting:
        with pytest.raises(RuntimeError):
            _ = sum_.hub.total
        sum_.step()
    assert sum_.hub.total.tolist() == [60, -6]
    with pytest.raises(Malformed) as excinfo:
        sum_.hub.receive("alder", b"")
    assert excinfo.value.rule == "secagg.ended"


def test_the_hub_keeps_one_running_sum_and_no_vector(start_sum):
    sum_ = start_sum(np.ones((3, 5000), dtype=np.int64)).run(until=Kind.SURVIVORS)
    vectors = [value for value in vars(sum_.hub).values() if isinstance(value, np.ndarray)]
    assert [vector.nbytes for vector in vectors] == [8 * 5000]
    held = [value for value in vars(sum_.hub).values() if isinstance(value, dict)]
    assert sum(len(repr(value)) for value in held) < 10_000


@pytest.mark.parametrize("bits", [32, 64])
def test_a_copied_hub_finishes_on_its_own(start_sum, bits):
    sum_ = start_sum(number_bits=bits).run(until=Kind.SURVIVORS)
    assert sum_.copy().run().hub.total.tolist() == sum_.run().hub.total.tolist() == [60, -6]


def test_reading_masked_numbers_copies_nothing(start_sum):
    message = start_sum().run(until=Kind.MASKED).waiting["alder"]
    assert parse_masked(message, 64).numbers.obj is message


def test_an_advert_is_checked_against_the_key_on_the_record(session_of, key_of):
    """An advert under a fresh key in a member's name is refused whatever it contains."""
    session = session_of()
    advert = Advert(session.digest, 0, b"m" * 32, b"c" * 32, b"k" * 32)
    forged = replace(advert, signature=key_of("outsider").sign(advert.statement.signed_bytes))
    with pytest.raises(HansaError) as excinfo:
        Aggregator(session, draw=bytes).receive("alder", forged.encode())
    assert excinfo.value.rule == "secagg.signature"
