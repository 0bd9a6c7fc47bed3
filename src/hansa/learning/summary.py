"""What statistics are: figures with what they leave open, histograms, counts, and the document that holds them.

docs/formats/statistics.md specifies the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from hansa.learning.categories import CategoryFeature, count_codes
from hansa.learning.histogram import QUANTILES, Ranks, find_edges, round_figure
from hansa.learning.recipe import Json, Result
from hansa.learning.tables import NumberFeature

STATISTICS_FORMAT: Final = "hansa/v1/statistics"

_PLACES: Final = 12


class Figure(NamedTuple):
    """A value, and between what it lies: by rounding and bins for sure, by noise in 95 of 100 runs."""

    value: Fraction
    low: Fraction
    high: Fraction


class Run(NamedTuple):
    """Neighbouring bins of a histogram that are told as one: its edges, by place from 0, and its rows."""

    start: int
    end: int
    rows: int


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """A number over all rows that have it.

    Args:
        number: the feature.
        bins: into how many the declared range is divided.
        missing: rows without it; None when they are told with the first run of bins, as they are few.
        mean: in its unit, as what follows.
        deviation: standard deviation, dividing by the rows.
        quantiles: one for each of `QUANTILES`.
        histogram: covers the declared range.
    """

    number: NumberFeature
    bins: int
    missing: int | None
    mean: Figure
    deviation: Figure
    quantiles: tuple[Figure, ...]
    histogram: tuple[Run, ...]

    def to_json(self) -> dict[str, Json]:
        """Return its part of the document."""
        edges = find_edges(self.number, self.bins)
        return {
            "name": self.number.name,
            "minimum": spell_decimal(edges[0]),
            "maximum": spell_decimal(edges[-1]),
            "missing": self.missing,
            "mean": _spell_figure(self.mean),
            "deviation": _spell_figure(self.deviation),
            "quantiles": [
                [spell_decimal(share), *_spell_figure(figure)]
                for share, figure in zip(QUANTILES, self.quantiles, strict=True)
            ],
            "histogram": [
                [spell_decimal(edges[run.start]), spell_decimal(edges[run.end]), run.rows]
                for run in self.histogram
            ],
        }


@dataclass(frozen=True, slots=True)
class CategorySummary:
    """A categorical feature over all rows.

    Args:
        category: the feature.
        counts: rows by code, for each that is told, ascending.
        other: rows of all other codes; None when there is none.
    """

    category: CategoryFeature
    counts: tuple[tuple[int, int], ...]
    other: int | None

    def to_json(self) -> dict[str, Json]:
        """Return its part of the document."""
        category, absent = self.category, count_codes(self.category)
        told = dict(self.counts)
        return {
            "name": category.name,
            "categories": "counted" if category.categories is None else "declared",
            "counts": [[self.name_value(code), rows] for code, rows in self.counts if code != absent],
            "missing": told.get(absent) if category.missing else 0,
            "other": self.other,
        }

    def name_value(self, code: int) -> str:
        """Return the text of a declared category, the bucket of a counted one, in hexadecimal."""
        return f"{code:04x}" if self.category.categories is None else self.category.categories[code]


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics over all rows of all members.

    Args:
        members: how many members have rows here.
        rows: how many rows.
        noise: the standard deviation of the noise in each count; 0 without noise.
        numbers: in the plan's order, those that are told.
        categories: likewise.
    """

    members: int
    rows: int
    noise: Fraction
    numbers: tuple[NumberSummary, ...]
    categories: tuple[CategorySummary, ...]

    def to_json(self) -> dict[str, Json]:
        """Return the document."""
        return {
            "format": STATISTICS_FORMAT,
            "members": self.members,
            "rows": self.rows,
            "noise": spell_decimal(self.noise),
            "numbers": [number.to_json() for number in self.numbers],
            "categories": [category.to_json() for category in self.categories],
        }


@dataclass(frozen=True, slots=True)
class StatisticsResult(Result):
    """Statistics, as a document and as what it was made from; there are no metrics."""

    summary: Summary


def make_figure(value: float, error: float, step: Fraction) -> Figure:
    """Return a figure told in multiples of a step, and what rounding and an error to either side leave open.

    Args:
        value: as it was computed.
        error: >= 0, same unit.
        step: > 0, same unit.
    """
    middle, doubt = round_figure(value, step), Fraction(error) + step / 2
    return Figure(middle, middle - _round_up(doubt, step), middle + _round_up(doubt, step))


def round_bounds(value: Fraction, low: Fraction, high: Fraction, step: Fraction) -> Figure:
    """Return a value told in multiples of a step, between bounds that are rounded outwards to a tenth of it."""
    tenth = step / 10
    below, above = low // tenth * tenth, _round_up(high, step)
    return Figure(min(max(round_figure(value, step), below), above), below, above)


def place_quantile(edges: Sequence[Fraction], ranks: Ranks, step: Fraction) -> Figure:
    """Return a quantile in the number's unit: its edges exactly, its value within them in multiples of a step.

    Args:
        edges: of all bins.
        ranks: between which of them.
        step: > 0.
    """
    run = min(int(ranks.value), len(edges) - 2)
    value = edges[run] + (ranks.value - run) * (edges[run + 1] - edges[run])
    low, high = edges[ranks.low], edges[ranks.high]
    return Figure(min(max(round_figure(value, step), low), high), low, high)


def spell_decimal(value: Fraction) -> str:
    """Return a number as a plain decimal without needless zeros, with at most 12 places."""
    scaled = Decimal(round(value * 10**_PLACES)).scaleb(-_PLACES)
    return f"{scaled.normalize():f}" if scaled else "0"


def _round_up(value: Fraction, step: Fraction) -> Fraction:
    tenth = step / 10
    return -(-value // tenth) * tenth


def _spell_figure(figure: Figure) -> list[Json]:
    return [spell_decimal(part) for part in figure]
