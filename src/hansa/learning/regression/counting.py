"""The second question: how much of the outcome there is, and of which classes or when, at how many members."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from hansa.learning.contradiction import are_counts, fit_members
from hansa.learning.design import Minimum
from hansa.learning.recipe import Question
from hansa.learning.regression.outcome import Amount, Classes, Outcome, Survival, Target, read_target
from hansa.learning.survey import split_whole
from hansa.learning.tables import Rows, Table, Vector

MINIMUM_TEST: Final = 10
"""With fewer test rows than this (of a time: with fewer events among them) a member is not scored."""


@dataclass(frozen=True, eq=False)
class OutcomeQuestion(Question):
    """Ask what the training rows hold of the outcome.

    Args:
        outcome: what is counted.
        rows: training rows in the cohort.
        test_rows: test rows in the cohort.
    """

    outcome: Outcome
    rows: int

    def bound(self) -> Vector:
        """Rows for counts and whole parts, one for remainders and members."""
        rows = float(self.rows)
        match self.outcome:
            case Amount(exposure=exposure):
                most = 1.0 if exposure is None else exposure.maximum
                parts = [rows, 1.0, rows * most + 1.0, 1.0]
            case Classes(names=names):
                parts = [rows] * len(names) + [1.0] * len(names)
            case Survival(steps=steps):
                parts = [rows] * 2 * steps + [1.0] * 2 * steps
        # Rounding in the sums must not push an honest answer over its bound.
        return np.array([1.0, *parts]) * (1 + 2.0**-20) + 2.0**-20

    def publics(self) -> Iterable[bytes]:
        """Yield the outcome."""
        yield repr(self.outcome).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What the totals say of the outcome.

    Args:
        scorable: members with enough test rows to be scored.
        mean: of an amount, over the exposure; 0 for others.
        rows: of each class, or of each step those that ended with the event and then those that ended without; shape (n,) or (2, n).
        members: that have such rows; the same shape.
    """

    scorable: int
    mean: float
    rows: Vector
    members: Vector


def can_score_outcome(outcome: Outcome, test: Table) -> bool:
    """Say whether there are enough test rows to compare models by."""
    return (test.positives if isinstance(outcome, Survival) else len(test)) >= MINIMUM_TEST


def answer_outcome(question: OutcomeQuestion, rows: Rows) -> Vector:
    """Count one member's training rows.

    Returns:
        1 if the test rows can score the member; then of an amount, whole and remainder of the sum of its shares of its declared
        range, and of the sum of the exposures; of classes, the rows of each, then 1 for each that occurs; of a time, per
        step the rows that ended with the event, per step those that ended without, then 1 for each of these counts that is not 0.
    """
    outcome = question.outcome
    target = encode_target(outcome, rows)
    scorable = [float(can_score_outcome(outcome, rows.test))]
    match outcome:
        case Amount(column=column):
            width = column.maximum - column.minimum
            shares = (target.values - column.minimum) / width
            sums = np.array([shares.sum(), np.exp(target.exposures).sum()])
            return np.concatenate([scorable, np.column_stack(split_whole(sums)).ravel()])
        case Classes(names=names):
            held = np.bincount(target.codes, minlength=len(names)).astype(np.float64)
        case Survival(steps=steps):
            places = target.values.astype(np.intp)
            held = np.concatenate(
                [np.bincount(places[target.events == seen], minlength=steps) for seen in (True, False)]
            ).astype(np.float64)
    return np.concatenate([scorable, held, np.minimum(held, 1.0)])


def read_outcome(question: OutcomeQuestion, total: Vector) -> Counted:
    """Read the total of all answers."""
    scorable = round(float(total[0]))
    match question.outcome:
        case Amount(column=column):
            whole, remainder, exposure, more = total[1:].tolist()
            amount = column.minimum * question.rows + (column.maximum - column.minimum) * (whole + remainder)
            return Counted(scorable, amount / (exposure + more), np.zeros(0), np.zeros(0))
        case Classes():
            rows, members = np.rint(total[1:]).reshape(2, -1)
        case Survival(steps=steps):
            rows, members = np.rint(total[1:]).reshape(2, 2, steps)
    return Counted(scorable, 0.0, rows, members)


def doubt_outcome(question: OutcomeQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    if not (are_counts(total[:1]) and total[0] <= members):
        yield "the members that can be scored are more than there are, or no count"
    if isinstance(question.outcome, Amount):
        if not are_counts(total[[1, 3]]):
            yield "a whole part is negative or not whole"
        if not ((total[[2, 4]] >= -(2.0**-20)) & (total[[2, 4]] <= members + 2.0**-20)).all():
            yield "a remainder passes one a member"
        return
    held, having = total[1:].reshape(2, -1)
    if not (are_counts(held) and are_counts(having)):
        yield "a count is negative or not whole"
    if not fit_members(held, having, members):
        yield "the rows of a count do not fit the members that have them"
    if held.sum() > question.rows:
        yield "more rows than there are"


def join_steps(counted: Counted, minimum: Minimum) -> tuple[int, ...]:
    """Join steps of time until none of them tells of few rows.

    Args:
        counted: of a time.
        minimum: of the rows that end with the event in a joined step, and of those that end without, if there are any.

    Returns:
        The first step of each joined one, the first being 0; nothing where even all steps together hold too few events.
    Guarantees:
        A joined step that is not the last is as short as it can be.
    """
    steps = counted.rows.shape[1]
    starts = [0]
    for stop in range(1, steps):
        if _is_common(counted, starts[-1], stop, minimum):
            starts.append(stop)
    while starts and not all(_is_common(counted, *part, minimum) for part in pairwise([*starts, steps])):
        starts.pop()
    return tuple(starts)


def _is_common(counted: Counted, start: int, stop: int, minimum: Minimum) -> bool:
    # How many members have any of these rows is not known; of the step most widespread it is.
    rows = counted.rows[:, start:stop].sum(axis=1)
    members = counted.members[:, start:stop].max(axis=1)
    events, censored = (
        minimum.is_met(int(count), int(having)) for count, having in zip(rows, members, strict=True)
    )
    return events and (censored or not rows[1])


def encode_target(outcome: Outcome, rows: Rows) -> Target:
    """Return the outcome of the training rows, read once."""
    return rows.remember("train target", repr(outcome), lambda: read_target(outcome, rows.train))
