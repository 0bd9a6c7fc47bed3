"""SQLite files. A column has no type there, so that every value is a text, as in CSV."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hansa.errors import Unavailable
from hansa.node.columnar import BATCH_ROWS
from hansa.node.likeness import show
from hansa.node.query import QueryFailedError, quote_name
from hansa.node.workbench import first_line, need

if TYPE_CHECKING:
    import pyarrow as pa


class SqliteSession:
    """A snapshot of a file; see `database.Session`."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def describe(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns."""
        with _explained(self._name):
            found = self._connection.execute(f"select * from {table} limit 0")  # noqa: S608 - quoted by `database`
            return tuple(column[0] for column in found.description)

    def select(self, columns: Sequence[str], rest: str) -> Iterator[list["pa.Array"]]:
        """Yield the rows of a query."""
        _, pa = need(self._name)
        texts = ", ".join(f"cast({quote_name(name)} as text)" for name in columns)
        with _explained(self._name):
            cursor = self._connection.execute(f"select {texts} {rest}")
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]

    def count(self, rest: str) -> int:
        """Return how many rows a query has."""
        with _explained(self._name):
            return len(self._connection.execute(f"select 1 {rest}").fetchall())


@contextmanager
def open_session(path: Path) -> Iterator[SqliteSession]:
    """Begin a snapshot of a file, which is opened for reading only.

    Raises:
        Unavailable: it cannot be opened.
    """
    name = show(path.name)
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None
        )
    except sqlite3.Error as error:
        raise Unavailable(f"{name} cannot be read: {first_line(error)}") from error
    try:
        with _explained(name):
            connection.execute("begin")
        yield SqliteSession(connection, name)
    finally:
        connection.close()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise QueryFailedError(first_line(error)) from error
        raise Unavailable(f"{name} cannot be read: {first_line(error)}") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise QueryFailedError(first_line(error)) from error
