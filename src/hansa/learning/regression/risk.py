"""The questions of each turn of a fit of times: who is at risk and ends when, then the rows once more under public weights.

The partial likelihood compares each row that ends with the event with all that are still there. So members send sums for each
step of time, over the rows that end in it: of the hazards, and of hazards times columns. From the totals follow loss and
gradient, and for each step a weight; the Hessian takes one further sum over all rows under these weights, which is a
single matrix and not one for each step.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.contradiction import are_counts
from hansa.learning.design import Design, Matrix
from hansa.learning.newton import Slope
from hansa.learning.recipe import Question
from hansa.learning.regression.counting import encode_target
from hansa.learning.regression.outcome import Survival, Target
from hansa.learning.slope import encode_train
from hansa.learning.survey import split_whole
from hansa.learning.tables import Rows, Vector

Ties = Literal["efron", "breslow"]

LARGEST = 10.0
"""The most by which a row's logarithmic hazard may differ from that of a row of means: some 22,000 times the hazard."""

_SLACK = 2.0**-20


@dataclass(frozen=True, slots=True)
class Clock:
    """How time is divided.

    Args:
        outcome: the time, in steps.
        starts: the first step of each joined one, ascending, the first being 0.
        ties: how rows are treated that end with the event in the same joined step.
    """

    outcome: Survival
    starts: tuple[int, ...]
    ties: Ties

    def place(self, target: Target) -> NDArray[np.intp]:
        """Return the joined step in which each row ended: shape (n,)."""
        return np.searchsorted(np.array(self.starts, dtype=np.float64), target.values, side="right") - 1

    @property
    def ends(self) -> tuple[float, ...]:
        """The time at which each joined step ends, in the column's unit."""
        stops = (*self.starts[1:], self.outcome.steps)
        return tuple(stop * self.outcome.step for stop in stops)


@dataclass(frozen=True, eq=False)
class RiskQuestion(Question):
    """Ask for sums of hazards at a point.

    Args:
        clock: how time is divided.
        design: the columns; that of the intercept counts, and has the coefficient 0.
        support: in how many rows of the cohort each column can be other than 0, shape (n_columns,).
        coefficients: the point, shape (n_columns,).
        members: whose rows the sums of every turn are over; some of them are the same each time, so their difference would tell of
            whoever was lost.
    """

    clock: Clock
    design: Design
    support: Vector
    coefficients: Vector
    members: int

    def bound(self) -> Vector:
        """Rows times what one row can add."""
        most = self.support * self.design.reach
        hazard = math.exp(min(LARGEST, self.design.bound_logit(self.coefficients)))
        sums = np.tile(most * hazard, len(self.clock.starts) * (1 + (self.clock.ties == "efron")))
        bounds = np.concatenate([[1.0], most + 1.0, np.ones(len(most)), sums])
        # Rounding in the sums must not push an honest answer over its bound.
        return np.asarray(bounds * (1 + _SLACK) + _SLACK)

    def publics(self) -> Iterable[bytes]:
        """Yield the clock, the design and the point."""
        yield repr((self.clock, self.design)).encode()
        yield self.coefficients.tobytes()


@dataclass(frozen=True, eq=False)
class WeightQuestion(Question):
    """Ask for the sum of all rows' squares, weighted by hazard and step.

    Args:
        risk: the question that the weights follow from.
        staying: what a row's hazard is multiplied by that ended in each joined step, shape (n_steps,).
        ending: what is taken off that if it ended with the event, shape (n_steps,).
    """

    risk: RiskQuestion
    staying: Vector
    ending: Vector

    def bound(self) -> Vector:
        """Rows times what one row can add; an entry by the Cauchy-Schwarz inequality."""
        risk = self.risk
        hazard = math.exp(min(LARGEST, risk.design.bound_logit(risk.coefficients)))
        width = np.sqrt(risk.support) * risk.design.reach
        first, second = np.triu_indices(len(width))
        most = hazard * float(self.staying.max(initial=0.0)) * width[first] * width[second]
        return np.asarray(most * (1 + _SLACK) + _SLACK)

    def publics(self) -> Iterable[bytes]:
        """Yield the point and the weights."""
        yield from self.risk.publics()
        yield self.staying.tobytes()
        yield self.ending.tobytes()


