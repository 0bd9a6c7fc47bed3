"""Members vanish, are late or return wrong shares; the total is that of the survivors, or there is none."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hansa.errors import HansaError, Malformed, Refused
from hansa.secagg import Kind, Step
from hansa.secagg.agreement import agree_secret
from hansa.secagg.field import PRIME, encode_element
from hansa.secagg.masking import apply_masks, derive_pair_mask, derive_self_mask
from hansa.secagg.message import Secret, Survivors, parse_delivery, parse_reveal, parse_roster
from hansa.secagg.pairing import salt_pair, salt_self
from hansa.secagg.sealing import HeldShares
from hansa.secagg.shamir import interpolate_at_zero, join_shares
from hansa.secagg.statement import parse_masked

NAMES = ("alder", "birch", "cedar", "dogwood", "elm", "fir")
VECTORS = [[1, -1], [20, -2], [300, -3], [4000, -4], [50000, -5], [600000, -6]]
UPWARD = (Kind.ADVERT, Kind.SHARES, Kind.MASKED, Kind.CONSENT, Kind.REVEAL)


def sum_of(names):
    return np.sum([VECTORS[NAMES.index(name)] for name in names], axis=0).tolist()


@pytest.fixture
def six(start_sum):
    """A sum of six with room for two, in which messages of a kind wait."""

    def go(kind=Kind.ADVERT, **changes):
        return start_sum(VECTORS, names=NAMES, **({"threshold": 4} | changes)).run(until=kind)

    return go


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("gone", [("alder",), ("fir",), ("birch", "elm"), ("alder", "fir")])
def test_members_may_vanish_at_every_move(six, kind, gone):
    """Before a message up they never sent it; before one down they sent all until then."""
    sum_ = six(kind).vanish(*gone).run()
    counted = kind > Kind.MASKED
    assert sum_.hub.survivors == (NAMES if counted else tuple(name for name in NAMES if name not in gone))
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)
    assert sum_.hub.disputes == ()
    stayed = [member for name, member in sum_.members.items() if name not in gone]
    assert all(member.step is Step.DONE and member.survivors == sum_.hub.survivors for member in stayed)


def test_members_may_vanish_one_after_the_other(start_sum):
    """Of nine, one goes at each move; five are left at the end, and six gave numbers."""
    names = tuple(f"member-{number}" for number in range(9))
    vectors = [[10**number] for number in range(9)]
    sum_ = start_sum(vectors, names=names, threshold=5)
    for number, kind in enumerate((Kind.SHARES, Kind.DELIVERY, Kind.MASKED, Kind.CONSENT)):
        sum_.run(until=kind).vanish(names[2 * number])
    sum_.run()
    assert sum_.hub.survivors == tuple(name for name in names if name not in (names[0], names[2], names[4]))
    assert sum_.hub.total.tolist() == [111111111 - 1 - 100 - 10000]


@pytest.mark.parametrize("kind", UPWARD)
def test_below_the_threshold_the_sum_fails_closed(six, kind):
    sum_ = six(kind)
    for names in (NAMES[:3], NAMES[1:6:2]):
        less = sum_.copy()
        with pytest.raises(Refused) as excinfo:
            less.vanish(*names).run()
        assert excinfo.value.rule == "secagg.dropout"
        assert excinfo.value.reasons == tuple(f"`{name}` sent no message `{kind.label}`" for name in names)
        with pytest.raises(RuntimeError):
            _ = less.hub.total
        revealed = [message for turn in less.seen for message in turn.values() if message[5] == Kind.REVEAL]
        assert len(revealed) < 4
        assert not revealed or kind is Kind.REVEAL


def test_below_the_minimum_cohort_nobody_reveals_though_the_threshold_is_met(six):
    for kind in (Kind.ADVERT, Kind.SHARES, Kind.MASKED):
        with pytest.raises(Refused) as excinfo:
            six(kind, minimum_cohort=5).vanish("alder", "birch").run()
        assert excinfo.value.rule == "secagg.dropout"
    sum_ = six(Kind.CONSENT, minimum_cohort=5).vanish("alder", "birch").run()
    assert sum_.hub.total.tolist() == sum_of(NAMES)


def test_a_lying_hub_below_the_minimum_cohort_gets_nothing_from_a_member(six):
    sum_ = six(Kind.SURVIVORS, minimum_cohort=5)
    lie = Survivors(sum_.session.digest, (0, 1, 2, 3), (4, 5)).encode()
    with pytest.raises(Refused) as excinfo:
        sum_.members["alder"].receive(lie)
    assert excinfo.value.rule == "secagg.dropout"
    assert sum_.members["alder"].step is Step.FAILED


def test_there_are_no_survivors_before_the_numbers_are_in(six):
    sum_ = six(Kind.MASKED)
    for machine in (sum_.hub, sum_.members["alder"]):
        with pytest.raises(RuntimeError):
            _ = machine.survivors


# --- late ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", UPWARD[:-1])
def test_who_arrives_after_the_turn_closed_is_refused_and_the_others_go_on(six, kind):
    sum_ = six(kind)
    late = sum_.waiting["cedar"]
    sum_.vanish("cedar").step()
    while sum_.waiting:
        if sum_.kind % 2:
            with pytest.raises(Refused) as excinfo:
                sum_.hub.receive("cedar", late)
            assert excinfo.value.rule == "secagg.late"
            assert "cedar" not in sum_.hub.missing
        sum_.step()
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)


def test_numbers_that_come_late_can_never_be_unmasked(six):
    """The hub keeps them, and has all that was revealed: the pair masks come off, the self mask stays."""
    sum_ = six(Kind.MASKED)
    late = sum_.waiting["cedar"]
    seed = int.from_bytes(six().members["cedar"]._seed, "little")
    sum_.vanish("cedar").run()
    reveals = [parse_reveal(message) for message in sum_.seen[-1].values()]
    kinds = {share.secret for reveal in reveals for share in reveal.shares if share.owner == 2}
    assert kinds == {Secret.MASK_KEY}
    roster = parse_roster(sum_.seen[Kind.ROSTER - 1]["alder"])
    key = join_shares({r.sender + 1: int.from_bytes(r.shares[2].share, "little") for r in reveals})
    assert key != seed
    private = X25519PrivateKey.from_private_bytes(key.to_bytes(32, "little"))
    numbers = np.frombuffer(parse_masked(late, 64).numbers, dtype="<u8").astype(np.uint64)
    pair_masks = [
        derive_pair_mask(
            agree_secret(private, roster.adverts[other].mask_key),
            salt_pair(roster.adverts[other], roster.adverts[2]),
            other,
            2,
        )
        for other in range(6)
        if other != 2
    ]
    apply_masks(numbers, pair_masks)
    assert numbers.view(np.int64).tolist() != VECTORS[2]
    own = derive_self_mask(seed.to_bytes(32, "little"), salt_self(roster.adverts[2]), 2, adds=False)
    apply_masks(numbers, [own])  # with what nobody reveals, and only with it, they would be open
    assert numbers.view(np.int64).tolist() == VECTORS[2]


def test_a_member_that_is_called_dropped_though_it_sent_reveals_nothing(six):
    sum_ = six(Kind.SURVIVORS)
    lie = Survivors(sum_.session.digest, (0, 1, 3, 4, 5), (2,)).encode()
    with pytest.raises(Malformed) as excinfo:
        sum_.members["cedar"].receive(lie)
    assert excinfo.value.rule == "secagg.set"


# --- what the lists may name ---------------------------------------------------------------------------


def test_the_survivor_set_is_about_those_whose_shares_are_held(six):
    """Cedar dealt nothing: it can be neither survivor nor dropped, and fir cannot be left out."""
    for survivors, dropped in (
        ((0, 1, 3, 4, 5), (2,)),
        ((0, 1, 2, 3, 4, 5), ()),
        ((0, 1, 3, 4), ()),
    ):
        sum_ = six(Kind.SHARES).vanish("cedar").run(until=Kind.SURVIVORS)
        with pytest.raises(Malformed) as excinfo:
            sum_.members["alder"].receive(Survivors(sum_.session.digest, survivors, dropped).encode())
        assert excinfo.value.rule == "secagg.set"


def test_a_box_of_a_member_that_is_not_in_the_roster_is_refused(six):
    sum_ = six(Kind.ADVERT).vanish("cedar").run(until=Kind.DELIVERY)
    delivery = parse_delivery(sum_.waiting["alder"])
    boxes = (delivery.boxes[0], delivery.boxes[1]._replace(member=2), *delivery.boxes[2:])
    with pytest.raises(Malformed, match="`cedar`") as excinfo:
        sum_.members["alder"].receive(replace(delivery, boxes=boxes).encode())
    assert excinfo.value.rule == "secagg.cohort"


def test_a_consent_of_a_member_that_did_not_survive_is_refused(six):
    sum_ = six(Kind.MASKED).vanish("cedar").run(until=Kind.CONSENTS)
    message = bytearray(sum_.waiting["alder"])
    start = 42 + 2 * 168 + 6  # the third consent is dogwood's
    message[start : start + 2] = (2).to_bytes(2, "little")
    with pytest.raises(Malformed, match="`cedar`") as excinfo:
        sum_.members["alder"].receive(bytes(message))
    assert excinfo.value.rule == "secagg.cohort"


# --- wrong shares -------------------------------------------------------------------------------------


def spoil(message, *places):
    reveal = parse_reveal(message)
    shares = list(reveal.shares)
    for place in places:
        shares[place] = shares[place]._replace(share=encode_element(12345 + place))
    return replace(reveal, shares=tuple(shares)).encode()


@pytest.mark.parametrize("liar", NAMES)
@pytest.mark.parametrize("gone", [(), ("cedar",)])
def test_with_a_share_more_than_the_threshold_the_wrong_one_is_found(six, liar, gone):
    if liar in gone:
        return
    sum_ = six(Kind.MASKED).vanish(*gone).run(until=Kind.REVEAL)
    sum_.waiting = {**sum_.waiting, liar: spoil(sum_.waiting[liar], *range(6))}
    sum_.run()
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)
    # Only where it was among those asked first does a wrong share matter.
    assert {holder for _, holder in sum_.hub.disputes} <= {liar}
    asked_first = [name for name in NAMES if name not in gone][:4]
    assert bool(sum_.hub.disputes) == (liar in asked_first)


def test_two_wrong_sharers_are_found_with_two_shares_more(six):
    for liars in combinations(NAMES, 2):
        sum_ = six(Kind.REVEAL)
        sum_.waiting = {
            name: spoil(message, 1, 4) if name in liars else message for name, message in sum_.waiting.items()
        }
        sum_.run()
        assert sum_.hub.total.tolist() == sum_of(NAMES)
        assert {holder for _, holder in sum_.hub.disputes} <= set(liars)


@pytest.mark.parametrize("gone", [(), ("elm",)])
def test_without_a_share_more_than_the_threshold_all_candidates_are_named(six, gone):
    sum_ = six(Kind.MASKED).vanish(*gone).run(until=Kind.REVEAL).vanish("fir", "elm")
    sum_.waiting = {**sum_.waiting, "birch": spoil(sum_.waiting["birch"], 4)}
    with pytest.raises(Malformed) as excinfo:
        sum_.run()
    assert excinfo.value.rule == "secagg.share"
    what = "mask key" if gone else "self seed"
    assert f"the {what} of `elm` does not come out" in excinfo.value.message
    assert "`alder`, `birch`, `cedar`, `dogwood`" in excinfo.value.message
    assert sum_.hub.turn is None
    with pytest.raises(RuntimeError):
        _ = sum_.hub.total


@pytest.mark.parametrize("field", ["self_seed", "mask_key"])
def test_a_member_that_dealt_one_wrong_share_is_in_dispute_with_its_holder(six, field):
    """Nobody can tell who of the two lies, and the document says so."""
    sum_ = six(Kind.DELIVERY)
    sum_.vanish(*(["elm"] if field == "mask_key" else [])).run(until=Kind.CONSENT)
    alder = sum_.members["alder"]
    alder._held[4] = replace(alder._held[4], **{field: 7})
    sum_.run()
    assert sum_.hub.disputes == (("elm", "alder"),)
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)


def test_wrong_shares_that_were_agreed_upon_do_not_give_a_wrong_total(six):
    """Two liars whose errors cancel over all six: the secret is right, and nobody else is blamed."""
    factors = interpolate_at_zero(range(1, 7))
    sum_ = six(Kind.REVEAL)
    waiting = dict(sum_.waiting)
    for name, error in (("alder", factors[1]), ("birch", -factors[0])):
        reveal = parse_reveal(waiting[name])
        share = (int.from_bytes(reveal.shares[3].share, "little") + error) % PRIME
        shares = (*reveal.shares[:3], reveal.shares[3]._replace(share=encode_element(share)))
        waiting[name] = replace(reveal, shares=(*shares, *reveal.shares[4:])).encode()
    sum_.waiting = waiting
    sum_.run()
    assert sum_.hub.total.tolist() == sum_of(NAMES)
    assert set(sum_.hub.disputes) == {("dogwood", "alder"), ("dogwood", "birch")}


def test_a_dealer_that_deals_nonsense_about_itself_can_only_spoil(six):
    sum_ = six(Kind.CONSENT)
    for number, member in enumerate(sum_.members.values()):
        member._held[2] = HeldShares(number, number * number)
    with pytest.raises(Malformed, match="self seed of `cedar`") as excinfo:
        sum_.run()
    assert excinfo.value.rule == "secagg.share"


# --- what was found: each case stays -------------------------------------------------------------------


def test_numbers_that_changed_on_the_way_from_a_member_that_then_vanishes(six, key_of):
    """Before masked numbers were tagged, only the consent of a member showed the change, and it never came."""
    sum_ = six(Kind.MASKED)
    changed = bytearray(sum_.waiting["cedar"])
    changed[50] ^= 1
    with pytest.raises(HansaError) as excinfo:
        sum_.hub.receive("cedar", bytes(changed))
    assert excinfo.value.rule == "secagg.tag"
    sum_.vanish("cedar").run()
    assert "cedar" not in sum_.hub.survivors
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)


def test_one_member_with_a_bad_key_does_not_stop_the_others(six, key_of):
    """Before the hub looked at keys, every contributor refused the roster that held one of low order."""
    sum_ = six(Kind.ADVERT)
    roster = six(Kind.ROSTER).waiting["alder"]
    advert = parse_roster(roster).adverts[2]
    for keys in (
        {"mask_key": bytes(32)},
        {"channel_key": bytes(32)},
        {"mask_key": advert.channel_key},
        {"mask_key": parse_roster(roster).adverts[0].mask_key},
    ):
        bad = replace(advert, **keys)
        signed = replace(bad, signature=key_of("cedar").sign(bad.statement.signed_bytes)).encode()
        hub = sum_.copy().hub
        hub.receive("alder", sum_.waiting["alder"])
        with pytest.raises(Malformed, match="`cedar`") as excinfo:
            hub.receive("cedar", signed)
        assert excinfo.value.rule == "secagg.key"
    sum_.vanish("cedar").run()
    assert sum_.hub.total.tolist() == sum_of(sum_.hub.survivors)
