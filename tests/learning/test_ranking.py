import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning.ranking import can_score, measure_auc, rank_scores


def obvious_auc(labels, scores):
    pairs = [(p, n) for p in scores[labels == 1] for n in scores[labels == 0]]
    return sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=40))
def test_the_quick_auc_is_the_obvious_one(rows):
    labels = np.array([label for label, _ in rows], dtype=np.int8)
    scores = np.array([score for _, score in rows], dtype=float)
    if 0 < labels.sum() < len(labels):
        assert abs(measure_auc(labels, scores) - obvious_auc(labels, scores)) < 1e-12


def test_ties_share_their_mean_rank():
    assert rank_scores(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1, 3.5, 2]


def test_three_of_each_label_are_needed():
    assert can_score(np.array([1, 1, 1, 0, 0, 0], np.int8))
    assert not can_score(np.array([1, 1, 0, 0, 0], np.int8))
    assert not can_score(np.array([1, 1, 1, 0, 0], np.int8))
    assert not can_score(np.zeros(0, np.int8))
