"""What a member computes for itself: a network of its own, and further steps from the joint one.

None of it leaves the member but through the sums of the evaluation.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hansa.errors import Refused
from hansa.learning.design import Minimum, make_design
from hansa.learning.networks.network import (
    Network,
    count_inputs,
    draw_parameters,
    encode_inputs,
    scale_by_bounds,
)
from hansa.learning.networks.settings import NetworkParameters
from hansa.learning.networks.training import Course, find_logits, train
from hansa.learning.personal import Scores
from hansa.learning.survey import answer_survey, read_survey
from hansa.learning.tables import Rows, Schema, Vector


@dataclass(frozen=True, slots=True, eq=False)
class NetworkJudge:
    """Scores by a network.

    Args:
        network: the joint one.
        settings: the plan's.
    """

    network: Network
    settings: NetworkParameters

    def publics(self) -> Iterable[bytes]:
        """Yield the network and the settings."""
        yield self.network.digest.encode()
        yield repr(self.settings).encode()

    def score(self, rows: Rows) -> Scores:
        """Score a member's test rows alone, together and corrected; what is worked out is remembered with the rows."""
        key = f"{self.network.digest} {self.settings!r}"
        return rows.remember("network scores", key, lambda: self._score(rows.own))

    def offer(self, rows: Rows) -> Mapping[str, Vector]:
        """Return the logits of the test rows alone, together, and after steps of the member's own, if the plan has any."""
        return self._score_each(rows)

    def _score(self, rows: Rows) -> Scores:
        alone, together, *corrected = self._score_each(rows).values()
        return Scores(rows.test.labels, alone, together, corrected[0] if corrected else together)

    def _score_each(self, rows: Rows) -> dict[str, Vector]:
        joint, settings = self.network, self.settings
        alone = _score_alone(joint.design.schema, settings, rows)
        inputs = encode_inputs(joint.design, rows.test)
        if not len(rows.train):
            return {"alone": alone, "together": find_logits(joint, inputs)}
        if joint.own:
            joint = self._go(rows, joint, "own", 0)
        scores = {"alone": alone, "together": find_logits(joint, inputs)}
        if epochs := settings.correction_epochs:
            corrected = self._go(rows, replace(joint, own=()), "correction", epochs)
            scores[f"corrected {epochs}"] = find_logits(corrected, inputs)
        return scores

    def _go(self, rows: Rows, network: Network, name: str, epochs: int) -> Network:
        return _go(Course(network, self.settings, f"{rows.member}\n{name}", epochs, is_pulled=False), rows)


def fit_alone(schema: Schema, settings: NetworkParameters, rows: Rows) -> Network:
    """Fit the same layers to one member's training rows, of which both labels occur, with as many epochs as the joint network's.

    Raises:
        Refused: `recipe.layers`, the layers do not fit the columns that its rows have.
    """
    survey = read_survey(schema, answer_survey(schema, rows))
    design = make_design(schema, survey, Minimum(1, 1))
    if settings.scaling == "bounds":
        design = scale_by_bounds(schema, design.categories)
    tensors = settings.architecture.list_tensors(count_inputs(design))
    start = draw_parameters(tensors, settings.seed, survey.centre)
    network = Network(design, settings.architecture, start)
    epochs = settings.rounds * settings.epochs
    return _go(Course(network, settings, f"{rows.member}\nalone", epochs, is_pulled=False), rows)


def _go(course: Course, rows: Rows) -> Network:
    """Return where a course of a member's own leads; where it began, if it runs off, so that one member's do not end everybody's run."""
    try:
        parameters = train(course, rows).parameters
    except Refused:
        return course.network
    return replace(course.network, parameters=parameters)


def _score_alone(schema: Schema, settings: NetworkParameters, rows: Rows) -> Vector:
    positives, count = rows.train.positives, len(rows.train)
    rate = np.full(len(rows.test), math.log((positives + 0.5) / (count - positives + 0.5)))
    if positives in {0, count}:
        return rate
    try:
        network = fit_alone(schema, settings, rows)
    except Refused:  # its rows are all alike, or have no columns that the layers fit
        return rate
    return find_logits(network, encode_inputs(network.design, rows.test))
