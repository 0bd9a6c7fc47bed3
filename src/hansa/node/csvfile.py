"""CSV files as a stream of records that never trusts the file: bounded, and aware of what cannot be text."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hansa.errors import Unavailable
from hansa.governance import Finding
from hansa.node.likeness import show

MAX_LINE_CHARACTERS: Final = 16 * 2**20
"""The longest line. It bounds memory when a file has no line ends."""

_BUFFER_BYTES: Final = 2**18
_SUSPECT: Final = re.compile("[\0\udc80-\udcff]")


class TooManyBytesError(Exception):
    """More bytes than allowed came along."""


class EndlessLineError(Exception):
    """A line is longer than `MAX_LINE_CHARACTERS`."""


DEFECTS: Final = (csv.Error, EOFError, gzip.BadGzipFile, zlib.error, TooManyBytesError, EndlessLineError)
"""What ends the reading of records because of the file's content."""


class _Guard(io.RawIOBase):
    """Passes a file's bytes on, stops after too many, and notices zero bytes and bytes that are not UTF-8."""

    def __init__(self, source: io.BufferedReader | gzip.GzipFile, max_bytes: int) -> None:
        super().__init__()
        self._source = source
        self._left = max_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.has_zero_bytes = False
        self.has_other_encoding = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # a writable buffer, by the protocol
        data = self._source.read1(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise TooManyBytesError
        self.has_zero_bytes = self.has_zero_bytes or b"\0" in data
        if not self.has_other_encoding:
            try:
                self._decoder.decode(data, final=not data)
            except UnicodeDecodeError:
                self.has_other_encoding = True
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


class CsvText:
    """The text of an open CSV file. Bytes that are not UTF-8 come through as lone surrogates."""

    def __init__(self, path: Path, max_bytes: int, guard: _Guard, stream: io.TextIOWrapper) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._guard = guard
        self._stream = stream

    def records(self) -> Iterator[list[str]]:
        """Yield the records; an empty line is an empty record.

        Raises:
            Any of `DEFECTS`.
        """
        return csv.reader(self._lines(), strict=True)

    def _lines(self) -> Iterator[str]:
        while line := self._stream.readline(MAX_LINE_CHARACTERS):
            if len(line) == MAX_LINE_CHARACTERS and line[-1] not in "\r\n":
                raise EndlessLineError
            yield line

    @property
    def is_suspect(self) -> bool:
        """Whether records read from here on may hold what `find_suspect` finds."""
        return self._guard.has_zero_bytes or self._guard.has_other_encoding

    def explain(self, error: Exception, row: int) -> Finding:
        """Turn what ended the reading into a finding.

        Args:
            error: one of `DEFECTS`.
            row: the first row that could not be read.
        """
        place = f"{self._path.name}, row {row}"
        match error:
            case TooManyBytesError():
                found = f"more than {self._max_bytes:,} bytes after unpacking"
                return explain_size(self._path.name, found, self._max_bytes)
            case csv.Error() if "end of data" in str(error):
                message = 'a quotation mark opens a field and none closes it; close it, or write `""` for a mark in a field'
            case EndlessLineError() | csv.Error() if self._guard.has_zero_bytes:
                return Finding("error", "data.nul", explain_suspect("\0"), place)
            case EndlessLineError():
                message = (
                    f"found a line of more than {MAX_LINE_CHARACTERS:,} characters; write one line per row"
                )
            case csv.Error() if "field limit" in str(error):
                limit = f"{csv.field_size_limit():,} characters"
                message = (
                    f"found a field of more than {limit}; a quotation mark is probably not closed before it"
                )
            case csv.Error():
                message = 'text follows a closing quotation mark; write `""` for a mark in a field, and no space after a field'
            case _:
                return explain_damage(self._path.name, str(error).lower(), row)
        return Finding("error", "data.quoting", message, place)


@contextmanager
def open_text(path: Path, max_bytes: int) -> Iterator[CsvText]:
    """Open a CSV file, unpacking it if its name ends in `.gz`.

    Args:
        path: the file.
        max_bytes: the most that is read, after unpacking.

    Raises:
        Unavailable: the file cannot be opened, or its disk fails while it is open.
    """
    try:
        packed = path.name.lower().endswith(".gz")
        source = gzip.GzipFile(path, "rb") if packed else path.open("rb")
        guard = _Guard(source, max_bytes)
        buffered = io.BufferedReader(guard, _BUFFER_BYTES)
        with io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            yield CsvText(path, max_bytes, guard, stream)
    except OSError as error:
        raise explain_failure(path, error) from error


def find_suspect(text: str) -> str:
    """Return the first character of a text that cannot be text, or the empty text."""
    match = _SUSPECT.search(text)
    return match[0] if match else ""


def suspect_rule(char: str) -> str:
    """Return the rule that a character from `find_suspect` breaks."""
    return "data.nul" if char == "\0" else "data.encoding"


def explain_suspect(char: str) -> str:
    """Say what a character from `find_suspect` is and what to do."""
    if char == "\0":
        return "found a zero byte, expected text; the file is damaged or not a CSV file, so export it again"
    byte = f"0x{ord(char) - 0xDC00:02x}"
    return f"found the byte {byte}, which is not UTF-8; save the table as CSV UTF-8 (it may be Windows-1252 or Latin-1 now)"


def explain_failure(path: Path, error: OSError) -> Unavailable:
    """Return the error that says that a file cannot be read."""
    return Unavailable(f"{show(str(path), 300)} cannot be read: {error.strerror or error}")


def explain_size(file: str, found: str, max_bytes: int) -> Finding:
    """Say that a file is too large and what to do."""
    message = (
        f"found {found}, expected at most {max_bytes:,}; keep only the columns that the plan names, or write the table"
        " as Parquet, which is several times smaller"
    )
    return Finding("error", "data.size", message, file)


def explain_damage(file: str, detail: str, row: int) -> Finding:
    """Say that a file is damaged from a row on."""
    message = f"the file is damaged or incomplete ({detail}); fetch or write it again"
    return Finding("error", "data.damaged", message, f"{file}, from row {row}")
