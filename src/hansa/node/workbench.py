"""A workbench: duckdb in memory, with every way out shut, where values become texts and expressions are worked out.

Rows are brought to it in Arrow batches and leave it as texts, so that its size does not grow with the table. It can open no
file and no connection, load nothing, and change none of its settings; a batch has limited memory and limited time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Timer
from types import ModuleType
from typing import TYPE_CHECKING, Final

from hansa.errors import Unavailable

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MEMORY_MEGABYTES: Final = 512
"""What the values of one batch may take."""

BATCH_SECONDS: Final = 60.0
"""How long one batch may be worked on."""

_SETTINGS: Final = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "max_temp_directory_size": "0B",
    "python_enable_replacements": "false",
    # The order of rows is part of the split.
    "preserve_insertion_order": "true",
    "threads": "1",
}


class WorkFailedError(Exception):
    """A batch cannot be worked out. For `source` alone.

    Args:
        message: what duckdb said, one line.
        row: the first row of the batch that fails, from 0; None when an item fits no row, whatever it holds.
        item: which of the items.
    """

    def __init__(self, message: str, row: int | None, item: int) -> None:
        super().__init__(message)
        self.message = message
        self.row = row
        self.item = item


class LimitReachedError(Exception):
    """A batch took too much memory or time. For `source` alone."""


def need(name: str) -> tuple[ModuleType, ModuleType]:
    """Return duckdb and pyarrow, which only those have who need them.

    Args:
        name: what is to be read, as messages show it.

    Raises:
        Unavailable: one of them is not installed.
    """
    try:
        import duckdb
        import pyarrow as pa
    except ImportError as error:
        raise Unavailable(
            f"reading {name} needs the packages duckdb and pyarrow: install `hansa[data]`, or save the table as CSV"
        ) from error
    return duckdb, pa


class Workbench:
    """What is worked with; see `open_workbench`.

    Args:
        connection: locked.
        seconds: how long one batch may take.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", seconds: float) -> None:
        self.connection = connection
        self._seconds = seconds

    def project(
        self, columns: Mapping[str, "pa.Array"], items: Sequence[str], where: str = "true"
    ) -> list[tuple[int | str, ...]]:
        """Work out items for each row of a batch.

        Args:
            columns: at least one, all equally long, by plain names.
            items: SQL over these names, each of which gives a text; never from outside but through `expression`.
            where: likewise, and gives a truth.

        Returns:
            For each row for which `where` is true, in order, its place in the batch and its items.

        Raises:
            WorkFailedError, LimitReachedError.
        """
        import duckdb

        try:
            return self._run(columns, items, where)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
            raise LimitReachedError from error
        except duckdb.Error as error:
            found = self._locate(error, columns, (*items, where))
            if isinstance(error, duckdb.BinderException):
                found.row = None
            raise found from error

    def _run(
        self, columns: Mapping[str, "pa.Array"], items: Sequence[str], where: str
    ) -> list[tuple[int | str, ...]]:
        import pyarrow as pa

        length = len(next(iter(columns.values())))
        table = pa.table({"place": pa.array(range(length), pa.int64()), **columns})
        self.connection.register("source", table)
        timer = Timer(self._seconds, self.connection.interrupt)
        timer.start()
        try:
            query = f"select {', '.join(('place', *items))} from source where {where}"  # noqa: S608 - see `project`
            return self.connection.execute(query).fetchall()
        finally:
            timer.cancel()
            self.connection.unregister("source")

    def _locate(
        self, error: Exception, columns: Mapping[str, "pa.Array"], items: Sequence[str]
    ) -> WorkFailedError:
        """Find the first row that fails, by halves, and the item that fails there."""
        import duckdb

        def fails(start: int, end: int, tried: Sequence[str]) -> bool:
            part = {name: values.slice(start, end - start) for name, values in columns.items()}
            try:
                self._run(part, tried, "true")
            except duckdb.Error:
                return True
            return False

        start, end = 0, len(next(iter(columns.values())))
        while end - start > 1:
            middle = (start + end) // 2
            start, end = (start, middle) if fails(start, middle, items) else (middle, end)
        item = next((place for place, text in enumerate(items) if fails(start, end, [text])), 0)
        return WorkFailedError(first_line(error), start, item)


@contextmanager
def open_workbench(
    name: str, *, megabytes: int = MEMORY_MEGABYTES, seconds: float = BATCH_SECONDS
) -> Iterator[Workbench]:
    """Open a workbench for as long as it is needed.

    Args:
        name: what is to be read, as messages show it.
        megabytes: what the values of one batch may take.
        seconds: how long one batch may be worked on.

    Raises:
        Unavailable: a package is not installed.
    Guarantees:
        No statement that it runs, whatever it says, opens a file or a connection, loads code or changes a setting.
    """
    duckdb, _ = need(name)
    connection = duckdb.connect(
        ":memory:", config={**_SETTINGS, "memory_limit": f"{megabytes}MiB", "lock_configuration": "true"}
    )
    try:
        yield Workbench(connection, seconds)
    finally:
        connection.close()


def write_text(value: str) -> str:
    """Return the SQL by which a value becomes the text of a cell; a missing one is empty."""
    return f"coalesce(({value})::varchar, '')"


def first_line(error: Exception) -> str:
    """Return the first line of what a database said, in lower case, cut if long."""
    return str(error).strip().partition("\n")[0].lower()[:200]
