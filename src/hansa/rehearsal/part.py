"""What the parts of a result are made of: field types that bring harmless texts and finite numbers only.

`result.json` is made by hansa and never signed, so unknown fields are ignored here (a newer result still
renders) and missing or non-finite figures become `None` (they are shown as missing, never as a number).
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _clean(value: object) -> object:
    """Replace what could break a page or reorder its text: controls, surrogates and bidi overrides."""
    if not isinstance(value, str):
        return value
    harmless = (
        " " if character in "\t\r\n" else "\ufffd" if _is_harmful(character) else character
        for character in value
    )
    return "".join(harmless)


def _is_harmful(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cs"}
        or "\u202a" <= character <= "\u202e"
        or ("\u2066" <= character <= "\u2069")
    )


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _finite_points(value: object) -> object:
    """Drop the points of a curve that hold anything but two finite numbers."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(point for point in value if all(_finite(number) is not None for number in point))


def _finite_numbers(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {key: number for key, number in value.items() if _finite(number) is not None}


def _count(value: object) -> object:
    return len(value) if isinstance(value, list | tuple) else value


def _moment(value: object) -> object:
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value


def _decimal(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,30})?", value):
        raise ValueError("expected a decimal such as `3` or `0.00001`")
    return value


Words = Annotated[str, BeforeValidator(_clean)]
DecimalWords = Annotated[str, AfterValidator(_decimal)]
Measure = Annotated[float | None, BeforeValidator(_finite)]
Size = Annotated[int, Field(ge=0)]
Count = Annotated[Size, BeforeValidator(_count)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Curve = Annotated[tuple[tuple[float, float], ...], BeforeValidator(_finite_points)]
Numbers = Annotated[Mapping[str, float], BeforeValidator(_finite_numbers)]


class Part(BaseModel):
    """One part of a result: frozen; what it does not know is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")
