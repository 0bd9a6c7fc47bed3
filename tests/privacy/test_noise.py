import math
import sys
from fractions import Fraction

import numpy as np
import pytest

from hansa.errors import Refused, Unavailable
from hansa.privacy import Noise, noise_scale, perturb, sample_gaussian, widen_bounds
from hansa.privacy.noise import SMALLEST_DEVIATION, TAIL

NOISE = Noise(2.0, Fraction(1, 10))


def places(*bits):
    return np.array(bits, dtype=np.uint8)


def test_honest_shares_add_up_to_the_variance_that_the_cost_needs():
    scale = noise_scale(NOISE, places(30, 20), honest=16)
    variances = 16 * (scale / 2.0 ** np.array([30, 20])) ** 2
    assert variances == pytest.approx(NOISE.deviation**2, rel=1e-5)
    assert (variances >= NOISE.deviation**2).all()


def test_rounding_to_integers_enters_the_sensitivity():
    bits = places(*[8] * 64)
    expected = (2.0 + math.sqrt(64) * 2.0**-8) / math.sqrt(2 / 10) * 2.0**8
    assert noise_scale(NOISE, bits, honest=1) == pytest.approx(expected)


def test_the_declared_sensitivity_holds_after_rounding_two_neighbouring_answers():
    rng = np.random.default_rng(5)
    bits = places(*rng.integers(4, 12, 40))
    allowed = NOISE.sensitivity + math.sqrt(float((4.0 ** -bits.astype(float)).sum()))
    for _ in range(200):
        first, step = rng.normal(size=40) * 9, rng.normal(size=40)
        second = first + step * NOISE.sensitivity / np.linalg.norm(step)
        moved = (np.rint(np.ldexp(first, bits)) - np.rint(np.ldexp(second, bits))) / np.ldexp(1.0, bits)
        assert np.linalg.norm(moved) <= allowed


def test_integers_too_coarse_for_the_noise_are_refused():
    assert noise_scale(NOISE, places(9), honest=16).min() >= SMALLEST_DEVIATION
    with pytest.raises(Refused, match=r"privacy\.scale: a share of noise would have"):
        noise_scale(NOISE, places(4), honest=16)


def test_many_coordinates_whose_rounding_outweighs_the_unit_are_refused():
    with pytest.raises(Refused, match=r"privacy\.scale"):
        noise_scale(Noise(1e-6, Fraction(1, 10**18)), places(*[12] * 100), honest=1)


def test_bounds_leave_room_for_the_widest_share():
    bounds = np.array([1.0, 1000.0])
    widened = widen_bounds(bounds, NOISE, honest=16)
    assert (widened - bounds >= TAIL * NOISE.deviation / 4).all()
    assert math.erfc(TAIL / math.sqrt(2)) < 1e-37


def test_nobody_honest_is_a_mistake():
    for call in (lambda: noise_scale(NOISE, places(20), 0), lambda: widen_bounds(np.ones(1), NOISE, 0)):
        with pytest.raises(ValueError, match="at least one"):
            call()


def test_each_coordinate_is_perturbed_at_its_own_scale():
    asked = []

    def sample(scale, count):
        asked.append((scale, count))
        return np.full(count, round(scale))

    scale = np.array([64.0, 100.0, 64.0])
    assert perturb(np.array([1, 2, 3]), scale, sample).tolist() == [65, 102, 67]
    assert asked == [(64.0, 2), (100.0, 1)]


def test_perturbing_leaves_its_argument_alone():
    integers = np.array([1, 2])
    perturb(integers, np.array([64.0, 64.0]), lambda _, count: np.ones(count, dtype=np.int64))
    assert integers.tolist() == [1, 2]


def test_a_sampler_or_a_scale_of_another_length_is_a_mistake():
    with pytest.raises(ValueError, match="expected 1 draws"):
        perturb(np.array([1]), np.array([64.0]), lambda _, count: np.zeros(count + 1, dtype=np.int64))
    with pytest.raises(ValueError, match="expected 2 integers"):
        perturb(np.array([1]), np.array([64.0, 64.0]), lambda _, count: np.zeros(count, dtype=np.int64))


def test_draws_follow_the_exact_discrete_gaussian():
    sigma, count = 2.5, 20_000
    reach = np.arange(-60, 61)
    weights = np.exp(-(reach**2) / (2 * sigma**2))
    expected = count * weights / weights.sum()
    drawn = sample_gaussian(sigma, count)
    near = np.abs(reach) <= 6
    observed = np.array([np.count_nonzero(drawn == value) for value in reach[near]])
    cells = np.append((observed - expected[near]) ** 2 / expected[near], 0.0)
    rest = expected[~near].sum()
    cells[-1] = (count - observed.sum() - rest) ** 2 / rest
    # 13 degrees of freedom: passed by chance once in 10^13.
    assert cells.sum() < 92


def test_a_flatter_distribution_would_have_been_told_apart():
    sigma, count = 2.5, 20_000
    reach = np.arange(-6, 7)
    weights = np.exp(-(reach**2) / (2 * sigma**2))
    expected = count * weights / (1 + 2 * np.exp(-(np.arange(1, 60) ** 2) / (2 * sigma**2)).sum())
    drawn = sample_gaussian(2.8, count)
    observed = np.array([np.count_nonzero(drawn == value) for value in reach])
    assert ((observed - expected) ** 2 / expected).sum() > 92


def test_large_scales_are_drawn_whole_and_wide():
    drawn = sample_gaussian(2.0**40, 4000)
    assert drawn.dtype == np.int64
    assert drawn.std() / 2.0**40 == pytest.approx(1.0, abs=0.1)
    assert abs(drawn.mean()) / 2.0**40 < 0.15


def test_without_the_library_there_is_no_noise_and_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opendp.measurements", None)
    with pytest.raises(Unavailable, match="extra `dp`"):
        sample_gaussian(64.0, 1)
