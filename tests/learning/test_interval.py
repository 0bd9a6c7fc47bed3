import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning import bound_auc, bound_gain
from hansa.learning.interval import _quantile
from hansa.learning.ranking import measure_auc


def obvious_parts(labels, scores):
    """Structural components straight from their definition."""
    up, down = scores[labels == 1], scores[labels == 0]
    wins = (up[:, None] > down[None, :]) + 0.5 * (up[:, None] == down[None, :])
    return wins.mean(axis=1), wins.mean(axis=0)


def drawn(seed, positives=12, negatives=40, levels=None):
    rng = np.random.default_rng(seed)
    labels = np.array([1] * positives + [0] * negatives, np.int8)
    first, second = (labels + rng.normal(size=len(labels)) for _ in range(2))
    return (labels, first, second) if levels is None else (labels, np.round(first), np.round(second))


@given(st.integers(0, 10**6), st.sampled_from([None, 1]))
def test_the_variance_is_delongs(seed, levels):
    labels, first, second = drawn(seed, levels=levels)
    up = [obvious_parts(labels, scores)[0] for scores in (first, second)]
    down = [obvious_parts(labels, scores)[1] for scores in (first, second)]
    cover_up, cover_down = np.cov(up) / 12, np.cov(down) / 40
    contrast = np.array([-1.0, 1.0])
    parts = contrast @ cover_up @ contrast, contrast @ cover_down @ contrast
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 11 + parts[1] ** 2 / 39)
    half = _quantile(freedom) * math.sqrt(sum(parts))
    gain = bound_gain(labels, first, second)
    assert gain.value == pytest.approx(measure_auc(labels, second) - measure_auc(labels, first))
    assert gain.high - gain.low == pytest.approx(min(2 * half, 2.0))


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 30))
def test_an_interval_holds_its_value_and_stays_in_range(seed, positives, negatives):
    labels, first, second = drawn(seed, positives, negatives)
    auc, gain = bound_auc(labels, first), bound_gain(labels, first, second)
    assert 0 <= auc.low <= auc.value <= auc.high <= 1
    assert -1 <= gain.low <= gain.value <= gain.high <= 1
    assert auc.value == pytest.approx(measure_auc(labels, first))


def test_a_perfect_ranking_of_a_few_rows_is_not_certain():
    labels, scores = np.array([1, 1, 1, 0, 0, 0], np.int8), np.arange(6.0)[::-1]
    assert bound_auc(labels, scores).low < 0.7
    assert bound_auc(labels, -scores).high > 0.3
    assert bound_auc(labels, scores).high == 1


def test_a_gain_without_any_spread_is_not_certain_either():
    labels = np.array([1, 1, 1, 0, 0, 0], np.int8)
    gain = bound_gain(labels, np.zeros(6), np.arange(6.0)[::-1])
    assert gain.value == 0.5
    assert gain.low < 0


def test_the_same_ranking_gains_nothing_for_certain():
    labels, first, _ = drawn(3)
    assert bound_gain(labels, first, 2 * first + 1) == (0, 0, 0)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    truth = 0.5 * (1 + math.erf(0.5))
    covered = 0
    for seed in range(400):
        labels, first, second = drawn(seed, positives=6)
        interval = bound_auc(labels, first)
        covered += interval.low <= truth <= interval.high
        gain = bound_gain(labels, first, second)
        covered += gain.low <= 0 <= gain.high
    assert 0.92 < covered / 800 < 0.99


def test_quantiles_fall_to_that_of_the_normal_distribution():
    values = [_quantile(freedom) for freedom in (0.4, 1, 2.7, 10, 30.9, 31, 100, 1e6)]
    assert values == sorted(values, reverse=True)
    assert values[0] == values[1] == 12.706
    assert values[-1] == pytest.approx(1.96, abs=1e-4)
    assert values[5] == pytest.approx(2.040, abs=2e-3)
    assert values[6] == pytest.approx(1.984, abs=2e-3)
