"""The whole chain, played: charter, signatures, proposal, ballots, permit, training, report, release, verification."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hansa.coalition import Ballot, Leave, Propose, Recuse, audit_log, derive_account, spell_standings
from hansa.errors import Refused
from hansa.governance import Charter, Choice, Plan, lint_charter, parse_plan
from hansa.rehearsal.account import describe_account, describe_refusal
from hansa.rehearsal.actor import Founder
from hansa.rehearsal.gathering import gather_result
from hansa.rehearsal.narration import Narrator
from hansa.rehearsal.pledge import count_overdrawn
from hansa.rehearsal.report import write_report
from hansa.rehearsal.runner import Ran, conduct_run
from hansa.rehearsal.spelling import format_span, pluralise
from hansa.rehearsal.stage import README_FILE, Stage
from hansa.store import read_tree

REPORT_FILE: Final = "report.html"

_FIRST_LINE: Final = "This coalition was played by a rehearsal of hansa on one machine.\n"
_README: Final = (
    _FIRST_LINE
    + """
report.html      what came of it, for people
result.json      the same for programs; it holds every member's private figures
log/             the record, published: `hansa verify` replays it alone
blobs/           the model and the coalition's report, named by their digests
members/         each member's own side: its key, its data, its private report
hub/             the hub's side: its key and the log's file

All keys lie in this one folder, and its clock was put forward. It proves the mechanics, nobody's consent.
Playing again with --again replaces the folder.
"""
)


@dataclass(frozen=True, slots=True)
class Drama:
    """Who does not simply say yes.

    Args:
        choices: ballots other than yes on the run, by member, with a reason.
        recused: members that step aside from the run, with a reason.
        silent: whose machine falls silent in the middle of the run, and before which round's numbers.
        again: who asks for the same run once more afterwards, if it is one with noise, and at which epsilon.
        leaver: who leaves at the end, with a reason.
    """

    choices: Mapping[str, tuple[Choice, str]] = field(default_factory=dict)
    recused: Mapping[str, str] = field(default_factory=dict)
    silent: tuple[str, int] | None = None
    again: tuple[str, str] | None = None
    leaver: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays, under which charter, with which plan."""

    charter: Charter
    founders: tuple[Founder, ...]
    plan: Plan
    lead: str
    drama: Drama = field(default_factory=Drama)


@dataclass(frozen=True, slots=True)
class Played:
    """What a rehearsal leaves behind.

    Args:
        result: the content of `result.json`.
        log: the published log.
        report: the HTML report.
    """

    result: Mapping[str, Any]
    log: Path
    report: Path


