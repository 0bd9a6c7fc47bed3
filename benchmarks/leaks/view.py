"""What an adversary sees of a run: every question, and the total of its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hansa.learning import Model, Question, Result, Rows
from hansa.learning.evaluation import EvaluationQuestion
from hansa.learning.recipe import Recipe
from hansa.learning.scoreboard import ScoreQuestion
from hansa.learning.slope import SlopeQuestion
from hansa.learning.survey import COUNTS, MOMENTS, SurveyQuestion, count_columns
from hansa.learning.tables import Vector
from hansa.secagg import Quantiser

Protect = Callable[[Question, Sequence[Vector]], Vector]
"""What stands between the answers and the total: adds up, and perhaps adds noise."""

ROUNDING = 1e-6
"""The standard deviation that an attack allows a coordinate whose total holds no noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One secure sum.

    Args:
        question: what was asked; public.
        total: shape (question.length,); what the cohort sees.
    """

    question: Question
    total: Vector


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The turns of a run, and its model."""

    turns: tuple[Turn, ...]
    model: Model


def add_exactly(question: Question, answers: Sequence[Vector]) -> Vector:
    """Add answers as the door does: each rounded to the fixed point that the question's bounds allow."""
    quantiser = Quantiser(question.bounds, len(answers))
    total = np.zeros(question.length, dtype=np.int64)
    for answer in answers:
        total += quantiser.encode(answer)
    return quantiser.decode(total)


def add_noise(generator: np.random.Generator) -> Protect:
    """Return a sum with the noise that each question asks for, as one trusted party would add it.

    The door splits the noise among members and so adds more of it when more members survive than must; what
    is measured here is the least that protects.
    """

    def protect(question: Question, answers: Sequence[Vector]) -> Vector:
        total = add_exactly(question, answers)
        return total + generator.normal(0.0, 1.0, question.length) * noise_deviation(question)

    return protect


def noise_deviation(question: Question) -> float:
    """Return the standard deviation of the noise in each number of a total; 0 for a question without noise."""
    return 0.0 if question.noise is None else question.noise.deviation


def watch(
    recipe: Recipe, members: Sequence[Rows], protect: Protect = add_exactly, *, whole: bool = False
) -> View:
    """Run a recipe and keep what everybody in it sees.

    Args:
        recipe: the plan's.
        members: everybody's rows.
        protect: adds up the answers.
        whole: whether to ask for the evaluation too; the model is known before.
    """
    state, turns, model = recipe.begin(), [], None
    survivors = tuple(sorted(rows.member for rows in members))
    while not isinstance(question := recipe.ask(state), Result):
        match question:
            case EvaluationQuestion():
                model = question.trial.judge.model
            case ScoreQuestion():
                model = question.model
        if model is not None and not whole:
            break
        total = protect(question, [recipe.answer(question, rows) for rows in members])
        turns.append(Turn(question, total))
        state = recipe.learn(state, total, survivors)
    assert model is not None
    return View(tuple(turns), model)


def additive_part(question: Question, numbers: Vector) -> Vector:
    """Return what simply adds up over rows, of an answer or a total.

    Wholes and remainders are put together again; what is counted over members or over test rows is left out.
    """
    if isinstance(question, SlopeQuestion):
        width = len(question.coefficients)
        gradient = numbers[1 : 1 + width] + numbers[1 + width : 1 + 2 * width]
        return np.concatenate([numbers[:1], gradient, numbers[1 + 2 * width :]])
    if not isinstance(question, SurveyQuestion):
        return numbers
    parts, place = [numbers[:2]], COUNTS
    for _ in question.schema.numbers:
        present, _, _, whole, remainder, square_whole, square_remainder = numbers[place : place + MOMENTS]
        parts.append(np.array([present, whole + remainder, square_whole + square_remainder]))
        place += MOMENTS
    for feature in question.schema.categories:
        width = count_columns(feature)
        parts.append(numbers[place : place + width])
        place += 2 * width
    return np.concatenate(parts)


def move_totals(recipe: Recipe, question: Question, singles: Sequence[Rows]) -> tuple[np.ndarray, np.ndarray]:
    """Return what each of some rows adds to a total.

    Args:
        recipe: the run's.
        question: what was asked.
        singles: each with one training row.

    Returns:
        The coordinates of the additive part that any of them moves, shape (k,); and by how much, (n, k).
    """
    parts = [additive_part(question, recipe.answer(question, single)) for single in singles]
    moved = np.flatnonzero(np.any(parts, axis=0))
    return moved, np.array([part[moved] for part in parts])


def take_row(rows: Rows, place: int) -> Rows:
    """Return one of a member's training rows, and no test rows."""
    return Rows(rows.member, rows.train.take(np.array([place])), rows.test.take(np.zeros(0, dtype=np.intp)))
