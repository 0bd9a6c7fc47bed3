"""From a survey to columns, and from a table to a matrix of these columns.

Numbers become standard scores with missing values at the mean, plus an indicator of having been missing;
categories become one column each. The intercept is column 0. A column that could not tell rows apart, or
that too few members or rows carry, is left out; so is one that would leave over too few.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hansa.learning.categories import count_codes, name_code
from hansa.learning.survey import CategoryTotals, Survey
from hansa.learning.tables import Codes, Schema, Table, Vector

SLICE = 2**15
"""Rows are worked through in slices of this many, so that temporary arrays stay in cache."""

_CONSTANT = 1e-6
"""A number whose standard deviation is below this share of its declared range tells rows apart no more."""

_DENSE = 2**19
"""Below this many matrix elements, one dense product is quicker than many small counts."""


@dataclass(frozen=True, slots=True)
class NumberColumns:
    """The columns of one numeric feature.

    Args:
        name: the feature's.
        mean: what a missing value is replaced by, in the feature's unit.
        deviation: what one standard score is, in the feature's unit; None when the value has no column.
        indicator: whether being missing has a column.
    """

    name: str
    mean: float
    deviation: float | None
    indicator: bool


@dataclass(frozen=True, slots=True)
class CategoryColumns:
    """The columns of one categorical feature: the codes that have one, ascending."""

    name: str
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Design:
    """Which columns there are: public, and enough to encode anybody's rows.

    Order of columns: the intercept; per numeric feature its value, then its indicator; per categorical
    feature its codes.
    """

    schema: Schema
    numbers: tuple[NumberColumns, ...]
    categories: tuple[CategoryColumns, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, the intercept first: shape (n_columns,)."""
        names = ["intercept"]
        for number in self.numbers:
            names += [number.name] * (number.deviation is not None)
            names += [f"{number.name} missing"] * number.indicator
        features = {feature.name: feature for feature in self.schema.categories}
        for block in self.categories:
            names += [name_code(features[block.name], code) for code in block.codes]
        return tuple(names)

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Where each categorical feature's columns lie; at most one of a block is 1 in any row."""
        start = len(self.names) - sum(len(block.codes) for block in self.categories)
        blocks = []
        for block in self.categories:
            blocks.append(slice(start, start + len(block.codes)))
            start += len(block.codes)
        return tuple(blocks)

    @cached_property
    def reach(self) -> Vector:
        """The greatest magnitude any allowed row can have in each column: shape (n_columns,)."""
        reach = np.ones(len(self.names))
        place = 1
        features = {feature.name: feature for feature in self.schema.numbers}
        for number in self.numbers:
            if number.deviation is not None:
                feature = features[number.name]
                furthest = max(abs(feature.minimum - number.mean), abs(feature.maximum - number.mean))
                reach[place] = furthest / number.deviation
                place += 1
            place += number.indicator
        return reach

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of everything the encoding depends on."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def bound_logit(self, coefficients: Vector) -> float:
        """Return the greatest magnitude of a row's linear predictor under these coefficients.

        Args:
            coefficients: shape (n_columns,).
        """
        weighted = np.abs(coefficients) * self.reach
        first = self.blocks[0].start if self.blocks else len(weighted)
        blocks = [float(weighted[block].max(initial=0.0)) for block in self.blocks]
        return math.fsum([*weighted[:first].tolist(), *blocks])


@dataclass(frozen=True, slots=True)
class Minimum:
    """What rows must be at least to have a column, and to have none beside others that do.

    What has no column shows as what the columns leave over. So it must be nothing, or as common as a column.

    Args:
        members: so many members.
        rows: so many rows.
    """

    members: int
    rows: int

    def __str__(self) -> str:
        """Return what falls short of it, in words."""
        return f"fewer than {self.rows} training rows or {self.members} members"

    def is_met(self, rows: int, members: int) -> bool:
        """Say whether so many rows of so many members are enough."""
        return rows >= self.rows and members >= self.members


def make_design(schema: Schema, survey: Survey, minimum: Minimum) -> Design:
    """Decide on the columns.

    Args:
        schema: the plan's features.
        survey: the totals over training rows.
        minimum: of a column, and of the rows of its feature that have none.

    Guarantees:
        The rows in which all columns of a categorical feature are 0 are none, or meet the minimum; the rows
        that have a number with a column do, and so do those in which an indicator is 1.
    """
    numbers = []
    for feature, totals in zip(schema.numbers, survey.numbers, strict=True):
        floor = _CONSTANT * (feature.maximum - feature.minimum)
        common = minimum.is_met(totals.present, totals.having)
        deviation = totals.deviation if common and totals.deviation > floor else None
        indicator = common and minimum.is_met(survey.rows - totals.present, totals.lacking)
        numbers.append(NumberColumns(feature.name, totals.mean, deviation, indicator))
    categories = []
    for category, counts in zip(schema.categories, survey.categories, strict=True):
        kept = _choose_codes(counts, survey.rows, minimum)
        categories.append(CategoryColumns(category.name, tuple(int(code) for code in kept)))
    return Design(schema, tuple(numbers), tuple(categories))


