"""Trees whose splits are drawn, and the question of their leaves: one tree for each feature at once.

A row is in one leaf of each tree. So a tree costs as much privacy as one number does, however many leaves it has, and nothing is
spent on finding splits.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.newton import squash
from hansa.learning.recipe import Question
from hansa.learning.tables import Rows, Vector
from hansa.learning.trees.bins import Bins, NumberBins
from hansa.learning.trees.forest import Branch, Forest, Leaf, Standing, Tree
from hansa.learning.unit import MOST_ROWS, Unit
from hansa.privacy import truncate

CURVED: Final = 3.0
"""What curvatures are multiplied by: with `(p - y)² + 9 p² (1 - p)²` at most 1 they see less noise, and a row moves no more."""

MOST_VALUE: Final = 2.0
"""Beyond this no leaf's value goes, before the learning rate."""

_PLACES: Final = 20


@dataclass(frozen=True, eq=False)
class SweepQuestion(Question):
    """Ask for slope and curvature in each leaf of some trees.

    Args:
        forest: the trees before.
        trees: whose leaves are asked about; all of the same depth.
        unit: what noise hides.
    """

    forest: Forest
    trees: tuple[Tree, ...]
    unit: Unit

    @property
    def leaves(self) -> int:
        """How many each tree has."""
        return (len(self.trees[0].nodes) + 1) // 2

    def bound(self) -> Vector:
        """Rows."""
        return np.full(2 * self.leaves * len(self.trees), float(MOST_ROWS))

    def publics(self) -> Iterable[bytes]:
        """Yield the trees before, those asked about, and the unit."""
        yield self.forest.digest.encode()
        for tree in self.trees:
            yield tree.digest
        yield repr(self.unit).encode()


def find_sweep_sensitivity(trees: int, unit: Unit) -> float:
    """Return by how much one unit can move an answer about so many trees: by 1 in each, a row."""
    return unit.reach * math.sqrt(trees)


def draw_trees(bins: Bins, first: int, count: int, *, depth: int, features: int) -> tuple[Tree, ...]:
    """Draw trees from a hash, so that everybody draws the same; their leaves are 0.

    Args:
        bins: of all features; some have two.
        first: the number of the first tree, from 0.
        count: how many.
        depth: of each.
        features: of how many features each tree's levels are.
    """
    split = [place for place, column in enumerate(bins.columns) if column.width > 1]
    trees = []
    for tree in range(first, first + count):
        further = [split[_draw_number(bins, tree, 8, number) % len(split)] for number in range(1, features)]
        chosen = [split[tree % len(split)], *further]
        trees.append(_make_tree(bins, tree, [chosen[level % features] for level in range(depth)]))
    return tuple(trees)


def _make_tree(bins: Bins, tree: int, features: Sequence[int]) -> Tree:
    nodes: list[Branch | Leaf] = []
    for level, feature in enumerate(features):
        right = _draw_right(bins, tree, level, feature)
        places = range(2**level - 1, 2 ** (level + 1) - 1)
        nodes += [Branch(feature, right, (2 * place + 1, 2 * place + 2)) for place in places]
    return Tree((*nodes, *[Leaf(0.0)] * 2 ** len(features)))


def _draw_right(bins: Bins, tree: int, level: int, feature: int) -> tuple[int, ...]:
    """Return the bins that go right: some of them and not all."""
    column = bins.columns[feature]
    drawn = _draw_digest(bins, tree, level, 0)
    if isinstance(column, NumberBins):
        present = column.width - column.missing
        if present == 1:
            return (present,)
        start = 1 + int.from_bytes(drawn[:8], "big") % (present - 1)
        return (*range(start, present), *([present] if column.missing and drawn[-1] & 1 else []))
    sides = [drawn[place // 8] >> place % 8 & 1 for place in range(column.width)]
    if len({*sides}) == 1:
        sides[0] ^= 1
    return tuple(place for place, side in enumerate(sides) if side)


def _draw_number(bins: Bins, tree: int, level: int, number: int) -> int:
    return int.from_bytes(_draw_digest(bins, tree, level, number)[:8], "big")


def _draw_digest(bins: Bins, tree: int, level: int, number: int) -> bytes:
    places = b"".join(part.to_bytes(4, "big") for part in (tree, level, number))
    return hashlib.sha256(b"hansa/v1/drawn-split\n" + places + bytes.fromhex(bins.digest)).digest()


def answer_sweep(question: SweepQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        Per tree, leaf by leaf from the left: slopes; then curvatures, times 3.
    """
    table = rows.train
    weights = question.unit.weigh(table)
    forest = question.forest
    key = f"{forest.bins.digest} {forest.base!r}"
    standing = rows.remember("standing", key, lambda: Standing(forest, table))
    probability, _ = squash(standing.find_logits(forest))
    slopes = truncate((probability - table.labels) * weights, _PLACES)
    curvatures = truncate(CURVED * probability * (1.0 - probability) * weights, _PLACES)
    parts = []
    for tree in question.trees:
        leaves = standing.descend(tree) - (question.leaves - 1)
        parts += [np.bincount(leaves, numbers, question.leaves) for numbers in (slopes, curvatures)]
    return np.concatenate(parts, dtype=np.float64)


def read_sweep(
    question: SweepQuestion, total: Vector, deviation: float, *, ridge: float, learning_rate: float
) -> tuple[Tree, ...]:
    """Return the trees with their leaves' values.

    Args:
        question: as it was asked.
        total: shape (question.length,), noise and all.
        deviation: the standard deviation of that noise, for each number.
        ridge: on half the square of each value.
        learning_rate: by which each value is multiplied.
    """
    grown = []
    for tree, (slopes, curvatures) in zip(question.trees, total.reshape(-1, 2, question.leaves), strict=True):
        weights = np.maximum(curvatures, 0.0) / CURVED + deviation / CURVED + ridge
        values = np.clip(-slopes / weights, -MOST_VALUE, MOST_VALUE) * learning_rate + 0.0  # no minus zero
        branches = tree.nodes[: question.leaves - 1]
        grown.append(Tree((*branches, *map(Leaf, values.tolist()))))
    return tuple(grown)
