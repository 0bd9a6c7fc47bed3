"""A CSV table: records become rows of texts, and what is no row is reported and passed over."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hansa.governance import Finding
from hansa.node import csvfile
from hansa.node.block import BLOCK_ROWS, FIRST_ROW, Block
from hansa.node.likeness import show

_SHOWN_ROWS: Final = 3

_ODD: Final = {
    "data.encoding": "bytes are not UTF-8",
    "data.fields": "the number of fields is not that of the header",
    "data.nul": "there are zero bytes",
}


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table whose header has been read.

    Args:
        path: the file.
        header: the column names, in order; a name may be empty, no other name occurs twice.
        max_bytes: the most that is read.
    """

    path: Path
    header: tuple[str, ...]
    max_bytes: int

    @property
    def file(self) -> str:
        """What messages call it."""
        return self.path.name

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that have a name."""
        return tuple(name for name in self.header if name)

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield all rows in order; see `Readable.blocks`."""
        wanted = self.names if columns is None else tuple(columns)
        places = [self.header.index(name) for name in wanted]
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
                texts = list(zip(*records, strict=True)) if records else [()] * len(self.header)
                yield Block(rows, {name: texts[place] for name, place in zip(wanted, places, strict=True)})
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
