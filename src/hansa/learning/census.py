"""The survey with noise: how many, how large, how spread, which categories; and the columns that follow.

A number is sent as u in [-1, 1], by the plan's bounds, and 1 - u²; since u² + (1 - u²)² is at most 1, its mean and
spread together cost what one category costs. So a row's L2 norm is at most √(1 + features).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.categories import CategoryFeature, count_codes, name_code
from hansa.learning.design import CategoryColumns, Design, NumberColumns
from hansa.learning.recipe import Dropped, Question
from hansa.learning.survey import count_columns
from hansa.learning.tables import Codes, NumberFeature, Schema, Table, Vector
from hansa.learning.unit import MOST_ROWS, Unit
from hansa.privacy import truncate

PLACES: Final = 20
"""Binary places of what a row adds to a sum."""

_HIDDEN: Final = "too few training rows have it to be seen through the noise"


@dataclass(frozen=True, eq=False)
class CensusQuestion(Question):
    """Ask for weighted counts and moments under a schema."""

    schema: Schema
    unit: Unit

    def bound(self) -> Vector:
        """Rows."""
        return np.full(measure_census(self.schema), float(MOST_ROWS))

    def publics(self) -> Iterable[bytes]:
        """Yield the schema and the unit."""
        yield repr((self.schema, self.unit)).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Census:
    """What the total says, as far as it can be seen through its noise.

    Args:
        positives: training rows with label 1, at least 1 and at least the noise's deviation.
        negatives: with label 0, likewise.
        design: the columns.
        dropped: what has no column.
    """

    positives: float
    negatives: float
    design: Design
    dropped: tuple[Dropped, ...]

    @property
    def rate(self) -> float:
        """The share of positives."""
        return self.positives / (self.positives + self.negatives)


def measure_census(schema: Schema) -> int:
    """Return how many numbers an answer has."""
    numbers = sum(2 + number.missing for number in schema.numbers)
    return 2 + numbers + sum(count_columns(category) for category in schema.categories)


def find_census_sensitivity(schema: Schema, unit: Unit) -> float:
    """Return by how much one unit can move an answer: by √(1 + features) a row, the 1 being its label."""
    return unit.reach * math.sqrt(1 + len(schema.features))


def answer_census(question: CensusQuestion, table: Table) -> Vector:
    """Count and sum one member's training rows, each with its weight.

    Returns:
        Positives, negatives; per numeric feature: rows without it, if they may be, and the sums of u and of
        1 - u²; per categorical feature: rows per code.
    """
    weights = question.unit.weigh(table)
    positive = table.labels == 1
    parts = [np.array([weights[positive].sum(), weights[~positive].sum()])]
    for number in question.schema.numbers:
        column = table.numbers[number.name]
        absent = np.isnan(column)
        place = scale_number(number, column[~absent])
        held = weights[~absent]
        sums = [held @ place, held @ truncate(1.0 - place * place, PLACES)]
        parts.append(np.array([weights[absent].sum(), *sums] if number.missing else sums))
    parts += [add_weights(table.codes[f.name], weights, count_columns(f)) for f in question.schema.categories]
    return np.concatenate(parts)


def read_census(schema: Schema, total: Vector, deviation: float, minimum_rows: int) -> Census:
    """Read the total, and decide on the columns.

    Args:
        schema: as it was asked.
        total: shape (measure_census(schema),), noise and all.
        deviation: the standard deviation of that noise, for each number.
        minimum_rows: a category that fewer rows have gets no column.

    Guarantees:
        Depends on the total alone, by single float64 operations in a fixed order.
    """
    positives, negatives = (max(float(count), deviation, 1.0) for count in total[:2])
    place = 2
    numbers, dropped = [], {}
    for number in schema.numbers:
        width = 2 + number.missing
        missing, across, inward = [0.0] * (3 - width) + total[place : place + width].tolist()
        place += width
        columns = _make_number(
            number, (missing, across, inward), positives + negatives, deviation, minimum_rows
        )
        numbers.append(columns)
        if columns.deviation is None:
            dropped[number.name] = [Dropped(number.name, "no spread is seen through the noise")]
    categories = []
    for category in schema.categories:
        counts = total[place : place + count_columns(category)]
        place += len(counts)
        kept = np.flatnonzero(counts >= find_floor(len(counts), deviation, minimum_rows)).tolist()
        categories.append(CategoryColumns(category.name, tuple(kept)))
        dropped[category.name] = list(_list_hidden(category, kept))
    everything = [entry for feature in schema.features for entry in dropped.get(feature.name, [])]
    return Census(positives, negatives, Design(schema, tuple(numbers), tuple(categories)), tuple(everything))


def _make_number(
    number: NumberFeature, sums: tuple[float, float, float], rows: float, deviation: float, minimum_rows: int
) -> NumberColumns:
    missing, across, inward = sums
    indicator = number.missing and missing >= find_floor(2, deviation, minimum_rows)
    present = rows - max(missing, 0.0)
    half = (number.maximum - number.minimum) / 2
    if half == 0 or present < max(deviation, 1.0):
        return NumberColumns(number.name, number.minimum + half, None, indicator)
    mean = min(max(across / present, -1.0), 1.0)
    # A spread below what noise alone would show is not believed.
    variance = max(1.0 - inward / present - mean * mean, deviation / present, 2.0**-20)
    return NumberColumns(
        number.name, number.minimum + half * (1.0 + mean), half * math.sqrt(min(variance, 1.0)), indicator
    )


def find_floor(codes: int, deviation: float, minimum_rows: int) -> float:
    """Return a count that noise alone reaches in about one of this many codes, or the plan's if that is more."""
    # The square root of twice the natural logarithm, which is 0.693 times the number of bits.
    return max(float(minimum_rows), deviation * math.sqrt(2 * 0.693 * max(codes - 1, 1).bit_length()))


def _list_hidden(category: CategoryFeature, kept: list[int]) -> Iterable[Dropped]:
    if category.categories is None:
        yield Dropped(category.name, "values that few training rows have are not seen through the noise")
        return
    for code in range(count_codes(category)):
        if code not in kept:
            yield Dropped(name_code(category, code), _HIDDEN)


def scale_number(number: NumberFeature, values: Vector) -> Vector:
    """Return values as u in [-1, 1] by the plan's bounds, on a grid of 2^-20: shape (n,)."""
    half = (number.maximum - number.minimum) / 2
    if half == 0:
        return np.zeros(len(values))
    return truncate(np.clip((values - number.minimum) / half - 1.0, -1.0, 1.0), PLACES)


def add_weights(codes: Codes, weights: Vector, width: int) -> Vector:
    """Return the rows' weights added up by code: shape (width,)."""
    return np.bincount(codes, weights, width).astype(np.float64, copy=False)
