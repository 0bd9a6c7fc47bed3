"""The recipe `statistics` with noise: one question, and how far each figure can be told through its noise.

docs/formats/recipe-statistics.md specifies it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.categories import CategoryFeature
from hansa.learning.census import find_floor
from hansa.learning.comparison import StatisticsReport, compare_member
from hansa.learning.histogram import QUANTILES, Ranks, find_edges, find_step, find_width, rank_rows
from hansa.learning.parameters import StatisticsParameters
from hansa.learning.recipe import Dropped, Question, Result, verify_numbers
from hansa.learning.scoreboard import find_counts
from hansa.learning.sketch import (
    MOMENT_SCALE,
    NumberSums,
    SketchQuestion,
    answer_sketch,
    find_sketch_sensitivity,
    part_sketch,
)
from hansa.learning.statistics import Asking, StatisticsState, verify_result
from hansa.learning.summary import (
    CategorySummary,
    Figure,
    NumberSummary,
    Run,
    StatisticsResult,
    Summary,
    make_figure,
    place_quantile,
)
from hansa.learning.tables import NumberFeature, Rows, Schema, Vector
from hansa.learning.unit import Unit
from hansa.privacy import Noise

DEVIATIONS: Final = 1.96
"""Of noise, to either side of a figure."""

_SEEN: Final = 4.0
"""A number is told when the rows that have it are more than so many standard deviations of noise in a count."""


_CAUTION: Final = 16
"""The floor is that of so many times as many codes: noise lifts one that nobody has over it in about 1 run of 200."""


@dataclass(frozen=True)
class PrivateStatistics:
    """Statistics over a noised sum.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        unit: what the noise hides.
        rho: what the run may cost each unit, in zero-concentrated differential privacy.
        spread: >= 1, by how much the noise in a total exceeds what one trusted party would have added.

    Guarantees:
        The one question costs exactly `rho`.
    """

    schema: Schema
    parameters: StatisticsParameters
    unit: Unit
    rho: Fraction
    spread: float

    def begin(self) -> StatisticsState:
        """Return the state before the question."""
        return Asking()

    def ask(self, state: StatisticsState) -> Question | Result:
        """Return the question, or the result."""
        if isinstance(state, StatisticsResult):
            return state
        noise = Noise(find_sketch_sensitivity(self.schema, self.unit), self.rho)
        return SketchQuestion("statistics", self.schema, self.unit, self.parameters.bins, noise=noise)

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer, before its noise.

        Raises:
            Refused: `privacy.rows`, too many rows.
            ValueError: the question is not this recipe's.
        """
        return answer_sketch(_verify_question(question), rows.train)

    def learn(self, state: StatisticsState, total: Vector, survivors: tuple[str, ...]) -> StatisticsState:
        """Take in the noised total, over whichever members.

        Raises:
            Refused: `recipe.few-rows` no rows are seen through the noise.
            ValueError: the total does not fit the question.
        """
        question = _verify_question(self.ask(state))
        verify_numbers(question, total)
        assert question.noise is not None  # the question of this recipe has it
        deviation = question.noise.deviation * self.spread
        summary, dropped = self._summarise(question, total, deviation, len(survivors))
        return StatisticsResult(1, {"statistics": survivors}, {}, summary.to_json(), dropped, summary)

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check nothing: noise hides each member's rows, however few members a total is over."""

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:  # noqa: ARG002 - the protocol's
        """Check the shape; no noised total contradicts an answer.

        Raises:
            ValueError: `answer` or `total` does not fit the question.
        """
        verify_numbers(question, answer)
        verify_numbers(question, total)

    def private_report(self, result: Result, rows: Rows) -> StatisticsReport:
        """Tell one member how its rows differ from all rows; nothing of this leaves the member."""
        return compare_member(verify_result(result).summary, rows)

    def _summarise(
        self, question: SketchQuestion, total: Vector, deviation: float, members: int
    ) -> tuple[Summary, tuple[Dropped, ...]]:
        sketch = part_sketch(question, total)
        if sketch.rows < _SEEN * deviation or sketch.rows < 1.0:
            raise Refused(
                "recipe.few-rows", "the rows of all members together are too few to be seen through the noise"
            )
        numbers, dropped = [], {}
        for number, sums in zip(self.schema.numbers, sketch.numbers, strict=True):
            if sketch.rows - max(sums.missing, 0.0) < max(_SEEN * deviation, 1.0):
                dropped[number.name] = "too few rows have a value to be seen through the noise"
            else:
                numbers.append(_summarise_number(number, sums, sketch.rows, deviation))
        categories = []
        for category, held in zip(self.schema.categories, sketch.categories, strict=True):
            summary = _summarise_category(
                category, held, sketch.rows, deviation, self.parameters.minimum_rows
            )
            categories.append(summary)
            if summary.other is not None:
                dropped[category.name] = "values that few rows have are not seen through the noise"
        found = Summary(members, round(sketch.rows), _round_up(deviation), tuple(numbers), tuple(categories))
        listed = [
            Dropped(feature.name, dropped[feature.name])
            for feature in self.schema.features
            if feature.name in dropped
        ]
        return found, tuple(listed)


