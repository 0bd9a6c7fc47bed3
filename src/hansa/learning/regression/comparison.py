"""How good a regression is: sums over test rows of three models' deviances, errors, or pairs in the right order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.contradiction import are_counts
from hansa.learning.evaluation import KINDS, MINIMUM_SCORED
from hansa.learning.recipe import Question
from hansa.learning.regression.counting import can_score_outcome
from hansa.learning.regression.family import Family
from hansa.learning.regression.judging import RegressionJudge
from hansa.learning.regression.outcome import Classes, Target
from hansa.learning.regression.settings import make_family
from hansa.learning.tables import Rows, Vector

LARGEST_METRIC: Final = 1e9
"""The record keeps no metric of this size; a larger one is left out."""

_MEMBER_LENGTH: Final = 3
_SLACK: Final = 2.0**-20


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What is compared: public.

    Args:
        judge: the joint model, and members' own beside it.
        base: the linear predictors of what is predicted without any columns, shape (outputs,).
        scorable: members that could be scored when the outcome was counted.
        test_rows: in the cohort.
        surveyed: members that were surveyed.
        fitted: of these, how many are still there.
    """

    judge: RegressionJudge
    base: Vector
    scorable: int
    test_rows: int
    surveyed: int
    fitted: int

    @property
    def family(self) -> Family | None:
        """The family; None for times."""
        return make_family(self.judge.model.family, self.judge.model.outcome)

    def count_scorable(self, members: int) -> int:
        """Return how many of so many members can be scored at least: the lost ones may all have been of them."""
        return self.scorable - (self.surveyed - members)


@dataclass(frozen=True, eq=False)
class ContestQuestion(Question):
    """Ask how the three models do on every member's test rows."""

    contest: Contest

    @property
    def asks_members(self) -> bool:
        """Whether sums over members are asked for."""
        return self.contest.count_scorable(self.contest.fitted) >= MINIMUM_SCORED

    def bound(self) -> Vector:
        """Test rows, or pairs of them; one for sums over members."""
        rows = float(self.contest.test_rows)
        most = [rows * rows] * 4 if self.contest.family is None else [rows] * 8
        members = [1.0] * (_MEMBER_LENGTH * self.asks_members)
        return np.array([*most, *members]) * (1 + _SLACK) + 1.0

    def publics(self) -> Iterable[bytes]:
        """Yield what the predictions depend on, and what they are compared with."""
        yield from self.contest.judge.publics()
        yield self.contest.base.tobytes()


def answer_contest(question: ContestQuestion, rows: Rows) -> Vector:
    """Score one member's test rows.

    Returns:
        Of amounts and classes: test rows, the deviance of what is predicted without columns, the three models' deviances,
        and their errors, deviances and errors in shares of the largest possible. Of times: pairs of which it is known who ended first, and for
        each model those it ranks rightly, ties counting half. Then, if the question asks for it, and 0 throughout unless the member can be
        scored: 1, whether together is better than alone, whether corrected is.
    """
    contest = question.contest
    predicted = contest.judge.predict(rows)
    kinds = (predicted.alone, predicted.together, predicted.corrected)
    sums = measure_kinds(contest, predicted.target, kinds)
    own = np.zeros(_MEMBER_LENGTH * question.asks_members)
    if question.asks_members and can_score_outcome(contest.judge.model.outcome, rows.test):
        first = 1 if contest.family is None else 2
        alone, together, corrected = sums[first : first + 3]
        if contest.family is None:
            own = np.array([1.0, together > alone, corrected > alone])
        else:
            own = np.array([1.0, together < alone, corrected < alone])
    return np.concatenate([sums, own])


def measure_kinds(contest: Contest, target: Target, kinds: Iterable[Vector]) -> Vector:
    """Return the sums over test rows: shape (8,), or (4,) of times."""
    family = contest.family
    if family is None:
        pairs = [count_pairs(target, hazards) for hazards in kinds]
        return np.array([pairs[0][0], *(right for _, right in pairs)])
    nothing = family.predict(np.tile(contest.base, (len(target), 1)), target)
    most, furthest = family.limit()
    scores = [family.score(predicted, target) for predicted in (nothing, *kinds)]
    deviances = [float(deviance.sum()) / most for deviance, _ in scores]
    errors = [float(off.sum()) / furthest for _, off in scores[1:]]
    return np.array([len(target), *deviances, *errors])


def count_pairs(target: Target, hazards: Vector) -> tuple[float, float]:
    """Count pairs of rows of which it is known who ended first, and those in which this one has the greater hazard; ties count half.

    A row that ended with the event came before all that ended in later steps, and before those that were last seen in the same.

    Source: Harrell et al. 1982.
    """
    pairs = right = 0.0
    for step in np.unique(target.values[target.events]):
        here = target.values == step
        ended = np.sort(hazards[here & target.events])
        later = hazards[(target.values > step) | (here & ~target.events)]
        pairs += float(len(ended) * len(later))
        low, high = np.searchsorted(ended, later, "left"), np.searchsorted(ended, later, "right")
        right += float((len(ended) - high).sum()) + 0.5 * float((high - low).sum())
    return pairs, right


def read_contest(question: ContestQuestion, total: Vector, members: int) -> dict[str, float]:
    """Return the metrics that the total of so many members' answers gives."""
    contest, metrics = question.contest, dict[str, float]()
    family = contest.family
    length = 4 if family is None else 8
    if family is None:
        if total[0] > 0:
            metrics |= {f"concordance_{kind}": total[1 + k] / total[0] for k, kind in enumerate(KINDS)}
    elif total[0] > 0:
        most, furthest = family.limit()
        rows, null = float(total[0]), float(total[1])
        for number, kind in enumerate(KINDS):
            deviance, error = float(total[2 + number]), float(total[5 + number])
            metrics[f"deviance_{kind}"] = most * deviance / rows
            if null > 0:
                metrics[f"explained_{kind}"] = 1.0 - deviance / null
            if isinstance(contest.judge.model.outcome, Classes):
                metrics[f"accuracy_{kind}"] = 1.0 - furthest * error / rows
            else:
                metrics[f"absolute_error_{kind}"] = furthest * error / rows
    if question.asks_members:
        scored, wins, corrected_wins = (round(value) for value in total[length:].tolist())
        metrics |= {
            "members_scored": float(scored),
            "members_gain": wins / scored,
            "members_gain_corrected": corrected_wins / scored,
        }
    elif members == contest.surveyed:
        metrics["members_scored"] = float(contest.scorable)
    return {name: float(value) for name, value in metrics.items() if abs(value) < LARGEST_METRIC}


def doubt_contest(question: ContestQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    if not are_counts(total[:1]):
        yield "the test rows, or the pairs, are no count"
    length = 4 if question.contest.family is None else 8
    room = _SLACK * (1.0 + float(question.bounds[0]))
    if ((total[1:length] < -room) | (total[1:length] > total[0] + room)).any():
        yield "a sum over test rows is negative or more than they can have"
    if question.asks_members:
        own = total[length:]
        if not are_counts(own) or own[0] > members or (own[1:] > own[0]).any():
            yield "the members that are scored, or gain, are more than there are, or no count"


def doubt_scored(question: ContestQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield where the total is at odds with what was counted before."""
    contest = question.contest
    if contest.family is not None:
        whole = members == contest.surveyed
        if total[0] != contest.test_rows if whole else total[0] > contest.test_rows:
            yield "the test rows are not those that the survey counted"
    if question.asks_members:
        scored = total[4 if contest.family is None else 8]
        if not contest.count_scorable(members) <= scored <= contest.scorable:
            yield "the members scored are not those that were counted"
