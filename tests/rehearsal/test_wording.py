import sys
from pathlib import Path

import pytest

from hansa.rehearsal.outcome import CalibrationBin, read_outcome
from hansa.rehearsal.wording import (
    count_standings,
    explain_absent,
    find_mean_gain,
    list_without_gain,
    merge_small_groups,
    write_caveats,
    write_headline,
    write_lede,
)

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_result

CLEAR = {"value": 0.1, "low": 0.05, "high": 0.15}
UNSURE = {"value": 0.1, "low": -0.05, "high": 0.25}
NONE = {"value": -0.1, "low": -0.25, "high": 0.05}
LOSS = {"value": -0.1, "low": -0.15, "high": -0.05}


def outcome_of(*gains, **changes):
    """An outcome whose members have these gains; None cannot be scored."""
    result = make_result()
    template = next(member for member in result["members"] if member["scored"])
    result["members"] = [
        {**template, "member": f"m-{n}", "name": f"M{n}", "scored": gain is not None, "gain": gain}
        for n, gain in enumerate(gains)
    ]
    result.update(changes)
    return read_outcome(result)


@pytest.mark.parametrize(
    ("gains", "end"),
    [
        ([None, None], "none of them can be scored on its own test rows."),
        ([CLEAR, None], "the one that can be scored does better together than alone."),
        ([LOSS, None], "the one that can be scored does not do better together than alone."),
        ([CLEAR, UNSURE], "all 2 that can be scored do better together than alone."),
        ([CLEAR, LOSS, NONE], "1 of 3 that can be scored does better together than alone."),
        ([CLEAR, UNSURE, NONE, None], "2 of 3 that can be scored do better together than alone."),
        ([NONE, LOSS], "none of the 2 that can be scored does better together than alone."),
    ],
)
def test_the_headline_says_the_result_in_plain_words(gains, end):
    assert write_headline(outcome_of(*gains)) == f"{len(gains)} airlines learnt together; {end}"


def test_the_headline_of_the_sample():
    assert write_headline(read_outcome(make_result())) == (
        "33 airlines learnt together; 21 of 25 that can be scored do better together than alone."
    )


def test_members_are_called_organisations_unless_the_result_says_better():
    result = make_result()
    del result["coalition"]["members_called"]
    assert write_headline(read_outcome(result)).startswith("33 organisations learnt together;")


def test_in_a_real_coalition_only_the_joint_counts_are_known():
    outcome = outcome_of(CLEAR, rehearsal=False)
    standings = count_standings(outcome)
    assert (standings.cohort, standings.scored, standings.gaining) == (32, 25, 21)
    assert standings.clear is None
    assert len(write_lede(outcome)) == 1
    assert not [name for name, _ in write_caveats(outcome) if name in {"A rehearsal", "Who cannot be scored"}]


def test_a_gain_is_called_clear_only_where_its_interval_is():
    clear, unsure, mixed = (
        " ".join(write_lede(outcome_of(*gains))) for gains in ([CLEAR], [UNSURE], [CLEAR, UNSURE])
    )
    assert "Each of these gains is clear of chance" in clear
    assert "no gain is clear of chance" in unsure
    assert "clear of chance for 1; for 1 it points the right way" in mixed


def test_who_does_not_gain_is_counted_and_clear_losses_are_called_so():
    text = " ".join(write_lede(outcome_of(CLEAR, NONE, LOSS)))
    assert "2 do not gain, 1 of them clearly." in text
    assert [member.name for member in list_without_gain(outcome_of(CLEAR, NONE, LOSS))] == ["M1", "M2"]


def test_where_alone_is_perfect_there_is_no_room_to_gain():
    perfect = {"auc": 1.0, "low": 1.0, "high": 1.0}
    result = make_result()
    template = next(member for member in result["members"] if member["scored"])
    full = {
        **template,
        "alone": perfect,
        "together": perfect,
        "corrected": perfect,
        "gain": {"value": 0.0, "low": 0.0, "high": 0.0},
        "corrected_gain": None,
    }
    result["members"] = [full, {**full, "member": "m2", "name": "M2"}]
    outcome = read_outcome(result)
    assert {member.standing for member in outcome.members} == {"no room to gain"}
    assert write_headline(outcome).endswith(
        "for all that can be scored there is no room to gain: alone is perfect already."
    )
    assert "For 2 there is no room to gain" in " ".join(write_lede(outcome))
    assert "do not gain" not in " ".join(write_lede(outcome))
    assert list_without_gain(outcome) == ()


