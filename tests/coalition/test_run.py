import pytest

from hansa.coalition import (
    STOPPED_FOR_GOOD,
    ZERO_DIGEST,
    Ballot,
    Brake,
    Leave,
    Propose,
    RunClose,
    RunOpen,
    RunSeal,
    Tick,
    result_digest,
    verify_run,
)
from hansa.errors import Malformed, Refused
from hansa.governance import consent_message
from hansa.transparency import encode_base64

MODEL = "cd" * 32
TRANSCRIPT = "ef" * 32
REPORT = "aa" * 32
GOOD = {"auc_together": "0.812345"}
NAMES = ("ada", "bob", "cyd", "dan")


@pytest.fixture
def approved(chain, plan, day):
    proposal = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    for name in ("ada", "bob", "cyd"):
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day
    chain.say("ada", Tick())
    return chain.look(proposal)


def opening(approved, **changes):
    fields = {
        "proposal": approved.id,
        "plan": approved.plan.digest,
        "recipe": approved.plan.recipe.digest,
        "attempt": 1,
        "cohort": list(NAMES),
        "threshold": 4,
    }
    return RunOpen(**(fields | changes))


def refused(chain, author, body, rule):
    before = chain.state
    with pytest.raises((Refused, Malformed)) as caught:
        chain.say(author, body)
    assert caught.value.rule == rule
    assert chain.state is before
    return caught.value


def seal_all(chain, run, names=NAMES, metrics=GOOD):
    for name in names:
        chain.say(
            name, RunSeal(run=run.id, transcript=TRANSCRIPT, result=result_digest(MODEL, REPORT, metrics, {}))
        )


def closing(run, **changes):
    fields = {
        "run": run.id,
        "status": "completed",
        "transcript": TRANSCRIPT,
        "model": MODEL,
        "report": REPORT,
        "metrics": GOOD,
        "dropped": {},
        "reason": "",
    }
    return RunClose(**(fields | changes))


def complete(chain, proposal, metrics=GOOD):
    chain.say("ada", opening(proposal))
    (run,) = chain.state.attempts(proposal.id)
    seal_all(chain, run, metrics=metrics)
    chain.say("ada", closing(run, metrics=metrics))
    return chain.state.runs[run.id]


def test_a_run_is_opened_sealed_by_everybody_and_closed(chain, approved):
    run = complete(chain, approved)
    assert (run.status, run.model, dict(run.metrics)) == ("completed", MODEL, GOOD)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"plan": "ab" * 32}, "permit.plan-digest"),
        ({"recipe": "ef" * 32}, "run_open.recipe"),
        ({"cohort": ["ada", "bob", "cyd"]}, "permit.cohort"),
        ({"cohort": ["ada", "bob", "cyd", "dan", "eve"]}, "permit.expelled"),
        ({"cohort": ["bob", "ada", "cyd", "dan"]}, "run_open.order"),
        ({"attempt": 2}, "run_open.attempt"),
        ({"threshold": 3}, "run_open.threshold"),
        ({"threshold": 5}, "run_open.threshold"),
        ({"proposal": "ab" * 32}, "permit.unknown-proposal"),
    ],
)
def test_a_run_that_was_not_voted_for_like_this_is_refused(chain, approved, changes, rule):
    refused(chain, "ada", opening(approved, **changes), rule)


def test_no_run_starts_before_the_vote_or_before_the_timelock(chain, plan, day):
    proposal = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    refused(chain, "ada", opening(proposal), "permit.not-passed")
    for name in ("ada", "bob", "cyd"):
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day - 1
    refused(chain, "ada", opening(proposal), "permit.timelock")
    chain.at += 1
    chain.say("ada", opening(proposal))


def test_a_permit_is_judged_again_at_every_round(chain, approved):
    chain.say("ada", opening(approved))
    digest = approved.plan.digest
    verify_run(chain.state, approved.id, plan_digest=digest, cohort=NAMES)
    chain.say("dan", Leave(reason=""))
    with pytest.raises(Refused) as caught:
        verify_run(chain.state, approved.id, plan_digest=digest, cohort=NAMES)
    assert caught.value.rule == "permit.expelled"


