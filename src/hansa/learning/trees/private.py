"""The recipe `trees` with noise: a tally, then leaves of trees whose splits are drawn, then score histograms.

docs/formats/recipe-private-trees.md specifies it: every layout, order, sensitivity and share of the budget.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from hansa.errors import Refused
from hansa.learning.advice import MemberReport, report_member
from hansa.learning.choice import choose
from hansa.learning.recipe import Dropped, Question, Result, TreesResult, verify_numbers
from hansa.learning.scoreboard import ScoreQuestion, answer_scores, read_scores
from hansa.learning.tables import Rows, Schema, Vector
from hansa.learning.trees.document import parse_forest, write_forest
from hansa.learning.trees.forest import Forest
from hansa.learning.trees.judging import TreesJudge
from hansa.learning.trees.kernels import compile_kernels
from hansa.learning.trees.settings import TreesParameters, list_unfit_for_noise
from hansa.learning.trees.sweep import (
    SweepQuestion,
    answer_sweep,
    draw_trees,
    find_sweep_sensitivity,
    read_sweep,
)
from hansa.learning.trees.tally import TallyQuestion, answer_tally, find_tally_sensitivity, read_tally
from hansa.learning.unit import Unit
from hansa.privacy import Noise

TALLY_SHARE: Final = Fraction(3, 20)
"""Of the budget."""


@dataclass(frozen=True, slots=True)
class Tallying:
    """Before the tally."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweeping:
    """While trees are added.

    Args:
        forest: those until now.
        counted: whose rows the tally counted.
        fitted: whose rows the last sweep is of; the tally's before the first.
        sweeps: how many there were.
    """

    forest: Forest
    counted: tuple[str, ...]
    fitted: tuple[str, ...]
    sweeps: int


PrivateTreesState = Tallying | Sweeping | Result


@dataclass(frozen=True)
class PrivateTrees:
    """Boosted trees over noised sums.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        unit: what the noise hides.
        rho: what the run may cost each unit, in zero-concentrated differential privacy.
        spread: >= 1, by how much the noise in a total exceeds what one trusted party would have added.

    Raises:
        Refused: `recipe.parameter`, what members would learn without noise, or what has no meaning with it.
        Unavailable: numba is not installed.
    Guarantees:
        Every question has noise. Those about training rows cost exactly `rho` together, as do those about test
        rows; a unit has its rows in one of the two parts.
    """

    schema: Schema
    parameters: TreesParameters
    unit: Unit
    rho: Fraction
    spread: float

    def __post_init__(self) -> None:
        if unfit := list_unfit_for_noise(self.parameters):
            raise Refused(
                "recipe.parameter", [f"`{name}` cannot be learnt with noise; turn it off" for name in unfit]
            )
        compile_kernels()  # whoever cannot count should say so before anybody counts

    def begin(self) -> PrivateTreesState:
        """Return the state before the tally."""
        return Tallying()

    def ask(self, state: PrivateTreesState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Tallying():
                noise = Noise(find_tally_sensitivity(self.schema, self.unit), self.rho * TALLY_SHARE)
                return TallyQuestion("tally", self.schema, self.unit, noise=noise)
            case Sweeping(forest=forest) if len(forest.trees) < self.parameters.trees:
                return self._sweep(state)
            case Sweeping(forest=forest):
                noise = Noise(self.unit.reach, self.rho, "test")
                return ScoreQuestion("scores", forest, forest.base, self.unit, noise=noise)
            case Result():
                return state

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer, before its noise.

        Raises:
            Refused: `privacy.rows`, too many rows.
            ValueError: the question is not one of this recipe's.
        """
        match question:
            case TallyQuestion():
                return answer_tally(question, rows.train)
            case SweepQuestion():
                return answer_sweep(question, rows)
            case ScoreQuestion():
                return answer_scores(question, rows.test)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: PrivateTreesState, total: Vector, survivors: tuple[str, ...]) -> PrivateTreesState:
        """Take in a noised total, over whichever members.

        Raises:
            Refused: `recipe.no-split`, no feature has two bins.
            ValueError: the total does not fit the question.
        """
        question = self.ask(state)
        if isinstance(question, Result):
            raise ValueError("the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
        verify_numbers(question, total)
        deviation = self._find_deviation(question)
        match state, question:
            case Tallying(), _:
                return self._begin_sweeps(total, deviation, survivors)
            case Sweeping(), SweepQuestion():
                parameters = self.parameters
                grown = read_sweep(
                    question,
                    total,
                    deviation,
                    ridge=parameters.ridge,
                    learning_rate=parameters.learning_rate,
                )
                forest = replace(state.forest, trees=state.forest.trees + grown)
                return Sweeping(forest, state.counted, survivors, state.sweeps + 1)
            case Sweeping(), ScoreQuestion():
                return _conclude(state, question, total, deviation, survivors)
            case _:
                raise AssertionError("ask and learn disagree")

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check nothing: noise hides each member's rows, however few members a total is over."""

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:  # noqa: ARG002 - the protocol's
        """Check the shape; no noised total contradicts an answer.

        Raises:
            ValueError: `answer` or `total` does not fit the question.
        """
        verify_numbers(question, answer)
        verify_numbers(question, total)

    def private_report(self, result: Result, rows: Rows) -> MemberReport:
        """Tell one member what it gets, from its own rows; nothing of this leaves the member."""
        judge = TreesJudge(parse_forest(dict(result.document)), self.parameters)
        return report_member(rows, judge.score(rows), choose(judge, rows))

    def _begin_sweeps(self, total: Vector, deviation: float, survivors: tuple[str, ...]) -> Sweeping:
        tally = read_tally(self.schema, total, deviation, self.parameters.bins)
        if all(column.width == 1 for column in tally.bins.columns):
            raise Refused(
                "recipe.no-split",
                "no feature has two values that stand out of the noise; a larger epsilon, more rows, or narrower bounds would help",
            )
        return Sweeping(Forest(tally.bins, tally.base, (), None), survivors, survivors, 0)

    def _sweep(self, state: Sweeping) -> SweepQuestion:
        forest, parameters = state.forest, self.parameters
        done, bins = len(forest.trees), state.forest.bins
        features = sum(column.width > 1 for column in bins.columns)
        count = min(features, parameters.trees - done)
        rho = self.rho * (1 - TALLY_SHARE) * Fraction(count, parameters.trees)
        return SweepQuestion(
            f"sweep {state.sweeps + 1}",
            forest,
            draw_trees(bins, done, count, depth=parameters.depth, features=parameters.features),
            self.unit,
            noise=Noise(find_sweep_sensitivity(count, self.unit), rho),
        )

    def _find_deviation(self, question: Question) -> float:
        """Return the standard deviation of the noise in a total over the whole cohort."""
        assert question.noise is not None  # every question of this recipe has it
        return question.noise.deviation * self.spread


def _conclude(
    state: Sweeping, question: ScoreQuestion, total: Vector, deviation: float, survivors: tuple[str, ...]
) -> Result:
    board = read_scores(question, total, deviation)
    forest = state.forest
    unseen = tuple(
        Dropped(column.name, "nothing that could part rows is seen through the noise")
        for column in forest.bins.columns
        if column.width == 1
    )
    return TreesResult(
        2 + state.sweeps,
        {"survey": state.counted, "fit": state.fitted, "evaluation": survivors},
        board.metrics,
        write_forest(forest),
        unseen,
        board.uncertainty,
        {"together": board.roc} if board.roc else {},
        {"together": board.calibration} if board.calibration else {},
        (),
    )
