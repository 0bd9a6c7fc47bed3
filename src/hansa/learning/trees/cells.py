"""Where a number's bins should end: counts in equal cells of its declared range, finer where many rows are.

Every member counts rows in the same public cells, so the bins follow from totals, and everybody has the same ones. A crowded
cell is divided again, at most three times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.recipe import Question
from hansa.learning.tables import NumberFeature, Rows, Schema, Vector

CELLS: Final = 256
"""Into which a declared range is divided at first."""

PARTS: Final = 32
"""Into which a crowded cell is divided."""

LOOKS: Final = 3
"""How often crowded cells are divided at most."""


class Cell(NamedTuple):
    """One cell of a number.

    Args:
        place: the cell's number among the equal cells of its depth.
        depth: how often it was divided; there are CELLS · PARTS^depth cells of a depth.
        rows: that are in it.
        members: that have one of these.
    """

    place: int
    depth: int
    rows: int
    members: int

    @property
    def start(self) -> Fraction:
        """Where it begins, as a share of the range."""
        return Fraction(self.place, CELLS * PARTS**self.depth)

    @property
    def end(self) -> Fraction:
        """Where it ends."""
        return Fraction(self.place + 1, CELLS * PARTS**self.depth)


Cells = tuple[Cell, ...]
"""A number's cells that hold rows, ascending."""


@dataclass(frozen=True, eq=False)
class CellQuestion(Question):
    """Ask how many rows, and whether any, are in the parts of some cells.

    Args:
        schema: the plan's features.
        depth: of the parts.
        asked: per numeric feature, the first part's place of each cell that is divided, ascending.
        rows: training rows of the cohort.
    """

    schema: Schema
    depth: int
    asked: tuple[tuple[int, ...], ...]
    rows: int

    @property
    def parts(self) -> int:
        """Into how many parts each cell is divided."""
        return PARTS if self.depth else CELLS

    def bound(self) -> Vector:
        """Rows of the cohort, and one for each member."""
        count = sum(map(len, self.asked)) * self.parts
        return np.concatenate([np.full(count, float(self.rows)), np.ones(count)])

    def publics(self) -> Iterable[bytes]:
        """Yield the schema and the cells."""
        yield repr((self.schema, self.depth, self.asked)).encode()


def answer_cells(question: CellQuestion, rows: Rows) -> Vector:
    """Count one member's training rows.

    Returns:
        Per numeric feature, cell and part the rows in it; then, in the same order, 1 if there are any.
    """
    parts = question.parts
    counts: list[NDArray[Any]] = [np.zeros(0)]
    for number, starts in zip(question.schema.numbers, question.asked, strict=True):
        values = rows.train.numbers[number.name]
        places = place_values(number, values[~np.isnan(values)], question.depth)
        order = np.full(
            CELLS * PARTS**question.depth // parts, -1
        )  # by divided cell, its place among those asked about
        order[np.array(starts, dtype=np.intp) // parts] = np.arange(len(starts))
        found = order[places // parts]
        within = (found * parts + places % parts)[found >= 0]
        counts.append(np.bincount(within, minlength=len(starts) * parts))
    rows_in = np.concatenate(counts).astype(np.float64)
    return np.concatenate([rows_in, np.minimum(rows_in, 1.0)])


def place_values(number: NumberFeature, values: Vector, depth: int) -> NDArray[np.int64]:
    """Return the cell of each value: shape (n,), int64, from 0.

    Args:
        number: what the values are.
        values: shape (n,), within the declared range, not NaN.
        depth: of the cells.
    """
    count = CELLS * PARTS**depth
    width = number.maximum - number.minimum
    if not width:
        return np.zeros(len(values), dtype=np.int64)
    share = (values - number.minimum) / width
    places: NDArray[np.int64] = (share * count).astype(np.int64)
    return np.clip(places, 0, count - 1)


def read_cells(question: CellQuestion, total: Vector, before: Sequence[Cells]) -> tuple[Cells, ...]:
    """Put the parts in place of the cells that were divided.

    Args:
        question: what was asked.
        total: shape (question.length,).
        before: per numeric feature its cells until now.
    """
    rows, members = np.rint(total).astype(np.int64).reshape(2, -1).tolist()
    place = 0
    refined = []
    for cells, starts in zip(before, question.asked, strict=True):
        parts: list[Cell] = []
        for start in starts:
            parts += [
                Cell(start + step, question.depth, rows[place + step], members[place + step])
                for step in range(question.parts)
                if rows[place + step]
            ]
            place += question.parts
        divided = {start // question.parts for start in starts}
        kept = [cell for cell in cells if not (cell.depth == question.depth - 1 and cell.place in divided)]
        refined.append(tuple(sorted([*kept, *parts], key=_count_steps)))
    return tuple(refined)


def _count_steps(cell: Cell) -> int:
    """Return where a cell begins, counted in the smallest cells there are."""
    return cell.place * int(PARTS ** (LOOKS - cell.depth))


def find_crowded(cells: Cells, depth: int, bins: int) -> tuple[int, ...]:
    """Return the first parts of those cells of a depth that hold more rows than half a bin should."""
    rows = sum(cell.rows for cell in cells)
    return tuple(cell.place * PARTS for cell in cells if cell.depth == depth and 2 * bins * cell.rows > rows)


def choose_edges(
    number: NumberFeature, cells: Cells, bins: int, *, rows: int, members: int
) -> tuple[float, ...]:
    """Return the edges of at most so many bins, about equally full, between cells.

    Args:
        number: whose they are.
        cells: that hold its rows.
        bins: how many at most.
        rows: that each bin holds at least.
        members: each bin has a cell that so many members have rows in, at least.

    Returns:
        Ascending; each is in the middle between the last cell of one bin and the first of the next.
    """
    present = sum(cell.rows for cell in cells)
    fair = max(-(-present // bins), rows)  # counts are whole, so the fair share is rounded up
    closed: list[int] = []  # the last cell of each bin
    held = widest = 0
    for place, cell in enumerate(cells):
        is_enough = held >= rows and widest >= members
        if is_enough and (held >= fair or cell.rows >= fair):
            closed.append(place - 1)
            held = widest = 0
        held, widest = held + cell.rows, max(widest, cell.members)
    if closed and not (held >= rows and widest >= members):
        closed.pop()
    low, width = (
        Fraction(repr(number.minimum)),
        Fraction(repr(number.maximum)) - Fraction(repr(number.minimum)),
    )
    return tuple(float(low + width * (cells[last].end + cells[last + 1].start) / 2) for last in closed)
