"""What a member computes for itself: a model of its own, and a correction to the joint one.

None of it leaves the member but through the sums of the evaluation.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hansa.learning.design import CategoryColumns, Design, Minimum, NumberColumns, encode_table, make_design
from hansa.learning.model import Model
from hansa.learning.newton import minimise, squash
from hansa.learning.slope import encode_train, fit_intercept
from hansa.learning.survey import answer_survey, read_survey
from hansa.learning.tables import Rows, Schema, Vector

INTERCEPT_PENALTY = 0.1
"""A correction's own intercept is nearly free: base rates differ more than slopes do."""

_TURNS = 50

_STRENGTHS: Final = (0.1, 1.0, 10.0, 100.0)
"""By which the plan's `correction` is multiplied where a member may choose."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A member's test rows: labels, and logits of three models, each of shape (n,)."""

    labels: NDArray[np.int8]
    alone: Vector
    together: Vector
    corrected: Vector


class Judge(Protocol):
    """A joint model, and how any member sets its own beside it: public."""

    def publics(self) -> Iterable[bytes]:
        """Yield what the scores depend on besides the rows."""
        ...

    def score(self, rows: Rows) -> Scores:
        """Score a member's test rows alone, together and corrected; what is worked out is remembered with the rows."""
        ...

    def offer(self, rows: Rows) -> Mapping[str, Vector]:
        """Return the logits of the test rows, shape (n,), of `alone`, `together` and corrections of several strengths.

        The member's own models are of these training rows; nothing depends on the labels of the test rows.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LogisticJudge:
    """Scores by a logistic model.

    Args:
        model: the joint one.
        ridge: of members' own models.
        correction: > 0; how strongly corrected coefficients are pulled to the joint ones.
    """

    model: Model
    ridge: float
    correction: float

    def publics(self) -> Iterable[bytes]:
        """Yield the model and both penalties."""
        yield self.model.digest.encode()
        yield repr((self.ridge, self.correction)).encode()

    def score(self, rows: Rows) -> Scores:
        """Score a member's test rows alone, together and corrected; what is worked out is remembered with the rows."""
        return score_rows(self.model, rows, self.ridge, self.correction)

    def offer(self, rows: Rows) -> Mapping[str, Vector]:
        """Return the logits of the test rows alone, together, and with a correction of each of four strengths."""
        strengths = [self.correction * times for times in _STRENGTHS]
        alone, together, *corrected = _score_each(self.model, rows, self.ridge, strengths)
        named = {
            f"corrected {strength:g}": logits for strength, logits in zip(strengths, corrected, strict=True)
        }
        return {"alone": alone, "together": together, **self._offer_cluster(rows), **named}

    def _offer_cluster(self, rows: Rows) -> Mapping[str, Vector]:
        """Return the logits of the side whose model makes the training rows likelier, if the model has sides."""
        model = self.model
        if not model.clusters:
            return {}
        side = min(model.clusters, key=lambda coefficients: measure_fit(model, coefficients, rows))
        logits = encode_table(model.design, rows.test).predict(side)
        return {"clustered": logits + _fit_own_intercept(model, side, rows)}


def find_shift(model: Model, rows: Rows, correction: float) -> Vector:
    """Return what a member would change about the joint model's coefficients: shape (n_columns,).

    Args:
        model: the joint one.
        rows: the member's; its training rows count.
        correction: > 0; how strongly a change is pulled to none.
    """
    train = encode_train(model.design, rows)
    known = train.predict(model.coefficients) + _fit_own_intercept(model, model.coefficients, rows)
    penalty = np.append(INTERCEPT_PENALTY, np.full(train.columns - 1, correction))
    return minimise(train, rows.train.labels.astype(np.float64), penalty, _TURNS, offset=known)


def measure_fit(model: Model, coefficients: Vector, rows: Rows) -> float:
    """Return the logarithmic loss that other coefficients give a member's validation rows, or without any its training rows.

    An own intercept, where the model has such, is fitted to training rows.
    """
    if rows.validation is not None and len(rows.validation):
        labels, matrix = rows.validation.labels, encode_table(model.design, rows.validation)
    else:
        labels, matrix = rows.train.labels, encode_train(model.design, rows)
    logits = matrix.predict(coefficients) + _fit_own_intercept(model, coefficients, rows)
    _, softplus = squash(logits)
    return math.fsum((softplus - labels * logits).tolist())


def _fit_own_intercept(model: Model, coefficients: Vector, rows: Rows) -> float:
    if model.intercept_penalty is None:
        return 0.0
    known = encode_train(model.design, rows).predict(coefficients)
    return fit_intercept(known, rows.train.labels.astype(np.float64), model.intercept_penalty)


def fit_alone(schema: Schema, rows: Rows, ridge: float) -> Model:
    """Fit the same kind of model to one member's training rows, with its own means and categories.

    Args:
        schema: the plan's features.
        rows: the member's.
        ridge: as in the joint fit.

    Returns:
        The model; where only one label occurs, one that gives every row the same, smoothed rate.
    """
    positives, count = rows.train.positives, len(rows.train)
    if positives in {0, count}:
        numbers = tuple(NumberColumns(f.name, f.minimum, None, indicator=False) for f in schema.numbers)
        categories = tuple(CategoryColumns(f.name, ()) for f in schema.categories)
        rate = math.log((positives + 0.5) / (count - positives + 0.5))
        return Model(Design(schema, numbers, categories), np.array([rate]), None)
    design = make_design(schema, read_survey(schema, answer_survey(schema, rows)), Minimum(1, 1))
    matrix = encode_table(design, rows.train)
    penalty = np.append(0.0, np.full(matrix.columns - 1, ridge))
    return Model(design, minimise(matrix, rows.train.labels.astype(np.float64), penalty, _TURNS), None)


def score_rows(model: Model, rows: Rows, ridge: float, correction: float) -> Scores:
    """Score a member's test rows alone, together, and together with a correction.

    Args:
        model: the joint model.
        rows: the member's, whose own models learn from validation rows too; what is worked out is remembered with them.
        ridge: for the member's own model.
        correction: > 0; how strongly the corrected coefficients are pulled to the joint ones.
    """
    key = f"{model.digest} {ridge!r} {correction!r}"
    return rows.remember("scores", key, lambda: _score_rows(model, rows.own, ridge, correction))


def _score_rows(model: Model, rows: Rows, ridge: float, correction: float) -> Scores:
    alone, together, corrected = _score_each(model, rows, ridge, [correction])
    return Scores(rows.test.labels, alone, together, corrected)


def _score_each(model: Model, rows: Rows, ridge: float, corrections: Sequence[float]) -> tuple[Vector, ...]:
    """Return the logits of the test rows: alone, together, and with each correction."""
    alone = fit_alone(model.design.schema, rows, ridge).predict(rows.test)
    train = encode_train(model.design, rows)
    test = encode_table(model.design, rows.test)
    labels = rows.train.labels.astype(np.float64)
    known, together = train.predict(model.coefficients), test.predict(model.coefficients)
    if model.intercept_penalty is not None:
        own = fit_intercept(known, labels, model.intercept_penalty)
        known, together = known + own, together + own
    corrected = []
    for correction in corrections:
        penalty = np.append(INTERCEPT_PENALTY, np.full(train.columns - 1, correction))
        shift = minimise(train, labels, penalty, _TURNS, offset=known)
        corrected.append(together + test.predict(shift))
    return alone, together, *corrected
