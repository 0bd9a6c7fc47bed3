"""What a member lets leave, and every lie of a hub that it refuses."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from hansa.errors import HansaError, Malformed, Refused
from hansa.secagg import Contributor, Kind, Step
from hansa.secagg.header import HUB, Header
from hansa.secagg.masking import commit_to_seed
from hansa.secagg.message import (
    Consents,
    Delivery,
    Secret,
    Survivors,
    parse_consents,
    parse_delivery,
    parse_reveal,
    parse_roster,
    parse_shares,
)
from hansa.secagg.statement import Masked

ALDER, BIRCH, CEDAR = range(3)


def refuses(member, message, rule):
    """Assert that the member refuses by name, and sends nothing more whatever comes."""
    with pytest.raises(HansaError) as excinfo:
        member.receive(message)
    assert excinfo.value.rule == rule
    assert member.step is Step.FAILED
    with pytest.raises(Malformed) as excinfo:
        member.receive(message)
    assert excinfo.value.rule == "secagg.ended"
    return True


@pytest.fixture
def at(start_sum):
    """A sum in which messages of a kind wait for the members."""

    def go(kind, **changes):
        return start_sum(**changes).run(until=kind)

    return go


# --- the moves ---------------------------------------------------------------------------------------


def test_the_moves_are_the_documented_ones_and_each_is_made_once(start_sum):
    sum_ = start_sum()
    alder = sum_.members["alder"]
    steps = [alder.step]
    while sum_.waiting:
        sum_.step()
        steps.append(alder.step)
    assert steps == [
        *(Step.SHARE, Step.SHARE),
        *(Step.MASK, Step.MASK),
        *(Step.CONSENT, Step.CONSENT),
        *(Step.REVEAL, Step.REVEAL),
        *(Step.DONE, Step.DONE),
    ]


def test_keys_are_advertised_once(start_sum):
    with pytest.raises(Malformed) as excinfo:
        start_sum().members["alder"].start()
    assert excinfo.value.rule == "secagg.turn"


def test_a_message_before_the_start_is_refused(start_sum, session_of, key_of, draw_of):
    roster = start_sum().run(until=Kind.ROSTER).waiting["alder"]
    member = Contributor(session_of(), "alder", sign=key_of("alder").sign, draw=draw_of("draw"))
    with pytest.raises(Malformed) as excinfo:
        member.receive(roster)
    assert excinfo.value.rule == "secagg.turn"


def test_a_finished_member_answers_nothing(start_sum):
    sum_ = start_sum().run()
    with pytest.raises(Malformed) as excinfo:
        sum_.members["alder"].receive(b"")
    assert excinfo.value.rule == "secagg.ended"


DOWNWARD = (Kind.ROSTER, Kind.DELIVERY, Kind.SURVIVORS, Kind.CONSENTS)


@pytest.mark.parametrize(("due", "sent"), list(permutations(DOWNWARD, 2)))
def test_reordered_and_replayed_messages_are_refused(start_sum, due, sent):
    honest = start_sum().run()
    message = honest.seen[sent - 1]["alder"]
    assert refuses(start_sum().run(until=due).members["alder"], message, "secagg.turn")


@pytest.mark.parametrize("kind", DOWNWARD)
@pytest.mark.parametrize(
    "changes", [{"round": 5}, {"run": b"R" * 32}, {"attempt": 1}, {"coalition": b"C" * 32}]
)
def test_messages_of_another_sum_are_refused(at, kind, changes):
    other = at(kind, **changes)
    assert refuses(at(kind).members["alder"], other.waiting["alder"], "secagg.session")


@pytest.mark.parametrize("changes", [{"threshold": 3}, {"minimum_cohort": 4}])
def test_a_hub_that_says_other_bounds_is_refused(at, changes):
    """Bounds come from the record: no message carries them, and every message binds them."""
    vectors = [[1], [2], [3], [4]]
    ours = {"minimum_cohort": 3, "threshold": 4}
    lying = at(Kind.ROSTER, vectors=vectors, **(ours | changes))
    honest = at(Kind.ROSTER, vectors=vectors, **ours)
    assert refuses(honest.members["alder"], lying.waiting["alder"], "secagg.session")


@pytest.mark.parametrize("kind", DOWNWARD)
def test_messages_of_a_member_in_the_hubs_place_are_refused(at, kind):
    sum_ = at(kind)
    message = bytearray(sum_.waiting["alder"])
    message[6:8] = BIRCH.to_bytes(2, "little")
    assert refuses(sum_.members["alder"], bytes(message), "secagg.sender")


@pytest.mark.parametrize("kind", DOWNWARD)
def test_nothing_at_all_is_not_a_message(at, kind):
    assert refuses(at(kind).members["alder"], b"", "secagg.form")


# --- the vector --------------------------------------------------------------------------------------


def fresh(session_of, key_of, draw_of, **changes):
    return Contributor(session_of(**changes), "alder", sign=key_of("alder").sign, draw=draw_of("draw"))


@pytest.mark.parametrize(
    ("vector", "rule"),
    [
        (np.array([1.0, 2.0]), "secagg.input"),
        (np.array([1, 2], dtype=np.int32), "secagg.input"),
        (np.array([True, False]), "secagg.input"),
        (np.array([1]), "secagg.length"),
        (np.array([[1, 2]]), "secagg.length"),
        (np.array([1, (2**63 - 1) // 3 + 1]), "secagg.range"),
        (np.array([-((2**63 - 1) // 3) - 1, 0]), "secagg.range"),
        (np.array([-(2**63), 0]), "secagg.range"),
        (np.array([2**64 - 1, 0], dtype=np.uint64), "secagg.range"),
    ],
)
def test_a_vector_that_could_spoil_the_total_is_refused_before_anything_leaves(
    session_of, key_of, draw_of, vector, rule
):
    member = fresh(session_of, key_of, draw_of)
    with pytest.raises(Refused) as excinfo:
        member.contribute(vector)
    assert excinfo.value.rule == rule
    assert member.step is Step.ADVERTISE
    member.contribute(np.array([1, 2]))  # a refused vector changes nothing


def test_a_member_contributes_once(start_sum):
    with pytest.raises(Refused) as excinfo:
        start_sum().members["alder"].contribute(np.array([1, 2]))
    assert excinfo.value.rule == "secagg.input"


def test_a_vector_that_comes_too_late_is_refused(start_sum):
    sum_ = start_sum().run()
    with pytest.raises(Refused) as excinfo:
        sum_.members["alder"].contribute(np.array([1, 2]))
    assert excinfo.value.rule == "secagg.input"


def test_without_a_vector_nothing_is_masked(at, session_of, key_of, draw_of):
    sum_ = at(Kind.ROSTER)
    member = fresh(session_of, key_of, draw_of)
    member._draw = draw_of("draw/alder")
    assert member.start() == sum_.seen[0]["alder"]
    member.receive(sum_.waiting["alder"])
    sum_.step()
    sum_.step()
    assert refuses(member, sum_.waiting["alder"], "secagg.input")


def test_later_changes_of_the_vector_change_nothing(start_sum):
    vector = np.array([10, -1])
    sum_ = start_sum([vector, [20, -2], [30, -3]])
    vector[:] = 99
    assert sum_.run().hub.total.tolist() == [60, -6]


def test_an_outsider_has_no_machine(session_of, key_of, draw_of):
    with pytest.raises(Refused) as excinfo:
        Contributor(session_of(), "zelkova", sign=key_of("zelkova").sign, draw=draw_of("draw"))
    assert excinfo.value.rule == "secagg.unknown-member"


def test_a_generator_that_gives_too_little_is_misuse(session_of, key_of):
    member = Contributor(session_of(), "alder", sign=key_of("alder").sign, draw=lambda size: bytes(size - 1))
    with pytest.raises(ValueError):
        member.start()
    assert member.step is Step.FAILED


# --- lies about keys ---------------------------------------------------------------------------------


def with_adverts(sum_, change):
    """The roster for alder, with the list of adverts changed."""
    roster = parse_roster(sum_.waiting["alder"])
    return replace(roster, adverts=tuple(change(list(roster.adverts)))).encode()


def signed(advert, key):
    return replace(advert, signature=key.sign(advert.statement.signed_bytes))


def swap_keys_of_one(adverts):
    birch = adverts[BIRCH]
    adverts[BIRCH] = replace(birch, mask_key=birch.channel_key, channel_key=birch.mask_key)
    return adverts


def swap_adverts(adverts):
    adverts[BIRCH], adverts[CEDAR] = (
        replace(adverts[CEDAR], sender=BIRCH),
        replace(adverts[BIRCH], sender=CEDAR),
    )
    return adverts


def drop_a_signature(adverts):
    adverts[BIRCH] = replace(adverts[BIRCH], signature=bytes(64))
    return adverts


def change_the_commitment(adverts):
    adverts[BIRCH] = replace(adverts[BIRCH], commitment=commit_to_seed(bytes(32), adverts[BIRCH].session))
    return adverts


def change_our_own(adverts):
    adverts[ALDER] = replace(adverts[ALDER], mask_key=bytes(31) + b"\x09")
    return adverts


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (swap_keys_of_one, "secagg.signature"),
        (swap_adverts, "secagg.signature"),
        (drop_a_signature, "secagg.signature"),
        (change_the_commitment, "secagg.signature"),
        (change_our_own, "secagg.own"),
        (lambda adverts: adverts[:2], "secagg.dropout"),
        (lambda adverts: adverts[1:], "secagg.dropout"),
        (lambda adverts: [], "secagg.dropout"),
        (lambda adverts: [*adverts, replace(adverts[0], sender=3)], "secagg.unknown-member"),
        (lambda adverts: [*adverts[:2], replace(adverts[2], sender=HUB)], "secagg.unknown-member"),
        (lambda adverts: [adverts[1], adverts[0], adverts[2]], "secagg.order"),
        (lambda adverts: [adverts[0], adverts[0], adverts[2]], "secagg.order"),
    ],
)
def test_a_roster_that_is_not_what_the_members_signed_is_refused(at, change, rule):
    sum_ = at(Kind.ROSTER)
    assert refuses(sum_.members["alder"], with_adverts(sum_, change), rule)


def test_keys_that_the_hub_made_and_signed_itself_are_refused(at, key_of):
    sum_ = at(Kind.ROSTER)
    hub_key = key_of("hub")

    def substitute(adverts):
        adverts[BIRCH] = signed(replace(adverts[BIRCH], mask_key=bytes(31) + b"\x09"), hub_key)
        return adverts

    assert refuses(sum_.members["alder"], with_adverts(sum_, substitute), "secagg.signature")


def test_an_advert_of_an_earlier_round_is_refused(at):
    earlier = parse_roster(at(Kind.ROSTER, round=3).waiting["alder"]).adverts[BIRCH]
    sum_ = at(Kind.ROSTER)

    def replay(adverts):
        adverts[BIRCH] = earlier
        return adverts

    assert refuses(sum_.members["alder"], with_adverts(sum_, replay), "secagg.session")

    def relabel(adverts):
        adverts[BIRCH] = replace(earlier, session=adverts[ALDER].session)
        return adverts

    again = at(Kind.ROSTER)
    assert refuses(again.members["alder"], with_adverts(again, relabel), "secagg.signature")


@pytest.mark.parametrize("field", ["mask_key", "channel_key"])
def test_a_member_that_advertises_a_key_known_to_all_is_refused_by_name(at, key_of, field):
    sum_ = at(Kind.ROSTER)

    def weaken(adverts):
        adverts[BIRCH] = signed(replace(adverts[BIRCH], **{field: bytes(32)}), key_of("birch"))
        return adverts

    with pytest.raises(Malformed, match="`birch`") as excinfo:
        sum_.members["alder"].receive(with_adverts(sum_, weaken))
    assert excinfo.value.rule == "secagg.key"


def test_a_member_that_copies_anothers_key_is_refused(at, key_of):
    sum_ = at(Kind.ROSTER)

    def imitate(adverts):
        adverts[CEDAR] = signed(replace(adverts[CEDAR], mask_key=adverts[ALDER].mask_key), key_of("cedar"))
        return adverts

    assert refuses(sum_.members["alder"], with_adverts(sum_, imitate), "secagg.key")


# --- lies about shares -------------------------------------------------------------------------------


def test_another_members_delivery_is_refused(at):
    sum_ = at(Kind.DELIVERY)
    assert refuses(sum_.members["alder"], sum_.waiting["birch"], "secagg.recipient")
    again = at(Kind.DELIVERY)
    readdressed = replace(parse_delivery(again.waiting["birch"]), recipient=ALDER)
    assert refuses(again.members["alder"], readdressed.encode(), "secagg.cohort")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda boxes: boxes[:1], "secagg.dropout"),
        (lambda boxes: (), "secagg.dropout"),
        (lambda boxes: (boxes[0]._replace(member=ALDER), boxes[1]), "secagg.cohort"),
        (lambda boxes: (*boxes, boxes[1]._replace(member=3)), "secagg.unknown-member"),
        (lambda boxes: (boxes[1], boxes[0]), "secagg.order"),
        (lambda boxes: (boxes[0]._replace(sealed=boxes[1].sealed), boxes[1]), "secagg.share"),
        (lambda boxes: (boxes[0]._replace(sealed=bytes(82)), boxes[1]), "secagg.share"),
    ],
)
def test_a_delivery_that_is_not_what_the_members_sealed_is_refused(at, change, rule):
    sum_ = at(Kind.DELIVERY)
    delivery = parse_delivery(sum_.waiting["alder"])
    wrong = Delivery(delivery.session, delivery.recipient, change(delivery.boxes)).encode()
    assert refuses(sum_.members["alder"], wrong, rule)


def test_a_box_that_was_sealed_for_another_member_is_refused(at):
    sum_ = at(Kind.DELIVERY)
    for_alder = parse_delivery(sum_.waiting["alder"])
    for_cedar = parse_delivery(sum_.waiting["cedar"])
    wrong = replace(
        for_alder, boxes=(for_alder.boxes[0]._replace(sealed=for_cedar.boxes[1].sealed), for_alder.boxes[1])
    )
    assert refuses(sum_.members["alder"], wrong.encode(), "secagg.share")


def test_neighbours_that_were_shown_different_adverts_do_not_understand_each_other(start_sum, key_of):
    """Birch advertises twice; the hub shows one advert to alder and birch, and the other to cedar."""
    sum_ = start_sum().run(until=Kind.ROSTER)
    roster = parse_roster(sum_.waiting["alder"])
    second = signed(replace(roster.adverts[BIRCH], mask_key=bytes(31) + b"\x09"), key_of("birch"))
    for_cedar = replace(roster, adverts=(roster.adverts[ALDER], second, roster.adverts[CEDAR]))
    sum_.waiting = {**sum_.waiting, "cedar": for_cedar.encode()}
    sum_.run(until=Kind.DELIVERY)
    for name in ("birch", "cedar"):
        assert refuses(sum_.members[name], sum_.waiting[name], "secagg.share")


# --- lies about who is left --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "dropped", "rule"),
    [
        ((0, 1, 2, 3), (2,), "secagg.set"),
        ((0, 1, 2, 3), (0, 1, 2, 3), "secagg.set"),
        ((0, 1, 2), (), "secagg.set"),
        ((), (), "secagg.set"),
        ((0, 1, 2), (4,), "secagg.unknown-member"),
        ((0, 1, 2, 3, HUB), (), "secagg.unknown-member"),
        ((1, 2, 3), (0,), "secagg.set"),
        ((0, 1), (2, 3), "secagg.dropout"),
        ((0, 2, 1, 3), (), "secagg.order"),
    ],
)
def test_a_survivor_set_that_is_unsafe_is_refused(at, survivors, dropped, rule):
    sum_ = at(Kind.SURVIVORS, vectors=[[1], [2], [3], [4]], threshold=3)
    wrong = Survivors(sum_.session.digest, survivors, dropped).encode()
    assert refuses(sum_.members["alder"], wrong, rule)


def test_both_secrets_of_one_member_are_never_asked_for_with_success(at):
    """The hub names cedar a survivor and a dropped member at once."""
    sum_ = at(Kind.SURVIVORS)
    wrong = Survivors(sum_.session.digest, (0, 1, 2), (2,)).encode()
    with pytest.raises(Malformed, match="`cedar`") as excinfo:
        sum_.members["alder"].receive(wrong)
    assert excinfo.value.rule == "secagg.set"


def test_too_few_survivors_for_the_plan_are_refused_though_they_reach_the_threshold(at):
    sum_ = at(Kind.SURVIVORS, vectors=[[1], [2], [3], [4], [5]], threshold=3, minimum_cohort=4)
    wrong = Survivors(sum_.session.digest, (0, 1, 2), (3, 4)).encode()
    assert refuses(sum_.members["alder"], wrong, "secagg.dropout")


def test_a_second_survivor_set_is_refused(at):
    sum_ = at(Kind.SURVIVORS)
    alder = sum_.members["alder"]
    alder.receive(sum_.waiting["alder"])
    other = Survivors(sum_.session.digest, (0, 1), (2,)).encode()
    assert refuses(alder, other, "secagg.turn")


def test_two_survivor_sets_shown_to_two_members_are_found_out(at):
    """Birch is made to consent to another set; its consent does not count for ours."""
    sum_ = at(Kind.SURVIVORS)
    elsewhere = sum_.copy()
    elsewhere.members["birch"]._verify_survivors = lambda survivors: None  # birch does what the hub wants
    lie = Survivors(sum_.session.digest, (0, 1), (2,)).encode()
    consent_to_lie = elsewhere.members["birch"].receive(lie)
    sum_.run(until=Kind.CONSENTS)
    consents = list(parse_consents(sum_.waiting["alder"]).consents)
    consents[BIRCH] = type(consents[BIRCH])(
        consents[BIRCH].session, BIRCH, consent_to_lie[40:72], consent_to_lie[72:104], consent_to_lie[104:]
    )
    wrong = Consents(sum_.session.digest, tuple(consents)).encode()
    assert refuses(sum_.members["alder"], wrong, "secagg.set")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda consents: consents[:2], "secagg.dropout"),
        (lambda consents: (), "secagg.dropout"),
        (lambda consents: (*consents[:2], replace(consents[2], sender=3)), "secagg.unknown-member"),
        (lambda consents: (consents[1], consents[0], consents[2]), "secagg.order"),
        (
            lambda consents: (consents[0], replace(consents[1], survivors=bytes(32)), consents[2]),
            "secagg.signature",
        ),
        (
            lambda consents: (consents[0], replace(consents[1], masked=bytes(32)), consents[2]),
            "secagg.signature",
        ),
        (
            lambda consents: (consents[0], replace(consents[1], signature=bytes(64)), consents[2]),
            "secagg.signature",
        ),
        (lambda consents: (consents[0], replace(consents[2], sender=BIRCH), consents[2]), "secagg.signature"),
        (lambda consents: (replace(consents[0], masked=bytes(32)), *consents[1:]), "secagg.own"),
    ],
)
def test_consents_that_were_not_given_are_refused(at, change, rule):
    sum_ = at(Kind.CONSENTS)
    consents = parse_consents(sum_.waiting["alder"])
    wrong = Consents(consents.session, tuple(change(consents.consents))).encode()
    assert refuses(sum_.members["alder"], wrong, rule)


# --- what leaves -------------------------------------------------------------------------------------


def test_only_shares_of_self_seeds_are_revealed_when_all_survive(start_sum):
    sum_ = start_sum().run(until=Kind.REVEAL)
    for message in sum_.waiting.values():
        assert [(share.owner, share.secret) for share in parse_reveal(message).shares] == [
            (owner, Secret.SELF_SEED) for owner in (ALDER, BIRCH, CEDAR)
        ]


def test_a_member_that_dropped_has_its_mask_key_revealed_and_not_its_seed(at):
    sum_ = at(Kind.MASKED, vectors=[[1], [2], [3], [4]], threshold=3)
    sum_.vanish("cedar")
    sum_.run(until=Kind.REVEAL)
    assert sum_.members["alder"].survivors == ("alder", "birch", "dogwood")
    assert [(share.owner, share.secret) for share in parse_reveal(sum_.waiting["alder"]).shares] == [
        (0, Secret.SELF_SEED),
        (1, Secret.SELF_SEED),
        (2, Secret.MASK_KEY),
        (3, Secret.SELF_SEED),
    ]


def test_a_member_forgets_each_secret_when_it_has_served(start_sum):
    sum_ = start_sum()
    alder = sum_.members["alder"]
    kept = {}
    while sum_.waiting:
        kept[sum_.kind] = set(vars(alder))
        sum_.step()
    secrets = {"_mask_key", "_channel_key", "_seed"}
    assert secrets <= kept[Kind.ADVERT]
    assert not secrets & kept[Kind.SHARES]
    masking = {"_pairs", "_self_mask", "_tag_key"}
    assert masking <= kept[Kind.DELIVERY]
    assert not masking & kept[Kind.MASKED]
    assert "_held" in kept[Kind.CONSENTS]
    assert "_held" not in kept[Kind.REVEAL]
    assert alder._outgoing is None


def test_the_size_of_what_leaves_depends_on_nothing_secret(start_sum):
    """No count of examples, and nothing else about the rows, travels beside the numbers."""

    def sizes(vectors):
        sum_ = start_sum(vectors).run()
        return [{name: len(message) for name, message in turn.items()} for turn in sum_.seen]

    assert sizes([[0, 0], [0, 0], [0, 0]]) == sizes([[2**60, -1], [5, 5], [-(2**60), 7]])


def test_no_share_is_readable_on_its_way(start_sum):
    sum_ = start_sum().run(until=Kind.SURVIVORS)
    shares = sum_.seen[Kind.SHARES - 1]
    held = sum_.members["birch"]._held[ALDER]
    for element in (held.self_seed, held.mask_key):
        assert all(element.to_bytes(33, "little") not in message for message in shares.values())
    assert all(len(parse_shares(message).boxes) == 2 for message in shares.values())


def test_the_answer_before_any_failure_is_all_that_leaves(at):
    """A member that refused the roster has sent its advert and nothing else."""
    sum_ = at(Kind.ROSTER)
    alder = sum_.members["alder"]
    assert refuses(alder, sum_.waiting["alder"][:-1], "secagg.form")
    for kind in DOWNWARD:
        with pytest.raises(Malformed):
            alder.receive(Header(kind, HUB, sum_.session.digest).encode())


def test_the_numbers_of_a_masked_message_begin_at_byte_48(start_sum):
    sum_ = start_sum().run(until=Kind.MASKED)
    message = sum_.waiting["alder"]
    masked = Masked(
        sum_.session.digest, ALDER, 2, message[48:-112], message[-112:-80], message[-80:-64], message[-64:]
    )
    assert masked.encode() == message
    assert len(message) == 48 + 8 * sum_.session.length + 112
