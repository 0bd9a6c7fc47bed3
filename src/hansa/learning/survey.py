"""The first question: how many, how large, how spread, which categories.

Its bounds must hold before anything is known, so a member's rows are bounded by `MAX_ROWS` alone, and
that leaves few bits after the binary point. Sums of numbers are therefore sent as two coordinates, the
whole part and the remainder below one (`split_whole`); their totals keep 50 bits after the point.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.learning.categories import CategoryFeature, count_codes
from hansa.learning.ranking import can_score
from hansa.learning.recipe import Question
from hansa.learning.tables import MAX_ROWS, NumberFeature, Rows, Schema, Table, Vector

COUNTS = 5
"""An answer begins with this many counts."""

MOMENTS = 7
"""So many numbers follow for each numeric feature."""


@dataclass(frozen=True, slots=True)
class NumberTotals:
    """A numeric feature over all training rows.

    Args:
        present: rows that have it.
        having: members with such a row.
        lacking: members with a row that lacks it.
        mean: over rows that have it, in its unit.
        deviation: standard deviation, likewise.
    """

    present: int
    having: int
    lacking: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class CategoryTotals:
    """A categorical feature: per code (missing last, if allowed) how many training rows and members have it."""

    rows: NDArray[np.int64]
    members: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The totals of the survey, read.

    Args:
        rows: training rows.
        positives: of these, with label 1.
        test_rows: rows that test.
        test_positives: of these, with label 1.
        scorable: members whose test rows hold enough of both labels.
        numbers: per numeric feature.
        categories: per categorical feature.
    """

    rows: int
    positives: int
    test_rows: int
    test_positives: int
    scorable: int
    numbers: tuple[NumberTotals, ...]
    categories: tuple[CategoryTotals, ...]

    @property
    def centre(self) -> float:
        """The logit of the share of positives, of which there must be some and not only; rounded to 1/1024."""
        # Rounded, because the last bit of a logarithm differs between machines.
        return round(math.log(self.positives / (self.rows - self.positives)) * 1024) / 1024


@dataclass(frozen=True, eq=False)
class SurveyQuestion(Question):
    """Ask for counts and moments under a schema."""

    schema: Schema

    def bound(self) -> Vector:
        """Rows for counts and whole parts, one for remainders and members."""
        parts = [np.array([MAX_ROWS] * 4 + [1], dtype=np.float64)]
        parts += [np.array([MAX_ROWS, 1, 1, MAX_ROWS, 1, MAX_ROWS, 1], dtype=np.float64)] * len(
            self.schema.numbers
        )
        for feature in self.schema.categories:
            width = count_columns(feature)
            parts += [np.full(width, MAX_ROWS, dtype=np.float64), np.ones(width)]
        return np.concatenate(parts)

    def publics(self) -> Iterable[bytes]:
        """Yield the schema."""
        yield repr(self.schema).encode()


def answer_survey(schema: Schema, rows: Rows) -> Vector:
    """Count and sum one member's rows.

    Returns:
        Training rows, training positives, test rows, test positives, 1 if the test rows hold enough of both
        labels to score the member; per numeric feature: rows present, 1 if there are any, 1 if it is missing
        in any, whole and remainder of the sum of x, whole and remainder of the sum of x², with x the value
        scaled to [0, 1] by the feature's bounds; per categorical feature: rows per code, then 1 per code that
        occurs. Training rows only, but for the two test counts.
    """
    train = rows.train
    test = rows.test
    counts = (len(train), train.positives, len(test), test.positives, can_score(test.labels))
    parts = [np.array(counts, dtype=np.float64)]
    for number in schema.numbers:
        scaled = _scale(number, train)
        sums = np.array([scaled.sum(), (scaled * scaled).sum()])
        present = len(scaled)
        halves = np.column_stack(split_whole(sums)).ravel()
        parts.append(np.array([present, present > 0, present < len(train), *halves]))
    for category in schema.categories:
        held = np.bincount(train.codes[category.name], minlength=count_columns(category)).astype(np.float64)
        parts += [held, np.minimum(held, 1.0)]
    return np.concatenate(parts)


def read_survey(schema: Schema, total: Vector) -> Survey:
    """Read the total of all answers.

    Args:
        schema: as it was asked.
        total: shape (SurveyQuestion(...).length,), float64.
    """
    counts = np.rint(total[:COUNTS]).astype(np.int64)
    place = COUNTS
    numbers = []
    for number in schema.numbers:
        *counted, whole, remainder, square_whole, square_remainder = total[place : place + MOMENTS].tolist()
        place += MOMENTS
        present, having, lacking = (max(0, round(count)) for count in counted)
        width = number.maximum - number.minimum
        mean = (whole + remainder) / max(present, 1)
        variance = (square_whole + square_remainder) / max(present, 1) - mean * mean
        deviation = width * math.sqrt(max(variance, 0.0))
        numbers.append(NumberTotals(present, having, lacking, number.minimum + width * mean, deviation))
    categories = []
    for category in schema.categories:
        width = count_columns(category)
        pair = np.rint(total[place : place + 2 * width]).astype(np.int64).reshape(2, width)
        place += 2 * width
        categories.append(CategoryTotals(pair[0], pair[1]))
    rows, positives, test_rows, test_positives, scorable = (int(count) for count in counts)
    return Survey(rows, positives, test_rows, test_positives, scorable, tuple(numbers), tuple(categories))


def split_whole(values: Vector) -> tuple[Vector, Vector]:
    """Split numbers into a whole part (rounded down) and a remainder from 0 to 1."""
    whole = np.floor(values)
    return whole, values - whole


def _scale(number: NumberFeature, table: Table) -> Vector:
    column = table.numbers[number.name]
    present = column[~np.isnan(column)]
    width = number.maximum - number.minimum
    return (present - number.minimum) / width if width > 0 else np.zeros(len(present))


def count_columns(feature: CategoryFeature) -> int:
    """Return how many codes a row of a feature may have, missing among them if it is allowed."""
    return count_codes(feature) + feature.missing
