from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from hansa.errors import Refused
from hansa.learning.design import Matrix
from hansa.learning.newton import Descent, descend, evaluate_slope, minimise, solve_positive, squash


def plain(columns):
    full = np.column_stack([np.ones(len(columns)), columns])
    return Matrix(np.asfortranarray(full), (), ())


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_a_positive_system_is_solved(size, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    matrix, right = root @ root.T + np.eye(size), rng.normal(size=size)
    kept = matrix.copy()
    np.testing.assert_allclose(
        solve_positive(matrix, right), np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-10
    )
    assert (matrix == kept).all()


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.ones((2, 2)), -np.eye(2), np.full((2, 2), np.nan)])
def test_a_system_that_is_not_positive_is_refused(matrix):
    with pytest.raises(Refused) as excinfo:
        solve_positive(matrix, np.ones(2))
    assert excinfo.value.rule == "recipe.singular"


def test_squashing_does_not_overflow():
    probability, softplus = squash(np.array([-1e4, -1.0, 0.0, 1.0, 1e4]))
    np.testing.assert_allclose(probability, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])
    np.testing.assert_allclose(softplus, [0, np.log1p(np.exp(-1)), np.log(2), 1 + np.log1p(np.exp(-1)), 1e4])


def test_the_slope_is_the_derivative_of_the_loss():
    rng = np.random.default_rng(0)
    matrix, labels = plain(rng.normal(size=(30, 3))), rng.integers(0, 2, 30).astype(float)
    point, offset = rng.normal(size=4), rng.normal(size=30)
    slope = evaluate_slope(matrix, labels, point, offset)
    for column in range(4):
        step = np.zeros(4)
        step[column] = 1e-5
        up, down = (evaluate_slope(matrix, labels, point + sign * step, offset) for sign in (1, -1))
        assert slope.gradient[column] == pytest.approx((up.loss - down.loss) / 2e-5, abs=1e-6)
        np.testing.assert_allclose(slope.curvature[column], (up.gradient - down.gradient) / 2e-5, atol=1e-6)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 100.0])
def test_the_minimiser_is_scikit_learns(ridge):
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(200, 5)) * [1, 1, 3, 0.2, 10]
    labels = (rng.random(200) < 1 / (1 + np.exp(-columns[:, 0] - 1))).astype(float)
    found = minimise(plain(columns), labels, np.array([0.0] + [ridge] * 5), 50)
    pooled = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-12).fit(columns, labels)
    np.testing.assert_allclose(found, [*pooled.intercept_, *pooled.coef_[0]], atol=1e-8)


def test_a_step_that_overshoots_is_halved_until_the_objective_falls():
    rng = np.random.default_rng(2)
    columns = np.exp(rng.normal(size=(400, 2)) * 3)
    columns /= columns.std(axis=0)
    labels = (rng.random(400) < 1 / (1 + np.exp(3 - 8 * columns[:, 0]))).astype(float)
    matrix, penalty = plain(columns), np.array([0.0, 1e-4, 1e-4])
    descent, heights, shares = Descent(penalty, np.array([8.0, -40.0, 40.0])), [], []
    while not descent.done:
        assert descent.turn < 100
        shares.append(descent.share)
        descent = descend(
            descent, evaluate_slope(matrix, labels, descent.trial), lambda step: float(np.abs(step).max())
        )
        heights.append(descent.height)
    assert min(shares) < 1
    assert all(after <= before + 1e-9 * abs(before) for before, after in pairwise(heights))
    pooled = LogisticRegression(C=1e4, solver="newton-cholesky", tol=1e-12, max_iter=500).fit(columns, labels)
    np.testing.assert_allclose(descent.trial, [*pooled.intercept_, *pooled.coef_[0]], rtol=1e-6)


def test_no_rows_fit_to_nothing():
    found = minimise(plain(np.zeros((0, 2))), np.zeros(0), np.array([0.1, 1.0, 1.0]), 50)
    assert found.tolist() == [0, 0, 0]
