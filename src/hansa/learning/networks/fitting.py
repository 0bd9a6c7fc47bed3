"""The fit: a survey, the inputs, and then round after round.

docs/formats/recipe-network.md specifies it: every layout, order and bound, and what each total reveals.
"""

from dataclasses import dataclass, replace

import numpy as np

from hansa.errors import Refused
from hansa.learning.design import Minimum, make_design
from hansa.learning.networks.fedavg import average
from hansa.learning.networks.fedopt import Moments, begin_moments, step, turn_adam, turn_yogi
from hansa.learning.networks.network import Network, count_inputs, draw_parameters, scale_by_bounds
from hansa.learning.networks.rounds import RoundQuestion, RoundTotal, read_round
from hansa.learning.networks.scaffold import Controls
from hansa.learning.networks.settings import NetworkParameters
from hansa.learning.recipe import Question
from hansa.learning.survey import Survey, SurveyQuestion, read_survey
from hansa.learning.tables import Schema, Vector


@dataclass(frozen=True, slots=True)
class Surveying:
    """Before the survey's total."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """Between two rounds: what a checkpoint would hold, and every party works out from the totals.

    Args:
        survey: what the cohort holds.
        surveyed: whose rows were surveyed.
        network: as it is now.
        members: whose rows are in the last total.
        losses: the mean loss where each round began.
        moments: with FedAdam and FedYogi.
        controls: with SCAFFOLD from the second round on.
    """

    survey: Survey
    surveyed: tuple[str, ...]
    network: Network
    members: tuple[str, ...]
    losses: tuple[float, ...] = ()
    moments: Moments | None = None
    controls: Controls | None = None


FitState = Surveying | Training


@dataclass(frozen=True)
class Fit:
    """The part of the recipe that ends with a network.

    Args:
        schema: the plan's features.
        settings: the plan's parameters.
        members: ids of the cohort.
    """

    schema: Schema
    settings: NetworkParameters
    members: tuple[str, ...]

    def ask(self, state: FitState) -> Question | None:
        """Return the next question, or None when the last round is over."""
        if isinstance(state, Surveying):
            return SurveyQuestion("survey", self.schema)
        done = len(state.losses)
        if done == self.settings.rounds:
            return None
        return RoundQuestion(
            f"round {done + 1}",
            state.network,
            self.settings,
            done + 1,
            state.survey.rows,
            len(self.members),
            state.controls,
        )

    def learn(
        self, state: FitState, question: Question, total: Vector, survivors: tuple[str, ...]
    ) -> FitState:
        """Take in a total over the survivors' rows.

        Raises:
            Refused: `recipe.one-class`, all training rows have the same label; `recipe.layers`, the layers do not fit the inputs.
        """
        match state, question:
            case Surveying(), _:
                return self._begin(read_survey(self.schema, total), survivors)
            case Training(), RoundQuestion():
                return self._step(state, read_round(question, total), survivors)
            case _:
                raise AssertionError("ask and learn disagree")

    def _begin(self, survey: Survey, survivors: tuple[str, ...]) -> Training:
        if not 0 < survey.positives < survey.rows:
            raise Refused(
                "recipe.one-class",
                f"{survey.positives} of {survey.rows} training rows are positive; both labels must occur",
            )
        settings = self.settings
        minimum = Minimum(settings.minimum_category_members, settings.minimum_category_rows)
        design = make_design(self.schema, survey, minimum)
        if settings.scaling == "bounds":
            design = scale_by_bounds(self.schema, design.categories)
        tensors = settings.architecture.list_tensors(count_inputs(design))
        start = draw_parameters(tensors, settings.seed, survey.centre)
        network = Network(design, settings.architecture, start, settings.own)
        moments = (
            begin_moments(int(network.shared.sum())) if settings.method in {"fedadam", "fedyogi"} else None
        )
        return Training(survey, survivors, network, survivors, moments=moments)

    def _step(self, state: Training, total: RoundTotal, survivors: tuple[str, ...]) -> Training:
        network, rate = state.network, self.settings.server_rate
        known = network.parameters[network.shared]
        moments, controls = state.moments, state.controls
        match self.settings.method:
            case "fedadam" | "fedyogi":
                assert moments is not None  # they were begun
                turn = turn_adam if self.settings.method == "fedadam" else turn_yogi
                moments = turn(moments, total.update)
                known = step(known, moments, rate=rate)
            case "scaffold":
                assert total.gradient is not None  # it was asked for
                controls = Controls(network.parameters, total.gradient)
                known = average(known, total.update, rate=rate)
            case _:
                known = average(known, total.update, rate=rate)
        parameters = np.array(network.parameters)
        parameters[network.shared] = known
        parameters.setflags(write=False)
        return replace(
            state,
            network=replace(network, parameters=parameters),
            members=survivors,
            losses=(*state.losses, total.loss),
            moments=moments,
            controls=controls,
        )
