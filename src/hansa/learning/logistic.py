"""The logistic recipe: survey, Newton turns, evaluation and, where needed, a closer look.

docs/formats/recipe-logistic.md specifies it: every layout, order, bound and stopping rule, and what each
total reveals.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hansa.errors import Refused
from hansa.learning.advice import MemberReport, report_member
from hansa.learning.design import Design, count_support, make_design
from hansa.learning.evaluation import (
    KINDS,
    Evaluation,
    EvaluationQuestion,
    Trial,
    ZoomQuestion,
    answer_evaluation,
    answer_zoom,
    ask_zoom,
    read_evaluation,
    read_zoom,
)
from hansa.learning.model import Model, parse_model
from hansa.learning.newton import Descent, descend
from hansa.learning.personal import score_rows
from hansa.learning.recipe import Json, Question, Result
from hansa.learning.slope import SlopeQuestion, answer_slope, read_slope
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey
from hansa.learning.tables import Rows, Schema, Vector

_ZOOMS = 3
_DECIMALS = ("ridge", "correction")
_COUNTS = ("minimum_category_members", "minimum_category_rows", "maximum_turns")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a plan may set.

    Args:
        ridge: > 0, the penalty on half the square of each coefficient; scikit-learn's 1/C.
        organisation_intercepts: whether each member's logit has an intercept of its own, penalised as
            any coefficient, which never leaves the member.
        correction: > 0, how strongly a member's corrected coefficients are pulled to the joint ones.
        minimum_category_members: a category that fewer members have gets no column.
        minimum_category_rows: a category that fewer rows have gets no column.
        maximum_turns: at most this many Newton turns.
    """

    ridge: float = 1.0
    organisation_intercepts: bool = False
    correction: float = 10.0
    minimum_category_members: int = 3
    minimum_category_rows: int = 10
    maximum_turns: int = 25


