"""What each family makes of a row: loss, slope and curvature in its linear predictors, and how far they can go.

The loss of a row is half its deviance, so a sum of losses is comparable with what statistics programmes print. A member
whose rows a point would predict beyond what the family allows says so instead of answering; that point is then not taken.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from hansa.learning.regression.outcome import Amount, Classes, Target
from hansa.learning.tables import Vector

_LEAST_CHANCE = 1e-6
"""A probability is scored as no less than this."""


class Weighed(NamedTuple):
    """Rows at a point.

    Args:
        loss: shape (n,), half the deviance, >= 0.
        slopes: shape (n, outputs), by each linear predictor.
        curvatures: shape (n, outputs, outputs).
        squares: shape (n,), squared residuals over the variance that the mean goes with; 0 where there is no dispersion to estimate.
        allowed: whether the family allows what is predicted for every row; if not, the rest means nothing.
    """

    loss: Vector
    slopes: Vector
    curvatures: Vector
    squares: Vector
    allowed: bool


class RowBounds(NamedTuple):
    """The greatest magnitude of what one row adds."""

    loss: float
    slope: float
    curvature: float
    square: float = 0.0


class Family(Protocol):
    """How an outcome hangs together with linear predictors."""

    @property
    def outputs(self) -> int:
        """How many linear predictors a row has."""
        ...

    def weigh(self, predictors: Vector, target: Target) -> Weighed:
        """Weigh rows.

        Args:
            predictors: shape (n, outputs), without any exposure.
            target: n rows.
        """
        ...

    def bound(self, reach: float) -> RowBounds:
        """Bound what a row adds whose linear predictors are at most this large."""
        ...

    def start(self, target: Target) -> float:
        """Return a linear predictor that is near enough for every row to begin a fit of these rows with."""
        ...

    def predict(self, predictors: Vector, target: Target) -> Vector:
        """Return what is predicted, within the declared bounds: shape (n,) means, or (n, classes) probabilities."""
        ...

    def score(self, predicted: Vector, target: Target) -> tuple[Vector, Vector]:
        """Return each row's deviance, and how far off it is: shape (n,) each, for what `predict` gave."""
        ...

    def limit(self) -> tuple[float, float]:
        """Return the most that `score` can give of each."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """Least squares; the amount is measured from its minimum in units of its declared range."""

    amount: Amount

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    @property
    def width(self) -> float:
        """The declared range, in the amount's unit."""
        return self.amount.column.maximum - self.amount.column.minimum

    def weigh(self, predictors: Vector, target: Target) -> Weighed:
        """Weigh rows."""
        residuals = predictors[:, 0] - (target.values - self.amount.column.minimum) / self.width
        return Weighed(
            0.5 * residuals**2, residuals[:, None], np.ones((len(target), 1, 1)), residuals**2, allowed=True
        )

    def bound(self, reach: float) -> RowBounds:
        """Bound what a row adds."""
        return RowBounds(0.5 * (reach + 1.0) ** 2, reach + 1.0, 1.0, (reach + 1.0) ** 2)

    def start(self, target: Target) -> float:
        """Return the mean."""
        return float(target.values.mean() - self.amount.column.minimum) / self.width if len(target) else 0.0

    def predict(self, predictors: Vector, target: Target) -> Vector:  # noqa: ARG002 - the others need the exposures
        """Return means."""
        return self.amount.column.minimum + self.width * np.clip(predictors[:, 0], 0.0, 1.0)

    def score(self, predicted: Vector, target: Target) -> tuple[Vector, Vector]:
        """Return squared and absolute errors."""
        off = np.abs(target.values - predicted)
        return off**2, off

    def limit(self) -> tuple[float, float]:
        """Return the most of each."""
        return self.width**2, self.width


@dataclass(frozen=True, slots=True)
class Poisson:
    """Counts over an exposure, with the logarithm as link."""

    amount: Amount

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    @property
    def most(self) -> float:
        """The largest mean that is allowed: twice the declared maximum, or more where exposures differ."""
        exposure = self.amount.exposure
        spread = 1.0 if exposure is None else exposure.maximum / exposure.minimum
        return 2.0 * self.amount.column.maximum * spread

    def weigh(self, predictors: Vector, target: Target) -> Weighed:
        """Weigh rows."""
        logs = predictors[:, 0] + target.exposures
        if len(logs) and logs.max() > math.log(self.most):
            return _refuse(len(target))
        means = np.exp(logs)
        loss = means - target.values + _times_log(target.values) - target.values * logs
        return Weighed(
            np.maximum(loss, 0.0),
            (means - target.values)[:, None],
            means[:, None, None],
            np.zeros(len(means)),
            allowed=True,
        )

    def bound(self, reach: float) -> RowBounds:
        """Bound what a row adds."""
        largest = self.amount.column.maximum
        loss = self.most + largest * (math.log1p(largest) + reach + self.amount.longest)
        return RowBounds(loss, self.most, self.most)

    def start(self, target: Target) -> float:
        """Return the mean's logarithm, as if there were half a count more."""
        return math.log((float(target.values.sum()) + 0.5) / (float(np.exp(target.exposures).sum()) + 1.0))

    def predict(self, predictors: Vector, target: Target) -> Vector:
        """Return means."""
        least = _LEAST_CHANCE * self.amount.column.maximum
        logs = np.clip(predictors[:, 0] + target.exposures, math.log(least), math.log(self.most))
        return np.asarray(np.clip(np.exp(logs), least, self.most))

    def score(self, predicted: Vector, target: Target) -> tuple[Vector, Vector]:
        """Return deviances and absolute errors."""
        deviance = 2 * (
            _times_log(target.values) - target.values * np.log(predicted) - target.values + predicted
        )
        return np.maximum(deviance, 0.0), np.abs(target.values - predicted)

    def limit(self) -> tuple[float, float]:
        """Return the most of each."""
        return 2 * (self.amount.column.maximum * -math.log(_LEAST_CHANCE) + self.most), self.most


