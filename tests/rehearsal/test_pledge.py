import sys
from pathlib import Path

from hansa.rehearsal.outcome import read_outcome
from hansa.rehearsal.pledge import (
    count_overdrawn,
    explain_guarantee,
    list_protections,
    say_account,
    say_refusal,
)

sys.path.insert(0, str(Path(__file__).parent))
from sample_result import make_noised_result, make_result


def privacy_of(**changes):
    result = make_noised_result()
    result["privacy"] |= changes
    return read_outcome(result).privacy


def test_a_guarantee_says_whose_how_much_and_towards_whom():
    text = explain_guarantee(privacy_of())
    assert "if any one row had been empty" in text
    assert "by at most a factor of 20.1 (e to the power of ε = 3), but for a chance of δ = 0.00001" in text
    assert "towards the hub and up to 11 of the 33 members that may help it" in text


def test_the_factor_is_spelt_so_that_a_person_can_judge_it():
    factors = {
        "0.5": "a factor of 1.7 (",
        "4.5": "a factor of 90.1 (",
        "5.3": "a factor of 201 (",
        "8": "a factor of 2,981 (",
        "20": "more than a million, which says little,",
    }
    assert {e: f in explain_guarantee(privacy_of(epsilon=e)) for e, f in factors.items()} == dict.fromkeys(
        factors, True
    )


def test_a_person_as_the_unit_is_named():
    text = explain_guarantee(
        privacy_of(unit="all rows of any one `person` at a member (more than 4 count like 4)")
    )
    assert "if all rows of any one “person” at a member (more than 4 count like 4) had been empty" in text


def test_without_noise_nothing_is_promised():
    bare = read_outcome(make_result()).privacy
    assert explain_guarantee(bare) == (
        "The sums were masked and carried no noise. Nobody could read more than totals; how much these reveal of a member or a "
        "row is not bounded by any number."
    )
    assert "also the hub and up to 11 of the 33 members that may help it," in explain_guarantee(
        privacy_of(noise="none")
    )


def test_what_the_sums_bore_and_what_was_spent_stands_in_short_lines():
    lines = dict(list_protections(read_outcome(make_noised_result())))
    assert list(lines) == [
        "may collude", "noise", "may vanish", "vanished", "account", "charged by", "refused", "not covered",
    ]  # fmt: skip
    assert "the shares of 16 members suffice" in lines["noise"]
    assert lines["may vanish"] == "up to 6 of 33, at any moment; without 27 that stay there is no total"
    assert lines["vanished"].endswith(", not in the totals from round 6 on")
    assert lines["charged by"].startswith(
        "run 1, attempt 1 (completed): Which strikes affect the flight; (ε = 3,"
    )


def test_a_run_without_noise_has_lines_too_and_none_of_noise():
    result = make_noised_result()
    charges = [
        {"proposal": n, "attempt": 1, "name": "Late", "guarantee": "no formal guarantee", "status": "failed"}
        for n in range(12)
    ]
    pair = {"earlier": 9, "later": 40, "members": ["ada", "bob"]}
    account = {
        "member": "ada",
        "name": "Ada",
        "charges": charges,
        "without_bound": 12,
        "subtractions": [pair],
    }
    result["privacy"] = {"noise": "none", "sharing": result["privacy"]["sharing"], "accounts": [account]}
    result["lost"] = {}
    lines = dict(list_protections(read_outcome(result)))
    assert list(lines) == ["may collude", "may vanish", "vanished", "account", "charged by", "differences"]
    assert lines["vanished"] == "nobody"
    assert lines["account"].startswith("1 data set has no budget;")
    assert "failed, and charged all the same" in lines["charged by"]
    assert lines["charged by"].endswith("and 4 more")
    assert lines["differences"].startswith("the cohorts of entries 9 and 40 differ by ada and bob only")


def test_a_refusal_says_who_asked_for_what_and_how_many_it_would_have_passed():
    (refusal,) = privacy_of().refused
    assert say_refusal(refusal) == (
        "Delta Air Lines proposed to ask the same data once more, at ε = 2; it would have passed the budgets of 2 of the 32 that "
        "are still members, so every member’s own fold refused it before any vote"
    )


def test_whose_budgets_would_have_been_passed_is_counted_among_those_that_are_still_members():
    assert count_overdrawn(32, 32) == "all 32 that are still members"
    assert count_overdrawn(1, 1_200) == "1 of the 1,200 that are still members"


def test_without_accounts_nothing_is_said_of_them():
    assert say_account(privacy_of(accounts=[])) == ""
