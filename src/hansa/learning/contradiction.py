"""What no total of honest answers can be: counts below nothing, parts that pass their whole, sums that disagree.

Held against a total as announced, this keeps everybody from building on numbers that contradict themselves.
Held against what is left of it when a member takes out its own answer, it shows that member a lie about its
own part. A false total that could have come from other rows shows in neither.
"""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from operator import gt

import numpy as np

from hansa.errors import Refused
from hansa.learning.evaluation import (
    CALIBRATION_BINS,
    KINDS,
    Evaluation,
    EvaluationQuestion,
    KindTotals,
    ZoomQuestion,
    part_evaluation,
    part_zoom,
)
from hansa.learning.ranking import MINIMUM_PER_CLASS
from hansa.learning.recipe import Question, verify_numbers
from hansa.learning.slope import SlopeQuestion, read_slope
from hansa.learning.survey import COUNTS, MOMENTS, SurveyQuestion, count_columns
from hansa.learning.tables import NumberFeature, Vector
from hansa.learning.tabulation import MOMENTS as SINGLE_MOMENTS
from hansa.learning.tabulation import CountQuestion, MomentQuestion, part_counts

_SHOWN = 10
"""Contradictions that a refusal names."""

_SLACK = 2.0**-30
"""Relative to a coordinate's bound and to 1: what fixed points and sums of float64 may round."""

_MOMENT_SLACK = 2.0**-20
"""The same for sums of values in [0, 1]."""


def verify_undoubted(question: Question, doubts: Iterator[str]) -> None:
    """Refuse a total that nobody can build on.

    Args:
        question: what was asked.
        doubts: what contradicts the total, one line each; none when nothing does.

    Raises:
        Refused: `recipe.total`, with the first ten.
    """
    found = [f"`{question.name}`: {doubt}" for doubt in islice(doubts, _SHOWN)]
    if found:
        raise Refused("recipe.total", found)


def verify_own_part(
    question: Question,
    answer: Vector,
    total: Vector,
    members: int,
    find: Callable[[Question, Vector, int], Iterator[str]] | None = None,
) -> None:
    """Check, as a member, that an announced total can hold one's own answer.

    Without that answer the total must be one that the other members' answers could add up to: no count
    below zero, no more members than the others, the rows of a category gone where its members are.

    Args:
        question: what was asked.
        answer: shape (question.length,), what this member answered.
        total: shape (question.length,), as announced.
        members: how many answers are in it.
        find: what finds contradictions; `find_contradictions` unless told.

    Raises:
        Refused: `recipe.total`; the reason names the question alone.
        ValueError: `answer` or `total` does not fit the question.
    """
    verify_numbers(question, answer)
    verify_numbers(question, total)
    for _ in (find or find_contradictions)(question, total - answer, members - 1):
        raise Refused(
            "recipe.total", f"the announced total of `{question.name}` cannot hold this member's own answer"
        )


