from dataclasses import replace
from fractions import Fraction

import pytest

from hansa.errors import Refused
from hansa.governance import (
    Budget,
    Division,
    Earlier,
    RunFacts,
    Standing,
    find_overdrafts,
    find_subtractions,
    format_rho,
    verify_permit,
)

COHORT = ("ada", "bob", "cyd", "dan")
BY_HALF, BY_A_THIRD = Division("by half"), Division("by a third")
BY_PERSON = Division("by person", has_large_parts=False)
ALL_ROWS = Division()


def earlier_total(*totals, division=BY_HALF):
    return Earlier("attempt 1 of proposal 4", tuple(frozenset(names) for names in totals), division)


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
    cost=Fraction(0),
    standings=(),
    division=BY_HALF,
    earlier=(earlier_total(COHORT),),
    differencing="refused",
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

THREE = Budget(epsilon="3", delta="0.00001")
NOISED = {"noise": "discrete-gaussian", "cost": THREE.rho}
# What concerns runs with noise, and runs without; neither can fail in the other's place.
OVERDRAWN = NOISED | {"standings": (Standing("ada", Fraction(1, 10**9), THREE),)}
SUBTRACTABLE = {"earlier": (earlier_total((*COHORT, "eve")),)}
REDIVIDED = {"division": BY_A_THIRD}
WRONG_LAST = [
    ("permit.budget", OVERDRAWN),
    ("permit.differencing", SUBTRACTABLE),
    ("permit.differencing", REDIVIDED),
]


def refusal(**changes):
    with pytest.raises(Refused) as caught:
        verify_permit(replace(FACTS, **changes))
    return caught.value


def test_a_run_is_permitted_when_everything_holds():
    verify_permit(FACTS)


@pytest.mark.parametrize(("rule", "changes"), WRONG + WRONG_LAST)
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
    without_dan = {"cohort": ("ada", "bob", "cyd"), "earlier": ()}
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
    verify_permit(replace(FACTS, **NOISED, unnoised_sums="refused"))


@pytest.mark.parametrize("changes", [OVERDRAWN, SUBTRACTABLE, REDIVIDED])
@pytest.mark.parametrize(("rule", "earlier_step"), WRONG[:-1])
def test_budgets_and_subtractions_are_judged_last(rule, earlier_step, changes):
    assert refusal(**earlier_step, **changes).rule == rule


def test_a_run_may_spend_a_budget_to_its_end_and_not_a_billionth_more():
    whole = Budget(epsilon="3", delta="0.00001")
    for spent, permitted in ((Fraction(0), True), (Fraction(1, 10**9), False)):
        facts = replace(FACTS, **NOISED, standings=(Standing("ada", spent, whole),))
        assert (not list(find_overdrafts(facts.cost, facts.standings))) is permitted
        if permitted:
            verify_permit(facts)


def test_each_overdraft_is_named_with_what_was_spent_asked_and_left():
    standings = (
        Standing("ada", Fraction(1, 10), THREE),
        Standing("bob", Fraction(0), THREE),
        Standing("cyd", Fraction(3, 10), THREE),
    )
    assert list(find_overdrafts(Fraction(2, 10), standings)) == [
        (
            "`ada` has spent ε = 1.915 (rho 0.1) of ε = 3 (rho 0.224248882) at δ = 0.00001; the run asks ε = 2.814 (rho 0.2), "
            "and at most ε = 2.158 (rho 0.124248882) fits"
        ),
        (
            "`cyd` has spent ε = 3.535 (rho 0.3) of ε = 3 (rho 0.224248882) at δ = 0.00001; the run asks ε = 2.814 (rho 0.2), "
            "and at most ε = 0 (rho 0) fits"
        ),
    ]


def test_what_an_overdraft_says_to_fit_does_fit():
    larger = Budget(epsilon="3.5", delta="0.00001")
    (reason,) = find_overdrafts(THREE.rho, [Standing("ada", THREE.rho, larger)])
    assert reason.endswith("and at most ε = 1.58 (rho 0.070593946) fits")
    fitting = Budget(epsilon="1.58", delta="0.00001")
    assert not list(find_overdrafts(fitting.rho, [Standing("ada", THREE.rho, larger)]))


def test_of_many_without_a_budget_the_first_are_named():
    standings = [Standing(f"m{number}", Fraction(0), None) for number in range(10)]
    (reason,) = find_overdrafts(THREE.rho, standings)
    assert "`m6`, `m7` and 2 more; amend" in reason


