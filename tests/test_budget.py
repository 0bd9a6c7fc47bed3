from decimal import Decimal
from fractions import Fraction
from math import sqrt

import pytest
from dp_accounting import GaussianDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from hypothesis import given
from hypothesis import strategies as st

from hansa.budget import EPSILON_PLACES, RHO_PLACES, convert_to_epsilon, convert_to_rho, find_largest_epsilon

EPSILONS = st.decimals("0.01", "50", places=3).map(str)
DELTAS = st.integers(2, 12).map(lambda power: f"{Decimal(10) ** -power:f}")


@given(EPSILONS, DELTAS)
def test_a_rho_is_worth_no_more_than_what_it_was_made_from(epsilon, delta):
    rho = convert_to_rho(epsilon, delta)
    assert convert_to_epsilon(rho, delta) <= Decimal(epsilon)
    assert rho.denominator <= 10**RHO_PLACES


@given(EPSILONS, DELTAS)
def test_hardly_anything_is_lost_on_the_way_back(epsilon, delta):
    back = convert_to_epsilon(convert_to_rho(epsilon, delta), delta)
    assert Decimal(epsilon) - back <= Decimal(1).scaleb(-EPSILON_PLACES)


@given(EPSILONS, EPSILONS, DELTAS)
def test_two_runs_cost_at_least_as_much_as_one(first, second, delta):
    one, other = convert_to_rho(first, delta), convert_to_rho(second, delta)
    assert convert_to_epsilon(one + other, delta) >= convert_to_epsilon(max(one, other), delta)


@pytest.mark.parametrize("epsilon", ["0.3", "1", "3", "8"])
def test_another_accountant_agrees_that_it_holds(epsilon):
    noise = GaussianDpEvent(sqrt(1 / (2 * float(convert_to_rho(epsilon, "0.00001")))))
    exact = PLDAccountant().compose(noise).get_epsilon(1e-5)
    assert 0.85 * float(epsilon) < exact <= float(epsilon)
    # It tries few orders, so it may be a little above the best one.
    assert RdpAccountant().compose(noise).get_epsilon(1e-5) == pytest.approx(float(epsilon), rel=0.01)


def test_a_known_value_to_the_last_digit():
    assert convert_to_rho("3", "0.00001") == Fraction(224248882, 10**9)
    assert convert_to_epsilon(Fraction(1, 10), "0.00001") == Decimal("1.915")


def test_nothing_spent_is_worth_nothing():
    assert convert_to_epsilon(Fraction(0), "0.00001") == 0


def test_a_guarantee_too_small_for_a_billionth_buys_nothing():
    assert convert_to_rho("0.000001", "0.000000000001") == 0


@pytest.mark.parametrize(
    ("epsilon", "delta"), [("0", "0.1"), ("-1", "0.1"), ("NaN", "0.1"), ("1", "1"), ("1", "0")]
)
def test_what_is_no_guarantee_is_no_input(epsilon, delta):
    with pytest.raises(ValueError, match="decimal"):
        convert_to_rho(epsilon, delta)


def test_nobody_has_spent_less_than_nothing():
    with pytest.raises(ValueError, match="at least 0"):
        convert_to_epsilon(Fraction(-1), "0.00001")


@given(st.integers(0, 5 * 10**9), DELTAS)
def test_what_is_left_pays_for_the_largest_epsilon_and_for_none_above(billionths, delta):
    rho = Fraction(billionths, 10**RHO_PLACES)
    largest = find_largest_epsilon(rho, delta)
    assert largest == 0 or convert_to_rho(str(largest), delta) <= rho
    above = largest + Decimal(1).scaleb(-EPSILON_PLACES)
    assert convert_to_rho(str(above), delta) > rho
