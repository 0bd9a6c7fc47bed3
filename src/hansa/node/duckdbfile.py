"""duckdb files, with the types that they give their columns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from hansa.errors import Unavailable
from hansa.node.columnar import BATCH_ROWS
from hansa.node.likeness import show
from hansa.node.query import QueryFailedError, quote_name
from hansa.node.workbench import first_line, need

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY_MEGABYTES: Final = 256
"""What sorting a table may take; the rest waits on disk."""


class DuckdbSession:
    """A snapshot of a file; see `database.Session`."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", name: str) -> None:
        self._connection = connection
        self._name = name

    def describe(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns."""
        with _explained(self._name):
            cursor = self._connection.execute(f"select * from {table} limit 0")  # noqa: S608 - quoted by `database`
        return tuple(str(column[0]) for column in cursor.description or ())

    def select(self, columns: Sequence[str], rest: str) -> Iterator[list["pa.Array"]]:
        """Yield the rows of a query."""
        names = ", ".join(map(quote_name, columns))
        with _explained(self._name):
            reader = self._connection.sql(f"select {names} {rest}").to_arrow_reader(BATCH_ROWS)
            for batch in reader:
                yield batch.columns

    def count(self, rest: str) -> int:
        """Return how many rows a query has."""
        with _explained(self._name):
            return len(self._connection.execute(f"select 1 {rest}").fetchall())


@contextmanager
def open_session(path: Path) -> Iterator[DuckdbSession]:
    """Begin a snapshot of a file, which is opened for reading only; its views reach no other file.

    Raises:
        Unavailable: it cannot be opened, or a package is not installed.
    """
    name = show(path.name)
    duckdb, _ = need(name)
    # What is too large to be sorted in memory is sorted on disk; beside the file, as is the default, nothing is written.
    aside = TemporaryDirectory(prefix="hansa-")
    try:
        connection = duckdb.connect(
            str(path),
            read_only=True,
            config={
                "allow_community_extensions": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "enable_external_access": "false",
                "python_enable_replacements": "false",
                "memory_limit": f"{MEMORY_MEGABYTES}MiB",
                "temp_directory": aside.name,
                "threads": "1",
                "lock_configuration": "true",
            },
        )
    except duckdb.Error as error:
        aside.cleanup()
        raise Unavailable(f"{name} cannot be read: {first_line(error)}") from error
    try:
        connection.execute("begin")
        yield DuckdbSession(connection, name)
    finally:
        connection.close()
        aside.cleanup()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise Unavailable(f"{name} cannot be read: {first_line(error)}") from error
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise QueryFailedError(first_line(error)) from error
