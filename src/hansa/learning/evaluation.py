"""Evaluation as questions: score histograms and sums, then a closer look where a bin is too crowded.

Three models are compared on the same test rows: each member's own (`alone`), the joint one (`together`),
and the joint one with the member's correction (`corrected`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.learning.curve import (
    BASE_LEVEL,
    ZOOM_LEVEL,
    Counts,
    Curve,
    Histogram,
    count_base,
    count_zoomed,
    draw_curve,
    make_histogram,
    place_scores,
    zoom_histogram,
)
from hansa.learning.model import Model
from hansa.learning.newton import squash
from hansa.learning.personal import Scores, score_rows
from hansa.learning.ranking import can_score, measure_auc
from hansa.learning.recipe import CalibrationBin, Question
from hansa.learning.tables import Rows, Vector

KINDS = ("alone", "together", "corrected")

CALIBRATION_BINS = 20

_BASE = 2**BASE_LEVEL
_PARTS = 2**ZOOM_LEVEL
_KIND_LENGTH = 2 * _BASE + 1 + 3 * CALIBRATION_BINS
_MEMBER_LENGTH = 6


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What is evaluated and how members fit for themselves: public.

    Args:
        model: the joint model.
        ridge: of the models alone.
        correction: of the local corrections.
        centre: where histograms are finest, a logit.
        positives: test rows with label 1 in the cohort.
        negatives: test rows with label 0.
    """

    model: Model
    ridge: float
    correction: float
    centre: float
    positives: int
    negatives: int

    def publics(self) -> Iterable[bytes]:
        """Yield what an answer depends on."""
        yield self.model.digest.encode()
        yield repr((self.ridge, self.correction, self.centre)).encode()


@dataclass(frozen=True, eq=False)
class EvaluationQuestion(Question):
    """Ask how the three models do on every member's test rows."""

    trial: Trial

    def bound(self) -> Vector:
        """Test rows of the label for counts, all test rows for sums over rows, one for sums over members."""
        trial = self.trial
        rows = trial.positives + trial.negatives
        kind = np.concatenate(
            [
                np.full(_BASE, trial.positives),
                np.full(_BASE, trial.negatives),
                np.full(1 + 3 * CALIBRATION_BINS, rows),
            ]
        )
        # Rounding in a sum of probabilities must not push an honest answer over its bound.
        return np.asarray(np.concatenate([np.tile(kind, len(KINDS)), np.ones(_MEMBER_LENGTH)]) + 1.0)

    def publics(self) -> Iterable[bytes]:
        """Yield the trial."""
        yield from self.trial.publics()


