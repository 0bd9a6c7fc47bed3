from fractions import Fraction

import pytest

from hansa.privacy import Noise


def test_a_sensitivity_of_one_at_a_fiftieth_takes_a_deviation_of_five():
    assert Noise(1.0, Fraction(1, 50)).deviation == pytest.approx(5.0)


def test_noise_grows_with_the_sensitivity_and_halves_when_four_times_the_cost_is_paid():
    assert Noise(3.0, Fraction(1, 50)).deviation == pytest.approx(15.0)
    assert Noise(1.0, Fraction(4, 50)).deviation == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("sensitivity", "rho"),
    [(0.0, Fraction(1)), (-1.0, Fraction(1)), (float("inf"), Fraction(1)), (1.0, Fraction(0))],
)
def test_noise_without_a_sensitivity_or_a_cost_is_a_mistake(sensitivity, rho):
    with pytest.raises(ValueError, match="above 0"):
        Noise(sensitivity, rho)