class Risks(NamedTuple):
    """The total of a risk question, read.

    Args:
        allowed: whether every member allows the point.
        events: the sum of the columns of rows that ended with the event, shape (n_columns,).
        leaving: per joined step, hazards times columns of the rows that ended in it, shape (n_steps, n_columns).
        dying: the same of those that ended with the event; zeros where ties are Breslow's.
    """

    allowed: bool
    events: Vector
    leaving: Vector
    dying: Vector


def sum_risks(
    clock: Clock, matrix: Matrix, target: Target, coefficients: Vector, offset: Vector | None = None
) -> Risks:
    """Sum hazards over rows; the offset, of shape (n,), is added to their logarithms."""
    logs = matrix.predict(coefficients)
    if offset is not None:
        logs += offset
    if len(logs) and np.abs(logs).max() > LARGEST:
        empty = np.zeros((len(clock.starts), matrix.columns))
        return Risks(allowed=False, events=np.zeros(matrix.columns), leaving=empty, dying=empty)
    hazards, places = np.exp(logs), clock.place(target)
    seen = target.events.astype(np.float64)
    leaving = _project_by_step(matrix, hazards, places, len(clock.starts))
    dying = np.zeros_like(leaving)
    if clock.ties == "efron":
        dying = _project_by_step(matrix, hazards * seen, places, len(clock.starts))
    return Risks(allowed=True, events=matrix.project(seen), leaving=leaving, dying=dying)


def _project_by_step(matrix: Matrix, weights: Vector, places: NDArray[np.intp], steps: int) -> Vector:
    """Return weights times columns, added up over the rows of each step: shape (steps, n_columns)."""
    parts = [np.bincount(places, weights * column, steps)[:, None] for column in matrix.dense.T]
    for codes, width in zip(matrix.codes, matrix.widths, strict=True):
        cells = np.bincount(places * (width + 1) + codes, weights, steps * (width + 1))
        parts.append(cells.reshape(steps, width + 1)[:, :width])
    return np.concatenate(parts, axis=1).astype(np.float64, copy=False)


