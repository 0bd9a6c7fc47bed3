"""Differential privacy at the door: what a question costs, how much noise that takes, who adds which share.

This room knows numbers and nothing else: no recipe, no record, no secure sum. It decides nothing about budgets
(`hansa.budget` and the record do), and draws nothing by itself: whoever perturbs brings a sampler.

A question that one person can move by at most 1, asked at a cost of 1/50, in a cohort in which the noise of 16
members must suffice:

>>> from fractions import Fraction
>>> import numpy as np
>>> from hansa.privacy import Noise, noise_scale, perturb
>>> noise = Noise(sensitivity=1.0, rho=Fraction(1, 50))
>>> noise.deviation
5.0
>>> scale = noise_scale(noise, np.array([20, 20], dtype=np.uint8), honest=16)
>>> [round(deviation / 2**20, 4) for deviation in scale.tolist()]
[1.25, 1.25]
>>> perturb(np.array([7, 9]), scale, lambda deviation, count: np.full(count, 1)).tolist()
[8, 10]

What the guarantee means, for people: `docs/privacy.md`.
"""

from hansa.privacy.accounting import compose
from hansa.privacy.clipping import Clipping, describe_clipping, find_factors, truncate, weigh_rows
from hansa.privacy.event import Noise, Part
from hansa.privacy.meter import Meter
from hansa.privacy.noise import (
    SMALLEST_DEVIATION,
    Sample,
    noise_scale,
    perturb,
    sample_gaussian,
    widen_bounds,
)

__all__ = [
    "SMALLEST_DEVIATION",
    "Clipping",
    "Meter",
    "Noise",
    "Part",
    "Sample",
    "compose",
    "describe_clipping",
    "find_factors",
    "noise_scale",
    "perturb",
    "sample_gaussian",
    "truncate",
    "weigh_rows",
    "widen_bounds",
]
