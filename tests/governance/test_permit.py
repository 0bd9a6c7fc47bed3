from dataclasses import replace

import pytest

from hansa.errors import Refused
from hansa.governance import RunFacts, verify_permit

COHORT = ("ada", "bob", "cyd", "dan")

FACTS = RunFacts(
    exists=True,
    is_run=True,
    approved_plan="ab" * 32,
    plan="ab" * 32,
    outcome="in_effect",
    effect_at=1_000,
    braked_until=0,
    completed=False,
    cohort=COHORT,
    approved_cohort=COHORT,
    active=frozenset(COHORT),
    minimum_cohort=3,
    noise="none",
    unnoised_sums="allowed",
    now=1_000,
)

# In the order of the steps; each is what is wrong and what it is called.
WRONG = [
    ("permit.unknown-proposal", {"exists": False}),
    ("permit.not-run", {"is_run": False}),
    ("permit.plan-digest", {"plan": "cd" * 32}),
    ("permit.not-passed", {"outcome": "failed"}),
    ("permit.timelock", {"outcome": "passed", "effect_at": 1_001}),
    ("permit.braked", {"braked_until": 1_001}),
    ("permit.closed", {"completed": True}),
    ("permit.expelled", {"active": frozenset({"ada", "bob"})}),
    ("permit.cohort", {"cohort": ("ada", "bob", "cyd"), "active": frozenset({*COHORT, "eve"})}),
    ("permit.minimum-cohort", {"minimum_cohort": 5}),
    ("permit.noise", {"unnoised_sums": "refused"}),
]


def refusal(**changes):
    with pytest.raises(Refused) as caught:
        verify_permit(replace(FACTS, **changes))
    return caught.value


def test_a_run_is_permitted_when_everything_holds():
    verify_permit(FACTS)


@pytest.mark.parametrize(("rule", "changes"), WRONG)
def test_one_thing_wrong_is_refused_by_name(rule, changes):
    assert refusal(**changes).rule == rule


@pytest.mark.parametrize("step", range(len(WRONG) - 1))
def test_of_two_things_wrong_the_earlier_step_speaks(step):
    rule, changes = WRONG[step]
    later_rule, later = WRONG[step + 1]
    if rule == "permit.not-passed":
        later = {"effect_at": 2_000}  # its own outcome would hide the failure
    if rule == "permit.expelled":
        later = {}
    assert refusal(**later, **changes).rule == rule
    assert later_rule != rule


@pytest.mark.parametrize(
    "outcome", ["open", "failed", "no_quorum", "vetoed", "withdrawn", "dropped", "void", "", "anything"]
)
def test_nothing_but_a_passed_proposal_in_effect_will_do(outcome):
    assert refusal(outcome=outcome).rule == "permit.not-passed"


def test_a_passed_proposal_waits_for_its_timelock_and_for_the_fold():
    assert refusal(effect_at=1_060).reasons == ("the run takes effect 60 seconds from now, in log time",)
    assert refusal(outcome="passed").rule == "permit.timelock"


def test_a_brake_ends_by_itself():
    assert refusal(braked_until=1_001).rule == "permit.braked"
    verify_permit(replace(FACTS, braked_until=1_000))


def test_each_member_that_is_gone_is_named():
    assert refusal(active=frozenset({"ada", "bob"})).reasons == (
        "`cyd` is not an active member",
        "`dan` is not an active member",
    )


def test_a_run_goes_on_without_a_member_that_left_but_not_without_one_that_stayed():
    without_dan = {"cohort": ("ada", "bob", "cyd")}
    verify_permit(replace(FACTS, active=frozenset({"ada", "bob", "cyd"}), **without_dan))
    assert refusal(**without_dan).reasons == ("`dan` is left out",)


def test_nobody_joins_who_was_not_approved():
    active = frozenset({*COHORT, "eve"})
    assert refusal(cohort=(*COHORT, "eve"), active=active).reasons == ("`eve` is not in the approved cohort",)


def test_nobody_counts_twice():
    assert refusal(cohort=(*COHORT, "dan")).rule == "permit.cohort"


def test_fewer_than_three_never_run_whatever_the_charter_says():
    pair = {"cohort": ("ada", "bob"), "approved_cohort": ("ada", "bob"), "minimum_cohort": 1}
    assert refusal(**pair).rule == "permit.minimum-cohort"
    assert "at least 3" in refusal(**pair).reasons[0]


def test_noise_makes_up_for_a_charter_that_refuses_bare_sums():
    verify_permit(replace(FACTS, noise="gaussian", unnoised_sums="refused"))
