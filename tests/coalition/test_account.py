from fractions import Fraction

import pytest

from hansa.budget import convert_to_epsilon, convert_to_rho
from hansa.coalition import (
    Leave,
    Propose,
    RunClose,
    RunOpen,
    RunSeal,
    derive_account,
    replay,
    result_digest,
    sharing_for,
    verify_run,
)
from hansa.errors import Refused
from hansa.governance import Budget, parse_plan

ONE = convert_to_rho("1", "0.00001")
TWO = convert_to_rho("2", "0.00001")


def refusal(act, *arguments, **options):
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


def propose_run(chain, plan):
    return chain.say(
        "ada", Propose(title="A run", reason="", effect={"effect": "run", "plan": plan.to_json()})
    )


def test_every_attempt_charges_every_data_set_of_its_cohort_once_and_for_ever(
    budgeted, approve, noised, fail
):
    chain = budgeted()
    proposal = approve(chain, noised)
    runs = [fail(chain, proposal), fail(chain, proposal)]
    account = derive_account(chain.state, "dan")
    assert [(c.run.id, c.run.attempt, c.run.status, c.rho) for c in account.charges] == [
        (runs[0].id, 1, "failed", ONE),
        (runs[1].id, 2, "failed", ONE),
    ]
    assert (account.spent, account.left) == (2 * ONE, TWO - 2 * ONE)
    assert account.epsilon_spent == convert_to_epsilon(2 * ONE, "0.00001")
    assert account.charges[0].plan.purpose == "Try things out."
    assert account.charges[0].run.opened_at == chain.at
    assert derive_account(replay(chain.leaves), "dan") == account


def test_an_attempt_is_charged_from_its_first_moment_on(budgeted, approve, noised, fail):
    chain = budgeted()
    proposal = approve(chain, noised)
    begin(chain, proposal)
    assert derive_account(chain.state, "bob").spent == ONE


def begin(chain, proposal, attempt=1, names=None):
    names = names or [member.id for member in chain.state.voting_members]
    body = RunOpen(
        proposal=proposal.id,
        plan=proposal.plan.digest,
        recipe=proposal.plan.recipe.digest,
        attempt=attempt,
        cohort=list(names),
        threshold=sharing_for(chain.state, len(names)).threshold,
    )
    chain.say(names[0], body)
    return chain.state.attempts(proposal.id)[-1]


def test_a_run_beyond_a_budget_is_refused_before_anybody_votes_on_it(budgeted, approve, noised, fail):
    chain = budgeted()
    proposal = approve(chain, noised)
    while derive_account(chain.state, "ada").left >= ONE:
        fail(chain, proposal)
    refused = refusal(propose_run, chain, noised)
    assert refused.rule == "run.budget"
    assert len(refused.reasons) == 4
    assert refused.reasons[0].startswith("`ada` has spent ε = ")


def test_a_run_beyond_a_budget_is_refused_when_it_would_begin(budgeted, approve, noised, fail):
    chain = budgeted()
    proposal = approve(chain, noised)
    other = approve(chain, noised)
    while derive_account(chain.state, "ada").left >= ONE:
        fail(chain, proposal)
    assert refusal(fail, chain, other).rule == "permit.budget"


def test_at_its_rounds_an_attempt_is_not_charged_a_second_time(budgeted, approve, noised):
    chain = budgeted("{epsilon: 1, delta: 0.00001}")
    proposal = approve(chain, noised)
    run = begin(chain, proposal)
    assert derive_account(chain.state, "ada").left == 0
    verify_run(chain.state, proposal.id, plan_digest=noised.digest, cohort=run.cohort)


def test_at_its_rounds_an_attempt_is_stopped_by_what_others_spent_under_a_budget_made_smaller(
    budgeted, approve, noised
):
    chain = budgeted()
    first, second = approve(chain, noised), approve(chain, noised)
    run = begin(chain, first)
    begin(chain, second)
    verify_run(chain.state, first.id, plan_digest=noised.digest, cohort=run.cohort)
    budget = Budget(epsilon="1.2", delta="0.00001")
    privacy = chain.charter.privacy.model_copy(update={"budget": budget})
    state = chain.state._replace(charter=chain.charter.model_copy(update={"privacy": privacy}))
    refused = refusal(verify_run, state, first.id, plan_digest=noised.digest, cohort=run.cohort)
    assert refused.rule == "permit.budget"


