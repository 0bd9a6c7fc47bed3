"""The questions of statistics without noise: first how many, then how large, over such bins as are large enough to be told.

So no total holds the sizes of a few rows only, and neither does what is told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hansa.learning.histogram import place_values
from hansa.learning.recipe import Question, add_exactly
from hansa.learning.suppression import Counts
from hansa.learning.survey import count_columns, split_whole
from hansa.learning.tables import MAX_ROWS, Codes, NumberFeature, Rows, Schema, Table, Vector

MOMENTS = 5
"""So many numbers each numeric feature has in the second answer."""


class Cells(NamedTuple):
    """A feature's cells: how many rows, and how many members, are in each; shape (n_cells,) each.

    Of a number first the rows without it, if there may be some, and then its bins; of a category its codes.
    """

    rows: Counts
    members: Counts


class Moments(NamedTuple):
    """Of a number over some bins: rows, the mean of its scaled value from 0 to 1, and the mean of its square."""

    rows: int
    mean: float
    square: float


@dataclass(frozen=True, eq=False)
class CountQuestion(Question):
    """Ask for counts under a schema, of numbers in so many bins."""

    schema: Schema
    bins: int

    def bound(self) -> Vector:
        """Rows, and one for members."""
        parts = [np.full(1, float(MAX_ROWS))]
        for width in self.widths:
            parts += [np.full(width, float(MAX_ROWS)), np.ones(width)]
        return np.concatenate(parts)

    def publics(self) -> Iterable[bytes]:
        """Yield the schema and the bins."""
        yield repr((self.schema, self.bins)).encode()

    @property
    def widths(self) -> tuple[int, ...]:
        """How many cells each feature has, numbers first."""
        numbers = tuple(number.missing + self.bins for number in self.schema.numbers)
        return numbers + tuple(count_columns(category) for category in self.schema.categories)


@dataclass(frozen=True, eq=False)
class MomentQuestion(Question):
    """Ask for the moments of numbers over some of their bins.

    Args:
        spans: for each number the places of these bins, ascending.
    """

    schema: Schema
    bins: int
    spans: tuple[tuple[int, ...], ...]

    def bound(self) -> Vector:
        """Rows for counts and whole parts, one for remainders."""
        return np.tile(np.array([MAX_ROWS, MAX_ROWS, 1, MAX_ROWS, 1], dtype=np.float64), len(self.spans))

    def publics(self) -> Iterable[bytes]:
        """Yield the schema, the bins and the spans."""
        yield repr((self.schema, self.bins, self.spans)).encode()


def answer_counts(question: CountQuestion, rows: Rows) -> Vector:
    """Count one member's rows.

    Returns:
        All rows; per numeric, then per categorical feature: rows per cell, then 1 per cell that occurs.
    """
    table = rows.train
    parts = [np.array([float(len(table))])]
    codes = [_place_cells(number, question.bins, table) for number in question.schema.numbers]
    codes += [table.codes[category.name] for category in question.schema.categories]
    for width, places in zip(question.widths, codes, strict=True):
        held = np.bincount(places, minlength=width).astype(np.float64)
        parts += [held, np.minimum(held, 1.0)]
    return np.concatenate(parts)


def answer_moments(question: MomentQuestion, rows: Rows) -> Vector:
    """Sum one member's rows.

    Returns:
        Per numeric feature, over its rows in the bins that are asked about: how many, whole and remainder of the sum of x,
        whole and remainder of the sum of x², with x the value scaled to [0, 1] by the feature's bounds.
    """
    return join_moments(question, [measure_moments(question, piece) for piece in rows.pieces])


def measure_moments(question: MomentQuestion, piece: Rows) -> Vector:
    """Sum one piece of a member's rows: per numeric feature how many, the sum of x, the sum of x²."""
    parts = []
    for number, span in zip(question.schema.numbers, question.spans, strict=True):
        column = piece.train.numbers[number.name]
        present = column[~np.isnan(column)]
        held = present[np.isin(place_values(number, question.bins, present), span)]
        scaled = (held - number.minimum) / (number.maximum - number.minimum or 1.0)
        parts.append(np.array([float(len(held)), scaled.sum(), (scaled * scaled).sum()]))
    return np.concatenate(parts)


def join_moments(question: MomentQuestion, parts: Sequence[Vector]) -> Vector:  # noqa: ARG001 - as all that join
    """Return the answer, see `answer_moments`, from what was measured of all pieces."""
    total = add_exactly(parts).reshape(-1, 3)
    whole, remainder = split_whole(total[:, 1:])
    return np.column_stack(
        [total[:, :1], whole[:, :1], remainder[:, :1], whole[:, 1:], remainder[:, 1:]]
    ).ravel()


def part_counts(question: CountQuestion, total: Vector) -> tuple[Vector, ...]:
    """Divide a total behind its first number: per feature an array of shape (2, n_cells), rows and members."""
    parts, place = [], 1
    for width in question.widths:
        parts.append(total[place : place + 2 * width].reshape(2, width))
        place += 2 * width
    return tuple(parts)


def read_counts(question: CountQuestion, total: Vector) -> tuple[int, tuple[Cells, ...]]:
    """Read the total: all rows, and the cells of each feature, numbers first."""
    cells = tuple(Cells(*np.rint(part).astype(np.int64)) for part in part_counts(question, total))
    return round(float(total[0])), cells


def read_moments(total: Vector) -> tuple[Moments, ...]:
    """Read the total, shape (5 n_numbers,): one for each number."""
    found = []
    for rows, whole, rest, square_whole, square_rest in total.reshape(-1, MOMENTS).tolist():
        held = max(rows, 1.0)
        found.append(Moments(round(rows), (whole + rest) / held, (square_whole + square_rest) / held))
    return tuple(found)


def _place_cells(number: NumberFeature, bins: int, table: Table) -> Codes:
    column = table.numbers[number.name]
    absent = np.isnan(column)
    places = np.zeros(len(column), dtype=np.intp)
    places[~absent] = place_values(number, bins, column[~absent]) + number.missing
    return places
