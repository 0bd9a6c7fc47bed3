"""What the plan will say about a column, worked out from what the organisations' files hold."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, Literal

from hansa.node.cell import is_number
from hansa.node.likeness import enumerate_some
from hansa.rehearsal.comparison import CODED, Profiles, is_numeric, sort_categories

MAX_LISTED: Final = 60
"""A column with more categories than this is counted: the plan lists none."""

_LARGEST: Final = 10**12
_SMALLEST_STEP: Final = Decimal(10) ** -12
_CODE_SPAN: Final = 5
_LONG_TEXT: Final = 40
_LONGEST_NAME: Final = 200
_FEW_ROWS: Final = 20
_NEARLY_UNIQUE: Final = 0.9
_IDENTIFIER: Final = re.compile(
    r"(^|[\W_])(id|ids|key|no|nr|num|number|index|uuid|code|row)($|[\W_])|^unnamed", re.IGNORECASE
)
_DATE: Final = re.compile(
    r"\s*(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})(?:[T ].*)?\s*"
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the plan will say about a column.

    Args:
        name: the column.
        kind: `left out` with the reason in `remark`; else a feature.
        remark: for the plan, what was seen, without extreme values.
        minimum: of a number, a decimal text.
        maximum: likewise.
        categories: of a category, in order; empty means counted.
        has_missing: whether some row lacks it.
        extremes: of numbers, the least and the greatest, for whoever has the files and nobody else.
    """

    name: str
    kind: Literal["number", "category", "left out"]
    remark: str
    minimum: str = ""
    maximum: str = ""
    categories: tuple[str, ...] = ()
    has_missing: bool = False
    extremes: str = ""


def fits_plan(text: str) -> bool:
    """Say whether a text may stand in a plan as a column's name or a cell's content."""
    return 0 < len(text) <= _LONGEST_NAME and not any(
        unicodedata.category(char) in {"Cc", "Cs"} for char in text
    )


def draft_column(name: str, profiles: Profiles) -> Draft:
    """Decide what a column is, from its profiles in all files."""
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        return Draft(
            name, "left out", "its name has more than 200 characters, or some that cannot be printed"
        )
    present = sum(profile.present for profile in profiles.values())
    missing = sum(profile.missing for profile in profiles.values())
    if not present:
        return Draft(name, "left out", "it has no value in any row")
    seen = f"{missing / (present + missing):.1%} missing" if missing else "none missing"
    if all(profile.is_constant for profile in profiles.values() if profile.present):
        values = {text for profile in profiles.values() for text in profile.counts}
        if len(values) == 1:
            return Draft(name, "left out", "it is the same in every row")
        if len(values) == sum(profile.present > 0 for profile in profiles.values()) and len(values) > 2:
            return Draft(name, "left out", "it tells organisations apart and nothing else")
    if is_numeric(profiles):
        return _draft_number(name, profiles, seen, has_missing=missing > 0)
    return _draft_category(name, profiles, seen, has_missing=missing > 0)


def _draft_number(name: str, profiles: Profiles, seen: str, *, has_missing: bool) -> Draft:
    low = min(profile.low for profile in profiles.values())
    high = max(profile.high for profile in profiles.values())
    whole = all(profile.is_whole for profile in profiles.values())
    extremes = f"{_tell(low)} to {_tell(high)}"
    if max(abs(low), abs(high)) >= _LARGEST:
        files = [f for f, p in profiles.items() if p.numbers and max(abs(p.low), abs(p.high)) >= _LARGEST]
        where = enumerate_some(files, 3)
        remark = f"it reaches {_LARGEST:,} or more in {where}; mend it, or use a larger unit or a logarithm"
        return Draft(name, "left out", remark, extremes=extremes)
    if whole and not has_missing and _looks_numbered(name, profiles):
        return Draft(name, "left out", "each row has a number of its own, as if it were an identifier")
    bounds = round_out(low, high, whole=whole)
    if bounds is None:
        return Draft(
            name, "left out", "its numbers lie too close together; use a smaller unit", extremes=extremes
        )
    different = {float(text) for profile in profiles.values() for text in profile.counts if is_number(text)}
    remark = seen
    if whole and 2 < len(different) <= CODED:
        remark += f"; only {len(different)} whole numbers: if they are codes, make it a category"
    return Draft(name, "number", remark, bounds[0], bounds[1], has_missing=has_missing, extremes=extremes)


