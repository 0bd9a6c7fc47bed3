"""A mapping: how a member's own table becomes the columns that plans name, declared and never code.

`docs/formats/mapping.md` specifies the form, example first.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from hansa.errors import Malformed, Unavailable
from hansa.governance.document import Document, parse_document
from hansa.governance.document import Path as Place
from hansa.governance.spelling import CellText, DecimalText, ProseText, Several, fault
from hansa.governance.validation import Form, load_model
from hansa.node.expression import Expression, ExpressionRefusedError, parse_expression
from hansa.node.workbench import Workbench, open_workbench
from hansa.transparency.canonical import Json, digest
from hansa.transparency.quoting import quote

MAPPING_FILE: Final = "mapping.yaml"
"""Where it lies in a member's house."""

Kind = Literal["text", "number", "whole", "truth", "date"]

_NUMBER: Final = r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?[ \t]*"
_TRUE: Final = "'true', 't', 'yes', 'y', '1'"
_FALSE: Final = "'false', 'f', 'no', 'n', '0'"
_TABLE: Final = re.compile(r"[^\s.\x00-\x1f\"]{1,63}(?:\.[^\s.\x00-\x1f\"]{1,63})?")


def _check_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        password = parts.password
    except ValueError:
        parts, password = None, None
    if parts is None or parts.scheme != "postgresql":
        raise fault("database", "expected an address such as `postgresql://reader@db.example/clinic`")
    if password is not None or "password=" in parts.query:
        # Not quoted, and not kept in what people pass around to review.
        raise fault(
            "database",
            "a mapping is read by others: leave the password out, and keep it in libpq's password file",
        )
    return value


def _check_table(value: str) -> str:
    if not _TABLE.fullmatch(value):
        raise fault(
            "table",
            f"expected the name of a table or view, such as `visits` or `public.visits`, got {quote(value)}",
        )
    return value


class Column(Form):
    """One column that plans may name."""

    name: Annotated[CellText, Field(examples=["speed"])]
    source: Annotated[CellText | None, Field(alias="from", examples=["speed_kmh"])] = None
    """The column of the source that it is."""
    expression: ProseText | None = None
    """Or what it is derived by."""
    kind: Annotated[Kind, Field(alias="as")] = "text"
    times: DecimalText = "1"
    plus: DecimalText = "0"


class TableMapping(Form):
    """How a table becomes the columns that plans name."""

    version: Annotated[Literal[1], Field(examples=[1])]
    database: Annotated[str, AfterValidator(_check_address)] | None = None
    """A PostgreSQL server, where the table is not in a file."""
    table: Annotated[str, AfterValidator(_check_table)] | None = None
    """The table or view, where the source is a database."""
    order: Annotated[Several[CellText], Field(max_length=16)] = ()
    """The columns by which rows of a database are ordered, and of which no two rows have the same."""
    where: ProseText | None = None
    """Which rows there are."""
    columns: Annotated[
        Several[Column], Field(min_length=1, max_length=1_000, examples=["[{name: speed, from: speed_kmh}]"])
    ]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form, lower-case hexadecimal; what a data steward consents to."""
        return digest(self.to_json())

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(column.name for column in self.columns)


class Item(NamedTuple):
    """What is worked out for each row.

    Args:
        name: of the column, or `where`.
        expression: understood, before the cell is written as the column's kind wants it.
        column: None for `where`.
    """

    name: str
    expression: Expression
    column: Column | None


def load_mapping(path: Path) -> TableMapping:
    """Read a mapping.

    Raises:
        InvalidDocument: every finding at once: `mapping.field-missing`, `mapping.field-unknown`, `mapping.value`,
            `mapping.database`, `mapping.table`, `mapping.order`, `mapping.source`, `mapping.twice`, `mapping.unit`,
            `mapping.expression`, and those of `parse_document`.
        Malformed: `mapping.encoding`.
        Unavailable: the file cannot be read, or a package is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise Malformed("mapping.encoding", f"`{path}` is not UTF-8; save it as UTF-8") from None
    return read_mapping(parse_document(text, path.name))


def read_mapping(document: Document) -> TableMapping:
    """Build a mapping from a document.

    Raises:
        InvalidDocument, Unavailable: see `load_mapping`.
    """
    with open_workbench(quote(document.source)) as bench:
        return load_model(
            TableMapping,
            document,
            "mapping",
            lambda value: _cross_check(value, bench) if isinstance(value, dict) else (),
        )


