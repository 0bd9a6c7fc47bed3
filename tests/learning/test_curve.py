from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from hansa.learning.curve import (
    LEVEL,
    TOLERANCE,
    _add_ranks,
    count_base,
    count_zoomed,
    draw_curve,
    make_histogram,
    place_scores,
    zoom_histogram,
)


def exact(labels, scores):
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "auc_pooled": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "recall_at_5_percent": true[false <= 0.05 + 1e-12].max(),
    }


def look(labels, scores, zooms=3):
    """The curve after as many closer looks as it asks for."""
    places = place_scores(scores, 0.0)
    positive, negative = places[labels == 1], places[labels == 0]
    histogram = make_histogram(count_base(positive), count_base(negative))
    curve = draw_curve(histogram)
    for _ in range(zooms):
        if not len(curve.unclear):
            break
        widths = histogram.widths[np.searchsorted(histogram.starts, curve.unclear)]
        counts = [count_zoomed(part, curve.unclear, widths) for part in (positive, negative)]
        histogram = zoom_histogram(histogram, curve.unclear, *counts)
        assert histogram.positives.sum() == len(positive)
        assert histogram.negatives.sum() == len(negative)
        assert (histogram.starts[1:] == (histogram.starts + histogram.widths)[:-1]).all()
        curve = draw_curve(histogram)
    return curve


@given(
    rows=st.integers(2, 400),
    rate=st.floats(0.02, 0.98),
    scale=st.sampled_from([1e-4, 1e-2, 1.0, 30.0]),
    levels=st.sampled_from([2, 5, 50, None]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_no_metric_is_off_by_more_than_its_uncertainty(rows, rate, scale, levels, seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < rate).astype(np.int8)
    labels[:2] = [0, 1]
    scores = labels + rng.normal(size=rows)
    if levels is not None:
        scores = np.round(scores * levels / 6) / levels * 6
    scores *= scale
    for zooms in (0, 3):
        curve = look(labels, scores, zooms)
        for name, value in exact(labels, place_scores(scores, 0.0)).items():
            assert abs(curve.metrics[name] - value) <= curve.uncertainty[name] + 1e-9, name
    assert max(curve.uncertainty.values()) <= 2 * TOLERANCE


def test_crowded_scores_are_told_apart_by_looking_closer():
    rng = np.random.default_rng(0)
    labels = (np.arange(20000) % 18 == 0).astype(np.int8)
    scores = -2.9 + 0.002 * (labels + rng.normal(size=20000))
    assert draw_curve_width(labels, scores, 0) > 0.05
    assert draw_curve_width(labels, scores, 3) <= TOLERANCE
    curve = look(labels, scores)
    for name, value in exact(labels, scores).items():
        assert curve.metrics[name] == pytest.approx(value, abs=0.002)


def draw_curve_width(labels, scores, zooms):
    return max(look(labels, scores, zooms).uncertainty.values())


def test_ties_are_ties_once_a_bin_is_a_single_place():
    labels = np.array([1, 0, 1, 0, 0, 1, 0, 1] * 40, np.int8)
    scores = np.where(np.arange(320) < 160, 0.25, -1.5)
    curve = look(labels, scores)
    assert max(curve.uncertainty.values()) == 0
    for name, value in exact(labels, scores).items():
        assert curve.metrics[name] == pytest.approx(value, abs=1e-12)


def test_places_keep_the_order_of_scores_whatever_their_size():
    scores = np.array([-1e308, -800.0, -3.0, -3.0 + 1e-6, 0.0, 2.0, 1e3, 1e308])
    places = place_scores(scores, -2.5)
    assert (np.diff(places) >= 0).all()
    assert (np.diff(places)[1:-1] > 0).all()
    assert places.min() >= 0
    assert places.max() < 2**LEVEL


def test_without_both_labels_there_is_no_curve():
    nothing = np.zeros(8192, np.int64)
    some = nothing.copy()
    some[5] = 3
    assert draw_curve(make_histogram(nothing, some)) is None
    assert draw_curve(make_histogram(some, nothing)) is None


def test_the_roc_runs_from_corner_to_corner_in_few_points():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 5000).astype(np.int8)
    roc = look(labels, labels + rng.normal(size=5000)).roc
    assert roc[0] == (0.0, 0.0)
    assert roc[-1] == (1.0, 1.0)
    assert 100 < len(roc) <= 201
    assert all(a <= c and b <= d for (a, b), (c, d) in pairwise(roc))


def test_two_thousand_million_rows_are_worked_through_as_quickly_as_a_few():
    many = np.zeros(8192, np.int64)
    many[[10, 4000, 8000]] = 2**36
    curve = draw_curve(make_histogram(many, many[::-1].copy()))
    assert 0 < curve.metrics["average_precision"] < 1
    assert curve.metrics["auc_pooled"] == pytest.approx(0.5, abs=0.2)
    level = draw_curve(make_histogram(many, many)).metrics
    assert level["auc_pooled"] == 0.5


@given(st.integers(0, 500), st.integers(1, 3000), st.integers(0, 5000))
def test_runs_of_ranks_never_count_more_than_the_ranks_one_by_one(before, count, after):
    ranks = np.arange(before + 1, before + count + 1)
    exact = (ranks / (ranks + after)).sum()
    (found,) = _add_ranks(*(np.array([n], np.int64) for n in (before, count, after)))
    assert exact - 0.02 * count <= found <= exact * (1 + 1e-12)
    if count <= 64:
        assert found == pytest.approx(exact, rel=1e-12)


def test_nothing_to_zoom_into_counts_nothing():
    empty = np.zeros(0, np.int64)
    assert count_zoomed(np.arange(5), empty, empty).shape == (0,)
