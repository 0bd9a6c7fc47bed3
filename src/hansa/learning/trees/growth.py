"""From a level's sums to its splits.

What follows from totals uses +, −, × and ÷ of single float64 numbers, and sums that are exact because every number is a whole
multiple of one power of two. So every party finds the same splits from the same totals, to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Vector
from hansa.learning.trees.bins import Bins, CategoryBins, NumberBins

LEAST_GAIN: Final = 1e-6
"""A split that gains less is none."""


class Sums(NamedTuple):
    """What is known of some nodes: sums of slope, curvature and rows in each bin, and how many members have rows there.

    Shape (n_nodes, n_bins) each.
    """

    slope: Vector
    curvature: Vector
    rows: Vector
    members: Vector


@dataclass(frozen=True, slots=True)
class Rules:
    """What a split must keep.

    Args:
        ridge: on half the square of each leaf's value.
        rows: each side has so many rows at least.
        members: each side has a bin in which so many members have rows, at least.
        directions: per feature 1 where values may only rise with it, -1 where they may only fall, else 0.
    """

    ridge: float
    rows: int
    members: int
    directions: tuple[int, ...]


class Range(NamedTuple):
    """Between which bounds the values below a node must lie, so that no direction is broken."""

    low: float = -np.inf
    high: float = np.inf


class Found(NamedTuple):
    """The best split of a node.

    Args:
        feature: its place in the schema.
        right: the bins that go right, ascending.
        gain: by how much it lowers twice the penalised loss, to second order.
        values: of the two sides, within the node's bounds.
        rows: of the two sides.
    """

    feature: int
    right: tuple[int, ...]
    gain: float
    values: tuple[float, float]
    rows: tuple[int, int]


class _Sides(NamedTuple):
    """Ways to part some nodes by one feature, seen from one side: shape (n_nodes, n_candidates) each."""

    slope: Vector
    curvature: Vector
    rows: Vector
    members: Vector


def find_splits(bins: Bins, sums: Sums, ranges: Sequence[Range], rules: Rules) -> list[Found | None]:
    """Return the best split of each node, or None where there is none.

    Of equal gains the one of the first feature counts, and of one feature the first candidate.

    Args:
        bins: as they were counted.
        sums: of the nodes.
        ranges: of the nodes, as many.
        rules: what a split must keep.
    """
    best: list[Found | None] = [None] * len(ranges)
    for place, column in enumerate(bins.columns):
        start, stop = bins.offsets[place], bins.offsets[place + 1]
        part = Sums(*(numbers[:, start:stop] for numbers in sums))
        order = _order(column, part, rules.ridge)
        left, right = _part(column, part, order)
        if not left.rows.shape[1]:
            continue
        gains, lows, highs = _weigh(left, right, ranges, rules, rules.directions[place])
        for node, candidate in enumerate(gains.argmax(axis=1).tolist()):
            gain, known = float(gains[node, candidate]), best[node]
            if gain > LEAST_GAIN and (known is None or gain > known.gain):
                best[node] = Found(
                    place,
                    _name_right(column, order[node], candidate),
                    gain,
                    (float(lows[node, candidate]), float(highs[node, candidate])),
                    (int(left.rows[node, candidate]), int(right.rows[node, candidate])),
                )
    return best


def _order(column: NumberBins | CategoryBins, part: Sums, ridge: float) -> NDArray[np.intp]:
    """Return the order in which bins go from left to right: shape (n_nodes, n_bins), a missing number's left out.

    Numbers ascend. Categories go by slope over curvature, which holds the best of all ways to part them in two (Fisher 1958).
    """
    if isinstance(column, NumberBins):
        return np.tile(np.arange(len(column.edges) + 1), (len(part.rows), 1))
    return np.argsort(-part.slope / (part.curvature + ridge), axis=1, kind="stable")


def _part(column: NumberBins | CategoryBins, part: Sums, order: NDArray[np.intp]) -> tuple[_Sides, _Sides]:
    """Return both sides of each way to part nodes.

    After each bin in order; for numbers that may be missing with the rows that lack one on the right (then also after the last bin),
    and after that with them on the left.
    """
    ordered = [np.take_along_axis(numbers, order, axis=1) for numbers in part]
    sums, members = ordered[:3], ordered[3]
    up = [np.cumsum(numbers, axis=1) for numbers in sums]
    down = [numbers[:, -1:] - numbers for numbers in up]
    up.append(np.maximum.accumulate(members, axis=1))
    down.append(_widest_after(members))
    if not (isinstance(column, NumberBins) and column.missing):
        return _Sides(*(numbers[:, :-1] for numbers in up)), _Sides(*(numbers[:, :-1] for numbers in down))
    lacking = [numbers[:, -1:] for numbers in part]
    add = [np.add, np.add, np.add, np.maximum]
    left = [
        np.hstack([numbers, join(numbers[:, :-1], more)])
        for numbers, more, join in zip(up, lacking, add, strict=True)
    ]
    right = [
        np.hstack([join(numbers, more), numbers[:, :-1]])
        for numbers, more, join in zip(down, lacking, add, strict=True)
    ]
    return _Sides(*left), _Sides(*right)


def _widest_after(members: Vector) -> Vector:
    """Return for each bin in order the most members that one of the bins after it has; 0 for the last."""
    widest = np.maximum.accumulate(members[:, ::-1], axis=1)[:, ::-1]
    return np.hstack([widest[:, 1:], np.zeros((len(members), 1))])


def _weigh(
    left: _Sides, right: _Sides, ranges: Sequence[Range], rules: Rules, direction: int
) -> tuple[Vector, Vector, Vector]:
    """Return the gain of each candidate, -inf for one that breaks a rule, and the values of its sides: shape (n_nodes, n_candidates) each."""
    low = np.array([bounds.low for bounds in ranges])[:, None]
    high = np.array([bounds.high for bounds in ranges])[:, None]
    sides = [np.clip(value_of(side.slope, side.curvature, rules.ridge), low, high) for side in (left, right)]
    slope, curvature = left.slope[:, :1] + right.slope[:, :1], left.curvature[:, :1] + right.curvature[:, :1]
    whole = np.clip(value_of(slope, curvature, rules.ridge), low, high)
    gains = (
        _lower(left.slope, left.curvature, sides[0], rules.ridge)
        + _lower(right.slope, right.curvature, sides[1], rules.ridge)
        - _lower(slope, curvature, whole, rules.ridge)
    )
    is_allowed = (
        (np.minimum(left.rows, right.rows) >= rules.rows)
        & (np.minimum(left.members, right.members) >= rules.members)
        & (direction * (sides[1] - sides[0]) >= 0)
    )
    return np.where(is_allowed, gains, -np.inf), sides[0], sides[1]


def value_of(slope: Vector, curvature: Vector, ridge: float) -> Vector:
    """Return the leaf value that lowers the penalised loss most, to second order (Chen and Guestrin 2016, equation 5)."""
    return np.asarray(-slope / (curvature + ridge))


def narrow(bounds: Range, found: Found, direction: int) -> tuple[Range, Range]:
    """Return the bounds of a split node's children: where values may only rise, those to the left stay below those to the right."""
    if not direction:
        return bounds, bounds
    middle = (found.values[0] + found.values[1]) / 2
    below, above = Range(bounds.low, middle), Range(middle, bounds.high)
    return (below, above) if direction > 0 else (above, below)


def _lower(slope: Vector, curvature: Vector, value: Vector, ridge: float) -> Vector:
    """Return by how much a value lowers twice the penalised loss."""
    return np.asarray(-(2 * slope * value + (curvature + ridge) * value * value))


def _name_right(
    column: NumberBins | CategoryBins, order: NDArray[np.intp], candidate: int
) -> tuple[int, ...]:
    """Return the bins that go right."""
    if isinstance(column, CategoryBins):
        return tuple(sorted(order[candidate + 1 :].tolist()))
    present = len(column.edges) + 1
    lacking = (present,) if column.missing and candidate < present else ()
    return (*range(candidate % present + 1, present), *lacking)
