"""The recipe `statistics`: how many, how large, how spread, which categories, over all rows.

docs/formats/recipe-statistics.md specifies it: the layouts, what is told and what is told together only, and what the
totals reveal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hansa.errors import Refused
from hansa.learning.categories import CategoryFeature
from hansa.learning.comparison import StatisticsReport, compare_member
from hansa.learning.contradiction import find_contradictions, verify_own_part, verify_undoubted
from hansa.learning.design import Minimum
from hansa.learning.parameters import StatisticsParameters
from hansa.learning.recipe import Dropped, Question, Result, verify_numbers
from hansa.learning.summary import CategorySummary, StatisticsResult, Summary
from hansa.learning.suppression import choose_codes
from hansa.learning.tables import Rows, Schema, Vector
from hansa.learning.tabulation import (
    Cells,
    CountQuestion,
    MomentQuestion,
    Moments,
    answer_counts,
    answer_moments,
    read_counts,
    read_moments,
)
from hansa.learning.telling import Outline, outline_number, tell_number


@dataclass(frozen=True, slots=True)
class Asking:
    """Before the first total."""


@dataclass(frozen=True, slots=True, eq=False)
class Measuring:
    """After the counts: what is told one by one is known, how large values are not yet.

    Args:
        rows: of everybody.
        outlines: of each number, None for one that is not told.
        categories: as they are told.
        dropped: what is not told, by feature.
        members: whose rows were counted.
    """

    rows: int
    outlines: tuple[Outline | None, ...]
    categories: tuple[CategorySummary, ...]
    dropped: tuple[Dropped, ...]
    members: tuple[str, ...]


StatisticsState = Asking | Measuring | StatisticsResult


@dataclass(frozen=True)
class Statistics:
    """Statistics over sums without noise, in which no small cell is told.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        members: ids of the cohort.
    Guarantees:
        Counts are those of all rows of the members in the first total, and each figure is theirs within its bounds, which
        are the wider, the more of them are not in the second one.
    """

    schema: Schema
    parameters: StatisticsParameters
    members: tuple[str, ...]

    def begin(self) -> StatisticsState:
        """Return the state before the question."""
        return Asking()

    def ask(self, state: StatisticsState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Asking():
                return CountQuestion("counts", self.schema, self.parameters.bins)
            case Measuring(outlines=outlines):
                spans = tuple(() if outline is None else outline.span for outline in outlines)
                return MomentQuestion("moments", self.schema, self.parameters.bins, spans)
            case StatisticsResult():
                return state

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            ValueError: the question is not one of this recipe's.
        """
        match question:
            case CountQuestion():
                return answer_counts(question, rows)
            case MomentQuestion():
                return answer_moments(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: StatisticsState, total: Vector, survivors: tuple[str, ...]) -> StatisticsState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left; `recipe.total` no honest answers add up to this, or it is at odds
                with the counts; `recipe.few-rows` all rows together are too few to be told.
            ValueError: the total does not fit the question.
        """
        question = self.ask(state)
        if isinstance(question, Result):
            raise ValueError("the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
        verify_numbers(question, total)
        if not {*survivors} <= {*self.members}:
            raise ValueError("a total holds answers of somebody outside the cohort")
        self.verify_survivors(question, len(survivors))
        verify_undoubted(question, _doubt(state, question, total, survivors))
        match state, question:
            case Asking(), CountQuestion():
                counted = self._count(question, total, survivors)
                # Where no number has a bin that is told alone, there is nothing to ask for.
                return (
                    counted
                    if any(o and o.span for o in counted.outlines)
                    else self._conclude(counted, None, ())
                )
            case Measuring(), _:
                return self._conclude(state, total, survivors)
            case _:
                raise AssertionError("ask and learn disagree")

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
        """Check, as a member, that an announced total can hold one's own answer; before `learn`. Raises as `verify_own_part`."""
        verify_own_part(question, answer, total, members)

    def private_report(self, result: Result, rows: Rows) -> StatisticsReport:
        """Tell one member how its rows differ from all rows; nothing of this leaves the member."""
        return compare_member(verify_result(result).summary, rows)

    @property
    def _minimum(self) -> Minimum:
        return Minimum(self.parameters.minimum_members, self.parameters.minimum_rows)

    def _count(self, question: CountQuestion, total: Vector, survivors: tuple[str, ...]) -> Measuring:
        rows, cells = read_counts(question, total)
        minimum = self._minimum
        if rows < minimum.rows:
            raise Refused(
                "recipe.few-rows", f"all members together have {rows} rows, at least {minimum.rows} are told"
            )
        few = f"fewer than {minimum.rows} rows or {minimum.members} members"
        dropped: dict[str, Dropped] = {}
        outlines = []
        for number, held in zip(self.schema.numbers, cells, strict=False):
            outline = outline_number(number, held, minimum)
            outlines.append(outline)
            if outline is None:
                dropped[number.name] = Dropped(number.name, f"{few} have a value, or no bin has more")
        categories = []
        for category, held in zip(self.schema.categories, cells[len(outlines) :], strict=True):
            summary = tell_category(category, held, rows, minimum)
            categories.append(summary)
            if summary.other is not None:
                dropped[category.name] = Dropped(
                    category.name, f"{few} have some of the values that are told as one"
                )
        listed = tuple(dropped[feature.name] for feature in self.schema.features if feature.name in dropped)
        return Measuring(rows, tuple(outlines), tuple(categories), listed, survivors)

    def _conclude(
        self, state: Measuring, total: Vector | None, survivors: tuple[str, ...]
    ) -> StatisticsResult:
        nothing = (Moments(0, 0.0, 0.0),) * len(state.outlines)
        found = zip(
            self.schema.numbers,
            state.outlines,
            nothing if total is None else read_moments(total),
            strict=True,
        )
        numbers = tuple(
            tell_number(number, self.parameters.bins, outline, moments)
            for number, outline, moments in found
            if outline is not None
        )
        summary = Summary(len(state.members), state.rows, Fraction(0), numbers, state.categories)
        members = {"counts": state.members} | ({} if total is None else {"moments": survivors})
        return StatisticsResult(len(members), members, {}, summary.to_json(), state.dropped, summary)


