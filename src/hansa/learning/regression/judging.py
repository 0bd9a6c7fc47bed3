"""What a member computes for itself: a regression of its own, and a correction to the joint one.

None of it leaves the member but through the sums of the evaluation.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.design import Matrix, Minimum, encode_table, make_design
from hansa.learning.newton import Descent, Slope, descend
from hansa.learning.personal import INTERCEPT_PENALTY
from hansa.learning.regression.counting import encode_target
from hansa.learning.regression.family import Family, Linear
from hansa.learning.regression.model import Regression
from hansa.learning.regression.outcome import Survival, Target, read_target
from hansa.learning.regression.risk import Clock, complete_slope, measure_partial, sum_risks
from hansa.learning.regression.settings import RegressionParameters, make_family
from hansa.learning.regression.slope import evaluate_family
from hansa.learning.slope import encode_train
from hansa.learning.survey import answer_survey, read_survey
from hansa.learning.tables import Rows, Vector

_OWN_INTERCEPT: Final = 1e-3
"""Next to nothing, but a member whose rows lack a class, or any event, has an intercept all the same."""

_TURNS: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A member's test rows, and what three models predict for them (see `Regression.predict`)."""

    target: Target
    alone: Vector
    together: Vector
    corrected: Vector


@dataclass(frozen=True, slots=True, eq=False)
class RegressionJudge:
    """A joint regression, and how any member sets its own beside it: public.

    Args:
        model: the joint one.
        parameters: the plan's.
    """

    model: Regression
    parameters: RegressionParameters

    def publics(self) -> Iterable[bytes]:
        """Yield what the predictions depend on besides the rows."""
        yield self.model.digest.encode()
        yield repr((self.parameters, self.model.fitness.dispersion)).encode()

    def predict(self, rows: Rows) -> Predicted:
        """Predict a member's test rows alone, together and corrected; what is worked out is remembered with the rows."""
        key = f"{self.model.digest} {self.parameters!r} {self.model.fitness.dispersion!r}"
        return rows.remember("regression scores", key, lambda: self._predict(rows))

    def _predict(self, rows: Rows) -> Predicted:
        model = self.model
        family = make_family(model.family, model.outcome)
        target = read_target(model.outcome, rows.test)
        together = model.predict_linear(rows.test)
        alone, corrected = self._fit_alone(family, rows), together + self._fit_correction(family, rows)
        return Predicted(
            target, *(_finish(family, predictors, target) for predictors in (alone, together, corrected))
        )

    @property
    def _noise(self) -> float:
        """What a penalty is multiplied by, so that it weighs as much against rows whatever the label's unit is."""
        dispersion = self.model.fitness.dispersion
        family = make_family(self.model.family, self.model.outcome)
        if dispersion is None:
            return 1.0
        return dispersion / family.width**2 if isinstance(family, Linear) else dispersion

    def _fit_alone(self, family: Family | None, rows: Rows) -> Vector:
        schema = self.model.design.schema
        design = make_design(schema, read_survey(schema, answer_survey(schema, rows)), Minimum(1, 1))
        matrix, test = encode_table(design, rows.train), encode_table(design, rows.test)
        ridge = self.parameters.ridge or self._noise
        outputs = family.outputs if family else 1
        penalty = np.full((outputs, matrix.columns), ridge)
        penalty[:, 0] = _OWN_INTERCEPT * self._noise
        coefficients = self._minimise(family, matrix, rows, penalty)
        return np.column_stack([test.predict(part) for part in coefficients])

    def _fit_correction(self, family: Family | None, rows: Rows) -> Vector:
        design = self.model.design
        matrix, test = encode_train(design, rows), encode_table(design, rows.test)
        known = self.model.predict_linear(rows.train)
        penalty = np.full((known.shape[1], matrix.columns), self.parameters.correction * self._noise)
        penalty[:, 0] = INTERCEPT_PENALTY * self._noise
        shift = self._minimise(family, matrix, rows, penalty, known)
        return np.column_stack([test.predict(part) for part in shift])

    def _minimise(
        self,
        family: Family | None,
        matrix: Matrix,
        rows: Rows,
        penalty: Vector,
        offset: Vector | None = None,
    ) -> Vector:
        """Return the minimiser over training rows; where there is none within reach, no more than the start: shape (outputs, n_columns)."""
        target = encode_target(self.model.outcome, rows)
        start = np.zeros(penalty.shape)
        if offset is None:
            start[:, 0] = _start(family, target)
        descent = Descent(penalty.ravel(), start.ravel())
        reach = np.abs(matrix.dense).max(axis=0, initial=0.0)
        most = np.concatenate([reach, np.ones(sum(matrix.widths))])
        try:
            while not descent.done and descent.turn < _TURNS:
                slope = self._evaluate(family, matrix, target, descent.trial, offset)
                descent = descend(
                    descent, slope, lambda step: float((np.abs(step).reshape(-1, len(most)) @ most).max())
                )
        except Refused:
            return start
        best = descent.trial if descent.done or descent.origin is None else descent.origin
        return np.asarray(best.reshape(penalty.shape))

    def _evaluate(
        self, family: Family | None, matrix: Matrix, target: Target, point: Vector, offset: Vector | None
    ) -> Slope:
        if family is not None:
            return evaluate_family(family, matrix, target, point, offset).slope
        outcome = self.model.outcome
        assert isinstance(outcome, Survival)  # what has no family is a time
        # At a member itself no steps need joining; by Breslow, which is as good for a comparison and quicker.
        return evaluate_times(outcome, matrix, target, point, None if offset is None else offset[:, 0])


def evaluate_times(
    outcome: Survival, matrix: Matrix, target: Target, point: Vector, offset: Vector | None = None
) -> Slope:
    """Sum the partial likelihood over rows that are all at hand, step by step."""
    clock = Clock(outcome, tuple(range(outcome.steps)), "breslow")
    risks = sum_risks(clock, matrix, target, point, offset)
    counts = np.bincount(clock.place(target)[target.events], minlength=outcome.steps).astype(np.float64)
    seen = np.zeros(len(target)) if offset is None else offset
    partial = measure_partial(risks, counts, point, "breslow")
    if math.isinf(partial.loss):
        return Slope(math.inf, partial.gradient, partial.spread)
    logs = matrix.predict(point) + seen
    weights = np.exp(logs) * partial.staying[clock.place(target)]
    slope = complete_slope(partial, matrix.weigh(weights))
    return Slope(slope.loss - float(seen[target.events].sum()), slope.gradient, slope.curvature)


def _start(family: Family | None, target: Target) -> Vector:
    return np.array([0.0 if family is None else family.start(target)])


def _finish(family: Family | None, predictors: Vector, target: Target) -> Vector:
    return predictors[:, 0] if family is None else family.predict(predictors, target)
