"""CSV files as a stream of text that stops at the first thing that cannot be text, and says where and why."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from hansa.errors import Unavailable
from hansa.governance.finding import Finding
from hansa.node.likeness import show

MAX_LINE_CHARACTERS: Final = 16 * 2**20
"""The longest line. It bounds memory when a file has no line ends."""

_BUFFER_BYTES: Final = 2**18
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_NUL: Final = re.compile("\0")


class NulFoundError(Exception):
    """A zero byte came along."""


class TooManyBytesError(Exception):
    """More bytes than allowed came along."""


class EndlessLineError(Exception):
    """A line is longer than `MAX_LINE_CHARACTERS`."""


DEFECTS: Final = (
    UnicodeDecodeError,
    csv.Error,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    NulFoundError,
    TooManyBytesError,
    EndlessLineError,
)
"""What reading rows may raise because of the file's content."""


class _Guard(io.RawIOBase):
    """Passes a file's bytes on, and stops at a zero byte or after too many."""

    def __init__(self, source: io.BufferedReader | gzip.GzipFile, max_bytes: int, *, lenient: bool) -> None:
        super().__init__()
        self._source = source
        self._left = max_bytes
        self._lenient = lenient

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # a writable buffer, by the protocol
        data = self._source.read1(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise TooManyBytesError
        if not self._lenient and b"\0" in data:
            raise NulFoundError
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


@contextmanager
def open_text(path: Path, max_bytes: int, *, lenient: bool = False) -> Iterator[TextIO]:
    """Open a CSV file, unpacking it if its name ends in `.gz`.

    Args:
        path: the file.
        max_bytes: the most that is read, after unpacking.
        lenient: let zero bytes through, and bytes that are not UTF-8 as lone surrogates.

    Raises:
        Unavailable: the file cannot be opened, or its disk fails while it is open.
    """
    try:
        packed = path.name.lower().endswith(".gz")
        source = gzip.GzipFile(path, "rb") if packed else path.open("rb")
        guard = io.BufferedReader(_Guard(source, max_bytes, lenient=lenient), _BUFFER_BYTES)
        errors = "surrogateescape" if lenient else "strict"
        with io.TextIOWrapper(guard, encoding="utf-8-sig", errors=errors, newline="") as stream:
            yield stream
    except OSError as error:
        raise explain_failure(path, error) from error


def read_records(stream: TextIO, *, strict: bool = True) -> Iterator[list[str]]:
    """Yield the records of a CSV text; an empty line is an empty record.

    Raises:
        Any of `DEFECTS`.
    """
    return csv.reader(_lines(stream), strict=strict)


def _lines(stream: TextIO) -> Iterator[str]:
    while line := stream.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS and line[-1] not in "\r\n":
            raise EndlessLineError
        yield line


def explain_failure(path: Path, error: OSError) -> Unavailable:
    """Return the error that says that a file cannot be read."""
    return Unavailable(f"{show(str(path))} cannot be read: {error.strerror or error}")


def explain_size(file: str, found: str, max_bytes: int) -> Finding:
    """Say that a file is too large and what to do."""
    message = (
        f"found {found}, expected at most {max_bytes:,}; keep only the columns that the plan names, or write the table"
        " as Parquet, which is several times smaller, or raise `max_bytes` if the machine has the memory"
    )
    return Finding("error", "data.size", message, file)


def explain_damage(file: str, detail: str, row: int) -> Finding:
    """Say that a file is damaged from a row on."""
    message = f"the file is damaged or incomplete ({detail}); fetch or write it again"
    return Finding("error", "data.damaged", message, f"{file}, from row {row}")


def explain(path: Path, error: Exception, row: int, max_bytes: int) -> Finding:
    """Turn what stopped the reading into a finding.

    Args:
        path: the file.
        error: one of `DEFECTS`.
        row: the first row that could not be read.
        max_bytes: the limit with which it was opened.
    """
    file = path.name
    match error:
        case UnicodeDecodeError():
            place, char = _locate(path, _ESCAPED, row, max_bytes)
            what = f"the byte 0x{ord(char) - 0xDC00:02x}, which is" if char else "bytes that are"
            message = (
                f"found {what} not UTF-8; save the table as CSV UTF-8 (it may be Windows-1252 or Latin-1 now)"
            )
            return Finding("error", "data.encoding", message, place)
        case NulFoundError():
            place, _ = _locate(path, _NUL, row, max_bytes)
            message = (
                "found a zero byte, expected text; the file is damaged or not a CSV file, so export it again"
            )
            return Finding("error", "data.nul", message, place)
        case TooManyBytesError():
            return explain_size(file, f"more than {max_bytes:,} bytes after unpacking", max_bytes)
        case EndlessLineError():
            message = f"found a line of more than {MAX_LINE_CHARACTERS:,} characters; export it with one line per row"
        case csv.Error() if "end of data" in str(error):
            message = 'a quotation mark opens a field and none closes it; close it, or write `""` for a mark in a field'
        case csv.Error() if "field limit" in str(error):
            limit = f"{csv.field_size_limit():,} characters"
            message = f"found a field of more than {limit}; a quotation mark is probably not closed before it"
        case csv.Error():
            message = 'text follows a closing quotation mark; write `""` for a mark in a field, and no space after a field'
        case _:
            return explain_damage(file, str(error).lower(), row)
    return Finding("error", "data.quoting", message, f"{file}, row {row}")


def _locate(path: Path, pattern: re.Pattern[str], row: int, max_bytes: int) -> tuple[str, str]:
    """Read a file again, leniently, to find the first cell that `pattern` matches.

    Returns:
        The place in words and the character that matched; without a column and empty if reading fails earlier.
    """
    with open_text(path, max_bytes, lenient=True) as stream:
        names: list[str] = []
        try:
            for number, record in enumerate(read_records(stream, strict=False), 1):
                row = max(row, number)
                names = names or record
                for index, cell in enumerate(record):
                    match = pattern.search(cell)
                    if match:
                        named = number > 1 and index < len(names)
                        column = show(names[index]) if named else str(index + 1)
                        return f"{path.name}, row {number}, column {column}", match[0]
        except DEFECTS:
            pass
    return f"{path.name}, row {row} or after", ""
