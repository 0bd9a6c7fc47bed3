"""From a fit to the table that analysts read: estimates in the label's units, standard errors, intervals and p-values.

Estimates and standard errors are part of the result, so they use single float64 operations in a fixed order; intervals and p-values
follow from them and are worked out by whoever reads.
"""

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from hansa.learning.design import Design
from hansa.learning.newton import solve_positive
from hansa.learning.regression.family import Linear
from hansa.learning.regression.fitting import Fitted
from hansa.learning.regression.model import Fitness, Regression
from hansa.learning.regression.outcome import Outcome, Survival
from hansa.learning.regression.settings import RegressionParameters, make_family
from hansa.learning.tables import Vector

LEVEL: Final = 0.95

_NORMAL: Final = 100_000
"""From so many degrees of freedom on, Student's distribution is taken for the normal one."""

_TERMS: Final = 1_000
"""Of a continued fraction; it needs some as many as the square root of the degrees of freedom."""


class Estimate(NamedTuple):
    """One line of the table; what follows the standard error is None where there is none.

    Args:
        equation: the class that a linear predictor is of; None for other outcomes.
        column: the column's name.
        estimate: in the units of the label (of its logarithm or logit, as the family has it) and of the feature.
        standard_error: likewise.
        statistic: the estimate over its standard error.
        p_value: two-sided; by Student's distribution where the dispersion of a linear model is estimated, else by the normal one.
        low: of the 95% interval.
        high: likewise.
    """

    equation: str | None
    column: str
    estimate: float
    standard_error: float | None
    statistic: float | None
    p_value: float | None
    low: float | None
    high: float | None


def describe_fit(outcome: Outcome, parameters: RegressionParameters, fitted: Fitted) -> Regression:
    """Return the model that a fit gives."""
    family, ground = make_family(parameters.family, outcome), fitted.ground
    design = ground.design
    has_times = isinstance(outcome, Survival)
    outputs = family.outputs if family else 1
    columns = len(design.names)
    unit, origin = 1.0, 0.0
    if isinstance(family, Linear):
        unit, origin = family.width, outcome_minimum(family)
    coefficients = fitted.coefficients.reshape(outputs, columns)
    freedom = dispersion = None
    if parameters.family in {"linear", "gamma"}:
        freedom = fitted.rows - int(np.count_nonzero(fitted.coefficients))
        dispersion = fitted.squares / freedom if freedom > 0 else None
    scale = 1.0 if family is None or freedom is None else dispersion
    map_ = _map_units(design, has_intercept=not has_times)
    estimates = np.array([[math.fsum(row) for row in (map_ * part).tolist()] for part in coefficients]) * unit
    estimates[:, 0] += origin
    errors = None
    if not (parameters.ridge or parameters.lasso) and scale is not None:
        errors = unit * math.sqrt(scale) * _find_errors(fitted.slope.curvature, map_, outputs)
        if has_times:
            errors[:, 0] = 0.0
    square = 2.0 if not isinstance(family, Linear) else 2.0 * unit * unit
    fitness = Fitness(
        fitted.rows,
        ground.survey.positives if has_times else None,
        parameters.ridge,
        parameters.lasso,
        square * fitted.slope.loss,
        None if fitted.null is None else square * fitted.null,
        None if dispersion is None else dispersion * unit * unit,
        freedom,
    )
    clock = ground.clock
    baseline = () if clock is None else tuple(zip(clock.ends, fitted.hazards.tolist(), strict=True))
    return Regression(parameters.family, outcome, design, coefficients, estimates, errors, fitness, baseline)


def outcome_minimum(family: Linear) -> float:
    """Return where a linear family measures its amount from."""
    return family.amount.column.minimum


def list_estimates(model: Regression) -> tuple[Estimate, ...]:
    """Return the table of a model, equation by equation."""
    quantile, tail = NormalDist().inv_cdf((1 + LEVEL) / 2), _find_normal_tail
    freedom = model.fitness.freedom
    if model.family == "linear" and freedom and freedom < _NORMAL:
        quantile = find_student_quantile((1 + LEVEL) / 2, freedom)

        def tail(statistic: float) -> float:
            return find_student_tail(statistic, freedom)

    lines = []
    skipped = int(isinstance(model.outcome, Survival))
    for number, equation in enumerate(model.equations):
        for place, column in enumerate(model.design.names[skipped:], skipped):
            estimate = float(model.estimates[number, place])
            if model.errors is None or not model.errors[number, place] > 0:
                lines.append(Estimate(equation, column, estimate, None, None, None, None, None))
                continue
            error = float(model.errors[number, place])
            half = quantile * error
            lines.append(
                Estimate(
                    equation,
                    column,
                    estimate,
                    error,
                    estimate / error,
                    tail(estimate / error),
                    estimate - half,
                    estimate + half,
                )
            )
    return tuple(lines)


def find_student_tail(statistic: float, freedom: float) -> float:
    """Return how likely a Student variable of so many degrees of freedom is at least as far from 0, on either side.

    Source: the continued fraction of the incomplete beta function (NIST DLMF 8.17.22).
    """
    share = freedom / (freedom + statistic * statistic)
    first, second = freedom / 2, 0.5
    front = math.exp(
        math.lgamma(first + second)
        - math.lgamma(first)
        - math.lgamma(second)
        + first * math.log(share)
        + (second * math.log1p(-share) if share < 1 else 0.0)
    )
    if share >= 1:
        return 1.0
    if share < (first + 1) / (first + second + 2):
        return front * _continue_beta(share, first, second) / first
    return 1.0 - front * _continue_beta(1 - share, second, first) / second


def find_student_quantile(chance: float, freedom: float) -> float:
    """Return the value that a Student variable stays below with a chance above one half."""
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        if 1 - find_student_tail(middle, freedom) / 2 < chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _find_normal_tail(statistic: float) -> float:
    return math.erfc(abs(statistic) / math.sqrt(2))


def _continue_beta(share: float, first: float, second: float) -> float:
    value = 1.0
    for step in range(_TERMS, 0, -1):
        half, place = step // 2, first + step
        if step % 2:
            part = -(first + half) * (first + second + half) * share / ((place - 1) * place)
        else:
            part = half * (second - half) * share / ((place - 1) * place)
        value = 1.0 + part / value
    return 1.0 / value


def _map_units(design: Design, *, has_intercept: bool) -> Vector:
    """Return what turns coefficients per standard score into such per unit: shape (n_columns, n_columns)."""
    width = len(design.names)
    map_ = np.eye(width)
    place = 1
    for number in design.numbers:
        if number.deviation is not None:
            map_[place, place] = 1.0 / number.deviation
            map_[0, place] = -number.mean / number.deviation
            place += 1
        place += number.indicator
    if not has_intercept:
        map_[0] = 0.0
    return map_


def _find_errors(curvature: Vector, map_: Vector, outputs: int) -> Vector:
    """Return standard errors for a dispersion of 1: shape (outputs, n_columns)."""
    size = len(curvature)
    columns = size // outputs
    errors = np.zeros((outputs, columns))
    for output in range(outputs):
        for place in range(columns):
            direction = np.zeros(size)
            direction[output * columns : (output + 1) * columns] = map_[place]
            spread = solve_positive(curvature, direction)
            errors[output, place] = math.sqrt(max(math.fsum((direction * spread).tolist()), 0.0))
    return errors
