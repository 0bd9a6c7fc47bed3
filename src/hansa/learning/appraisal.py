"""The end of every run that makes a model: how good is it, for all and for each.

An evaluation, and a closer look where a bin is too crowded; see `hansa.learning.evaluation`. A recipe comes here with its model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from hansa.errors import Refused
from hansa.learning.contradiction import find_disagreements, find_zoom_disagreements
from hansa.learning.evaluation import (
    KINDS,
    MINIMUM_SCORED,
    Evaluation,
    EvaluationQuestion,
    Trial,
    ZoomQuestion,
    ask_zoom,
    read_evaluation,
    read_zoom,
)
from hansa.learning.recipe import Question
from hansa.learning.tables import Vector

_ZOOMS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Evaluating:
    """The model is known, how good it is not yet.

    Args:
        trial: what is evaluated.
        surveyed: whose rows were surveyed.
        fitted: whose rows the model is fitted to.
        turns: secure sums so far.
    """

    trial: Trial
    surveyed: tuple[str, ...]
    fitted: tuple[str, ...]
    turns: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """After the evaluation, perhaps with unclear bins.

    Args:
        trial: what was evaluated.
        surveyed: whose rows were surveyed.
        fitted: whose rows the model is fitted to.
        scored: whose rows were scored.
        evaluation: what the totals said.
        zooms: how many closer looks there were.
        turns: secure sums so far.
    """

    trial: Trial
    surveyed: tuple[str, ...]
    fitted: tuple[str, ...]
    scored: tuple[str, ...]
    evaluation: Evaluation
    zooms: int
    turns: int

    @property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Whose numbers are in the totals of each stage."""
        return {"survey": self.surveyed, "fit": self.fitted, "evaluation": self.scored}


Appraisal = Evaluating | Evaluated


class Figures(NamedTuple):
    """What is known of a model in the end; see `ModelResult`."""

    metrics: dict[str, float]
    uncertainty: dict[str, float]
    roc: Mapping[str, tuple[tuple[float, float], ...]]


def ask_appraisal(state: Appraisal) -> Question | None:
    """Return the next question, or None when nothing is to be asked any more; then the state is `Evaluated`."""
    if isinstance(state, Evaluating):
        return EvaluationQuestion("evaluation", state.trial)
    if state.zooms >= _ZOOMS:
        return None
    return ask_zoom(state.evaluation, state.trial, f"zoom {state.zooms + 1}")


def learn_appraisal(
    state: Appraisal, question: Question, total: Vector, survivors: tuple[str, ...]
) -> Evaluated:
    """Take in a total over the survivors' rows."""
    match state, question:
        case Evaluating(), EvaluationQuestion():
            evaluation = read_evaluation(question, total, len(survivors))
            return Evaluated(
                state.trial, state.surveyed, state.fitted, survivors, evaluation, 0, state.turns + 1
            )
        case Evaluated(), ZoomQuestion() if survivors != state.scored:
            # Parts of fewer rows than the bins hold would mix two sets of rows in one curve.
            return replace(state, zooms=_ZOOMS, turns=state.turns + 1)
        case Evaluated(), ZoomQuestion():
            evaluation = read_zoom(state.evaluation, question, total)
            return replace(state, evaluation=evaluation, zooms=state.zooms + 1, turns=state.turns + 1)
        case _:
            raise AssertionError("ask and learn disagree")


def doubt_appraisal(
    state: Appraisal, question: Question, total: Vector, survivors: tuple[str, ...]
) -> Iterator[str]:
    """Yield where a total is at odds with earlier ones."""
    match state, question:
        case Evaluating(), EvaluationQuestion():
            yield from find_disagreements(question, total, len(survivors))
        case Evaluated(), ZoomQuestion():
            whole = survivors == state.scored
            yield from find_zoom_disagreements(question, total, state.evaluation, whole=whole)


def verify_scored(question: Question, members: int) -> None:
    """Check that a total over so many members hides each of them.

    Raises:
        Refused: `recipe.survivors`, sums over members are asked for, and with those who were lost since
            the survey fewer than three that can be scored may be left.
    """
    if isinstance(question, EvaluationQuestion) and question.asks_members:
        least = question.trial.count_scorable(members)
        if least < MINIMUM_SCORED:
            raise Refused(
                "recipe.survivors",
                f"perhaps only {least} of the members that are left can be scored, and a sum over them "
                f"needs {MINIMUM_SCORED}",
            )


def read_figures(evaluation: Evaluation) -> Figures:
    """Return metrics, how far each may be off, and curves."""
    metrics = dict(evaluation.metrics)
    uncertainty: dict[str, float] = {}
    roc = {}
    for kind, curve in zip(KINDS, evaluation.curves, strict=True):
        if curve is not None:
            metrics |= {f"{name}_{kind}": value for name, value in curve.metrics.items()}
            uncertainty |= {f"{name}_{kind}": value for name, value in curve.uncertainty.items()}
            roc[kind] = curve.roc
    return Figures(metrics, uncertainty, roc)
