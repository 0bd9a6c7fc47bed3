"""Blocks of rows, whatever they come from: texts, column by column, with the row numbers that a spreadsheet shows.

The header is row 1, and an empty line counts. What the texts mean is for `node.data` and the rehearsal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hansa.governance import Finding

BLOCK_ROWS: Final = 1024
"""Small, so that a block of texts stays in the processor's cache while its columns are worked on."""

FIRST_ROW: Final = 2
"""The number of the first row after the header."""


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


class Readable(Protocol):
    """A table whose columns are known and whose rows can be read, from the first on, as often as one likes."""

    @property
    def file(self) -> str:
        """What messages call it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that have a name; none occurs twice."""
        ...

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield all rows in order, at most `BLOCK_ROWS` at a time.

        Args:
            columns: the columns to read, each in `names`; all of these if None.
        Guarantees:
            Never raises for what the table holds: a row that cannot be read is left out and reported in `findings`,
            and where reading cannot go on, the last block says so.

        Raises:
            Unavailable: the file, its disk or the database failed.
        """
        ...
