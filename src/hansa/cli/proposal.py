"""`hansa proposal`: propose, vote, step aside, take back, look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from hansa.cli.options import ALL, HERE, AsJson, Folder, ProposalNumber, Reason, Speaker, limit_text
from hansa.cli.printing import make_facts, make_table, show, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.cli.desk import Desk
    from hansa.coalition import Ballot, ProposalRecord

app = App(name="proposal", help="Propose, vote, step aside, take back.")


@app.command(name="open")
def open_proposal(
    effect: Annotated[
        Literal["run", "release", "admit", "expel", "amend"],
        Parameter(name="EFFECT", help="What would happen if it passes."),
    ],
    target: Annotated[
        str,
        Parameter(
            name="TARGET",
            help="run: a plan, YAML. release: number of the run's proposal. admit: the newcomer's admission, JSON. "
            "expel: the member's id. amend: the new charter, YAML.",
        ),
    ],
    /,
    *,
    speaker: Speaker = None,
    title: Annotated[
        str | None,
        Parameter(
            validator=limit_text(200, shortest=1), metavar="TEXT", help="One line; made up when left out."
        ),
    ] = None,
    reason: Annotated[
        str,
        Parameter(
            validator=limit_text(4_000), metavar="TEXT", show_default=False, help="Why, for the voters."
        ),
    ] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Open a proposal; who may vote on it is frozen from this moment on."""
    from hansa.cli.desk import name_speaker, open_desk, spell_speaker
    from hansa.cli.targets import read_target
    from hansa.coalition import Propose
    from hansa.rehearsal.gathering import describe_proposal
    from hansa.transparency import format_instant

    with open_desk(folder) as desk:
        name = name_speaker(desk, speaker)
        made_up, body = read_target(desk.state, effect, target)
        number = desk.say(name, Propose(title=title or made_up, reason=reason, effect=body))
        desk.settle()
        proposal = desk.state.proposal(number)
        assert proposal is not None  # it was just opened
    document = describe_proposal(proposal)
    voters = len(proposal.electorate) - len(proposal.recused)
    text = (
        f"Proposal {number} is open: {proposal.title}.\n"
        f"{voters} members vote until {format_instant(proposal.closes_at)}."
    )
    show(document, text, suggest(f"proposal vote {number} yes{spell_speaker(desk)}", folder), as_json=as_json)


