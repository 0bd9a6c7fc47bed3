"""Bins: what a tree sees of a row. A number is between two edges, or missing; a category is one of the common ones, or another."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Schema, Table
from hansa.learning.trees.kernels import compile_kernels

MOST_BINS = 255
"""A row's bins are bytes, and one is kept for missing."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NumberBins:
    """The bins of a numeric feature.

    Args:
        name: the feature's.
        edges: ascending; a value belongs to the bin whose lower edge is the largest that is not above it.
        missing: whether a value may be missing; then it is in a bin after all others.
    """

    name: str
    edges: tuple[float, ...]
    missing: bool

    @property
    def width(self) -> int:
        """How many bins there are."""
        return len(self.edges) + 1 + self.missing


@dataclass(frozen=True, slots=True)
class CategoryBins:
    """The bins of a categorical feature: one for each of these codes, ascending, and one for all others together."""

    name: str
    codes: tuple[int, ...]

    @property
    def width(self) -> int:
        """How many bins there are."""
        return len(self.codes) + 1


@dataclass(frozen=True)
class Bins:
    """The bins of all features, in the schema's order: public, and enough to encode anybody's rows."""

    schema: Schema
    columns: tuple[NumberBins | CategoryBins, ...]

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each feature's bins begin when all are counted one after another, and where the last ones end."""
        return tuple(np.cumsum([0, *(column.width for column in self.columns)]).tolist())

    @property
    def total(self) -> int:
        """How many bins all features have together."""
        return self.offsets[-1]

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of everything the encoding depends on."""
        return hashlib.sha256(repr((self.schema, self.columns)).encode()).hexdigest()

    def encode(self, table: Table) -> Bytes:
        """Return each row's bin of each feature: shape (n_rows, n_features), from 0, C order."""
        codes = np.empty((len(table), len(self.columns)), dtype=np.uint8)
        kernels = compile_kernels()
        for place, column in enumerate(self.columns):
            match column:
                case NumberBins():
                    edges = np.array(column.edges, dtype=np.float64)
                    kernels.place(table.numbers[column.name], edges, column.width - 1, codes[:, place])
                case CategoryBins():
                    codes[:, place] = place_codes(column, table.codes[column.name])
        return codes


def place_codes(column: CategoryBins, codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the bin of each code: shape (n,)."""
    known = np.array([*column.codes, -1])
    found = np.searchsorted(known[:-1], codes)
    return np.where(known[found] == codes, found, len(column.codes))
