"""Clipping: how much one privacy unit may weigh, at most, whatever its rows hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clipping:
    """What clipping did to one member's rows; data about these rows, so it stays with the member.

    Args:
        share: of the rows, how many were cut, from 0 to 1.
        kept: the mean share of their length that the cut rows kept, from 0 to 1; 1 when none was cut.
    """

    share: float
    kept: float


def find_factors(norms: Vector, clip_norm: float) -> Vector:
    """Return by what each row must be multiplied so that its L2 norm is at most `clip_norm`.

    Args:
        norms: shape (n,), the rows' norms, finite, >= 0.
        clip_norm: the bound, > 0, same units.

    Returns:
        Shape (n,), from 0 to 1.

    Raises:
        ValueError: `clip_norm` is not positive.
    Guarantees:
        A row within the bound has the factor 1, exactly.
    Source: Abadi et al. 2016, Algorithm 1, gradient clipping.
    """
    if not clip_norm > 0:
        raise ValueError(f"`clip_norm` must be positive, got {clip_norm}")
    return np.asarray(clip_norm / np.maximum(norms, clip_norm))


def weigh_rows(units: NDArray[np.object_] | None, count: int, most: int) -> Vector:
    """Return what each row counts, so that no unit counts like more than `most` rows.

    Args:
        units: shape (count,), which unit each row belongs to; None when each row is a unit.
        count: rows.
        most: rows that a unit may count like, >= 1.

    Returns:
        Shape (count,): 1, or most/r for each row of a unit with r > most rows.
    Guarantees:
        A row's weight depends on the rows of its own unit alone.
    """
    if units is None:
        return np.ones(count)
    _, places, held = np.unique(units, return_inverse=True, return_counts=True)
    return np.asarray(np.minimum(1.0, most / held)[places])


def truncate(values: Vector, places: int) -> Vector:
    """Return values on a grid of 2^-places, rounded towards zero.

    Sums of grid points are exact in float64, in whatever order they are taken, as long as they stay below
    2^(53 - places). So what one unit adds to a sum is what it adds in theory, and no norm grows.

    Args:
        values: any shape, finite.
        places: binary places.
    Source: Casacuberta et al. 2022, "Widespread underestimation of sensitivity in differentially private
        libraries and how to fix it", on what the order of a sum can do.
    """
    return np.asarray(np.trunc(np.ldexp(values, places)) * 2.0**-places)


def describe_clipping(norms: Vector, clip_norm: float) -> Clipping:
    """Say what clipping does to rows with these norms, shape (n,)."""
    factors = find_factors(norms, clip_norm)
    cut = factors < 1
    if not cut.any():
        return Clipping(0.0, 1.0)
    return Clipping(float(cut.mean()), float(factors[cut].mean()))
