"""Frames of whatever library as columns of texts: the spelling in which a member's table would hold them.

A frame is a dict of columns, a pandas or polars data frame, or an Arrow table. None of these libraries is imported:
a frame's own methods are enough.
"""

import csv
import datetime as dt
import decimal
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hansa.errors import Refused

Frame = Any
"""A mapping of columns, or a frame of pandas, polars or Arrow."""

Columns = Mapping[str, Sequence[str]]
"""By name, one text for each row; empty for a missing value."""

_ABSENT: Final = frozenset({"<NA>", "NaT", "nan", "--"})


def read_frame(frame: Frame) -> dict[str, list[object]]:
    """Return a frame's columns as they are.

    Raises:
        TypeError: it is no frame, or a column's name is no text.
        Refused: `frame.length`, columns of different lengths.
    """
    if isinstance(frame, Mapping):
        columns = {name: list_values(values) for name, values in frame.items()}
    elif hasattr(frame, "to_pydict"):
        columns = frame.to_pydict()
    elif hasattr(frame, "columns") and hasattr(frame, "__getitem__"):
        columns = {name: list_values(frame[name]) for name in frame.columns}
    else:
        kind = type(frame).__name__
        raise TypeError(f"expected a dict of columns, a data frame or an Arrow table, got `{kind}`")
    wrong = [name for name in columns if not isinstance(name, str)]
    if wrong:
        raise TypeError(f"columns have names, got `{wrong[0]!r}`; name them: the plan speaks of them by name")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"`{name}` {length}" for name, length in lengths.items())
        raise Refused("frame.length", f"columns must have the same number of rows, got {shown}")
    return columns


def list_values(values: Iterable[object]) -> list[object]:
    """Return a column as a list of plain Python values where its library knows how."""
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(values, method):
            listed: list[object] = getattr(values, method)()
            return listed
    return list(values)


def spell_columns(columns: Mapping[str, Sequence[object]]) -> dict[str, list[str]]:
    """Spell every value as a member's table would.

    Raises:
        TypeError: a value is no number, text, truth value or time.
    """
    return {name: [spell_value(value, name) for value in values] for name, values in columns.items()}


def spell_value(value: object, column: str) -> str:
    """Spell one value; empty for None, NaN and what libraries put in their place.

    Raises:
        TypeError: it is no number, text, truth value or time.
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()  # a scalar of NumPy
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float() | decimal.Decimal():
            return str(value)
        case dt.date() | dt.time():
            return "" if str(value) in _ABSENT else value.isoformat()
    if str(value) in _ABSENT:
        return ""
    kind = type(value).__name__
    raise TypeError(f"column `{column}` holds a `{kind}`; expected numbers, texts, truth values or times")


def write_table(path: Path, columns: Columns) -> None:
    """Write columns as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
