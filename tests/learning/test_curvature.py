import numpy as np
import pytest

from hansa.learning.curvature import bend_curvature, start_curvature


def draw(seed, width=6):
    columns = np.random.default_rng(seed).normal(size=(200, width))
    return columns.T @ columns


def test_without_noise_the_start_is_the_weighted_gram_matrix_and_the_penalty():
    gram, penalty = draw(0), np.arange(6.0)
    assert start_curvature(gram, 0.2, penalty, 0.0) == pytest.approx(0.16 * gram + np.diag(penalty))


def test_noise_that_turns_a_gram_matrix_over_is_damped_until_it_is_positive():
    for seed in range(20):
        half = np.random.default_rng(seed).normal(size=(30, 30)) * 40.0
        found = start_curvature(half + half.T, 0.3, np.zeros(30), 1.0)
        assert np.linalg.eigvalsh(found).min() > 0


def test_usual_noise_needs_no_more_damping_than_is_foreseen():
    for seed in range(20):
        half = np.random.default_rng(seed).normal(size=(40, 40)) * 0.5
        found = start_curvature(half + half.T, 0.5, np.zeros(40), 1.0)
        assert found[0, 0] == pytest.approx(0.25 * (2 * half[0, 0] + 1.5 * np.sqrt(80)))


def test_a_step_after_which_the_slope_changed_more_bends_the_curvature_to_it():
    curvature, step = draw(1), np.arange(1.0, 7.0)
    true = 3.0 * curvature
    found = bend_curvature(curvature, step, true @ step, 0.0)
    assert step @ found @ step == pytest.approx(step @ true @ step)
    assert np.linalg.eigvalsh(found - curvature).min() > -1e-9


def test_less_change_than_expected_or_no_step_changes_nothing():
    curvature, step = draw(2), np.ones(6)
    assert bend_curvature(curvature, step, 0.5 * curvature @ step, 0.0) is curvature
    assert bend_curvature(curvature, np.zeros(6), np.zeros(6), 1.0) is curvature


def test_change_within_the_noise_is_not_believed():
    curvature, step = draw(3), np.ones(6)
    change = curvature @ step * 1.01
    assert bend_curvature(curvature, step, change, 0.0) is not curvature
    assert bend_curvature(curvature, step, change, 100.0) is curvature
