"""How well scores rank labels, exactly, for rows that are all at hand."""

import numpy as np
from numpy.typing import NDArray

from hansa.learning.tables import Vector

MINIMUM_PER_CLASS = 3
"""With fewer positives, or fewer negatives, than this in its test rows a member is not scored."""


def can_score(labels: NDArray[np.int8]) -> bool:
    """Say whether there are enough test rows of both labels for a ranking to mean anything."""
    positives = int(np.count_nonzero(labels == 1))
    return min(positives, len(labels) - positives) >= MINIMUM_PER_CLASS


def rank_scores(scores: Vector) -> Vector:
    """Return the rank of each score from 1, ties sharing their mean: shape (n,)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])


def measure_auc(labels: NDArray[np.int8], scores: Vector) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        labels: shape (n,), 0 or 1, both occurring.
        scores: shape (n,), finite.
    """
    positive = labels == 1
    count = int(np.count_nonzero(positive))
    return float(
        (rank_scores(scores)[positive].sum() - count * (count + 1) / 2) / (count * (len(labels) - count))
    )
