"""Whole sums: exact totals, and any disturbed byte anywhere ends them."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hansa.secagg
from hansa.errors import HansaError, Refused
from hansa.secagg import Contributor, Kind, Quantiser


def test_the_front_page_runs():
    assert doctest.testmod(hansa.secagg).failed == 0


@st.composite
def inputs(draw):
    count = draw(st.integers(3, 7))
    length = draw(st.integers(1, 6))
    limit = (2**63 - 1) // count
    number = st.integers(-limit, limit) | st.sampled_from([limit, -limit, 0])
    vectors = draw(
        st.lists(st.lists(number, min_size=length, max_size=length), min_size=count, max_size=count)
    )
    return vectors, draw(st.integers(count // 2 + 1, count)), draw(st.text(max_size=3))


@given(inputs())
@settings(max_examples=40, deadline=None)
def test_totals_are_exact(start_sum, case):
    vectors, threshold, label = case
    sum_ = start_sum(vectors, threshold=threshold, label=label).run()
    assert sum_.hub.total.dtype == np.int64
    assert sum_.hub.total.tolist() == [sum(column) for column in zip(*vectors, strict=True)]


def test_unsigned_vectors_are_summed_too(start_sum):
    vectors = np.array([[1, 2**61], [2, 5], [3, 7]], dtype=np.uint64)
    assert start_sum(vectors).run().hub.total.tolist() == [6, 2**61 + 12]


def test_vectors_longer_than_a_chunk_are_exact(start_sum):
    vectors = np.random.default_rng(7).integers(-(2**60), 2**60, (4, 70_001))
    assert (start_sum(vectors).run().hub.total == vectors.sum(axis=0)).all()


@pytest.mark.parametrize("bits", [32, 64])
def test_threads_change_no_byte_of_a_sum(start_sum, bits):
    vectors = np.random.default_rng(7).integers(-(2**28), 2**28, (3, 1_000_001))
    sums = [start_sum(vectors, number_bits=bits) for _ in range(2)]
    for machine in (*sums[1].members.values(), sums[1].hub):
        machine._threads = 2
    one, several = (sum_.run() for sum_ in sums)
    assert one.seen == several.seen
    assert (several.hub.total == vectors.sum(axis=0)).all()
    assert (one.hub.total == vectors.sum(axis=0)).all()


@pytest.mark.parametrize("number", [2**31 // 3 + 1, -(2**31) // 3 - 1])
@pytest.mark.parametrize("place", [0, 32_767, 32_768, 70_000])
def test_a_number_out_of_range_is_found_wherever_it_stands(start_sum, number, place):
    sum_ = start_sum(np.ones((3, 70_001), dtype=np.int64), number_bits=32)
    vector = np.ones(70_001, dtype=np.int64)
    vector[place] = number
    alder = Contributor(sum_.session, "alder", sign=sum_.keys["alder"].sign, draw=bytes)
    with pytest.raises(Refused) as excinfo:
        alder.contribute(vector)
    assert excinfo.value.rule == "secagg.range"
    alder.contribute(np.ones(70_001, dtype=np.int64))  # the machine is as it was


def test_real_numbers_pass_through_the_door(start_sum):
    bounds = np.array([1.0, 1e6, 1e-6])
    values = np.array([[0.5, -1e6, 1e-7], [-0.25, 123456.789, 1e-6], [1.0, 0.125, -1e-6], [0.0, 1e5, 0.0]])
    quantiser = Quantiser(bounds, 4)
    total = start_sum([quantiser.encode(row) for row in values]).run().hub.total
    assert np.allclose(quantiser.decode(total), values.sum(axis=0), rtol=1e-12, atol=1e-14)


def test_the_same_draws_give_the_same_bytes_and_other_draws_other_bytes(start_sum):
    first, again, other = start_sum().run(), start_sum().run(), start_sum(label="other").run()
    assert first.seen == again.seen
    assert all(
        first.seen[kind - 1][name] != other.seen[kind - 1][name]
        for kind in (Kind.ADVERT, Kind.SHARES, Kind.MASKED, Kind.CONSENT, Kind.REVEAL)
        for name in first.members
    )


def test_a_small_sum_costs_few_bytes_beside_the_numbers(start_sum):
    """Upload: 8 bytes a number, and less than 10 kB of protocol for 33 members."""
    names = tuple(f"member-{number:02}" for number in range(33))
    sum_ = start_sum(np.zeros((33, 100), dtype=np.int64), names=names).run()
    upload = sum(len(sum_.seen[kind - 1]["member-07"]) for kind in Kind if kind % 2)
    assert upload - 8 * 100 < 10_000


def flipped(message, position):
    changed = bytearray(message)
    changed[position] ^= 1 << position % 8
    return bytes(changed)


@pytest.mark.parametrize("kind", Kind)
def test_a_flip_in_any_byte_of_any_message_ends_the_sum_by_name(start_sum, kind):
    sum_ = start_sum([[10], [20], [30]]).run(until=kind)
    rules = set()
    for position in range(len(sum_.waiting["birch"])):
        disturbed = sum_.copy()
        disturbed.waiting = {**sum_.waiting, "birch": flipped(sum_.waiting["birch"], position)}
        with pytest.raises(HansaError) as excinfo:
            disturbed.run()
        rules.add(excinfo.value.rule)
        with pytest.raises(RuntimeError):
            _ = disturbed.hub.total
    assert {rule.split(".")[0] for rule in rules} == {"secagg"}
    assert {"secagg.form", "secagg.session", "secagg.sender"} <= rules


@pytest.mark.parametrize("kind", Kind)
def test_a_message_of_any_other_size_ends_the_sum(start_sum, kind):
    sum_ = start_sum([[10], [20], [30]]).run(until=kind)
    message = sum_.waiting["birch"]
    for wrong in (b"", message[:-1], message[: len(message) // 2], message + b"\0", message * 2):
        disturbed = sum_.copy()
        disturbed.waiting = {**sum_.waiting, "birch": wrong}
        with pytest.raises(HansaError) as excinfo:
            disturbed.run()
        assert excinfo.value.rule == "secagg.form"


def test_a_refused_member_leaves_the_others_without_a_total(start_sum):
    """Alder was shown a false roster; birch and cedar never reveal anything."""
    sum_ = start_sum().run(until=Kind.ROSTER)
    with pytest.raises(HansaError):
        sum_.members["alder"].receive(flipped(sum_.waiting["alder"], 90))
    for name in ("birch", "cedar"):
        sum_.hub.receive(name, sum_.members[name].receive(sum_.waiting[name]))
    with pytest.raises(HansaError, match="`alder` sent no message `shares`"):
        sum_.hub.broadcast()