def test_an_admission_in_the_middle_of_an_attempt_does_not_end_it(chain, approved, members, keys, day):
    newcomer = members("eve")
    consent = encode_base64(keys("eve").sign(consent_message(chain.state.coalition, newcomer)))
    effect = {"effect": "admit", "member": newcomer.to_json(), "consent": consent}
    admission = chain.propose("ada", effect)
    for name in NAMES:
        chain.say(name, Ballot(proposal=admission.id, choice="yes", reason=""))
    chain.at = admission.closes_at + day - 1
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    chain.at += 1
    seal_all(chain, run)
    chain.acknowledge("eve")
    assert chain.state.members["eve"].is_active
    digest = approved.plan.digest
    verify_run(chain.state, approved.id, plan_digest=digest, cohort=NAMES)
    with pytest.raises(Refused) as caught:
        verify_run(chain.state, approved.id, plan_digest=digest, cohort=(*NAMES, "eve"))
    assert caught.value.rule == "permit.cohort"
    chain.say("ada", closing(run))
    assert chain.state.runs[run.id].status == "completed"


def test_who_was_admitted_since_takes_part_in_the_next_attempt(subtractable, approve, members, fail):
    chain = subtractable
    fail(chain, approved := approve(chain))
    admitted = chain.state.members["dan"]._replace(member=members("eve"))
    chain.state = chain.state.with_member(admitted)
    refused(chain, "ada", opening(approved, attempt=2), "permit.cohort")


def test_one_member_alone_brakes_for_a_bounded_time_and_only_once(chain, approved, day):
    chain.say("dan", Brake(proposal=approved.id, reason="something is odd"))
    refused(chain, "ada", opening(approved), "permit.braked")
    refused(chain, "dan", Brake(proposal=approved.id, reason="again"), "brake.used")
    chain.at += 2 * day - 1
    refused(chain, "ada", opening(approved), "permit.braked")
    chain.at += 1
    chain.say("ada", opening(approved))


def test_only_a_majority_prolongs_a_brake(chain, approved, day):
    chain.say("dan", Brake(proposal=approved.id, reason=""))
    first_end = chain.look(approved).braked_until
    chain.at += day
    chain.say("cyd", Brake(proposal=approved.id, reason=""))
    assert chain.look(approved).braked_until == first_end
    chain.say("bob", Brake(proposal=approved.id, reason=""))
    assert chain.look(approved).braked_until == STOPPED_FOR_GOOD


def test_a_brake_after_the_first_has_ended_counts_from_then(chain, approved, day):
    chain.say("dan", Brake(proposal=approved.id, reason=""))
    chain.at += 2 * day
    chain.say("bob", Brake(proposal=approved.id, reason=""))
    assert chain.look(approved).braked_until == chain.at + 2 * day
    refused(chain, "ada", opening(approved), "permit.braked")


def test_nobody_spends_a_brake_before_there_is_something_to_stop(chain, plan):
    proposal = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    refused(chain, "dan", Brake(proposal=proposal.id, reason=""), "brake.early")


def test_seals_and_results_count_only_while_the_permit_holds(chain, approved):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    seal_all(chain, run, names=("ada", "bob", "cyd"))
    chain.say("bob", Brake(proposal=approved.id, reason="stop"))
    refused(
        chain,
        "dan",
        RunSeal(run=run.id, transcript=TRANSCRIPT, result=result_digest(MODEL, REPORT, GOOD, {})),
        "permit.braked",
    )
    refused(chain, "ada", closing(run), "permit.braked")


def test_a_result_does_not_count_when_a_contributor_has_left_before_the_close(chain, approved):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    seal_all(chain, run)
    chain.say("dan", Leave(reason=""))
    refused(chain, "ada", closing(run), "permit.expelled")


def test_who_opens_an_attempt_takes_part_in_it(new_chain, plan, day):
    chain = new_chain(observers=("olu",))
    few = plan.model_copy(update={"cohort": plan.cohort.model_copy(update={"members": NAMES})})
    proposal = chain.propose("ada", {"effect": "run", "plan": few.to_json()})
    for name in ("ada", "bob", "cyd"):
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day
    refused(chain, "olu", opening(chain.look(proposal)), "run_open.author")


