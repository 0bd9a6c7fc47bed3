"""Ridge logistic regression by Newton's method, in moves: a point to evaluate, then the next point.

Objective: the sum over rows of log(1 + exp(logit)) − label · logit, plus half the sum of penalty ·
coefficient². With one penalty `r` on all coefficients but the intercept it is what scikit-learn's
LogisticRegression minimises for C = 1/r.

What is derived from totals uses addition, subtraction, multiplication, division and square roots of
single numbers in a fixed order, and exact sums, only: no matrix library, whose order of summation differs
between machines. So every party derives the same next point from the same totals, to the last bit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hansa.errors import Refused
from hansa.learning.design import Matrix
from hansa.learning.tables import Vector

TOLERANCE = 1e-8
"""A step is the last when its largest coefficient times the most any logit moves is below this."""

_SLACK = 1e-9
"""Relative: differences of the objective below this are rounding, and do not count as a rise."""

_SWEEPS = 1000
"""Over all coordinates, at most; a step that is not exact by then is good enough to go on from."""

_SUFFICIENT = 1e-4
"""A step must give at least this share of the fall that the slope promises."""


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """The loss at a point, without the penalty: value, gradient (n_columns,), Hessian (n_columns, n_columns)."""

    loss: float
    gradient: Vector
    curvature: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where the search stands.

    Args:
        penalty: shape (n_columns,), >= 0, on half the square of each coefficient; or a positive semidefinite matrix of them, on pairs.
        trial: the point to evaluate next, shape (n_columns,).
        turn: how many points were evaluated.
        done: whether `trial` is the minimiser; it needs no further evaluation.
        origin: the last point that was accepted.
        step: the full step from there.
        share: the share of it that `trial` has taken.
        height: the objective at the origin.
        promise: the fall per unit of share that the slope at the origin promises.
        lasso: shape (n_columns,), >= 0, on the magnitude of each coefficient; None for none.
        tolerance: a step is the last when its largest coefficient times the most any predictor moves is below this.
    """

    penalty: Vector
    trial: Vector
    turn: int = 0
    done: bool = False
    origin: Vector | None = None
    step: Vector | None = None
    share: float = 1.0
    height: float = math.inf
    promise: float = 0.0
    lasso: Vector | None = None
    tolerance: float = TOLERANCE


def evaluate_slope(
    matrix: Matrix, labels: Vector, coefficients: Vector, offset: Vector | None = None
) -> Slope:
    """Sum loss, gradient and Hessian over rows.

    Args:
        matrix: n rows.
        labels: shape (n,), float64, 0 or 1.
        coefficients: shape (n_columns,).
        offset: shape (n,), added to each row's logit.
    """
    loss = 0.0
    gradient = np.zeros(matrix.columns)
    curvature = np.zeros((matrix.columns, matrix.columns))
    start = 0
    for part in matrix.slices():
        rows = slice(start, start + len(part))
        start += len(part)
        logits = part.predict(coefficients)
        if offset is not None:
            logits += offset[rows]
        label = labels[rows]
        probability, softplus = squash(logits)
        loss += float((softplus - label * logits).sum())
        gradient += part.project(probability - label)
        curvature += part.weigh(probability * (1.0 - probability))
    return Slope(loss, gradient, curvature)


def squash(logits: Vector) -> tuple[Vector, Vector]:
    """Return the probability and log(1 + exp(logit)) of each logit, without overflow."""
    small = np.exp(-np.abs(logits))
    probability = np.where(logits >= 0, 1.0, small) / (1.0 + small)
    return probability, np.log1p(small) + np.maximum(logits, 0.0)


def descend(descent: Descent, slope: Slope, reach: Callable[[Vector], float]) -> Descent:
    """Take in the slope at `descent.trial` and choose the next point.

    A trial that did not lower the objective enough is halved; one that did becomes the origin of a new
    Newton step.

    Args:
        descent: where the search stands; not done.
        slope: loss, gradient and Hessian at the trial, over all rows.
        reach: gives, for a step, the most that any row's logit can move.

    Raises:
        Refused: `recipe.singular` the Hessian is not positive definite; `recipe.beyond` the loss is infinite where the search begins.
    """
    trial, turn = descent.trial, descent.turn + 1
    pull, charge = _weigh_penalty(descent.penalty, trial)
    height = slope.loss + charge + _sum_lasso(descent.lasso, trial)
    if descent.origin is not None and descent.step is not None and not is_low(descent, slope.loss):
        share = descent.share / 2
        return replace(descent, trial=descent.origin + share * descent.step, turn=turn, share=share)
    if math.isinf(height):
        raise Refused("recipe.beyond", "the fit begins where some rows' predictions are not allowed")
    gradient = slope.gradient + pull
    curvature = slope.curvature + (np.diag(descent.penalty) if descent.penalty.ndim == 1 else descent.penalty)
    if descent.lasso is None:
        step = -solve_positive(curvature, gradient)
    else:
        step = find_sparse_step(curvature, gradient, trial, descent.lasso)
    rise = _sum_lasso(descent.lasso, trial + step) - _sum_lasso(descent.lasso, trial)
    promise = -math.fsum((gradient * step).tolist()) - rise
    done = float(np.abs(step).max()) * reach(step) <= descent.tolerance
    return replace(
        descent,
        trial=trial + step,
        turn=turn,
        done=done,
        origin=trial,
        step=step,
        share=1.0,
        height=height,
        promise=promise,
    )


