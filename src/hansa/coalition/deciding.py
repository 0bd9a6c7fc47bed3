"""Proposals, ballots and what they come to: opened, counted, settled, put into effect."""

from collections.abc import Sequence
from types import MappingProxyType

from hansa.coalition.entry import Ballot, Entry, Propose, Recuse, Withdraw
from hansa.coalition.membership import admit, expel, verify_admission, verify_expulsion
from hansa.coalition.release import put_release, verify_release
from hansa.coalition.run import verify_plan
from hansa.coalition.snapshot import Outcome, ProposalRecord, State
from hansa.errors import Refused
from hansa.governance import (
    Admit,
    Amend,
    Charter,
    Effect,
    Elector,
    Expel,
    Plan,
    Release,
    Run,
    decision_rule_for,
    lint_charter,
    parse_charter,
    parse_effect,
    parse_plan,
    tally,
)


def propose(state: State, entry: Entry, body: Propose) -> State:
    """Open a proposal, and freeze its electorate, voting weights, rules and closing time.

    Raises:
        Refused: `propose.vote`, `propose.undecidable`, or the rule of the effect.
    """
    author = state.members[entry.author].member
    if not state.charter.classes[author.member_class].votes:
        raise Refused(
            "propose.vote", f"members of class `{author.member_class}` have no vote and cannot propose"
        )
    effect = parse_effect(body.effect)
    rules = [decision_rule_for(state.charter, effect.effect)]
    plan: Plan | None = None
    match effect:
        case Admit():
            verify_admission(state, effect)
        case Expel():
            verify_expulsion(state, effect)
        case Amend():
            rules.append(decision_rule_for(_verify_amendment(state, effect), effect.effect))
        case Run():
            plan = parse_plan(effect.plan)
            verify_plan(state, plan)
        case Release():
            verify_release(state, effect)
    electorate = tuple(Elector(m.id, m.member_class, m.voting_weight) for m in state.voting_members)
    return state.with_proposal(
        _settle(
            ProposalRecord(
                number=state.newest,
                id=entry.id,
                author=entry.author,
                title=body.title,
                reason=body.reason,
                effect=effect,
                plan=plan,
                rules=tuple(rules),
                electorate=electorate,
                opened_at=state.at,
                closes_at=state.at + rules[0].period_seconds,
                timelock_seconds=rules[0].timelock_seconds,
                charter_version=state.charter.version,
                recused=_recused_from_the_start(effect, electorate),
            ),
            state.at,
            closed=False,
        )
    )


def _recused_from_the_start(effect: Effect, electorate: Sequence[Elector]) -> frozenset[str]:
    """Nobody votes on its own expulsion; a member without a vote is no elector anyway."""
    if not isinstance(effect, Expel):
        return frozenset()
    return frozenset({effect.member}) & {elector.member for elector in electorate}


def withdraw(state: State, entry: Entry, body: Withdraw) -> State:
    """Take a proposal back.

    Raises:
        Refused: `proposal.unknown`, `withdraw.author`, `proposal.closed`.
    """
    proposal = _known(state, body.proposal)
    if proposal.author != entry.author:
        raise Refused("withdraw.author", f"only `{proposal.author}` can withdraw proposal {proposal.number}")
    if proposal.outcome != "open":
        raise Refused("proposal.closed", f"proposal {proposal.number} is already {_spell(proposal.outcome)}")
    return state.with_proposal(proposal._replace(outcome="withdrawn", decided_at=state.at))


def cast(state: State, entry: Entry, body: Ballot) -> State:
    """Count one ballot; under an early rule it may settle the proposal.

    Raises:
        Refused: `proposal.unknown`, `ballot.late`, `ballot.elector`, `ballot.recused`, `ballot.double`.
    """
    proposal = _known(state, body.proposal)
    name = entry.author
    if proposal.outcome != "open":
        raise Refused("ballot.late", f"proposal {proposal.number} is already {_spell(proposal.outcome)}")
    _verify_elector("ballot", proposal, name)
    if name in proposal.recused:
        raise Refused("ballot.recused", f"`{name}` is recused from proposal {proposal.number}")
    if name in proposal.ballots:
        raise Refused(
            "ballot.double", f"`{name}` has already voted on proposal {proposal.number}; ballots are final"
        )
    ballots = MappingProxyType({**proposal.ballots, name: body.choice})
    return state.with_proposal(_settle(proposal._replace(ballots=ballots), state.at, closed=False))


