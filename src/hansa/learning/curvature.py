"""What the steps of a noised fit are divided by: a noised Gram matrix at first, and what the steps themselves show.

From totals by single float64 operations in a fixed order and exact sums, so that every party finds the same.
"""

import math
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.newton import solve_positive
from hansa.learning.tables import Vector

_DAMPING: Final = 1.5
"""Of the largest eigenvalue that noise alone gives a Gram matrix."""

_DOUBT: Final = 2.0
"""Standard deviations of noise that pass for no curvature."""


def start_curvature(gram: Vector, rate: float, penalty: Vector, noise: float) -> Vector:
    """Return the curvature of the loss as a noised Gram matrix tells it, damped until it is positive definite.

    Args:
        gram: shape (n, n), symmetric, with noise.
        rate: the share of positives, above 0 and below 1.
        penalty: shape (n,), >= 0.
        noise: the standard deviation of the noise on the diagonal; off it 1/√2 of that.
    """
    width = len(gram)
    # Such noise has eigenvalues up to noise · √(2 · width).
    damping = _DAMPING * noise * math.sqrt(2 * width)
    while True:
        curvature = rate * (1 - rate) * (gram + np.diag(np.full(width, damping))) + np.diag(penalty)
        if _is_positive(curvature):
            return np.asarray(curvature)
        damping = 2 * damping + 1.0


def bend_curvature(curvature: Vector, step: Vector, change: Vector, noise: float) -> Vector:
    """Return the curvature raised along a step after which the slope changed by more than it explains.

    The Gram matrix says too little where rows are clipped in it, or nearer to even odds than the average row;
    uncorrected, steps in these directions would swing further every time.

    Args:
        curvature: shape (n, n), positive definite.
        step: shape (n,).
        change: of the slope along the step, shape (n,), with noise.
        noise: the standard deviation of the noise in each number of a slope; twice what it does is not believed.
    """
    reach = np.array([math.fsum(row) for row in (curvature * step).tolist()])
    assumed = math.fsum((step * reach).tolist())
    doubt = _DOUBT * noise * math.sqrt(2 * math.fsum((step * step).tolist()))
    excess = math.fsum((step * change).tolist()) - doubt - assumed
    if excess <= 0:
        return curvature
    return np.asarray(curvature + excess / assumed**2 * reach[:, None] * reach[None, :])


def _is_positive(matrix: Vector) -> bool:
    try:
        solve_positive(matrix, np.zeros(len(matrix)))
    except Refused:
        return False
    return True
