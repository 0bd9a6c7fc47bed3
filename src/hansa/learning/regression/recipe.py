"""The recipe `regression`: linear, Poisson, gamma, multinomial and Cox models over sums, with an elastic net where it is wanted.

docs/formats/recipe-regression.md specifies it: every layout, order, bound and stopping rule, and what each total reveals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hansa.errors import Refused
from hansa.learning.contradiction import find_contradictions, verify_own_part, verify_undoubted
from hansa.learning.evaluation import MINIMUM_SCORED
from hansa.learning.recipe import Dropped, Json, Question, Result, spell, verify_numbers
from hansa.learning.regression.advice import RegressionReport, report_regression
from hansa.learning.regression.comparison import (
    Contest,
    ContestQuestion,
    answer_contest,
    doubt_contest,
    doubt_scored,
    read_contest,
)
from hansa.learning.regression.counting import OutcomeQuestion, answer_outcome, doubt_outcome
from hansa.learning.regression.fitting import Fit, FitState, Fitted, Surveying
from hansa.learning.regression.inference import Estimate, describe_fit, list_estimates
from hansa.learning.regression.judging import RegressionJudge
from hansa.learning.regression.model import Regression, parse_regression
from hansa.learning.regression.outcome import Outcome
from hansa.learning.regression.risk import (
    RiskQuestion,
    WeightQuestion,
    answer_risks,
    answer_weights,
    doubt_risks,
    doubt_weights,
)
from hansa.learning.regression.settings import RegressionParameters, make_family
from hansa.learning.regression.slope import FamilyQuestion, answer_family, doubt_family
from hansa.learning.survey import SurveyQuestion, answer_survey
from hansa.learning.tables import Rows, Schema, Vector


@dataclass(frozen=True, slots=True)
class RegressionResult(Result):
    """A regression (docs/formats/recipe-regression.md), and how good it is.

    Args:
        estimates: the table of its coefficients.
    """

    estimates: tuple[Estimate, ...]

    def describe(self) -> dict[str, Json]:
        """Return the estimates and their standard errors; intervals and p-values follow from the document."""
        return {
            "estimates": [
                {
                    "equation": line.equation,
                    "column": line.column,
                    "estimate": spell(line.estimate),
                    "standard_error": None if line.standard_error is None else spell(line.standard_error),
                }
                for line in self.estimates
            ]
        }


@dataclass(frozen=True, slots=True, eq=False)
class Comparing:
    """The model is known, how good it is not yet."""

    model: Regression
    contest: Contest
    dropped: tuple[Dropped, ...]
    surveyed: tuple[str, ...]
    fitted: tuple[str, ...]
    turns: int


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """All is known."""

    comparing: Comparing
    scored: tuple[str, ...]
    metrics: dict[str, float]


RegressionState = FitState | Comparing | Compared


@dataclass(frozen=True)
class RegressionRecipe:
    """A regression over sums.

    Args:
        schema: the plan's features.
        outcome: what the plan's label declares.
        parameters: the plan's parameters.
        members: ids of the cohort.

    Raises:
        Refused: `recipe.outcome`, the family explains outcomes of another kind.
    Guarantees:
        Coefficients, standard errors and deviance equal those of a fit to all rows in one place, to 1e-6 in standard-score units: the
        rows of the members that are in the total of the last turn, under the survey's columns and, of times, the joined steps.
    """

    schema: Schema
    outcome: Outcome
    parameters: RegressionParameters
    members: tuple[str, ...]

    def __post_init__(self) -> None:
        make_family(self.parameters.family, self.outcome)

    def begin(self) -> RegressionState:
        """Return the state before the survey."""
        return Surveying()

    def ask(self, state: RegressionState) -> Question | Result:
        """Return the next question, or the result."""
        match state:
            case Compared():
                return _conclude(state)
            case Comparing(contest=contest):
                return ContestQuestion("evaluation", contest)
            case _:
                question = self._fit.ask(state)
                assert question is not None  # what is fitted is compared
                return question

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            Refused: `table.outcome`, a row's outcome is none that the plan allows.
            ValueError: the question is not one of this recipe's.
        """
        match question:
            case SurveyQuestion():
                return answer_survey(question.schema, rows)
            case OutcomeQuestion():
                return answer_outcome(question, rows)
            case FamilyQuestion():
                return answer_family(question, rows)
            case RiskQuestion():
                return answer_risks(question, rows)
            case WeightQuestion():
                return answer_weights(question, rows)
            case ContestQuestion():
                return answer_contest(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: RegressionState, total: Vector, survivors: tuple[str, ...]) -> RegressionState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left for this question; `recipe.total` no honest answers add up to this, or it is
                at odds with earlier totals; or as `Fit.learn`.
            ValueError: the total does not fit the question.
        """
        question = self.ask(state)
        if isinstance(question, Result):
            raise ValueError("the recipe has its result already")  # noqa: TRY004 - a question out of turn, not a type
        verify_numbers(question, total)
        if not {*survivors} <= {*self.members}:
            raise ValueError("a total holds answers of somebody outside the cohort")
        self.verify_survivors(question, len(survivors))
        verify_undoubted(question, _doubt(question, total, survivors))
        if isinstance(state, Comparing):
            assert isinstance(question, ContestQuestion)  # nothing else is asked then
            metrics = read_contest(question, total, len(survivors))
            return Compared(replace(state, turns=state.turns + 1), survivors, metrics)
        assert not isinstance(state, Compared)  # or there was a result
        after = self._fit.learn(state, question, total, survivors)
        return self._compare(after) if isinstance(after, Fitted) else after

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check that a total over so many members hides each of them.

        Raises:
            Refused: `recipe.survivors`, fewer are left than sums over members need; or, of times, somebody was lost between turns,
                whose sums would follow from those of two turns.
        """
        match question:
            case RiskQuestion(members=count) | WeightQuestion(risk=RiskQuestion(members=count)) if (
                members < count
            ):
                raise Refused(
                    "recipe.survivors",
                    "a member was lost between two turns of times, whose events are the same in both; try again without it",
                )
            case ContestQuestion(contest=contest) if question.asks_members:
                least = contest.count_scorable(members)
                if least < MINIMUM_SCORED:
                    raise Refused(
                        "recipe.survivors",
                        f"perhaps only {least} of the members that are left can be scored, and a sum over them needs {MINIMUM_SCORED}",
                    )

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:
        """Check, as a member, that an announced total can hold one's own answer; before `learn`. Raises as `verify_own_part`."""
        verify_own_part(question, answer, total, members, _find)

    def private_report(self, result: Result, rows: Rows) -> RegressionReport:
        """Tell one member what it gets, from its own test rows; nothing of this leaves the member.

        Args:
            result: of this run.
            rows: the member's.
        """
        return report_regression(
            RegressionJudge(parse_regression(dict(result.document)), self.parameters), rows
        )

    @property
    def _fit(self) -> Fit:
        return Fit(self.schema, self.outcome, self.parameters)

    def _compare(self, fitted: Fitted) -> Comparing:
        model = describe_fit(self.outcome, self.parameters, fitted)
        ground = fitted.ground
        contest = Contest(
            RegressionJudge(model, self.parameters),
            ground.base,
            ground.counted.scorable,
            ground.survey.test_rows,
            len(ground.surveyed),
            len(fitted.members),
        )
        return Comparing(model, contest, ground.dropped, ground.surveyed, fitted.members, fitted.turns)


def _find(question: Question, total: Vector, members: int) -> Iterator[str]:
    yield from find_contradictions(question, total, members)
    match question:
        case OutcomeQuestion():
            yield from doubt_outcome(question, total, members)
        case FamilyQuestion():
            yield from doubt_family(question, total, members)
        case RiskQuestion():
            yield from doubt_risks(question, total, members)
        case WeightQuestion():
            yield from doubt_weights(question, total)
        case ContestQuestion():
            yield from doubt_contest(question, total, members)


def _doubt(question: Question, total: Vector, survivors: tuple[str, ...]) -> Iterator[str]:
    yield from _find(question, total, len(survivors))
    if isinstance(question, ContestQuestion):
        yield from doubt_scored(question, total, len(survivors))


def _conclude(state: Compared) -> RegressionResult:
    comparing = state.comparing
    return RegressionResult(
        comparing.turns,
        {"survey": comparing.surveyed, "fit": comparing.fitted, "evaluation": state.scored},
        state.metrics,
        comparing.model.to_json(),
        comparing.dropped,
        list_estimates(comparing.model),
    )
