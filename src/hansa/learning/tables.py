"""What a member's rows look like to a recipe: columns that a plan declared, checked once.

The node reads files and turns texts into values; here they have their final types. A number that is
missing is NaN, a text that is missing is None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused
from hansa.learning.categories import CategoryFeature, code_texts, count_codes

Vector = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]

MAX_ROWS = 2**31
"""No member may hold more rows than this; it bounds every count before any count is known."""

PIECE_ROWS = 65_536
"""Training rows that are summed at once. Sums of more are added up exactly from those of pieces, so that whoever sums which piece does not show."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NumberFeature:
    """A column of numbers.

    Args:
        name: the column's name.
        minimum: the least value a row may hold, in the column's unit; from the plan, so public.
        maximum: the greatest value a row may hold.
        missing: whether a row may leave it out (NaN).
    """

    name: str
    minimum: float
    maximum: float
    missing: bool

    def __post_init__(self) -> None:
        if not (np.isfinite(self.minimum) and np.isfinite(self.maximum) and self.minimum <= self.maximum):
            raise ValueError(
                f"`{self.name}` needs finite bounds in order, got {self.minimum} to {self.maximum}"
            )


Feature = NumberFeature | CategoryFeature


@dataclass(frozen=True)
class Schema:
    """The features of a plan, in the plan's order."""

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("two features share a name")

    @cached_property
    def numbers(self) -> tuple[NumberFeature, ...]:
        """The numeric features, in order."""
        return tuple(feature for feature in self.features if isinstance(feature, NumberFeature))

    @cached_property
    def categories(self) -> tuple[CategoryFeature, ...]:
        """The categorical features, in order."""
        return tuple(feature for feature in self.features if isinstance(feature, CategoryFeature))


