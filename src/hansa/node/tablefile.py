"""A member's table where it lies: CSV, compressed CSV or Parquet, read in blocks of rows and never changed.

Cells are texts here; what they mean is for `node.data` and the rehearsal. Row numbers are those that a
spreadsheet shows: the header is row 1, and an empty line counts.
"""

import itertools
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hansa.errors import Unavailable
from hansa.governance import Finding
from hansa.node import csvfile, parquet
from hansa.node.cell import is_number
from hansa.node.defects import TableRefused
from hansa.node.likeness import enumerate_some, show

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")

MAX_BYTES: Final = 1_000_000_000
"""The most that is read from one file; of a compressed CSV, after unpacking."""

BLOCK_ROWS: Final = 1024
"""Small, so that a block of texts stays in the processor's cache while its columns are worked on."""

FIRST_ROW: Final = 2
"""The number of the first row after the header."""

_SHOWN_ROWS: Final = 3

_ODD: Final = {
    "data.encoding": "bytes are not UTF-8",
    "data.fields": "the number of fields is not that of the header",
    "data.nul": "there are zero bytes",
}


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a table, column by column.

    Args:
        rows: the row numbers, ascending.
        columns: by name, one text per row.
        findings: rows that could not be read and are not in the block.
    """

    rows: Sequence[int]
    columns: Mapping[str, Sequence[str]]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table whose header has been read.

    Args:
        path: the file.
        header: the column names, in order; a name may be empty, no other name occurs twice.
        max_bytes: the most that is read.
    """

    path: Path
    header: tuple[str, ...]
    max_bytes: int = MAX_BYTES

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that have a name."""
        return tuple(name for name in self.header if name)

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield all rows in order, at most `BLOCK_ROWS` at a time.

        Args:
            columns: the columns to read, each in `header`; all that have a name if None.
        Guarantees:
            Never raises for what the file holds: a row that cannot be read is left out and reported in `findings`,
            and where reading cannot go on, the last block says so.

        Raises:
            Unavailable: the file or its disk failed.
        """
        wanted = self.names if columns is None else tuple(columns)
        places = [self.header.index(name) for name in wanted]
        if _suffix(self.path) == ".parquet":
            return self._parquet_blocks(wanted, places) if wanted else iter(())
        return self._csv_blocks(wanted, places)

    def _parquet_blocks(self, wanted: tuple[str, ...], places: list[int]) -> Iterator[Block]:
        start = FIRST_ROW
        try:
            for cells in parquet.read_rows(self.path, places, BLOCK_ROWS):
                rows = range(start, start + len(cells))
                start += len(cells)
                yield Block(rows, dict(zip(wanted, zip(*cells, strict=True), strict=True)))
        except parquet.DamagedFileError as error:
            yield Block(
                (), dict.fromkeys(wanted, ()), (csvfile.explain_damage(self.path.name, str(error), start),)
            )

    def _csv_blocks(self, wanted: tuple[str, ...], places: list[int]) -> Iterator[Block]:
        start = FIRST_ROW
        odd = _OddRows(self.path.name, self.header)
        stop: Finding | None = None
        with csvfile.open_text(self.path, self.max_bytes) as text:
            reader = text.records()
            next(reader, None)
            while stop is None:
                records: list[list[str]] = []
                try:
                    # `extend` keeps the rows that came before a defect.
                    records.extend(itertools.islice(reader, BLOCK_ROWS))
                except csvfile.DEFECTS as error:
                    stop = text.explain(error, start + len(records))
                if not records:
                    break
                rows: Sequence[int] = range(start, start + len(records))
                start += len(records)
                if text.is_suspect or set(map(len, records)) != {len(self.header)}:
                    rows, records = odd.sift(rows, records)
                columns = list(zip(*records, strict=True)) if records else [()] * len(self.header)
                yield Block(rows, {name: columns[place] for name, place in zip(wanted, places, strict=True)})
        findings = odd.findings + (() if stop is None else (stop,))
        if findings:
            yield Block((), dict.fromkeys(wanted, ()), findings)


