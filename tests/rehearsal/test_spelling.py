from datetime import UTC, datetime

import pytest

from hansa.rehearsal import spelling
from hansa.rehearsal.outcome import BarVerdict, Decision, Split


@pytest.mark.parametrize(
    ("spelt", "expected"),
    [
        (spelling.format_count(12_644), "12,644"),
        (spelling.format_bytes(0), "0 bytes"),
        (spelling.format_bytes(999), "999 bytes"),
        (spelling.format_bytes(1_300), "1.3 kB"),
        (spelling.format_bytes(955_012), "955 kB"),
        (spelling.format_bytes(999_700), "1.0 MB"),
        (spelling.format_bytes(2_500_000_000), "2.5 GB"),
        (spelling.format_measure(0.8289), "0.829"),
        (spelling.format_measure(None), "–"),
        (spelling.format_gain(0.1154), "+0.115"),
        (spelling.format_gain(-0.02), "−0.020"),
        (spelling.format_gain(-0.0001), "0.000"),
        (spelling.format_gain(None), "–"),
        (spelling.format_interval((-0.045, 0.013)), "−0.045 to +0.013"),
        (spelling.format_interval(None), "–"),
        (spelling.format_bound(0.00121), "0.0013"),
        (spelling.format_bound(0.0), ""),
        (spelling.format_share(0.3562), "35.6%"),
        (spelling.format_moment(datetime(2026, 11, 3, 9, 5, tzinfo=UTC)), "3 Nov 2026, 09:05 UTC"),
        (spelling.format_moment(None), "–"),
        (spelling.format_seconds(0.01), "< 0.1 s"),
        (spelling.format_seconds(9.73), "9.7 s"),
        (spelling.format_seconds(125.2), "2 min 5 s"),
        (spelling.format_seconds(120), "2 min"),
        (spelling.format_span(86_400), "1 day"),
        (spelling.format_span(3 * 86_400 + 7_200 + 5), "3 days 2 hours"),
        (spelling.format_span(0.2), "no time"),
        (spelling.pluralise(1, "entry"), "1 entry"),
        (spelling.pluralise(1_200, "entry"), "1,200 entries"),
        (spelling.pluralise(2, "day"), "2 days"),
    ],
)
def test_numbers_are_spelt_the_same_way_everywhere(spelt, expected):
    assert spelt == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("auc_together", 0.8289, "0.829"),
        ("auc_together", "0.828921", "0.829"),
        ("members_gain", 0.84, "84.0%"),
        ("members_gain", "2/3", "2/3"),
        ("members_gain_corrected", 0.88, "88.0%"),
        ("members_scored", 25.0, "25"),
        ("gain_mean", -0.0154, "−0.015"),
        ("recall_at_5_percent_alone", 0.22, "22.0%"),
        ("auc_together", None, "–"),
        ("auc_together", float("nan"), "–"),
        ("auc_together", "Infinity", "–"),
    ],
)
def test_a_metric_is_spelt_as_its_kind_is(name, value, expected):
    assert spelling.format_metric(name, value) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("auc_alone", "mean ROC-AUC of the scored members, alone"),
        ("auc_pooled_together", "ROC-AUC over all test rows, together"),
        ("members_gain", "scored members that gain, together"),
        ("corrected_gain_mean", "mean gain over going alone, with local correction"),
        ("members_scored", "members that can be scored"),
        ("members_trusting_mixed", "scored members that trust a mixture most"),
        ("a_metric_of_next_year", "a metric of next year"),
    ],
)
def test_a_metric_has_a_name_in_words(name, words):
    assert spelling.describe_metric(name) == words


def test_measures_stand_in_rows_with_a_column_for_each_way_to_learn():
    metrics = {
        "auc_alone": 0.7,
        "auc_together": 0.8,
        "gain_mean": 0.1,
        "corrected_gain_mean": 0.12,
        "other": 1.0,
    }
    assert spelling.tabulate_metrics(metrics) == (
        ("mean ROC-AUC of the scored members", "0.700", "0.800", "–"),
        ("mean gain over going alone", "–", "+0.100", "+0.120"),
    )


