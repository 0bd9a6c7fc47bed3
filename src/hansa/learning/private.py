"""The logistic recipe with noise: census, Gram matrix, clipped gradients, score histograms.

docs/formats/recipe-private-logistic.md specifies it: every layout, order, sensitivity and share of the budget.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.advice import MemberReport, report_member, warn_clipping
from hansa.learning.census import Census, CensusQuestion, answer_census, find_census_sensitivity, read_census
from hansa.learning.choice import choose
from hansa.learning.clipped import (
    GramQuestion,
    PullQuestion,
    answer_gram,
    answer_pull,
    measure_pulls,
    read_gram,
)
from hansa.learning.curvature import bend_curvature, start_curvature
from hansa.learning.model import Model, parse_model
from hansa.learning.newton import solve_positive
from hansa.learning.parameters import Parameters
from hansa.learning.personal import LogisticJudge
from hansa.learning.recipe import LogisticResult, Question, Result, verify_numbers
from hansa.learning.scoreboard import ScoreQuestion, answer_scores, read_scores
from hansa.learning.tables import Rows, Schema, Vector
from hansa.learning.unit import Unit
from hansa.privacy import Noise, describe_clipping

CENSUS_SHARE: Final = Fraction(3, 20)
"""Of the budget."""

GRAM_SHARE: Final = Fraction(1, 10)
"""Of what the census leaves."""

MOST_COLUMNS: Final = 4096
"""Up to here the rounding of √2 in a Gram matrix stays within what its sensitivity allows for."""


@dataclass(frozen=True, slots=True)
class Counting:
    """Before the census."""


@dataclass(frozen=True, slots=True, eq=False)
class Relating:
    """After the census over `counted`: the columns are known, how they go together not yet."""

    census: Census
    counted: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pulling:
    """During the gradients.

    Args:
        census: what it settled.
        counted: whose rows it counted.
        curvature: what a step is divided by, shape (n_columns, n_columns), positive definite.
        coefficients: where the next gradient is asked for.
        last: the coefficients before the last step and the slope there; None before the first.
        taken: how many steps were.
        recent: the sum of the coefficients after each step of the second half.
    """

    census: Census
    counted: tuple[str, ...]
    curvature: Vector
    coefficients: Vector
    last: tuple[Vector, Vector] | None
    taken: int
    recent: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """After the fit, whose last turn is over `fitted`: the model is known, how good it is not yet."""

    census: Census
    counted: tuple[str, ...]
    fitted: tuple[str, ...]
    model: Model


PrivateState = Counting | Relating | Pulling | Scoring | Result


@dataclass(frozen=True)
class PrivateLogistic:
    """Ridge logistic regression over noised sums.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        unit: what the noise hides.
        rho: what the run may cost each unit, in zero-concentrated differential privacy.
        spread: >= 1, by how much the noise in a total exceeds what one trusted party would have added.

    Raises:
        Refused: `recipe.parameter`, organisation intercepts, which each member would fit without noise, or rows that count
            for more than one, which noise would not hide.
    Guarantees:
        Every question has noise. Those about training rows cost exactly `rho` together, as do those about test
        rows; a unit has its rows in one of the two parts.
    """

    schema: Schema
    parameters: Parameters
    unit: Unit
    rho: Fraction
    spread: float

    def __post_init__(self) -> None:
        if self.parameters.organisation_intercepts:
            raise Refused(
                "recipe.parameter", "`organisation_intercepts` cannot be learned under noise; leave them out"
            )
        if self.parameters.voice != "rows":
            raise Refused("recipe.parameter", "under noise every row counts alike; leave out `voice`")
        if self.parameters.clusters > 1:
            raise Refused("recipe.parameter", "`clusters` have no form with noise; leave them out")

    def begin(self) -> PrivateState:
        """Return the state before the census."""
        return Counting()

    def ask(self, state: PrivateState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Counting():
                noise = Noise(find_census_sensitivity(self.schema, self.unit), self.rho * CENSUS_SHARE)
                return CensusQuestion("census", self.schema, self.unit, noise=noise)
            case Relating(census=census):
                noise = Noise(self.unit.reach, self._fit_rho * GRAM_SHARE)
                # A standard score is 1 on average, and at most one category of a feature holds.
                norm = math.sqrt(1 + len(self.schema.features))
                return GramQuestion("gram", census.design, self.unit, norm, noise=noise)
            case Pulling(census=census, coefficients=coefficients, taken=taken):
                parameters = self.parameters
                rho = self._fit_rho * (1 - GRAM_SHARE) / parameters.steps
                noise = Noise(self.unit.reach * parameters.clip, rho)
                name = f"step {taken + 1}"
                return PullQuestion(
                    name, census.design, self.unit, coefficients, parameters.clip, noise=noise
                )
            case Scoring(census=census, model=model):
                noise = Noise(self.unit.reach, self.rho, "test")
                return ScoreQuestion("scores", model, _find_centre(census), self.unit, noise=noise)
            case Result():
                return state

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer, before its noise.

        Raises:
            Refused: `privacy.rows`, too many rows.
            ValueError: the question is not one of this recipe's.
        """
        match question:
            case CensusQuestion():
                return answer_census(question, rows.train)
            case GramQuestion():
                return answer_gram(question, rows)
            case PullQuestion():
                return answer_pull(question, rows)
            case ScoreQuestion():
                return answer_scores(question, rows.test)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: PrivateState, total: Vector, survivors: tuple[str, ...]) -> PrivateState:
        """Take in a noised total, over whichever members.

        Raises:
            Refused: `recipe.columns`, too many columns for a Gram matrix.
            ValueError: the total does not fit the question.
        """
        question = self.ask(state)
        if isinstance(question, Result):
            raise ValueError("the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
        verify_numbers(question, total)
        match state, question:
            case Counting(), _:
                return Relating(self._count(total, self._find_deviation(question)), survivors)
            case Relating(), GramQuestion():
                return self._relate(state, question, total)
            case Pulling(), PullQuestion():
                return self._step(state, question, total, survivors)
            case Scoring(), ScoreQuestion():
                return self._conclude(state, question, total, survivors)
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
        """Tell one member what it gets, from its own rows, and what clipping cut; nothing of this leaves the member."""
        model = parse_model(dict(result.document))
        judge = LogisticJudge(model, self.parameters.ridge, self.parameters.correction)
        pulls = measure_pulls(model.design, model.coefficients, rows)
        report = report_member(rows, judge.score(rows), choose(judge, rows))
        return warn_clipping(report, describe_clipping(pulls, self.parameters.clip))

    @property
    def _fit_rho(self) -> Fraction:
        return self.rho * (1 - CENSUS_SHARE)

    def _find_deviation(self, question: Question) -> float:
        """Return the standard deviation of the noise in a total over the whole cohort."""
        assert question.noise is not None  # every question of this recipe has it
        return question.noise.deviation * self.spread

    def _count(self, total: Vector, deviation: float) -> Census:
        census = read_census(self.schema, total, deviation, self.parameters.minimum_category_rows)
        if len(census.design.names) > MOST_COLUMNS:
            raise Refused(
                "recipe.columns",
                f"{len(census.design.names)} columns, at most {MOST_COLUMNS} can be fitted under noise; raise "
                "`minimum_category_rows`",
            )
        return census

    def _relate(self, state: Relating, question: GramQuestion, total: Vector) -> Pulling:
        gram = read_gram(question, total)
        width = len(gram)
        noise = self._find_deviation(question) * question.norm**2
        curvature = start_curvature(gram, state.census.rate, self._penalise(width), noise)
        start = np.zeros(width)
        start[0] = _find_centre(state.census)
        return Pulling(state.census, state.counted, curvature, start, None, 0, np.zeros(width))

    def _step(
        self, state: Pulling, question: PullQuestion, total: Vector, survivors: tuple[str, ...]
    ) -> Pulling | Scoring:
        slope = total + self._penalise(len(total)) * state.coefficients
        curvature = state.curvature
        if state.last is not None:
            noise = self._find_deviation(question)
            curvature = bend_curvature(
                curvature, state.coefficients - state.last[0], slope - state.last[1], noise
            )
        coefficients = state.coefficients - solve_positive(curvature, slope)
        taken, steps = state.taken + 1, self.parameters.steps
        recent = state.recent + coefficients if taken > steps // 2 else state.recent
        if taken < steps:
            return Pulling(
                state.census,
                state.counted,
                curvature,
                coefficients,
                (state.coefficients, slope),
                taken,
                recent,
            )
        model = Model(state.census.design, recent / (steps - steps // 2), None)
        return Scoring(state.census, state.counted, survivors, model)

    def _conclude(
        self, state: Scoring, question: ScoreQuestion, total: Vector, survivors: tuple[str, ...]
    ) -> Result:
        board = read_scores(question, total, self._find_deviation(question))
        model = state.model
        return LogisticResult(
            3 + self.parameters.steps,
            {"survey": state.counted, "fit": state.fitted, "evaluation": survivors},
            board.metrics,
            model.to_json(),
            state.census.dropped,
            board.uncertainty,
            {"together": board.roc} if board.roc else {},
            {"together": board.calibration} if board.calibration else {},
            tuple(zip(model.design.names, model.coefficients.tolist(), strict=True)),
        )

    def _penalise(self, width: int) -> Vector:
        penalty = np.full(width, self.parameters.ridge)
        penalty[0] = 0.0
        return penalty


def _find_centre(census: Census) -> float:
    # Rounded, because the last bit of a logarithm differs between machines.
    return round(math.log(census.positives / census.negatives) * 1024) / 1024