def test_the_stricter_of_two_budgets_holds(budgeted, approve, noised, fail):
    strict = Budget(epsilon="1.2", delta="0.000001")
    generous = Budget(epsilon="9", delta="0.00001")
    chain = budgeted(budgets={"bob": strict, "cyd": generous})
    assert derive_account(chain.state, "bob").budget == strict
    assert derive_account(chain.state, "cyd").budget == Budget(epsilon="2", delta="0.00001")
    proposal = approve(chain, noised)
    fail(chain, proposal)
    refused = refusal(fail, chain, proposal)
    assert refused.rule == "permit.budget"
    assert len(refused.reasons) == 1
    assert refused.reasons[0].startswith("`bob` has spent ε = ")


def test_without_a_budget_nothing_with_noise_can_run(budgeted, noised):
    refused = refusal(propose_run, budgeted(""), noised)
    assert (refused.rule, refused.reasons) == (
        "run.budget",
        ("no budget is set for `ada`, `bob`, `cyd`, `dan`; amend the charter: `privacy.budget`",),
    )


def test_budgets_of_all_members_make_up_for_a_charter_without_one(budgeted, noised, approve, fail):
    own = Budget(epsilon="3", delta="0.00001")
    chain = budgeted("", budgets=dict.fromkeys(("ada", "bob", "cyd", "dan"), own))
    fail(chain, approve(chain, noised))
    assert derive_account(chain.state, "ada").left == own.rho - ONE


def test_what_leaves_without_noise_is_listed_as_a_charge_without_a_bound(chain, approve, fail):
    fail(chain, approve(chain))
    account = derive_account(chain.state, "ada")
    assert [charge.plan.privacy.guarantee for charge in account.unbounded] == ["no formal guarantee"]
    assert (account.spent, account.budget, account.epsilon_spent, account.left) == (0, None, None, 0)


def test_an_account_stays_when_its_member_has_gone(budgeted, approve, noised, fail):
    chain = budgeted(names=("ada", "bob", "cyd", "dan", "eve"))
    fail(chain, approve(chain, noised))
    chain.say("eve", Leave(reason=""))
    fail(chain, approve(chain, noised))
    assert derive_account(chain.state, "eve").spent == ONE
    assert derive_account(chain.state, "ada").spent == 2 * ONE


def test_nobody_has_an_account_who_was_never_a_member(chain):
    assert refusal(derive_account, chain.state, "zoe").rule == "author.unknown"


def test_the_same_run_again_without_who_left_would_give_it_away(new_chain, approve, fail):
    chain = new_chain(names=("ada", "bob", "cyd", "dan", "eve"))
    proposal = approve(chain)
    fail(chain, proposal)
    fail(chain, proposal)  # over the same members nothing more is shown
    chain.say("eve", Leave(reason=""))
    refused = refusal(fail, chain, proposal)
    assert refused.rule == "permit.differencing"
    assert len(refused.reasons) == 2
    assert refused.reasons[0].startswith("attempt 1 of proposal 1 differs by `eve` only")


def test_nobody_votes_on_a_run_that_would_give_somebody_away(new_chain, approve, plan, fail):
    chain = new_chain(names=("ada", "bob", "cyd", "dan", "eve"))
    fail(chain, approve(chain))
    chain.say("eve", Leave(reason=""))
    assert refusal(propose_run, chain, plan).rule == "run.differencing"


def test_where_differencing_is_allowed_the_account_names_what_can_be_subtracted(subtractable, approve, fail):
    chain = subtractable
    first = fail(chain, approve(chain))
    chain.say("dan", Leave(reason=""))
    second = fail(chain, approve(chain))
    (pair,) = derive_account(chain.state, "dan").subtractions
    assert (pair.earlier, pair.later, pair.members) == (first.number, second.number, ("dan",))
    assert derive_account(chain.state, "ada").subtractions == ()


FIVE = ("ada", "bob", "cyd", "dan", "eve")


def lose(chain, proposal, dropped):
    """Complete an attempt from which members vanished on the way."""
    run = begin(chain, proposal)
    digests = {"model": "cd" * 32, "report": "aa" * 32}
    result = result_digest(**digests, metrics={}, dropped=dropped)
    for name in run.cohort:
        if name not in dropped:
            chain.say(name, RunSeal(run=run.id, transcript="ef" * 32, result=result))
    closing = {"status": "completed", "transcript": "ef" * 32, "metrics": {}, "reason": ""}
    chain.say("ada", RunClose(run=run.id, **closing, **digests, dropped=dropped))
    return chain.state.runs[run.id]


