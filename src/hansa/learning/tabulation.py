"""The one question of statistics without noise: the survey of all rows, and a histogram of each number."""

from dataclasses import dataclass

import numpy as np

from hansa.learning.histogram import place_values
from hansa.learning.suppression import Counts
from hansa.learning.survey import Survey, SurveyQuestion, answer_survey, read_survey
from hansa.learning.tables import MAX_ROWS, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class BinTotals:
    """A numeric feature's histogram: how many rows, and how many members, have a value in each bin."""

    rows: Counts
    members: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Tabulation:
    """The total, read."""

    survey: Survey
    histograms: tuple[BinTotals, ...]


@dataclass(frozen=True, eq=False)
class TabulationQuestion(SurveyQuestion):
    """Ask for counts and moments under a schema, and for histograms of so many bins."""

    bins: int

    def bound(self) -> Vector:
        """Those of the survey, then for each number rows for its bins and one for their members."""
        histogram = np.concatenate([np.full(self.bins, float(MAX_ROWS)), np.ones(self.bins)])
        return np.concatenate([super().bound(), *[histogram] * len(self.schema.numbers)])

    def publics(self) -> tuple[bytes, ...]:
        """Return the schema and the bins."""
        return repr((self.schema, self.bins)).encode(), b"tabulation"


def answer_tabulation(question: TabulationQuestion, rows: Rows) -> Vector:
    """Count and sum one member's rows.

    Returns:
        The answer to the survey; then for each numeric feature rows per bin, and 1 per bin that occurs.
    """
    parts = [answer_survey(question.schema, rows)]
    for number in question.schema.numbers:
        column = rows.train.numbers[number.name]
        places = place_values(number, question.bins, column[~np.isnan(column)])
        held = np.bincount(places, minlength=question.bins).astype(np.float64)
        parts += [held, np.minimum(held, 1.0)]
    return np.concatenate(parts)


def part_tabulation(question: TabulationQuestion, total: Vector) -> tuple[Vector, Vector]:
    """Divide a total into that of the survey and the histograms, shape (n_numbers, 2, bins): rows, then members."""
    numbers = len(question.schema.numbers)
    start = len(total) - numbers * 2 * question.bins
    return total[:start], total[start:].reshape(numbers, 2, question.bins)


def read_tabulation(question: TabulationQuestion, total: Vector) -> Tabulation:
    """Read the total of all answers.

    Args:
        question: as it was asked.
        total: shape (question.length,), float64.
    """
    surveyed, histograms = part_tabulation(question, total)
    counts = np.rint(histograms).astype(np.int64)
    return Tabulation(read_survey(question.schema, surveyed), tuple(BinTotals(*pair) for pair in counts))
