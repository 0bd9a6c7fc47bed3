"""Public randomness: numbers that anybody can draw again from a seed that the plan names.

SHAKE-256 is the same in every language; generators of libraries change with their versions. Nothing here hides anything.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Vector

_DOMAIN = b"hansa/v1/network/"


def draw_uniform(seed: str, count: int) -> Vector:
    """Return numbers from 0 (included) to 1 (excluded): shape (count,), float64, the same wherever they are drawn.

    Args:
        seed: what they are for, and from what.
        count: how many.
    Source: FIPS 202, SHAKE-256; each number is the upper 53 bits of eight bytes, little-endian.
    """
    return np.asarray((_draw(seed, count) >> np.uint64(11)) * 2.0**-53)


def draw_order(seed: str, count: int) -> NDArray[np.intp]:
    """Return the places 0 … count - 1 in an order that follows from the seed alone: shape (count,)."""
    return np.argsort(_draw(seed, count), kind="stable")


def draw_seed(seed: str) -> int:
    """Return a whole number from 0 to 2^63 - 1."""
    return int(_draw(seed, 1)[0] >> np.uint64(1))


def _draw(seed: str, count: int) -> NDArray[np.uint64]:
    drawn = hashlib.shake_256(_DOMAIN + seed.encode()).digest(8 * count)
    return np.frombuffer(drawn, dtype="<u8").astype(np.uint64)
