"""ROC, average precision and recall from score histograms, with how far each can be from exact.

A histogram cannot order rows inside a bin. For each bin the metrics lie between extremes (all positives
first, all negatives first); the middle is taken, and half the distance is the uncertainty. Where it is too large, the bins at fault are named, and the next question zooms into them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Vector

Counts = NDArray[np.int64]

LEVEL = 31
"""Scores are places from 0 to 2**31 − 1; a bin starts at a place and holds a power of two of them."""

BASE_LEVEL = 13
"""The first histogram has 2**13 = 8,192 bins."""

ZOOM_LEVEL = 6
"""A zoom divides a bin into 2**6 = 64; after three, a bin is one place and what it holds is tied."""

ZOOM_LIMIT = 128
"""At most this many bins of one model are zoomed into at once."""

_RUNS = 64
"""A bin's positives, where they come one by one, are added up in at most this many runs."""

TOLERANCE = 0.001
"""A metric is near enough when it can be off by no more than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts per bin, bins ascending and without gaps.

    Args:
        starts: shape (n_bins,), the first place of each bin.
        widths: shape (n_bins,), places in each bin.
        positives: shape (n_bins,), test rows with label 1.
        negatives: shape (n_bins,), test rows with label 0.
    """

    starts: Counts
    widths: Counts
    positives: Counts
    negatives: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What a histogram says.

    Args:
        metrics: `auc_pooled`, `average_precision`, `recall_at_5_percent`.
        uncertainty: the same names; the most each can be off.
        roc: (false positive rate, true positive rate), at most 201 points.
        unclear: places at which bins start that should be zoomed into; empty when all is near enough.
    """

    metrics: dict[str, float]
    uncertainty: dict[str, float]
    roc: tuple[tuple[float, float], ...]
    unclear: Counts


def place_scores(logits: Vector, centre: float) -> Counts:
    """Map logits to places, monotonously; finest around the centre, where most rows are.

    Args:
        logits: shape (n,), finite.
        centre: the logit of the base rate.

    Returns:
        Shape (n,), from 0 to 2**31 − 1: with t = (logit − centre) / 4, the whole part of
        2**30 · (1 + t / (1 + |t|)).
    """
    moved = (logits - centre) / 4.0
    return np.minimum(2.0 ** (LEVEL - 1) * (1.0 + moved / (1.0 + np.abs(moved))), 2.0**LEVEL - 1).astype(
        np.int64
    )


def count_base(places: Counts) -> Counts:
    """Count places in the first histogram's bins: shape (8192,)."""
    return np.bincount(places >> (LEVEL - BASE_LEVEL), minlength=2**BASE_LEVEL).astype(np.int64)


def count_zoomed(places: Counts, starts: Counts, widths: Counts) -> Counts:
    """Count places in 64 parts of each named bin.

    Args:
        places: shape (n,).
        starts: shape (k,), ascending.
        widths: shape (k,), each a multiple of 64.

    Returns:
        Shape (k · 64,).
    """
    parts = 2**ZOOM_LEVEL
    bins = np.searchsorted(starts, places, side="right") - 1
    inside = (bins >= 0) & (places < (starts + widths)[bins]) if len(starts) else np.zeros(len(places), bool)
    bins, within = bins[inside], places[inside]
    part = (within - starts[bins]) // (widths[bins] // parts)
    return np.bincount(bins * parts + part, minlength=len(starts) * parts).astype(np.int64)


def make_histogram(positives: Counts, negatives: Counts) -> Histogram:
    """Make the first histogram from its counts, each of shape (8192,)."""
    width = 2 ** (LEVEL - BASE_LEVEL)
    starts = np.arange(2**BASE_LEVEL, dtype=np.int64) * width
    return Histogram(starts, np.full(len(starts), width, dtype=np.int64), positives, negatives)


