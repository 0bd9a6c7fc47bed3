import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.budget import convert_to_epsilon
from hansa.errors import Unavailable
from hansa.privacy import compose


def test_nothing_costs_nothing():
    assert compose([], 1e-5) == 0.0


def test_parts_cost_what_the_whole_costs():
    assert compose([0.05, 0.1, 0.05], 1e-5) == pytest.approx(compose([0.2], 1e-5), rel=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.sampled_from(["0.00001", "0.001"]))
def test_the_account_that_decides_is_never_below_the_second_opinion(thousandths, delta):
    rhos = [Fraction(number, 1000) for number in thousandths]
    decided = float(convert_to_epsilon(sum(rhos, Fraction(0)), delta))
    assert compose([float(rho) for rho in rhos], float(delta)) <= decided


@pytest.mark.parametrize(("rhos", "delta"), [([0.0], 1e-5), ([-1.0], 1e-5), ([0.1], 0.0), ([0.1], 1.0)])
def test_costs_and_deltas_out_of_range_are_mistakes(rhos, delta):
    with pytest.raises(ValueError, match="expected costs"):
        compose(rhos, delta)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(Unavailable, match="extra `dp`"):
        compose([0.1], 1e-5)