@dataclass(frozen=True, slots=True)
class Gamma:
    """Positive amounts whose spread grows with their mean, with the logarithm as link.

    Its curvature is the expected one, as in iteratively reweighted least squares, and so are the standard errors.
    """

    amount: Amount

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    @property
    def ratio(self) -> float:
        """The most by which an amount may pass its mean: means are at least half the declared minimum."""
        return 2.0 * self.amount.column.maximum / self.amount.column.minimum

    def weigh(self, predictors: Vector, target: Target) -> Weighed:
        """Weigh rows."""
        logs = predictors[:, 0]
        if len(logs) and logs.min() < math.log(self.amount.column.minimum / 2):
            return _refuse(len(target))
        ratios = target.values * np.exp(-logs)
        loss = ratios - 1.0 - np.log(target.values) + logs
        return Weighed(
            np.maximum(loss, 0.0),
            (1.0 - ratios)[:, None],
            np.ones((len(logs), 1, 1)),
            (ratios - 1.0) ** 2,
            allowed=True,
        )

    def bound(self, reach: float) -> RowBounds:
        """Bound what a row adds."""
        column = self.amount.column
        furthest = max(abs(math.log(column.minimum)), abs(math.log(column.maximum)))
        return RowBounds(self.ratio + reach + furthest + 1.0, self.ratio + 1.0, 1.0, (self.ratio + 1.0) ** 2)

    def start(self, target: Target) -> float:
        """Return the mean's logarithm."""
        return math.log(float(target.values.mean()) if len(target) else self.amount.column.minimum)

    def predict(self, predictors: Vector, target: Target) -> Vector:  # noqa: ARG002 - the others need the exposures
        """Return means."""
        column = self.amount.column
        logs = np.clip(predictors[:, 0], math.log(column.minimum), math.log(column.maximum))
        return np.asarray(np.clip(np.exp(logs), column.minimum, column.maximum))

    def score(self, predicted: Vector, target: Target) -> tuple[Vector, Vector]:
        """Return deviances and absolute errors."""
        ratios = target.values / predicted
        return np.maximum(2 * (ratios - 1.0 - np.log(ratios)), 0.0), np.abs(target.values - predicted)

    def limit(self) -> tuple[float, float]:
        """Return the most of each."""
        return 2 * self.ratio, self.amount.column.maximum


@dataclass(frozen=True, slots=True)
class Multinomial:
    """One of several classes: each but the first has a logit against the first."""

    classes: Classes

    @property
    def outputs(self) -> int:
        """One less than there are classes."""
        return len(self.classes.names) - 1

    def weigh(self, predictors: Vector, target: Target) -> Weighed:
        """Weigh rows."""
        logits = np.column_stack([np.zeros(len(target)), predictors])
        top = logits.max(axis=1, initial=0.0)
        shares = np.exp(logits - top[:, None])
        whole = shares.sum(axis=1)
        rows = np.arange(len(target))
        loss = np.log(whole) + top - logits[rows, target.codes]
        chances = (shares / whole[:, None])[:, 1:]
        hit = target.codes[:, None] == np.arange(1, self.outputs + 1)
        curvatures = chances[:, :, None] * (np.eye(self.outputs) - chances[:, None, :])
        return Weighed(np.maximum(loss, 0.0), chances - hit, curvatures, np.zeros(len(loss)), allowed=True)

    def bound(self, reach: float) -> RowBounds:
        """Bound what a row adds."""
        return RowBounds(2 * reach + math.log(len(self.classes.names)), 1.0, 0.25)

    def start(self, target: Target) -> float:  # noqa: ARG002 - the others need the rows
        """Return 0: all classes alike."""
        return 0.0

    def predict(self, predictors: Vector, target: Target) -> Vector:
        """Return probabilities."""
        logits = np.column_stack([np.zeros(len(target)), predictors])
        shares = np.exp(logits - logits.max(axis=1, initial=0.0)[:, None])
        return np.asarray(shares / shares.sum(axis=1)[:, None])

    def score(self, predicted: Vector, target: Target) -> tuple[Vector, Vector]:
        """Return deviances, and 1 where another class is the likeliest."""
        chances = predicted[np.arange(len(target)), target.codes]
        wrong = predicted.argmax(axis=1) != target.codes if len(target) else np.zeros(0)
        return -2 * np.log(np.clip(chances, _LEAST_CHANCE, 1.0)), wrong.astype(np.float64)

    def limit(self) -> tuple[float, float]:
        """Return the most of each."""
        return -2 * math.log(_LEAST_CHANCE), 1.0


def _refuse(rows: int) -> Weighed:
    return Weighed(np.zeros(rows), np.zeros((rows, 1)), np.zeros((rows, 1, 1)), np.zeros(rows), allowed=False)


def _times_log(values: Vector) -> Vector:
    return values * np.log(np.where(values > 0, values, 1.0))
