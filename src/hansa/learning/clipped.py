"""The questions of a noised fit: a clipped Gram matrix once, then clipped gradients.

Every number that a row adds lies on a grid, and every product of two on a finer one, so that the sums are exact:
what one unit moves in a total is what it moves in theory, whatever the order of summation.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.design import Design, Matrix
from hansa.learning.newton import squash
from hansa.learning.recipe import Question
from hansa.learning.slope import encode_train
from hansa.learning.tables import Rows, Vector
from hansa.learning.unit import MOST_ROWS, Unit
from hansa.privacy import find_factors, truncate

_COLUMN_PLACES: Final = 10
_PULL_PLACES: Final = 20
"""Of a pull told in units of the clip norm's next power of two."""

_SHARE_PLACES: Final = 12


@dataclass(frozen=True, eq=False)
class GramQuestion(Question):
    """Ask how the columns go together: the sum of outer products of rows.

    Args:
        design: the columns.
        unit: what noise hides.
        norm: > 0; rows are shrunk to this L2 norm and told in units of it, so each adds at most 1.
    """

    design: Design
    unit: Unit
    norm: float

    def bound(self) -> Vector:
        """Rows, and √2 times as much off the diagonal."""
        width = len(self.design.names)
        return np.full(width * (width + 1) // 2, MOST_ROWS * 1.5)

    def publics(self) -> Iterable[bytes]:
        """Yield the design, the unit and the norm."""
        yield repr((self.design, self.unit, self.norm)).encode()


@dataclass(frozen=True, eq=False)
class PullQuestion(Question):
    """Ask where the rows pull the coefficients: the sum of clipped gradients.

    Args:
        design: the columns.
        unit: what noise hides.
        coefficients: the point, shape (n_columns,).
        clip: > 0; the most a row pulls, in the L2 norm.
    """

    design: Design
    unit: Unit
    coefficients: Vector
    clip: float

    def bound(self) -> Vector:
        """Rows times the clip norm."""
        return np.full(len(self.coefficients), MOST_ROWS * self.clip)

    def publics(self) -> Iterable[bytes]:
        """Yield the design, the unit, the point and the clip norm."""
        yield repr((self.design, self.unit, self.clip)).encode()
        yield self.coefficients.tobytes()


def answer_gram(question: GramQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        The upper triangle, row by row, with entries off the diagonal times √2: then its L2 norm is that of the
        whole matrix.
    """
    matrix = encode_grid(question.design, rows)
    shares = find_factors(measure_rows(matrix), question.norm) / question.norm
    shares = truncate(shares * shares * question.unit.weigh(rows.train), _SHARE_PLACES)
    gram = np.zeros((matrix.columns, matrix.columns))
    start = 0
    for part in matrix.slices():
        gram += part.weigh(shares[start : start + len(part)])
        start += len(part)
    first, second = np.triu_indices(matrix.columns)
    return np.asarray(gram[first, second] * np.where(first == second, 1.0, math.sqrt(2.0)))


def read_gram(question: GramQuestion, total: Vector) -> Vector:
    """Return the total as a symmetric matrix, shape (n_columns, n_columns), in the columns' own units."""
    width = len(question.design.names)
    first, second = np.triu_indices(width)
    gram = np.zeros((width, width))
    gram[first, second] = gram[second, first] = (
        total * np.where(first == second, 1.0, 1.0 / math.sqrt(2.0)) * (question.norm * question.norm)
    )
    return gram


def answer_pull(question: PullQuestion, rows: Rows) -> Vector:
    """Sum the clipped gradients of one member's training rows: shape (n_columns,).

    A row's gradient is (p - label) · x; clipping it is the gradient of a loss that grows linearly where the
    logistic one would pull harder, so that the sum still has one minimum.
    Source: Song, Steinke, Thakkar and Thakurta 2021, "Evading the curse of dimensionality in unconstrained private
        GLMs", Lemma 5.1.
    """
    matrix = encode_grid(question.design, rows)
    residuals = squash(find_logits(matrix, question.coefficients))[0] - rows.train.labels
    factors = find_factors(np.abs(residuals) * measure_rows(matrix), question.clip)
    places = _PULL_PLACES - math.frexp(question.clip)[1]
    pulls = truncate(residuals * factors * question.unit.weigh(rows.train), places)
    gradient = np.zeros(matrix.columns)
    start = 0
    for part in matrix.slices():
        gradient += part.project(pulls[start : start + len(part)])
        start += len(part)
    return gradient


def measure_pulls(design: Design, coefficients: Vector, rows: Rows) -> Vector:
    """Return the L2 norm of each training row's gradient before clipping: shape (n,)."""
    matrix = encode_grid(design, rows)
    probabilities, _ = squash(find_logits(matrix, coefficients))
    return np.asarray(np.abs(probabilities - rows.train.labels) * measure_rows(matrix))


def encode_grid(design: Design, rows: Rows) -> Matrix:
    """Return the training rows under a design with their numbers on a grid of 2^-10; made once."""

    def encode() -> Matrix:
        matrix = encode_train(design, rows)
        return Matrix(truncate(matrix.dense, _COLUMN_PLACES), matrix.codes, matrix.widths)

    return rows.remember("grid matrix", design.digest, encode)


def find_logits(matrix: Matrix, coefficients: Vector) -> Vector:
    """Return the linear predictor of each row: shape (n,).

    Guarantees:
        A row's is the same, bit for bit, whatever other rows there are. `Matrix.predict` is quicker and promises
        less: a matrix product may round a row by its place among the others.
    """
    start = matrix.dense.shape[1]
    logits = np.zeros(len(matrix))
    for column, coefficient in zip(matrix.dense.T, coefficients[:start].tolist(), strict=True):
        logits += column * coefficient
    for codes, width in zip(matrix.codes, matrix.widths, strict=True):
        logits += np.append(coefficients[start : start + width], 0.0)[codes]
        start += width
    return logits


def measure_rows(matrix: Matrix) -> Vector:
    """Return the L2 norm of each row: shape (n,)."""
    squares = np.square(matrix.dense).sum(axis=1)
    for codes, width in zip(matrix.codes, matrix.widths, strict=True):
        squares += codes < width
    return np.asarray(np.sqrt(squares))
