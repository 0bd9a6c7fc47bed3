"""Evaluation as questions: score histograms and sums, then a closer look where a bin is too crowded.

Three models are compared on the same test rows: each member's own (`alone`), the joint one (`together`),
and the joint one with the member's correction (`corrected`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.learning.choice import FAMILIES, choose
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
from hansa.learning.newton import squash
from hansa.learning.personal import Judge, Scores
from hansa.learning.ranking import can_score, measure_auc
from hansa.learning.recipe import CalibrationBin, Question
from hansa.learning.tables import Rows, Vector

KINDS = ("alone", "together", "corrected")

CALIBRATION_BINS = 20

MINIMUM_SCORED = 3
"""Sums over members are asked for only when at least this many can be scored: of one member, the sum is its
own AUC, and of two, each can take out its own."""

_BASE = 2**BASE_LEVEL
_PARTS = 2**ZOOM_LEVEL
_KIND_LENGTH = 2 * _BASE + 1 + 3 * CALIBRATION_BINS
_MEMBER_LENGTH = 6
_CHOICE_LENGTH = 2 + len(FAMILIES)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What is evaluated and how members fit for themselves: public.

    Args:
        judge: the joint model, and members' own beside it.
        centre: where histograms are finest, a logit.
        positives: test rows with label 1 in the cohort.
        negatives: test rows with label 0.
        scorable: members that could be scored when the survey was made.
        surveyed: members that were surveyed.
        fitted: of these, how many are still there.
        chooses: whether members have validation rows, by which each chooses for itself.
    """

    judge: Judge
    centre: float
    positives: int
    negatives: int
    scorable: int
    surveyed: int
    fitted: int
    chooses: bool = False

    def count_scorable(self, members: int) -> int:
        """Return how many of so many members can be scored at least: the lost ones may all have been of them."""
        return self.scorable - (self.surveyed - members)

    def publics(self) -> Iterable[bytes]:
        """Yield what an answer depends on."""
        yield from self.judge.publics()
        yield repr(self.centre).encode()


