"""Tables and views of databases: SQLite and duckdb files, and PostgreSQL servers; read in one snapshot, in a declared order.

Rows of a database have no order of their own, and the split needs one: the mapping names columns of which no two rows
have the same.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from hansa.governance import Finding
from hansa.node import duckdbfile, postgresql, sqlitefile
from hansa.node.block import FIRST_ROW
from hansa.node.defects import TableRefused
from hansa.node.expression import explain_unknown
from hansa.node.likeness import enumerate_some, show
from hansa.node.mapping import MAPPING_FILE, TableMapping
from hansa.node.query import QueryFailedError, quote_name
from hansa.node.source import Batch
from hansa.node.workbench import need

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES: Final = (".sqlite", ".duckdb")


class Session(Protocol):
    """A snapshot of a database that can be asked."""

    def describe(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns.

        Raises:
            QueryFailedError: there is no such table.
            Unavailable: the database failed.
        """
        ...

    def select(self, columns: Sequence[str], rest: str) -> Iterator[list["pa.Array"]]:
        """Yield the rows of a query, some at a time, column by column.

        Args:
            columns: of the table that was described.
            rest: of the query, from `from` on.

        Raises:
            QueryFailedError: the database has another opinion on the query, or a value cannot be read.
            Unavailable: the database failed.
        """
        ...

    def count(self, rest: str) -> int:
        """Return how many rows a query has, which is to be limited to few; raises as `select`."""
        ...


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """The rows of one table or view.

    Args:
        file: what messages call it.
        open: begins a snapshot.
        table: its name, quoted.
        order: columns by which rows are ordered.
        header: the columns.
    """

    file: str
    open: Callable[[], AbstractContextManager[Session]]
    table: str
    order: tuple[str, ...]
    header: tuple[str, ...]

    def read(self, places: Sequence[int]) -> Iterator[Batch]:
        """Yield all rows in order; see `Source.read`."""
        start = FIRST_ROW
        keys = ", ".join(map(quote_name, self.order))
        with self.open() as session:
            session.describe(self.table)
            finding = self._check_order(session, keys)
            try:
                for columns in session.select(
                    [self.header[place] for place in places], f"from {self.table} order by {keys}"
                ):
                    rows = range(start, start + len(columns[0]))
                    start += len(rows)
                    yield Batch(rows, columns)
            except QueryFailedError as error:
                finding = Finding(
                    "error",
                    "data.damaged",
                    f"the database cannot give a row: {error}",
                    f"{self.file}, from row {start}",
                )
        if finding is not None:
            _, pa = need(show(self.file))
            yield Batch((), [pa.nulls(0)] * len(places), (finding,))

    def _check_order(self, session: Session, keys: str) -> Finding | None:
        """Find out whether the order leaves two rows that could stand either way."""
        absent = " or ".join(f"{quote_name(name)} is null" for name in self.order)
        named = enumerate_some(map(show, self.order))
        if session.count(f"from {self.table} where {absent} limit 1"):
            message = f"some rows have no value of {named}, so they have no place; order by a key that every row has"
        elif session.count(f"from {self.table} group by {keys} having count(*) > 1 limit 1"):
            message = (
                f"several rows have the same {named}, so they could stand either way; add a column to `order`"
            )
        else:
            return None
        return Finding("error", "data.order", message, self.file)


def open_database(path: Path | None, mapping: TableMapping) -> DatabaseSource:
    """Find a table or view and its columns.

    Args:
        path: the file, or None where the mapping names a server.
        mapping: names table and order.

    Raises:
        TableRefused: `data.table`, it is not there, or is not named; `data.order`, it lacks a column of the order.
        Unavailable: the database or its file cannot be read, or a package is not installed.
    """
    begin: Callable[[], AbstractContextManager[Session]]
    if mapping.database is not None:
        file = f"table {mapping.table} at {postgresql.name_server(mapping.database)}"
        begin = partial(postgresql.open_session, mapping.database)
    else:
        assert path is not None  # a table is in a file or on a server
        file = path.name
        is_sqlite = path.name.lower().endswith(".sqlite")
        begin = (
            partial(sqlitefile.open_session, path) if is_sqlite else partial(duckdbfile.open_session, path)
        )
    if mapping.table is None:
        message = f"a database has many tables; say which in {show(MAPPING_FILE)}: `table` and `order`"
        raise TableRefused([Finding("error", "data.table", message, file)])
    table = ".".join(map(quote_name, mapping.table.split(".")))
    try:
        with begin() as session:
            header = session.describe(table)
    except QueryFailedError as error:
        message = f"the table {show(mapping.table)} cannot be read: {error}"
        raise TableRefused([Finding("error", "data.table", message, file)]) from error
    findings = [
        Finding("error", "data.order", explain_unknown(name, header), f"{MAPPING_FILE}, `order`")
        for name in mapping.order
        if name not in header
    ]
    if findings:
        raise TableRefused(findings)
    return DatabaseSource(file, begin, table, mapping.order, header)