def test_what_is_not_a_run_has_no_brake(chain):
    expulsion = chain.propose("ada", {"effect": "expel", "member": "dan"})
    refused(chain, "bob", Brake(proposal=expulsion.id, reason=""), "brake.not-run")
    refused(chain, "bob", Brake(proposal="ab" * 32, reason=""), "proposal.unknown")


def test_a_run_cannot_be_closed_without_every_contributors_seal(chain, approved):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    seal_all(chain, run, names=("ada", "bob", "cyd"))
    refused(chain, "ada", closing(run), "run_close.seals")
    chain.say("dan", RunSeal(run=run.id, transcript="00" * 32, result=result_digest(MODEL, REPORT, GOOD, {})))
    refused(chain, "ada", closing(run), "run_close.seals")


FIVE = ("ada", "bob", "cyd", "dan", "eve")


@pytest.fixture
def opened(new_chain, plan, day):
    """A run of five members, one of whom may vanish, that has been opened."""
    chain = new_chain(names=FIVE)
    proposal = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    for name in FIVE:
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day
    chain.say("ada", opening(proposal, cohort=list(FIVE)))
    (run,) = chain.state.attempts(proposal.id)
    return chain, run


def seal_without(chain, run, dropped, names):
    for name in names:
        result = result_digest(MODEL, REPORT, GOOD, dropped)
        chain.say(name, RunSeal(run=run.id, transcript=TRANSCRIPT, result=result))


def test_what_sums_must_bear_is_frozen_with_the_attempt(opened):
    _, run = opened
    assert (run.sharing.colluders, run.sharing.dropouts, run.threshold) == (2, 1, 4)


def test_a_run_is_completed_without_who_vanished_and_the_record_names_it(opened):
    chain, run = opened
    before = chain.state.digest
    seal_without(chain, run, {"eve": 2}, FIVE[:4])
    refused(chain, "ada", closing(run), "run_close.seals")
    chain.say("ada", closing(run, dropped={"eve": 2}))
    closed = chain.state.runs[run.id]
    assert (closed.status, dict(closed.dropped), closed.survivors) == ("completed", {"eve": 2}, FIVE[:4])
    other = chain.state.with_run(closed._replace(dropped={"eve": 3}))
    assert len({before, chain.state.digest, other.digest}) == 3


def test_nobody_is_called_dropped_unless_everybody_left_has_sealed_it(opened):
    chain, run = opened
    seal_without(chain, run, {}, FIVE)
    refused(chain, "ada", closing(run, dropped={"eve": 1}), "run_close.seals")


def test_a_seal_of_who_vanished_may_be_missing_but_not_differ(opened):
    chain, run = opened
    seal_without(chain, run, {"eve": 9}, FIVE[:4])
    seal_without(chain, run, {}, ["eve"])
    refused(chain, "ada", closing(run, dropped={"eve": 9}), "run_close.seals")


def test_no_run_is_completed_by_fewer_than_its_sums_require(opened):
    chain, run = opened
    dropped = {"dan": 2, "eve": 2}
    seal_without(chain, run, dropped, FIVE[:3])
    refused(chain, "ada", closing(run, dropped=dropped), "run_close.survivors")


def test_no_run_is_completed_by_fewer_than_the_charters_minimum(new_chain, charter_text, plan, day):
    chain = new_chain(names=FIVE, charter=charter_text.replace("minimum_cohort: 3", "minimum_cohort: 5"))
    proposal = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    for name in FIVE:
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day
    chain.say("ada", opening(proposal, cohort=list(FIVE)))
    (run,) = chain.state.attempts(proposal.id)
    seal_without(chain, run, {"eve": 2}, FIVE[:4])
    refused(chain, "ada", closing(run, dropped={"eve": 2}), "run_close.survivors")


def test_only_who_took_part_can_have_vanished(opened):
    chain, run = opened
    refused(chain, "ada", closing(run, dropped={"zoe": 1}), "run_close.dropped")