def find_contradictions(question: Question, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers.

    Args:
        question: what was asked.
        total: shape (question.length,), finite.
        members: how many answers are in it.

    Returns:
        One line each, without any number of the total.
    Guarantees:
        Nothing is found in a sum of honest answers to one question, added up exactly or as fixed points.
    """
    if (np.abs(total) > members * question.bounds + _slack(question.bounds)).any():
        yield f"a number passes what {members} members can add up to"
    match question:
        case SurveyQuestion():
            yield from _doubt_survey(question, total, members)
        case CountQuestion():
            yield from _doubt_counts(question, total, members)
        case MomentQuestion():
            yield from _doubt_moments(question, total, members)
        case SlopeQuestion():
            yield from _doubt_slope(question, total, members)
        case EvaluationQuestion():
            yield from _doubt_evaluation(question, total, members)
        case ZoomQuestion() if not are_counts(total):
            yield "a row count is negative or not whole"


def find_disagreements(question: EvaluationQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield where the total of an evaluation is at odds with the survey's.

    What the survey counted is all there, or, when members were lost since, not more than that.

    Args:
        question: it holds the survey's counts.
        total: shape (question.length,).
        members: how many answers are in it.
    """
    trial = question.trial
    kinds, sums = part_evaluation(question, total)
    whole = members == trial.surveyed
    for name, kind in zip(KINDS, kinds, strict=True):
        found, counted = (_sum(kind.positives), _sum(kind.negatives)), (trial.positives, trial.negatives)
        if found != counted if whole else any(map(gt, found, counted)):
            yield f"{name}: the histograms do not hold the test rows that the survey counted"
    if len(sums) and not trial.count_scorable(members) <= sums[0] <= trial.scorable:
        yield "the members scored are not those that the survey counted"


def find_zoom_disagreements(
    question: ZoomQuestion, total: Vector, evaluation: Evaluation, *, whole: bool
) -> Iterator[str]:
    """Yield where the parts of a bin do not add up to what the bin held, or hold more.

    Args:
        question: the bins.
        total: shape (question.length,).
        evaluation: as known before this look.
        whole: whether everybody is in this total who is in the evaluation's.
    """
    parts = zip(KINDS, evaluation.histograms, question.bins, part_zoom(question, total), strict=True)
    for name, histogram, (starts, _), (positives, negatives) in parts:
        places = np.searchsorted(histogram.starts, starts)
        for word, bins, part in (
            ("positives", histogram.positives, positives),
            ("negatives", histogram.negatives, negatives),
        ):
            found, held = part.sum(axis=1), bins[places]
            if ((found != held) if whole else (found > held)).any():
                yield f"{name}: the {word} in the parts of a bin do not add up to the bin's"


def _doubt_survey(question: SurveyQuestion, total: Vector, members: int) -> Iterator[str]:
    rows, positives, test_rows, test_positives, scorable = total[:COUNTS].tolist()
    if not are_counts(total[:COUNTS]):
        yield "a row count is negative or not whole"
    if positives > rows or test_positives > test_rows:
        yield "more positives than rows"
    fewest = min(test_positives, test_rows - test_positives)
    if scorable > members or MINIMUM_PER_CLASS * scorable > fewest:
        yield "more members that can be scored than members, or than their test rows allow"
    place = COUNTS
    for number in question.schema.numbers:
        yield from _doubt_number(number, total[place : place + MOMENTS], rows, members)
        place += MOMENTS
    for category in question.schema.categories:
        width = count_columns(category)
        held, having = total[place : place + 2 * width].reshape(2, width)
        place += 2 * width
        if not (are_counts(held) and are_counts(having)):
            yield f"`{category.name}`: a count is negative or not whole"
        if not fit_members(held, having, members):
            yield f"`{category.name}`: the rows of a category do not fit the members that have it"
        if _sum(held) != rows:
            yield f"`{category.name}`: the categories do not add up to the training rows"


def _doubt_number(number: NumberFeature, total: Vector, rows: float, members: int) -> Iterator[str]:
    present, having, lacking, whole, remainder, square_whole, square_remainder = total.tolist()
    if not are_counts(np.array([present, having, lacking, whole, square_whole])):
        yield f"`{number.name}`: a count or a whole part is negative or not whole"
    if not fit_members(np.array([present, rows - present]), np.array([having, lacking]), members):
        yield f"`{number.name}`: the rows that have it or lack it do not fit the members that do"
    if present > rows or (present != rows and not number.missing):
        yield f"`{number.name}`: the rows that have it do not fit the training rows"
    yield from _doubt_sums(number, present, (whole, remainder), (square_whole, square_remainder), members)


def _doubt_counts(question: CountQuestion, total: Vector, members: int) -> Iterator[str]:
    schema = question.schema
    names = [number.name for number in schema.numbers] + [category.name for category in schema.categories]
    if not are_counts(total[:1]):
        yield "a row count is negative or not whole"
    for name, (held, having) in zip(names, part_counts(question, total), strict=True):
        if not (are_counts(held) and are_counts(having)):
            yield f"`{name}`: a count is negative or not whole"
        if not fit_members(held, having, members):
            yield f"`{name}`: the rows of a cell do not fit the members that have them"
        if _sum(held) != total[0]:
            yield f"`{name}`: the cells do not add up to the rows"


def _doubt_moments(question: MomentQuestion, total: Vector, members: int) -> Iterator[str]:
    for number, sums in zip(question.schema.numbers, total.reshape(-1, SINGLE_MOMENTS), strict=True):
        rows, whole, remainder, square_whole, square_remainder = sums.tolist()
        if not are_counts(np.array([rows, whole, square_whole])):
            yield f"`{number.name}`: a count or a whole part is negative or not whole"
        yield from _doubt_sums(number, rows, (whole, remainder), (square_whole, square_remainder), members)


def _doubt_sums(
    number: NumberFeature,
    present: float,
    values: tuple[float, float],
    squares: tuple[float, float],
    members: int,
) -> Iterator[str]:
    if not all(-_MOMENT_SLACK <= part <= members + _MOMENT_SLACK for part in (values[1], squares[1])):
        yield f"`{number.name}`: a remainder passes one a member"
    # Per row that has the value: 0 <= mean² <= mean of squares <= mean <= 1, as values lie in [0, 1].
    count = max(present, 1.0)
    mean, square = sum(values) / count, sum(squares) / count
    slack = _MOMENT_SLACK
    if not (mean * mean - slack <= square <= mean + slack and mean <= min(present, 1.0) + slack):
        yield f"`{number.name}`: no values within the bounds have this mean and this spread"


def _doubt_slope(question: SlopeQuestion, total: Vector, members: int) -> Iterator[str]:
    width = len(question.coefficients)
    slope = read_slope(question, total)
    bounds, slack = question.bounds, _slack(question.bounds)
    if not -slack[0] <= slope.loss <= bounds[0] + slack[0]:
        yield "the loss is negative or more than these rows can have"
    whole, remainder = total[1 : 1 + width], total[1 + width : 1 + 2 * width]
    if (whole != np.rint(whole)).any():
        yield "a whole part of the gradient is not whole"
    if not ((remainder >= -_SLACK) & (remainder <= members + _SLACK)).all():
        yield "a remainder of the gradient passes one a member"
    if (np.abs(slope.gradient) > (bounds + slack)[1 : 1 + width]).any():
        yield "the gradient is more than these rows can have"
    diagonal = np.diag(slope.curvature)
    reach = np.sqrt(question.support) * question.design.reach
    most = 0.25 * reach[:, None] * reach[None, :]
    room = _slack(most)
    if (diagonal < -np.diag(room)).any():
        yield "the Hessian's diagonal is negative"
    if (np.abs(slope.curvature) > most + room).any():
        yield "the Hessian is more than these rows can have"
    # Cauchy-Schwarz, which every sum of squares obeys.
    root = np.sqrt(np.maximum(diagonal, 0.0) + np.diag(room))
    if (np.abs(slope.curvature) > root[:, None] * root[None, :] + room).any():
        yield "the Hessian is not that of any rows"


def _doubt_evaluation(question: EvaluationQuestion, total: Vector, members: int) -> Iterator[str]:
    kinds, sums = part_evaluation(question, total)
    positives, negatives = _sum(kinds[0].positives), _sum(kinds[0].negatives)
    for name, kind in zip(KINDS, kinds, strict=True):
        yield from (f"{name}: {doubt}" for doubt in _doubt_kind(kind, positives, negatives))
    if len(sums):
        yield from _doubt_members(sums, positives, negatives, members)


def _doubt_kind(kind: KindTotals, positives: float, negatives: float) -> Iterator[str]:
    if not all(map(are_counts, (kind.positives, kind.negatives, kind.rows, kind.observed))):
        yield "a row count is negative or not whole"
    if (_sum(kind.positives), _sum(kind.negatives)) != (positives, negatives):
        yield "the histograms hold other rows than those of the first model"
    rows = positives + negatives
    if (kind.observed > kind.rows).any():
        yield "an interval of the calibration has more positives than rows"
    if (_sum(kind.rows), _sum(kind.observed)) != (rows, positives):
        yield "the calibration holds other rows than the histograms"
    slack = float(_slack(np.array(rows)))
    if not -slack <= kind.squared_error <= rows + slack:
        yield "the squared error is negative or more than the rows"
    interval = np.arange(CALIBRATION_BINS)
    low, high = kind.rows * interval / CALIBRATION_BINS, kind.rows * (interval + 1) / CALIBRATION_BINS
    if ((kind.predicted < low - slack) | (kind.predicted > high + slack)).any():
        yield "probabilities lie outside their interval"


def _doubt_members(sums: Vector, positives: float, negatives: float, members: int) -> Iterator[str]:
    scored, alone, together, corrected, wins, corrected_wins, *choices = sums.tolist()
    chosen, chosen_wins, *trusted = choices or (alone, 0.0)
    if not are_counts(np.array([scored, wins, corrected_wins, chosen_wins, *trusted])):
        yield "a count of members is negative or not whole"
    if scored > members or MINIMUM_PER_CLASS * scored > min(positives, negatives):
        yield "more members scored than there are, or than their test rows allow"
    slack = 4 * _SLACK
    if trusted and math.fsum(trusted) != scored:
        yield "the members scored do not each trust one option most"
    if not all(-slack <= auc <= scored + slack for auc in (alone, together, corrected, chosen)):
        yield "the sum of an AUC is negative or more than one a member"
    for gain, winners in (
        (together - alone, wins),
        (corrected - alone, corrected_wins),
        (chosen - alone, chosen_wins),
    ):
        # Who gains gains at most 1, and who does not, loses at most 1.
        if winners > scored or not winners - scored - slack <= gain <= winners + slack:
            yield "the members that gain do not fit the gain"


def fit_members(held: Vector, having: Vector, members: int) -> bool:
    """Say whether so many rows each can be those of so many members each."""
    return bool(((having <= np.minimum(held, members)) & ((held <= 0) | (having > 0))).all())


def are_counts(numbers: Vector) -> bool:
    """Say whether these are counts: whole and not negative."""
    return bool(((numbers >= 0) & (numbers == np.rint(numbers))).all())


def _slack(bounds: Vector) -> Vector:
    return np.asarray(_SLACK * (1.0 + bounds))


def _sum(numbers: Vector) -> float:
    return math.fsum(numbers.tolist())
