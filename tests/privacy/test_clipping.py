import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.privacy import describe_clipping, find_factors, truncate, weigh_rows


def test_a_row_within_the_bound_is_left_alone_and_a_longer_one_ends_at_it():
    factors = find_factors(np.array([0.0, 1.0, 2.0, 8.0]), 2.0)
    assert factors.tolist() == [1.0, 1.0, 1.0, 0.25]


@pytest.mark.parametrize("clip_norm", [0.0, -1.0, float("nan")])
def test_a_clip_norm_that_is_not_positive_is_a_mistake(clip_norm):
    with pytest.raises(ValueError, match="must be positive"):
        find_factors(np.ones(1), clip_norm)


def test_without_units_every_row_counts_as_one():
    assert weigh_rows(None, 3, 1).tolist() == [1.0, 1.0, 1.0]


def test_a_unit_counts_like_at_most_so_many_rows():
    units = np.array(["ann", "bob", "ann", "ann", "ann", "cyd", "cyd"], dtype=object)
    assert weigh_rows(units, 7, 2).tolist() == [0.5, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0]


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.integers(1, 5))
def test_no_unit_weighs_more_than_allowed_or_changes_another(units, most):
    column = np.array(units, dtype=object)
    weights = weigh_rows(column, len(units), most)
    for unit in set(units):
        assert weights[column == unit].sum() <= most + 1e-9
        others = column != unit
        assert weigh_rows(column[others], int(others.sum()), most).tolist() == weights[others].tolist()


def test_what_clipping_did_is_told():
    clipping = describe_clipping(np.array([1.0, 4.0, 8.0, 2.0]), 2.0)
    assert clipping.share == pytest.approx(0.5)
    assert clipping.kept == pytest.approx((0.5 + 0.25) / 2)


def test_where_nothing_is_cut_nothing_is_lost():
    clipping = describe_clipping(np.array([1.0]), 2.0)
    assert (clipping.share, clipping.kept) == (0.0, 1.0)
    assert describe_clipping(np.zeros(0), 2.0).share == 0.0


@given(st.floats(-100, 100), st.integers(0, 20))
def test_the_grid_lies_towards_zero(value, places):
    (settled,) = truncate(np.array([value]), places)
    assert abs(settled) <= abs(value)
    assert abs(value - settled) < 2.0**-places
    assert (settled * 2**places) == int(settled * 2**places)


def test_sums_on_the_grid_do_not_depend_on_their_order():
    values = np.random.default_rng(0).normal(size=5000)
    orders = [np.random.default_rng(seed).permutation(5000) for seed in range(5)]
    grid = truncate(values, 24)
    assert len({float(np.cumsum(grid[order])[-1]) for order in orders}) == 1
    assert len({float(np.cumsum(values[order])[-1]) for order in orders}) > 1
