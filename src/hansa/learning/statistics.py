"""The recipe `statistics`: how many, how large, how spread, which categories; one question over all rows.

docs/formats/recipe-statistics.md specifies it: the layout, what is told and what is told together only, and what the
total reveals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np

from hansa.errors import Refused
from hansa.learning.comparison import StatisticsReport, compare_member
from hansa.learning.contradiction import find_contradictions
from hansa.learning.design import Minimum
from hansa.learning.histogram import QUANTILES, find_edges, find_step, rank_rows
from hansa.learning.parameters import StatisticsParameters
from hansa.learning.recipe import Dropped, Question, Result
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
from hansa.learning.suppression import Block, Counts, choose_blocks, choose_codes, sum_blocks
from hansa.learning.survey import NumberTotals
from hansa.learning.tables import NumberFeature, Rows, Schema, Vector
from hansa.learning.tabulation import (
    BinTotals,
    TabulationQuestion,
    answer_tabulation,
    read_tabulation,
)

_SHOWN_CONTRADICTIONS = 10


@dataclass(frozen=True, slots=True)
class Asking:
    """Before the one total."""


StatisticsState = Asking | StatisticsResult


@dataclass(frozen=True)
class Statistics:
    """Statistics over sums without noise, in which no small cell is told.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        members: ids of the cohort.
    Guarantees:
        Counts are those of all rows of the members in the total; means and deviations are theirs but for rounding.
    """

    schema: Schema
    parameters: StatisticsParameters
    members: tuple[str, ...]

    def begin(self) -> StatisticsState:
        """Return the state before the question."""
        return Asking()

    def ask(self, state: StatisticsState) -> Question | Result:
        """Return the question, or the result."""
        if isinstance(state, StatisticsResult):
            return state
        return TabulationQuestion("statistics", self.schema, self.parameters.bins)

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            ValueError: the question is not this recipe's.
        """
        return answer_tabulation(_verify_question(question), rows)

    def learn(self, state: StatisticsState, total: Vector, survivors: tuple[str, ...]) -> StatisticsState:
        """Take in the total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left; `recipe.total` no honest answers add up to this;
                `recipe.few-rows` all rows together are too few to be told.
            ValueError: the total does not fit the question.
        """
        question = _verify_question(self.ask(state))
        verify_numbers(question, total)
        if not {*survivors} <= {*self.members}:
            raise ValueError("a total holds answers of somebody outside the cohort")
        self.verify_survivors(question, len(survivors))
        found = [*islice(find_contradictions(question, total, len(survivors)), _SHOWN_CONTRADICTIONS)]
        if found:
            raise Refused("recipe.total", [f"`{question.name}`: {doubt}" for doubt in found])
        summary, dropped = self._summarise(question, total, len(survivors))
        return StatisticsResult(1, {"statistics": survivors}, {}, summary.to_json(), dropped, summary)

    def verify_survivors(self, question: Question, members: int) -> None:  # noqa: ARG002 - the protocol's
        """Check that the total is over as many members as a cell needs to be told.

        Raises:
            Refused: `recipe.survivors`.
        """
        if members < self.parameters.minimum_members:
            raise Refused(
                "recipe.survivors",
                f"{members} members are left, and what fewer than {self.parameters.minimum_members} have is not told; "
                "lower `minimum_members`, or let more take part",
            )

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:
        """Check, as a member, that an announced total can hold one's own answer; before `learn`.

        Raises:
            Refused: `recipe.total`; the reason names the question alone.
            ValueError: `answer` or `total` does not fit the question.
        """
        verify_numbers(question, answer)
        verify_numbers(question, total)
        for _ in find_contradictions(question, total - answer, members - 1):
            raise Refused(
                "recipe.total",
                f"the announced total of `{question.name}` cannot hold this member's own answer",
            )

    def private_report(self, result: Result, rows: Rows) -> StatisticsReport:
        """Tell one member how its rows differ from all rows; nothing of this leaves the member."""
        return compare_member(verify_result(result).summary, rows)

    def _summarise(
        self, question: TabulationQuestion, total: Vector, members: int
    ) -> tuple[Summary, tuple[Dropped, ...]]:
        tabulation = read_tabulation(question, total)
        survey = tabulation.survey
        minimum = Minimum(self.parameters.minimum_members, self.parameters.minimum_rows)
        if survey.rows < minimum.rows:
            raise Refused(
                "recipe.few-rows",
                f"all members together have {survey.rows} rows, at least {minimum.rows} are told",
            )
        dropped: dict[str, list[Dropped]] = {}
        numbers = []
        for number, totals, held in zip(
            self.schema.numbers, survey.numbers, tabulation.histograms, strict=True
        ):
            if minimum.is_met(totals.present, totals.having):
                numbers.append(_summarise_number(number, totals, held, survey.rows, minimum))
            else:
                dropped[number.name] = [Dropped(number.name, f"{_describe(minimum)} have a value")]
        categories = []
        for category, counts in zip(self.schema.categories, survey.categories, strict=True):
            # Of codes that join the small ones the last is the first, and those without a value are to be the last.
            turn = int(category.missing)
            turned = choose_codes(np.roll(counts.rows, turn), np.roll(counts.members, turn), minimum)
            codes = sorted((code - turn) % len(counts.rows) for code in turned)
            other = survey.rows - int(counts.rows[codes].sum())
            # A bucket that nobody is in is no category of anybody's.
            told = [
                (code, int(counts.rows[code])) for code in codes if category.categories or counts.rows[code]
            ]
            left = len(codes) < len(counts.rows)
            categories.append(CategorySummary(category, tuple(told), other if left else None))
            if left:
                dropped[category.name] = [
                    Dropped(
                        category.name, f"{_describe(minimum)} have some of the values that are told as one"
                    )
                ]
        summary = Summary(members, survey.rows, Fraction(0), tuple(numbers), tuple(categories))
        listed = [entry for feature in self.schema.features for entry in dropped.get(feature.name, [])]
        return summary, tuple(listed)


