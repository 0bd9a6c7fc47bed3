"""A member's table where it lies: a file or a database, read in blocks of rows and never changed."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hansa.errors import Unavailable
from hansa.governance import Finding
from hansa.node import columnar, csvfile, database
from hansa.node.block import Readable
from hansa.node.cell import is_number
from hansa.node.csvtable import CsvTable
from hansa.node.database import open_database
from hansa.node.defects import TableRefused
from hansa.node.likeness import enumerate_some, show
from hansa.node.mapping import MAPPING_FILE, TableMapping
from hansa.node.projection import MappedColumns, OwnColumns
from hansa.node.source import ColumnarSource, CsvSource, Source

SUFFIXES: Final = (".csv", ".csv.gz", *columnar.SUFFIXES)

MAX_BYTES: Final = 100_000_000_000
"""The most that is read from one CSV file; of a compressed one, after unpacking."""


def read_columns(path: Path, *, max_bytes: int = MAX_BYTES) -> Readable:
    """Open a table as it is and read its header; the rows come from `blocks`.

    Args:
        path: a file that ends in one of `SUFFIXES`. CSV: UTF-8 with or without byte order mark, commas, quotation
            marks as in RFC 4180, any line end.
        max_bytes: the most that may be read of a CSV file. Of the others only the columns are read that are asked for.

    Raises:
        TableRefused: `data.kind`, `data.size`, `data.empty`, `data.content`, `data.encoding`, `data.nul`,
            `data.damaged`, `data.quoting`, `data.separator`, `data.header`, `data.duplicate-column`.
        Unavailable: the file is not there or cannot be read, or a package is not installed that its kind needs.
    Guarantees:
        The file is opened for reading only.
    """
    found = _open_file(path, max_bytes)
    return found if isinstance(found, CsvTable) else OwnColumns(found)


def open_table(path: Path | None, mapping: TableMapping | None, *, max_bytes: int = MAX_BYTES) -> Readable:
    """Open a table, as it is or as a mapping makes it.

    Args:
        path: the file; None where the mapping names a server.
        mapping: the member's own, if it has one.
        max_bytes: see `read_columns`.

    Raises:
        TableRefused: as `read_columns`; `data.table` and `data.order`, see `open_database`; `data.mapping`, the source
            lacks what the mapping reads.
        Unavailable: as these.
    """
    if path is not None and mapping is not None and mapping.database is not None:
        message = f"{show(MAPPING_FILE)} names a server, and there is a file as well; remove one of the two"
        raise TableRefused([Finding("error", "data.table", message, path.name)])
    is_database = path is None or _suffix(path) in database.SUFFIXES
    if mapping is None:
        if path is not None and is_database:
            message = f"a database has many tables; say which in {show(MAPPING_FILE)}: `table`, `order` and `columns`"
            raise TableRefused([Finding("error", "data.table", message, path.name)])
        assert path is not None  # a table without a mapping is a file
        return read_columns(path, max_bytes=max_bytes)
    source: Source
    if is_database:
        if path is not None:
            _verify_file(path, _suffix(path), None)
        source = open_database(path, mapping)
    else:
        assert path is not None  # see above
        if mapping.table is not None:
            message = f"{show(path.name)} is one table; remove `table` and `order` from the mapping"
            raise TableRefused([Finding("error", "data.table", message, MAPPING_FILE)])
        found = _open_file(path, max_bytes)
        source = CsvSource(found) if isinstance(found, CsvTable) else found
    mapped = MappedColumns(source, mapping)
    mapped.verify_columns()
    return mapped


def _open_file(path: Path, max_bytes: int) -> CsvTable | ColumnarSource:
    """Read the header of a file that is one table."""
    suffix = _suffix(path)
    is_columnar = suffix in columnar.SUFFIXES
    if suffix not in SUFFIXES:
        message = f"expected a file that ends in {', '.join(SUFFIXES)}; save the table as one of these"
        raise TableRefused([Finding("error", "data.kind", message, path.name)])
    _verify_file(path, suffix, None if is_columnar else max_bytes)
    if is_columnar:
        try:
            header = columnar.read_names(path)
        except columnar.DamagedFileError as error:
            raise TableRefused([csvfile.explain_damage(path.name, str(error), 1)]) from error
    else:
        header = _read_header(path, max_bytes)
    findings = list(_inspect_header(path.name, header))
    if findings:
        raise TableRefused(findings)
    return ColumnarSource(path, header) if is_columnar else CsvTable(path, header, max_bytes)


def _suffix(path: Path) -> str:
    known = sorted((*SUFFIXES, *database.SUFFIXES), key=len, reverse=True)
    return next((suffix for suffix in known if path.name.lower().endswith(suffix)), "")


def _verify_file(path: Path, suffix: str, max_bytes: int | None) -> None:
    name = path.name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable(f"{show(str(path), 300)} is not a file; name the table itself")
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise csvfile.explain_failure(path, error) from error
    if max_bytes is not None and status.st_size > max_bytes:
        raise TableRefused([csvfile.explain_size(name, f"{status.st_size:,} bytes", max_bytes)])
    if not start:
        message = "the file is empty; expected a header and one row per record"
        raise TableRefused([Finding("error", "data.empty", message, name)])
    content = _recognise(start, suffix)
    if content:
        raise TableRefused([Finding("error", "data.content", content, name)])


def _recognise(start: bytes, suffix: str) -> str:
    """Say what a file is that is not what its name says."""
    kinds: tuple[tuple[bytes, str, str, str], ...] = (
        (b"PK\x03\x04", "", "a workbook or an archive", "save the sheet as CSV (UTF-8)"),
        (b"\xd0\xcf\x11\xe0", "", "an old workbook", "save the sheet as CSV (UTF-8)"),
        (b"PAR1", ".parquet", "Parquet", "rename it to end in `.parquet`"),
        (b"ARROW1", ".arrow", "an Arrow file", "rename it to end in `.arrow`"),
        (b"FEA1", "", "Feather of version 1", "write it again as version 2"),
        (b"SQLite format 3\0", ".sqlite", "a SQLite database", "rename it to end in `.sqlite`"),
        (b"\x1f\x8b", ".csv.gz", "compressed with gzip", "rename it to end in `.csv.gz`"),
        (b"\xff\xfe", "", "UTF-16 text", "save it as CSV UTF-8"),
        (b"\xfe\xff", "", "UTF-16 text", "save it as CSV UTF-8"),
    )
    if start[8:12] == b"DUCK":
        kinds = ((start[:1], ".duckdb", "a duckdb database", "rename it to end in `.duckdb`"),)
    for magic, own_suffix, what, remedy in kinds:
        if start.startswith(magic):
            good = suffix == own_suffix or (
                own_suffix in columnar.ARROW_SUFFIXES and suffix in columnar.ARROW_SUFFIXES
            )
            return "" if good else f"found {what}, expected `{suffix}` as its name says; {remedy}"
    if suffix == ".csv":
        return ""
    return f"the bytes at its start are not those of a `{suffix}` file; write it again, or give it its right ending"


def _read_header(path: Path, max_bytes: int) -> tuple[str, ...]:
    with csvfile.open_text(path, max_bytes) as text:
        try:
            return tuple(next(text.records(), ()))
        except csvfile.DEFECTS as error:
            raise TableRefused([text.explain(error, 1)]) from error


def _inspect_header(file: str, header: tuple[str, ...]) -> Iterator[Finding]:
    place = f"{file}, row 1"
    suspects = [(index, char) for index, name in enumerate(header, 1) if (char := csvfile.find_suspect(name))]
    for index, char in suspects:
        yield Finding(
            "error", csvfile.suspect_rule(char), csvfile.explain_suspect(char), f"{place}, column {index}"
        )
    if suspects:
        return  # what is no text has no separators to speak of
    if not any(name.strip() for name in header):
        message = "the first row is empty; expected the names of the columns"
        yield Finding("error", "data.header", message, place)
        return
    if len(header) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in header[0]:
                message = (
                    f"the columns are separated by {word}, expected commas; export the table with commas"
                )
                yield Finding("error", "data.separator", message, place)
                return
    if all(is_number(name) for name in header):
        names = enumerate_some(map(show, header), 3)
        message = (
            f"found only numbers ({names}), expected the names of the columns; put a row with them first"
        )
        yield Finding("error", "data.header", message, place)
        return
    for name in dict.fromkeys(header):
        if name and header.count(name) > 1:
            columns = enumerate_some([str(index + 1) for index, other in enumerate(header) if other == name])
            message = f"found the name {show(name)} {header.count(name)} times (columns {columns}); rename all but one"
            yield Finding("error", "data.duplicate-column", message, place)
