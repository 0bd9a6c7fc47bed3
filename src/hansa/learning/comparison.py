"""What statistics mean for one member: how its own rows differ from all rows, in numbers and in words."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.learning.categories import count_codes
from hansa.learning.histogram import place_values
from hansa.learning.summary import CategorySummary, NumberSummary, Summary
from hansa.learning.tables import Codes, Rows, Table, Vector

_CLEARLY: Final = 3.0
"""A distance is worth words when it is so many times what chance alone would show in as many rows."""

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A value of a categorical feature that the member has, and that is told.

    Args:
        value: as it stands in the member's table; of a counted feature, whose values have no names in the document, too.
        rows: how many of its rows have it.
        all_rows: how many of all rows.
    """

    value: str
    rows: int
    all_rows: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a member's rows differ in one feature.

    Args:
        name: the feature's.
        missing: share of its rows that lack it.
        mean: of its rows that have it; None for a category, or when none has it.
        median: likewise.
        all_mean: of all rows, as told; None for a category.
        distance: the total variation distance of its histogram, or its counts, from those of all rows, from 0 to 1; None
            when no row has a value, or all rows' histogram is empty.
        by_chance: what that distance would be on average, if its rows were drawn from all rows.
        values: of a category, what its rows hold and is told, the commonest first.
    """

    name: str
    missing: float
    mean: float | None
    median: float | None
    all_mean: float | None
    distance: float | None
    by_chance: float
    values: tuple[OwnValue, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether the distance is clearly more than chance shows."""
        return self.distance is not None and self.distance > _CLEARLY * self.by_chance


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """One member's own report; it stays with the member.

    Args:
        member: the member's id.
        rows: how many rows it has.
        all_rows: how many rows there are, as told; its own are among them.
        differences: one for each feature that is told.
        advice: what to make of it.
    """

    member: str
    rows: int
    all_rows: int
    differences: tuple[Difference, ...]
    advice: str

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON with floats."""
        return asdict(self)


def compare_member(summary: Summary, rows: Rows) -> StatisticsReport:
    """Compare one member's rows with the statistics of all rows.

    Args:
        summary: of all rows.
        rows: the member's.
    """
    table = rows.train
    numbers = {
        number.number.name: _compare_number(number, table.numbers[number.number.name])
        for number in summary.numbers
    }
    categories = {
        category.category.name: _compare_category(category, table) for category in summary.categories
    }
    found = numbers | categories
    differences = tuple(found[feature.name] for feature in table.schema.features if feature.name in found)
    return StatisticsReport(rows.member, len(table), summary.rows, differences, _advise(differences))


def _compare_number(summary: NumberSummary, column: Vector) -> Difference:
    present = column[~np.isnan(column)]
    held = np.bincount(place_values(summary.number, summary.bins, present), minlength=summary.bins)
    own = [float(held[run.start : run.end].sum()) for run in summary.histogram]
    distance, by_chance = _measure_distance(own, [float(run.rows) for run in summary.histogram])
    has_values = bool(len(present))
    return Difference(
        summary.number.name,
        1.0 - len(present) / max(len(column), 1),
        float(present.mean()) if has_values else None,
        float(np.median(present)) if has_values else None,
        float(summary.mean.value),
        distance,
        by_chance,
    )


def _compare_category(summary: CategorySummary, table: Table) -> Difference:
    name, absent = summary.category.name, count_codes(summary.category)
    codes = table.codes[name]
    own = [float(np.count_nonzero(codes == code)) for code, _ in summary.counts]
    theirs = [float(rows) for _, rows in summary.counts]
    if summary.other is not None:
        own.append(len(codes) - math.fsum(own))
        theirs.append(float(summary.other))
    distance, by_chance = _measure_distance(own, theirs)
    missing = float(np.count_nonzero(codes == absent)) / max(len(codes), 1)
    values = tuple(_list_values(dict(summary.counts), codes, table.texts[name]))
    return Difference(name, missing, None, None, None, distance, by_chance, values)


def _list_values(told: Mapping[int, int], codes: Codes, texts: NDArray[np.object_]) -> Iterator[OwnValue]:
    held = Counter(
        (text, code) for text, code in zip(texts.tolist(), codes.tolist(), strict=True) if text is not None
    )
    for (text, code), rows in held.most_common():
        if code in told:
            yield OwnValue(text, rows, told[code])


def _measure_distance(own: list[float], theirs: list[float]) -> tuple[float | None, float]:
    """Return the total variation distance of two tables, and what chance alone would show in as many rows as the first has."""
    mine, whole = math.fsum(own), math.fsum(theirs)
    if not (mine and whole):
        return None, 0.0
    shares = [part / whole for part in theirs]
    distance = math.fsum(abs(one / mine - other) for one, other in zip(own, shares, strict=True)) / 2
    # The mean deviation of a share from its own is √(2 p (1 - p) / π n), for many rows.
    by_chance = math.fsum(math.sqrt(2 * share * (1 - share) / (math.pi * mine)) for share in shares) / 2
    return distance, by_chance


def _advise(differences: tuple[Difference, ...]) -> str:
    clear = sorted(
        (found for found in differences if found.is_clear), key=lambda found: -(found.distance or 0.0)
    )
    if not clear:
        return "your rows are like all rows, as far as they can tell"
    named = ", ".join(_describe(clear[:_NAMED]))
    more = f", and in {len(clear) - _NAMED} more" if len(clear) > _NAMED else ""
    return f"your rows differ from all rows in {named}{more}; a model of all rows may fit them less well"


def _describe(clear: list[Difference]) -> Iterator[str]:
    for found in clear:
        share = f"{found.distance:.0%} of them would have to be others"
        if found.mean is None or found.all_mean is None:
            yield f"`{found.name}` ({share})"
        else:
            yield f"`{found.name}` (mean {found.mean:.4g} against {found.all_mean:.4g}; {share})"
