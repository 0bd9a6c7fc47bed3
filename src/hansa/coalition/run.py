"""Runs: the permit, attempts, seals, the close, and the brake."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from hansa.coalition.account import list_earlier, list_standings
from hansa.coalition.entry import ZERO_DIGEST, Brake, Entry, RunClose, RunOpen, RunSeal
from hansa.coalition.snapshot import ProposalRecord, RunRecord, State
from hansa.errors import Refused
from hansa.governance import (
    METRICS,
    MINIMUM_COHORT,
    Division,
    Plan,
    RunFacts,
    Sharing,
    derive_sharing,
    find_overdrafts,
    find_subtractions,
    verify_permit,
)
from hansa.transparency import canonical

STOPPED_FOR_GOOD = 2**52
"""A `braked_until` that no clock reaches."""

SILENCE_SECONDS = 86_400
"""Log time after which anybody in its cohort may end an attempt that its coordinator has not ended."""


def verify_plan(state: State, plan: Plan) -> None:
    """Refuse a plan that this coalition could not run.

    Raises:
        Refused: `run.cohort`, `run.minimum-cohort`, `run.noise`, `run.budget`, `run.differencing`.
    """
    cohort = approved_cohort(state, plan)
    unknown = [name for name in cohort if name not in {m.id for m in state.active_members}]
    if unknown:
        raise Refused("run.cohort", f"the plan names {', '.join(unknown)}, who are not active members")
    floor = minimum_cohort(state, plan)
    if len(cohort) < floor:
        asks = "the plan's `cohort.minimum`"
        if plan.cohort.minimum < floor:
            asks = "the charter's `privacy.minimum_cohort`"
        raise Refused(
            "run.minimum-cohort",
            f"{len(cohort)} members can take part, and at least {floor} must, by {asks}; lower it, or let more take part",
        )
    if plan.privacy.noise == "none" and state.charter.privacy.unnoised_sums != "allowed":
        raise Refused("run.noise", "the charter refuses sums without noise, and the plan adds none")
    if plan.privacy.noise != "none":
        overdrafts = list(find_overdrafts(plan.privacy.rho, list_standings(state, cohort)))
        if overdrafts:
            raise Refused("run.budget", overdrafts)
    elif state.charter.privacy.differencing != "allowed":
        subtractions = list(
            find_subtractions(cohort, plan.division, list_earlier(state), max(floor, MINIMUM_COHORT))
        )
        if subtractions:
            raise Refused("run.differencing", subtractions)


def approved_cohort(state: State, plan: Plan) -> tuple[str, ...]:
    """Return the members that the plan lets take part, in order of id."""
    if plan.cohort.members == "all":
        return tuple(member.id for member in state.active_members)
    return tuple(sorted(plan.cohort.members))


def minimum_cohort(state: State, plan: Plan) -> int:
    """Return how many members a total covers at least: the larger of the plan's and the charter's number."""
    return max(plan.cohort.minimum, state.charter.privacy.minimum_cohort)


def sharing_for(state: State, members: int) -> Sharing:
    """Return the numbers of a secure sum over `members`, under what the charter in force assumes."""
    privacy = state.charter.privacy
    return derive_sharing(members, privacy.colluding, privacy.dropouts)


def verify_run(state: State, proposal_id: str, *, plan_digest: str, cohort: Sequence[str]) -> ProposalRecord:
    """Prove from the fold that this run may go on now, with exactly this plan and these members.

    Called by hub and node before a run and again at each of its rounds.

    Args:
        state: the caller's own fold.
        proposal_id: the id of the proposal that was voted on.
        plan_digest: the digest of the plan that is about to be used.
        cohort: the members about to take part.

    Raises:
        Refused: `permit.*`, with what is missing.
    """
    proposal = state.find_proposal(proposal_id)
    plan = proposal.plan if proposal is not None else None
    known = proposal is not None and plan is not None
    attempts = state.attempts(proposal_id)
    # Who is admitted while an attempt is open is no part of it; who leaves ends it, because nobody goes on who has left.
    opened = next((run.cohort for run in attempts if run.status == "open"), None)
    approved = opened or (approved_cohort(state, plan) if plan is not None else ())
    verify_permit(
        RunFacts(
            exists=proposal is not None,
            is_run=known,
            approved_plan=plan.digest if plan is not None else "",
            plan=plan_digest,
            outcome=proposal.outcome if proposal is not None else "open",
            effect_at=proposal.effect_at if proposal is not None else 0,
            braked_until=proposal.braked_until if proposal is not None else 0,
            completed=any(run.status == "completed" for run in attempts),
            cohort=tuple(cohort),
            approved_cohort=approved,
            active=frozenset(member.id for member in state.active_members),
            minimum_cohort=minimum_cohort(state, plan) if plan is not None else 0,
            noise=plan.privacy.noise if plan is not None else "none",
            unnoised_sums=state.charter.privacy.unnoised_sums,
            cost=plan.privacy.rho if plan is not None else Fraction(0),
            standings=list_standings(
                state, tuple(name for name in cohort if name in state.members), without=proposal_id
            ),
            division=plan.division if plan is not None else Division(),
            earlier=list_earlier(state),
            differencing=state.charter.privacy.differencing,
            now=state.at,
        )
    )
    assert proposal is not None  # for the type checker: `verify_permit` refused otherwise
    return proposal


def open_run(state: State, entry: Entry, body: RunOpen) -> State:
    """Begin an attempt.

    Raises:
        Refused: `permit.*`, `run_open.recipe`, `run_open.order`, `run_open.attempt`, `run_open.attempts`,
            `run_open.busy`, `run_open.author`, `run_open.threshold`.
    """
    proposal = verify_run(state, body.proposal, plan_digest=body.plan, cohort=body.cohort)
    plan = proposal.plan
    if plan is None or body.recipe != plan.recipe.digest:
        raise Refused("run_open.recipe", "the recipe's digest is not the one in the approved plan")
    if list(body.cohort) != sorted(set(body.cohort)):
        raise Refused("run_open.order", "the cohort is sorted by id, each member once")
    attempts = state.attempts(body.proposal)
    if body.attempt != len(attempts) + 1:
        raise Refused(
            "run_open.attempt", f"the next attempt is number {len(attempts) + 1}; got {body.attempt}"
        )
    if body.attempt > plan.attempts:
        raise Refused(
            "run_open.attempts",
            f"the members approved {plan.attempts} attempts at most, and as many were made; each is charged, so more need "
            "another vote: propose the run again",
        )
    if any(run.status == "open" for run in attempts):
        raise Refused("run_open.busy", "an attempt at this run is still open; close it first")
    if entry.author not in body.cohort:
        raise Refused(
            "run_open.author", f"who opens an attempt takes part in it, and `{entry.author}` does not"
        )
    sharing = sharing_for(state, len(body.cohort))
    if body.threshold != sharing.threshold:
        raise Refused(
            "run_open.threshold",
            f"for {sharing.members} members, of whom {sharing.colluders} may collude and {sharing.dropouts} vanish, "
            f"the threshold is {sharing.threshold}; got {body.threshold}",
        )
    run = RunRecord(
        entry.id,
        state.newest,
        body.proposal,
        body.attempt,
        entry.author,
        tuple(body.cohort),
        sharing,
        state.at,
        keys=MappingProxyType({name: state.members[name].key for name in body.cohort}),
    )
    return state.with_run(run)


def seal_run(state: State, entry: Entry, body: RunSeal) -> State:
    """Note what a contributor vouches for.

    Raises:
        Refused: `run.unknown`, `run.closed`, `run_seal.cohort`, `run_seal.double`.
    """
    run = _open_run(state, body.run)
    _verify_still_permitted(state, run)
    if entry.author not in run.cohort:
        raise Refused("run_seal.cohort", f"`{entry.author}` took no part in this attempt")
    if entry.author in run.seals:
        raise Refused("run_seal.double", f"`{entry.author}` has already sealed this attempt")
    seals = MappingProxyType({**run.seals, entry.author: (body.transcript, body.result)})
    return state.with_run(run._replace(seals=seals))


def close_run(state: State, entry: Entry, body: RunClose) -> State:
    """End an attempt.

    Raises:
        Refused: `run.unknown`, `run.closed`, `run_close.author`, `run_close.early`, `run_close.empty`,
            `run_close.metrics`, `run_close.dropped`, `run_close.survivors`, `run_close.seals`.
    """
    run = _open_run(state, body.run)
    if body.status == "failed":
        if entry.author not in {run.coordinator, *run.cohort}:
            raise Refused("run_close.author", "only who takes part in an attempt says that it failed")
        patience = run.opened_at + SILENCE_SECONDS - state.at
        if entry.author != run.coordinator and state.members[run.coordinator].is_active and patience > 0:
            raise Refused(
                "run_close.early",
                f"only its coordinator `{run.coordinator}` ends this attempt now; others who take part can when that has "
                f"left, or {patience} seconds from now, in log time",
            )
        said = body.metrics or body.dropped or {body.transcript, body.model, body.report} != {ZERO_DIGEST}
        if said or not body.reason:
            raise Refused(
                "run_close.empty",
                "a failed attempt has a reason, no metrics, no digests, and names nobody dropped",
            )
        return state.with_run(run._replace(status="failed"))
    plan = _verify_still_permitted(state, run)
    if entry.author != run.coordinator:
        raise Refused("run_close.author", f"only its coordinator `{run.coordinator}` completes this attempt")
    unknown = sorted(body.metrics.keys() - set(METRICS))
    if unknown:
        raise Refused("run_close.metrics", f"not metrics: {', '.join(unknown)}")
    strangers = sorted(body.dropped.keys() - set(run.cohort))
    if strangers:
        raise Refused("run_close.dropped", f"took no part in this attempt: {', '.join(strangers)}")
    closed = run._replace(
        status="completed",
        transcript=body.transcript,
        model=body.model,
        report=body.report,
        metrics=MappingProxyType(dict(body.metrics)),
        dropped=MappingProxyType(dict(sorted(body.dropped.items()))),
    )
    required = max(run.sharing.required, minimum_cohort(state, plan))
    if len(closed.survivors) < required:
        raise Refused(
            "run_close.survivors",
            f"{len(closed.survivors)} members are left, and at least {required} must be",
        )
    vouched = (body.transcript, result_digest(body.model, body.report, body.metrics, body.dropped))
    # Who vanished need not seal, but whoever did seal has seen the same.
    missing = [name for name in closed.survivors if name not in run.seals]
    differing = sorted({*missing, *(name for name, seal in run.seals.items() if seal != vouched)})
    if differing:
        raise Refused("run_close.seals", f"no matching seal from {', '.join(differing)}")
    return state.with_run(closed)


def result_digest(model: str, report: str, metrics: Mapping[str, str], dropped: Mapping[str, int]) -> str:
    """Return what a seal vouches for: the digest of `{"dropped":…,"metrics":…,"model":…,"report":…}`."""
    return canonical.digest(
        {"dropped": dict(dropped), "metrics": dict(metrics), "model": model, "report": report}
    )


def brake(state: State, entry: Entry, body: Brake) -> State:
    """Stop a run: for a bounded time, or for good once more than half of the voting members ask for it.

    A brake that is pulled while another one holds prolongs nothing; one that is pulled later counts from then.

    Raises:
        Refused: `proposal.unknown`, `brake.not-run`, `brake.early`, `brake.used`.
    """
    proposal = state.find_proposal(body.proposal)
    if proposal is None:
        raise Refused("proposal.unknown", f"no proposal of this coalition has the id `{body.proposal}`")
    if proposal.plan is None:
        raise Refused("brake.not-run", f"proposal {proposal.number} is not a run; there is nothing to stop")
    if proposal.outcome != "in_effect":
        raise Refused(
            "brake.early",
            f"run {proposal.number} is {proposal.outcome.replace('_', ' ')}; there is nothing to stop yet",
        )
    if entry.author in {name for name, _ in proposal.brakes}:
        raise Refused(
            "brake.used", f"`{entry.author}` has braked this run before; only a majority can prolong it"
        )
    brakes = (*proposal.brakes, (entry.author, state.at))
    voting = {member.id for member in state.voting_members}
    if 2 * sum(name in voting for name, _ in brakes) > len(voting):
        until = STOPPED_FOR_GOOD
    else:
        holds = state.at < proposal.braked_until
        until = proposal.braked_until if holds else state.at + state.charter.brake.hours * 3600
    return state.with_proposal(proposal._replace(brakes=brakes, braked_until=until))


def _verify_still_permitted(state: State, run: RunRecord) -> Plan:
    """Return the plan of `run`; a seal and a result count only while the run itself may go on."""
    plan = state.proposals[run.proposal].plan
    assert plan is not None  # only a run is ever opened
    verify_run(state, run.proposal, plan_digest=plan.digest, cohort=run.cohort)
    return plan


def _open_run(state: State, run_id: str) -> RunRecord:
    run = state.runs.get(run_id)
    if run is None:
        raise Refused("run.unknown", f"no attempt of this coalition has the id `{run_id}`")
    if run.status != "open":
        raise Refused("run.closed", f"attempt {run.attempt} is already {run.status}")
    return run
