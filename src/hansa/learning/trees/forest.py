"""Trees and the sum of them: the joint model."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Table, Vector
from hansa.learning.trees.bins import Bins, Bytes
from hansa.learning.trees.kernels import compile_kernels


@dataclass(frozen=True, slots=True)
class Branch:
    """A node at which rows part.

    Args:
        feature: by whose bin, its place in the schema.
        right: the bins that go right, ascending; all others go left.
        children: the places of the nodes to the left and to the right.
        gain: by how much the split lowered the penalised loss of the rows that trained; 0 when it is not known.
    """

    feature: int
    right: tuple[int, ...]
    children: tuple[int, int]
    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Leaf:
    """A node that adds a value to a row's logit."""

    value: float


@dataclass(frozen=True)
class Tree:
    """Nodes, the root first; a branch's children come after it."""

    nodes: tuple[Branch | Leaf, ...]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of everything that a row's way and value depend on."""
        ways = [
            (node.feature, node.right, node.children) if isinstance(node, Branch) else node.value
            for node in self.nodes
        ]
        return hashlib.sha256(repr(ways).encode()).digest()

    @cached_property
    def values(self) -> Vector:
        """Per node its value, 0 for a branch: shape (n_nodes,)."""
        return np.array([node.value if isinstance(node, Leaf) else 0.0 for node in self.nodes])

    def route(self, codes: Bytes, places: NDArray[np.int32]) -> None:
        """Move rows from where they stand down to a leaf, in place.

        Args:
            codes: shape (n_rows, n_features).
            places: shape (n_rows,), each row's node.
        """
        compile_kernels().route(codes, places, *self._ways)

    @cached_property
    def _ways(self) -> tuple[NDArray[Any], ...]:
        features = np.full(len(self.nodes), -1, dtype=np.int32)
        rights = np.zeros((len(self.nodes), 256), dtype=np.bool_)
        children = np.zeros((2, len(self.nodes)), dtype=np.int32)
        for place, node in enumerate(self.nodes):
            if isinstance(node, Branch):
                features[place] = node.feature
                rights[place, list(node.right)] = True
                children[:, place] = node.children
        return features, rights, *children


@dataclass(frozen=True)
class Forest:
    """The model: a row's logit is the base and its leaf of each tree, added in order.

    Args:
        bins: what the trees see of a row.
        base: a logit.
        trees: in the order in which they were grown.
        offset_penalty: each organisation adds an offset of its own to the logit, fitted to its own rows under this penalty and
            kept there; None for no such offsets. A newcomer's is 0.
    """

    bins: Bins
    base: float
    trees: tuple[Tree, ...]
    offset_penalty: float | None

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of everything a score depends on."""
        total = hashlib.sha256(f"{self.bins.digest} {self.base!r} {self.offset_penalty!r}".encode())
        for tree in self.trees:
            total.update(tree.digest)
        return total.hexdigest()

    def predict(self, table: Table) -> Vector:
        """Return each row's logit, without any organisation's offset: shape (n,)."""
        return add_trees(self.trees, self.bins.encode(table), np.full(len(table), self.base))

    def predict_singly(self, table: Table) -> Vector:
        """Return what `predict` does: a row's is the same, bit for bit, whatever other rows there are."""
        return self.predict(table)

    def find_gains(self) -> dict[str, float]:
        """Return for each feature what its splits gained together, in the schema's order; those without a split left out."""
        gains: dict[int, float] = {}
        for branch in self._branches():
            gains[branch.feature] = gains.get(branch.feature, 0.0) + branch.gain
        return {self.bins.columns[place].name: gains[place] for place in sorted(gains)}

    def _branches(self) -> Iterator[Branch]:
        for tree in self.trees:
            yield from (node for node in tree.nodes if isinstance(node, Branch))


class Standing:
    """Where rows stand under a forest that grows: their bins and their logits.

    It goes on from where it was asked last, if the trees are the same; the outcome is the same as from the beginning.

    Args:
        forest: whose bins hold for all that follow.
        table: the rows.
        start: each row's logit before any tree, shape (n_rows,); the forest's base unless told.
    """

    def __init__(self, forest: Forest, table: Table, start: Vector | None = None) -> None:
        self.codes: Bytes = forest.bins.encode(table)
        self._start = np.full(len(table), forest.base) if start is None else start
        self._logits = self._start.copy()
        self._trees: tuple[Tree, ...] = ()

    def find_logits(self, forest: Forest) -> Vector:
        """Return each row's logit, without any organisation's offset: shape (n_rows,), good until asked again."""
        known = len(self._trees)
        if forest.trees[:known] != self._trees:
            self._logits, known = self._start.copy(), 0
        add_trees(forest.trees[known:], self.codes, self._logits)
        self._trees = forest.trees
        return self._logits

    def descend(self, tree: Tree) -> NDArray[np.int32]:
        """Return each row's leaf: its place in the tree, shape (n_rows,)."""
        places = np.zeros(len(self.codes), dtype=np.int32)
        tree.route(self.codes, places)
        return places


def add_trees(trees: Sequence[Tree], codes: Bytes, logits: Vector) -> Vector:
    """Add each row's leaves, tree after tree, to its logit: shape (n,); in place."""
    for tree in trees:
        places = np.zeros(len(codes), dtype=np.int32)
        tree.route(codes, places)
        logits += tree.values[places]
    return logits
