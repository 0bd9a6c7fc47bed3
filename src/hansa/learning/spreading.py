"""Questions that several processes of one member can answer together: each sums some pieces of the rows, and the sums are joined.

Not every question is one. Who says whether it has any rows at all in a bin, fits a model of its own, or ranks its rows needs them all; such
questions are answered in one place, and only what is listed here is spread.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hansa.learning.logistic import Logistic
from hansa.learning.recipe import Question, Recipe
from hansa.learning.slope import SlopeQuestion, join_slopes, measure_slope
from hansa.learning.statistics import Statistics
from hansa.learning.tables import Rows, Vector
from hansa.learning.tabulation import MomentQuestion, join_moments, measure_moments
from hansa.learning.trees import Trees
from hansa.learning.trees.questions import LevelQuestion, answer_level, join_levels


class Division(NamedTuple):
    """How a question is answered in pieces.

    Args:
        prepare: makes the rows to be cut in pieces out of a member's.
        measure: takes a question and a piece of the training rows, and sums it; of a module, so that it can be sent.
        join: takes a question and what was measured of all pieces, and returns the answer.
    """

    prepare: Callable[[Rows], Rows]
    measure: Callable[[Any, Rows], Vector]
    join: Callable[[Any, Sequence[Vector]], Vector]


def find_division(recipe: Recipe[Any], question: Question) -> Division | None:
    """Return how a question can be answered in pieces, or None when it needs all rows at once.

    Guarantees:
        What `join` returns of the `pieces` of the prepared rows, measured anywhere and in any order, is `recipe.answer` of the rows, bit for bit, where
        machines compute alike.
    """
    match recipe, question:
        case Logistic(), SlopeQuestion(intercept_penalty=None, voice="rows"):
            return Division(_keep, measure_slope, join_slopes)
        case Statistics(), MomentQuestion():
            return Division(_keep, measure_moments, join_moments)
        # An organisation's own offset is fitted to all its rows before they are summed.
        case Trees(), LevelQuestion(validation=None) if question.forest.offset_penalty is None:
            return Division(recipe.extend, answer_level, join_levels)
        case _:
            return None


def _keep(rows: Rows) -> Rows:
    return rows
