import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from hansa.learning import NumberFeature, Schema, Table, Unit
from hansa.learning.design import Design, NumberColumns
from hansa.learning.model import Model
from hansa.learning.newton import squash
from hansa.learning.scoreboard import BINS, ScoreQuestion, answer_scores, find_counts, read_scores

SCHEMA = Schema((NumberFeature("logit", -9.0, 9.0, missing=False),))
MODEL = Model(
    Design(SCHEMA, (NumberColumns("logit", 0.0, 1.0, indicator=False),), ()), np.array([0.0, 1.0]), None
)
QUESTION = ScoreQuestion("scores", MODEL, -1.5, Unit())


def draw(seed, rows=4000):
    rng = np.random.default_rng(seed)
    logits = np.clip(rng.normal(-2.0, 1.3, rows), -9, 9)
    labels = (rng.random(rows) < squash(logits)[0]).astype(np.int8)
    return Table(SCHEMA, {"logit": logits}, {}, labels)


def measure(table):
    logits, labels = table.numbers["logit"], table.labels
    probability = squash(logits)[0]
    return {
        "auc_pooled_together": roc_auc_score(labels, logits),
        "average_precision_together": average_precision_score(labels, logits),
        "brier_together": brier_score_loss(labels, probability),
    }


def test_without_noise_every_metric_is_within_its_uncertainty_of_scikit_learns():
    table = draw(0)
    board = read_scores(QUESTION, answer_scores(QUESTION, table), 0.0)
    for name, value in measure(table).items():
        assert abs(board.metrics[name] - value) <= board.uncertainty[name], name
    assert board.metrics["auc_pooled_together"] == pytest.approx(
        measure(table)["auc_pooled_together"], abs=0.003
    )
    assert board.metrics["brier_together"] == pytest.approx(measure(table)["brier_together"], abs=0.003)


@pytest.mark.parametrize("deviation", [2.0, 6.0])
def test_with_noise_the_stated_uncertainty_holds_nearly_always(deviation):
    outside = 0
    for seed in range(40):
        table, rng = draw(seed), np.random.default_rng(1000 + seed)
        total = answer_scores(QUESTION, table) + rng.normal(size=2 * BINS) * deviation
        board = read_scores(QUESTION, total, deviation)
        outside += sum(abs(board.metrics[n] - v) > board.uncertainty[n] for n, v in measure(table).items())
    # Two standard deviations, of 120 figures.
    assert outside <= 12


def test_noise_makes_the_uncertainty_larger():
    answer = answer_scores(QUESTION, draw(1))
    clear, noised = (read_scores(QUESTION, answer, deviation).uncertainty for deviation in (0.0, 5.0))
    assert all(noised[name] > clear[name] for name in clear)


def test_an_answer_counts_each_row_once_with_its_label():
    table = draw(2)
    answer = answer_scores(QUESTION, table)
    assert answer.shape == (2 * BINS,)
    assert answer[:BINS].sum() == table.positives
    assert answer[BINS:].sum() == len(table) - table.positives


def test_without_positives_there_is_nothing_to_say():
    total = np.concatenate([np.full(BINS, -3.0), np.full(BINS, 5.0)])
    board = read_scores(QUESTION, total, 2.0)
    assert (board.metrics, board.roc, board.calibration) == ({}, (), ())


def test_calibration_bins_stand_out_of_the_noise():
    board = read_scores(QUESTION, answer_scores(QUESTION, draw(3)), 5.0)
    assert len(board.calibration) > 3
    assert all(held.rows >= 100 for held in board.calibration)
    assert all(abs(held.predicted - held.observed) < 0.12 for held in board.calibration)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=64))
def test_counts_are_whole_and_positive_and_keep_their_sum(noised):
    counts = find_counts(np.array(noised))
    assert (counts >= 0).all()
    assert counts.sum() == pytest.approx(max(sum(noised), 0.0), abs=len(noised) / 2 + 1e-6)


def test_counts_without_noise_come_back():
    assert find_counts(np.array([3.0, 0.0, 7.0])).tolist() == [3, 0, 7]
    assert find_counts(np.array([-1.0, 0.5])).tolist() == [0, 0]