def play(folder: Path, cast: Cast, narrator: Narrator) -> Played:
    """Found a coalition, approve and conduct one run, vote on its release, and verify the record.

    Args:
        folder: where the coalition lives from now on; must not exist or be empty.
        cast: who and what.
        narrator: told what happens; its times go into the report.

    Raises:
        Refused, Malformed, Unavailable: what stopped it. What happened until then stays in the folder.
    """
    with narrator.part("Founding"):
        stage = _found(folder, cast, narrator)
    with stage:
        with narrator.part("Deciding"):
            number = _decide(stage, cast, narrator)
        with narrator.part("Training"):
            if cast.drama.silent is not None:
                member, first = cast.drama.silent
                stage.actor(member).fall_silent(first)
            ran = conduct_run(stage, number, cast.lead, narrator)
        with narrator.part("Releasing"):
            _release(stage, cast, number, ran, narrator)
            if cast.drama.leaver is not None:
                member, reason = cast.drama.leaver
                entry = stage.say(member, Leave(reason=reason))
                stage.settle()
                narrator.say(f"{_name(stage, member)} leaves (entry {entry}): {reason}; nobody has to agree")
        refused = []
        if cast.plan.privacy.noise != "none":
            with narrator.part("Accounting"):
                refused = _account(stage, cast, narrator)
        with narrator.part("Verifying"):
            tree = read_tree(stage.log)
            audit = audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)
            narrator.say(
                f"{audit.state.size} entries replayed from the published log alone, "
                f"{len(audit.cosigned_by)} cosignatures, {audit.cosignatures_needed} needed"
            )
        result = gather_result(stage, number, ran, narrator.timings, refused)
        (folder / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_report(result, folder / REPORT_FILE)
        return Played(result, stage.log, folder / REPORT_FILE)


def is_rehearsal(folder: Path) -> bool:
    """Say whether a rehearsal was begun in a folder, however it ended."""
    try:
        return (folder / README_FILE).read_text(encoding="utf-8").startswith(_FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False


def is_finished(folder: Path) -> bool:
    """Say whether the rehearsal in a folder came to its end: the report is written last."""
    return (folder / REPORT_FILE).is_file()


def _found(folder: Path, cast: Cast, narrator: Narrator) -> Stage:
    stage = Stage.found(folder, cast.charter, cast.founders, cast.lead, readme=_README)
    findings = lint_charter(cast.charter, stage.state.active_members)
    worst = [finding for finding in findings if finding.level != "note"]
    counts = f"{_count(len(worst), 'warning')}, {_count(len(findings) - len(worst), 'note')}"
    narrator.say(f"charter `{cast.charter.name}` linted: {counts}")
    for finding in worst:
        narrator.doubt(finding.message)
    narrator.say(
        f"{len(cast.founders)} members signed it, each with its own key; coalition {stage.state.coalition[:16]}…"
    )
    return stage


def _decide(stage: Stage, cast: Cast, narrator: Narrator) -> int:
    """Open the run, vote, show that nothing starts early, and wait for the timelock."""
    effect = {"effect": "run", "plan": cast.plan.to_json()}
    number = open_proposal(stage, cast.lead, cast.plan.name, cast.plan.purpose, effect)
    narrator.say(f"entry {number}: {_name(stage, cast.lead)} proposes the run; plan {cast.plan.digest[:16]}…")
    for member, reason in cast.drama.recused.items():
        proposal = stage.state.proposal(number)
        assert proposal is not None  # just opened
        stage.say(member, Recuse(proposal=proposal.id, reason=reason))
        narrator.say(f"{_name(stage, member)} is recused: {reason}")
    vote_all(stage, number, cast.drama.choices)
    _narrate_ballots(stage, number, narrator)
    _await_decision(stage, number, narrator)
    try:
        conduct_run(stage, number, cast.lead, narrator)
    except Refused as refusal:
        proposal = stage.state.proposal(number)
        assert proposal is not None  # just passed
        wait = format_span(proposal.effect_at - stage.state.at)
        why = f"the run takes effect in {wait} of log time" if refusal.rule == "permit.timelock" else refusal
        narrator.doubt(f"an early start is refused: {why}")
    _await_effect(stage, number, narrator)
    return number


def _release(stage: Stage, cast: Cast, number: int, ran: Ran, narrator: Narrator) -> None:
    """Vote on the release; when a bar is missed there is nothing to vote on, and that is said."""
    effect = {"effect": "release", "run": number, "model": ran.model, "report": ran.run.report}
    try:
        release = open_proposal(stage, cast.lead, f"Release the model of run {number}", "", effect)
    except Refused as refusal:
        narrator.doubt(f"no release can be proposed: {'; '.join(refusal.reasons)}")
        return
    narrator.say(f"entry {release}: every bar set before the run is met, so the release is proposed")
    vote_all(stage, release, {})
    _await_decision(stage, release, narrator)
    _await_effect(stage, release, narrator)


def _account(stage: Stage, cast: Cast, narrator: Narrator) -> list[dict[str, Any]]:
    """Say what has been learnt and what is left; let somebody ask for more, and return what was refused."""
    accounts = [
        describe_account(derive_account(stage.state, name), stage.state) for name in stage.state.members
    ]
    standings = [
        (a["budget"]["epsilon"], a["spent"]["epsilon"], a["left"]["epsilon"]) for a in accounts if a["budget"]
    ]
    narrator.say(f"{spell_standings(standings)}; so says the record, to everybody the same")
    if cast.drama.again is None:
        return []
    member, epsilon = cast.drama.again
    plan = parse_plan(cast.plan.to_json() | {"privacy": cast.plan.privacy.to_json() | {"epsilon": epsilon}})
    effect = {"effect": "run", "plan": plan.to_json()}
    asks = f"{_name(stage, member)} proposes to ask the same data once more, at ε = {epsilon}"
    try:
        number = open_proposal(stage, member, f"{plan.name}, once more", plan.purpose, effect)
    except Refused as refusal:
        members = len(stage.state.active_members)
        over = count_overdrawn(len(refusal.reasons), members)
        narrator.doubt(
            f"{asks}: refused before any vote, it would pass the budgets of {over} [{refusal.rule}]"
        )
        return [describe_refusal(plan, _name(stage, member), members, refusal)]
    narrator.say(f"{asks} (entry {number}); the budget bears it, and nobody has voted yet")
    return []


def open_proposal(stage: Stage, author: str, title: str, reason: str, effect: Mapping[str, Any]) -> int:
    """Let a member propose, let everybody see it, and return its number."""
    number = stage.say(author, Propose(title=title, reason=reason, effect=dict(effect)))
    stage.settle()
    return number


def vote_all(stage: Stage, number: int, others: Mapping[str, tuple[Choice, str]]) -> None:
    """Let every elector vote yes, but for those in `others`, until the proposal is settled."""
    proposal = stage.state.proposal(number)
    assert proposal is not None  # callers pass what `open_proposal` returned
    names = [elector.member for elector in proposal.electorate]
    for name in sorted(names, key=lambda name: name not in others):
        now = stage.state.proposals[proposal.id]
        if now.outcome != "open":
            break
        if name in now.recused or name in now.ballots:
            continue
        choice, reason = others.get(name, ("yes", ""))
        stage.say(name, Ballot(proposal=proposal.id, choice=choice, reason=reason))
    stage.settle()


def _narrate_ballots(stage: Stage, number: int, narrator: Narrator) -> None:
    proposal = stage.state.proposal(number)
    assert proposal is not None  # as above
    votes = list(proposal.ballots.values())
    narrator.say(
        f"{votes.count('yes')} yes, {votes.count('no')} no, {votes.count('abstain')} abstain, "
        f"{len(proposal.recused)} recused, out of {len(proposal.electorate)} electors"
    )


def _await_decision(stage: Stage, number: int, narrator: Narrator) -> None:
    proposal = stage.state.proposal(number)
    assert proposal is not None  # as above
    if proposal.outcome == "open":
        _forward_to(stage, proposal.closes_at)
        proposal = stage.state.proposals[proposal.id]
    narrator.say(
        f"the vote on entry {number} has ended: {proposal.outcome.replace('_', ' ')}, as everyone computes alone"
    )
    if proposal.outcome != "passed":
        raise Refused(
            "rehearsal.outcome", f"proposal {number} was not passed: {proposal.outcome.replace('_', ' ')}"
        )


def _await_effect(stage: Stage, number: int, narrator: Narrator) -> None:
    proposal = stage.state.proposal(number)
    assert proposal is not None  # as above
    _forward_to(stage, proposal.effect_at)
    proposal = stage.state.proposals[proposal.id]
    narrator.say(
        f"timelock over in log time (the rehearsal's clock was put forward); entry {number} is {proposal.outcome.replace('_', ' ')}"
    )


def _forward_to(stage: Stage, moment: int) -> None:
    if moment > stage.now():
        stage.forward(moment - stage.now())


def _count(number: int, word: str) -> str:
    return pluralise(number, word) if number else f"no {word}s"


def _name(stage: Stage, member: str) -> str:
    return stage.state.members[member].member.name
