"""The question of each Newton turn: loss, gradient and Hessian, summed over the cohort.

With organisation intercepts every member minimises over its own intercept before it answers, and sends
loss, gradient and Hessian of what is left (a Schur complement). The joint coefficients are the same as if
each intercept were one more column, yet no intercept ever leaves its member: a column that only one
organisation fills would have a total that is that organisation's own number.

Rows may count differently by whose they are: where a few large members would outvote all others, a plan can give each
member the same voice, or one between. Nobody tells how many rows it has: each multiplies its own sums.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.learning.design import Design, Matrix, encode_table
from hansa.learning.newton import Slope, evaluate_slope, squash
from hansa.learning.recipe import Question, add_exactly
from hansa.learning.survey import split_whole
from hansa.learning.tables import Rows, Vector

VOICES: Final = {"rows": 0.0, "root": 0.5, "members": 1.0}
"""What a row of a member with n rows counts, if members have N on average: (N / n) to this power."""


@dataclass(frozen=True, eq=False)
class SlopeQuestion(Question):
    """Ask for the slope at a point.

    Args:
        design: the columns.
        support: in how many rows of the cohort each column can be other than 0, shape (n_columns,).
        coefficients: the point, shape (n_columns,).
        intercept_penalty: on half the square of each organisation's own intercept; None for no such intercepts.
        voice: how much a member's rows count, one of the `VOICES`.
        mean_rows: training rows of a surveyed member, on average.
    """

    design: Design
    support: Vector
    coefficients: Vector
    intercept_penalty: float | None
    voice: str = "rows"
    mean_rows: float = 1.0

    def bound(self) -> Vector:
        """Rows times what one row can add; a Hessian entry by the Cauchy-Schwarz inequality."""
        rows = self.support[0]
        loss = rows * (self.design.bound_logit(self.coefficients) + 1.0)
        slope = self.support * self.design.reach + 1.0
        width = np.sqrt(self.support) * self.design.reach
        first, second = _pairs(self.design, full=self.intercept_penalty is not None)
        curvature = 0.25 * width[first] * width[second]
        bounds = np.concatenate([[loss], slope, np.ones(len(slope)), curvature])
        # Rounding in the sums must not push an honest answer over its bound.
        return np.asarray(bounds * (1 + 2.0**-20) + 2.0**-20)

    def publics(self) -> Iterable[bytes]:
        """Yield the design, the point and the penalty."""
        yield repr(self.design).encode()
        yield self.coefficients.tobytes()
        yield repr((self.intercept_penalty, self.voice, self.mean_rows)).encode()


def answer_slope(question: SlopeQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        The loss; the gradient's whole parts; its remainders; the Hessian's upper triangle, row by row,
        without the entries between two categories of one feature, which no row can have both of (with
        organisation intercepts these are not 0 and are sent). All of it as often as a row of this member counts.
    """
    often = find_weight(question, rows)
    penalty = question.intercept_penalty
    if penalty is None:
        return join_slopes(question, [measure_slope(question, piece) for piece in rows.pieces], often)
    matrix = encode_train(question.design, rows)
    labels = rows.train.labels.astype(np.float64)
    penalty /= often  # for the objective holds the loss so often, and the penalty once
    logits = matrix.predict(question.coefficients)
    intercept = fit_intercept(logits, labels, penalty)
    slope = evaluate_slope(matrix, labels, question.coefficients, np.full(len(matrix), intercept))
    # The intercept's own column is all ones, as column 0 of the design is.
    shared = slope.curvature[:, 0]
    slope = Slope(
        slope.loss + 0.5 * penalty * intercept * intercept,
        slope.gradient,
        slope.curvature - shared[:, None] * shared[None, :] / (shared[0] + penalty),
    )
    return join_slopes(question, [_write_slope(question, slope)], often)


def find_weight(question: SlopeQuestion, rows: Rows) -> float:
    """Return how often a training row of this member counts, by the voice that the plan gives it."""
    return float((question.mean_rows / max(len(rows.train), 1)) ** VOICES[question.voice])


def measure_slope(question: SlopeQuestion, piece: Rows) -> Vector:
    """Sum one piece of a member's training rows; no organisation intercept is asked for.

    Returns:
        The loss, the gradient, and the part of the Hessian that is sent.
    """
    labels = piece.train.labels.astype(np.float64)
    return _write_slope(
        question, evaluate_slope(encode_train(question.design, piece), labels, question.coefficients)
    )


def join_slopes(question: SlopeQuestion, parts: Sequence[Vector], often: float = 1.0) -> Vector:
    """Return the answer, see `answer_slope`, from what was measured of all pieces.

    Args:
        question: what was asked.
        parts: of each piece.
        often: how often a row of this member counts.
    """
    total = add_exactly(parts) * often
    width = len(question.coefficients)
    whole, remainder = split_whole(total[1 : 1 + width])
    return np.concatenate([total[:1], whole, remainder, total[1 + width :]])


def _write_slope(question: SlopeQuestion, slope: Slope) -> Vector:
    first, second = _pairs(question.design, full=question.intercept_penalty is not None)
    return np.concatenate([[slope.loss], slope.gradient, slope.curvature[first, second]])


def read_slope(question: SlopeQuestion, total: Vector) -> Slope:
    """Read the total of all answers; the opposite of the layout of `answer_slope`."""
    width = len(question.coefficients)
    first, second = _pairs(question.design, full=question.intercept_penalty is not None)
    curvature = np.zeros((width, width))
    curvature[first, second] = total[1 + 2 * width :]
    curvature[second, first] = total[1 + 2 * width :]
    return Slope(float(total[0]), total[1 : 1 + width] + total[1 + width : 1 + 2 * width], curvature)


def encode_train(design: Design, rows: Rows) -> Matrix:
    """Return the training rows under a design, encoded once."""
    return rows.remember("train matrix", design.digest, lambda: encode_table(design, rows.train))


def fit_intercept(logits: Vector, labels: Vector, penalty: float) -> float:
    """Return the intercept that, added to every logit, gives the least penalised loss.

    Args:
        logits: shape (n,).
        labels: shape (n,), 0 or 1.
        penalty: > 0, on half the intercept's square.
    """
    low, high = -float(len(labels)) / penalty, float(len(labels)) / penalty
    intercept = 0.0
    for _ in range(100):
        probability, _ = squash(logits + intercept)
        slope = float((probability - labels).sum()) + penalty * intercept
        # The slope rises with the intercept, so its sign tells which side the minimum is on.
        low, high = (intercept, high) if slope < 0 else (low, intercept)
        step = slope / (float((probability * (1.0 - probability)).sum()) + penalty)
        if abs(step) < 1e-13 * (1.0 + abs(intercept)):
            break
        intercept -= step
        if not low < intercept < high:
            intercept = (low + high) / 2
    return intercept


def _pairs(design: Design, *, full: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    block = -np.arange(1, len(design.names) + 1)
    if not full:
        for number, columns in enumerate(design.blocks):
            block[columns] = number
    first, second = np.triu_indices(len(block))
    sent = (first == second) | (block[first] != block[second])
    return first[sent], second[sent]
