"""SCAFFOLD: a member's steps are corrected by how its own gradient differs from everybody's.

Source: Karimireddy, Kale, Mohri, Reddi, Stich and Suresh 2020, "SCAFFOLD: stochastic controlled averaging for federated learning",
Algorithm 1 with option I, all members taking part: a member's control is the gradient of all its rows at the parameters where the last
round began. Everybody knows these, so a member works its control out again and need not remember it.
"""

from dataclasses import dataclass
from typing import TypeVar

from hansa.learning.tables import Vector

Numbers = TypeVar("Numbers")


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What is public of the corrections.

    Args:
        parameters: where the last round began, shape (n,).
        mean: the weighted mean of the members' gradients there, shape (n,).
    """

    parameters: Vector
    mean: Vector


def correct(own: Numbers, mean: Numbers) -> Numbers:
    """Return what is added to every gradient of a member's steps: arrays or tensors, shape (n,) each."""
    return mean - own  # type: ignore[operator, no-any-return]  # arrays and tensors know how
