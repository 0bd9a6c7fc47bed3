"""What no total of honest answers can be, of the questions of trees; see `hansa.learning.contradiction`."""

from collections.abc import Iterator, Sequence

import numpy as np

from hansa.learning.contradiction import are_counts, fit_members
from hansa.learning.tables import Vector
from hansa.learning.trees.cells import CellQuestion
from hansa.learning.trees.questions import MOST_LOSS, LevelQuestion, Sister, read_level


def doubt_cells(question: CellQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    held, having = total.reshape(2, -1)
    if not (are_counts(held) and are_counts(having)):
        yield "a count is negative or not whole"
    if not fit_members(held, having, members):
        yield "the rows of a cell do not fit the members that have them"
    start = 0
    for number, asked in zip(question.schema.numbers, question.asked, strict=True):
        stop = start + len(asked) * question.parts
        if held[start:stop].sum() > question.rows:
            yield f"`{number.name}`: more rows than there are"
        start = stop


def doubt_level(question: LevelQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers."""
    counted, derived, aside = question.part(total)
    slope, curvature, rows, having = counted.transpose(1, 0, 2)
    if not (are_counts(rows) and are_counts(having) and are_counts(derived)):
        yield "a count is negative or not whole"
    if not fit_members(rows, having, members) or (derived > members).any():
        yield "the rows of a bin do not fit the members that have them"
    weight, unit = max(question.scale.positive_weight, 1.0), question.scale.unit
    if (np.abs(slope) > rows * (weight + unit)).any():
        yield "the slopes of a bin are more than its rows can have"
    if (curvature < 0).any() or (curvature > rows * (weight / 4 + unit)).any():
        yield "the curvatures of a bin are negative or more than its rows can have"
    bins = question.forest.bins
    starts = list(bins.offsets[:-1])
    # Every row is in one bin of each feature, so each feature's bins hold the same in all.
    for name, part in (("slopes", slope), ("curvatures", curvature), ("rows", rows)):
        sums = np.add.reduceat(part, starts, axis=1)
        if (sums != sums[:, :1]).any():
            yield f"the {name} of two features' bins do not add up to the same"
            break
    if question.asks_loss:
        loss, held = aside[0], aside[1:]
        if not are_counts(held):
            yield "a count is negative or not whole"
        if not 0 <= loss <= held.sum() * MOST_LOSS * weight:
            yield "the loss of the rows set aside is negative or more than they can have"


def doubt_sisters(question: LevelQuestion, total: Vector, sisters: Sequence[Sister]) -> Iterator[str]:
    """Yield where what is left for a sister is not what any rows can have.

    Args:
        question: what was asked.
        total: shape (question.length,), over the same members' rows as the total before.
        sisters: the derived nodes, in the question's order.
    """
    sums = read_level(question, total, sisters)
    weight, unit = max(question.scale.positive_weight, 1.0), question.scale.unit
    for sister in sisters:
        slope, curvature, rows, having = sums[sister.place]
        if (
            (rows < 0).any()
            or ((rows > 0) != (having > 0)).any()
            or (having > rows).any()
            or (np.abs(slope) > rows * (weight + unit)).any()
            or (curvature < 0).any()
            or (curvature > rows * (weight / 4 + unit)).any()
        ):
            yield "a bin holds more than the same bin of the node above, or less than nothing is left"
            return
