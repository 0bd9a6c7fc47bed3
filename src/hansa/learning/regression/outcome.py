"""What a regression explains: an amount, one of several classes, or the time until an event; and the rows' values of it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused
from hansa.learning.tables import Codes, NumberFeature, Table, Vector


@dataclass(frozen=True, slots=True)
class Amount:
    """A number within declared bounds, perhaps a count that came about over an exposure.

    Args:
        column: where it stands, and its bounds; never missing.
        exposure: where the exposure stands, and its bounds, above 0; 1 for every row unless told.
    """

    column: NumberFeature
    exposure: NumberFeature | None = None

    @property
    def longest(self) -> float:
        """The greatest magnitude of the logarithm of an exposure."""
        bounds = self.exposure
        return 0.0 if bounds is None else max(abs(math.log(bounds.minimum)), abs(math.log(bounds.maximum)))


@dataclass(frozen=True, slots=True)
class Classes:
    """One of several texts.

    Args:
        column: where it stands; never missing.
        names: at least two; the first is what the others are compared with.
    """

    column: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survival:
    """The time until an event, or until a row was seen last; the table's label says which: 1 for the event.

    Times are counted in steps, begun ones in full: a step is what the coalition may tell apart.

    Args:
        column: where the time stands; never missing.
        step: > 0, in the column's unit.
        steps: how many there are; no time is later.
    """

    column: str
    step: float
    steps: int


Outcome = Amount | Classes | Survival


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The values of the outcome.

    Args:
        values: shape (n,), float64: the amount, or the step in which the time ended, from 0.
        codes: shape (n,): the class; 0 unless there are classes.
        exposures: shape (n,), float64, the logarithm of each row's exposure.
        events: shape (n,), whether the event was seen.
    """

    values: Vector
    codes: Codes
    exposures: Vector
    events: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | NDArray[np.intp]) -> "Target":
        """Return some rows."""
        return Target(self.values[rows], self.codes[rows], self.exposures[rows], self.events[rows])


def read_target(outcome: Outcome, table: Table) -> Target:
    """Read the outcome of each row.

    Args:
        outcome: as the plan says.
        table: with the outcome's columns among its numbers and texts.

    Raises:
        Refused: `table.outcome`, a value is absent, or none that the plan allows.
    Guarantees:
        Every bound that is derived from the outcome holds for what is returned.
    """
    rows = len(table)
    values, exposures = np.zeros(rows), np.zeros(rows)
    codes: Codes = np.zeros(rows, dtype=np.intp)
    events = table.labels == 1
    match outcome:
        case Amount(column=column, exposure=exposure):
            values = _read_number(table, column.name, column.minimum, column.maximum)
            if exposure is not None:
                exposures = np.log(_read_number(table, exposure.name, exposure.minimum, exposure.maximum))
        case Classes(column=name, names=names):
            places = {text: place for place, text in enumerate(names)}
            codes = np.array([places.get(text, -1) for text in table.texts[name].tolist()], dtype=np.intp)
            _verify(codes >= 0, f"`{name}` must be one of the classes of the plan")
        case Survival(column=name, step=step, steps=steps):
            # A time that is a whole number of steps but for rounding is not begun anew, and not beyond the last.
            times = _read_number(table, name, 0.0, step * steps * (1 + 1e-12))
            values = np.clip(np.ceil(times / step - 1e-9), 1.0, steps) - 1.0
    return Target(values, codes, exposures, events)


def _read_number(table: Table, name: str, least: float, most: float) -> Vector:
    values = table.numbers[name]
    _verify((values >= least) & (values <= most), f"`{name}` must lie between {least} and {most}")
    return values


def _verify(fits: NDArray[np.bool_], sentence: str) -> None:
    wrong = np.flatnonzero(~fits)
    if len(wrong):
        raise Refused("table.outcome", f"{sentence}, see row {', '.join(map(str, wrong[:3].tolist()))}")
