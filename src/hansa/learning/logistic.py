"""The logistic recipe: survey, Newton turns, evaluation and, where needed, a closer look.

docs/formats/recipe-logistic.md specifies it: every layout, order, bound and stopping rule, and what each
total reveals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hansa.errors import Refused
from hansa.learning.advice import MemberReport, report_member
from hansa.learning.appraisal import (
    Appraisal,
    Evaluated,
    Evaluating,
    ask_appraisal,
    doubt_appraisal,
    learn_appraisal,
    read_figures,
    verify_scored,
)
from hansa.learning.choice import choose
from hansa.learning.clusters import (
    Clustering,
    ClusterQuestion,
    SideQuestion,
    SortQuestion,
    SpreadQuestion,
    answer_clusters,
    ask_clusters,
    doubt_clusters,
    learn_clusters,
    verify_sides,
)
from hansa.learning.contradiction import find_contradictions, verify_own_part, verify_undoubted
from hansa.learning.design import Design, Minimum, count_support, make_design
from hansa.learning.evaluation import EvaluationQuestion, Trial, ZoomQuestion, answer_evaluation, answer_zoom
from hansa.learning.model import Model, parse_model
from hansa.learning.newton import Descent, begin_anew, descend
from hansa.learning.omission import list_dropped
from hansa.learning.parameters import Parameters
from hansa.learning.personal import LogisticJudge
from hansa.learning.recipe import Dropped, LogisticResult, Question, Result, verify_numbers
from hansa.learning.slope import SlopeQuestion, answer_slope, read_slope
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey
from hansa.learning.tables import Rows, Schema, Vector


@dataclass(frozen=True, slots=True)
class Surveying:
    """Before the survey's total."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the survey settled.

    Args:
        design: the columns.
        dropped: what has no column.
        support: rows of the cohort in which each column can be other than 0; all rows in every column where rows count
            differently, for they count as many together.
        mean_rows: training rows of a member, on average.
        centre: the logit of the base rate.
        positives: test rows with label 1.
        negatives: test rows with label 0.
        scorable: members that can be scored.
        members: whose rows were surveyed.
    """

    design: Design
    dropped: tuple[Dropped, ...]
    support: Vector
    mean_rows: float
    centre: float
    positives: int
    negatives: int
    scorable: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fitting:
    """During the Newton turns: where the search stands, and over whose rows it came there."""

    ground: Ground
    descent: Descent
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Appraising:
    """After the fit: the model is known, how good it is not yet, or not closely enough."""

    model: Model
    dropped: tuple[Dropped, ...]
    appraisal: Appraisal


@dataclass(frozen=True, slots=True, eq=False)
class Parting:
    """After the joint fit, if the plan asks for two further models."""

    ground: Ground
    turns: int
    clustering: Clustering


LogisticState = Surveying | Fitting | Parting | Appraising


@dataclass(frozen=True)
class Logistic:
    """Ridge logistic regression over sums.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        members: ids of the cohort.
        chooses: whether the members' rows are divided with validation rows.
    Guarantees:
        The coefficients equal those of a fit to all rows in one place, to 1e-6 in standard-score units:
        the rows of the members that are in the total of the last Newton turn, under the survey's columns.
    """

    schema: Schema
    parameters: Parameters
    members: tuple[str, ...]
    chooses: bool = False

    def begin(self) -> LogisticState:
        """Return the state before the survey."""
        return Surveying()

    def ask(self, state: LogisticState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Surveying():
                return SurveyQuestion("survey", self.schema)
            case Fitting(ground=ground, descent=descent):
                return self._ask_slope(f"newton {descent.turn + 1}", ground, descent.trial)
            case Parting(ground=ground, clustering=clustering):
                slope = self._ask_slope("side", ground, clustering.model.coefficients)
                return ask_clusters(clustering, slope, self.parameters.correction)
            case Appraising(appraisal=appraisal):
                return ask_appraisal(appraisal) or _conclude(state)

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
            case SpreadQuestion() | SortQuestion() | SideQuestion():
                return answer_clusters(question, rows)
            case EvaluationQuestion():
                return answer_evaluation(question, rows)
            case ZoomQuestion():
                return answer_zoom(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: LogisticState, total: Vector, survivors: tuple[str, ...]) -> LogisticState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left for this question; `recipe.total` no honest answers add up to this, or it is at odds with earlier totals;
                `recipe.one-class` all training rows have the same label; `recipe.few-rows` too few for the
                columns; `recipe.singular` the columns cannot be told apart; `recipe.not-converged` the turns are used up.
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
            case Surveying(), _:
                return self._begin_fit(total, survivors)
            case Fitting(), SlopeQuestion():
                return self._step(state, question, total, survivors)
            case Parting(), SpreadQuestion() | SortQuestion() | SideQuestion():
                return self._part(state, question, total, survivors)
            case Appraising(appraisal=appraisal), _:
                return replace(state, appraisal=learn_appraisal(appraisal, question, total, survivors))
            case _:
                raise AssertionError("ask and learn disagree")

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check that a total over so many members hides each of them.

        Raises:
            Refused: `recipe.survivors`, sums over members are asked for, and with those who were lost since
                the survey fewer than three that can be scored may be left; or so of one side.
        """
        verify_scored(question, members)
        verify_sides(question, members)

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:
        """Check, as a member, that an announced total can hold one's own answer; before `learn`. Raises as `verify_own_part`."""
        verify_own_part(question, answer, total, members, _find)

    def private_report(self, result: Result, rows: Rows) -> MemberReport:
        """Tell one member what it gets, from its own test rows; nothing of this leaves the member.

        Args:
            result: of this run.
            rows: the member's.
        """
        model = parse_model(dict(result.document))
        judge = LogisticJudge(model, self.parameters.ridge, self.parameters.correction)
        return report_member(rows, judge.score(rows), choose(judge, rows))

    @property
    def _intercept_penalty(self) -> float | None:
        return self.parameters.ridge if self.parameters.organisation_intercepts else None

    def _begin_fit(self, total: Vector, survivors: tuple[str, ...]) -> Fitting:
        survey = read_survey(self.schema, total)
        if not 0 < survey.positives < survey.rows:
            raise Refused(
                "recipe.one-class",
                f"{survey.positives} of {survey.rows} training rows are positive; both labels must occur",
            )
        parameters = self.parameters
        minimum = Minimum(parameters.minimum_category_members, parameters.minimum_category_rows)
        design = make_design(self.schema, survey, minimum)
        _verify_rows(survey.rows, len(design.names), parameters.minimum_rows_per_column)
        start = np.zeros(len(design.names))
        start[0] = survey.centre
        penalty = np.full(len(start), parameters.ridge)
        penalty[0] = 0.0
        support = count_support(design, survey)
        ground = Ground(
            design,
            list_dropped(design, survey, minimum),
            support if parameters.voice == "rows" else np.full(len(support), support[0]),
            survey.rows / len(survivors),
            survey.centre,
            survey.test_positives,
            survey.test_rows - survey.test_positives,
            survey.scorable,
            survivors,
        )
        return Fitting(ground, Descent(penalty, start), survivors)

    def _step(
        self, state: Fitting, question: SlopeQuestion, total: Vector, survivors: tuple[str, ...]
    ) -> Fitting | Parting | Appraising:
        ground, parameters = state.ground, self.parameters
        before = state.descent if survivors == state.members else begin_anew(state.descent)
        descent = descend(before, read_slope(question, total), ground.design.bound_logit)
        if descent.done:
            model = Model(ground.design, descent.trial, self._intercept_penalty)
            if parameters.clusters > 1:
                return Parting(ground, 1 + descent.turn, Clustering(model, survivors))
            return self._begin_appraisal(ground, model, survivors, 1 + descent.turn)
        if descent.turn >= parameters.maximum_turns:
            raise Refused(
                "recipe.not-converged",
                f"no minimum within {descent.turn} turns; raise `ridge` or `maximum_turns`",
            )
        return Fitting(ground, descent, survivors)

    def _part(
        self, state: Parting, question: ClusterQuestion, total: Vector, survivors: tuple[str, ...]
    ) -> Parting | Appraising:
        parameters = self.parameters
        after = learn_clusters(
            state.clustering,
            question,
            total,
            survivors,
            ridge=parameters.ridge,
            maximum_turns=parameters.maximum_turns,
        )
        if after.done:
            return self._begin_appraisal(state.ground, after.models, survivors, state.turns + after.turns)
        return replace(state, clustering=after)

    def _ask_slope(self, name: str, ground: Ground, coefficients: Vector) -> SlopeQuestion:
        penalty, voice = self._intercept_penalty, self.parameters.voice
        return SlopeQuestion(
            name, ground.design, ground.support, coefficients, penalty, voice, ground.mean_rows
        )

    def _begin_appraisal(
        self, ground: Ground, model: Model, survivors: tuple[str, ...], turns: int
    ) -> Appraising:
        trial = Trial(
            LogisticJudge(model, self.parameters.ridge, self.parameters.correction),
            ground.centre,
            ground.positives,
            ground.negatives,
            ground.scorable,
            len(ground.members),
            len(survivors),
            self.chooses,
        )
        return Appraising(model, ground.dropped, Evaluating(trial, ground.members, survivors, turns))