def _choose_codes(counts: CategoryTotals, rows: int, minimum: Minimum) -> Codes:
    common = (counts.rows >= minimum.rows) & (counts.members >= minimum.members)
    telling = (counts.rows > 0) & (counts.rows < rows)
    kept = np.flatnonzero(telling & common)
    left = np.setdiff1d(np.flatnonzero(counts.rows), kept)
    # How many members have any of the codes left over is not known; of the most widespread one it is.
    members = int(counts.members[left].max(initial=0))
    if not len(left) or minimum.is_met(int(counts.rows[left].sum()), members):
        return kept
    # The rarest column joins them, and is enough by itself. Of codes equally rare it is the first.
    return np.delete(kept, np.argmin(counts.rows[kept])) if len(kept) else kept


def count_support(design: Design, survey: Survey) -> Vector:
    """Return in how many training rows, over all members, each column can be other than 0: shape (n_columns,)."""
    support = np.full(len(design.names), float(survey.rows))
    place = 1
    for number, totals in zip(design.numbers, survey.numbers, strict=True):
        place += number.deviation is not None
        if number.indicator:
            support[place] = survey.rows - totals.present
            place += 1
    for block, columns, counts in zip(design.blocks, design.categories, survey.categories, strict=True):
        support[block] = counts.rows[list(columns.codes)]
    return support


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A table under a design, kept small: numbers in full, each category block as one code a row.

    Args:
        dense: shape (n, n_dense), float64, column by column in memory: column 0 all ones, then values and
            indicators.
        codes: per block, shape (n,): the column within the block, or the block's width for none of them.
        widths: per block, how many columns.
    """

    dense: Vector
    codes: tuple[Codes, ...]
    widths: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.dense)

    @property
    def columns(self) -> int:
        """How many columns the full matrix has."""
        return int(self.dense.shape[1]) + sum(self.widths)

    def slices(self) -> Iterator["Matrix"]:
        """Yield the rows in parts of at most `SLICE`."""
        for start in range(0, len(self), SLICE):
            part = slice(start, start + SLICE)
            yield Matrix(self.dense[part], tuple(codes[part] for codes in self.codes), self.widths)

    def spell_out(self) -> Vector:
        """Return the full matrix: shape (n, n_columns)."""
        full = np.zeros((len(self), self.columns))
        full[:, : self.dense.shape[1]] = self.dense
        start = self.dense.shape[1]
        for codes, width in zip(self.codes, self.widths, strict=True):
            rows = np.flatnonzero(codes < width)
            full[rows, start + codes[rows]] = 1.0
            start += width
        return full

    def predict(self, coefficients: Vector) -> Vector:
        """Return the linear predictor of each row: shape (n,), for coefficients of shape (n_columns,)."""
        start = self.dense.shape[1]
        logits = self.dense @ coefficients[:start]
        for codes, width in zip(self.codes, self.widths, strict=True):
            logits += np.append(coefficients[start : start + width], 0.0)[codes]
            start += width
        return logits

    def project(self, residuals: Vector) -> Vector:
        """Return the full matrix's transpose times a vector: shape (n_columns,), for shape (n,)."""
        parts = [residuals @ self.dense]
        for codes, width in zip(self.codes, self.widths, strict=True):
            parts.append(np.bincount(codes, residuals, width + 1)[:width].astype(np.float64, copy=False))
        return np.concatenate(parts)

    def weigh(self, weights: Vector) -> Vector:
        """Return transpose times diagonal of weights times matrix: shape (n_columns, n_columns).

        One-hot columns need no products: their part of it is counting, so the cost grows with the number
        of blocks and not with the number of categories.
        """
        if len(self) * self.columns <= _DENSE:
            full = self.spell_out()
            return np.asarray(full.T @ (full * weights[:, None]))
        gram = np.zeros((self.columns, self.columns))
        dense = self.dense.shape[1]
        starts = np.cumsum((dense, *self.widths))
        weighted = self.dense * weights[:, None]
        gram[:dense, :dense] = weighted.T @ self.dense
        for k, (codes, width) in enumerate(zip(self.codes, self.widths, strict=True)):
            mine = slice(starts[k], starts[k + 1])
            for column in range(dense):
                gram[column, mine] = np.bincount(codes, weighted[:, column], width + 1)[:width]
            gram[mine, :dense] = gram[:dense, mine].T
            gram[mine, mine] = np.diag(gram[0, mine])
            for other in range(k):
                theirs = slice(starts[other], starts[other + 1])
                step = self.widths[other] + 1
                cells = np.bincount(codes * step + self.codes[other], weights, (width + 1) * step)
                gram[mine, theirs] = cells.reshape(width + 1, step)[:width, :-1]
                gram[theirs, mine] = gram[mine, theirs].T
        return gram


def encode_table(design: Design, table: Table) -> Matrix:
    """Encode rows under a design.

    Args:
        design: the columns.
        table: rows of the same schema, already verified.

    Returns:
        The matrix, n rows.
    Guarantees:
        No element's magnitude exceeds `design.reach` (but for rounding).
    """
    columns = [np.ones(len(table))]
    for number in design.numbers:
        values = table.numbers[number.name]
        absent = np.isnan(values)
        if number.deviation is not None:
            columns.append(np.where(absent, 0.0, (values - number.mean) / number.deviation))
        if number.indicator:
            columns.append(absent.astype(np.float64))
    codes, widths = [], []
    features = {feature.name: feature for feature in design.schema.categories}
    for block in design.categories:
        width = len(block.codes)
        places = np.full(count_codes(features[block.name]) + 1, width, dtype=np.intp)
        places[list(block.codes)] = np.arange(width)
        codes.append(places[table.codes[block.name]])
        widths.append(width)
    return Matrix(np.array(columns).T, tuple(codes), tuple(widths))
