"""What can be learnt from what is sent: by the hub, by colluders, and where the stated limits lie.

All draws are fixed, so that these statistics are facts about fixed bytes and never fail by chance.
"""

from itertools import pairwise

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.secagg import Kind
from hansa.secagg.agreement import agree_secret
from hansa.secagg.field import PRIME, parse_element
from hansa.secagg.masking import apply_masks, commit_to_seed, derive_pair_mask, derive_self_mask
from hansa.secagg.message import parse_reveal, parse_roster
from hansa.secagg.pairing import salt_pair, salt_self
from hansa.secagg.shamir import join_shares
from hansa.secagg.statement import parse_advert, parse_masked

LENGTH = 20_000
INPUTS = {
    "zeros": np.zeros(LENGTH, dtype=np.int64),
    "ones": np.ones(LENGTH, dtype=np.int64),
    "minus one": np.full(LENGTH, -1),
    "a ramp": np.arange(LENGTH),
    "few values": np.arange(LENGTH) % 3,
}


def numbers_of(message):
    return np.frombuffer(parse_masked(message, 64).numbers, dtype="<u8").astype(np.uint64)


def looks_uniform(numbers):
    """Bytes evenly spread, every one of 64 bits balanced, neighbours unrelated; each within 4.5 sigma."""
    counts = np.bincount(numbers.view(np.uint8), minlength=256)
    expected = numbers.nbytes / 256
    chi_square = ((counts - expected) ** 2 / expected).sum()
    if abs(chi_square - 255) >= 4.5 * np.sqrt(2 * 255):
        return False
    bits = np.unpackbits(numbers.view(np.uint8)).reshape(len(numbers), 64).sum(axis=0, dtype=np.int64)
    if np.abs(bits - len(numbers) / 2).max() >= 4.5 * np.sqrt(len(numbers)) / 2:
        return False
    values = numbers.astype(np.float64)
    return abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4.5 / np.sqrt(len(numbers))


def test_the_measure_of_uniformity_sees_what_is_not_uniform():
    generator = np.random.default_rng(1)
    assert looks_uniform(generator.integers(0, 2**64, LENGTH, dtype=np.uint64))
    scalar = generator.integers(0, 2**64, dtype=np.uint64)
    gaussian = (generator.normal(size=LENGTH) * 2**40).astype(np.int64).astype(np.uint64)
    for weak in (
        INPUTS["a ramp"].astype(np.uint64),
        np.full(LENGTH, scalar),  # one scalar added to every number
        gaussian,  # a mask that is not modular
        generator.integers(0, 2**63, LENGTH, dtype=np.uint64),  # one bit of 64 is constant
    ):
        assert not looks_uniform(weak)


@pytest.mark.parametrize("what", INPUTS)
def test_what_the_hub_sees_of_a_member_looks_uniform_whatever_it_sent(start_sum, what):
    sum_ = start_sum([INPUTS[what]] * 3).run(until=Kind.SURVIVORS)
    seen = [numbers_of(message) for message in sum_.seen[Kind.MASKED - 1].values()]
    for numbers in seen:
        assert looks_uniform(numbers)
        assert len(np.intersect1d(numbers, INPUTS[what].astype(np.uint64))) == 0
    for left, right in pairwise([*seen, seen[0]]):
        assert looks_uniform(left - right)  # no mask is shared
        assert looks_uniform(left + right)
    assert looks_uniform(sum(seen))  # self masks hide the total until the reveal


def test_two_sums_of_the_same_numbers_have_nothing_in_common(start_sum):
    """Not even when the same round is tried again: keys are drawn anew each time."""
    vectors = [INPUTS["zeros"]] * 3
    first, again = (
        numbers_of(start_sum(vectors, label=label).run(until=Kind.MASKED).waiting["alder"])
        for label in ("once", "twice")
    )
    assert not (first == again).any()
    assert looks_uniform(first - again)


# --- all but two against two -------------------------------------------------------------------------

NAMES = ("alder", "birch", "cedar", "dogwood", "elm")
ALDER, BIRCH = 0, 1


def everything_the_others_know(sum_):
    """Run a sum to its end, keeping what cedar, dogwood and elm hold: their keys, and all shares they got."""
    keys = {}
    held = {}
    while sum_.waiting:
        if sum_.kind is Kind.ADVERT:
            keys = {name: sum_.members[name]._mask_key.private_bytes_raw() for name in NAMES[2:]}
        if sum_.kind is Kind.MASKED:
            held = {name: dict(sum_.members[name]._held) for name in NAMES[2:]}
        sum_.step()
    return keys, held


def strip(sum_, name, colluders_keys):
    """Take off one member's numbers every mask that the hub and the colluders together can compute."""
    index = NAMES.index(name)
    roster = parse_roster(sum_.seen[Kind.ROSTER - 1][name])
    numbers = numbers_of(sum_.seen[Kind.MASKED - 1][name])
    reveals = [parse_reveal(message) for message in sum_.seen[Kind.REVEAL - 1].values()]
    seed = join_shares(
        {reveal.sender + 1: parse_element(reveal.shares[index].share) for reveal in reveals}
    ).to_bytes(32, "little")
    own = roster.adverts[index]
    masks = [derive_self_mask(seed, salt_self(own), index, adds=False)]
    for colluder, key in colluders_keys.items():
        secret = agree_secret(X25519PrivateKey.from_private_bytes(key), roster.adverts[index].mask_key)
        other = NAMES.index(colluder)
        masks.append(
            derive_pair_mask(secret, salt_pair(own, roster.adverts[other]), other, index)
        )  # cancels ours
    apply_masks(numbers, masks)
    return numbers


