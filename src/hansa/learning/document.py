"""The document of statistics, as whoever reads it checks it before believing a line of it (docs/formats/statistics.md)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from hansa.errors import Malformed
from hansa.learning.histogram import QUANTILES
from hansa.learning.summary import STATISTICS_FORMAT, spell_decimal

_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,12})?")
_BUCKET: Final = re.compile(r"[0-9a-f]{4}")
_WHOLE: Final = {"format", "members", "rows", "noise", "numbers", "categories"}
_NUMBER: Final = {"name", "minimum", "maximum", "missing", "mean", "deviation", "quantiles", "histogram"}
_CATEGORY: Final = {"name", "categories", "counts", "missing", "other"}


def verify_statistics(document: object) -> None:
    """Check that a document is one of statistics, and does not contradict itself.

    Raises:
        Malformed: `statistics.form`, other fields or types; `statistics.format`; `statistics.number`, a number in another
            spelling; `statistics.order`, edges, shares or bounds out of order; `statistics.sum`, without noise: counts that do
            not add up to the rows.
    """
    whole = _read_fields(document, _WHOLE, "the document")
    if whole["format"] != STATISTICS_FORMAT:
        raise Malformed("statistics.format", f"expected `{STATISTICS_FORMAT}`")
    rows = _read_count(whole["rows"], "rows")
    _read_count(whole["members"], "members")
    noise = _read_decimal(whole["noise"], "noise")
    if noise < 0:
        raise Malformed("statistics.order", "`noise`: a standard deviation below 0")
    for part in _read_list(whole["numbers"], "numbers"):
        name = _read_name(part, _NUMBER)
        _verify_number(part, name, None if noise else rows)
    for part in _read_list(whole["categories"], "categories"):
        name = _read_name(part, _CATEGORY)
        _verify_category(part, name, None if noise else rows)


def _verify_number(part: Mapping[str, Any], name: str, rows: int | None) -> None:
    """Check one number; `rows` is what its histogram and its missing rows add up to, if that is known."""
    low, high = (_read_decimal(part[side], name) for side in ("minimum", "maximum"))
    for figure in (part["mean"], part["deviation"]):
        _read_figure(figure, name)
    quantiles = _read_list(part["quantiles"], name)
    shares = [_read_list(quantile, name, 4)[0] for quantile in quantiles]
    if shares != [spell_decimal(share) for share in QUANTILES]:
        raise Malformed("statistics.order", f"`{name}`: other quantiles than those that are told")
    for _, *figure in quantiles:
        _read_figure(figure, name)
    held = 0
    edge = low
    for run in _read_list(part["histogram"], name):
        start, end, count = _read_list(run, name, 3)
        if _read_decimal(start, name) != edge or _read_decimal(end, name) <= edge:
            raise Malformed("statistics.order", f"`{name}`: the histogram's edges do not follow one another")
        edge, held = _read_decimal(end, name), held + _read_count(count, name)
    if edge != high:
        raise Malformed("statistics.order", f"`{name}`: the histogram does not reach the maximum")
    missing = 0 if part["missing"] is None else _read_count(part["missing"], name)
    if rows is not None and held + missing != rows:
        raise Malformed("statistics.sum", f"`{name}`: the histogram and the missing rows are not {rows}")


def _verify_category(part: Mapping[str, Any], name: str, rows: int | None) -> None:
    if part["categories"] not in {"declared", "counted"}:
        raise Malformed("statistics.form", f"`{name}`: categories are `declared` or `counted`")
    pairs = [_read_list(pair, name, 2) for pair in _read_list(part["counts"], name)]
    values = [value for value, _ in pairs]
    is_counted = part["categories"] == "counted"
    if any(not isinstance(value, str) or (is_counted and not _BUCKET.fullmatch(value)) for value in values):
        raise Malformed("statistics.form", f"`{name}`: a value is no text, or no bucket")
    if len({*values}) < len(values) or (is_counted and values != sorted(values)):
        raise Malformed("statistics.order", f"`{name}`: a value stands twice, or buckets are out of order")
    counts: Iterable[object] = [count for _, count in pairs]
    rest = [part[field] for field in ("missing", "other") if part[field] is not None]
    held = sum(_read_count(count, name) for count in (*counts, *rest))
    if rows is not None and held != rows:
        raise Malformed("statistics.sum", f"`{name}`: the counts do not add up to {rows}")


def _read_name(part: object, fields: set[str]) -> str:
    name = _read_fields(part, fields, "a feature")["name"]
    if not isinstance(name, str):
        raise Malformed("statistics.form", "a feature's name is a text")
    return name


def _read_fields(value: object, fields: set[str], what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.keys() != fields:
        raise Malformed("statistics.form", f"{what} has exactly the fields {', '.join(sorted(fields))}")
    return value


def _read_list(value: object, what: str, length: int | None = None) -> Sequence[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise Malformed("statistics.form", f"`{what}`: expected a list{f' of {length}' if length else ''}")
    return value


def _read_count(value: object, what: str) -> int:
    if type(value) is not int or value < 0:
        raise Malformed("statistics.form", f"`{what}`: expected a count")
    return value


def _read_figure(value: object, what: str) -> None:
    middle, low, high = (_read_decimal(part, what) for part in _read_list(value, what, 3))
    if not low <= middle <= high:
        raise Malformed("statistics.order", f"`{what}`: a figure is not between its bounds")


def _read_decimal(value: object, what: str) -> Fraction:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or spell_decimal(Fraction(value)) != value:
        raise Malformed("statistics.number", f"`{what}`: expected a decimal without needless zeros")
    return Fraction(value)
