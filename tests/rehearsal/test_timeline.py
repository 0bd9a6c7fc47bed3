import re
import sys
from pathlib import Path

import pytest

from hansa.rehearsal.outcome import read_outcome
from hansa.rehearsal.timeline import MOST_EVENTS, list_events, plot_decisions

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_result

HOUR, DAY = 3_600, 86_400


def outcome_of(entries, decisions):
    result = make_result()
    result["entries"] = [
        {"index": index, "at": at, "kind": kind, "author": "american-airlines", "text": ""}
        for index, (at, kind) in enumerate(entries)
    ]
    result["decisions"] = [
        {"effect": "run", "title": "T", "proposer": "a", **decision} for decision in decisions
    ]
    return read_outcome(result)


def titles_of(*arguments):
    return [(event.number, event.title) for event in list_events(outcome_of(*arguments))]


def test_the_sample_is_told_in_order_with_its_entry_numbers():
    events = [(event.number, event.title) for event in list_events(read_outcome(make_result()))]
    assert events == [
        ("#0", "Coalition founded"),
        ("#1", "Proposed: run the plan"),
        ("#2–33", "Ballots"),
        ("", "Passed: run the plan"),
        ("", "In effect: run the plan"),
        ("#36", "Run opened"),
        ("#37–69", "Result sealed by its cohort"),
        ("#70", "Run closed"),
        ("#71", "Proposed: release the model"),
        ("#72–103", "Ballots"),
        ("", "Passed: release the model"),
        ("", "In effect: release the model"),
        ("#106", "Member leaves"),
    ]


def test_a_decision_stands_after_its_ballots_even_within_one_second():
    entries = [(0, "found"), (HOUR, "propose"), (HOUR, "ballot"), (HOUR, "ballot"), (HOUR, "run_open")]
    decision = {"entry": 1, "outcome": "in_effect", "opened_at": HOUR, "decided_at": HOUR, "effect_at": HOUR}
    assert titles_of(entries, [decision]) == [
        ("#0", "Coalition founded"),
        ("#1", "Proposed: run the plan"),
        ("#2–3", "Ballots"),
        ("", "Passed: run the plan"),
        ("", "In effect: run the plan"),
        ("#4", "Run opened"),
    ]


def test_proposals_side_by_side_each_get_their_own_steps():
    entries = [(0, "propose"), (10, "propose"), (20, "ballot"), (30, "ballot")]
    decisions = [
        {"entry": 0, "outcome": "failed", "opened_at": 0, "decided_at": DAY},
        {"entry": 1, "effect": "amend", "outcome": "no_quorum", "opened_at": 10, "decided_at": DAY + 10},
    ]
    assert titles_of(entries, decisions)[-2:] == [
        ("", "Did not pass: run the plan"),
        ("", "No quorum: amend the charter"),
    ]


@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        ("open", "Still open"),
        ("vetoed", "Vetoed"),
        ("withdrawn", "Withdrawn"),
        ("void", "Passed, then void"),
        ("odd_one", "Odd one"),
    ],
)
def test_every_outcome_is_told(outcome, title):
    decision = {"entry": 0, "outcome": outcome, "opened_at": 0, "decided_at": 5, "effect_at": 9}
    assert titles_of([(0, "propose")], [decision]) == [
        ("#0", "Proposed: run the plan"),
        ("", f"{title}: run the plan"),
    ]


def test_a_passed_proposal_whose_timelock_still_runs_will_take_effect():
    decision = {"entry": 0, "outcome": "passed", "opened_at": 0, "decided_at": 5, "effect_at": DAY}
    assert titles_of([(0, "propose")], [decision])[-1] == ("", "Takes effect: run the plan")


def test_decisions_are_told_even_without_their_entries():
    decision = {"entry": 7, "outcome": "open", "opened_at": 0}
    assert titles_of([], [decision]) == [("#7", "Proposed: run the plan"), ("", "Still open: run the plan")]


def test_ticks_are_not_told_and_do_not_split_what_belongs_together():
    entries = [(0, "leave"), (1, "tick"), (2, "leave"), (3, "some_new_kind")]
    assert titles_of(entries, []) == [("#0–2", "Member leaves"), ("#3", "Some new kind")]


def test_entries_without_times_are_told_in_their_order():
    result = make_result()
    for entry in result["entries"]:
        entry["at"] = None
    result["decisions"] = []
    numbers = [event.number for event in list_events(read_outcome(result))]
    assert numbers[0] == "#0"
    assert numbers[-1] == "#106"


def test_a_long_history_is_cut_to_its_newest_steps_and_says_so():
    events = list_events(outcome_of([(n, ("leave", "brake")[n % 2]) for n in range(500)], []))
    assert len(events) == MOST_EVENTS
    assert events[0].title == "421 earlier steps"
    assert events[-1].number == "#499"


def test_votes_are_drawn_in_proportion_and_long_waits_are_written():
    drawn = plot_decisions(read_outcome(make_result()))
    widths = {
        name: float(width)
        for width, name in re.findall(r'width="([\d.]+)" height="9" rx="1.5" class="vote (\w+)"', drawn)[:5]
    }
    assert list(widths) == ["yes", "no", "abstain", "recused", "absent"]
    assert widths["yes"] / widths["no"] > 25
    assert "3 days of log time" in drawn


@pytest.mark.parametrize("narrow", [False, True])
def test_nothing_is_drawn_outside_the_figure(narrow):
    drawn = plot_decisions(read_outcome(make_result()), narrow=narrow)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn).groups())
    assert all(0 <= float(x) <= width for x in re.findall(r' x="([^"]+)"', drawn))
    assert all(0 <= float(y) <= height for y in re.findall(r' y="([^"]+)"', drawn))


def test_no_history_is_no_figure():
    assert plot_decisions(outcome_of([], [])) == ""


def test_a_decision_nobody_voted_on_has_no_bar():
    drawn = plot_decisions(outcome_of([(0, "propose")], [{"entry": 0, "outcome": "open", "opened_at": 0}]))
    assert 'class="vote' not in drawn
