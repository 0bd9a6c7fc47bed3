"""Expressions that a mapping may use: one value of one row, from SQL as duckdb reads it, and nothing that reaches further.

duckdb parses; what it found is held against a list of what is allowed, part by part, and the text that is run is written
anew from what passed. So nothing runs that was not understood. What such an expression may use is in `docs/formats/mapping.md`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hansa.node.likeness import enumerate_some, find_alike, show

if TYPE_CHECKING:
    import duckdb

_FUNCTIONS: Final = """
+ - * / // % ** ^ || ~~ !~~ ~~* !~~*
abs acos asin atan atan2 cbrt ceil ceiling cos exp floor greatest if ifnull isfinite isinf isnan least ln log log10 log2
mod nullif pow power round sign sin sqrt tan trunc
concat contains ends_with left length lower ltrim nfc_normalize position prefix regexp_extract regexp_full_match
regexp_matches right rtrim split_part starts_with strip_accents strpos substr substring suffix translate trim upper
date_diff date_part date_sub date_trunc day dayofweek dayofyear epoch hour isodow last_day make_date minute month quarter
second strftime strptime to_days to_hours to_minutes to_months to_seconds to_years try_strptime week year
"""
_TYPES: Final = """
bigint bool boolean date decimal double float float4 float8 hugeint int int4 int8 integer interval real smallint string text
time timestamp tinyint varchar
"""

# Each gives one value for one row, the same every time, and never a much longer text than it got.
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
"""Functions and operators, by duckdb's names; `~~` is `like`."""

TYPES: Final = frozenset(_TYPES.split())
"""What values may be cast to."""

MAX_CHARACTERS: Final = 2_000

_CLASSES: Final = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "OPERATOR",
        "TYPE",
    }
)
_OPERATORS: Final = frozenset(
    {
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "OPERATOR_COALESCE",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_IS_NULL",
        "OPERATOR_NOT",
    }
)
_WORDS: Final = {
    "STAR": "`*`",
    "SUBQUERY": "a query within",
    "WINDOW": "a window over other rows",
    "LAMBDA": "a lambda",
    "PARAMETER": "a parameter",
    "COLLATE": "a collation",
    "POSITIONAL_REFERENCE": "a column by its number",
}
_REST: Final = ("modifiers", "where_clause", "group_expressions", "group_sets", "having", "sample", "qualify")


class ExpressionRefusedError(Exception):
    """A text is no expression that a mapping may use; the message says why. For `mapping` and `source` alone."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What was understood of a text.

    Args:
        tree: as duckdb's parser gives it, each part allowed.
        columns: the columns that it reads, each once, in order.
    """

    tree: Mapping[str, Any]
    columns: tuple[str, ...]

    def write(self, places: Mapping[str, str], connection: "duckdb.DuckDBPyConnection") -> str:
        """Return the SQL of the expression in brackets, with columns under other names.

        Args:
            places: by column, what it is called where the SQL runs; plain lower-case letters and digits.
            connection: any.
        """
        tree = json.loads(json.dumps(self.tree))
        for node in _walk(tree):
            if node.get("class") == "COLUMN_REF":
                node["column_names"] = [places[node["column_names"][0]]]
                node.pop("qualified_name", None)
        (text,) = connection.execute("select json_deserialize_sql(?)", [json.dumps(tree)]).fetchall()[0]
        return f"({str(text).removeprefix('SELECT ')})"


def parse_expression(text: str, connection: "duckdb.DuckDBPyConnection") -> Expression:
    """Read an expression.

    Args:
        text: as a mapping has it.
        connection: any; it parses, and runs nothing.

    Raises:
        ExpressionRefusedError: it is not one expression, or has a part that is not allowed.
    Guarantees:
        An expression has no queries, no functions but `FUNCTIONS`, and no types but `TYPES`.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionRefusedError(
            f"expected at most {MAX_CHARACTERS:,} characters, got {len(text):,}; split it over columns, or make a view"
        )
    (parsed,) = connection.execute("select json_serialize_sql(?)", [f"select {text}"]).fetchall()[0]
    tree = json.loads(parsed)
    if tree["error"]:
        problem = str(tree.get("error_message", "cannot be read")).partition("\n")[0]
        raise ExpressionRefusedError(f"{show(text)} is not SQL: {problem.lower()}")
    _verify_alone(tree, text)
    columns: dict[str, None] = {}
    for node in _walk(tree["statements"][0]["node"]["select_list"][0]):
        _verify_part(node)
        if node.get("class") == "COLUMN_REF":
            columns[node["column_names"][0]] = None
    return Expression(tree, tuple(columns))


def explain_unknown(column: str, known: tuple[str, ...]) -> str:
    """Say that the source has no such column, and which may be meant."""
    alike = find_alike(column, known)
    hint = (
        f"did you mean {show(alike)}?"
        if alike is not None
        else f"it has {enumerate_some(map(show, known), 8)}"
    )
    return f"the source has no column {show(column)}; {hint}"


def _verify_alone(tree: Mapping[str, Any], text: str) -> None:
    """Check that a statement is `select` and one expression, with nothing before or after it."""
    node = tree["statements"][0]["node"] if len(tree["statements"]) == 1 else {}
    is_alone = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["cte_map"]["map"]
        and not any(node[name] for name in _REST)
        and not node["select_list"][0]["alias"]
    )
    if not is_alone:
        raise ExpressionRefusedError(f"expected one expression over columns of the source, got {show(text)}")


def _verify_part(node: Mapping[str, Any]) -> None:
    kind = node.get("class")
    if kind is None:
        # What has no class groups parts that have one; a query would have a list of what it selects.
        if "select_list" in node or "from_table" in node:
            raise ExpressionRefusedError("a query within is not allowed in a mapping")
        return
    if kind not in _CLASSES or (kind == "OPERATOR" and node["type"] not in _OPERATORS):
        found = _WORDS.get(kind, show(str(node["type"]).lower().replace("_", " ")))
        raise ExpressionRefusedError(f"{found} is not allowed in a mapping")
    match kind:
        case "COLUMN_REF" if len(node["column_names"]) != 1:
            path = ".".join(node["column_names"])
            raise ExpressionRefusedError(f"expected a column's name, got {show(path)}")
        case "TYPE" if (
            str(node["type_name"]).lower() not in TYPES
            or node["schema"]
            or node["catalog"]
            or any(child.get("class") != "CONSTANT" for child in node["children"])
        ):
            raise ExpressionRefusedError(
                f"the type {show(str(node['type_name']).lower())} is not allowed here"
            )
        case "FUNCTION":
            _verify_function(node)


def _verify_function(node: Mapping[str, Any]) -> None:
    name = str(node["function_name"])
    if name not in FUNCTIONS or node["schema"] or node["catalog"]:
        raise ExpressionRefusedError(f"the function {show(name)} is not allowed in a mapping")
    is_plain = (
        node["filter"] is None
        and not node["order_bys"]["orders"]
        and not node["distinct"]
        and not node["export_state"]
        and not any(argument["name"] for argument in node["arguments"])
    )
    if not is_plain:
        raise ExpressionRefusedError(f"the function {show(name)} takes values here, and nothing else")


def _walk(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON as duckdb writes it
    """Yield every object within, the outermost first."""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            yield current
            pending += reversed(current.values())
        elif isinstance(current, list):
            pending += reversed(current)