@dataclass(frozen=True, eq=False)
class ZoomQuestion(Question):
    """Ask for counts in 64 parts of some bins.

    Args:
        trial: as in the evaluation.
        bins: for each of the three models, the bins' first places, ascending, and their widths.
    """

    trial: Trial
    bins: tuple[tuple[Counts, Counts], ...]

    def bound(self) -> Vector:
        """Test rows of the label."""
        parts = []
        for starts, _ in self.bins:
            parts += [np.full(len(starts) * _PARTS, self.trial.positives)]
            parts += [np.full(len(starts) * _PARTS, self.trial.negatives)]
        return np.asarray(np.concatenate(parts) + 1.0)

    def publics(self) -> Iterable[bytes]:
        """Yield the trial and the bins."""
        yield from self.trial.publics()
        for starts, widths in self.bins:
            yield starts.tobytes()
            yield widths.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What the totals said so far.

    Args:
        metrics: all that needs no histogram.
        calibration: per kind.
        histograms: per kind, in the order of `KINDS`.
        curves: per kind, read from its histogram; None without positives or negatives.
    """

    metrics: dict[str, float]
    calibration: dict[str, tuple[CalibrationBin, ...]]
    histograms: tuple[Histogram, ...]
    curves: tuple[Curve | None, ...]


def answer_evaluation(question: EvaluationQuestion, rows: Rows) -> Vector:
    """Score one member's test rows.

    Returns:
        For each of the three models: positives per bin, negatives per bin, the sum of squared errors of
        probabilities, and for 20 intervals of the probability rows, sum of probabilities, positives. Then,
        0 throughout unless the member can be scored: 1, the three AUCs, whether together beats alone,
        whether corrected beats alone.
    """
    trial = question.trial
    scores = score_rows(trial.model, rows, trial.ridge, trial.correction)
    positive = scores.labels == 1
    parts: list[Vector] = []
    for logits in _by_kind(scores):
        places = place_scores(logits, trial.centre)
        probability, _ = squash(logits)
        interval = np.minimum((probability * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
        parts += [
            count_base(places[positive]).astype(np.float64),
            count_base(places[~positive]).astype(np.float64),
            np.array([((probability - scores.labels) ** 2).sum()]),
            np.bincount(interval, minlength=CALIBRATION_BINS).astype(np.float64),
            np.bincount(interval, probability, CALIBRATION_BINS).astype(np.float64),
            np.bincount(interval, positive, CALIBRATION_BINS).astype(np.float64),
        ]
    own = np.zeros(_MEMBER_LENGTH)
    if can_score(scores.labels):
        alone, together, corrected = (measure_auc(scores.labels, logits) for logits in _by_kind(scores))
        own = np.array([1.0, alone, together, corrected, together > alone, corrected > alone])
    return np.concatenate([*parts, own])


def read_evaluation(total: Vector) -> Evaluation:
    """Read the total of all answers; the opposite of the layout of `answer_evaluation`."""
    metrics: dict[str, float] = {}
    calibration = {}
    histograms = []
    for number, kind in enumerate(KINDS):
        part = total[number * _KIND_LENGTH : (number + 1) * _KIND_LENGTH]
        counts = np.rint(part[: 2 * _BASE]).astype(np.int64)
        histograms.append(make_histogram(counts[:_BASE], counts[_BASE:]))
        table = part[2 * _BASE + 1 :].reshape(3, CALIBRATION_BINS)
        held = np.rint(table[0])
        rows = math.fsum(held.tolist())
        if rows > 0:
            metrics[f"brier_{kind}"] = float(part[2 * _BASE]) / rows
            gaps = np.abs(table[1] - table[2])[held > 0]
            metrics[f"calibration_error_{kind}"] = math.fsum(gaps.tolist()) / rows
        calibration[kind] = tuple(
            CalibrationBin(float(predicted / n), float(observed / n), int(n))
            for n, predicted, observed in zip(held, table[1], table[2], strict=True)
            if n > 0
        )
    scored, alone, together, corrected, wins, corrected_wins = (float(x) for x in total[-_MEMBER_LENGTH:])
    members = round(scored)
    metrics["members_scored"] = float(members)
    if members > 0:
        metrics |= {
            "auc_alone": alone / members,
            "auc_together": together / members,
            "auc_corrected": corrected / members,
            "gain_mean": (together - alone) / members,
            "corrected_gain_mean": (corrected - alone) / members,
            "members_gain": round(wins) / members,
            "members_gain_corrected": round(corrected_wins) / members,
        }
    curves = tuple(draw_curve(histogram) for histogram in histograms)
    return Evaluation(metrics, calibration, tuple(histograms), curves)


def ask_zoom(evaluation: Evaluation, trial: Trial, name: str) -> ZoomQuestion | None:
    """Return the question that looks into unclear bins, or None when every metric is near enough."""
    bins = []
    for histogram, curve in zip(evaluation.histograms, evaluation.curves, strict=True):
        starts = curve.unclear if curve is not None else np.zeros(0, dtype=np.int64)
        bins.append((starts, histogram.widths[np.searchsorted(histogram.starts, starts)]))
    if not any(len(starts) for starts, _ in bins):
        return None
    return ZoomQuestion(name, trial, tuple(bins))


def answer_zoom(question: ZoomQuestion, rows: Rows) -> Vector:
    """Count one member's test rows in the parts of the named bins.

    Returns:
        For each of the three models: positives, then negatives, per part, bins ascending.
    """
    trial = question.trial
    scores = score_rows(trial.model, rows, trial.ridge, trial.correction)
    positive = scores.labels == 1
    parts = []
    for logits, (starts, widths) in zip(_by_kind(scores), question.bins, strict=True):
        places = place_scores(logits, trial.centre)
        parts += [count_zoomed(places[rows_], starts, widths) for rows_ in (positive, ~positive)]
    return np.concatenate(parts).astype(np.float64)


def read_zoom(evaluation: Evaluation, question: ZoomQuestion, total: Vector) -> Evaluation:
    """Put the counts in place of the bins they came from."""
    counts: NDArray[np.int64] = np.rint(total).astype(np.int64)
    place = 0
    histograms = []
    for histogram, (starts, _) in zip(evaluation.histograms, question.bins, strict=True):
        length = len(starts) * _PARTS
        positives, negatives = counts[place : place + length], counts[place + length : place + 2 * length]
        place += 2 * length
        histograms.append(zoom_histogram(histogram, starts, positives, negatives))
    curves = tuple(draw_curve(histogram) for histogram in histograms)
    return Evaluation(evaluation.metrics, evaluation.calibration, tuple(histograms), curves)


def _by_kind(scores: Scores) -> tuple[Vector, Vector, Vector]:
    return scores.alone, scores.together, scores.corrected