@dataclass(frozen=True, eq=False)
class Table:
    """A member's rows under a schema.

    Args:
        schema: what the columns are.
        numbers: by feature name, shape (n,), float64, the column's unit; NaN is missing.
        texts: by feature name, shape (n,), objects: `str`, or None for missing.
        labels: shape (n,), int8, 0 or 1; all 0 where a plan names no label.
        keys: further columns that a split or a unit of privacy needs, by name, shape (n,), texts as they stand in the file.
        places: where each row stands in its file, shape (n,), ascending, the first line after the header being 0.
            An emptied line keeps its place, so no other row's changes with it. One after another unless told.

    Raises:
        ValueError: a column is absent or has another length.
    """

    schema: Schema
    numbers: Mapping[str, Vector]
    texts: Mapping[str, NDArray[np.object_]]
    labels: NDArray[np.int8]
    keys: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    places: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        shapes = {name: column.shape for name, column in (*self.numbers.items(), *self.texts.items())}
        for name in (*(feature.name for feature in self.schema.features), *self.keys):
            shape = self.keys[name].shape if name in self.keys else shapes.get(name)
            if shape != self.labels.shape:
                raise ValueError(f"column `{name}` is absent or its length is not {len(self.labels)}")
        if self.places is not None and self.places.shape != self.labels.shape:
            raise ValueError(f"{len(self.places)} places of {len(self.labels)} rows")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        """How many rows have label 1."""
        return int(np.count_nonzero(self.labels == 1))

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Each categorical column as codes (see `code_texts`), shape (n,); made once."""
        return {f.name: code_texts(f, self.texts[f.name]) for f in self.schema.categories}

    def take(self, rows: Mask | NDArray[np.intp] | slice) -> "Table":
        """Return the rows that a mask, an index or a slice names, in that order; a slice copies nothing."""
        taken = Table(
            self.schema,
            {name: column[rows] for name, column in self.numbers.items()},
            {name: column[rows] for name, column in self.texts.items()},
            self.labels[rows],
            {name: column[rows] for name, column in self.keys.items()},
            np.arange(len(self))[rows] if self.places is None else self.places[rows],
        )
        # The codes of a part are the part of the codes; coding texts again would cost more than the fit.
        taken.__dict__["codes"] = {name: column[rows] for name, column in self.codes.items()}
        return taken

    def join(self, other: "Table") -> "Table":
        """Return these rows, and after them those of another table under the same schema; their places are not kept."""
        return Table(
            self.schema,
            {name: np.concatenate([column, other.numbers[name]]) for name, column in self.numbers.items()},
            {name: np.concatenate([column, other.texts[name]]) for name, column in self.texts.items()},
            np.concatenate([self.labels, other.labels]),
            {name: np.concatenate([column, other.keys[name]]) for name, column in self.keys.items()},
        )


def verify_table(table: Table) -> None:
    """Check that every value is one that the schema allows.

    Raises:
        Refused: `table.range`, `table.missing`, `table.category`, `table.label` or `table.rows`, the
            first that applies as the rule and all findings as the reasons, each with its column and
            its first rows (counted from 0).
    Guarantees:
        After it returned, every bound that a recipe derives from the schema holds for these rows.
    """
    findings: list[tuple[str, str]] = []
    if len(table) > MAX_ROWS:
        findings.append(("table.rows", f"{len(table)} rows, at most {MAX_ROWS} allowed"))
    for number in table.schema.numbers:
        column = table.numbers[number.name]
        absent = np.isnan(column)
        wrong = ~absent & ~((column >= number.minimum) & (column <= number.maximum))
        findings += _findings(
            "table.range",
            wrong,
            f"`{number.name}` must lie between {number.minimum} and {number.maximum}",
        )
        if not number.missing:
            findings += _findings("table.missing", absent, f"`{number.name}` must not be missing")
    for category in table.schema.categories:
        codes = table.codes[category.name]
        findings += _findings("table.category", codes < 0, f"`{category.name}` holds an undeclared category")
        if not category.missing:
            absent = codes == count_codes(category)
            findings += _findings("table.missing", absent, f"`{category.name}` must not be missing")
    wrong = (table.labels != 0) & (table.labels != 1)
    findings += _findings("table.label", wrong, "the label must be 0 or 1")
    if findings:
        raise Refused(findings[0][0], [reason for _, reason in findings])


def _findings(rule: str, wrong: Mask, sentence: str) -> list[tuple[str, str]]:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return []
    named = ", ".join(str(row) for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return [(rule, f"{sentence}, see row {named}{more}")]


@dataclass(frozen=True, eq=False)
class Rows:
    """One member's rows, divided once and for all into those that train and those that test; all train where none test.

    Where the plan says so, some neither train the joint model nor test: by these validation rows the member chooses for itself.

    It remembers what was last worked out from them (an encoded design, a local fit), so that answering
    the next question need not begin again. Nothing that it remembers can change an answer.
    """

    member: str
    train: Table
    test: Table
    validation: Table | None = None
    _memory: dict[str, tuple[str, object]] = field(default_factory=dict, repr=False)

    @property
    def own(self) -> "Rows":
        """These rows with training and validation rows as one: what a member's own models learn from once it has chosen."""
        validation = self.validation
        if validation is None:
            return self
        return self.remember("own", "", lambda: Rows(self.member, self.train.join(validation), self.test))

    @cached_property
    def pieces(self) -> "tuple[Rows, ...]":
        """The training rows in pieces of `PIECE_ROWS`, in order, without the test rows; these rows themselves where they are one piece."""
        if len(self.train) <= PIECE_ROWS:
            return (self,)
        starts = range(0, len(self.train), PIECE_ROWS)
        none = self.test.take(slice(0, 0))
        return tuple(
            Rows(self.member, self.train.take(slice(start, start + PIECE_ROWS)), none) for start in starts
        )

    def remember(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """Return what `make` gave for this key, making it anew when the key is not the last one of its kind.

        Args:
            kind: what it is; one thing of each kind is kept.
            key: a digest of everything that `make` depends on besides these rows.
            make: makes the thing.
        """
        kept = self._memory.get(kind)
        if kept is None or kept[0] != key:
            kept = (key, make())
            self._memory[kind] = kept
        return cast("T", kept[1])
