"""The recipe `network`: a network learned from the sum of members' own steps, round after round.

docs/formats/recipe-network.md specifies it: every layout, order and bound, and what each total reveals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
from hansa.learning.design import Minimum
from hansa.learning.evaluation import EvaluationQuestion, Trial, ZoomQuestion, answer_evaluation, answer_zoom
from hansa.learning.networks.contradiction import doubt_round
from hansa.learning.networks.document import parse_network, write_network
from hansa.learning.networks.fitting import Fit, FitState, Surveying, Training
from hansa.learning.networks.judging import NetworkJudge
from hansa.learning.networks.network import Network
from hansa.learning.networks.rounds import RoundQuestion, answer_round
from hansa.learning.networks.settings import NetworkParameters
from hansa.learning.networks.training import load_torch
from hansa.learning.omission import list_dropped
from hansa.learning.recipe import Dropped, NetworkResult, Question, Result, verify_numbers
from hansa.learning.survey import SurveyQuestion, answer_survey
from hansa.learning.tables import Rows, Schema, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Appraising:
    """The network is known; how good it is is not yet, or not closely enough."""

    network: Network
    losses: tuple[float, ...]
    dropped: tuple[Dropped, ...]
    appraisal: Appraisal


NetworksState = FitState | Appraising


@dataclass(frozen=True)
class Networks:
    """A network by federated averaging and its relatives, without noise.

    Args:
        schema: the plan's features.
        settings: the plan's parameters.
        members: ids of the cohort.
        chooses: whether the members' rows are divided with validation rows, by which they choose for themselves.

    Guarantees:
        Every party that knows the totals has the same network, to the last bit; only whoever answers needs PyTorch.
        Nothing is remembered between questions: a party that heard all totals again is where it was.
    """

    schema: Schema
    settings: NetworkParameters
    members: tuple[str, ...]
    chooses: bool = False

    def begin(self) -> NetworksState:
        """Return the state before the survey."""
        return Surveying()

    def ask(self, state: NetworksState) -> Question | Result:
        """Return the next question, or the result."""
        if isinstance(state, Appraising):
            return ask_appraisal(state.appraisal) or _conclude(state)
        question = self._fit.ask(state)
        assert question is not None  # a network that went all its rounds is appraised
        return question

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's answer.

        Raises:
            ValueError: the question is not one of this recipe's.
            Unavailable: PyTorch is not installed; said at the first question already.
        """
        load_torch()
        match question:
            case SurveyQuestion():
                return answer_survey(question.schema, rows)
            case RoundQuestion():
                return answer_round(question, rows)
            case EvaluationQuestion():
                return answer_evaluation(question, rows)
            case ZoomQuestion():
                return answer_zoom(question, rows)
            case _:
                raise ValueError(f"not a question of this recipe: {question.name}")

    def learn(self, state: NetworksState, total: Vector, survivors: tuple[str, ...]) -> NetworksState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.survivors` too few are left for this question; `recipe.total` no honest answers add up to this, or it is
                at odds with earlier totals; `recipe.one-class` all training rows have the same label; `recipe.layers` the layers do
                not fit the inputs.
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
        is_done = isinstance(after, Training) and len(after.losses) == self.settings.rounds
        return self._begin_appraisal(after) if is_done and isinstance(after, Training) else after

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check that a total over so many members hides each of them.

        Raises:
            Refused: `recipe.survivors`, fewer are left than sums over members need.
        """
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
        judge = NetworkJudge(parse_network(dict(result.document)), self.settings)
        return report_member(rows, judge.score(rows), choose(judge, rows))

    @property
    def _fit(self) -> Fit:
        return Fit(self.schema, self.settings, self.members)

    def _begin_appraisal(self, state: Training) -> Appraising:
        survey, settings = state.survey, self.settings
        # What is judged is what the document says, with its parameters in float32.
        network = parse_network(write_network(state.network))
        trial = Trial(
            NetworkJudge(network, settings),
            survey.centre,
            survey.test_positives,
            survey.test_rows - survey.test_positives,
            survey.scorable,
            len(state.surveyed),
            len(state.members),
            self.chooses,
        )
        minimum = Minimum(settings.minimum_category_members, settings.minimum_category_rows)
        dropped = list_dropped(network.design, survey, minimum)
        turns = 1 + settings.rounds
        appraisal = Evaluating(trial, state.surveyed, state.members, turns)
        return Appraising(network, state.losses, dropped, appraisal)


def _find(question: Question, total: Vector, members: int) -> Iterator[str]:
    yield from find_contradictions(question, total, members)
    if isinstance(question, RoundQuestion):
        yield from doubt_round(question, total, members)


def _doubt(
    state: NetworksState, question: Question, total: Vector, survivors: tuple[str, ...]
) -> Iterator[str]:
    yield from _find(question, total, len(survivors))
    if isinstance(state, Appraising):
        yield from doubt_appraisal(state.appraisal, question, total, survivors)


def _conclude(state: Appraising) -> NetworkResult:
    appraisal = state.appraisal
    assert isinstance(appraisal, Evaluated)  # or there was a question
    figures = read_figures(appraisal.evaluation)
    return NetworkResult(
        appraisal.turns,
        appraisal.members,
        figures.metrics,
        write_network(state.network),
        state.dropped,
        figures.uncertainty,
        figures.roc,
        appraisal.evaluation.calibration,
        state.losses,
    )
