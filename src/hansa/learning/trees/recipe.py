"""The recipe `trees`: gradient-boosted trees over sums.

docs/formats/recipe-trees.md specifies it: every layout, order, bound and stopping rule, and what each total reveals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

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
from hansa.learning.contradiction import find_contradictions, verify_own_part, verify_undoubted
from hansa.learning.evaluation import EvaluationQuestion, Trial, ZoomQuestion, answer_evaluation, answer_zoom
from hansa.learning.recipe import Dropped, Question, Result, TreesResult, verify_numbers
from hansa.learning.split import RowSplit, Split
from hansa.learning.survey import SurveyQuestion, answer_survey
from hansa.learning.tables import Rows, Schema, Vector
from hansa.learning.trees.cells import CellQuestion, answer_cells
from hansa.learning.trees.contradiction import doubt_cells, doubt_level, doubt_sisters
from hansa.learning.trees.document import parse_forest, write_forest
from hansa.learning.trees.fitting import Fit, FitState, Growing, Surveying
from hansa.learning.trees.forest import Forest
from hansa.learning.trees.judging import TreesJudge
from hansa.learning.trees.kernels import compile_kernels
from hansa.learning.trees.organisation import add_rate, add_rate_to_schema
from hansa.learning.trees.questions import LevelQuestion, answer_level
from hansa.learning.trees.settings import TreesParameters


@dataclass(frozen=True, slots=True, eq=False)
class Appraising:
    """The forest has grown; how good it is is not known yet, or not closely enough."""

    forest: Forest
    appraisal: Appraisal


TreesState = FitState | Appraising


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted trees over sums.

    Args:
        schema: the plan's features.
        parameters: the plan's parameters.
        members: ids of the cohort.
        validation: which training rows are set aside, if the parameters ask for patience.
        chooses: whether the members' rows are divided with validation rows, by which they choose for themselves.

    Raises:
        Refused: `recipe.parameter`, a feature has the name of the organisation's rate already.
        Unavailable: numba is not installed.
    Guarantees:
        The trees are those that would grow from all rows in one place, to the last bit, as long as nobody is lost: the total of
        answers does not depend on who holds which rows, but where minima for members say so.
    """

    schema: Schema
    parameters: TreesParameters
    members: tuple[str, ...]
    validation: Split = RowSplit(0, Fraction(1, 10))  # noqa: RUF009 - it cannot change
    chooses: bool = False

    def __post_init__(self) -> None:
        compile_kernels()  # whoever cannot count should say so before anybody counts
        _ = self._fit  # as should whoever cannot name what is counted

    def begin(self) -> TreesState:
        """Return the state before the survey."""
        return Surveying()

    def ask(self, state: TreesState) -> Question | Result:
        """Return the next question, or the result."""
        if isinstance(state, Appraising):
            return ask_appraisal(state.appraisal) or _conclude(state)
        question = self._fit.ask(state)
        assert question is not None  # a forest that has grown is appraised
        return question

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            ValueError: the question is not one of this recipe's.
        """
        rows = self.extend(rows)
        match question:
            case SurveyQuestion():
                return answer_survey(question.schema, rows)
            case CellQuestion():
                return answer_cells(question, rows)
            case LevelQuestion():
                return answer_level(question, rows)
            case EvaluationQuestion():
                return answer_evaluation(question, rows)
            case ZoomQuestion():
                return answer_zoom(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: TreesState, total: Vector, survivors: tuple[str, ...]) -> TreesState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left for this question; `recipe.total` no honest answers add up to this, or it is
                at odds with earlier totals; `recipe.one-class` all training rows have the same label; `recipe.no-split` nothing parts
                enough rows at enough members.
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
        if isinstance(state, Appraising):
            return replace(state, appraisal=learn_appraisal(state.appraisal, question, total, survivors))
        after = self._fit.learn(state, question, total, survivors)
        return self._begin_appraisal(after) if isinstance(after, Growing) and after.is_grown else after

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check that a total over so many members hides each of them.

        Raises:
            Refused: `recipe.survivors`, fewer are left than a split needs, or than sums over members need.
        """
        if isinstance(question, LevelQuestion) and members < self.parameters.minimum_members:
            raise Refused(
                "recipe.survivors",
                f"{members} members are left, and each side of a split needs {self.parameters.minimum_members}",
            )
        verify_scored(question, members)

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:
        """Check, as a member, that an announced total can hold one's own answer; before `learn`. Raises as `verify_own_part`."""
        verify_own_part(question, answer, total, members, _find)

    def private_report(self, result: Result, rows: Rows) -> MemberReport:
        """Tell one member what it gets, from its own test rows; nothing of this leaves the member.

        Args:
            result: of this run.
            rows: the member's.
        """
        rows = self.extend(rows)
        judge = TreesJudge(parse_forest(dict(result.document)), self.parameters, self.validation)
        return report_member(rows, judge.score(rows), choose(judge, rows))

    def extend(self, rows: Rows) -> Rows:
        """Return the rows as the trees see them: with the organisation's rate, if it is a feature."""
        return add_rate(rows) if self.parameters.organisation_rate else rows

    @property
    def _fit(self) -> Fit:
        schema = add_rate_to_schema(self.schema) if self.parameters.organisation_rate else self.schema
        return Fit(schema, self.parameters, self.validation)

    def _begin_appraisal(self, state: Growing) -> Appraising:
        survey, forest = state.survey, state.forest
        if not forest.trees:
            raise Refused(
                "recipe.no-split",
                "no feature parts enough rows at enough members; lower `minimum_rows` or `minimum_members`, or invite more members",
            )
        trial = Trial(
            TreesJudge(forest, self.parameters, self.validation),
            survey.centre,
            survey.test_positives,
            survey.test_rows - survey.test_positives,
            survey.scorable,
            len(state.surveyed),
            len(state.members),
            self.chooses,
        )
        return Appraising(forest, Evaluating(trial, state.surveyed, state.members, state.turns))


def _find(question: Question, total: Vector, members: int) -> Iterator[str]:
    yield from find_contradictions(question, total, members)
    match question:
        case CellQuestion():
            yield from doubt_cells(question, total, members)
        case LevelQuestion():
            yield from doubt_level(question, total, members)


def _doubt(state: TreesState, question: Question, total: Vector, survivors: tuple[str, ...]) -> Iterator[str]:
    yield from _find(question, total, len(survivors))
    match state, question:
        case Appraising(), _:
            yield from doubt_appraisal(state.appraisal, question, total, survivors)
        case Growing(), LevelQuestion() if survivors == state.members:
            yield from doubt_sisters(question, total, state.sisters)


def _conclude(state: Appraising) -> TreesResult:
    appraisal, forest = state.appraisal, state.forest
    assert isinstance(appraisal, Evaluated)  # or there was a question
    figures = read_figures(appraisal.evaluation)
    gains = sorted(forest.find_gains().items(), key=lambda entry: -entry[1])
    unused = tuple(
        Dropped(column.name, "no split by it gained anything, or parts enough rows at enough members")
        for column in forest.bins.columns
        if column.name not in dict(gains)
    )
    return TreesResult(
        appraisal.turns,
        appraisal.members,
        figures.metrics,
        write_forest(forest),
        unused,
        figures.uncertainty,
        figures.roc,
        appraisal.evaluation.calibration,
        tuple(gains),
    )
