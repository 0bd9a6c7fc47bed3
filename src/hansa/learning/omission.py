"""What the plan named and the model does not use, and why."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hansa.learning.categories import CategoryFeature, name_code
from hansa.learning.design import CategoryColumns, Design, Minimum, NumberColumns
from hansa.learning.recipe import Dropped
from hansa.learning.survey import CategoryTotals, NumberTotals, Survey

_COMPANION: Final = "without it, rarer ones would show as what the other columns leave over"


def list_dropped(design: Design, survey: Survey, minimum: Minimum) -> tuple[Dropped, ...]:
    """Say which columns `make_design` left out of the design, and why, in the plan's order.

    Args:
        design: as it was made.
        survey: what it was made from.
        minimum: as there.

    Returns:
        One entry for each number without a column, each indicator of rows that lack it without one, and each
        declared category without one; of a counted feature, whose values are many, one in all.
    """
    dropped: dict[str, list[Dropped]] = {}
    for number, number_totals in zip(design.numbers, survey.numbers, strict=True):
        dropped[number.name] = list(_list_number(number, number_totals, survey.rows, minimum))
    for feature, columns, counts in zip(
        design.schema.categories, design.categories, survey.categories, strict=True
    ):
        dropped[feature.name] = list(_list_category(feature, columns, counts, survey.rows, minimum))
    return tuple(entry for feature in design.schema.features for entry in dropped[feature.name])


def _list_number(
    number: NumberColumns, totals: NumberTotals, rows: int, minimum: Minimum
) -> Iterator[Dropped]:
    if not totals.present:
        yield Dropped(number.name, "no training row has a value")
        return
    if not minimum.is_met(totals.present, totals.having):
        yield Dropped(number.name, f"{minimum} have a value")
        return
    if number.deviation is None:
        yield Dropped(
            number.name,
            "all training rows have the same value, or nearly: the spread is at most a millionth of the"
            " declared range; if it does vary, narrow the bounds",
        )
    if totals.present < rows and not number.indicator:
        yield Dropped(f"{number.name} missing", f"{minimum} lack the value")


def _list_category(
    feature: CategoryFeature, columns: CategoryColumns, counts: CategoryTotals, rows: int, minimum: Minimum
) -> Iterator[Dropped]:
    def is_common(code: int) -> bool:
        return minimum.is_met(int(counts.rows[code]), int(counts.members[code]))

    out = sorted(set(range(len(counts.rows))) - set(columns.codes))
    lone = [code for code in out if rows and counts.rows[code] == rows]
    yield from (Dropped(name_code(feature, code), "every training row has it") for code in lone)
    some = [code for code in out if code not in lone and counts.rows[code]]
    if feature.categories is not None:
        for code in some:
            reason = _COMPANION if is_common(code) else f"{minimum} have it"
            yield Dropped(name_code(feature, code), reason)
        absent = [code for code in out if code < len(feature.categories) and not counts.rows[code]]
        yield from (Dropped(name_code(feature, code), "no training row has it") for code in absent)
    elif some:
        held = int(np.count_nonzero(counts.rows))
        companion = f", or of the last one: {_COMPANION}" if any(map(is_common, some)) else ""
        yield Dropped(feature.name, f"{len(some)} of {held} values: {minimum} have each{companion}")