def answer_risks(question: RiskQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        1 and nothing else but zeros if a row's hazard is too far from that of a row of means; else 0, the columns of rows that ended
        with the event in whole parts and remainders, and for each joined step hazards times columns of the rows that ended in it;
        for ties by Efron then the same of those that ended with the event. The first column is 1 in every row.
    """
    matrix, target = encode_train(question.design, rows), encode_target(question.clock.outcome, rows)
    risks = sum_risks(question.clock, matrix, target, question.coefficients)
    dying = [risks.dying.ravel()] if question.clock.ties == "efron" else []
    return np.concatenate([[not risks.allowed], *split_whole(risks.events), risks.leaving.ravel(), *dying])


def read_risks(question: RiskQuestion, total: Vector) -> Risks:
    """Read the total of all answers."""
    columns, steps = len(question.coefficients), len(question.clock.starts)
    events = total[1 : 1 + columns] + total[1 + columns : 1 + 2 * columns]
    sums = total[1 + 2 * columns :].reshape(-1, steps, columns)
    dying = sums[1] if question.clock.ties == "efron" else np.zeros((steps, columns))
    return Risks(allowed=total[0] == 0, events=events, leaving=sums[0], dying=dying)


def weigh_rows(question: WeightQuestion, matrix: Matrix, target: Target) -> Vector:
    """Return the sum over rows of weight times square: shape (n_columns, n_columns)."""
    places = question.risk.clock.place(target)
    hazards = np.exp(matrix.predict(question.risk.coefficients))
    weights = hazards * (question.staying[places] - target.events * question.ending[places])
    gram = np.zeros((matrix.columns, matrix.columns))
    start = 0
    for piece in matrix.slices():
        gram += piece.weigh(weights[start : start + len(piece)])
        start += len(piece)
    return gram


def answer_weights(question: WeightQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows: the upper triangle."""
    risk = question.risk
    matrix, target = encode_train(risk.design, rows), encode_target(risk.clock.outcome, rows)
    gram = weigh_rows(question, matrix, target)
    return np.asarray(gram[np.triu_indices(len(gram))])


def read_weights(question: WeightQuestion, total: Vector) -> Vector:
    """Read the total of all answers: shape (n_columns, n_columns)."""
    width = len(question.risk.coefficients)
    first, second = np.triu_indices(width)
    gram = np.zeros((width, width))
    gram[first, second] = total
    gram[second, first] = total
    return gram


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """What the totals say of the partial likelihood at a point.

    Args:
        loss: its negative logarithm; infinite where the point is not allowed.
        gradient: shape (n_columns,), 0 for the intercept.
        spread: what the Hessian is less than the weighted rows' squares, shape (n_columns, n_columns).
        staying: see `WeightQuestion`.
        ending: likewise.
        hazards: of a row of means, cumulated to the end of each joined step, shape (n_steps,).
    """

    loss: float
    gradient: Vector
    spread: Vector
    staying: Vector
    ending: Vector
    hazards: Vector


def measure_partial(risks: Risks, counts: Vector, coefficients: Vector, ties: Ties) -> Partial:
    """Work out the partial likelihood, by single float64 operations in a fixed order and exact sums.

    Args:
        risks: sums at the point.
        counts: rows that ended with the event in each joined step, shape (n_steps,).
        coefficients: the point, shape (n_columns,).
        ties: how rows are treated that ended in the same joined step.

    Source: Breslow 1974; Efron 1977.
    """
    steps, columns = risks.leaving.shape
    gradient, spread = -risks.events, np.zeros((columns, columns))
    staying, ending = np.zeros(steps), np.zeros(steps)
    if not risks.allowed:
        return Partial(math.inf, gradient, spread, staying, ending, staying)
    at_risk = np.cumsum(risks.leaving[::-1], axis=0)[::-1]
    losses = [-math.fsum((coefficients * risks.events).tolist())]
    for step in range(steps):
        whole, dying, count = at_risk[step], risks.dying[step], round(float(counts[step]))
        if not count:
            continue
        shares = [place / count if ties == "efron" else 0.0 for place in range(count)]
        left = [float(whole[0]) - share * float(dying[0]) for share in shares]
        losses += [math.log(rest) for rest in left]
        first = math.fsum(1.0 / rest for rest in left)
        tied = math.fsum(share / rest for share, rest in zip(shares, left, strict=True))
        gradient = gradient + first * whole - tied * dying
        squares = [1.0 / (rest * rest) for rest in left]
        pair = math.fsum(share * square for share, square in zip(shares, squares, strict=True))
        twice = math.fsum(share * share * square for share, square in zip(shares, squares, strict=True))
        mixed = whole[:, None] * dying[None, :]
        spread += math.fsum(squares) * (whole[:, None] * whole[None, :])
        spread += twice * (dying[:, None] * dying[None, :]) - pair * (mixed + mixed.T)
        staying[step], ending[step] = first, tied
    hazards = np.cumsum(staying)
    gradient[0] = 0.0
    return Partial(math.fsum(losses), gradient, spread, hazards, ending, hazards)


def complete_slope(partial: Partial, gram: Vector) -> Slope:
    """Put loss, gradient and Hessian together; the intercept, which times do not have, stays where it is."""
    curvature = gram - partial.spread
    curvature[0, :] = 0.0
    curvature[:, 0] = 0.0
    curvature[0, 0] = 1.0
    return Slope(partial.loss, partial.gradient, curvature)


def doubt_risks(question: RiskQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    columns = len(question.coefficients)
    if not (are_counts(total[:1]) and total[0] <= members):
        yield "the members that do not allow the point are more than there are, or no count"
    whole, remainder = total[1 : 1 + columns], total[1 + columns : 1 + 2 * columns]
    if (whole != np.rint(whole)).any() or whole[0] < 0:
        yield "a whole part of the events is not whole"
    if not ((remainder >= -_SLACK) & (remainder <= members + _SLACK)).all():
        yield "a remainder of the events passes one a member"
    risks = read_risks(question, total)
    slack = _SLACK * (1.0 + question.support[0])
    if (risks.leaving[:, 0] < -slack).any() or (risks.dying[:, 0] < -slack).any():
        yield "the hazards of a step are negative"
    if (risks.dying[:, 0] > risks.leaving[:, 0] + slack).any():
        yield "more hazard ended with the event than ended"
    room = question.design.reach * (risks.leaving[:, :1] + slack) + slack
    if (np.abs(risks.leaving) > room).any():
        yield "the sums of a step are more than its rows can have"


def doubt_weights(question: WeightQuestion, total: Vector) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    gram = read_weights(question, total)
    diagonal = np.diag(gram)
    room = _SLACK * (1.0 + float(question.bounds.max()))
    if (diagonal < -room).any():
        yield "a sum of squares is negative"
    root = np.sqrt(np.maximum(diagonal, 0.0) + room)
    if (np.abs(gram) > root[:, None] * root[None, :] + room).any():
        yield "the sums are not those of any rows"