def recuse(state: State, entry: Entry, body: Recuse) -> State:
    """Remove an elector from numerator and denominator.

    Raises:
        Refused: `proposal.unknown`, `recuse.late`, `recuse.elector`, `recuse.double`, `recuse.voted`.
    """
    proposal = _known(state, body.proposal)
    name = entry.author
    if proposal.outcome != "open":
        raise Refused("recuse.late", f"proposal {proposal.number} is already {_spell(proposal.outcome)}")
    _verify_elector("recuse", proposal, name)
    if name in proposal.recused:
        raise Refused("recuse.double", f"`{name}` is already recused from proposal {proposal.number}")
    if name in proposal.ballots:
        raise Refused(
            "recuse.voted", f"`{name}` has already voted on proposal {proposal.number}; recuse before voting"
        )
    return state.with_proposal(
        _settle(proposal._replace(recused=proposal.recused | {name}), state.at, closed=False)
    )


def advance(state: State, at: int) -> State:
    """Return `state` at time `at`, with everything settled that fell due on the way.

    Args:
        state: the state before.
        at: Unix seconds, not before `state.at`.
    """
    while True:
        due = [(p.due_at, p.number, p) for p in state.pending.values() if p.due_at is not None]
        moment, _, proposal = min(due, default=(at + 1, 0, None))
        if proposal is None or moment > at:
            return state._replace(at=at)
        state = state._replace(at=moment)
        if proposal.outcome == "open":
            state = state.with_proposal(_settle(proposal, moment, closed=True))
        else:
            state = _put_into_effect(state, proposal)


def _settle(proposal: ProposalRecord, at: int, *, closed: bool) -> ProposalRecord:
    if not closed and not any(rule.may_settle_early for rule in proposal.rules):
        return proposal
    outcomes = [
        tally(rule, proposal.electorate, proposal.ballots, proposal.recused, closed=closed).outcome
        for rule in proposal.rules
    ]
    outcome: Outcome = _together(outcomes)
    if outcome == "open":
        return proposal
    effect_at = at + proposal.timelock_seconds if outcome == "passed" else 0
    return proposal._replace(outcome=outcome, decided_at=at, effect_at=effect_at)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """All rules must be satisfied; of several reasons against, the gravest is named."""
    for reason in ("vetoed", "no_quorum", "failed", "open"):
        if reason in outcomes:
            return reason
    return "passed"


def _put_into_effect(state: State, proposal: ProposalRecord) -> State:
    """Apply the effect of a passed proposal, or mark it void when the state no longer allows it."""
    try:
        match proposal.effect:
            case Admit() as effect:
                state = admit(state, effect)
            case Expel() as effect:
                state = expel(state, effect)
            case Amend() as effect:
                state = _amend(state, effect, proposal.id)
            case Release() as effect:
                state = put_release(state, effect, proposal.id)
            case Run():
                pass  # the permit of a run is read from the proposal itself
    except Refused:
        return state.with_proposal(proposal._replace(outcome="void"))
    return state.with_proposal(proposal._replace(outcome="in_effect"))


def _amend(state: State, effect: Amend, proposal_id: str) -> State:
    """Put a new charter in force; proposals still open were made under the old one and are dropped."""
    state = state._replace(charter=_verify_amendment(state, effect))
    for other in tuple(state.pending.values()):
        if other.id != proposal_id and other.outcome == "open":
            state = state.with_proposal(other._replace(outcome="dropped", decided_at=state.at))
    return state


def _verify_amendment(state: State, effect: Amend) -> Charter:
    charter = parse_charter(effect.charter)
    if charter.version != state.charter.version + 1:
        raise Refused(
            "amend.version",
            f"the charter in force has version {state.charter.version}, so the next has "
            f"{state.charter.version + 1}; got {charter.version}",
        )
    if charter.origin != state.charter.origin:
        raise Refused(
            "amend.origin", f"the log keeps its name `{state.charter.origin}`; got `{charter.origin}`"
        )
    belonging = (record.member for _, record in sorted(state.members.items()) if record.belongs)
    orphans = [member.id for member in belonging if member.member_class not in charter.classes]
    if orphans:
        raise Refused("amend.classes", f"the new charter has no class for {', '.join(orphans)}")
    errors = [f.message for f in lint_charter(charter, state.active_members) if f.level == "error"]
    if errors:
        raise Refused("amend.lint", errors)
    return charter


def _known(state: State, proposal_id: str) -> ProposalRecord:
    proposal = state.find_proposal(proposal_id)
    if proposal is None:
        raise Refused("proposal.unknown", f"no proposal of this coalition has the id `{proposal_id}`")
    return proposal


def _verify_elector(kind: str, proposal: ProposalRecord, name: str) -> None:
    if all(elector.member != name for elector in proposal.electorate):
        raise Refused(
            f"{kind}.elector",
            f"`{name}` is not in the electorate of proposal {proposal.number}, which was frozen when it was opened",
        )


def _spell(outcome: Outcome) -> str:
    return outcome.replace("_", " ")
