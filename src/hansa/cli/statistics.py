"""Statistics for people: figures with what they leave open, a histogram in letters, counts; and how one's own rows differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from rich.console import RenderableType

from hansa.cli.printing import make_facts, make_table
from hansa.rehearsal.spelling import pluralise, shorten

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 20
"""Letters of a histogram."""

_VALUES: Final = 10
"""Of a feature, as many of the commonest values are shown."""

DEVIATIONS: Final = 1.96
"""Of noise, within which 95 of 100 counts are."""


def show_statistics(document: Mapping[str, Any]) -> list[RenderableType]:
    """Lay out a document of statistics (docs/formats/statistics.md)."""
    noise = float(document["noise"])
    parts: list[RenderableType] = [
        f"{document['rows']:,} rows of {pluralise(document['members'], 'member')}"
        + (
            f"; noise: each count is right within ± {_find_margin(noise):,} in 95 of 100 runs"
            if noise
            else ""
        )
    ]
    if numbers := document["numbers"]:
        parts += ["", _tabulate_figures(numbers), "", _tabulate_quantiles(numbers), _explain_quantiles(noise)]
    for category in document["categories"]:
        parts += ["", _tabulate_counts(category, document["rows"])]
    return parts


def show_comparison(number: int, private: Mapping[str, Any]) -> list[RenderableType]:
    """Lay out how a member's own rows differ from all rows."""
    columns = ("feature", "missing", "mean", "mean of all", "median", "distance", "by chance")
    rows = [
        (
            shorten(found["name"]),
            f"{found['missing']:.0%}",
            *(_spell(found[name]) for name in ("mean", "all_mean", "median")),
            "–" if found["distance"] is None else f"{found['distance']:.2f}",
            "–" if found["distance"] is None else f"{found['by_chance']:.2f}",
        )
        for found in private["differences"]
    ]
    facts = make_facts(
        [
            ("rows", f"{private['rows']:,}, among {private['all_rows']:,} of all members"),
            ("distance", "the share of your rows that would have to be others to look like all rows"),
            ("advice", private["advice"]),
        ]
    )
    table = make_table(columns, rows, right=columns[1:])
    values = [found for found in private["differences"] if found["values"]]
    tables = [part for found in values for part in ("", _tabulate_values(found))]
    return [f"Run {number}, for {private['member']} alone", "", table, *tables, "", facts]


def draw_histogram(runs: Sequence[Sequence[Any]], minimum: str, maximum: str) -> str:
    """Draw a histogram in one line of letters, a blank where nothing is.

    Args:
        runs: from, to and rows of each.
        minimum: where the first begins, a decimal.
        maximum: where the last ends.
    """
    start, width = Fraction(minimum), (Fraction(maximum) - Fraction(minimum)) / _WIDTH
    heights = [Fraction(0)] * _WIDTH
    for low, high, rows in runs:
        first, last = (Fraction(low) - start) / width, (Fraction(high) - start) / width
        for place in range(max(math.floor(first), 0), min(math.ceil(last), _WIDTH)):
            overlap = min(last, Fraction(place + 1)) - max(first, Fraction(place))
            heights[place] += rows * max(overlap, Fraction(0)) / (last - first)
    most = max(heights)
    return "".join(_draw_bar(height, most) for height in heights)


def _draw_bar(height: Fraction, most: Fraction) -> str:
    return " " if not height else _LEVELS[min(int(height / most * len(_LEVELS)), len(_LEVELS) - 1)]


def _tabulate_figures(numbers: Sequence[Mapping[str, Any]]) -> RenderableType:
    columns = ("number", "declared", "missing", "mean", "standard deviation")
    rows = [
        (
            shorten(number["name"]),
            f"{number['minimum']} to {number['maximum']}",
            "a few" if number["missing"] is None else f"{number['missing']:,}",
            _spell_figure(number["mean"]),
            _spell_figure(number["deviation"]),
        )
        for number in numbers
    ]
    return make_table(columns, rows, right=columns[2:])


def _tabulate_quantiles(numbers: Sequence[Mapping[str, Any]]) -> RenderableType:
    shares = [f"{float(share):.0%}" for share, *_ in numbers[0]["quantiles"]]
    rows = [
        (
            shorten(number["name"]),
            *(value for _, value, *_ in number["quantiles"]),
            draw_histogram(number["histogram"], number["minimum"], number["maximum"]),
        )
        for number in numbers
    ]
    return make_table(("number", *shares, "histogram"), rows, right=shares)


def _explain_quantiles(noise: float) -> str:
    noised = " and the noise" if noise else ""
    return f"Quantiles are read from histograms: `--json` says how far the bins{noised} leave each open."


def _tabulate_counts(category: Mapping[str, Any], rows: int) -> RenderableType:
    counted = category["categories"] == "counted"
    ranked = sorted(category["counts"], key=lambda pair: -pair[1])
    lines = [(f"#{value}" if counted else value, count) for value, count in ranked[:_VALUES]]
    lines += list(_list_rest(category, ranked[_VALUES:]))
    told = ((value, f"{count:,}", f"{count / rows:.1%}" if rows else "–") for value, count in lines)
    return make_table((category["name"], "rows", "share"), told, right=("rows", "share"))


def _tabulate_values(found: Mapping[str, Any]) -> RenderableType:
    rows = [(own["value"], f"{own['rows']:,}", f"{own['all_rows']:,}") for own in found["values"][:_VALUES]]
    return make_table((found["name"], "your rows", "all rows"), rows, right=("your rows", "all rows"))


def _list_rest(category: Mapping[str, Any], rest: Sequence[Sequence[Any]]) -> Iterator[tuple[str, int]]:
    if rest:
        yield f"{len(rest)} more values", sum(count for _, count in rest)
    if category["other"] is not None:
        yield "all others" if category["missing"] is not None else "all others, or missing", category["other"]
    if category["missing"]:
        yield "missing", category["missing"]


def _spell_figure(figure: Sequence[str]) -> str:
    """Write a figure, and what it leaves open where that is more than its last digit."""
    value, low, high = map(Fraction, figure)
    margin = max(high - value, value - low)
    places = len(figure[0].partition(".")[2])
    if margin <= Fraction(5, 10 ** (places + 1)):
        return figure[0]
    return f"{figure[0]} ± {float(margin):.2g}"


def _find_margin(noise: float) -> int:
    return math.ceil(DEVIATIONS * noise)


def _spell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
