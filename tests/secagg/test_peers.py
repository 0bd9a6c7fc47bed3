"""The flaws that were found in other people's secure aggregation, each of them refused or absent here.

One test for each flaw of the table of eight systems that were read line by line before this was written.
"""

import random
from dataclasses import fields, replace
from inspect import signature
from itertools import pairwise

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hansa.errors import HansaError, Malformed, Refused
from hansa.secagg import Contributor, Kind, Session, masking
from hansa.secagg.agreement import agree_secret
from hansa.secagg.message import Secret, Survivors, parse_delivery, parse_reveal, parse_roster
from hansa.secagg.pairing import agree_pair, salt_pair
from hansa.secagg.sealing import open_shares
from hansa.secagg.statement import parse_advert, parse_masked

ZEROS = [np.zeros(4_000, dtype=np.int64)] * 4


@pytest.fixture
def keys_of_masks(monkeypatch):
    """Every key that a mask is made of while the test runs."""
    seen = []
    original = masking.Mask.__init__

    def record(self, key, adds):
        seen.append((key, adds))
        original(self, key, adds)

    monkeypatch.setattr(masking.Mask, "__init__", record)
    return seen


def numbers_in(message):
    return np.frombuffer(parse_masked(message, 64).numbers, dtype="<u8")


def refuses(machine, message, rule, *who):
    with pytest.raises(HansaError) as excinfo:
        machine.receive(*who, message)
    assert excinfo.value.rule == rule


# --- mask generators that can be searched -------------------------------------------------------------


def test_masks_are_not_made_of_32_bits(start_sum, keys_of_masks):
    """Flower folds 256 bits to 32, which 130 hours of one core search; here all 256 drive the stream."""
    start_sum(ZEROS).run(until=Kind.SURVIVORS)
    keys = {key for key, _ in keys_of_masks}
    assert {len(key) for key in keys} == {32}
    folds = {int(np.bitwise_xor.reduce(np.frombuffer(key, dtype="<u4"))) for key in keys}
    key = next(iter(keys))
    same_fold = bytes(byte ^ 0x55 if place in {0, 4} else byte for place, byte in enumerate(key))
    assert int(np.bitwise_xor.reduce(np.frombuffer(same_fold, dtype="<u4"))) in folds
    streams = []
    for each in (key, same_fold):
        numbers = np.zeros(100, dtype=np.uint64)
        masking.apply_masks(numbers, [masking.Mask(each, adds=True)])
        streams.append(numbers)
    assert not (streams[0] == streams[1]).any()


def test_no_two_pairs_and_no_two_sums_share_a_stream(start_sum, keys_of_masks):
    for label in ("first sum", "second sum"):
        start_sum(ZEROS, label=label).run(until=Kind.SURVIVORS)
    count = len(ZEROS)
    pairs, own = count * (count - 1) // 2, count
    assert len(keys_of_masks) == 2 * count * count  # each member makes one for itself and for each other
    assert len({key for key, _ in keys_of_masks}) == 2 * (pairs + own)
    signs = {}
    for key, adds in keys_of_masks:
        signs.setdefault(key, []).append(adds)
    assert all(sorted(found) in ([True], [False, True]) for found in signs.values())


def test_masks_come_from_no_generator_of_numpy(monkeypatch, start_sum):
    """SecretFlow and FedML mask with NumPy's generators."""

    def forbid(*_arguments, **_names):
        raise AssertionError("a generator of NumPy was asked")

    for name in ("default_rng", "RandomState", "randint", "normal"):
        monkeypatch.setattr(np.random, name, forbid)
    assert start_sum().run().hub.total.tolist() == [60, -6]


