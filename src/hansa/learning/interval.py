"""How sure an AUC, or a difference of two on the same rows, is: DeLong's variance, cautious when rows are few.

Three cautions are added to the method as published. The quantile is Student's, with the degrees of
freedom of the two classes (Welch and Satterthwaite), because a member may have three positives. The
interval of an AUC, though not that of a difference, is made on the logit scale, where it is less lopsided
near 1. And where the estimated variance is 0 though the value is not, as at an AUC of exactly 1, the
largest variance that an AUC of nearly that size can have takes its place, because certainty from a handful
of rows is an artefact.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.ranking import measure_auc, rank_scores
from hansa.learning.tables import Vector

# Two-sided 95% quantiles of Student's distribution for 1 to 30 degrees of freedom.
_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Interval(NamedTuple):
    """A value and its 95% interval."""

    value: float
    low: float
    high: float


def bound_auc(labels: NDArray[np.int8], scores: Vector) -> Interval:
    """Return the AUC of scores with its interval, which lies within [0, 1].

    Args:
        labels: shape (n,), 0 or 1, at least 2 of each.
        scores: shape (n,), finite.
    """
    above, below = _placements(labels, scores)
    shrunk = _shrink(above, below)
    value, half = measure_auc(labels, scores), _half_width(above, below, _spread(shrunk, above, below))
    inner = value if 0 < value < 1 else shrunk
    middle, half = math.log(inner / (1 - inner)), half / (inner * (1 - inner))
    return Interval(value, min(value, _logistic(middle - half)), max(value, _logistic(middle + half)))


def bound_gain(labels: NDArray[np.int8], first: Vector, second: Vector) -> Interval:
    """Return by how much `second` ranks the same rows better than `first`, with its interval, cut to [-1, 1].

    Args:
        labels: shape (n,), 0 or 1, at least 2 of each.
        first: shape (n,), scores.
        second: shape (n,), scores.
    Guarantees:
        Scores that rank alike give (0, 0, 0).
    Source: DeLong, DeLong and Clarke-Pearson 1988, section 2; computed by ranks as in Sun and Xu 2014.
    """
    first_above, first_below = _placements(labels, first)
    above, below = _placements(labels, second)
    doubts = [
        _spread(_shrink(up, down), up, down) for up, down in ((first_above, first_below), (above, below))
    ]
    value = measure_auc(labels, second) - measure_auc(labels, first)
    half = _half_width(above - first_above, below - first_below, sum(doubts) if value else 0.0)
    return Interval(value, max(value - half, -1.0), min(value + half, 1.0))


def _placements(labels: NDArray[np.int8], scores: Vector) -> tuple[Vector, Vector]:
    positive = labels == 1
    up, down = scores[positive], scores[~positive]
    ranks = rank_scores(scores)
    # Of each positive, the share of negatives below it; of each negative, the share of positives above it.
    above = (ranks[positive] - rank_scores(up)) / len(down)
    below = 1.0 - (ranks[~positive] - rank_scores(down)) / len(up)
    return above, below


def _shrink(above: Vector, below: Vector) -> float:
    fewest = min(len(above), len(below))
    return (float(above.mean()) * fewest + 0.5) / (fewest + 1)


def _spread(auc: float, above: Vector, below: Vector) -> float:
    # No AUC of this size has a larger variance with so many rows of the scarcer label.
    return auc * (1 - auc) / min(len(above), len(below))


def _half_width(above: Vector, below: Vector, doubt: float) -> float:
    """Return half the width of the interval; `doubt` is the variance if none was seen."""
    parts = float(above.var(ddof=1)) / len(above), float(below.var(ddof=1)) / len(below)
    variance = sum(parts)
    if variance > 1e-20:
        freedom = variance**2 / (parts[0] ** 2 / (len(above) - 1) + parts[1] ** 2 / (len(below) - 1))
    else:
        variance = doubt
        freedom = float(min(len(above), len(below)) - 1)
    return _quantile(freedom) * math.sqrt(variance)


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def _quantile(freedom: float) -> float:
    whole = math.floor(freedom)
    return _QUANTILES[max(whole, 1) - 1] if whole <= len(_QUANTILES) else 1.96 + 2.5 / freedom
