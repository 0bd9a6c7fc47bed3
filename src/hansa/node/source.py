"""Where rows come from, typed column by column: what a workbench works on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hansa.governance import Finding
from hansa.node import columnar, csvfile
from hansa.node.block import BLOCK_ROWS, FIRST_ROW, Block
from hansa.node.csvtable import CsvTable
from hansa.node.workbench import need

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCKS: Final = columnar.BATCH_ROWS // BLOCK_ROWS
"""Blocks of a CSV file that are worked on at once."""


class Batch(NamedTuple):
    """Some rows.

    Args:
        rows: their numbers, ascending.
        columns: at least one; each as long as `rows`.
        findings: rows that could not be read and are not in the batch.
    """

    rows: Sequence[int]
    columns: Sequence["pa.Array"]
    findings: tuple[Finding, ...] = ()


class Source(Protocol):
    """A table whose header has been read."""

    @property
    def file(self) -> str:
        """What messages call it."""
        ...

    @property
    def header(self) -> tuple[str, ...]:
        """The columns, in order; a name may be empty, no other name occurs twice."""
        ...

    def read(self, places: Sequence[int]) -> Iterator[Batch]:
        """Yield all rows in order, a few at a time.

        Args:
            places: of the columns to read, at least one.

        Raises:
            Unavailable: the file, its disk or the database failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class CsvSource:
    """The rows of a CSV file, all of them texts."""

    table: CsvTable

    @property
    def file(self) -> str:
        """What messages call it."""
        return self.table.file

    @property
    def header(self) -> tuple[str, ...]:
        """The columns, in order."""
        return self.table.header

    def read(self, places: Sequence[int]) -> Iterator[Batch]:
        """Yield all rows in order; see `Source.read`."""
        names = [self.header[place] for place in places]
        gathered: list[Block] = []
        for block in self.table.blocks(names):
            gathered.append(block)
            if len(gathered) == _BLOCKS:
                yield self._join(names, gathered)
                gathered = []
        if gathered:
            yield self._join(names, gathered)

    def _join(self, names: Sequence[str], blocks: Sequence[Block]) -> Batch:
        _, pa = need(f"`{self.file}`")
        rows = [row for block in blocks for row in block.rows]
        columns = [
            pa.array([text for block in blocks for text in block.columns[name]], pa.string())
            for name in names
        ]
        return Batch(rows, columns, tuple(finding for block in blocks for finding in block.findings))


@dataclass(frozen=True, slots=True)
class ColumnarSource:
    """The rows of a Parquet or an Arrow file, with the types that it gives them."""

    path: Path
    header: tuple[str, ...]

    @property
    def file(self) -> str:
        """What messages call it."""
        return self.path.name

    def read(self, places: Sequence[int]) -> Iterator[Batch]:
        """Yield all rows in order; see `Source.read`."""
        start = FIRST_ROW
        try:
            for columns in columnar.read_batches(self.path, places):
                rows = range(start, start + len(columns[0]))
                start += len(rows)
                yield Batch(rows, columns)
        except columnar.DamagedFileError as error:
            _, pa = need(f"`{self.file}`")
            finding = csvfile.explain_damage(self.file, str(error), start)
            yield Batch((), [pa.nulls(0)] * len(places), (finding,))
