import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hansa.errors import Refused
from hansa.secagg import Quantiser

bounds_of = arrays(np.float64, st.integers(1, 6), elements=st.floats(0, 2.0**50))


def refuses(rule):
    return pytest.raises(Refused, match=rf"^{rule}: ")


@given(bounds_of, st.integers(1, 1024))
def test_the_scale_is_the_finest_whose_total_stays_within_2_to_the_62(bounds, contributors):
    for bound, bits in zip(bounds, Quantiser(bounds, contributors).bits.tolist(), strict=True):
        largest = Fraction(float(bound) * contributors)
        assert 0 <= bits <= 50
        assert largest * 2**bits <= 2**62
        assert bits == 50 or largest * 2 ** (bits + 1) > 2**62


@given(arrays(np.float64, st.integers(1, 6), elements=st.floats(0, 2.0**20)), st.integers(1, 1024), st.data())
def test_integers_of_32_bits_stay_within_2_to_the_30_and_what_a_member_may_send(bounds, contributors, data):
    quantiser = Quantiser(bounds, contributors, 32)
    for bound, bits in zip(bounds, quantiser.bits.tolist(), strict=True):
        largest = Fraction(float(bound) * contributors)
        assert largest * 2**bits <= 2**30
        assert bits == 50 or largest * 2 ** (bits + 1) > 2**30
    values = data.draw(arrays(np.float64, len(bounds), elements=st.sampled_from([-1.0, 1.0]))) * bounds
    assert np.abs(quantiser.encode(values)).max() <= (2**31 - 1) // contributors


def test_a_bound_whose_total_passes_2_to_the_30_needs_64_bits():
    with refuses(r"secagg\.range"):
        Quantiser(np.array([2.0**28]), 5, 32)
    assert Quantiser(np.array([2.0**28]), 5).bits.tolist() == [31]


@given(st.data(), bounds_of, st.integers(1, 40))
def test_totals_of_encoded_values_are_exact_and_as_close_as_promised(data, bounds, contributors):
    quantiser = Quantiser(bounds, contributors)
    shares = data.draw(
        arrays(np.float64, (contributors, len(bounds)), elements=st.floats(-1, 1)),
        label="shares of the bound",
    )
    values = shares * bounds
    encoded = [quantiser.encode(row) for row in values]
    total = np.zeros(len(bounds), dtype=np.uint64)
    for row in encoded:
        total += row.astype(np.uint64)
    signed = total.view(np.int64)
    assert signed.tolist() == [sum(column) for column in zip(*(row.tolist() for row in encoded), strict=True)]
    decoded = quantiser.decode(signed)
    for index, bits in enumerate(quantiser.bits.tolist()):
        exact = sum(Fraction(value) for value in values[:, index].tolist())
        rounding = Fraction(contributors, 2 ** (bits + 1))
        assert abs(Fraction(float(decoded[index])) - exact) <= rounding + abs(exact) / 2**52


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.0000000000000002, -1e300])
def test_a_value_beyond_its_bound_is_refused_by_coordinate(value):
    quantiser = Quantiser(np.ones(4), 3)
    with refuses("secagg.range") as excinfo:
        quantiser.encode(np.array([0.0, value, 1.0, value]))
    assert "coordinates 1, 3" in str(excinfo.value)


def test_a_refusal_names_places_and_not_values():
    with refuses("secagg.range") as excinfo:
        Quantiser(np.ones(9), 3).encode(np.full(9, 123456.0))
    assert "coordinates 0, 1, 2, 3, 4 and 4 more" in str(excinfo.value)
    assert "123456" not in str(excinfo.value)


def test_the_bound_itself_passes_on_both_sides():
    quantiser = Quantiser(np.array([0.1, 1.0, 0.0, 2.0**61]), 2)
    assert quantiser.bits.tolist() == [50, 50, 50, 0]
    values = np.array([0.1, -1.0, 0.0, -(2.0**61)])
    assert quantiser.decode(2 * quantiser.encode(values)).tolist() == pytest.approx((2 * values).tolist())


@pytest.mark.parametrize("bound", [np.nan, np.inf, -1.0, 2.0**62, 1e308])
def test_a_bound_that_allows_no_safe_total_is_refused(bound):
    with refuses("secagg.range"):
        Quantiser(np.array([1.0, bound]), 3)


def test_another_shape_is_refused():
    quantiser = Quantiser(np.ones(2), 3)
    with refuses("secagg.length"):
        quantiser.encode(np.ones(3))
    with refuses("secagg.length"):
        quantiser.decode(np.ones((2, 1), dtype=np.int64))
    with pytest.raises(ValueError):
        Quantiser(np.ones((2, 1)), 3)
    with pytest.raises(ValueError):
        Quantiser(np.ones(2), 0)


def test_the_digest_stands_for_the_scale():
    ones = Quantiser(np.ones(3), 3)
    assert ones.digest == Quantiser(np.full(3, 0.9), 4).digest  # the same binary places
    assert ones.digest != Quantiser(np.full(3, 2.0**20), 3).digest
    assert ones.digest != Quantiser(np.ones(4), 3).digest


def test_later_changes_of_the_bounds_change_nothing():
    bounds = np.ones(2)
    quantiser = Quantiser(bounds, 3)
    bounds[:] = 5.0
    with refuses("secagg.range"):
        quantiser.encode(np.full(2, 4.0))


def test_nothing_but_the_result_is_as_long_as_the_vector():
    bounds = np.ones(1_000_000)
    bounds.setflags(write=False)
    tracemalloc.start()
    try:
        quantiser = Quantiser(bounds, 3)
        encoded = quantiser.encode(bounds)
        before = tracemalloc.get_traced_memory()[0]
        quantiser.decode(encoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert before < encoded.nbytes + len(bounds) + 500_000
    assert peak < 2 * encoded.nbytes + len(bounds) + 2_500_000
