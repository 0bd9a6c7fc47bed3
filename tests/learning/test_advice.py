import numpy as np
import pytest

from hansa.learning import Interval, Rows
from hansa.learning.advice import BITES, explain_gain, explain_unscored, report_member, warn_clipping
from hansa.learning.personal import Scores
from hansa.privacy import Clipping

HELPS, HURTS, UNSURE = Interval(0.1, 0.03, 0.17), Interval(-0.1, -0.17, -0.03), Interval(0.02, -0.05, 0.09)


@pytest.mark.parametrize(
    ("gain", "corrected", "words"),
    [
        (
            HELPS,
            UNSURE,
            "joining helps you: AUC +0.100 (95% interval +0.030 to +0.170) against your own model",
        ),
        (HELPS, HURTS, "use the joint model as it is"),
        (HELPS, Interval(0.2, 0.1, 0.3), "your own correction brings +0.200 in all"),
        (UNSURE, HELPS, "joining helps you with your own correction: AUC +0.100"),
        (HURTS, HELPS, "joining helps you with your own correction: AUC +0.100"),
        (HURTS, HURTS, "the joint model is worse for you than your own: AUC -0.100"),
        (HURTS, HURTS, "keep your own model"),
        (HURTS, UNSURE, "with your own correction we cannot tell: +0.020"),
        (UNSURE, UNSURE, "cannot tell whether joining helps you: AUC +0.020"),
        (UNSURE, HURTS, "cannot tell whether joining helps you"),
    ],
)
def test_advice_says_what_the_intervals_say(gain, corrected, words):
    assert words in explain_gain(gain, corrected)


def test_advice_claims_nothing_when_an_interval_touches_no_change():
    for gain in (Interval(0.4, 0.0, 0.8), Interval(-0.4, -0.8, 0.0), Interval(0.0, 0.0, 0.0)):
        assert explain_gain(gain, UNSURE).startswith("cannot tell")


def test_a_member_that_cannot_be_scored_is_told_why():
    assert explain_unscored(20, 2) == "too few positives in your test rows to score you: 2 of at least 3"
    assert explain_unscored(20, 19) == "too few negatives in your test rows to score you: 1 of at least 3"
    assert explain_unscored(0, 0).startswith("no test rows to score you by")


def scored(labels):
    labels = np.array(labels, np.int8)
    noise = np.random.default_rng(0).normal(size=len(labels))
    return Scores(labels, noise, noise + labels, noise + 5 * labels)


def test_a_report_counts_rows_and_holds_five_intervals(draw):
    rows = draw(31, (40,))[0]
    labels = [0, 1] * 5
    report = report_member(Rows("delta", rows.train, rows.test), scored(labels))
    assert (report.member, report.rows, report.train_rows, report.test_rows, report.test_positives) == (
        "delta", 40, 30, 10, 5,
    )  # fmt: skip
    assert report.scored
    document = report.to_json()
    assert document["gain"]["value"] == pytest.approx(document["together"]["auc"] - document["alone"]["auc"])
    assert document["corrected"]["auc"] == 1.0
    assert set(document["corrected_gain"]) == {"value", "low", "high"}


def test_a_report_without_enough_rows_holds_none(draw):
    rows = draw(31, (40,))[0]
    report = report_member(rows, scored([0] * 8 + [1] * 2))
    assert not report.scored
    assert report.to_json()["alone"] is None
    assert report.to_json()["gain"] is None
    assert "2 of at least 3" in report.advice


def test_a_member_whose_rows_are_clipped_is_told_what_to_ask_of_whom(draw):
    report = report_member(draw(31, (40,))[0], scored([0, 1] * 5))
    assert warn_clipping(report, Clipping(BITES, 0.5)) == report
    assert warn_clipping(report, Clipping(0.4, 0.55)).advice == (
        f"{report.advice}. WARNING: clipping cut 40% of your training rows, to 55% of their pull on average, so they count for "
        "less than the others'; ask whoever proposed this plan to propose a new one with a larger `clip`, which costs more noise "
        "at the same epsilon"
    )