def _find(question: Question, total: Vector, members: int) -> Iterator[str]:
    yield from find_contradictions(question, total, members)
    if isinstance(question, SpreadQuestion | SortQuestion | SideQuestion):
        yield from doubt_clusters(question, total, members)


def _doubt(
    state: LogisticState, question: Question, total: Vector, survivors: tuple[str, ...]
) -> Iterator[str]:
    yield from _find(question, total, len(survivors))
    if isinstance(state, Appraising):
        yield from doubt_appraisal(state.appraisal, question, total, survivors)


def _verify_rows(rows: int, columns: int, least: int) -> None:
    """Check that the cohort's sums are of too many rows to be taken apart into them."""
    if rows < least * columns:
        raise Refused(
            "recipe.few-rows",
            f"{rows} training rows are fewer than {least} for each of {columns} columns, and sums of few rows can be "
            "taken apart into the rows; take fewer features, raise `minimum_category_rows`, invite more members, or "
            "plan noise",
        )


def _conclude(state: Appraising) -> LogisticResult:
    appraisal, model = state.appraisal, state.model
    assert isinstance(appraisal, Evaluated)  # or there was a question
    figures = read_figures(appraisal.evaluation)
    return LogisticResult(
        appraisal.turns,
        appraisal.members,
        figures.metrics,
        model.to_json(),
        state.dropped,
        figures.uncertainty,
        figures.roc,
        appraisal.evaluation.calibration,
        tuple(zip(model.design.names, model.coefficients.tolist(), strict=True)),
    )