def test_no_share_comes_from_a_generator_of_python_or_numpy(monkeypatch, start_sum):
    """epfml/disco deals shares with the browser's weak generator, OpenFL masks with `random.random()`."""
    asked = []

    def forbid(*_arguments, **_names):
        asked.append(True)
        raise AssertionError("a generator was asked that is not one for keys")

    for name in ("random", "randint", "randrange", "randbytes", "getrandbits"):
        monkeypatch.setattr(random, name, forbid)
    for name in ("default_rng", "RandomState", "randint", "bytes"):
        monkeypatch.setattr(np.random, name, forbid)
    sum_ = start_sum(ZEROS)
    for member in sum_.members.values():
        monkeypatch.setattr(member, "_draw", count(member._draw, drawn := []))
        member.drawn = drawn
    sum_.run()
    # 48 bytes for each coefficient of two polynomials, beyond the two secrets that they share.
    assert [member.drawn for member in sum_.members.values()] == [[2 * 48 * (sum_.session.threshold - 1)]] * 4
    assert not asked


def count(draw, drawn):
    def counted(size_bytes):
        drawn.append(size_bytes)
        return draw(size_bytes)

    return counted


def test_every_bit_of_a_seed_and_of_a_key_matters():
    """Fed-BioMed's own function leaves half of the seed zero."""
    salt, base = bytes(32), bytes(range(32))
    derive = (
        lambda secret: masking.derive_self_mask(secret, salt, 0, adds=True).key,
        lambda secret: masking.derive_pair_mask(secret, salt, 0, 1).key,
    )
    for each in (*derive, lambda key: key):
        streams = set()
        for place in range(256):
            flipped = bytearray(base)
            flipped[place // 8] ^= 1 << place % 8
            numbers = np.zeros(4, dtype=np.uint64)
            masking.apply_masks(numbers, [masking.Mask(each(bytes(flipped)), adds=True)])
            streams.add(numbers.tobytes())
        assert len(streams) == 256


def test_a_mask_is_no_scalar_that_is_added_to_every_element(start_sum):
    """OpenFL adds one number to all."""
    for message in start_sum(ZEROS).run(until=Kind.MASKED).waiting.values():
        numbers = numbers_in(message)
        assert len(np.unique(numbers)) == len(numbers)
        assert len(np.unique(np.diff(numbers))) == len(numbers) - 1


def test_masks_hide_the_largest_values_as_well_as_the_smallest(start_sum):
    """Gaussian floats (APPFL) and floats within 1e7 (FATE) leave large values where they are."""
    limit = (2**63 - 1) // 4
    large = [np.full(4_000, limit, dtype=np.int64)] * 4
    small_seen, large_seen = (
        numbers_in(start_sum(vectors).run(until=Kind.MASKED).waiting["alder"]) for vectors in (ZEROS, large)
    )
    for numbers in (small_seen, large_seen):
        mean = numbers.astype(np.float64).mean() / 2**64
        assert abs(mean - 0.5) < 4.5 / np.sqrt(12 * len(numbers))
    # Modulo 2^64 the same bytes fit every value: the masks are the same, and the difference is exact.
    assert ((large_seen - small_seen) == np.uint64(limit)).all()


# --- one secret for all, or for ever ------------------------------------------------------------------


def test_no_secret_is_shared_by_all(start_sum):
    """NVFlare hands one private key to every client, APPFL one secret to all, Fed-BioMed a published key pair."""
    sum_ = start_sum(ZEROS)
    secrets = [secret for member in sum_.members.values() for secret in (*keys_of(member), member._seed)]
    assert len(set(secrets)) == 3 * len(sum_.members)
    adverts = [parse_advert(message) for message in sum_.waiting.values()]
    agreed = {
        agree_secret(member._mask_key, advert.mask_key)
        for member, own in zip(sum_.members.values(), adverts, strict=True)
        for advert in adverts
        if advert is not own
    }
    assert len(agreed) == 4 * 3 // 2  # one a pair, known to both of it


def test_the_same_round_again_reuses_no_mask(start_sum):
    """Fed-BioMed's masks depend on experiment and round alone; OpenFL's are made once for all rounds."""
    first, again = (
        numbers_in(start_sum(ZEROS, label=label).run(until=Kind.MASKED).waiting["alder"])
        for label in ("once", "twice")
    )
    assert not (first == again).any()


def test_a_machine_masks_once(start_sum):
    sum_ = start_sum(ZEROS).run(until=Kind.DELIVERY)
    alder = sum_.members["alder"]
    alder.receive(sum_.waiting["alder"])
    refuses(alder, sum_.waiting["alder"], "secagg.turn")
    with pytest.raises(Refused, match=r"secagg\.input"):
        alder.contribute(ZEROS[0] + 1)


def test_server_and_any_one_client_read_nothing_more(start_sum, keys_of_masks):
    """With NVFlare's and APPFL's shared secret any one client opens everybody."""
    sum_ = start_sum(ZEROS).run(until=Kind.ROSTER)
    used = {name: set() for name in sum_.members}
    for _ in range(2):  # pairs are formed on the roster, own masks on the delivery
        sum_.seen.append(sum_.waiting)
        answers = {}
        for name, message in sum_.waiting.items():
            before = len(keys_of_masks)
            answers[name] = sum_.members[name].receive(message)
            used[name] |= {key for key, _ in keys_of_masks[before:]}
        sum_.waiting = answers
        sum_.step()
    assert {len(keys) for keys in used.values()} == {4}
    for one, client in used.items():
        for other in used.keys() - {one}:
            assert len(used[other] & client) == 1  # of four, the pair's own
    adverts = parse_roster(sum_.seen[Kind.ROSTER - 1]["alder"]).adverts
    keys = [X25519PrivateKey.from_private_bytes(key) for key in keys_of(start_sum(ZEROS).members["cedar"])]
    delivery = parse_delivery(sum_.seen[Kind.DELIVERY - 1]["alder"])
    boxes = {box.member: box.sealed for box in delivery.boxes}
    assert {*boxes} == {1, 2, 3}
    for sender in (1, 3):
        salt = salt_pair(adverts[0], adverts[sender])
        for end in (0, sender):
            pair = agree_pair(*keys, adverts[2], adverts[end])
            for key in (pair.opening_key, pair.sealing_key):
                with pytest.raises(Malformed, match="the box was altered"):
                    open_shares(key, salt, sender, 0, boxes[sender])


# --- keys that the server hands out -------------------------------------------------------------------


@pytest.mark.parametrize("field", ["mask_key", "channel_key"])
def test_a_server_that_substitutes_keys_is_refused(start_sum, key_of, field):
    """Six of the eight take whatever keys the server hands out."""
    sum_ = start_sum(ZEROS).run(until=Kind.ROSTER)
    roster = parse_roster(sum_.waiting["alder"])
    own = X25519PrivateKey.from_private_bytes(b"h" * 32).public_key().public_bytes_raw()
    for signer in (None, key_of("hub")):
        birch = replace(roster.adverts[1], **{field: own})
        if signer is not None:
            birch = replace(birch, signature=signer.sign(birch.statement.signed_bytes))
        swapped = replace(roster, adverts=(roster.adverts[0], birch, *roster.adverts[2:]))
        refuses(sum_.copy().members["alder"], swapped.encode(), "secagg.signature")


def test_a_relay_that_reads_and_rewrites_the_key_exchange_opens_nothing(start_sum):
    """It sees every advert and every box; without a member's private key it derives another key for each box."""
    sum_ = start_sum(ZEROS).run(until=Kind.SURVIVORS)
    alder, birch = parse_roster(sum_.seen[Kind.ROSTER - 1]["alder"]).adverts[:2]
    relay = X25519PrivateKey.from_private_bytes(b"r" * 32)
    real = agree_pair(
        *(X25519PrivateKey.from_private_bytes(key) for key in keys_of(start_sum(ZEROS).members["alder"])),
        alder,
        birch,
    )
    guessed = agree_pair(relay, relay, alder, birch)
    assert real.mask != guessed.mask
    assert real.opening_key != guessed.opening_key
    rewritten = bytearray(start_sum(ZEROS).run(until=Kind.SHARES).waiting["alder"])
    rewritten[60] ^= 1
    again = start_sum(ZEROS).run(until=Kind.SHARES)
    again.waiting = {**again.waiting, "alder": bytes(rewritten)}
    again.step()
    refuses(again.members["birch"], again.waiting["birch"], "secagg.share")


def keys_of(member):
    """The private keys that a member drew and has not forgotten yet."""
    return member._mask_key.private_bytes_raw(), member._channel_key.private_bytes_raw()


@pytest.mark.parametrize(
    "of",
    [
        {"coalition": b"d" * 32},
        {"run": b"s" * 32},
        {"round": 5},
        {"attempt": 1},
        {"question": b"p" * 32},
        {"names": ("alder", "birch", "cedar", "elm")},
        {"threshold": 3},
    ],
)
def test_keys_of_another_sum_are_refused(start_sum, of):
    """None of the eight binds keys to coalition, job, round and cohort."""
    other = parse_roster(start_sum(ZEROS, **of).run(until=Kind.ROSTER).waiting["alder"]).adverts[1]
    sum_ = start_sum(ZEROS).run(until=Kind.ROSTER)
    roster = parse_roster(sum_.waiting["alder"])
    stale = replace(other, session=roster.session)
    swapped = replace(roster, adverts=(roster.adverts[0], stale, *roster.adverts[2:]))
    refuses(sum_.members["alder"], swapped.encode(), "secagg.signature")


# --- bounds that the server sets ----------------------------------------------------------------------


def test_no_message_carries_neighbours_share_counts_or_thresholds():
    """Flower's server sends all three and the client has no floor; here they are in the session or nowhere."""
    assert {"threshold", "minimum_cohort", "degree", "graph", "number_bits"} <= {
        f.name for f in fields(Session)
    }
    assert list(signature(Contributor.receive).parameters) == ["self", "message"]


@pytest.mark.parametrize(
    "lie", [{"threshold": 3}, {"minimum_cohort": 3}, {"number_bits": 32}, {"degree": 2, "threshold": 3}]
)
def test_a_server_with_bounds_of_its_own_is_refused(start_sum, lie):
    ours = {"threshold": 4, "minimum_cohort": 4}
    lying = start_sum(ZEROS, **(ours | lie)).run(until=Kind.ROSTER)
    honest = start_sum(ZEROS, **ours).run(until=Kind.ROSTER)
    refuses(honest.members["alder"], lying.waiting["alder"], "secagg.session")


def test_a_server_that_draws_the_graph_from_its_own_seed_is_refused(start_sum):
    sparse = {"threshold": 3, "minimum_cohort": 5, "degree": 4}
    vectors = [[number] for number in range(7)]
    lying = start_sum(vectors, graph=b"h" * 32, **sparse).run(until=Kind.ROSTER)
    honest = start_sum(vectors, graph=b"r" * 32, **sparse).run(until=Kind.ROSTER)
    refuses(honest.members["alder"], lying.waiting["alder"], "secagg.session")


def test_a_server_that_chooses_the_neighbours_is_refused(start_sum):
    sum_ = start_sum(
        [[number] for number in range(7)], threshold=3, minimum_cohort=5, degree=4, graph=b"r" * 32
    ).run(until=Kind.ROSTER)
    roster = parse_roster(sum_.waiting["alder"])
    near = {advert.sender for advert in roster.adverts}
    everybody = {
        advert.sender: advert for message in sum_.waiting.values() for advert in parse_roster(message).adverts
    }
    stranger = next(advert for sender, advert in sorted(everybody.items()) if sender not in near)
    chosen = sorted([*roster.adverts, stranger], key=lambda advert: advert.sender)
    refuses(sum_.members["alder"], replace(roster, adverts=tuple(chosen)).encode(), "secagg.cohort")


# --- both secrets -------------------------------------------------------------------------------------


def test_both_secrets_of_one_member_are_never_given(start_sum):
    """Flower's client answers for a node that is in both lists."""
    sum_ = start_sum(ZEROS).run(until=Kind.SURVIVORS)
    lie = Survivors(sum_.session.digest, (0, 1, 2, 3), (2,)).encode()
    for name in sum_.members:
        refuses(sum_.copy().members[name], lie, "secagg.set")


def test_nothing_is_revealed_at_setup(start_sum):
    """OpenFL's collaborators return the shares of both secrets of everybody before anything is summed."""
    sum_ = start_sum(ZEROS, threshold=3).run(until=Kind.REVEAL)
    secrets = [
        share.to_bytes(33, "little")
        for name in sum_.members
        for held in replay_held(start_sum, name).values()
        for share in (held.self_seed, held.mask_key)
    ]
    assert len(set(secrets)) == 2 * 16
    early = b"".join(message for turn in sum_.seen for message in turn.values())
    assert not any(secret in early for secret in secrets)
    for message in sum_.waiting.values():
        assert {share.secret for share in parse_reveal(message).shares} == {Secret.SELF_SEED}


def replay_held(start_sum, name):
    """The shares that a member of this fixed sum holds, before it reveals."""
    return start_sum(ZEROS, threshold=3).run(until=Kind.CONSENTS).members[name]._held


def test_who_survived_is_signed_before_anything_is_revealed(start_sum):
    sum_ = start_sum(ZEROS).run(until=Kind.SURVIVORS)
    survivors = sum_.waiting["alder"]
    refuses(sum_.hub, sum_.seen[Kind.MASKED - 1]["alder"], "secagg.turn", "alder")
    alder = sum_.members["alder"]
    assert alder.receive(survivors)[5] == Kind.CONSENT
    refuses(alder, survivors, "secagg.turn")


# --- members that vanish ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
def test_a_member_that_vanishes_does_not_end_the_sum(start_sum, kind):
    """Five of the eight cannot go on without one."""
    sum_ = start_sum([[1], [20], [300], [4000]], threshold=3).run(until=kind).vanish("cedar").run()
    assert sum_.hub.total.tolist() == [4321 if "cedar" in sum_.hub.survivors else 4021]


def test_too_few_are_an_end_and_not_a_smaller_sum(start_sum):
    sum_ = start_sum([[1], [20], [300], [4000]], threshold=3).run(until=Kind.MASKED).vanish("birch", "cedar")
    with pytest.raises(Refused, match=r"secagg\.dropout"):
        sum_.run()


# --- integers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [32, 64])
def test_range_and_overflow_are_checked_before_anything_leaves(session_of, key_of, draw_of, bits):
    session = session_of(number_bits=bits)
    member = Contributor(session, "alder", sign=key_of("alder").sign, draw=draw_of("draw"))
    limit = (2 ** (bits - 1) - 1) // 3
    for value in (limit + 1, -limit - 1):
        with pytest.raises(Refused, match=r"secagg\.range"):
            member.contribute(np.array([value, 0]))
    with pytest.raises(Refused, match=r"secagg\.input"):
        member.contribute(np.array([0.5, 0.0]))
    member.contribute(np.array([limit, -limit]))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_largest_numbers_of_all_are_summed_exactly(start_sum, bits):
    limit = (2 ** (bits - 1) - 1) // 4
    vectors = [[limit, -limit, number] for number in range(4)]
    sum_ = start_sum(vectors, number_bits=bits).run()
    assert sum_.hub.total.dtype == np.int64
    assert sum_.hub.total.tolist() == [4 * limit, -4 * limit, 6]


def test_neighbouring_masked_numbers_have_nothing_to_do_with_each_other(start_sum):
    """Of 32 bits too: every bit is as often set as not, in every place."""
    sum_ = start_sum(ZEROS, number_bits=32).run(until=Kind.MASKED)
    for left, right in pairwise(sum_.waiting.values()):
        numbers = [np.frombuffer(parse_masked(m, 32).numbers, dtype="<u4") for m in (left, right)]
        for each in (*numbers, numbers[0] - numbers[1], numbers[0] + numbers[1]):
            bits = np.unpackbits(each.astype("<u4").view(np.uint8)).reshape(len(each), 32).sum(axis=0)
            assert np.abs(bits.astype(int) - len(each) / 2).max() < 4.5 * np.sqrt(len(each)) / 2


def test_a_bad_input_of_one_member_is_refused_by_name(start_sum):
    sum_ = start_sum(ZEROS).run(until=Kind.MASKED)
    changed = bytearray(sum_.waiting["birch"])
    changed[100] ^= 1
    with pytest.raises(Malformed, match="`birch`"):
        sum_.hub.receive("birch", bytes(changed))