@app.command(name="list")
def list_proposals(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List all proposals and what became of them."""
    from hansa.cli.record import read_state
    from hansa.rehearsal.gathering import describe_proposal
    from hansa.transparency import format_instant

    _, state = read_state(folder)
    proposals = [describe_proposal(proposal) for proposal in state.proposals_in_order]
    rows = [
        (
            p["entry"],
            p["effect"],
            p["outcome"].replace("_", " "),
            p["yes"],
            p["no"],
            p["proposer"],
            p["title"],
        )
        for p in proposals
    ]
    columns = ("entry", "effect", "outcome", "yes", "no", "by", "title")
    table = make_table(columns, rows, right=("entry", "yes", "no"))
    at = format_instant(state.at)
    show(
        {"at": at, "proposals": proposals},
        *((table, f"\nas of {at}, the log's newest entry") if rows else ("There are no proposals yet.",)),
        as_json=as_json,
    )


@app.command(name="show")
def show_proposal(number: ProposalNumber, /, *, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show one proposal: what it asks for, the rule, the count and each ballot."""
    from hansa.cli.counting import count_votes, describe_counts, list_voices
    from hansa.cli.record import find_proposal, read_state
    from hansa.cli.targets import describe_effect
    from hansa.rehearsal.gathering import describe_proposal
    from hansa.rehearsal.spelling import EFFECTS

    record, state = read_state(folder)
    proposal = find_proposal(state, number)
    voices = list_voices(record.leaves, proposal)
    counts = count_votes(proposal)
    described = describe_proposal(proposal)
    document = {
        **described,
        "id": proposal.id,
        "reason": proposal.reason,
        "asks": dict(describe_effect(state, proposal)),
        "counts": counts,
        "charter_version": proposal.charter_version,
        "ballots": voices,
    }
    times = ("opened_at", "closes_at", "decided_at", "effect_at")
    facts = make_facts(
        [
            ("asks to", EFFECTS[proposal.effect.effect]),
            *describe_effect(state, proposal),
            ("by", proposal.author),
            *((("reason", proposal.reason),) if proposal.reason else ()),
            ("outcome", _describe_outcome(proposal).partition(" ")[2]),
            *((name.replace("_", " "), described[name]) for name in times if described[name]),
            *(("count", line) for line in describe_counts(counts)),
        ]
    )
    rows = [(voice["entry"], voice["member"], voice["says"], voice["reason"]) for voice in voices]
    table = make_table(("entry", "member", "says", "reason"), rows, right=("entry",))
    show(
        document,
        f"{number}: {proposal.title}",
        facts,
        "",
        table if rows else "Nobody has voted yet.",
        as_json=as_json,
    )


@app.command
def vote(
    number: ProposalNumber,
    choice: Annotated[Literal["yes", "no", "abstain"], Parameter(name="CHOICE", help="The ballot, final.")],
    /,
    *,
    speakers: Annotated[
        tuple[str, ...],
        Parameter(
            name="--as",
            metavar="MEMBER",
            negative="",
            show_default=False,
            help="Member who votes, by id; may be given again, or `all` for everybody who has not voted. In a member's own "
            "folder it is that member.",
        ),
    ] = (),
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Cast a ballot. It is signed with the member's own key, and it is final."""
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.cli.record import find_proposal
    from hansa.coalition import Ballot

    with open_desk(folder) as desk:
        proposal = find_proposal(desk.state, number)
        names = speakers or (name_speaker(desk, None),)
        names = _list_outstanding(desk, number) if ALL in names else names
        counted = _cast(desk, number, names, Ballot(proposal=proposal.id, choice=choice, reason=reason))
        proposal = find_proposal(desk.state, number)
        outcome = _describe_outcome(proposal)
    document = {"entry": number, "choice": choice, "counted": counted, "outcome": proposal.outcome}
    if not counted:
        text = f"Nobody is left to vote on proposal {number}."
    elif len(counted) == 1:
        text = f"`{counted[0]}` votes {choice} on proposal {number}."
    else:
        text = f"{len(counted)} members vote {choice} on proposal {number}."
    show(document, text, f"The proposal {outcome}.", as_json=as_json)


@app.command
def recuse(
    number: ProposalNumber,
    /,
    *,
    speaker: Speaker = None,
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Step aside: the member counts neither above nor below the line."""
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.cli.record import find_proposal
    from hansa.coalition import Recuse

    with open_desk(folder) as desk:
        name = name_speaker(desk, speaker)
        proposal = find_proposal(desk.state, number)
        entry = desk.say(name, Recuse(proposal=proposal.id, reason=reason))
        desk.settle()
        proposal = find_proposal(desk.state, number)
    document = {"entry": entry, "proposal": number, "member": name, "outcome": proposal.outcome}
    text = f"`{name}` is recused from proposal {number} (entry {entry})."
    show(document, text, as_json=as_json)


@app.command
def withdraw(
    number: ProposalNumber, /, *, speaker: Speaker = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Take an own proposal back, as long as it is open."""
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.cli.record import find_proposal
    from hansa.coalition import Withdraw

    with open_desk(folder) as desk:
        proposal = find_proposal(desk.state, number)
        entry = desk.say(name_speaker(desk, speaker), Withdraw(proposal=proposal.id))
        desk.settle()
    document = {"entry": entry, "proposal": number, "outcome": "withdrawn"}
    show(document, f"Proposal {number} is withdrawn (entry {entry}).", as_json=as_json)


def _list_outstanding(desk: Desk, number: int) -> tuple[str, ...]:
    """Return the electors that have neither voted nor stepped aside and can speak here."""
    from hansa.cli.record import find_proposal

    proposal = find_proposal(desk.state, number)
    active = {*desk.voices}
    return tuple(
        elector.member
        for elector in proposal.electorate
        if elector.member in active
        and elector.member not in proposal.ballots
        and elector.member not in proposal.recused
    )


def _cast(desk: Desk, number: int, names: Sequence[str], ballot: Ballot) -> list[str]:
    """Let one member after another vote; an early decision ends it.

    Raises:
        SeveralRefused: all that were refused, after the others were counted.
    """
    from hansa.cli.failure import SeveralRefused
    from hansa.cli.record import find_proposal
    from hansa.errors import Refused

    counted: list[str] = []
    refused: list[Refused] = []
    for name in names:
        if counted and find_proposal(desk.state, number).outcome != "open":
            break
        try:
            desk.say(name, ballot)
            counted.append(name)
        except Refused as refusal:
            refused.append(Refused(refusal.rule, [f"`{name}`: {reason}" for reason in refusal.reasons]))
    if counted:
        desk.settle()
    if refused:
        raise SeveralRefused(refused, *([f"counted nevertheless: {', '.join(counted)}"] if counted else []))
    return counted


def _describe_outcome(proposal: ProposalRecord) -> str:
    """Say where a proposal stands: the end of a sentence about it."""
    from hansa.transparency import format_instant

    match proposal.outcome:
        case "open":
            return f"is open until {format_instant(proposal.closes_at)}"
        case "passed":
            return f"has passed, and takes effect at {format_instant(proposal.effect_at)}"
        case "failed" | "no_quorum":
            return f"has {proposal.outcome.replace('_', ' ')}"
        case "void":
            return "is void: it passed, and could not take effect"
        case outcome:
            return f"is {outcome.replace('_', ' ')}"
