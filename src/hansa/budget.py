"""Privacy budgets in exact arithmetic: what an (epsilon, delta) guarantee is worth, and what is left of it.

The account of a data set is kept in zero-concentrated differential privacy, because its one number, rho, simply
adds up over all questions that were ever asked, whatever they were. Everything here is integers, fractions and
correctly rounded decimals, so that every member computes the same account, bit for bit. This module stands
below both halves: the record decides with it, the computation calibrates its noise with it.

    >>> from fractions import Fraction
    >>> rho = convert_to_rho("3", "0.00001")
    >>> rho < Fraction(1, 4), convert_to_epsilon(rho, "0.00001") <= 3
    (True, True)
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

RHO_PLACES: Final = 9
"""Decimal places of every rho that is decided with."""

EPSILON_PLACES: Final = 3
"""Decimal places of an epsilon that is shown."""

_SCALE: Final = 10**RHO_PLACES
_EXACT: Final = Context(prec=60)
_ROUNDING: Final = Decimal("1e-40")
_OCTAVES: Final = range(-7, 30)
_STEPS: Final = 32


def convert_to_rho(epsilon: str, delta: str) -> Fraction:
    """Return the largest rho, in billionths, whose mechanisms are (epsilon, delta)-private.

    Args:
        epsilon: a decimal above 0.
        delta: a decimal above 0 and below 1.

    Raises:
        ValueError: a number is out of range.
    Guarantees:
        Rounded down; 0 when even a billionth would be too much.
    Source: Canonne, Kamath and Steinke 2020, "The discrete Gaussian for differential privacy",
        Proposition 12, solved for rho; any order alpha gives a valid answer, the best of a fixed grid is taken.
    """
    return _convert_to_rho(_positive(epsilon), _chance(delta))


def convert_to_epsilon(rho: Fraction, delta: str) -> Decimal:
    """Return an epsilon, in thousandths, for which rho is (epsilon, delta)-private.

    Args:
        rho: at least 0.
        delta: a decimal above 0 and below 1.

    Raises:
        ValueError: a number is out of range.
    Guarantees:
        Rounded up. Never below what `convert_to_rho` was given for this rho, less a thousandth.
    Source: the same proposition.
    """
    if rho < 0:
        raise ValueError(f"rho is at least 0, got {rho}")
    return _convert_to_epsilon(rho, _chance(delta))


def find_largest_epsilon(rho: Fraction, delta: str) -> Decimal:
    """Return the largest epsilon, in thousandths, that rho still pays for.

    Args:
        rho: at least 0.
        delta: a decimal above 0 and below 1.

    Raises:
        ValueError: a number is out of range.
    Guarantees:
        `convert_to_rho` of it, unless it is 0, is at most `rho`; `convert_to_epsilon` is rounded up and may cost more.
    """
    epsilon = convert_to_epsilon(rho, delta)
    while epsilon > 0 and convert_to_rho(str(epsilon), delta) > rho:
        epsilon -= Decimal(1).scaleb(-EPSILON_PLACES)
    return epsilon


@lru_cache(maxsize=1024)
def _convert_to_rho(epsilon: Decimal, delta: Decimal) -> Fraction:
    def rho_at(order: Decimal) -> Decimal:
        return _EXACT.divide(_EXACT.add(epsilon, _slack(order, delta)), order)

    best = max(rho_at(order) for order in _find_orders(lambda order: -rho_at(order)))
    # Far more than the rounding of the logarithms, far less than a billionth.
    whole = int(_EXACT.multiply(_EXACT.subtract(best, _ROUNDING), Decimal(_SCALE)))
    return Fraction(max(whole, 0), _SCALE)


@lru_cache(maxsize=1024)
def _convert_to_epsilon(rho: Fraction, delta: Decimal) -> Decimal:
    if rho == 0:
        return Decimal(0)
    spent = _EXACT.divide(Decimal(rho.numerator), Decimal(rho.denominator))

    def epsilon_at(order: Decimal) -> Decimal:
        return _EXACT.subtract(_EXACT.multiply(spent, order), _slack(order, delta))

    best = min(epsilon_at(order) for order in _find_orders(epsilon_at))
    return max(best, Decimal(0)).quantize(Decimal(1).scaleb(-EPSILON_PLACES), rounding=ROUND_CEILING)


def _slack(order: Decimal, delta: Decimal) -> Decimal:
    """What an order gives away: (ln delta + ln order) / (order - 1) - ln(1 - 1/order)."""
    logs = _EXACT.add(_EXACT.ln(delta), _EXACT.ln(order))
    below = _EXACT.subtract(Decimal(1), _EXACT.divide(Decimal(1), order))
    return _EXACT.subtract(_EXACT.divide(logs, _EXACT.subtract(order, Decimal(1))), _EXACT.ln(below))


def _find_orders(height: Callable[[Decimal], Decimal]) -> list[Decimal]:
    """Return orders around the one of lowest `height`: powers of two above 1, then 32 steps to either side."""
    octave = min(_OCTAVES, key=lambda power: height(_order(power, 0)))
    return [_order(power, step) for power in (octave - 1, octave) for step in range(_STEPS + 1)]


def _order(power: int, step: int) -> Decimal:
    above = Fraction(2) ** power * Fraction(_STEPS + step, _STEPS)
    return _EXACT.add(Decimal(1), _EXACT.divide(Decimal(above.numerator), Decimal(above.denominator)))


def _positive(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value <= 0:
        raise ValueError(f"expected a decimal above 0, got {text}")
    return value


def _chance(text: str) -> Decimal:
    value = _positive(text)
    if value >= 1:
        raise ValueError(f"expected a decimal below 1, got {text}")
    return value