@dataclass(frozen=True, eq=False)
class EvaluationQuestion(Question):
    """Ask how the three models do on every member's test rows."""

    trial: Trial

    @property
    def asks_members(self) -> bool:
        """Whether sums over members are asked for."""
        return self.trial.count_scorable(self.trial.fitted) >= MINIMUM_SCORED

    @property
    def member_length(self) -> int:
        """How many these are: none, six, or with what members chose thirteen."""
        return (_MEMBER_LENGTH + _CHOICE_LENGTH * self.trial.chooses) * self.asks_members

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
        members = np.ones(self.member_length)
        return np.asarray(np.concatenate([np.tile(kind, len(KINDS)), members]) + 1.0)

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
        if the question asks for it, and 0 throughout unless the member can be scored: 1, the three AUCs,
        whether together beats alone, whether corrected beats alone; and where members choose, the AUC of what it
        chose, whether that beats alone, and for each of the families whether it trusts that one most.
    """
    trial = question.trial
    scores = trial.judge.score(rows)
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
    if not (question.asks_members and can_score(scores.labels)):
        return np.concatenate([*parts, np.zeros(question.member_length)])
    alone, together, corrected = (measure_auc(scores.labels, logits) for logits in _by_kind(scores))
    parts.append(np.array([1.0, alone, together, corrected, together > alone, corrected > alone]))
    if trial.chooses:
        choice = choose(trial.judge, rows)
        if choice is None:
            raise ValueError("the plan has validation rows, and these rows were divided without")
        chosen = measure_auc(scores.labels, choice.logits)
        trusted = [family == choice.family for family in FAMILIES]
        parts.append(np.array([chosen, chosen > alone, *trusted], dtype=np.float64))
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True, eq=False)
class KindTotals:
    """What a total says of one of the three models: shapes (8192,), (8192,), none, and (20,) for the rest."""

    positives: Vector
    negatives: Vector
    squared_error: float
    rows: Vector
    predicted: Vector
    observed: Vector


def part_evaluation(question: EvaluationQuestion, total: Vector) -> tuple[tuple[KindTotals, ...], Vector]:
    """Take a total apart, or an answer: the opposite of the layout of `answer_evaluation`.

    Returns:
        What it says of each of the `KINDS`, and the sums over members, shape (6,), where members choose (13,), or
        (0,) if these were not asked for.
    """
    kinds = []
    for number in range(len(KINDS)):
        part = total[number * _KIND_LENGTH : (number + 1) * _KIND_LENGTH]
        rows, predicted, observed = part[2 * _BASE + 1 :].reshape(3, CALIBRATION_BINS)
        error = float(part[2 * _BASE])
        kinds.append(KindTotals(part[:_BASE], part[_BASE : 2 * _BASE], error, rows, predicted, observed))
    return tuple(kinds), total[len(KINDS) * _KIND_LENGTH : question.length]


def read_evaluation(question: EvaluationQuestion, total: Vector, members: int) -> Evaluation:
    """Read the total of so many members' answers.

    Every mean is over the rows or members that the total itself holds. How many can be scored is not known
    when that was not asked and somebody was lost since the survey.
    """
    metrics: dict[str, float] = {}
    calibration = {}
    histograms = []
    kinds, sums = part_evaluation(question, total)
    for kind, totals in zip(KINDS, kinds, strict=True):
        counts = (np.rint(part).astype(np.int64) for part in (totals.positives, totals.negatives))
        histograms.append(make_histogram(*counts))
        held = np.rint(totals.rows)
        rows = math.fsum(held.tolist())
        if rows > 0:
            metrics[f"brier_{kind}"] = totals.squared_error / rows
            gaps = np.abs(totals.predicted - totals.observed)[held > 0]
            metrics[f"calibration_error_{kind}"] = math.fsum(gaps.tolist()) / rows
        calibration[kind] = tuple(
            CalibrationBin(float(predicted / n), float(observed / n), int(n))
            for n, predicted, observed in zip(held, totals.predicted, totals.observed, strict=True)
            if n > 0
        )
    if question.asks_members:
        held, alone, together, corrected, wins, corrected_wins, *choices = sums.tolist()
        scored = round(held)
        metrics |= {
            "members_scored": float(scored),
            "auc_alone": alone / scored,
            "auc_together": together / scored,
            "auc_corrected": corrected / scored,
            "gain_mean": (together - alone) / scored,
            "corrected_gain_mean": (corrected - alone) / scored,
            "members_gain": round(wins) / scored,
            "members_gain_corrected": round(corrected_wins) / scored,
        }
        if choices:
            chosen, chosen_wins, *trusted = choices
            metrics |= {
                "auc_chosen": chosen / scored,
                "chosen_gain_mean": (chosen - alone) / scored,
                "members_gain_chosen": round(chosen_wins) / scored,
            }
            for family, count in zip(FAMILIES, trusted, strict=True):
                metrics[f"members_trusting_{family}"] = float(round(count))
    elif members == question.trial.surveyed:
        metrics["members_scored"] = float(question.trial.scorable)
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
    scores = trial.judge.score(rows)
    positive = scores.labels == 1
    parts = []
    for logits, (starts, widths) in zip(_by_kind(scores), question.bins, strict=True):
        places = place_scores(logits, trial.centre)
        parts += [count_zoomed(places[rows_], starts, widths) for rows_ in (positive, ~positive)]
    return np.concatenate(parts).astype(np.float64)


def part_zoom(question: ZoomQuestion, total: Vector) -> tuple[tuple[Counts, Counts], ...]:
    """Take a total apart: for each of the `KINDS` positives and negatives, shape (n_bins, 64) each."""
    counts: NDArray[np.int64] = np.rint(total).astype(np.int64)
    place = 0
    parts = []
    for starts, _ in question.bins:
        both = counts[place : place + 2 * len(starts) * _PARTS].reshape(2, len(starts), _PARTS)
        place += both.size
        parts.append((both[0], both[1]))
    return tuple(parts)


def read_zoom(evaluation: Evaluation, question: ZoomQuestion, total: Vector) -> Evaluation:
    """Put the counts in place of the bins they came from."""
    parts = zip(evaluation.histograms, question.bins, part_zoom(question, total), strict=True)
    histograms = [
        zoom_histogram(histogram, starts, positives.ravel(), negatives.ravel())
        for histogram, (starts, _), (positives, negatives) in parts
    ]
    curves = tuple(draw_curve(histogram) for histogram in histograms)
    return Evaluation(evaluation.metrics, evaluation.calibration, tuple(histograms), curves)


def _by_kind(scores: Scores) -> tuple[Vector, Vector, Vector]:
    return scores.alone, scores.together, scores.corrected