def compile_mapping(mapping: TableMapping, bench: Workbench) -> tuple[Item, ...]:
    """Return what is worked out for each row: the columns in order, then `where` if there is one.

    Args:
        mapping: from `read_mapping`.
        bench: parses.
    """
    items = [
        Item(column.name, parse_expression(_spell(column), bench.connection), column)
        for column in mapping.columns
    ]
    if mapping.where is not None:
        items.append(Item("where", parse_expression(mapping.where, bench.connection), None))
    return tuple(items)


def write_item(item: Item, places: Mapping[str, str], bench: Workbench) -> str:
    """Return the SQL of an item.

    Args:
        item: from `compile_mapping`.
        places: by column of the source, what it is called where the SQL runs.
        bench: writes.
    """
    value = item.expression.write(places, bench.connection)
    return value if item.column is None else _write_cell(value, item.column)


def _spell(column: Column) -> str:
    if column.expression is not None:
        return column.expression
    assert column.source is not None  # one of the two is there
    quoted = column.source.replace('"', '""')
    return f'"{quoted}"'


def _write_cell(value: str, column: Column) -> str:
    """Return the SQL of a cell's text. What is not of the kind stays as it is, so that the plan refuses it with its row."""
    text = f"({value})::varchar"
    number = f"case when regexp_full_match({text}, '{_NUMBER}') then try_cast(trim({text}) as double) end"
    match column.kind:
        case "text":
            found = "null"
        case "number":
            times, plus = f"cast('{column.times}' as double)", f"cast('{column.plus}' as double)"
            is_kept = column.times == "1" and column.plus == "0"
            found = f"({number if is_kept else f'({number}) * {times} + {plus}'})::varchar"
        case "whole":
            found = (
                f"case when ({number}) = trunc({number}) and abs({number}) <= 9007199254740992 "
                f"then ({number})::bigint::varchar end"
            )
        case "truth":
            found = f"case when lower(trim({text})) in ({_TRUE}) then '1' when lower(trim({text})) in ({_FALSE}) then '0' end"
        case "date":
            found = f"strftime(try_cast({text} as timestamp), '%Y-%m-%d')"
    return f"coalesce({found}, {text}, '')"


def _cross_check(value: dict[str, Json], bench: Workbench) -> Iterator[tuple[Place, str, str]]:
    """Find what concerns several parts of a mapping, and what its expressions may not say."""
    table, order = value.get("table"), value.get("order")
    if value.get("database") is not None and table is None:
        yield (), "table", "a database has many tables; add `table`, the one to be read"
    if table is not None and not order:
        yield (), "order", "rows of a database have no order of their own; add `order`, such as `order: [id]`"
    if table is None and order:
        yield ("order",), "order", "rows of a file have their order; remove it"
    yield from _check_expression(value.get("where"), ("where",), bench)
    listed = value.get("columns")
    columns = (
        [column if isinstance(column, dict) else {} for column in listed] if isinstance(listed, list) else []
    )
    seen: set[Json] = set()
    for index, column in enumerate(columns):
        place: Place = ("columns", index)
        if ("from" in column) == ("expression" in column):
            message = "a column is `from` one of the source, or an `expression`; write one of the two"
            yield place, "source", message
        if column.get("as", "text") != "number" and column.keys() & {"times", "plus"}:
            yield place, "unit", "`times` and `plus` convert numbers; add `as: number`"
        if column.get("times") in {0, "0", "0.0"}:
            yield (*place, "times"), "unit", "times 0 is always 0; write the factor"
        name = column.get("name")
        if isinstance(name, str) and name in seen:
            yield (*place, "name"), "twice", f"{quote(name)} is listed above already; rename one"
        seen.add(name if isinstance(name, str) else None)
        yield from _check_expression(column.get("expression"), (*place, "expression"), bench)


def _check_expression(text: Json, place: Place, bench: Workbench) -> Iterator[tuple[Place, str, str]]:
    if isinstance(text, str):
        try:
            parse_expression(text, bench.connection)
        except ExpressionRefusedError as error:
            yield place, "expression", str(error)
