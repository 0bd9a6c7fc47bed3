"""The one question of statistics with noise: weighted counts, moments and histograms, each row in one bin a feature."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from hansa.learning.census import PLACES, add_weights, scale_number
from hansa.learning.histogram import place_values
from hansa.learning.recipe import Question
from hansa.learning.survey import count_columns
from hansa.learning.tables import NumberFeature, Schema, Table, Vector
from hansa.learning.unit import MOST_ROWS, Unit
from hansa.privacy import truncate

MOMENT_SCALE: Final = 1.0
"""What moments are multiplied with: a power of two. The more, the wider is the noise of counts, and the narrower theirs."""


@dataclass(frozen=True, eq=False)
class SketchQuestion(Question):
    """Ask for weighted counts, moments and histograms under a schema."""

    schema: Schema
    unit: Unit
    bins: int

    def bound(self) -> Vector:
        """Rows."""
        return np.full(measure_sketch(self.schema, self.bins), MOST_ROWS * max(MOMENT_SCALE, 1.0))

    def publics(self) -> Iterable[bytes]:
        """Yield the schema, the unit and the bins."""
        yield repr((self.schema, self.unit, self.bins)).encode()


class NumberSums(NamedTuple):
    """A number's part of a total, noise and all.

    Args:
        missing: rows without it; 0 when every row has it.
        across: the sum of u, which is the value scaled to [-1, 1].
        inward: the sum of 1 - u².
        histogram: rows per bin, shape (bins,).
    """

    missing: float
    across: float
    inward: float
    histogram: Vector


class Sketch(NamedTuple):
    """A total, divided: all rows, each number's part, and for each categorical feature rows per code."""

    rows: float
    numbers: tuple[NumberSums, ...]
    categories: tuple[Vector, ...]


def measure_sketch(schema: Schema, bins: int) -> int:
    """Return how many numbers an answer has."""
    numbers = sum(_measure_number(number, bins) for number in schema.numbers)
    return 1 + numbers + sum(count_columns(category) for category in schema.categories)


def find_sketch_sensitivity(schema: Schema, unit: Unit) -> float:
    """Return by how much one unit can move an answer.

    A row adds 1 to the rows, 1 to one code of each category, and for each number either 1 to those without it, or 1 to
    a bin and moments whose squares add up to at most `MOMENT_SCALE`²: u² + (1 - u²)² is at most 1.
    """
    square = 1.0 + len(schema.categories) + len(schema.numbers) * (1.0 + MOMENT_SCALE * MOMENT_SCALE)
    return unit.reach * math.sqrt(square)


def answer_sketch(question: SketchQuestion, table: Table) -> Vector:
    """Count and sum one member's rows, each with its weight.

    Returns:
        Rows; per numeric feature: rows without it, if they may be, the sums of u and of 1 - u², both times
        `MOMENT_SCALE`, rows per bin; per categorical feature: rows per code.
    """
    schema = question.schema
    weights = question.unit.weigh(table)
    parts = [np.array([weights.sum()])]
    for number in schema.numbers:
        column = table.numbers[number.name]
        absent = np.isnan(column)
        values, held = column[~absent], weights[~absent]
        place = scale_number(number, values)
        sums = [held @ place * MOMENT_SCALE, held @ truncate(1.0 - place * place, PLACES) * MOMENT_SCALE]
        parts.append(np.array([weights[absent].sum(), *sums] if number.missing else sums))
        parts.append(add_weights(place_values(number, question.bins, values), held, question.bins))
    parts += [add_weights(table.codes[f.name], weights, count_columns(f)) for f in schema.categories]
    return np.concatenate(parts)


def part_sketch(question: SketchQuestion, total: Vector) -> Sketch:
    """Divide a total, shape (question.length,)."""
    place = 1
    numbers = []
    for number in question.schema.numbers:
        width = _measure_number(number, question.bins)
        part, place = total[place : place + width], place + width
        missing = float(part[0]) if number.missing else 0.0
        across, inward = (part[number.missing : number.missing + 2] / MOMENT_SCALE).tolist()
        numbers.append(NumberSums(missing, across, inward, part[number.missing + 2 :]))
    categories = []
    for category in question.schema.categories:
        width = count_columns(category)
        categories.append(total[place : place + width])
        place += width
    return Sketch(float(total[0]), tuple(numbers), tuple(categories))


def _measure_number(number: NumberFeature, bins: int) -> int:
    return number.missing + 2 + bins
