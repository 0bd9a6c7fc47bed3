"""Evaluation with noise: one histogram of the joint model's scores for each label, and what can be read from it.

Test rows alone are in it. The model was made from training rows, under noise, so nothing of them is spent again;
what members compute from training rows without noise (models of their own, corrections) is not asked about.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from hansa.learning.curve import LEVEL, Counts, Histogram, draw_curve, place_scores
from hansa.learning.newton import squash
from hansa.learning.recipe import CalibrationBin, Question
from hansa.learning.tables import Table, Vector
from hansa.learning.unit import MOST_ROWS, Unit

BINS: Final = 64
"""Few enough that noise does not drown the counts, and finest around the base rate."""

_WIDTH: Final = 2**LEVEL // BINS
_DEVIATIONS: Final = 2.0
_CALIBRATED: Final = 20.0
"""A calibration bin holds at least this many deviations of the noise in its rows."""


class Scorer(Protocol):
    """A joint model, as far as it is evaluated here."""

    @property
    def digest(self) -> str:
        """SHA-256 in hex of everything a score depends on."""
        ...

    def predict_singly(self, table: Table) -> Vector:
        """Return each row's logit: shape (n,). A row's is the same, bit for bit, whatever other rows there are."""
        ...


@dataclass(frozen=True, eq=False)
class ScoreQuestion(Question):
    """Ask where the joint model's scores of the test rows lie."""

    model: Scorer
    centre: float
    unit: Unit

    def bound(self) -> Vector:
        """Rows."""
        return np.full(2 * BINS, float(MOST_ROWS))

    def publics(self) -> Iterable[bytes]:
        """Yield the model, the centre and the unit."""
        yield self.model.digest.encode()
        yield repr((self.centre, self.unit)).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Scoreboard:
    """What the histograms say.

    Args:
        metrics: of the joint model over all test rows; empty when noise leaves no positives or no negatives.
        uncertainty: by the same names, how far a metric can be off because of the bins, and two standard
            deviations of the noise.
        roc: (false positive rate, true positive rate).
        calibration: neighbouring bins, united until they stand out of the noise.
    """

    metrics: dict[str, float]
    uncertainty: dict[str, float]
    roc: tuple[tuple[float, float], ...]
    calibration: tuple[CalibrationBin, ...]


def answer_scores(question: ScoreQuestion, table: Table) -> Vector:
    """Count one member's test rows, each with its weight: positives per bin, then negatives, shape (128,)."""
    weights = question.unit.weigh(table)
    bins = place_scores(question.model.predict_singly(table), question.centre) // _WIDTH
    positive = table.labels == 1
    return np.concatenate(
        [np.bincount(bins[held], weights[held], BINS) for held in (positive, ~positive)], dtype=np.float64
    )


def read_scores(question: ScoreQuestion, total: Vector, deviation: float) -> Scoreboard:
    """Read the total.

    Args:
        question: as it was asked.
        total: shape (128,), noise and all.
        deviation: the standard deviation of that noise, for each number.
    """
    starts = np.arange(BINS, dtype=np.int64) * _WIDTH
    widths = np.full(BINS, _WIDTH, dtype=np.int64)
    histogram = Histogram(starts, widths, find_counts(total[:BINS]), find_counts(total[BINS:]))
    low, middle, high = (
        squash(_find_logits(starts + _WIDTH * part, question.centre))[0] for part in (0.0, 0.5, 1.0)
    )
    curve = draw_curve(histogram)
    if curve is None:
        return Scoreboard({}, {}, (), ())

    def measure(held: Histogram) -> dict[str, float]:
        drawn = draw_curve(held)
        return {} if drawn is None else {**drawn.metrics, "brier": _measure_brier(held, middle)}

    doubts = {**curve.uncertainty, "brier": _doubt_brier(histogram, low, middle, high)}
    metrics = measure(histogram)
    spreads = _spread(histogram, metrics, measure, deviation)
    return Scoreboard(
        {f"{name}_together": value for name, value in metrics.items()},
        {f"{name}_together": doubts[name] + _DEVIATIONS * spreads[name] for name in metrics},
        curve.roc,
        _calibrate(histogram, middle, deviation),
    )


def find_counts(noised: Vector) -> Counts:
    """Return the whole counts, none below 0, that are nearest to noised ones and add up to the same.

    Args:
        noised: shape (n,).

    Returns:
        Shape (n,), int64; all 0 when the sum is not positive.
    Source: Duchi et al. 2008, "Efficient projections onto the l1-ball", Figure 1.
    """
    total = math.fsum(noised.tolist())
    if total <= 0:
        return np.zeros(len(noised), dtype=np.int64)
    ranked = np.sort(noised)[::-1]
    surplus = (np.cumsum(ranked) - total) / np.arange(1, len(noised) + 1)
    last = int(np.flatnonzero(ranked > surplus)[-1])
    return np.asarray(np.rint(np.maximum(noised - surplus[last], 0.0)), dtype=np.int64)


def _spread(
    histogram: Histogram,
    metrics: dict[str, float],
    measure: Callable[[Histogram], dict[str, float]],
    deviation: float,
) -> dict[str, float]:
    """Return the standard deviation of each metric under noise in each count, to first order."""
    step = max(1, math.ceil(deviation))
    squares = dict.fromkeys(metrics, 0.0)
    for side in ("positives", "negatives"):
        for place in range(BINS):
            counts = getattr(histogram, side).copy()
            counts[place] += step
            moved = measure(replace(histogram, **{side: counts}))
            for name, value in metrics.items():
                squares[name] += ((moved[name] - value) * deviation / step) ** 2
    return {name: math.sqrt(square) for name, square in squares.items()}


def _measure_brier(histogram: Histogram, probability: Vector) -> float:
    errors = histogram.positives * (1.0 - probability) ** 2 + histogram.negatives * probability**2
    return math.fsum(errors.tolist()) / int((histogram.positives + histogram.negatives).sum())


def _doubt_brier(histogram: Histogram, low: Vector, middle: Vector, high: Vector) -> float:
    positives = np.maximum((1 - low) ** 2 - (1 - middle) ** 2, (1 - middle) ** 2 - (1 - high) ** 2)
    negatives = np.maximum(middle**2 - low**2, high**2 - middle**2)
    doubt = histogram.positives * positives + histogram.negatives * negatives
    return math.fsum(doubt.tolist()) / int((histogram.positives + histogram.negatives).sum())


def _calibrate(histogram: Histogram, probability: Vector, deviation: float) -> tuple[CalibrationBin, ...]:
    enough = max(1.0, _CALIBRATED * deviation)
    bins = []
    rows = positives = 0
    predicted = 0.0
    sides = (histogram.positives.tolist(), histogram.negatives.tolist(), probability.tolist())
    for positive, negative, middle in zip(*sides, strict=True):
        held = positive + negative
        rows, positives, predicted = rows + held, positives + positive, predicted + held * middle
        if rows >= enough:
            bins.append(CalibrationBin(predicted / rows, positives / rows, rows))
            rows, positives, predicted = 0, 0, 0.0
    return tuple(bins)


def _find_logits(places: Vector, centre: float) -> Vector:
    """Return the logits of places: the inverse of `place_scores`."""
    moved = places / 2.0 ** (LEVEL - 1) - 1.0
    # The ends of the scale are infinitely far; a logit of 60 has a probability of 0 or 1 in float64.
    shrunk = np.maximum(1.0 - np.abs(moved), 1.0 / 16.0)
    return np.asarray(4.0 * moved / shrunk + centre)
