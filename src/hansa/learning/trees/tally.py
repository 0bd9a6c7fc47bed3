"""The first question of trees with noise: rows of each label, in each cell of each number, with each code; and the bins that follow."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.census import add_weights
from hansa.learning.histogram import find_edges, place_values
from hansa.learning.recipe import Question
from hansa.learning.scoreboard import find_counts
from hansa.learning.survey import count_columns
from hansa.learning.tables import NumberFeature, Schema, Table, Vector
from hansa.learning.trees.bins import MOST_BINS, Bins, CategoryBins, NumberBins
from hansa.learning.unit import MOST_ROWS, Unit

CELLS: Final = 64
"""Into which a number's declared range is divided."""

_SEEN: Final = 8.0
"""A bin stands out when it holds so many standard deviations of the noise in it."""


@dataclass(frozen=True, eq=False)
class TallyQuestion(Question):
    """Ask for weighted counts under a schema."""

    schema: Schema
    unit: Unit

    def bound(self) -> Vector:
        """Rows."""
        numbers = sum(CELLS + number.missing for number in self.schema.numbers)
        categories = sum(map(count_columns, self.schema.categories))
        return np.full(2 + numbers + categories, float(MOST_ROWS))

    def publics(self) -> Iterable[bytes]:
        """Yield the schema and the unit."""
        yield repr((self.schema, self.unit)).encode()


@dataclass(frozen=True, slots=True)
class Tally:
    """What the total says, as far as it can be seen through its noise.

    Args:
        rate: the share of positives.
        bins: of all features.
    """

    rate: float
    bins: Bins

    @property
    def base(self) -> float:
        """The logit of the rate, rounded because the last bit of a logarithm differs between machines."""
        return round(math.log(self.rate / (1.0 - self.rate)) * 1024) / 1024


def find_tally_sensitivity(schema: Schema, unit: Unit) -> float:
    """Return by how much one unit can move an answer: by √(1 + features) a row, the 1 being its label."""
    return unit.reach * math.sqrt(1 + len(schema.features))


def answer_tally(question: TallyQuestion, table: Table) -> Vector:
    """Count one member's training rows, each with its weight.

    Returns:
        Positives, negatives; per numeric feature rows in each cell, and those without it if they may be; per categorical feature rows per code.
    """
    weights = question.unit.weigh(table)
    positive = table.labels == 1
    parts = [np.array([weights[positive].sum(), weights[~positive].sum()])]
    for number in question.schema.numbers:
        column = table.numbers[number.name]
        cells = np.full(len(column), CELLS, dtype=np.intp)
        present = ~np.isnan(column)
        cells[present] = place_values(number, CELLS, column[present])
        parts.append(add_weights(cells, weights, CELLS + number.missing))
    parts += [add_weights(table.codes[f.name], weights, count_columns(f)) for f in question.schema.categories]
    return np.concatenate(parts)


def read_tally(schema: Schema, total: Vector, deviation: float, bins: int) -> Tally:
    """Read the total, and decide on the bins.

    Args:
        schema: as it was asked.
        total: shape (question.length,), noise and all.
        deviation: the standard deviation of that noise, for each number.
        bins: of each number, at most.

    Guarantees:
        Depends on the total alone, by single float64 operations in a fixed order.
    """
    positives, negatives = (max(float(count), deviation, 1.0) for count in total[:2])
    place = 2
    columns: dict[str, NumberBins | CategoryBins] = {}
    for number in schema.numbers:
        counts = total[place : place + CELLS]
        place += CELLS + number.missing
        columns[number.name] = NumberBins(
            number.name, _choose_edges(number, counts, deviation, bins), number.missing
        )
    for category in schema.categories:
        counts = total[place : place + count_columns(category)]
        place += len(counts)
        ranked = np.argsort(-counts, kind="stable")[: MOST_BINS - 1]
        kept = ranked[counts[ranked] >= max(_SEEN * deviation, 1.0)]
        columns[category.name] = CategoryBins(category.name, tuple(sorted(kept.tolist())))
    ordered = tuple(columns[feature.name] for feature in schema.features)
    return Tally(positives / (positives + negatives), Bins(schema, ordered))


def _choose_edges(number: NumberFeature, noised: Vector, deviation: float, bins: int) -> tuple[float, ...]:
    counts = find_counts(noised).tolist()
    if number.minimum == number.maximum:
        return ()
    fair = max(sum(counts) / bins, _SEEN * deviation, 1.0)
    closed: list[int] = []  # the last cell of each bin
    held = 0
    for cell, count in enumerate(counts):
        held += count
        if held >= fair:
            closed.append(cell)
            held = 0
    if closed and held < fair:
        closed.pop()
    edges = find_edges(number, CELLS)
    return tuple(float(edges[cell + 1]) for cell in closed if cell + 1 < CELLS)
