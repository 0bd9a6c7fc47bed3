"""The question of each turn of a fit, but for times: loss, gradient and Hessian, summed over the cohort."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from hansa.learning.contradiction import are_counts
from hansa.learning.design import Design, Matrix
from hansa.learning.newton import Slope
from hansa.learning.recipe import Question
from hansa.learning.regression.counting import encode_target
from hansa.learning.regression.family import Family
from hansa.learning.regression.outcome import Outcome, Target
from hansa.learning.slope import encode_train
from hansa.learning.survey import split_whole
from hansa.learning.tables import Rows, Vector

_SLACK = 2.0**-20


@dataclass(frozen=True, eq=False)
class FamilyQuestion(Question):
    """Ask for the slope at a point.

    Args:
        family: what is fitted.
        outcome: of each row.
        design: the columns.
        support: in how many rows of the cohort each column can be other than 0, shape (n_columns,).
        coefficients: the point, shape (outputs * n_columns,): those of the first linear predictor, then of the next.
    """

    family: Family
    outcome: Outcome
    design: Design
    support: Vector
    coefficients: Vector

    def bound(self) -> Vector:
        """Rows times what one row can add; a Hessian entry by the Cauchy-Schwarz inequality."""
        outputs = self.family.outputs
        reach = max(self.design.bound_logit(part) for part in self.coefficients.reshape(outputs, -1))
        row = self.family.bound(reach)
        slope = np.tile(self.support * self.design.reach * row.slope + 1.0, outputs)
        width = np.sqrt(self.support) * self.design.reach
        first, second = np.triu_indices(len(width))
        pairs = outputs * (outputs + 1) // 2
        curvature = np.tile(row.curvature * width[first] * width[second], pairs)
        rows = self.support[0]
        bounds = np.concatenate(
            [[1.0, rows, rows * row.square, rows * row.loss], slope, np.ones(len(slope)), curvature]
        )
        # Rounding in the sums must not push an honest answer over its bound.
        return np.asarray(bounds * (1 + _SLACK) + _SLACK)

    def publics(self) -> Iterable[bytes]:
        """Yield the family, the outcome, the design and the point."""
        yield repr((self.family, self.outcome, self.design)).encode()
        yield self.coefficients.tobytes()


class Sums(NamedTuple):
    """What rows add up to at a point: the slope, how many they are, and their squares (see `Weighed`)."""

    slope: Slope
    rows: float
    squares: float


def evaluate_family(
    family: Family, matrix: Matrix, target: Target, coefficients: Vector, offset: Vector | None = None
) -> Sums:
    """Sum loss, gradient and Hessian over rows.

    Args:
        family: what is fitted.
        matrix: n rows.
        target: n rows.
        coefficients: shape (outputs * n_columns,).
        offset: shape (n, outputs), added to the linear predictors.

    Returns:
        The sums; with an infinite loss where the family does not allow what a row is predicted.
    """
    outputs, columns = family.outputs, matrix.columns
    parts = coefficients.reshape(outputs, columns)
    loss = 0.0
    gradient = np.zeros((outputs, columns))
    curvature = np.zeros((outputs * columns, outputs * columns))
    squares, start = 0.0, 0
    for piece in matrix.slices():
        rows = slice(start, start + len(piece))
        start += len(piece)
        predictors = np.column_stack([piece.predict(part) for part in parts])
        if offset is not None:
            predictors += offset[rows]
        weighed = family.weigh(predictors, target.take(rows))
        if not weighed.allowed:
            return Sums(Slope(math.inf, np.zeros(outputs * columns), curvature), len(matrix), 0.0)
        squares += float(weighed.squares.sum())
        loss += float(weighed.loss.sum())
        for one, other in combinations_with_replacement(range(outputs), 2):
            block = piece.weigh(weighed.curvatures[:, one, other])
            curvature[_block(one, columns), _block(other, columns)] += block
            if one != other:
                curvature[_block(other, columns), _block(one, columns)] += block
        for one in range(outputs):
            gradient[one] += piece.project(weighed.slopes[:, one])
    return Sums(Slope(loss, gradient.ravel(), curvature), len(matrix), squares)


def answer_family(question: FamilyQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        1 and nothing else but zeros if the family does not allow what a row is predicted; else 0, the rows, the squares, the loss, the gradient's whole
        parts, its remainders, and for each pair of linear predictors the upper triangle of their block of the Hessian.
    """
    matrix, target = encode_train(question.design, rows), encode_target(question.outcome, rows)
    slope, count, squares = evaluate_family(question.family, matrix, target, question.coefficients)
    if math.isinf(slope.loss):
        return np.append(1.0, np.zeros(question.length - 1))
    columns = matrix.columns
    first, second = np.triu_indices(columns)
    blocks = [
        slope.curvature[_block(one, columns), _block(other, columns)][first, second]
        for one, other in combinations_with_replacement(range(question.family.outputs), 2)
    ]
    return np.concatenate([[0.0, count, squares, slope.loss], *split_whole(slope.gradient), *blocks])


def read_family(question: FamilyQuestion, total: Vector) -> Sums:
    """Read the total of all answers; a point that some member did not allow has an infinite loss."""
    outputs, size = question.family.outputs, len(question.coefficients)
    columns = size // outputs
    loss = math.inf if total[0] > 0 else float(total[3])
    gradient = total[4 : 4 + size] + total[4 + size : 4 + 2 * size]
    first, second = np.triu_indices(columns)
    blocks = total[4 + 2 * size :].reshape(-1, len(first))
    curvature = np.zeros((size, size))
    pairs = combinations_with_replacement(range(outputs), 2)
    for (one, other), sent in zip(pairs, blocks, strict=True):
        block = np.zeros((columns, columns))
        block[first, second] = sent
        block[second, first] = sent
        curvature[_block(one, columns), _block(other, columns)] = block
        curvature[_block(other, columns), _block(one, columns)] = block
    return Sums(Slope(loss, gradient, curvature), round(float(total[1])), float(total[2]))


def doubt_family(question: FamilyQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    if not (are_counts(total[:1]) and total[0] <= members):
        yield "the members that do not allow the point are more than there are, or no count"
    size = len(question.coefficients)
    slack = _SLACK * (1.0 + question.bounds)
    if not are_counts(total[1:2]):
        yield "the rows are no count"
    if (total[2:4] < -slack[2:4]).any():
        yield "the loss or the squares are negative"
    whole, remainder = total[4 : 4 + size], total[4 + size : 4 + 2 * size]
    if (whole != np.rint(whole)).any():
        yield "a whole part of the gradient is not whole"
    if not ((remainder >= -_SLACK) & (remainder <= members + _SLACK)).all():
        yield "a remainder of the gradient passes one a member"
    diagonal = np.diag(read_family(question, total).slope.curvature)
    most = 1.0 + question.family.bound(0.0).curvature * question.support * question.design.reach**2
    if (diagonal < -_SLACK * np.tile(most, question.family.outputs)).any():
        yield "the Hessian's diagonal is negative"


def _block(number: int, columns: int) -> slice:
    return slice(number * columns, (number + 1) * columns)
