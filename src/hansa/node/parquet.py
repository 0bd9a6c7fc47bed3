"""Parquet files as rows of texts, through duckdb, which only those need who have such files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hansa.errors import Unavailable
from hansa.node.likeness import show

if TYPE_CHECKING:
    import duckdb

_LITERAL: Final = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})
"""So that a file's name is never taken for a pattern."""


class DamagedFileError(Exception):
    """The file is not Parquet, or not all of it; the text says more. For `tablefile` alone."""


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns as the file has them.

    Raises:
        DamagedFileError: the file cannot be understood.
        Unavailable: duckdb is not installed.
    """
    return tuple(name for name, _ in _describe(_connect(path), path))


def read_rows(path: Path, places: Sequence[int], block_rows: int) -> Iterator[list[tuple[str, ...]]]:
    """Yield blocks of rows, in the file's order, with the columns at `places`.

    Every value is the text by which duckdb writes it: 1.5 is `1.5`, true is `true`, null is the empty text.

    Raises:
        DamagedFileError, Unavailable: see `read_names`.
    """
    import duckdb

    connection = _connect(path)
    columns = _describe(connection, path)
    # Names are quoted and come from the file's own description; the path is a parameter.
    wanted = ", ".join(
        f"""coalesce("{columns[place][1].replace('"', '""')}"::varchar, \'\')""" for place in places
    )
    try:
        query = connection.execute(f"select {wanted} from read_parquet(?)", [_literal(path)])  # noqa: S608 - as above
        while rows := query.fetchmany(block_rows):
            yield rows
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise DamagedFileError(_first_line(error)) from error
    finally:
        connection.close()


def _connect(path: Path) -> "duckdb.DuckDBPyConnection":
    try:
        import duckdb
    except ImportError as error:
        raise Unavailable(
            f"reading {show(path.name)} needs the package duckdb: install `hansa[data]`, or save the table as CSV"
        ) from error
    # Nothing may be fetched, and the order of rows is part of the split.
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "true",
        }
    )


def _describe(connection: "duckdb.DuckDBPyConnection", path: Path) -> list[tuple[str, str]]:
    """Return each column's name in the file and its name in queries, which differ where names are equal."""
    import duckdb

    try:
        described = connection.execute("describe select * from read_parquet(?)", [_literal(path)]).fetchall()
        schema = connection.execute(
            "select name, coalesce(num_children, 0) from parquet_schema(?)", [_literal(path)]
        ).fetchall()
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise DamagedFileError(_first_line(error)) from error
    own_names = []
    pending = 0  # fields of the nested column that is being passed over
    for name, children in schema[1:]:
        if pending:
            pending += children - 1
        else:
            own_names.append(name)
            pending = children
    return list(zip(own_names, (row[0] for row in described), strict=True))


def _literal(path: Path) -> str:
    return str(path.absolute()).translate(_LITERAL)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].lower()[:200]
