from dataclasses import replace

import numpy as np
import pytest

from hansa.learning import Rows
from hansa.learning.curve import place_scores
from hansa.learning.evaluation import (
    EvaluationQuestion,
    Trial,
    ZoomQuestion,
    answer_evaluation,
    answer_zoom,
    ask_zoom,
    read_evaluation,
    read_zoom,
)
from hansa.learning.model import Model
from hansa.learning.personal import LogisticJudge, fit_alone, score_rows


@pytest.fixture(scope="module")
def members(draw):
    return draw(61, (80, 60, 12))


@pytest.fixture(scope="module")
def trial(schema, members):
    positives = sum(rows.test.positives for rows in members)
    negatives = sum(len(rows.test) for rows in members) - positives
    judge = LogisticJudge(fit_alone(schema, members[0], 1.0), 1.0, 10.0)
    return Trial(judge, -1.0, positives, negatives, 3, 3, 3)


def test_an_answer_counts_every_test_row_once_for_each_model(trial, members):
    answer = answer_evaluation(EvaluationQuestion("evaluation", trial), members[0])
    positives, rows = members[0].test.positives, len(members[0].test)
    for kind in range(3):
        part = answer[kind * 16445 : (kind + 1) * 16445]
        assert part[:8192].sum() == positives
        assert part[8192:16384].sum() == rows - positives
        assert part[16385:16405].sum() == rows
        assert part[16425:].sum() == positives


def test_a_positive_is_counted_in_the_bin_of_its_place(trial, members):
    answer = answer_evaluation(EvaluationQuestion("evaluation", trial), members[1])
    scores = score_rows(trial.judge.model, members[1], 1.0, 10.0)
    places = place_scores(scores.together[scores.labels == 1], trial.centre)
    assert np.flatnonzero(answer[16445 : 16445 + 8192]).tolist() == sorted(set((places // 2**18).tolist()))


def test_a_member_that_cannot_be_scored_adds_nothing_to_the_means(trial, members):
    negative = members[2].test.labels == 0
    rows = Rows("few", members[2].train, members[2].test.take(negative))
    answer = answer_evaluation(EvaluationQuestion("evaluation", trial), rows)
    assert answer[-6:].tolist() == [0] * 6
    assert answer[:-6].sum() > 0


@pytest.mark.parametrize("scorable", [0, 1, 2])
def test_with_fewer_than_three_to_score_no_sum_over_members_is_asked_for(trial, members, scorable):
    question = EvaluationQuestion("evaluation", replace(trial, scorable=scorable))
    total = np.sum([answer_evaluation(question, rows) for rows in members], axis=0)
    assert question.length == len(total) == 3 * 16445
    metrics = read_evaluation(question, total, 3).metrics
    assert metrics["members_scored"] == scorable
    assert not any("auc" in name or "gain" in name for name in metrics)
    assert question.digest != EvaluationQuestion("evaluation", trial).digest


def test_a_model_that_scores_all_rows_alike_keeps_to_the_bounds(trial, members):
    flat = Model(trial.judge.model.design, np.zeros(len(trial.judge.model.coefficients)), None)
    for positives, negatives in ((2, 30), (30, 2)):
        test = members[0].train.take(np.arange(32))
        test.labels[:] = 0
        test.labels[:positives] = 1
        question = EvaluationQuestion(
            "evaluation",
            replace(trial, judge=replace(trial.judge, model=flat), positives=positives, negatives=negatives),
        )
        answer = answer_evaluation(question, Rows("crowd", members[0].train, test))
        assert answer[16445 : 16445 + 8192].max() == positives
        assert answer[16445 + 8192 : 16445 + 16384].max() == negatives
        assert (answer <= question.bounds).all()
        zoom = ZoomQuestion("zoom 1", question.trial, ((np.array([0]), np.array([2**31])),) * 3)
        assert (answer_zoom(zoom, Rows("crowd", members[0].train, test)) <= zoom.bounds).all()


def test_a_zoom_puts_each_row_in_its_part(trial, members):
    question = EvaluationQuestion("evaluation", trial)
    total = np.sum([answer_evaluation(question, rows) for rows in members], axis=0)
    evaluation = read_evaluation(question, total, 3)
    starts, widths = np.arange(0, 2**31, 2**24), np.full(128, 2**24)
    whole = ZoomQuestion("zoom 1", trial, ((starts, widths),) * 3)
    counted = np.sum([answer_zoom(whole, rows) for rows in members], axis=0).reshape(3, 2, 8192)
    for kind, histogram in enumerate(evaluation.histograms):
        assert (counted[kind, 0] == histogram.positives).all()
        assert (counted[kind, 1] == histogram.negatives).all()


def test_a_zoom_asks_only_where_a_metric_is_unclear(trial):
    whole = EvaluationQuestion("evaluation", trial)
    total = np.zeros(whole.length)
    total[-6] = 3
    for kind in range(3):
        total[kind * 16445 + 100] = 40
        total[kind * 16445 + 8192 + 50] = 300
    assert ask_zoom(read_evaluation(whole, total, 3), trial, "zoom 1") is None
    total[16445 + 8192 + 100] = 300
    evaluation = read_evaluation(whole, total, 3)
    question = ask_zoom(evaluation, trial, "zoom 1")
    assert [starts.tolist() for starts, _ in question.bins] == [[], [100 * 2**18], []]
    assert question.length == 128
    parts = np.zeros(128)
    parts[3], parts[64 + 2] = 40, 300
    seen = read_zoom(evaluation, question, parts)
    assert seen.curves[1].metrics["auc_pooled"] == 1.0
    assert ask_zoom(seen, trial, "zoom 2") is None


def test_questions_bind_everything_an_answer_depends_on(trial):
    other = Model(trial.judge.model.design, trial.judge.model.coefficients + 1e-12, None)
    trials = [
        trial,
        replace(trial, judge=replace(trial.judge, model=other)),
        replace(trial, judge=replace(trial.judge, ridge=2.0)),
        replace(trial, judge=replace(trial.judge, correction=2.0)),
        replace(trial, centre=0.0),
        replace(trial, positives=trial.positives + 1),
    ]
    bins = ((np.array([0]), np.array([2**18])),) * 3
    digests = {EvaluationQuestion("evaluation", each).digest for each in trials}
    digests |= {ZoomQuestion("zoom 1", each, bins).digest for each in trials}
    moved = ((np.array([2**18]), np.array([2**18])), *bins[1:])
    assert len(digests | {ZoomQuestion("zoom 1", trial, moved).digest}) == 2 * len(trials) + 1