def _looks_numbered(name: str, profiles: Profiles) -> bool:
    """Whether whole numbers are unique in each file, and either dense or called an identifier."""
    if not all(profile.is_unique and profile.rows >= _FEW_ROWS for profile in profiles.values()):
        return False
    dense = all(profile.high - profile.low < 2 * profile.rows for profile in profiles.values())
    return dense or bool(_IDENTIFIER.search(name))


def _draft_category(name: str, profiles: Profiles, seen: str, *, has_missing: bool) -> Draft:
    totals: Counter[str] = Counter()
    for profile in profiles.values():
        totals.update(profile.counts)
    present = sum(profile.present for profile in profiles.values())
    if sum(bool(_DATE.fullmatch(text)) for text in totals) > _NEARLY_UNIQUE * len(totals):
        return Draft(
            name, "left out", "it holds dates; derive numbers from them, such as the year, or split by it"
        )
    if (
        sum(profile.characters for profile in profiles.values()) > _LONG_TEXT * present
        or max(map(len, totals)) > _LONGEST_NAME
    ):
        return Draft(name, "left out", "it holds free text")
    large = [profile for profile in profiles.values() if profile.present >= _FEW_ROWS]
    if large and all(
        profile.is_open or len(profile.counts) > _NEARLY_UNIQUE * profile.present for profile in large
    ):
        return Draft(name, "left out", "nearly every row has a text of its own, as if it were an identifier")
    if any(profile.is_open for profile in profiles.values()) or len(totals) > MAX_LISTED:
        return Draft(name, "category", f"more than {MAX_LISTED} categories, {seen}", has_missing=has_missing)
    if not all(map(fits_plan, totals)):
        return Draft(
            name, "category", f"some categories have control characters, {seen}", has_missing=has_missing
        )
    count = f"{len(totals)} categor{'y' if len(totals) == 1 else 'ies'}"
    listed = tuple(sort_categories(tuple(totals)))
    return Draft(name, "category", f"{count}, {seen}", categories=listed, has_missing=has_missing)


def round_out(low: float, high: float, *, whole: bool) -> tuple[str, str] | None:
    """Return bounds in few digits around what was seen, so that a plan does not tell the extreme values.

    Args:
        low: the least number seen.
        high: the greatest.
        whole: whether all numbers are whole, and the bounds shall be. Whole numbers less than 5 apart are taken for
            codes and are their own bounds.

    Returns:
        Two decimal texts with at most 12 places, or None if the numbers are too close together for that.
    Guarantees:
        The bounds read as floats enclose `low` and `high`, and the first is below the second.

    Example:
        >>> round_out(0.0, 10.127, whole=False), round_out(1990, 1999, whole=True)
        (('0', '11'), ('1990', '2000'))
    """
    least, greatest = Decimal(repr(low)), Decimal(repr(high))
    span = greatest - least
    if span == 0:
        span = Decimal(10)
    exponent = span.adjusted() - 1
    step = next(
        Decimal(digit).scaleb(exponent) for digit in (5, 2, 1) if Decimal(digit).scaleb(exponent) <= span / 10
    )
    if whole:
        step = max(step, Decimal(1 if greatest - least < _CODE_SPAN else 2 if span < 10 else 5))
    if step < _SMALLEST_STEP:
        return None
    bottom = (least / step).to_integral_value(ROUND_FLOOR) * step
    top = (greatest / step).to_integral_value(ROUND_CEILING) * step
    if bottom == top:
        top += step
    return _plain(bottom), _plain(top)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _tell(number: float) -> str:
    return f"{number:.0f}" if abs(number) < _LARGEST and number.is_integer() else f"{number:.6g}"