@pytest.fixture(scope="module")
def two_honest(start_sum):
    """Alder and birch against the hub and all the others; the threshold is the whole cohort."""

    def run(alder, birch):
        others = [np.full(len(alder), value) for value in (5, 6, 7)]
        sum_ = start_sum([alder, birch, *others], names=NAMES, threshold=5)
        keys, held = everything_the_others_know(sum_)
        return sum_, keys, held

    return run


def test_the_hub_and_all_others_learn_only_the_sum_of_two(two_honest):
    sum_, keys, _ = two_honest(INPUTS["a ramp"], INPUTS["few values"])
    alder, birch = strip(sum_, "alder", keys), strip(sum_, "birch", keys)
    assert (alder + birch == (INPUTS["a ramp"] + INPUTS["few values"]).astype(np.uint64)).all()
    assert looks_uniform(alder)
    assert looks_uniform(birch)


@given(st.integers(-(2**40), 2**40))
@settings(max_examples=5, deadline=None)
def test_every_other_split_of_the_two_fits_what_they_see(two_honest, shift):
    """Only the two masked vectors (and what signs them) depend on how the sum is split."""
    alder, birch = np.array([1000, -7, 0]), np.array([-1, 20, 33])
    one, keys, held = two_honest(alder, birch)
    other, other_keys, other_held = two_honest(alder + shift, birch - shift)
    assert keys == other_keys
    assert held == other_held
    for kind in set(Kind) - {Kind.MASKED, Kind.CONSENT, Kind.CONSENTS}:
        assert one.seen[kind - 1] == other.seen[kind - 1]
    assert all(one.seen[Kind.MASKED - 1][name] == other.seen[Kind.MASKED - 1][name] for name in NAMES[2:])
    residual = {name: strip(one, name, keys) for name in ("alder", "birch")}
    # A pair mask that is `shift` smaller explains the same bytes by the other split; the mask is a
    # keystream nobody else can compute, so no split is excluded.
    mask = residual["alder"] - alder.astype(np.uint64)
    shifted_mask = mask - np.full(3, shift).astype(np.uint64)
    assert ((alder + shift).astype(np.uint64) + shifted_mask == residual["alder"]).all()
    assert ((birch - shift).astype(np.uint64) - shifted_mask == residual["birch"]).all()
    assert (one.hub.total == other.hub.total).all()


def test_against_all_the_others_the_last_member_cannot_be_hidden(two_honest):
    """Unavoidable in any sum: the total less everybody else's numbers is the last one's."""
    sum_, _, _ = two_honest(np.array([1000, -7]), np.array([1, 2]))
    known = np.array([1, 2]) + 5 + 6 + 7
    assert (sum_.hub.total - known).tolist() == [1000, -7]


# --- the limit of the threshold ----------------------------------------------------------------------


def shares_of_alder(held, count):
    return {NAMES.index(name) + 1: shares[ALDER] for name, shares in list(held.items())[:count]}


def test_one_share_fewer_than_the_threshold_gives_neither_secret(two_honest, start_sum):
    sum_ = start_sum([[1]] * 5, names=NAMES, threshold=4)
    key, seed = sum_.members["alder"]._mask_key.private_bytes_raw(), sum_.members["alder"]._seed
    _, held = everything_the_others_know(sum_)
    known = shares_of_alder(held, 3)
    assert join_shares({point: share.mask_key for point, share in known.items()}) != int.from_bytes(
        key, "little"
    )
    assert join_shares({point: share.self_seed for point, share in known.items()}) != int.from_bytes(
        seed, "little"
    )
    # Each secret fits: with any value at a fourth point the polynomial has the right degree.
    joined = {
        join_shares({**{p: s.mask_key for p, s in known.items()}, 4 + extra: 1}) for extra in range(2, 20)
    }
    assert len(joined) == 18


def test_as_many_colluders_as_the_threshold_with_the_hub_read_a_member(start_sum):
    """The stated limit, and the reason to ask for as many shares as the coalition can bear."""
    sum_ = start_sum([[4242]] * 5, names=NAMES, threshold=3)
    keys, held = everything_the_others_know(sum_)
    known = shares_of_alder(held, 3)
    key = join_shares({point: share.mask_key for point, share in known.items()}) % PRIME
    alders_key = key.to_bytes(32, "little")
    advert = parse_advert(sum_.seen[Kind.ADVERT - 1]["alder"])
    assert X25519PrivateKey.from_private_bytes(alders_key).public_key().public_bytes_raw() == advert.mask_key
    roster = parse_roster(sum_.seen[Kind.ROSTER - 1]["alder"])
    numbers = strip(sum_, "alder", keys)
    with_birch = agree_secret(X25519PrivateKey.from_private_bytes(alders_key), roster.adverts[BIRCH].mask_key)
    salt = salt_pair(*roster.adverts[:2])
    apply_masks(numbers, [derive_pair_mask(with_birch, salt, BIRCH, ALDER)])
    assert numbers.tolist() == [4242]


def test_a_commitment_tells_a_seed_only_to_who_has_it(start_sum):
    sum_ = start_sum()
    seed = sum_.members["alder"]._seed
    advert = parse_advert(sum_.waiting["alder"])
    assert advert.commitment == commit_to_seed(seed, sum_.session.digest)
    assert seed not in sum_.waiting["alder"]


def test_an_outsider_on_the_wire_learns_the_total_at_most(start_sum):
    """It sees what the hub sees; without the hub's role it has nothing more."""
    sum_ = start_sum([INPUTS["zeros"]] * 3).run(until=Kind.REVEAL)
    masked = [numbers_of(message) for message in sum_.seen[Kind.MASKED - 1].values()]
    assert looks_uniform(sum(masked))