def test_a_failed_attempt_names_nobody_dropped(opened):
    chain, run = opened
    nothing = dict.fromkeys(("transcript", "model", "report"), ZERO_DIGEST)
    body = closing(run, **nothing, status="failed", metrics={}, dropped={"eve": 1}, reason="eve vanished")
    refused(chain, "ada", body, "run_close.empty")


@pytest.mark.parametrize("dropped", [{"eve": 0}, {"eve": -1}, {"eve": True}, {"Eve": 1}, {"eve": 10**9}])
def test_who_vanished_is_a_member_and_a_round(dropped):
    digests = {"run": MODEL, "transcript": TRANSCRIPT, "model": MODEL, "report": REPORT}
    with pytest.raises(ValueError, match="dropped"):
        RunClose(**digests, status="completed", metrics=GOOD, dropped=dropped, reason="")


def test_metrics_that_nobody_sealed_are_refused(chain, approved):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    seal_all(chain, run)
    refused(chain, "ada", closing(run, metrics={"auc_together": "0.999999"}), "run_close.seals")
    refused(chain, "ada", closing(run, model="00" * 32), "run_close.seals")
    refused(chain, "ada", closing(run, metrics={"charm": "1.000000"}), "run_close.metrics")
    refused(chain, "bob", closing(run), "run_close.author")


def test_seals_come_once_from_the_cohort_and_while_the_run_is_open(chain, approved, new_chain):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    refused(chain, "ada", RunSeal(run="ab" * 32, transcript=TRANSCRIPT, result=MODEL), "run.unknown")
    seal_all(chain, run)
    refused(chain, "ada", RunSeal(run=run.id, transcript=TRANSCRIPT, result=MODEL), "run_seal.double")
    chain.say("ada", closing(run))
    refused(chain, "ada", closing(run), "run.closed")


def test_a_failed_attempt_says_why_and_makes_way_for_the_next(chain, approved):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    refused(chain, "ada", opening(approved, attempt=2), "run_open.busy")
    refused(chain, "ada", closing(run, status="failed", reason="dan vanished"), "run_close.empty")
    nothing = {
        "status": "failed",
        "transcript": ZERO_DIGEST,
        "model": ZERO_DIGEST,
        "report": ZERO_DIGEST,
        "metrics": {},
        "dropped": {},
    }
    chain.say("ada", closing(run, **nothing, reason="dan vanished"))
    chain.say("ada", opening(approved, attempt=2))


def test_one_approval_allows_as_many_attempts_as_its_plan_says(chain, approved, fail, approve):
    fail(chain, approved)
    fail(chain, approved)
    refusal = refused(chain, "ada", opening(approved, attempt=3), "run_open.attempts")
    assert "propose the run again" in str(refusal)
    fail(chain, approve(chain))


def test_others_end_an_attempt_only_when_its_coordinator_has_been_silent_for_a_day(chain, approved, day):
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    nothing = dict.fromkeys(("transcript", "model", "report"), ZERO_DIGEST)
    failed = closing(run, **nothing, status="failed", metrics={}, reason="nothing happens")
    chain.at = run.opened_at + day - 1
    refusal = refused(chain, "bob", failed, "run_close.early")
    assert "1 seconds from now" in str(refusal)
    chain.at += 1
    chain.say("bob", failed)
    assert chain.state.runs[run.id].status == "failed"


def test_a_coordinator_that_has_gone_blocks_nothing(subtractable, approve):
    chain, approved = subtractable, approve(subtractable)
    chain.say("ada", opening(approved))
    (run,) = chain.state.attempts(approved.id)
    chain.say("ada", Leave(reason=""))
    nothing = {
        "status": "failed",
        "transcript": ZERO_DIGEST,
        "model": ZERO_DIGEST,
        "report": ZERO_DIGEST,
        "metrics": {},
        "dropped": {},
    }
    chain.say("bob", closing(run, **nothing, reason="its coordinator left"))
    chain.say("bob", opening(approved, attempt=2, cohort=["bob", "cyd", "dan"], threshold=3))


