import math
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hansa.errors import Malformed
from hansa.rehearsal.outcome import Standing, read_outcome

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_result


def read_member(**changes):
    result = make_result()
    result["members"] = [{**result["members"][2], **changes}]
    return read_outcome(result).members[0]


@pytest.mark.parametrize(
    ("value", "low", "high", "standing"),
    [
        (0.1, 0.01, 0.2, Standing.CLEAR),
        (0.1, 0.0, 0.2, Standing.UNSURE),
        (0.1, None, None, Standing.UNSURE),
        (0.0, 0.0, 0.0, Standing.NONE),
        (-0.1, -0.2, 0.0, Standing.NONE),
        (-0.1, -0.2, -0.01, Standing.LOSS),
    ],
)
def test_a_standing_is_clear_only_when_the_whole_interval_is_on_one_side(value, low, high, standing):
    assert read_member(gain={"value": value, "low": low, "high": high}).standing is standing


def test_a_member_that_is_not_scored_has_no_gain_whatever_else_is_written():
    member = read_member(scored=False)
    assert (member.gain_value, member.interval, member.corrected_gain_value) == (None, None, None)
    assert member.standing is Standing.UNSCORED


def test_a_gain_that_is_not_given_is_the_difference():
    member = read_member(gain=None, alone={"auc": 0.5}, together={"auc": 0.75}, corrected={"auc": 0.625})
    assert (member.gain_value, member.corrected_gain_value, member.interval) == (0.25, 0.125, None)


def test_a_scored_member_without_figures_counts_as_not_scored():
    member = read_member(gain=None, alone={"auc": math.nan}, together=None)
    assert member.standing is Standing.UNSCORED


def test_members_are_ranked_by_gain_and_those_not_scored_come_last_by_name():
    outcome = read_outcome(make_result())
    gains = [member.gain_value for member in outcome.scored]
    names = [member.name for member in outcome.unscored]
    assert gains == sorted(gains, reverse=True)
    assert names == sorted(names, key=str.casefold)
    assert outcome.ranked == outcome.scored + outcome.unscored


@pytest.mark.parametrize("at", [1_795_430_400, "2026-11-23T10:40:00Z", "2026-11-23T10:40:00"])
def test_times_are_read_as_seconds_or_as_text(at):
    result = make_result()
    result["entries"][0]["at"] = at
    assert read_outcome(result).entries[0].at == datetime(2026, 11, 23, 10, 40, tzinfo=UTC)


def test_members_may_be_counted_or_listed():
    result = make_result()
    result["coalition"]["members"] = ["a", "b", "c"]
    assert read_outcome(result).coalition.members == 3


def test_fields_of_a_newer_result_are_passed_over():
    result = make_result()
    result["a field of next year"] = {"deep": [1, 2]}
    result["members"][0]["another"] = True
    assert len(read_outcome(result).members) == 33


@pytest.mark.parametrize(
    ("harmful", "harmless"),
    [("a\nb", "a b"), ("a\x1b[2Jb", "a\ufffd[2Jb"), ("a\u202eb", "a\ufffdb"), ("a\ud800b", "a\ufffdb")],
)
def test_what_could_break_a_page_or_a_terminal_is_replaced(harmful, harmless):
    assert read_member(name=harmful).name == harmless


def test_a_member_without_a_name_goes_by_its_id():
    assert read_member(name="").name == "alaska-airlines"


@pytest.mark.parametrize(
    ("place", "break_it"),
    [
        ("coalition.id", lambda result: result["coalition"].pop("id")),
        ("members.0.rows", lambda result: result["members"][0].update(rows=-1)),
        ("members.3.scored", lambda result: result["members"][3].update(scored="perhaps")),
        ("entries.1.at", lambda result: result["entries"][1].update(at="yesterday")),
        ("joint.bars.0.met", lambda result: result["joint"]["bars"][0].pop("met")),
    ],
)
def test_a_result_of_another_form_is_refused_naming_the_place(place, break_it):
    result = make_result()
    break_it(result)
    with pytest.raises(Malformed) as excinfo:
        read_outcome(result)
    assert excinfo.value.rule == "result.form"
    assert f"`{place}`" in excinfo.value.message
