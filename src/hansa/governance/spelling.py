"""How quantities are spelt in charters and plans, and the one form in which the record keeps them.

People may write `0.5` or `2/4` for a fraction and `3d` for a duration; the record keeps `1/2` and 259200.
Nothing here is a float.

Each name ending in `...Text`, and `Slug`, `MemberId`, `Digest`, `Share`, `Seconds`, is the type of a pydantic field.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from hansa.transparency.quoting import is_printable, quote

MAX_DIGITS: Final = 12
"""Of a numerator, a denominator, or either side of a decimal point."""

_FRACTION: Final = re.compile(
    rf"(0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(?:/([1-9][0-9]{{0,{MAX_DIGITS - 1}}}))?"
)
_DECIMAL: Final = re.compile(
    rf"-?(?:0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})(?:\.[0-9]{{1,{MAX_DIGITS}}})?",
)
_MINUS_ZERO: Final = re.compile(r"-0(?:\.0*)?")
_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,8})(s|m|h|d)")
_UNIT_SECONDS: Final = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400})

MAX_SECONDS: Final = 10 * 366 * 86_400
"""The longest duration that a document may name: ten years."""


def fault(rule: str, message: str) -> PydanticCustomError:
    """Return the error with which a validator reports a finding; `rule` follows the document's kind."""
    return PydanticCustomError(rule, "{message}", {"message": message})


def parse_fraction(text: str) -> Fraction:
    """Read `2/3`, `1` or, exactly, a decimal such as `0.80`.

    Raises:
        ValueError: `text` is none of these; the message says what was expected.
    """
    match = _FRACTION.fullmatch(text)
    if match:
        return Fraction(int(match[1]), int(match[2] or 1))
    if is_decimal(text) and not text.startswith("-"):
        return Fraction(text)
    raise ValueError(f"expected a fraction such as `2/3`, got {quote(text)}")


def format_fraction(value: Fraction) -> str:
    """Write a fraction in lowest terms: `2/3`, or `1` when it is whole."""
    return str(value)


def is_decimal(text: str) -> bool:
    """Say whether `text` is a decimal number in plain digits, such as `-0.80`."""
    return bool(_DECIMAL.fullmatch(text)) and not _MINUS_ZERO.fullmatch(text)


def parse_duration(text: str) -> int:
    """Read `90s`, `5m`, `72h` or `14d`; seconds.

    Raises:
        ValueError: `text` is not a duration, or longer than `MAX_SECONDS`.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"expected a duration such as `5m`, `72h` or `14d`, got {quote(text)}")
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]]
    if seconds > MAX_SECONDS:
        raise ValueError(f"expected at most ten years, got {quote(text)}")
    return seconds


def format_duration(seconds: int) -> str:
    """Write seconds in the largest unit that is exact: 259200 is `3d`."""
    unit = next(name for name in ("d", "h", "m", "s") if seconds % _UNIT_SECONDS[name] == 0)
    return f"{seconds // _UNIT_SECONDS[unit]}{unit}"


def _read_fraction(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise fault("fraction", "expected a fraction such as `2/3`")
    try:
        return parse_fraction(str(value))
    except ValueError as error:
        raise fault("fraction", str(error)) from None


def _within(low: int, *, open_low: bool, open_high: bool) -> Callable[[Fraction], Fraction]:
    def check(value: Fraction) -> Fraction:
        above = value > low if open_low else value >= low
        below = value < 1 if open_high else value <= 1
        if above and below:
            return value
        ends = f"{'above' if open_low else 'from'} {low} {'and below' if open_high else 'to'} 1"
        raise fault("fraction", f"expected a fraction {ends}, got `{value}`")

    return check


_AnyFraction = Annotated[
    Fraction, BeforeValidator(_read_fraction), PlainSerializer(format_fraction, return_type=str)
]

Share = Annotated[_AnyFraction, AfterValidator(_within(0, open_low=False, open_high=False))]
"""A fraction from 0 to 1."""

PositiveShare = Annotated[_AnyFraction, AfterValidator(_within(0, open_low=True, open_high=False))]
"""A fraction above 0, at most 1."""

PartialShare = Annotated[_AnyFraction, AfterValidator(_within(0, open_low=False, open_high=True))]
"""A fraction from 0, below 1."""

ProperShare = Annotated[_AnyFraction, AfterValidator(_within(0, open_low=True, open_high=True))]
"""A fraction above 0 and below 1."""


def _read_seconds(value: object) -> object:
    if not isinstance(value, str):
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS:
            return value
        raise fault("duration", f"expected a duration such as `5m`, `72h` or `14d`, got {quote(str(value))}")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise fault("duration", str(error)) from None


Seconds = Annotated[int, BeforeValidator(_read_seconds)]
"""A duration: `14d` for people, seconds on the record."""


def as_typed(value: object) -> object:
    """Return the text that was typed for a whole number or a truth value; other values as they are."""
    # Exact, because `document` reads only `true`, `false` and plain canonical digits as something else than text.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def name_in(value: object, field: str) -> str | None:
    """Return the text of a field of a document that may be wrong in other ways; None where there is none."""
    text = as_typed(value.get(field)) if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def _check_line(value: str) -> str:
    if not is_printable(value):
        raise fault("text", f"expected one line of printable characters, got {quote(value)}")
    return value


def _check_lines(value: str) -> str:
    if not all(map(is_printable, value.split("\n"))):
        raise fault("text", f"expected printable characters and line ends, got {quote(value)}")
    return value


NameText = Annotated[
    str,
    BeforeValidator(as_typed),
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_check_line),
]
"""One line of 1 to 200 characters; a number or `true` counts as the text that was typed."""

ShortText = Annotated[
    str,
    BeforeValidator(as_typed),
    StringConstraints(max_length=200, strip_whitespace=True),
    AfterValidator(_check_line),
]
"""As `NameText`, but may be empty."""

ProseText = Annotated[
    str,
    BeforeValidator(as_typed),
    StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True),
    AfterValidator(_check_lines),
]
"""One or several lines, 1 to 4,000 characters."""


_NO_CELL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, halves of characters, and what turns a line around; all else may stand in data files."""