def test_a_run_with_noise_needs_a_budget():
    reasons = refusal(
        **NOISED, standings=(Standing("ada", Fraction(0), None), Standing("bob", Fraction(0), None))
    ).reasons
    assert reasons == ("no budget is set for `ada`, `bob`; amend the charter: `privacy.budget`",)


def test_a_run_without_noise_is_charged_nothing_and_needs_no_budget():
    verify_permit(replace(FACTS, standings=(Standing("ada", Fraction(10), None),)))


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ("ada bob cyd dan", False),  # the same totals again
        ("ada bob cyd", True),  # one has joined
        ("ada bob cyd dan eve", True),  # one has left
        ("ada bob cyd eve", True),  # one for another
        ("ada bob cyd dan eve fay gus", False),  # three have left, and hide each other
        ("eve fay gus", False),  # others altogether
    ],
)
def test_totals_that_differ_by_a_few_are_not_formed_without_noise(before, refused):
    earlier = (earlier_total(before.split()),)
    assert bool(list(find_subtractions(COHORT, BY_HALF, earlier, 3))) is refused
    if refused:
        assert refusal(earlier=earlier).rule == "permit.differencing"
    verify_permit(replace(FACTS, earlier=earlier, differencing="allowed"))


def test_totals_over_who_was_left_after_a_loss_count_as_the_whole_cohorts():
    others = ("eve", "fay", "gus")
    earlier = (earlier_total((*COHORT, *others), (*COHORT, "eve", "fay"), (*COHORT, "eve")),)
    assert [reason[:50] for reason in find_subtractions(COHORT, BY_HALF, earlier, 3)] == [
        "attempt 1 of proposal 4 differs by `eve`, `fay` on",
        "attempt 1 of proposal 4 differs by `eve` only, so ",
    ]


def test_rows_that_others_gave_may_be_divided_otherwise():
    others = earlier_total(("eve", "fay", "gus"), division=BY_A_THIRD)
    verify_permit(replace(FACTS, earlier=(others,)))
    refused = refusal(**REDIVIDED)
    assert "keep its `split`" in refused.reasons[0]
    verify_permit(replace(FACTS, **REDIVIDED, differencing="allowed"))


@pytest.mark.parametrize(
    ("first", "second"), [(ALL_ROWS, BY_HALF), (BY_HALF, ALL_ROWS), (ALL_ROWS, ALL_ROWS)]
)
def test_all_rows_less_the_training_rows_may_be_known_where_the_test_rows_are_many(first, second):
    verify_permit(replace(FACTS, division=first, earlier=(earlier_total(COHORT, division=second),)))


@pytest.mark.parametrize(("first", "second"), [(ALL_ROWS, BY_PERSON), (BY_PERSON, ALL_ROWS)])
def test_all_rows_less_the_training_rows_are_refused_where_one_row_may_be_left(first, second):
    refused = refusal(division=first, earlier=(earlier_total(COHORT, division=second),))
    assert refused.rule == "permit.differencing"
    assert "one all of them and the other perhaps all but one" in refused.reasons[0]
    others = earlier_total(("eve", "fay", "gus"), division=second)
    verify_permit(replace(FACTS, division=first, earlier=(others,)))


def test_two_divisions_still_conflict_with_all_rows_between_them():
    earlier = (earlier_total(COHORT), earlier_total(COHORT, division=ALL_ROWS))
    assert len(refusal(**REDIVIDED, earlier=earlier).reasons) == 1


def test_a_run_with_noise_may_follow_on_any_cohort_because_it_is_priced():
    earlier = (earlier_total(("ada", "bob", "cyd"), division=BY_A_THIRD),)
    verify_permit(replace(FACTS, **NOISED, standings=(Standing("ada", Fraction(0), THREE),), earlier=earlier))


def test_who_could_be_singled_out_is_named_with_the_way_out():
    (reason,) = refusal(**SUBTRACTABLE).reasons
    assert reason == (
        "attempt 1 of proposal 4 differs by `eve` only, so one total less the other would show what 1 gave, and at "
        "least 3 must hide each other; propose a plan with noise, or amend the charter: `privacy.differencing`"
    )


@pytest.mark.parametrize(
    ("rho", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(1, 10**9), "0.000000001"),
        (Fraction(5, 2), "2.5"),
        (Fraction(100), "100"),
    ],
)
def test_rho_is_written_exactly(rho, text):
    assert format_rho(rho) == text


def test_what_does_not_count_in_billionths_is_no_rho():
    with pytest.raises(ValueError, match="billionths"):
        format_rho(Fraction(1, 3))