def verify_numbers(question: Question, numbers: Vector) -> None:
    """Check that an answer or a total fits its question.

    Raises:
        ValueError: it does not.
    """
    if numbers.shape != (question.length,) or not np.isfinite(numbers).all():
        raise ValueError(f"`{question.name}` has {question.length} finite numbers")


def verify_result(result: Result) -> StatisticsResult:
    """Return the result of this recipe.

    Raises:
        TypeError: it is another recipe's.
    """
    if not isinstance(result, StatisticsResult):
        raise TypeError("not a result of statistics")
    return result


def _verify_question(question: Question | Result) -> TabulationQuestion:
    if not isinstance(question, TabulationQuestion):
        raise ValueError("not a question of this recipe, or the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
    return question


def _summarise_number(
    number: NumberFeature, totals: NumberTotals, held: BinTotals, rows: int, minimum: Minimum
) -> NumberSummary:
    lacking = rows - totals.present
    # Rows without a value stand before all bins. None of them: that may be told, and they are no cell.
    cells = int(lacking > 0)
    counts = np.concatenate([np.full(cells, lacking), held.rows])
    widths = np.concatenate([np.full(cells, totals.lacking), held.members])
    blocks = choose_blocks(counts, widths, minimum) or (Block(0, len(counts) - 1),)
    is_told = not cells or blocks[0] == (0, 0)
    runs = tuple(_list_runs(blocks, counts, cells))
    step = find_step(number, totals.present)
    return NumberSummary(
        number,
        len(held.rows),
        lacking if is_told else None,
        make_figure(totals.mean, 0.0, step),
        make_figure(totals.deviation, 0.0, step),
        tuple(_find_quantiles(number, len(held.rows), runs, 0 if is_told else minimum.rows - 1, step)),
        runs,
    )


def _list_runs(blocks: Sequence[Block], counts: Counts, cells: int) -> Iterator[Run]:
    """Yield the blocks as runs of bins, and the empty bins between them; so many cells stand before all bins."""
    place = 0
    for block, rows in zip(blocks, sum_blocks(blocks, counts), strict=True):
        start, end = max(block.first - cells, 0), block.last + 1 - cells
        if start > place:
            yield Run(place, start, 0)
        if end > start:
            yield Run(start, end, rows)
        place = end


def _find_quantiles(
    number: NumberFeature, bins: int, runs: tuple[Run, ...], hidden: int, step: Fraction
) -> Iterator[Figure]:
    """Yield each quantile from the runs that are told, of whose first rows up to `hidden` may have no value."""
    edges = find_edges(number, bins)
    starts = [*(run.start for run in runs), bins]
    counts = [Fraction(run.rows) for run in runs]
    for share in QUANTILES:
        rank = share * sum(counts)
        ranks = rank_rows(starts, counts, rank, rank + (1 - share) * hidden)
        yield place_quantile(edges, ranks, step)


def _describe(minimum: Minimum) -> str:
    return f"fewer than {minimum.rows} rows or {minimum.members} members"