def tell_category(category: CategoryFeature, cells: Cells, rows: int, minimum: Minimum) -> CategorySummary:
    """Return what is told of a category.

    Args:
        category: the feature.
        cells: its codes.
        rows: all rows.
        minimum: of a code that is told alone.
    """
    # Of codes that join the small ones the last is the first, and those without a value are to be the last.
    turn = int(category.missing)
    turned = choose_codes(np.roll(cells.rows, turn), np.roll(cells.members, turn), minimum)
    codes = sorted((code - turn) % len(cells.rows) for code in turned)
    other = rows - int(cells.rows[codes].sum())
    # A bucket that nobody is in is no category of anybody's.
    told = tuple((code, int(cells.rows[code])) for code in codes if category.categories or cells.rows[code])
    return CategorySummary(category, told, other if len(codes) < len(cells.rows) else None)


def _doubt(
    state: StatisticsState, question: Question, total: Vector, survivors: tuple[str, ...]
) -> Iterator[str]:
    yield from find_contradictions(question, total, len(survivors))
    if isinstance(state, Measuring):
        whole = survivors == state.members
        for outline, moments in zip(state.outlines, read_moments(total), strict=True):
            counted = 0 if outline is None else outline.counted
            if moments.rows != counted if whole else moments.rows > counted:
                yield "the moments are not over the rows that were counted"


def verify_result(result: Result) -> StatisticsResult:
    """Return the result of this recipe.

    Raises:
        TypeError: it is another recipe's.
    """
    if not isinstance(result, StatisticsResult):
        raise TypeError("not a result of statistics")
    return result
