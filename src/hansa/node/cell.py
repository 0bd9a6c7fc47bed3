"""What the text of a cell means: a missing value, a number, or neither."""

import math
import re
from decimal import Decimal
from typing import Final

MISSING_SPELLINGS: Final = ("", "NA", "N/A", "nan", "null", "None")
"""How a missing value may be written, in any case and with spaces around it."""

_REMEMBERED: Final = 65_536
"""Different texts of a column whose number is remembered; a column of measurements may have millions."""

_LONGEST_PLAIN: Final = 40

_MISSING: Final = frozenset(spelling.lower() for spelling in MISSING_SPELLINGS)
_NUMBER: Final = re.compile(r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?[ \t]*")
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?[0-9]{1,3}(?:[. '_\u2009\u202f\u00a0]?[0-9]{3})*,[0-9]+\s*")
_GROUPED: Final = re.compile(
    r"\s*[+-]?[1-9][0-9]{0,2}([, '_\u2009\u202f\u00a0])[0-9]{3}(?:\1[0-9]{3})*(?:\.[0-9]+)?\s*"
)
_EITHER_COMMA: Final = re.compile(r"\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*")
_WITH_UNIT: Final = re.compile(
    r"\s*[<>~=]*\s*[+-]?[0-9.]+\s*([^\W\d_]{1,12}|%|°[CF]|[$€£¥])\s*|\s*[$€£¥]\s*[0-9.,]+\s*"
)
_DATE: Final = re.compile(r"\s*[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}.*")
_TRUTH: Final = frozenset({"true", "false", "yes", "no"})
_ERRORS: Final = ("#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!")
_ABSENT: Final = frozenset(
    {"-", "--", "?", ".", "*", "missing", "unknown", "n.a.", "not available", "<na>", "nat"}
)


def is_missing(text: str) -> bool:
    """Say whether a text is one of `MISSING_SPELLINGS`."""
    return text.strip().lower() in _MISSING


def is_number(text: str) -> bool:
    """Say whether a text is a finite number in plain digits, such as `-12.5` or `1e3`."""
    return math.isfinite(parse_number(text))


def parse_number(text: str) -> float:
    """Read a number in plain digits with a decimal point and no group marks.

    Returns:
        The number; NaN for a missing value; infinity for any text that is not a finite number, since no
        finite number is infinite and a column of floats then needs no second column for its defects.
    """
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else math.inf
    return math.nan if is_missing(text) else math.inf


def parse_plain(text: str) -> Decimal | None:
    """Return the exact number that a text without an exponent spells, or None: `7`, `7.0` and `07` are one.

    Exact and without exponents, because it tells identifiers apart: long ones differ in their last digit, and
    `1e5` is more often a code than a number.
    """
    return Decimal(text) if len(text) <= _LONGEST_PLAIN and _PLAIN.fullmatch(text) else None


class NumberReader(dict[str, float]):
    """The number that each text means, as `parse_number` says, worked out once: `reader[text]`."""

    def __missing__(self, text: str) -> float:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = number = parse_number(text)
        return number


def advise_number(text: str) -> str:
    """Say what to do with a text that is not a number."""
    plain = text.strip().lower()
    if plain in _ABSENT or plain in _ERRORS:
        return "leave the cell empty if the value is missing"
    if plain in _TRUTH:
        return "write 1 or 0"
    if plain.lstrip("+-") in {"inf", "infinity"} or _NUMBER.fullmatch(text):
        return "write a finite number, or leave the cell empty"
    if _EITHER_COMMA.fullmatch(text):
        return "write the digits without group marks, or, if it is a decimal comma, with a decimal point"
    if _DECIMAL_COMMA.fullmatch(text) and not _GROUPED.fullmatch(text):
        return "write a decimal point, not a comma"
    if _GROUPED.fullmatch(text):
        return "write the digits without group marks"
    if _WITH_UNIT.fullmatch(text):
        return "write the number alone, in the unit of the plan"
    if _DATE.fullmatch(text):
        return "turn the date into a number, such as the year or the days since a fixed day"
    return "write a number, or leave the cell empty if the value is missing"
