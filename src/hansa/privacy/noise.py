"""Noise on integers, in shares: each member adds its own, and the total carries what the guarantee needs.

A total is private because it holds the noise of the members that stayed and do not collude: of at least
`honest` = survivors required − colluders assumed, of whom there is at least one: each member reads totals, too, and
knows its own noise. Each adds 1/honest of the variance, so that whoever drops out
and whoever tells, enough is left. The price is that a total with everybody in it carries more noise than one
trusted party would have added, by the factor √(members / honest).

Sums of discrete Gaussians are not quite discrete Gaussians. From a standard deviation of 64 on, the difference
costs less than e^-10000 and is left out of the account; below, noise is refused.

Source: Canonne, Kamath and Steinke 2020, "The discrete Gaussian for differential privacy"; Kairouz, Liu and Steinke
2021, "The distributed discrete Gaussian mechanism for federated learning with secure aggregation".
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused, Unavailable
from hansa.privacy.event import Noise, find_deviation

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

Sample = Callable[[float, int], Integers]
"""Draws noise: a standard deviation in integers, > 0, and how many; shape (count,), independent."""

SMALLEST_DEVIATION: Final = 64.0
"""In integers, for each member's share."""

TAIL: Final = 13.0
"""Standard deviations that a share of noise passes with a chance below 10^-37."""

_ROUNDING: Final = 2.0
"""Room is left for shares twice as wide as they would be without rounding."""


def widen_bounds(bounds: Vector, noise: Noise, honest: int) -> Vector:
    """Return bounds with room for a member's share of noise.

    Args:
        bounds: shape (n,), of an answer without noise, in the question's units.
        noise: what the question declares.
        honest: how many members' noise the guarantee rests on, >= 1.

    Returns:
        Shape (n,), same units: what the scale of the integers must be derived from.
    """
    return bounds + _ROUNDING * TAIL * noise.deviation / math.sqrt(_verify_honest(honest))


def noise_scale(noise: Noise, bits: NDArray[np.uint8], honest: int) -> Vector:
    """Return the standard deviation of one member's noise.

    Args:
        noise: what the question declares.
        bits: shape (n,), binary places of each coordinate: an answer is multiplied by 2^bits and rounded.
        honest: how many members' noise the guarantee rests on, >= 1.

    Returns:
        Shape (n,), float64, in integers.

    Raises:
        Refused: `privacy.scale`, the integers are too coarse for the noise.
    Guarantees:
        The noise of `honest` members, together, makes the rounded answer cost `noise.rho`: rounding moves each
        coordinate by less than one integer more, which the sensitivity includes.
    """
    step = np.ldexp(1.0, -bits.astype(np.int32))
    sensitivity = noise.sensitivity + math.sqrt(math.fsum((step * step).tolist()))
    deviation = find_deviation(sensitivity, noise.rho) / math.sqrt(_verify_honest(honest))
    scale = np.asarray(deviation / step)
    if (scale < SMALLEST_DEVIATION).any() or sensitivity > _ROUNDING * noise.sensitivity:
        raise Refused(
            "privacy.scale",
            f"a share of noise would have a standard deviation of {scale.min(initial=math.inf):.3g} integers, at "
            f"least {SMALLEST_DEVIATION:g} are needed; ask for more privacy or smaller bounds",
        )
    return scale


def perturb(integers: Integers, scale: Vector, sample: Sample) -> Integers:
    """Add one member's share of noise.

    Args:
        integers: shape (n,).
        scale: shape (n,), standard deviations in integers.
        sample: draws the noise.

    Returns:
        Shape (n,).

    Raises:
        ValueError: the shapes differ, or `sample` gave another number of integers.
    """
    if integers.shape != scale.shape:
        raise ValueError(f"expected {len(scale)} integers, got the shape {integers.shape}")
    noised = integers.copy()
    for deviation in np.unique(scale).tolist():
        places = np.flatnonzero(scale == deviation)
        drawn = sample(deviation, len(places))
        if drawn.shape != places.shape:
            raise ValueError(f"expected {len(places)} draws, got the shape {drawn.shape}")
        noised[places] += drawn
    return noised


def sample_gaussian(scale: float, count: int) -> Integers:
    """Draw from the discrete Gaussian, exactly.

    Args:
        scale: its parameter sigma, in integers, > 0; as a float64 it is a fraction, and taken as it is.
        count: how many.

    Returns:
        Shape (count,), int64, independent.

    Raises:
        Unavailable: the library that draws is not installed.
    Guarantees:
        No floating-point number takes part in drawing, and the library's own generator, seeded by the operating
        system, is the source (docs/decisions/0016-noise-source.md).
    """
    return np.array(_make_sampler(scale)([0] * count), dtype=np.int64)


def _make_sampler(scale: float) -> Callable[[list[int]], list[int]]:
    try:
        # Not the prelude, which takes seconds to import.
        from opendp.domains import atom_domain, vector_domain
        from opendp.measurements import make_gaussian
        from opendp.metrics import l2_distance
        from opendp.mod import enable_features
    except ImportError as error:
        raise Unavailable(
            "noise needs the package `opendp`, which is not installed; install hansa with its extra `dp`"
        ) from error
    enable_features("contrib")
    domain = vector_domain(atom_domain(T="i64"))
    sampler: Callable[[list[int]], list[int]] = make_gaussian(domain, l2_distance(T="f64"), scale=scale)
    return sampler


def _verify_honest(honest: int) -> int:
    if honest < 1:
        raise ValueError(f"a guarantee rests on at least one member's noise, got {honest}")
    return honest