def parse_parameters(parameters: Mapping[str, Json]) -> Parameters:
    """Read a plan's parameters; what is left out has its default.

    Args:
        parameters: decimals as texts (`"0.5"`), counts as integers.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings: list[str] = []
    decimals: dict[str, float] = {}
    counts: dict[str, int] = {}
    flag: Json = parameters.get("organisation_intercepts", False)
    for name, value in parameters.items():
        if name in _DECIMALS:
            decimals[name] = _read_decimal(value)
            if not 1e-6 <= decimals[name] <= 1e9:
                findings.append(f"`{name}` must be a decimal text from 0.000001 to 1000000000, got `{value}`")
        elif name in _COUNTS:
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10**6:
                counts[name] = value
            else:
                findings.append(f"`{name}` must be a whole number from 1 to 1000000, got `{value}`")
        elif name != "organisation_intercepts":
            findings.append(f"unknown parameter `{name}`")
    if not isinstance(flag, bool):
        findings.append(f"`organisation_intercepts` must be true or false, got `{flag}`")
    if findings:
        raise Refused("recipe.parameter", findings)
    known = Parameters()
    return Parameters(
        decimals.get("ridge", known.ridge),
        flag is True,
        decimals.get("correction", known.correction),
        counts.get("minimum_category_members", known.minimum_category_members),
        counts.get("minimum_category_rows", known.minimum_category_rows),
        counts.get("maximum_turns", known.maximum_turns),
    )


def _read_decimal(value: Json) -> float:
    if not isinstance(value, str):
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan


@dataclass(frozen=True, slots=True)
class Surveying:
    """Before the survey's total."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """During the Newton turns.

    Args:
        design: the columns.
        support: rows of the cohort in which each column can be other than 0.
        descent: where the search stands.
        centre: the logit of the base rate.
        positives: test rows with label 1.
        negatives: test rows with label 0.
    """

    design: Design
    support: Vector
    descent: Descent
    centre: float
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluating:
    """After the fit: the model is known, how good it is not yet."""

    trial: Trial
    turns: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """After the evaluation, perhaps with unclear bins.

    Args:
        trial: what was evaluated.
        evaluation: what the totals said.
        zooms: how many closer looks there were.
        turns: secure sums so far.
    """

    trial: Trial
    evaluation: Evaluation
    zooms: int
    turns: int


LogisticState = Surveying | Fitting | Evaluating | Evaluated


@dataclass(frozen=True)
class Logistic:
    """Ridge logistic regression over sums.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        members: ids of the cohort.
    Guarantees:
        The coefficients equal those of a fit to all rows in one place, to 1e-6 in standard-score units.
    """

    schema: Schema
    parameters: Parameters
    members: tuple[str, ...]

    def begin(self) -> LogisticState:
        """Return the state before the survey."""
        return Surveying()

    def ask(self, state: LogisticState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Surveying():
                return SurveyQuestion("survey", self.schema)
            case Fitting(design=design, support=support, descent=descent):
                name = f"newton {descent.turn + 1}"
                return SlopeQuestion(name, design, support, descent.trial, self._intercept_penalty)
            case Evaluating(trial=trial):
                return EvaluationQuestion("evaluation", trial)
            case Evaluated():
                return self._zoom(state) or _conclude(state)

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            ValueError: the question is not one of this recipe's.
        """
        match question:
            case SurveyQuestion():
                return answer_survey(question.schema, rows)
            case SlopeQuestion():
                return answer_slope(question, rows)
            case EvaluationQuestion():
                return answer_evaluation(question, rows)
            case ZoomQuestion():
                return answer_zoom(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: LogisticState, total: Vector) -> LogisticState:
        """Take in a total.

        Raises:
            Refused: `recipe.one-class` all training rows have the same label; `recipe.singular` the
                columns cannot be told apart; `recipe.not-converged` the turns are used up.
            ValueError: the total does not fit the question.
        """
        question = self.ask(state)
        if isinstance(question, Result):
            raise ValueError("the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
        if total.shape != (question.length,) or not np.isfinite(total).all():
            raise ValueError(f"a total must have {question.length} finite numbers")
        match state, question:
            case Surveying(), _:
                return self._begin_fit(total)
            case Fitting(), SlopeQuestion():
                return self._step(state, question, total)
            case Evaluating(trial=trial, turns=turns), _:
                return Evaluated(trial, read_evaluation(total), 0, turns + 1)
            case Evaluated(trial=trial, evaluation=evaluation, zooms=zooms, turns=turns), ZoomQuestion():
                return Evaluated(trial, read_zoom(evaluation, question, total), zooms + 1, turns + 1)
            case _:
                raise AssertionError("ask and learn disagree")

    def private_report(self, result: Result, rows: Rows) -> MemberReport:
        """Tell one member what it gets, from its own test rows; nothing of this leaves the member.

        Args:
            result: of this run.
            rows: the member's.
        """
        model = parse_model(dict(result.model))
        scores = score_rows(model, rows, self.parameters.ridge, self.parameters.correction)
        return report_member(rows, scores)

    @property
    def _intercept_penalty(self) -> float | None:
        return self.parameters.ridge if self.parameters.organisation_intercepts else None

    def _begin_fit(self, total: Vector) -> Fitting:
        survey = read_survey(self.schema, total)
        if not 0 < survey.positives < survey.rows:
            raise Refused(
                "recipe.one-class",
                f"{survey.positives} of {survey.rows} training rows are positive; both labels must occur",
            )
        parameters = self.parameters
        design = make_design(
            self.schema, survey, parameters.minimum_category_members, parameters.minimum_category_rows
        )
        # Rounded, because the last bit of a logarithm differs between machines.
        centre = round(math.log(survey.positives / (survey.rows - survey.positives)) * 1024) / 1024
        start = np.zeros(len(design.names))
        start[0] = centre
        penalty = np.full(len(start), parameters.ridge)
        penalty[0] = 0.0
        return Fitting(
            design,
            count_support(design, survey),
            Descent(penalty, start),
            centre,
            survey.test_positives,
            survey.test_rows - survey.test_positives,
        )

    def _step(self, state: Fitting, question: SlopeQuestion, total: Vector) -> Fitting | Evaluating:
        descent = descend(state.descent, read_slope(question, total), state.design.bound_logit)
        if descent.done:
            model = Model(state.design, descent.trial, self._intercept_penalty)
            parameters = self.parameters
            trial = Trial(
                model, parameters.ridge, parameters.correction, state.centre, state.positives, state.negatives
            )
            return Evaluating(trial, 1 + descent.turn)
        if descent.turn >= self.parameters.maximum_turns:
            raise Refused(
                "recipe.not-converged",
                f"no minimum within {descent.turn} turns; raise `ridge` or `maximum_turns`",
            )
        return Fitting(state.design, state.support, descent, state.centre, state.positives, state.negatives)

    def _zoom(self, state: Evaluated) -> ZoomQuestion | None:
        if state.zooms >= _ZOOMS:
            return None
        return ask_zoom(state.evaluation, state.trial, f"zoom {state.zooms + 1}")


def _conclude(state: Evaluated) -> Result:
    evaluation, model = state.evaluation, state.trial.model
    metrics = dict(evaluation.metrics)
    uncertainty: dict[str, float] = {}
    roc = {}
    for kind, curve in zip(KINDS, evaluation.curves, strict=True):
        if curve is not None:
            metrics |= {f"{name}_{kind}": value for name, value in curve.metrics.items()}
            uncertainty |= {f"{name}_{kind}": value for name, value in curve.uncertainty.items()}
            roc[kind] = curve.roc
    coefficients = tuple(zip(model.design.names, model.coefficients.tolist(), strict=True))
    return Result(
        state.turns, coefficients, metrics, uncertainty, roc, evaluation.calibration, model.to_json()
    )
