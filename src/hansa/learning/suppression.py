"""Which cells of a table may be told, and which are told together only, so that no small one can be worked out.

A cell is small when it holds too few rows, or too few members have one of them. Small cells are told as one sum with
others; that sum is so large that whoever subtracts all that is told from the whole is left with no more than before.
Source: Hundepool et al. 2012, "Statistical disclosure control", section 4 on tables; Wong et al. 2007, "Minimality
attack in privacy preserving data publishing", on what the choice itself gives away.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.design import Minimum

Counts = NDArray[np.int64]


class Block(NamedTuple):
    """Neighbouring cells that are told as one, by their first and last place."""

    first: int
    last: int


def choose_codes(rows: Counts, members: Counts, minimum: Minimum) -> tuple[int, ...]:
    """Choose the categories that are told one by one; the others are told as one sum.

    Args:
        rows: shape (n_codes,), rows of each.
        members: shape (n_codes,), members that have such a row.
        minimum: what a cell must hold.

    Returns:
        The codes, ascending.
    Guarantees:
        All cells are told, or what is left over is at least twice the minimum of rows, or everything; one of its cells
        is at enough members, or everything is left over.
    """
    common = np.flatnonzero((rows >= minimum.rows) & (members >= minimum.members))
    left = np.setdiff1d(np.flatnonzero(rows), common)
    if not len(left):
        return tuple(range(len(rows)))
    # Which one joins must not hang on how large it is, nor may it show that none did and all are as large as small can be.
    kept = common.tolist()
    held, widest = int(rows[left].sum()), int(members[left].max())
    if kept and held > (minimum.rows - 1) * (len(rows) - len(kept) - 1):
        held, widest = _join(kept, rows, members, held, widest)
    while kept and (held < 2 * minimum.rows or widest < minimum.members):
        held, widest = _join(kept, rows, members, held, widest)
    return tuple(kept)


def _join(kept: list[int], rows: Counts, members: Counts, held: int, widest: int) -> tuple[int, int]:
    """Take the last of the codes that are told to those that are not; return the new sum and the most members."""
    joining = kept.pop()
    return held + int(rows[joining]), max(widest, int(members[joining]))


def choose_blocks(rows: Counts, members: Counts, minimum: Minimum) -> tuple[Block, ...]:
    """Unite neighbouring cells, in order, until each block is large enough to be told.

    Args:
        rows: shape (n_cells,), rows of each.
        members: shape (n_cells,), members that have such a row.
        minimum: what a block must hold; how many members a block has is taken for that of its most widespread cell.

    Returns:
        Blocks that hold all rows, none when all cells together are too few. Cells between two blocks are empty; the last
        block reaches to the end, whether a few rows were left over there or not.
    """
    blocks: list[Block] = []
    first, held, widest = 0, 0, 0
    for cell, (count, having) in enumerate(zip(rows.tolist(), members.tolist(), strict=True)):
        if not held:
            first = cell
        held, widest = held + count, max(widest, having)
        # A small cell that has somebody, at the beginning of a block, wants others that are more than just enough: else
        # whoever takes from the block the least that a large cell holds would know how small it is.
        needed = minimum.rows + (minimum.members if cell > first else 0)
        if held >= needed and widest >= minimum.members:
            blocks.append(Block(first, cell))
            held, widest = 0, 0
    if blocks:
        blocks[-1] = Block(blocks[-1].first, len(rows) - 1)
    return tuple(blocks)


def sum_blocks(blocks: Sequence[Block], rows: Counts) -> list[int]:
    """Return the rows of each block."""
    return [int(rows[block.first : block.last + 1].sum()) for block in blocks]