def _verify_question(question: Question | Result) -> SketchQuestion:
    if not isinstance(question, SketchQuestion):
        raise ValueError("not a question of this recipe, or the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
    return question


def _summarise_number(
    number: NumberFeature, sums: NumberSums, rows: float, deviation: float
) -> NumberSummary:
    present = rows - max(sums.missing, 0.0)
    half, step = (number.maximum - number.minimum) / 2, find_step(find_width(number), present)
    mean = min(max(sums.across / present, -1.0), 1.0)
    square = 1.0 - sums.inward / present
    variance = min(max(square - mean * mean, 0.0), 1.0)
    # To first order, with noise in both moments, in the rows, and in those without a value if there may be some.
    moment = deviation / MOMENT_SCALE / present
    held = deviation * math.sqrt(1 + number.missing) / present
    mean_error = math.sqrt(moment * moment + mean * mean * held * held)
    by_rows = (1.0 - square) + 2 * mean * mean
    variance_error = math.sqrt(
        moment * moment + 4 * mean * mean * moment * moment + by_rows * by_rows * held * held
    )
    # A root is moved most where it is least.
    low = math.sqrt(max(variance - DEVIATIONS * variance_error, 0.0))
    high = math.sqrt(min(variance + DEVIATIONS * variance_error, 1.0))
    spread = math.sqrt(variance)
    counts = find_counts(
        sums.histogram + (present - math.fsum(sums.histogram.tolist())) / len(sums.histogram)
    )
    return NumberSummary(
        number,
        len(counts),
        round(max(sums.missing, 0.0)),
        make_figure(number.minimum + half * (1.0 + mean), half * DEVIATIONS * mean_error, step),
        make_figure(half * spread, half * max(spread - low, high - spread), step),
        tuple(_find_quantiles(number, counts.tolist(), deviation, step)),
        tuple(Run(place, place + 1, count) for place, count in enumerate(counts.tolist())),
    )


def _find_quantiles(
    number: NumberFeature, counts: list[int], deviation: float, step: Fraction
) -> Iterator[Figure]:
    """Yield each quantile; its rank is as uncertain as the sum of the bins on the shorter side of it."""
    edges = find_edges(number, len(counts))
    rows = [Fraction(count) for count in counts]
    starts = range(len(edges))
    whole = sum(rows, Fraction(0))
    for share in QUANTILES:
        middle = rank_rows(starts, rows, share * whole, share * whole)
        summed = min(middle.high, len(counts) - middle.low) + 1
        doubt = Fraction(DEVIATIONS * deviation * math.sqrt(summed))
        least, most = share * whole - doubt, share * whole + doubt
        outer = rank_rows(starts, rows, least, most)
        # Beyond the first row and the last one noise may hide some more.
        low, high = outer.low if least > 0 else 0, outer.high if most < whole else len(counts)
        yield place_quantile(edges, Ranks(low, high, middle.value), step)


def _summarise_category(
    category: CategoryFeature, held: Vector, rows: float, deviation: float, minimum_rows: int
) -> CategorySummary:
    if category.categories is not None:
        counts = find_counts(held + (rows - math.fsum(held.tolist())) / len(held))
        return CategorySummary(category, tuple(enumerate(counts.tolist())), None)
    floor = find_floor(_CAUTION * len(held), deviation, minimum_rows)
    told = [(code, round(float(held[code]))) for code in np.flatnonzero(held >= floor).tolist()]
    other = round(rows) - sum(count for _, count in told)
    return CategorySummary(category, tuple(told), max(other, 0))


def _round_up(deviation: float) -> Fraction:
    """Return a standard deviation in hundredths, not below it."""
    return Fraction(math.ceil(deviation * 100), 100)
