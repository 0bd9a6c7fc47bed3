"""The fit of a regression, in moves: the survey, the count of the outcome, then points and steps until the loss falls no more."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.categories import name_code
from hansa.learning.design import CategoryColumns, Design, Minimum, count_support, make_design
from hansa.learning.newton import Descent, Slope, begin_anew, descend, is_low
from hansa.learning.omission import list_dropped
from hansa.learning.recipe import Dropped, Question
from hansa.learning.regression.counting import Counted, OutcomeQuestion, join_steps, read_outcome
from hansa.learning.regression.family import Family, Linear
from hansa.learning.regression.outcome import Amount, Classes, Outcome, Survival
from hansa.learning.regression.risk import (
    Clock,
    Partial,
    RiskQuestion,
    WeightQuestion,
    complete_slope,
    measure_partial,
    read_risks,
    read_weights,
)
from hansa.learning.regression.settings import RegressionParameters, make_family
from hansa.learning.regression.slope import FamilyQuestion, Sums, read_family
from hansa.learning.survey import Survey, SurveyQuestion, read_survey
from hansa.learning.tables import Schema, Vector

TOLERANCE: Final = 1e-14
"""Smaller than the logistic recipe's, because standard errors come from the last Hessian that was asked for."""


@dataclass(frozen=True, slots=True)
class Surveying:
    """Before the survey's total."""


