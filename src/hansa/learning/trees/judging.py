"""What a member computes for itself: trees of its own, and further trees that correct the joint ones.

None of it leaves the member but through the sums of the evaluation.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hansa.learning.personal import Scores
from hansa.learning.slope import fit_intercept
from hansa.learning.split import Split, split_rows
from hansa.learning.survey import SurveyQuestion, answer_survey
from hansa.learning.tables import Rows, Schema, Vector
from hansa.learning.trees.cells import CellQuestion, answer_cells
from hansa.learning.trees.fitting import Fit, FitState, Growing, Surveying
from hansa.learning.trees.forest import Forest
from hansa.learning.trees.questions import Footing, LevelQuestion, sum_level
from hansa.learning.trees.settings import TreesParameters

OWN_ROWS: Final = 10
"""On each side of a split in a member's own trees, unless the plan asks for fewer: nobody else sees them."""

LEAST_ASIDE: Final = 100
"""Fewer rows set aside do not say when a member's own trees should end."""

_CORRECTION_DEPTH: Final = 2
_CORRECTION_RIDGE: Final = 10.0
"""By which the ridge of a correction's trees is larger."""

_STRENGTHS: Final = (1.0, 10.0, 100.0)
"""By which it is larger still where a member may choose."""


@dataclass(frozen=True, slots=True, eq=False)
class TreesJudge:
    """Scores by a forest.

    Args:
        forest: the joint one.
        parameters: the plan's.
        validation: which training rows a member sets aside for trees of its own, if the parameters ask for patience.
    """

    forest: Forest
    parameters: TreesParameters
    validation: Split | None = None

    def publics(self) -> Iterable[bytes]:
        """Yield the forest and the parameters."""
        yield self.forest.digest.encode()
        yield repr((self.parameters, self.validation)).encode()

    def score(self, rows: Rows) -> Scores:
        """Score a member's test rows alone, together and corrected; what is worked out is remembered with the rows."""
        key = f"{self.forest.digest} {self.parameters!r} {self.validation!r}"
        return rows.remember("tree scores", key, lambda: self._score(rows.own))

    def offer(self, rows: Rows) -> Mapping[str, Vector]:
        """Return the logits of the test rows alone, together, and corrected by trees of each of three ridges, if the plan has any."""
        strengths = _STRENGTHS if self.parameters.correction_trees else ()
        alone, together, *corrected = self._score_each(rows, strengths)
        ridge = self.parameters.ridge * _CORRECTION_RIDGE
        named = {
            f"corrected {ridge * times:g}": each for times, each in zip(strengths, corrected, strict=True)
        }
        return {"alone": alone, "together": together, **named}

    def _score(self, rows: Rows) -> Scores:
        alone, together, corrected = self._score_each(rows, _STRENGTHS[:1])
        return Scores(rows.test.labels, alone, together, corrected)

    def _score_each(self, rows: Rows, strengths: Sequence[float]) -> tuple[Vector, ...]:
        alone = self._score_alone(rows)
        known, together = self.forest.predict(rows.train), self.forest.predict(rows.test)
        if self.forest.offset_penalty is not None:
            own = fit_intercept(known, rows.train.labels.astype(np.float64), self.forest.offset_penalty)
            known, together = known + own, together + own
        corrected = (self._correct(rows, known, together, times) for times in strengths)
        return alone, together, *corrected

    def _correct(self, rows: Rows, known: Vector, together: Vector, times: float) -> Vector:
        parameters = self.parameters
        if not (parameters.correction_trees and 0 < rows.train.positives < len(rows.train)):
            return together
        own = replace(
            parameters,
            trees=parameters.correction_trees,
            patience=0,
            depth=_CORRECTION_DEPTH,
            ridge=parameters.ridge * _CORRECTION_RIDGE * times,
        )
        forest = grow_own(self.forest.bins.schema, own, rows, known)
        return together if forest is None else together + forest.predict(rows.test)

    def _score_alone(self, rows: Rows) -> Vector:
        """Score by trees of the member's own: as many as its own rows set aside say, or as there are joint ones."""
        positives, count = rows.train.positives, len(rows.train)
        schema, parameters, validation = self.forest.bins.schema, self.parameters, self.validation
        if validation is not None and parameters.patience:
            aside = int(split_rows(rows.train, validation, rows.member).sum())
            if aside < LEAST_ASIDE:
                parameters = replace(parameters, trees=len(self.forest.trees), patience=0)
        forest = grow_own(schema, parameters, rows, validation=validation) if 0 < positives < count else None
        if forest is None:
            rate = math.log((positives + 0.5) / (count - positives + 0.5))
            return np.full(len(rows.test), rate)
        return forest.predict(rows.test)


def grow_own(
    schema: Schema,
    parameters: TreesParameters,
    rows: Rows,
    start: Vector | None = None,
    validation: Split | None = None,
) -> Forest | None:
    """Grow trees on one member's training rows, by the same rules as the joint ones.

    Args:
        schema: the plan's features.
        parameters: the plan's; minima for what others see do not hold here.
        rows: the member's; both labels occur.
        start: the logits that the trees are to correct, shape (n_rows,); from the base rate unless told.
        validation: which rows are set aside, if the parameters ask for patience.

    Returns:
        The forest, with base 0 if there was a start; None where no feature parts enough rows.
    """
    least = min(parameters.minimum_rows, OWN_ROWS)
    own = replace(parameters, minimum_rows=least, minimum_members=1, organisation_offsets=False)
    fit = Fit(schema, own, validation)
    state: FitState = Surveying()
    footing: Footing | None = None
    while (question := fit.ask(state)) is not None:
        match question:
            case SurveyQuestion():
                total = answer_survey(schema, rows)
            case CellQuestion():
                total = answer_cells(question, rows)
            case LevelQuestion():
                footing = footing or Footing(question.forest, rows, start, question.validation)
                total = sum_level(question, footing)
            case _:
                raise AssertionError("a fit asks nothing else")
        state = fit.learn(state, question, total, (rows.member,))
    assert isinstance(state, Growing)  # or there was a question
    if not state.forest.trees:
        return None
    return state.forest if start is None else replace(state.forest, base=0.0)