def test_a_measure_that_may_be_off_says_by_how_much():
    assert spelling.format_metric("auc_pooled_together", "0.8371", 0.0712) == "0.837 ± 0.071"
    assert spelling.format_metric("recall_at_5_percent_together", 0.4, 0.05) == "40.0% ± 5.0%"
    assert spelling.format_metric("auc_pooled_together", None, 0.07) == "–"
    rows = spelling.tabulate_metrics({"brier_together": 0.05, "auc_together": 0.8}, {"brier_together": 0.01})
    assert [row[2] for row in rows] == ["0.800", "0.050 ± 0.010"]


def test_what_members_chose_is_listed_where_they_could_choose():
    assert spelling.list_choices({"auc_alone": 0.7}) == ()
    assert spelling.list_choices({"members_trusting_alone": 3.0, "members_gain_chosen": 0.75}) == (
        ("scored members that gain, as each chose", "75.0%"),
        ("scored members that trust their own model most", "3"),
    )


def test_columns_without_a_value_are_left_out():
    table = spelling.drop_empty(("what", "alone", "together"), [("a", "–", "1"), ("b", "–", "–")])
    assert table == (("what", "together"), (("a", "1"), ("b", "–")))


def test_a_bar_says_what_it_asks():
    assert (
        spelling.describe_bar(BarVerdict(metric="auc_together", at_least="0.80", met=True))
        == "at least 0.800"
    )
    assert (
        spelling.describe_bar(BarVerdict(metric="brier_together", at_most=0.1, met=True)) == "at most 0.100"
    )
    assert (
        spelling.describe_bar(BarVerdict(metric="members_gain", at_least="2/3", met=True)) == "at least 2/3"
    )


def test_votes_always_name_yes_and_no_and_the_rest_only_where_there_are_any():
    decision = Decision(entry=1, effect="run", yes=30, recused=1)
    assert spelling.describe_votes(decision) == "30 yes · 0 no · 1 recused"


def test_who_had_not_voted_when_a_vote_was_settled_early_is_not_called_absent():
    times = {"opened_at": 0, "closes_at": 100, "decided_at": 50}
    decision = Decision(entry=1, effect="run", outcome="passed", yes=9, absent=4, **times)
    assert spelling.describe_votes(decision) == "9 yes · 0 no · 4 had not voted"
    decision = Decision(
        entry=1, effect="run", outcome="passed", yes=9, absent=4, **times | {"decided_at": 100}
    )
    assert spelling.describe_votes(decision) == "9 yes · 0 no · 4 absent"
    assert (
        spelling.describe_votes(Decision(entry=1, effect="run", absent=4)) == "0 yes · 0 no · 4 had not voted"
    )


def test_backticks_become_quotes():
    assert spelling.write_quotes("founds `Five` and `Six`, not `") == "founds “Five” and “Six”, not `"


def test_effects_and_outcomes_are_said_in_words_and_unknown_ones_as_they_are():
    decision = Decision(entry=1, effect="run", outcome="in_effect")
    assert (spelling.describe_effect(decision), spelling.describe_outcome(decision)) == (
        "run the plan",
        "passed",
    )
    decision = Decision(entry=1, effect="dance", outcome="half_way")
    assert (spelling.describe_effect(decision), spelling.describe_outcome(decision)) == ("dance", "half way")


def test_a_split_is_said_with_what_is_known_of_it():
    assert (
        spelling.describe_split(Split(kind="stratified", test="3/10", seed=0))
        == "stratified, 3/10 held out, seed 0"
    )
    assert spelling.describe_split(Split()) == ""


@pytest.mark.parametrize(
    ("names", "phrase"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcd"), "a, b and 2 more"),
    ],
)
def test_names_are_listed_as_a_phrase(names, phrase):
    assert spelling.list_names(names, limit=2 if len(names) == 4 else 8) == phrase


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cannot tell: AUC -0.016 (-0.045 to +0.013)", "Cannot tell: AUC −0.016 (−0.045 to +0.013)."),
        ("well-known, 2026-11-23!", "Well-known, 2026-11-23!"),
        ("  ", ""),
    ],
)
def test_a_sentence_has_a_capital_a_full_stop_and_true_minus_signs(text, sentence):
    assert spelling.write_sentence(text) == sentence


def test_a_name_in_running_text_is_cut_after_sixty_characters():
    assert spelling.shorten("Air " * 15) == "Air " * 15
    assert spelling.shorten("Air " * 16) == "Air " * 14 + "Air…"


def test_the_typical_number_is_the_median():
    assert spelling.find_typical([3, 1, 100]) == 3
    assert spelling.find_typical([]) == 0