def is_low(descent: Descent, loss: float) -> bool:
    """Say whether the objective at the trial is low enough, given the loss there; so the trial is taken."""
    charge = _weigh_penalty(descent.penalty, descent.trial)[1] + _sum_lasso(descent.lasso, descent.trial)
    least = _SUFFICIENT * descent.share * descent.promise - _SLACK * (1.0 + abs(descent.height))
    return descent.origin is None or descent.height - (loss + charge) >= least


def _weigh_penalty(penalty: Vector, point: Vector) -> tuple[Vector, float]:
    """Return a quadratic penalty's gradient at a point, and its value."""
    if penalty.ndim == 1:
        pull = penalty * point
        return pull, 0.5 * math.fsum((pull * point).tolist())
    pull = np.array([math.fsum(row) for row in (penalty * point).tolist()])
    return pull, 0.5 * math.fsum((pull * point).tolist())


def _sum_lasso(lasso: Vector | None, point: Vector) -> float:
    return 0.0 if lasso is None else math.fsum((lasso * np.abs(point)).tolist())


def find_sparse_step(curvature: Vector, gradient: Vector, origin: Vector, lasso: Vector) -> Vector:
    """Return the step that minimises a quadratic plus the penalty on magnitudes.

    Sweeps over coordinates find which coefficients are 0 and the signs of the others; given these, the rest is a linear system.

    Args:
        curvature: shape (n, n), symmetric; positive definite.
        gradient: shape (n,), at the origin.
        origin: shape (n,).
        lasso: shape (n,), >= 0.

    Raises:
        Refused: `recipe.singular` the curvature is not positive definite where coefficients are not 0.
    """
    point, slope = origin.copy(), gradient.copy()
    for _ in range(_SWEEPS):
        for place in range(len(point)):
            bend = float(curvature[place, place])
            if not bend > 0:
                raise Refused("recipe.singular", "the columns cannot be told apart; raise `ridge`")
            reach = bend * float(point[place]) - float(slope[place])
            new = math.copysign(max(abs(reach) - float(lasso[place]), 0.0), reach) / bend
            slope += (new - point[place]) * curvature[place]
            point[place] = new
        exact = _polish(curvature, gradient, origin, lasso, point)
        if exact is not None:
            return exact - origin
    return point - origin


def _polish(
    curvature: Vector, gradient: Vector, origin: Vector, lasso: Vector, guess: Vector
) -> Vector | None:
    """Return the minimiser if it is 0 where the guess is and has its signs elsewhere; None if not."""
    free = np.flatnonzero((guess != 0) | (lasso == 0))
    signs = np.sign(guess) * (lasso > 0)
    moved = np.array([math.fsum(row) for row in (curvature * origin).tolist()])
    right = moved - gradient - lasso * signs
    point = np.zeros(len(guess))
    if len(free):
        point[free] = solve_positive(curvature[np.ix_(free, free)], right[free])
    slope = gradient + np.array([math.fsum(row) for row in (curvature * (point - origin)).tolist()])
    held = np.setdiff1d(np.arange(len(guess)), free)
    fits = (np.sign(point) * (lasso > 0) == signs).all()
    still = (np.abs(slope[held]) <= lasso[held] * (1 + _SLACK) + _SLACK).all()
    return point if fits and still else None


def begin_anew(descent: Descent) -> Descent:
    """Start at the point that was evaluated last, whatever the search came from.

    For a total over other rows than the one before: their heights cannot be compared, so the point is taken
    as it is. Asking again at the origin would compare, and would give two totals of one question whose
    difference is what the missing rows add.
    """
    return replace(descent, origin=None, step=None)


def minimise(
    matrix: Matrix, labels: Vector, penalty: Vector, turns: int, offset: Vector | None = None
) -> Vector:
    """Fit rows that are all at hand; a member's own fits.

    Args:
        matrix: n rows.
        labels: shape (n,), float64.
        penalty: shape (n_columns,).
        turns: at most this many evaluations; the last point is good enough for a local fit.
        offset: shape (n,), added to each row's logit.
    """
    reach = np.abs(matrix.dense).max(axis=0, initial=0.0)
    most = np.concatenate([reach, np.ones(sum(matrix.widths))])
    descent = Descent(penalty, np.zeros(matrix.columns))
    while not descent.done and descent.turn < turns:
        slope = evaluate_slope(matrix, labels, descent.trial, offset)
        descent = descend(descent, slope, lambda step: float((np.abs(step) * most).sum()))
    return descent.trial


def solve_positive(matrix: Vector, right: Vector) -> Vector:
    """Solve a symmetric positive definite system by Cholesky, the same to the last bit on every machine.

    Args:
        matrix: shape (n, n).
        right: shape (n,).

    Raises:
        Refused: `recipe.singular` a pivot is not positive.
    """
    lower = np.array(matrix)
    solution = np.array(right)
    for k in range(len(right)):
        pivot = float(lower[k, k])
        if not pivot > 0:
            raise Refused("recipe.singular", "the columns cannot be told apart; raise `ridge`")
        lower[k:, k] /= math.sqrt(pivot)
        column = lower[k + 1 :, k]
        lower[k + 1 :, k + 1 :] -= column[:, None] * column[None, :]
    for k in range(len(right)):
        solution[k] /= lower[k, k]
        solution[k + 1 :] -= lower[k + 1 :, k] * solution[k]
    for k in reversed(range(len(right))):
        solution[k] /= lower[k, k]
        solution[:k] -= lower[k, :k] * solution[k]
    return solution
