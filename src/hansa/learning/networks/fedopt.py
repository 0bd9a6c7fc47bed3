"""FedAdam and FedYogi: the mean update is taken for a gradient, by an optimiser that gives each parameter a pace of its own.

Source: Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar and McMahan 2021, "Adaptive federated optimization", Algorithm 2,
with the paper's momentum and adaptivity.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.learning.tables import Vector

FIRST: Final = 0.9
SECOND: Final = 0.99
ADAPTIVITY: Final = 0.001
"""The smaller, the more the paces differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What is remembered of the updates before: means of them and of their squares, shape (n,) each."""

    first: Vector
    second: Vector


def begin_moments(size: int) -> Moments:
    """Return the moments before the first update."""
    return Moments(np.zeros(size), np.full(size, ADAPTIVITY * ADAPTIVITY))


def turn_adam(moments: Moments, update: Vector) -> Moments:
    """Take in an update: its square takes the place of a part of what is remembered."""
    square = update * update
    return Moments(_move(moments, update), SECOND * moments.second + (1.0 - SECOND) * square)


def turn_yogi(moments: Moments, update: Vector) -> Moments:
    """Take in an update: what is remembered moves by a part of its square, whichever is larger."""
    square = update * update
    return Moments(
        _move(moments, update),
        moments.second - (1.0 - SECOND) * square * np.sign(moments.second - square),
    )


def step(parameters: Vector, moments: Moments, *, rate: float) -> Vector:
    """Return the next parameters.

    Guarantees:
        Single float64 operations in a fixed order; the square root is exact to the last bit, as IEEE 754 asks.
    """
    return np.asarray(parameters + rate * moments.first / (np.sqrt(moments.second) + ADAPTIVITY))


def _move(moments: Moments, update: Vector) -> Vector:
    return FIRST * moments.first + (1.0 - FIRST) * update