def check_cell(value: str) -> str:
    """Return the text of a cell, unless it holds what none may hold."""
    if _NO_CELL.search(value):
        raise fault("text", f"expected text without control characters, got {quote(value)}")
    return value


CellText = Annotated[
    str,
    BeforeValidator(as_typed),
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(check_cell),
]
"""A column's name or a cell's content, exactly as it stands in the data files."""


def _check_title(value: str) -> str:
    if value != value.strip(" "):
        raise fault("text", f"expected no spaces at either end, got {quote(value)}")
    return _check_line(value)


TitleText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_check_title)]
"""What an entry is called: one line as in `NameText`, and kept only as it was signed."""

ReasonText = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_check_lines)]
"""Why: one or several lines as in `ProseText`, 0 to 1,000 characters, kept only as they were signed."""

LongReasonText = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(_check_lines)]
"""As `ReasonText`, up to 4,000 characters."""


def _check_decimal(value: str) -> str:
    if not is_decimal(value):
        raise fault("decimal", f"expected a decimal number such as `0.5`, got {quote(value)}")
    return value


DecimalText = Annotated[str, BeforeValidator(as_typed), AfterValidator(_check_decimal)]
"""An exact decimal number, kept as it was typed."""


def is_slug(text: str) -> bool:
    """Say whether `text` may be the id of a member or the name of a class."""
    return bool(_SLUG.fullmatch(text))


def _check_slug(value: str) -> str:
    if not is_slug(value):
        raise fault(
            "slug",
            f"expected lower-case letters, digits and inner hyphens, at most 63, such as `north-air`; got {quote(value, 70)}",
        )
    return value


_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

Slug = Annotated[str, BeforeValidator(as_typed), AfterValidator(_check_slug)]
"""The id of a member or the name of a class."""

MemberId = Annotated[str, AfterValidator(_check_slug)]
"""As `Slug`, for a record: nothing else stands for the text."""


def _check_digest(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise fault("digest", f"expected 64 lower-case hexadecimal digits, got {quote(value, 70)}")
    return value


Digest = Annotated[str, BeforeValidator(as_typed), AfterValidator(_check_digest)]
"""A SHA-256 digest."""

_K = TypeVar("_K", bound=str)
_T = TypeVar("_T")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Several = Annotated[tuple[_T, ...], BeforeValidator(_as_tuple)]
"""A list in a document, a tuple inside."""


def _dump_mapping(value: Mapping[str, BaseModel]) -> dict[str, Any]:
    return {name: item.model_dump(mode="json", by_alias=True) for name, item in value.items()}


Named = Annotated[Mapping[_K, _T], AfterValidator(MappingProxyType), PlainSerializer(_dump_mapping)]
"""A mapping from names to models, read-only inside."""
