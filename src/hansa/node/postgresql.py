"""PostgreSQL servers, with the types that they give their columns. What has no like here comes as its text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from hansa.errors import Unavailable
from hansa.node.columnar import BATCH_ROWS
from hansa.node.query import QueryFailedError, quote_name
from hansa.node.workbench import first_line, need

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

CONNECT_SECONDS: Final = 10

_PLAIN: Final = {
    16: "bool_",
    20: "int64",
    21: "int64",
    23: "int64",
    700: "float64",
    701: "float64",
    1082: "date32",
}
"""By the number that PostgreSQL gives a type, what Arrow calls it."""
_TIMESTAMP, _TIMESTAMPTZ, _NUMERIC = 1114, 1184, 1700
_LONGEST_NUMERIC: Final = 38


class _Column(NamedTuple):
    sql: str
    kind: Any
    """An Arrow type."""


class PostgresqlSession:
    """A snapshot of a server; see `database.Session`."""

    def __init__(self, connection: "psycopg.Connection[Any]", name: str) -> None:
        self._connection = connection
        self._name = name
        self._columns: dict[str, _Column] = {}

    def describe(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns."""
        with _explained(self._name):
            found = self._connection.execute(f"select * from {table} limit 0".encode()).description  # noqa: S608 - quoted by `database`
        self._columns = {column.name: _choose(column) for column in found or ()}
        return tuple(self._columns)

    def select(self, columns: Sequence[str], rest: str) -> Iterator[list["pa.Array"]]:
        """Yield the rows of a query, which stays on the server until it is asked for more."""
        _, pa = need(self._name)
        chosen = [self._columns[name] for name in columns]
        query = f"select {', '.join(column.sql for column in chosen)} {rest}"
        with _explained(self._name), self._connection.cursor("hansa", withhold=False) as cursor:
            cursor.execute(query.encode())
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield [
                    pa.array(values, column.kind)
                    for column, values in zip(chosen, zip(*rows, strict=True), strict=True)
                ]

    def count(self, rest: str) -> int:
        """Return how many rows a query has."""
        with _explained(self._name):
            return len(self._connection.execute(f"select 1 {rest}".encode()).fetchall())


@contextmanager
def open_session(address: str) -> Iterator[PostgresqlSession]:
    """Begin a snapshot of a server, in which nothing can be written.

    Args:
        address: as libpq takes it, which finds the password in its password file.

    Raises:
        Unavailable: it cannot be reached, or a package is not installed.
    """
    name = name_server(address)
    need(name)
    try:
        import psycopg
    except ImportError as error:
        raise Unavailable(f"reading {name} needs the package psycopg: install `hansa[postgres]`") from error
    try:
        connection = psycopg.connect(address, connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise Unavailable(f"{name} cannot be reached: {first_line(error)}") from error
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresqlSession(connection, name)
    finally:
        connection.close()


def name_server(address: str) -> str:
    """Return what messages call a server: without user and options."""
    parts = urlsplit(address)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _choose(column: "psycopg.Column") -> _Column:
    """Return how a column is asked for, and its type when it comes."""
    import pyarrow as pa

    name = quote_name(column.name)
    if column.type_code in _PLAIN:
        return _Column(name, getattr(pa, _PLAIN[column.type_code])())
    if column.type_code == _TIMESTAMP:
        return _Column(name, pa.timestamp("us"))
    if column.type_code == _TIMESTAMPTZ:
        return _Column(f"{name} at time zone 'UTC'", pa.timestamp("us"))
    if column.type_code == _NUMERIC:
        if column.precision is not None and column.precision <= _LONGEST_NUMERIC:
            return _Column(f"nullif({name}, 'NaN')", pa.decimal128(column.precision, column.scale or 0))
        return _Column(f"{name}::float8", pa.float64())
    return _Column(f"{name}::text", pa.string())


@contextmanager
def _explained(name: str) -> Iterator[None]:
    import psycopg
    import pyarrow as pa

    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"{name} cannot be read: {first_line(error)}") from error
    except (psycopg.Error, pa.ArrowException) as error:
        raise QueryFailedError(first_line(error)) from error