@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """Before the outcome is counted: the columns are known."""

    survey: Survey
    design: Design
    dropped: tuple[Dropped, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the first two questions settled.

    Args:
        survey: over the features.
        design: the columns.
        dropped: what has no column.
        support: rows of the cohort in which each column can be other than 0.
        counted: what there is of the outcome.
        clock: how time is divided; None for other outcomes.
        base: the linear predictors of what is predicted without any columns, shape (outputs,).
        surveyed: whose rows were surveyed.
        members: whose outcomes were counted.
    """

    survey: Survey
    design: Design
    dropped: tuple[Dropped, ...]
    support: Vector
    counted: Counted
    clock: Clock | None
    base: Vector
    surveyed: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """Where the search stands, over whose rows it came there, and the loss of no columns at all, if it is known for them."""

    ground: Ground
    descent: Descent
    members: tuple[str, ...]
    null: float | None = None
    turns: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """Between the two questions of a turn of times."""

    fitting: Fitting
    question: WeightQuestion
    partial: Partial


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The fit is done.

    Args:
        ground: what it began with.
        members: whose rows are in it.
        coefficients: shape (outputs * n_columns,).
        slope: without penalties, at the last point asked for, which is within some 10⁻⁷ of the coefficients.
        rows: training rows.
        squares: see `Weighed`.
        null: the loss of no columns at all; None when members were lost before it was known for those who are left.
        hazards: of times: see `Partial`; empty for others.
        turns: secure sums so far.
    """

    ground: Ground
    members: tuple[str, ...]
    coefficients: Vector
    slope: Slope
    rows: int
    squares: float
    null: float | None
    hazards: Vector
    turns: int


FitState = Surveying | Counting | Fitting | Weighing | Fitted


@dataclass(frozen=True, slots=True)
class Fit:
    """A regression over sums.

    Args:
        schema: the plan's features.
        outcome: what is explained.
        parameters: the plan's.
    """

    schema: Schema
    outcome: Outcome
    parameters: RegressionParameters

    @property
    def family(self) -> Family | None:
        """The family; None for times."""
        return make_family(self.parameters.family, self.outcome)

    def ask(self, state: FitState) -> Question | None:
        """Return the next question; None when the fit is done."""
        match state:
            case Surveying():
                return SurveyQuestion("survey", self.schema)
            case Counting(survey=survey):
                return OutcomeQuestion("outcome", self.outcome, survey.rows)
            case Fitting(ground=ground, descent=descent):
                name, family = f"newton {descent.turn + 1}", self.family
                if family is not None:
                    return FamilyQuestion(
                        name, family, self.outcome, ground.design, ground.support, descent.trial
                    )
                assert ground.clock is not None  # what has no family has a clock
                count = len(state.members)
                return RiskQuestion(name, ground.clock, ground.design, ground.support, descent.trial, count)
            case Weighing(question=question):
                return question
            case Fitted():
                return None

    def learn(
        self, state: FitState, question: Question, total: Vector, survivors: tuple[str, ...]
    ) -> FitState:
        """Take in a total that contradicts nothing.

        Raises:
            Refused: `recipe.few-rows`, `recipe.no-outcome`, `recipe.rare-class`, `recipe.few-events`, `recipe.singular`,
                `recipe.beyond`, `recipe.not-converged`.
        """
        match state, question:
            case Surveying(), _:
                return self._count(read_survey(self.schema, total), survivors)
            case Counting(), OutcomeQuestion():
                return self._begin(state, read_outcome(question, total), survivors)
            case Fitting(), FamilyQuestion():
                return self._step(state, read_family(question, total), survivors)
            case Fitting(), RiskQuestion():
                return self._weigh(state, question, total)
            case Weighing(fitting=fitting, partial=partial), WeightQuestion():
                slope = complete_slope(partial, read_weights(question, total))
                state = replace(fitting, turns=fitting.turns + 1)
                return self._step(
                    state, Sums(slope, fitting.ground.survey.rows, 0.0), survivors, partial.hazards
                )
            case _:
                raise AssertionError("ask and learn disagree")

    def _count(self, survey: Survey, survivors: tuple[str, ...]) -> Counting:
        parameters = self.parameters
        minimum = Minimum(parameters.minimum_members, parameters.minimum_rows)
        design = make_design(self.schema, survey, minimum)
        dropped = list_dropped(design, survey, minimum)
        design, references = take_references(design, survey)
        family = self.family
        columns = len(design.names) * (family.outputs if family else 1)
        rows = survey.rows if family else survey.positives
        _verify_rows(
            rows, columns, parameters.minimum_rows_per_column, "training rows" if family else "events"
        )
        return Counting(survey, design, (*dropped, *references), survivors)

    def _begin(self, state: Counting, counted: Counted, survivors: tuple[str, ...]) -> Fitting:
        parameters, design, family = self.parameters, state.design, self.family
        minimum = Minimum(parameters.minimum_members, parameters.minimum_rows)
        clock = None
        if isinstance(self.outcome, Survival):
            starts = join_steps(counted, minimum)
            if not starts:
                raise Refused(
                    "recipe.few-events",
                    f"{minimum} end with the event, or without it, however steps are joined; plan coarser steps, as members "
                    "are counted within one, or lower `minimum_rows` or `minimum_members`",
                )
            clock = Clock(self.outcome, starts, parameters.ties)
        ground = Ground(
            state.survey,
            design,
            state.dropped,
            count_support(design, state.survey),
            counted,
            clock,
            start_intercepts(self.outcome, parameters.family, counted, minimum),
            state.members,
            survivors,
        )
        outputs = family.outputs if family else 1
        start = np.zeros((outputs, len(design.names)))
        start[:, 0] = ground.base
        square, lasso = make_penalties(parameters, self.family, len(design.names))
        descent = Descent(square, start.ravel(), lasso=lasso, tolerance=TOLERANCE)
        return Fitting(ground, descent, survivors)

    def _weigh(self, state: Fitting, question: RiskQuestion, total: Vector) -> FitState:
        risks, ground, clock = read_risks(question, total), state.ground, question.clock
        events = ground.counted.rows[0]
        stops = [*clock.starts, len(events)]
        counts = np.array([events[start:stop].sum() for start, stop in pairwise(stops)])
        partial = measure_partial(risks, counts, question.coefficients, clock.ties)
        if not is_low(state.descent, partial.loss):
            # A point that is not taken needs no Hessian.
            width = len(question.coefficients)
            slope = Slope(partial.loss, np.zeros(width), np.zeros((width, width)))
            return self._step(state, Sums(slope, ground.survey.rows, 0.0), state.members)
        name = f"weights {state.descent.turn + 1}"
        return Weighing(state, WeightQuestion(name, question, partial.staying, partial.ending), partial)

    def _step(
        self, state: Fitting, sums: Sums, survivors: tuple[str, ...], hazards: Vector | None = None
    ) -> Fitting | Fitted:
        ground, parameters = state.ground, self.parameters
        same = survivors == state.members
        descent = descend(
            state.descent if same else begin_anew(state.descent), sums.slope, self._reach(ground)
        )
        null = state.null if same else None
        if not state.descent.turn and same:
            null = sums.slope.loss
        if descent.done:
            empty = np.zeros(0) if hazards is None else hazards
            return Fitted(
                ground,
                survivors,
                descent.trial,
                sums.slope,
                round(sums.rows),
                sums.squares,
                null,
                empty,
                state.turns + 1,
            )
        if descent.turn >= parameters.maximum_turns:
            raise Refused(
                "recipe.not-converged",
                f"no minimum within {descent.turn} points, or only where predictions leave the label's declared bounds by far; "
                "raise `ridge` or `maximum_turns`, or widen the bounds",
            )
        return Fitting(ground, descent, survivors, null, state.turns + 1)

    def _reach(self, ground: Ground) -> Callable[[Vector], float]:
        columns = len(ground.design.names)

        def reach(step: Vector) -> float:
            return max(ground.design.bound_logit(part) for part in step.reshape(-1, columns))

        return reach


def take_references(design: Design, survey: Survey) -> tuple[Design, tuple[Dropped, ...]]:
    """Leave out the most common category of each feature whose columns otherwise add up to the intercept.

    Returns:
        The columns that are left, and what was left out, to say so.
    """
    categories, dropped = [], []
    for feature, columns, counts in zip(
        design.schema.categories, design.categories, survey.categories, strict=True
    ):
        codes = columns.codes
        if codes and int(counts.rows[list(codes)].sum()) == survey.rows:
            most = codes[int(np.argmax(counts.rows[list(codes)]))]
            codes = tuple(code for code in codes if code != most)
            dropped.append(
                Dropped(name_code(feature, most), "the reference, which the others are compared with")
            )
        categories.append(CategoryColumns(columns.name, codes))
    return replace(design, categories=tuple(categories)), tuple(dropped)


def start_intercepts(outcome: Outcome, family: str, counted: Counted, minimum: Minimum) -> Vector:
    """Return the intercepts that fit best where there are no columns: shape (outputs,).

    Raises:
        Refused: `recipe.no-outcome`, all amounts are 0; `recipe.rare-class`, a class falls short of the minimum.
    """
    match outcome:
        case Amount():
            if family == "linear":
                width = outcome.column.maximum - outcome.column.minimum
                return np.array([(counted.mean - outcome.column.minimum) / width])
            if not counted.mean > 0:
                raise Refused("recipe.no-outcome", f"`{outcome.column.name}` is 0 in all training rows")
            return np.array([_round_log(counted.mean)])
        case Classes(names=names):
            rare = [
                f"`{name}`: {minimum} have it; leave it out, or join it with another"
                for name, rows, members in zip(names, counted.rows, counted.members, strict=True)
                if not minimum.is_met(int(rows), int(members))
            ]
            if rare:
                raise Refused("recipe.rare-class", rare)
            return np.array([_round_log(float(rows / counted.rows[0])) for rows in counted.rows[1:]])
        case Survival():
            return np.zeros(1)


def make_penalties(
    parameters: RegressionParameters, family: Family | None, columns: int
) -> tuple[Vector, Vector | None]:
    """Return the penalties on pairs and on magnitudes of coefficients; none on intercepts.

    Between classes the ridge is on the coefficients that all classes together have when these add up to 0, as scikit-learn's is: so it
    does not matter which class is the first.
    """
    outputs = family.outputs if family else 1
    free = np.tile(np.arange(columns) > 0, outputs).astype(np.float64)
    square: Vector = parameters.ridge * free
    if outputs > 1:
        pairs = np.eye(outputs) - 1.0 / (outputs + 1)
        square = np.asarray(parameters.ridge * np.kron(pairs, np.diag(free[:columns])), dtype=np.float64)
    if not parameters.lasso:
        return square, None
    # Amounts are measured in units of their range, and coefficients with them.
    unit = family.width if isinstance(family, Linear) else 1.0
    return square, parameters.lasso / unit * free


def _round_log(value: float) -> float:
    # Rounded, because the last bit of a logarithm differs between machines.
    return round(math.log(value) * 2**20) / 2**20


def _verify_rows(rows: int, columns: int, least: int, what: str) -> None:
    if rows < least * columns:
        raise Refused(
            "recipe.few-rows",
            f"{rows} {what} are fewer than {least} for each of {columns} coefficients, and sums of few rows can be taken apart into "
            "the rows; take fewer features, raise `minimum_rows`, or invite more members",
        )
