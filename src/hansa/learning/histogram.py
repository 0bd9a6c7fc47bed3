"""Equal bins over a number's declared range: their edges, which bin a value falls into, and what counts say of quantiles."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from hansa.learning.tables import Codes, NumberFeature, Vector

QUANTILES: Final = (Fraction(1, 20), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(19, 20))
"""Those that are told."""


class Ranks(NamedTuple):
    """Between which edges a quantile lies, and where in between if the rows there are spread evenly."""

    low: int
    high: int
    value: Fraction
    """In edges: 2.5 is the middle of the third bin."""


def find_width(number: NumberFeature) -> Fraction:
    """Return the width of a number's declared range, exactly."""
    return Fraction(repr(number.maximum)) - Fraction(repr(number.minimum))


def find_edges(number: NumberFeature, bins: int) -> tuple[Fraction, ...]:
    """Return the `bins` + 1 edges of a number's bins, exactly, from its minimum to its maximum."""
    # The shortest decimal that names a float is the one that the plan says.
    low, width = Fraction(repr(number.minimum)), find_width(number)
    return tuple(low + width * place / bins for place in range(bins + 1))


def place_values(number: NumberFeature, bins: int, values: Vector) -> Codes:
    """Return the bin of each value: shape (n,), from 0. A value on an edge is in the bin above, at the end in the last.

    Args:
        number: what the values are.
        bins: how many, >= 1.
        values: shape (n,), within the declared range, not NaN.
    """
    inner = np.array([float(edge) for edge in find_edges(number, bins)[1:-1]])
    return np.searchsorted(inner, values, side="right").astype(np.intp, copy=False)


def rank_rows(edges: Sequence[int], rows: Sequence[Fraction], least: Fraction, most: Fraction) -> Ranks:
    """Find between which edges the row of a rank lies, when the rank is known to lie between two.

    Args:
        edges: shape (n + 1,), the edge at which each run of rows begins, and the last one's end, ascending.
        rows: shape (n,), >= 0, in each run; more than 0 in all.
        least: the rank from below.
        most: the rank from above, at least as much.

    Returns:
        The edges around both ranks; the value is that of the rank in the middle, as if rows lay evenly in their run. A run
        was closed by the bin that made it enough, so its rows are mostly there; where in the last one is not known.
    """
    low, _ = _find_run(rows, least)
    high, _ = _find_run(rows, most)
    run, within = _find_run(rows, (least + most) / 2)
    start, end = edges[run], edges[run + 1]
    if run < len(rows) - 1:
        start = end - 1
    return Ranks(edges[low], edges[high + 1], start + within * (end - start))


def _find_run(rows: Sequence[Fraction], rank: Fraction) -> tuple[int, Fraction]:
    """Return the run that holds the row of a rank, and which share of that run's rows is not above it."""
    held = [run for run, count in enumerate(rows) if count > 0]
    passed = Fraction(0)
    for run in held:
        if passed + rows[run] >= rank:
            return run, max((rank - passed) / rows[run], Fraction(0))
        passed += rows[run]
    return held[-1], Fraction(1)


def find_step(width: Fraction, parts: float) -> Fraction:
    """Return 1, 2 or 5 times a power of ten: the least such number that is not below a width divided into so many parts."""
    least = width / max(math.floor(parts), 1)
    # By counting, not by a logarithm, whose last bit differs between machines.
    power = Fraction(1, 10**12)
    while True:
        for step in (power, 2 * power, 5 * power):
            if step >= least:
                return step
        power *= 10


def round_figure(value: float | Fraction, step: Fraction) -> Fraction:
    """Return the multiple of a step that is nearest to a value; of two, the even one."""
    return round(Fraction(value) / step) * step
