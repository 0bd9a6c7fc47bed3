"""What a noised answer costs, and how much noise that takes."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Part = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Noise:
    """What a question declares of the noise that its total must carry.

    Two tables are neighbours when one privacy unit's rows in one of them are empty in the other; positions stay.

    Args:
        sensitivity: > 0; the most, in the L2 norm and the question's own units, by which one unit moves the answer.
        rho: > 0; what the question costs, in zero-concentrated differential privacy.
        part: which rows an answer depends on. A unit trains or tests, never both, so each part has the whole budget.
    """

    sensitivity: float
    rho: Fraction
    part: Part = "train"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sensitivity) and self.sensitivity > 0 and self.rho > 0):
            raise ValueError(
                f"noise needs a sensitivity and a rho above 0, got {self.sensitivity} and {self.rho}"
            )

    @property
    def deviation(self) -> float:
        """The standard deviation that each number of a total needs, in the question's own units."""
        return find_deviation(self.sensitivity, self.rho)


def find_deviation(sensitivity: float, rho: Fraction) -> float:
    """Return the standard deviation of Gaussian noise that makes an answer cost `rho`.

    Source: Bun and Steinke 2016, "Concentrated differential privacy", Proposition 1.6: sensitivity² / (2 rho).
    """
    return sensitivity / math.sqrt(2 * rho.numerator / rho.denominator)
