"""What noise would do to statistics, tried out on rows that are all at hand, for rehearsals and benchmarks.

Nothing here is hidden from anybody, and what it finds is data.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hansa.learning.histogram import QUANTILES
from hansa.learning.parameters import parse_statistics_parameters
from hansa.learning.pricing import Draw
from hansa.learning.private_statistics import PrivateStatistics
from hansa.learning.reading import Plan, read_rho, read_schema, read_unit
from hansa.learning.recipe import Question, Recipe, run_in_clear
from hansa.learning.statistics import Statistics, StatisticsState, verify_result
from hansa.learning.summary import CategorySummary, Summary
from hansa.learning.tables import Codes, Rows, Schema, Vector


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far statistics are from the figures over all rows in one place, as root mean squares over numbers and draws.

    Args:
        noise: the standard deviation of the noise in a count, rows.
        mean: of a mean, in the number's standard deviations.
        deviation: of a standard deviation, likewise.
        quantile: of a quantile, likewise.
        count: of the count of a category that is told, rows.
        told: the mean number of categories of counted features that are told.
        values: how many different values these features have.
    """

    noise: float
    mean: float
    deviation: float
    quantile: float
    count: float
    told: float
    values: int


def rehearse_statistics(
    plan: Plan, members: Sequence[Rows], *, honest: int, draws: int, draw: Draw
) -> Accuracy:
    """Compute the statistics that a plan names, with the noise that it declares if it does, and compare.

    Args:
        plan: the canonical JSON of a plan of statistics.
        members: everybody's rows.
        honest: on how many members' noise the guarantee would rest.
        draws: how often, >= 1; once is enough without noise.
        draw: the source of noise.

    Raises:
        Refused: as `build_recipe` and the recipe.
    """
    schema = read_schema(plan)
    parameters = parse_statistics_parameters(plan["recipe"]["parameters"])
    rho = read_rho(plan)
    names = tuple(rows.member for rows in members)
    if not rho:
        return measure_accuracy(Statistics(schema, parameters, names), schema, members, 1, draw)
    spread = math.sqrt(len(members) / honest)
    recipe = PrivateStatistics(schema, parameters, read_unit(plan), rho, spread)
    return measure_accuracy(recipe, schema, members, draws, draw)


def measure_accuracy(
    recipe: Recipe[StatisticsState], schema: Schema, members: Sequence[Rows], draws: int, draw: Draw
) -> Accuracy:
    """Compute statistics several times and say how far they are from the figures over all rows in one place."""
    spread = recipe.spread if isinstance(recipe, PrivateStatistics) else 1.0

    def add(question: Question, answers: Sequence[Vector]) -> Vector:
        total = np.asarray(np.sum(answers, axis=0))
        if question.noise is None:
            return total
        return total + draw(question.noise.deviation * spread, len(total))

    summaries = [verify_result(run_in_clear(recipe, members, add)).summary for _ in range(draws)]
    columns = {
        number.name: np.concatenate([rows.train.numbers[number.name] for rows in members])
        for number in schema.numbers
    }
    codes = {
        category.name: np.concatenate([rows.train.codes[category.name] for rows in members])
        for category in schema.categories
    }
    errors: dict[str, list[float]] = {"mean": [], "deviation": [], "quantile": [], "count": []}
    told = []
    for summary in summaries:
        _compare_numbers(summary, columns, errors)
        counted = [found for found in summary.categories if found.category.categories is None]
        told.append(sum(len(found.counts) for found in counted))
        for found in summary.categories:
            errors["count"] += _compare_counts(found, codes[found.category.name])
    values = sum(
        len(np.unique(codes[category.name])) for category in schema.categories if category.categories is None
    )
    root = {
        name: math.sqrt(np.mean(np.square(found))) if found else math.nan for name, found in errors.items()
    }
    noise = float(summaries[0].noise)
    return Accuracy(
        noise, root["mean"], root["deviation"], root["quantile"], root["count"], float(np.mean(told)), values
    )


def _compare_numbers(summary: Summary, columns: dict[str, Vector], errors: dict[str, list[float]]) -> None:
    for found in summary.numbers:
        column = columns[found.number.name]
        present = column[~np.isnan(column)]
        scale = float(present.std()) or 1.0
        errors["mean"].append((float(found.mean.value) - float(present.mean())) / scale)
        errors["deviation"].append((float(found.deviation.value) - float(present.std())) / scale)
        for share, figure in zip(QUANTILES, found.quantiles, strict=True):
            errors["quantile"].append(
                (float(figure.value) - float(np.quantile(present, float(share)))) / scale
            )


def _compare_counts(found: CategorySummary, codes: Codes) -> list[float]:
    return [float(rows - np.count_nonzero(codes == code)) for code, rows in found.counts]
