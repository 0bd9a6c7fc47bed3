"""How a model file describes its features, whatever the model: JSON without floats (docs/formats/model.md)."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hansa.errors import Malformed
from hansa.learning.categories import BUCKETS, FEW_BUCKETS, CategoryFeature
from hansa.learning.recipe import Json
from hansa.learning.tables import Feature, NumberFeature

COUNTED: Final = MappingProxyType({"counted": BUCKETS, f"counted in {FEW_BUCKETS}": FEW_BUCKETS})
"""How the buckets of a counted feature are spelt."""

_NUMBER: Final = frozenset({"name", "type", "minimum", "maximum", "missing"})
_CATEGORY: Final = frozenset({"name", "type", "categories", "missing"})


def describe_feature(feature: Feature) -> dict[str, Json]:
    """Return what a file says of a feature, besides what its model makes of it."""
    if isinstance(feature, NumberFeature):
        return {
            "name": feature.name,
            "type": "number",
            "minimum": repr(feature.minimum),
            "maximum": repr(feature.maximum),
            "missing": feature.missing,
        }
    return {
        "name": feature.name,
        "type": "category",
        "categories": _spell_buckets(feature.buckets)
        if feature.categories is None
        else [*feature.categories],
        "missing": feature.missing,
    }


def parse_feature(entry: Json, more: Mapping[str, frozenset[str]]) -> tuple[Feature, dict[str, Json]]:
    """Read what a file says of a feature.

    Args:
        entry: as in the file.
        more: for `number` and `category`, the fields that the model adds.

    Returns:
        The feature, and all fields.

    Raises:
        Malformed: `model.form`, `model.number`, `model.category`.
    """
    if isinstance(entry, dict) and entry.get("type") == "number":
        fields = read_fields(entry, _NUMBER | more["number"], "a number")
        name = read_text(fields["name"])
        low, high = read_number(fields["minimum"]), read_number(fields["maximum"])
        try:
            return NumberFeature(name, low, high, read_flag(fields["missing"])), fields
        except ValueError as error:
            raise Malformed("model.number", str(error)) from error
    fields = read_fields(entry, _CATEGORY | more["category"], "a category")
    if fields["type"] != "category":
        raise Malformed("model.form", f"unknown type of feature `{fields['type']}`")
    name, listed = read_text(fields["name"]), fields["categories"]
    counted = COUNTED.get(listed) if isinstance(listed, str) else None
    if counted is None and not isinstance(listed, list):
        raise Malformed("model.form", f"`{name}` needs a list of categories")
    declared = tuple(read_text(text) for text in listed) if isinstance(listed, list) else None
    try:
        return CategoryFeature(name, declared, read_flag(fields["missing"]), counted or BUCKETS), fields
    except ValueError as error:
        raise Malformed("model.category", str(error)) from error


def read_fields(value: Json, names: frozenset[str], what: str) -> dict[str, Json]:
    """Read an object that has exactly these fields.

    Raises:
        Malformed: `model.form`.
    """
    if not isinstance(value, dict) or value.keys() != names:
        got = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise Malformed("model.form", f"{what} must have exactly the fields {sorted(names)}, got {got}")
    return value


def read_text(value: Json) -> str:
    """Read a text.

    Raises:
        Malformed: `model.form`.
    """
    if not isinstance(value, str):
        raise Malformed("model.form", f"expected a text, got `{value}`")
    return value


def read_flag(value: Json) -> bool:
    """Read true or false.

    Raises:
        Malformed: `model.form`.
    """
    if not isinstance(value, bool):
        raise Malformed("model.form", f"expected true or false, got `{value}`")
    return value


def read_number(value: Json) -> float:
    """Read a number in its shortest spelling.

    Raises:
        Malformed: `model.form`, `model.number`.
    """
    text = read_text(value)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or repr(number) != text:
        raise Malformed("model.number", f"`{text}` is not a number in its shortest spelling")
    return number


def _spell_buckets(buckets: int) -> str:
    return next(text for text, number in COUNTED.items() if number == buckets)
