"""What noise and clipping would do to a model, tried out on rows that are all at hand.

For rehearsals and benchmarks, before a vote: nothing here is hidden from anybody, and what it finds is data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np

from hansa.budget import convert_to_rho
from hansa.learning.clipped import measure_pulls
from hansa.learning.logistic import Logistic
from hansa.learning.model import Model, parse_model
from hansa.learning.parameters import parse_parameters
from hansa.learning.private import PrivateLogistic
from hansa.learning.ranking import can_score, measure_auc
from hansa.learning.reading import Plan, read_schema, read_unit
from hansa.learning.recipe import Json, Question, Recipe, run_in_clear
from hansa.learning.tables import Rows, Table, Vector
from hansa.learning.trees import PrivateTrees, Trees, parse_forest, parse_trees_parameters
from hansa.privacy import describe_clipping

Draw = Callable[[float, int], Vector]
"""Draws Gaussian noise: a standard deviation and how many, shape (count,)."""


class Predictor(Protocol):
    """A joint model."""

    def predict(self, table: Table) -> Vector:
        """Return each row's logit: shape (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """The mean AUC over members that can be scored, on their test rows, at one epsilon.

    Args:
        epsilon: as asked.
        unclipped: of the recipe without noise; a NaN when nobody can be scored, as all that follow.
        clipped: of the recipe with noise when there is none: what clipping and fewer steps cost.
        central: with as much noise as one trusted party would add; the mean over draws.
        split: with the noise that members add in shares; the mean over draws.
        deviation: of the latter, from draw to draw.
        cut: the share of training rows that clipping cuts, at the coefficients without noise.
    """

    epsilon: str
    unclipped: float
    clipped: float
    central: float
    split: float
    deviation: float
    cut: float


def rehearse_price(
    plan: Plan,
    members: Sequence[Rows],
    budgets: Sequence[tuple[str, str]],
    *,
    honest: int,
    draws: int,
    draw: Draw,
) -> tuple[Price, ...]:
    """Fit what a plan names without noise, and at each budget with it.

    Args:
        plan: the canonical JSON of a plan; its own epsilon and delta are passed over.
        members: everybody's rows, divided by the plan's split.
        budgets: epsilon and delta, as decimals.
        honest: on how many members' noise the guarantee would rest.
        draws: fits for each budget and kind of noise, >= 1.
        draw: the source of noise.

    Raises:
        Refused: as `build_recipe` and the recipes.
    """
    tried = _read_trial(plan, members)
    unclipped = measure_macro(_fit(tried.plain, tried.parse, members), members)
    prices = []
    for epsilon, delta in budgets:
        rho = convert_to_rho(epsilon, delta)
        spread = math.sqrt(len(members) / honest)
        clear = _fit(tried.noise(Fraction(10**9), 1.0), tried.parse, members)

        def fit_noised(spread: float, rho: Fraction = rho) -> list[float]:
            recipe = tried.noise(rho, spread)
            fitted = (_fit(recipe, tried.parse, members, draw, spread) for _ in range(draws))
            return [measure_macro(model, members) for model in fitted]

        split = fit_noised(spread)
        prices.append(
            Price(
                epsilon,
                unclipped,
                measure_macro(clear, members),
                float(np.mean(fit_noised(1.0))),
                float(np.mean(split)),
                float(np.std(split)),
                tried.cut(clear),
            )
        )
    return tuple(prices)


class _Trial(NamedTuple):
    """What a plan names, with noise and without: how to make it, how to read its model, and what clipping cuts of a model's rows."""

    plain: Recipe[Any]
    noise: Callable[[Fraction, float], Recipe[Any]]
    parse: Callable[[dict[str, Json]], Predictor]
    cut: Callable[[Any], float]


def _read_trial(plan: Plan, members: Sequence[Rows]) -> _Trial:
    schema, unit, names = read_schema(plan), read_unit(plan), tuple(rows.member for rows in members)
    if plan["recipe"]["name"] == "trees":
        trees = parse_trees_parameters(plan["recipe"]["parameters"], schema)
        return _Trial(
            Trees(schema, trees, names),
            lambda rho, spread: PrivateTrees(schema, trees, unit, rho, spread),
            parse_forest,
            lambda _: 0.0,
        )
    parameters = parse_parameters(plan["recipe"]["parameters"])

    def cut(model: Model) -> float:
        pulls = [measure_pulls(model.design, model.coefficients, rows) for rows in members]
        return describe_clipping(np.concatenate(pulls), parameters.clip).share

    return _Trial(
        Logistic(schema, parameters, names),
        lambda rho, spread: PrivateLogistic(schema, parameters, unit, rho, spread),
        parse_model,
        cut,
    )


def measure_macro(model: Predictor, members: Sequence[Rows]) -> float:
    """Return the mean AUC over the members whose test rows can be scored; NaN when none can."""
    scored = [rows for rows in members if can_score(rows.test.labels)]
    aucs = [measure_auc(rows.test.labels, model.predict(rows.test)) for rows in scored]
    return math.fsum(aucs) / len(aucs) if aucs else math.nan


def _fit(
    recipe: Recipe[Any],
    parse: Callable[[dict[str, Json]], Predictor],
    members: Sequence[Rows],
    draw: Draw | None = None,
    spread: float = 1.0,
) -> Predictor:
    def add(question: Question, answers: Sequence[Vector]) -> Vector:
        total = np.asarray(np.sum(answers, axis=0))
        if draw is None or question.noise is None:
            return total
        return total + draw(question.noise.deviation * spread, len(total))

    return parse(dict(run_in_clear(recipe, members, add).document))