def test_totals_without_who_vanished_count_as_a_cohort_of_their_own(new_chain, approve, plan, fail):
    chain = new_chain(names=FIVE)
    other = approve(chain)
    lose(chain, approve(chain), {"eve": 2})
    for refused, rule in (
        (refusal(propose_run, chain, plan), "run.differencing"),
        (refusal(fail, chain, other), "permit.differencing"),
    ):
        assert refused.rule == rule
        assert [reason.split(" only")[0] for reason in refused.reasons] == [
            "attempt 1 of proposal 8 differs by `eve`"
        ]


def test_the_account_names_who_vanished_from_one_of_two_runs(new_chain, approve, fail, charter_text):
    allowed = charter_text.replace(
        "unnoised_sums: allowed", "unnoised_sums: allowed, differencing: allowed, dropouts: 2/5"
    ).replace("minimum_cohort: 3", "minimum_cohort: 3, colluding: 0")
    chain = new_chain(names=FIVE, charter=allowed)
    first = lose(chain, approve(chain), {"eve": 2, "dan": 3})
    assert [sorted(total) for total in first.totals] == [
        ["ada", "bob", "cyd", "dan", "eve"],
        ["ada", "bob", "cyd", "dan"],
        ["ada", "bob", "cyd"],
    ]
    second = fail(chain, approve(chain))
    found = derive_account(chain.state, "eve").subtractions
    assert {pair[:2] for pair in found} == {(first.number, second.number)}
    assert [pair.members for pair in found] == [("eve",), ("dan", "eve")]
    assert [pair.members for pair in derive_account(chain.state, "dan").subtractions] == [("dan", "eve")]
    assert derive_account(chain.state, "ada").subtractions == ()


def test_the_account_lists_what_three_runs_give_away_together(new_chain, approve, plan):
    chain = new_chain(names=(*FIVE, "fay", "gus"))
    for names in ((*FIVE, "fay", "gus"), FIVE[:3], ("dan", "eve", "fay")):
        cohort = {"members": list(names), "minimum": 3}
        proposal = approve(chain, parse_plan(plan.to_json() | {"cohort": cohort}))
        begin(chain, proposal, names=names)
    assert derive_account(chain.state, "gus").combinations == (("gus",),)
    assert derive_account(chain.state, "gus").subtractions == ()
    assert derive_account(chain.state, "ada").combinations == ()


def redivide(plan, **changes):
    return parse_plan(plan.to_json() | {"split": plan.split.to_json() | changes})


def test_rows_cannot_be_read_by_drawing_the_test_rows_otherwise(chain, approve, plan, fail):
    fail(chain, approve(chain))
    refused = refusal(propose_run, chain, redivide(plan, seed=1))
    assert (refused.rule, len(refused.reasons)) == ("run.differencing", 1)
    assert refused.reasons[0].startswith("attempt 1 of proposal 1 divided rows of the same members")
    assert refusal(propose_run, chain, redivide(plan, test="1/3")).rule == "run.differencing"


def test_a_split_within_each_label_is_another_one_for_another_label(chain, approve, plan, fail):
    fail(chain, approve(chain))
    other = parse_plan(plan.to_json() | {"label": {"name": "z", "positive": "1", "negative": "0"}})
    assert refusal(propose_run, chain, other).rule == "run.differencing"
    drawn = redivide(plan, kind="rows")
    assert parse_plan(drawn.to_json() | {"label": other.label.to_json()}).division == drawn.division


def test_what_does_not_move_rows_may_change_between_two_plans(chain, approve, plan, fail):
    fail(chain, approve(chain))
    fail(chain, approve(chain, parse_plan(plan.to_json() | {"name": "Another plan"})))


def test_where_differencing_is_allowed_the_account_lists_plans_that_move_rows(
    subtractable, approve, plan, fail
):
    chain = subtractable
    first = fail(chain, approve(chain))
    second = fail(chain, approve(chain, redivide(plan, seed=1)))
    account = derive_account(chain.state, "dan")
    assert account.redivisions == ((first.number, second.number),)
    assert account.subtractions == ()


def test_runs_with_noise_are_priced_and_not_refused_when_somebody_leaves(budgeted, approve, noised, fail):
    chain = budgeted(names=("ada", "bob", "cyd", "dan", "eve"))
    fail(chain, approve(chain, noised))
    chain.say("eve", Leave(reason=""))
    fail(chain, approve(chain, noised))
    assert derive_account(chain.state, "eve").subtractions == ()


def test_an_account_is_exact(budgeted, approve, noised, fail):
    chain = budgeted("{epsilon: 10, delta: 0.00001}")
    proposal = approve(chain, noised)
    for _ in range(7):
        fail(chain, proposal)
    assert derive_account(chain.state, "ada").spent == Fraction(7) * ONE