class _OddRows:
    """Rows that cannot be read as cells; of each rule the first few are reported, the others counted."""

    def __init__(self, file: str, header: tuple[str, ...]) -> None:
        self._file = file
        self._header = header
        self._shown: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def sift(self, rows: Sequence[int], records: list[list[str]]) -> tuple[list[int], list[list[str]]]:
        """Return the rows that hold one text for each column of the header, without empty lines."""
        kept_rows, kept = [], []
        for row, record in zip(rows, records, strict=True):
            finding = self._judge(row, record)
            if finding is not None:
                self._counts[finding.rule] += 1
                if self._counts[finding.rule] <= _SHOWN_ROWS:
                    self._shown.append(finding)
            elif record:
                kept_rows.append(row)
                kept.append(record)
        return kept_rows, kept

    def _judge(self, row: int, record: list[str]) -> Finding | None:
        for index, cell in enumerate(record):
            if char := csvfile.find_suspect(cell):
                column = show(self._header[index]) if index < len(self._header) else str(index + 1)
                place = f"{self._file}, row {row}, column {column}"
                return Finding("error", csvfile.suspect_rule(char), csvfile.explain_suspect(char), place)
        width = len(self._header)
        if not record or len(record) == width:
            return None
        too_many = len(record) > width
        remedy = "put text that holds a comma in quotation marks" if too_many else "add what is missing"
        fields = f"{len(record)} field{'s' * (len(record) != 1)}"
        message = f"found {fields}, expected {width} as in the header; {remedy}"
        return Finding("error", "data.fields", message, f"{self._file}, row {row}")

    @property
    def findings(self) -> tuple[Finding, ...]:
        more = []
        for rule, count in self._counts.items():
            if count > _SHOWN_ROWS:
                rest = count - _SHOWN_ROWS
                message = f"{rest:,} more row{'s' * (rest > 1)} in which {_ODD[rule]}"
                more.append(Finding("error", rule, message, self._file))
        return (*self._shown, *more)


def read_columns(path: Path, *, max_bytes: int = MAX_BYTES) -> RawTable:
    """Open a table and read its header; the rows come from `RawTable.blocks`.

    Args:
        path: a `.csv`, `.csv.gz` or `.parquet` file. CSV: UTF-8 with or without byte order mark, commas, quotation
            marks as in RFC 4180, any line end.
        max_bytes: the most that may be read.

    Raises:
        TableRefused: `data.kind`, `data.size`, `data.empty`, `data.content`, `data.encoding`, `data.nul`,
            `data.damaged`, `data.quoting`, `data.separator`, `data.header`, `data.duplicate-column`.
        Unavailable: the file is not there or cannot be read, or Parquet without the package duckdb.
    Guarantees:
        The file is opened for reading only.
    """
    suffix = _suffix(path)
    _verify_file(path, suffix, max_bytes)
    if suffix == ".parquet":
        try:
            header = parquet.read_names(path)
        except parquet.DamagedFileError as error:
            raise TableRefused([csvfile.explain_damage(path.name, str(error), 1)]) from error
    else:
        header = _read_header(path, max_bytes)
    findings = list(_inspect_header(path.name, header))
    if findings:
        raise TableRefused(findings)
    return RawTable(path, header, max_bytes)


def _suffix(path: Path) -> str:
    return next(
        (suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)),
        "",
    )


def _verify_file(path: Path, suffix: str, max_bytes: int) -> None:
    name = path.name
    if not suffix:
        message = f"expected a file that ends in {', '.join(SUFFIXES)}; save the table as one of these"
        raise TableRefused([Finding("error", "data.kind", message, name)])
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable(f"{show(str(path), 300)} is not a file; name the table itself")
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise csvfile.explain_failure(path, error) from error
    if status.st_size > max_bytes:
        raise TableRefused([csvfile.explain_size(name, f"{status.st_size:,} bytes", max_bytes)])
    if not start:
        message = "the file is empty; expected a header and one row per record"
        raise TableRefused([Finding("error", "data.empty", message, name)])
    content = _recognise(start, suffix)
    if content:
        raise TableRefused([Finding("error", "data.content", content, name)])


def _recognise(start: bytes, suffix: str) -> str:
    """Say what a file is that is not what its name says."""
    kinds = (
        (b"PK\x03\x04", "", "a workbook or an archive", "save the sheet as CSV (UTF-8)"),
        (b"\xd0\xcf\x11\xe0", "", "an old workbook", "save the sheet as CSV (UTF-8)"),
        (b"PAR1", ".parquet", "Parquet", "rename it to end in `.parquet`"),
        (b"\x1f\x8b", ".csv.gz", "compressed with gzip", "rename it to end in `.csv.gz`"),
        (b"\xff\xfe", "", "UTF-16 text", "save it as CSV UTF-8"),
        (b"\xfe\xff", "", "UTF-16 text", "save it as CSV UTF-8"),
    )
    for magic, own_suffix, what, remedy in kinds:
        if start.startswith(magic):
            good = suffix == own_suffix
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