def test_of_two_that_can_be_scored_nothing_is_claimed_where_no_sum_was_formed():
    outcome = outcome_of(CLEAR, rehearsal=False, joint={"metrics": {"members_scored": 2.0}})
    assert write_headline(outcome).endswith(
        "2 of them can be scored, too few for a sum that tells nothing of one alone."
    )
    assert write_lede(outcome) == ()


@pytest.mark.parametrize(
    ("scored", "metric", "words"),
    [
        (0, "auc_together", "could not be computed: no member can be scored"),
        (
            1,
            "gain_mean",
            "could not be computed: only one member can be scored, and sums over fewer than 3 hide nothing",
        ),
        (
            2,
            "members_gain",
            "could not be computed: only 2 members can be scored, and sums over fewer than 3 hide nothing",
        ),
        (0, "auc_pooled_together", "could not be computed"),
        (5, "auc_together", "could not be computed"),
    ],
)
def test_a_bar_without_a_value_says_why(scored, metric, words):
    outcome = outcome_of(*[CLEAR] * scored, *[None] * 3)
    assert explain_absent(outcome, metric) == words


def test_groups_of_predictions_too_few_in_all_are_not_shown():
    bins = [
        CalibrationBin(predicted=0.1, observed=0.0, rows=2),
        CalibrationBin(predicted=0.9, observed=1.0, rows=2),
    ]
    assert merge_small_groups(bins) == ()


def test_a_numeric_column_that_the_model_does_not_use_is_a_caveat():
    result = make_result()
    result["plan"]["features"] = [{"name": "speed", "type": "number"}, {"name": "sky", "type": "category"}]
    result["joint"]["dropped"] = [
        {"column": "speed", "reason": "narrow the bounds"},
        {"column": "sky: Overcast", "reason": "no training row has it"},
    ]
    caveats = dict(write_caveats(read_outcome(result)))
    assert (
        caveats["Columns not used"] == "The plan has them and the model does not: speed (narrow the bounds)."
    )


def test_nobody_scored_is_said_with_what_would_help():
    (paragraph,) = write_lede(outcome_of(None, None, None))
    assert "nobody can say whether the coalition pays" in paragraph


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (24, 2.0639), (99, 1.9842)]
)
def test_the_mean_gain_has_students_interval(freedom, quantile):
    """Quantiles as printed in every table of Student's distribution."""
    count = freedom + 1
    gains = [{"value": 0.1 + 0.01 * (-1) ** n, "low": None, "high": None} for n in range(count)]
    values = [gain["value"] for gain in gains]
    mean = sum(values) / count
    error = (sum((value - mean) ** 2 for value in values) / freedom / count) ** 0.5
    found = find_mean_gain(outcome_of(*gains).members)
    assert found.value == pytest.approx(mean)
    assert (found.high - found.value) / error == pytest.approx(quantile, rel=0.03 if freedom == 2 else 0.004)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_two_members_have_no_mean_worth_an_interval():
    assert find_mean_gain(outcome_of(CLEAR, UNSURE, None).members) is None


def test_the_caveats_name_who_does_not_gain_and_who_cannot_be_scored():
    caveats = dict(write_caveats(outcome_of(CLEAR, UNSURE, LOSS, None)))
    assert caveats["Who does not gain"] == "M2 (−0.100)."
    assert caveats["Who cannot be scored"].startswith("M3: fewer than 3 cases")
    assert "For 1 of 3 scored members" in caveats["Intervals"]
    assert "stratified, 3/10 held out, seed 0" in caveats["One split"]
    assert "No noise was added" in caveats["No formal guarantee"]
    assert "because this is a rehearsal that plays all members" in caveats["A rehearsal"]


def test_another_guarantee_is_said_as_it_is():
    assert dict(write_caveats(outcome_of(CLEAR, guarantee="epsilon 3")))["Privacy"] == "epsilon 3."
