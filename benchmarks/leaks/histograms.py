"""Labels of test rows, from the evaluation's score histograms.

The model is public, so who knows a row's features knows its score, and so the one bin that it is counted in. If
that bin holds nobody, the row did not test; if it holds one label only, that is the row's.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hansa.learning.curve import Histogram, place_scores
from hansa.learning.evaluation import EvaluationQuestion, ZoomQuestion, read_evaluation, read_zoom
from leaks.finding import Finding
from leaks.gathering import Coalition
from leaks.view import Turn, watch

TOGETHER = 1
"""The place of the joint model among the evaluation's three."""


def read_histogram(turns: Sequence[Turn], members: int) -> Histogram:
    """Return the finest histogram of the joint model's scores that a run's totals over so many members give."""
    evaluation = None
    for turn in turns:
        match turn.question:
            case EvaluationQuestion() as question:
                evaluation = read_evaluation(question, turn.total, members)
            case ZoomQuestion() as question if evaluation is not None:
                evaluation = read_zoom(evaluation, question, turn.total)
    if evaluation is None:
        raise ValueError("the run was not watched up to its evaluation")
    return evaluation.histograms[TOGETHER]


def look_up(histogram: Histogram, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many positive and negative test rows share a bin with each place: two of shape (n,)."""
    bins = np.searchsorted(histogram.starts, places, side="right") - 1
    return histogram.positives[bins], histogram.negatives[bins]


def measure_histogram(coalition: Coalition) -> Iterator[Finding]:
    """Run once with the evaluation, and yield what the histogram says of rows whose features are known."""
    members = coalition.divide()
    view = watch(coalition.recipe(members), list(members.values()), whole=True)
    histogram = read_histogram(view.turns, len(members))
    centre = next(t.question.trial.centre for t in view.turns if isinstance(t.question, EvaluationQuestion))

    def look(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        tables = [getattr(rows, part) for rows in members.values()]
        places = np.concatenate([place_scores(view.model.predict(table), centre) for table in tables])
        return np.concatenate([table.labels for table in tables]), *look_up(histogram, places)

    labels, positives, negatives = look("test")
    _, *beside = look("train")
    setting = f"{len(members)} members with {len(labels):,} test rows; the features of a row are known"
    told = (positives == 0) | (negatives == 0)
    for measure, share in (
        ("label of a test row read", told),
        ("of those labelled 1", told[labels == 1]),
        ("training row shown not to test", (beside[0] == 0) & (beside[1] == 0)),
    ):
        yield Finding("histograms", coalition.name, setting, "none", measure, float(share.mean()))
