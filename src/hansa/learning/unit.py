"""The privacy unit: whose rows a noised total hides, and how much they may weigh together."""

from dataclasses import dataclass
from typing import Final

from hansa.errors import Refused
from hansa.learning.tables import Table, Vector
from hansa.privacy import truncate, weigh_rows

MOST_ROWS: Final = 2**21
"""Of one member, that train or that test: up to here every sum on the grids below is exact in float64."""

WEIGHT_PLACES: Final = 12
"""Binary places of a row's weight; a sum of rows in [-1, 1] with 20 places more stays exact."""

SLACK: Final = 1 + 2.0**-20
"""Sensitivities are declared this much larger, for the rounding of norms and of the square root of 2."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What counts as one.

    Args:
        column: a member's rows with one value in this key column are one unit; None when each row is one.
        rows: a unit with more rows than this counts like this many, >= 1.
    """

    column: str | None = None
    rows: int = 1

    @property
    def reach(self) -> float:
        """How far one unit can move a sum of rows whose L2 norm is at most 1."""
        return self.rows * SLACK

    def weigh(self, table: Table) -> Vector:
        """Return what each row counts: shape (n,), from 0 to 1, on a grid of 2^-12.

        Raises:
            Refused: `privacy.rows`, more rows than can be summed exactly.
        """
        if len(table) > MOST_ROWS:
            raise Refused(
                "privacy.rows", f"{len(table)} rows train or test, at most {MOST_ROWS} can be summed exactly"
            )
        units = None if self.column is None else table.keys[self.column]
        return truncate(weigh_rows(units, len(table), self.rows), WEIGHT_PLACES)