def test_who_takes_no_part_cannot_end_an_attempt(new_chain, plan, day):
    chain = new_chain(names=("ada", "bob", "cyd"), observers=("olu",))
    few = plan.model_copy(
        update={"cohort": plan.cohort.model_copy(update={"members": ("ada", "bob", "cyd")})}
    )
    proposal = chain.propose("ada", {"effect": "run", "plan": few.to_json()})
    for name in ("ada", "bob", "cyd"):
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    chain.at = proposal.closes_at + day
    chain.say("ada", opening(chain.look(proposal), cohort=["ada", "bob", "cyd"], threshold=3))
    (run,) = chain.state.attempts(proposal.id)
    nothing = {
        "status": "failed",
        "transcript": ZERO_DIGEST,
        "model": ZERO_DIGEST,
        "report": ZERO_DIGEST,
        "metrics": {},
        "dropped": {},
    }
    refused(chain, "olu", closing(run, **nothing, reason="no"), "run_close.author")


def test_one_approval_gives_one_result(chain, approved):
    complete(chain, approved)
    refused(chain, "ada", opening(approved, attempt=2), "permit.closed")


def release(proposal, **changes):
    effect = {"effect": "release", "run": proposal.number, "model": MODEL, "report": REPORT} | changes
    return Propose(title="Release", reason="", effect=effect)


def test_a_model_that_meets_its_bars_is_released_by_vote_and_only_once(chain, approved, day):
    complete(chain, approved)
    number = chain.say("ada", release(approved))
    proposal = chain.state.proposal(number)
    for name in ("ada", "bob", "cyd"):
        chain.say(name, Ballot(proposal=proposal.id, choice="yes", reason=""))
    assert chain.look(proposal).outcome == "passed"  # `early: true`
    chain.at += day
    chain.say("ada", Tick())
    assert [r.model for r in chain.state.releases] == [MODEL]
    refused(chain, "ada", release(approved), "release.again")


def test_a_missed_bar_forbids_the_release(chain, approved):
    complete(chain, approved, metrics={"auc_together": "0.799999"})
    refused(chain, "ada", release(approved), "release.bars")


@pytest.mark.parametrize("value", ["-0.000000", "1234567890123.000000", "01.000000", "1.0", "1e3", "nan"])
def test_a_metric_has_one_spelling_that_every_bar_can_judge(value):
    digests = {"run": MODEL, "transcript": TRANSCRIPT, "model": MODEL, "report": REPORT, "dropped": {}}
    RunClose(**digests, status="completed", metrics=GOOD, reason="")
    with pytest.raises(ValueError, match="metrics"):
        RunClose(**digests, status="completed", metrics={"auc_together": value}, reason="")


def test_a_metric_that_is_absent_misses_its_bar(chain, approved):
    complete(chain, approved, metrics={"members_scored": "0.000000"})
    refusal = refused(chain, "ada", release(approved), "release.bars")
    assert "`auc_together` could not be computed, because too few members can be scored" in str(refusal)


def test_only_the_model_of_a_completed_run_is_released(chain, approved):
    refused(chain, "ada", release(approved), "release.run")
    complete(chain, approved)
    refused(chain, "ada", release(approved, model="00" * 32), "release.model")
    refused(chain, "ada", release(approved, report="00" * 32), "release.report")
    refused(chain, "ada", release(approved, run=0), "release.run")


def test_a_plan_needs_members_enough_and_a_charter_that_allows_plain_sums(
    chain, plan, new_chain, charter_text
):
    def proposing(where, changes):
        value = plan.to_json() | changes
        return where, Propose(title="Run", reason="", effect={"effect": "run", "plan": value})

    few = {"cohort": {"members": ["ada", "bob", "cyd"], "minimum": 3}}
    stricter = new_chain(charter=charter_text.replace("minimum_cohort: 3", "minimum_cohort: 4"))
    where, body = proposing(stricter, few)
    refused(where, "ada", body, "run.minimum-cohort")
    strangers = {"cohort": {"members": ["ada", "bob", "eve"], "minimum": 3}}
    where, body = proposing(chain, strangers)
    refused(where, "ada", body, "run.cohort")
    noisy_only = new_chain(charter=charter_text.replace("unnoised_sums: allowed", "unnoised_sums: refused"))
    where, body = proposing(noisy_only, {})
    refused(where, "ada", body, "run.noise")