def zoom_histogram(histogram: Histogram, starts: Counts, positives: Counts, negatives: Counts) -> Histogram:
    """Replace the bins that start at these places by 64 parts each, with these counts."""
    parts = 2**ZOOM_LEVEL
    gone = np.isin(histogram.starts, starts)
    widths = np.repeat(histogram.widths[gone] // parts, parts)
    inner = np.repeat(starts, parts) + np.tile(np.arange(parts), len(starts)) * widths
    merged = [
        np.concatenate([old[~gone], new])
        for old, new in (
            (histogram.starts, inner),
            (histogram.widths, widths),
            (histogram.positives, positives),
            (histogram.negatives, negatives),
        )
    ]
    order = np.argsort(merged[0])
    return Histogram(*(part[order] for part in merged))


def draw_curve(histogram: Histogram) -> Curve | None:
    """Read the metrics; None when there are no positives or no negatives.

    Guarantees:
        Every metric is within its uncertainty of the value over the places themselves, ties as
        scikit-learn counts them; and follows from the counts alone, to the last bit.
    """
    held = (histogram.positives + histogram.negatives > 0)[::-1]
    positives = np.maximum(histogram.positives[::-1][held], 0)
    negatives = np.maximum(histogram.negatives[::-1][held], 0)
    # A bin of one place holds only ties: nothing in it is unclear. In a wider one even two positives with
    # no negative between them are: average precision tells a tie from an order.
    open_ = (histogram.widths[::-1][held] > 1) & (positives > 0) & (positives + negatives > 1)
    before_p, before_n = np.cumsum(positives) - positives, np.cumsum(negatives) - negatives
    all_p, all_n = int(positives.sum()), int(negatives.sum())
    if not all_p or not all_n:
        return None

    # Python's integers: these products pass 64 bits when rows pass 2**31.
    bins = zip(positives.tolist(), negatives.tolist(), before_n.tolist(), strict=True)
    twice = sum(p * (2 * (all_n - before) - n) for p, n, before in bins)
    auc = twice / (2 * all_p * all_n)
    auc_doubt = np.where(open_, positives * negatives.astype(np.float64), 0.0) / (2.0 * all_p * all_n)

    precision, precision_doubt = _average_precision(positives, negatives, open_)

    allowed = all_n // 20
    crossing = int(np.searchsorted(before_n + negatives, allowed, side="right"))
    recall, recall_doubt = all_p, np.zeros(len(positives))
    if crossing < len(positives):
        recall = int(before_p[crossing])
        if open_[crossing]:
            recall_doubt[crossing] = positives[crossing] / (2.0 * all_p)
            recall += positives[crossing] / 2
    doubts = {
        "auc_pooled": auc_doubt,
        "average_precision": precision_doubt,
        "recall_at_5_percent": recall_doubt,
    }
    uncertainty = {name: math.fsum(doubt.tolist()) for name, doubt in doubts.items()}
    unclear = _choose(list(doubts.values()), open_)
    return Curve(
        {"auc_pooled": auc, "average_precision": precision, "recall_at_5_percent": float(recall / all_p)},
        uncertainty,
        _trace(positives, negatives),
        np.sort(histogram.starts[::-1][held][unclear]),
    )


def _average_precision(
    positives: Counts, negatives: Counts, open_: NDArray[np.bool_]
) -> tuple[float, Vector]:
    count = int(positives.sum())
    last, after = np.cumsum(positives), np.cumsum(negatives)
    # A positive counts the precision at its own threshold, where ties stand together. It is the most when all
    # positives of the bin come first and tied, the least when they come last, one by one.
    held = np.maximum(last, 1)
    high = positives * (last / (held + after - negatives))
    tied = positives * (last / (held + after))
    low = tied.copy()
    low[open_] = _add_ranks(last[open_] - positives[open_], positives[open_], after[open_])
    value = np.where(open_, (high + low) / 2, tied)
    doubt = np.where(open_, (high - low) / 2, 0.0) / count
    return math.fsum(value.tolist()) / count, doubt


def _add_ranks(before: Counts, counts: Counts, after: Counts) -> Vector:
    """Return, per bin, at most the sum of rank / (rank + after) over the ranks before + 1 to before + counts.

    Exact up to 64 ranks. More are taken in 64 runs, each counted as the mean of its two ends, which is no
    more than its own mean, since the function is concave. So time and memory do not grow with the counts.
    """
    runs = np.minimum(counts, _RUNS)
    bins = np.repeat(np.arange(len(counts)), runs)
    run = np.arange(len(bins)) - np.repeat(np.cumsum(runs) - runs, runs)
    start, stop = run * counts[bins] // runs[bins], (run + 1) * counts[bins] // runs[bins]
    first, last = before[bins] + start + 1, before[bins] + stop
    ends = first / (first + after[bins]) + last / (last + after[bins])
    return np.bincount(bins, (stop - start) * ends / 2, len(counts)).astype(np.float64, copy=False)


def _choose(doubts: list[Vector], open_: NDArray[np.bool_]) -> NDArray[np.intp]:
    chosen = np.zeros(len(open_), dtype=bool)
    for doubt in doubts:
        if math.fsum(doubt.tolist()) <= TOLERANCE:
            continue
        order = np.argsort(-doubt, kind="stable")[:ZOOM_LIMIT]
        # Half the tolerance is left for what is not zoomed into.
        rest = math.fsum(doubt.tolist()) - np.cumsum(doubt[order])
        enough = int(np.searchsorted(-rest, -TOLERANCE / 2)) + 1
        chosen[order[:enough]] = True
    worst = np.argsort(-np.max(doubts, axis=0), kind="stable")
    ranked = worst[chosen[worst] & open_[worst]]
    return ranked[:ZOOM_LIMIT]


def _trace(positives: Counts, negatives: Counts) -> tuple[tuple[float, float], ...]:
    true = np.append(0, np.cumsum(positives)) / positives.sum()
    false = np.append(0, np.cumsum(negatives)) / negatives.sum()
    way = true + false
    points = np.unique(np.searchsorted(way, np.linspace(0.0, 2.0, 201)).clip(0, len(way) - 1))
    return tuple((float(false[k]), float(true[k])) for k in points)
