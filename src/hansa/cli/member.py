"""`hansa member`: who belongs, who leaves, who would like to join."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from hansa.cli import key
from hansa.cli.options import HERE, AsJson, Folder, Reason, Speaker
from hansa.cli.printing import make_facts, make_table, show, suggest

if TYPE_CHECKING:
    from hansa.cli.record import Record
    from hansa.coalition import EvidenceRecord, MemberRecord, State
    from hansa.governance import Budget

app = App(name="member", help="See who belongs, leave, prepare a newcomer, or hand out keys.")


@app.command(name="list")
def list_members(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List everybody who is or was a member."""
    from hansa.cli.record import read_state

    record, state = read_state(folder)
    members = [_describe(known, record) for _, known in sorted(state.members.items())]
    rows = [(m["id"], m["status"], m["class"], m["country"], m["weight"], m["name"]) for m in members]
    columns = ("id", "status", "class", "country", "weight", "name")
    show({"members": members}, make_table(columns, rows, right=("weight",)), as_json=as_json)


@app.command(name="show")
def show_member(
    member: Annotated[str, Parameter(name="MEMBER", help="The member's id.")],
    /,
    *,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show one member: its standing, its key, and what it has said."""
    from hansa.cli.record import read_state
    from hansa.errors import Refused
    from hansa.rehearsal.gathering import describe_entries

    record, state = read_state(folder)
    known = state.members.get(member)
    if known is None:
        raise Refused("author.unknown", f"`{member}` is not a member; see `hansa member list`")
    said = [e for e in describe_entries(record.leaves, state.proposals) if e["author"] == member]
    described = _describe(known, record)
    evidence = [_describe_evidence(shown, state) for shown in state.evidence if shown.member == member]
    document = {**described, "evidence": evidence, "entries": said}
    facts = make_facts(
        [
            *(described | {"budget": _spell_budget(known.member.budget)}).items(),
            *(("evidence", _spell_evidence(shown)) for shown in evidence),
        ]
    )
    table = make_table(
        ("entry", "at", "said"), [(e["index"], e["at"], e["text"]) for e in said], right=("entry",)
    )
    show(document, facts, "", table if said else "It has said nothing yet.", as_json=as_json)


@app.command
def leave(
    *, speaker: Speaker = None, reason: Reason = "", folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Leave the coalition, at once and without asking anybody.

    From the next round on no run uses the leaver's data; the exit terms of the charter begin.
    """
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.coalition import Leave
    from hansa.governance.spelling import format_duration

    with open_desk(folder) as desk:
        name = name_speaker(desk, speaker)
        entry = desk.say(name, Leave(reason=reason))
        desk.settle()
        terms = desk.state.charter.exit
        left = len(desk.state.active_members)
    document = {
        "member": name,
        "entry": entry,
        "members_left": left,
        "notice_seconds": terms.notice_seconds,
        "models_already_released": terms.models_already_released,
    }
    kept = "stay in use" if terms.models_already_released == "keep" else "are stopped"
    text = (
        f"`{name}` has left (entry {entry}); {left} members remain. The charter gives a notice of "
        f"{format_duration(terms.notice_seconds)}; models already released {kept}."
    )
    show(document, text, as_json=as_json)


@app.command
def enrol(
    newcomer: Annotated[
        Path, Parameter(name="NEWCOMER", help="The newcomer, YAML: id, name, country, class, weight, data.")
    ],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Where the admission goes; `admission-ID.json` when left out.")
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Give a newcomer a key and a folder, and write the admission that it signed.

    The newcomer is no member yet: a member proposes the admission, and the others vote.
    """
    from hansa.cli.memberfile import read_newcomer
    from hansa.errors import Refused
    from hansa.governance import consent_message
    from hansa.rehearsal import Stage
    from hansa.transparency import encode_base64

    with Stage.open(folder) as stage:
        state = stage.state
        founder = read_newcomer(newcomer, state.charter)
        if founder.id in state.members:
            raise Refused(
                "admit.known", f"the id `{founder.id}` is or was a member's; ids are never used again"
            )
        path = output or Path(f"admission-{founder.id}.json")
        if path.exists():
            raise Refused("enrol.exists", f"`{path}` is there already; name another file with `--output`")
        # Whoever was enrolled before keeps its key and signs again; it is a member only once it is admitted.
        member = stage.describe(founder) if founder.id in stage.actors else stage.enrol(founder)
        consent = stage.actor(member.id).key.sign(consent_message(state.coalition, member))
    effect = {"effect": "admit", "member": member.to_json(), "consent": encode_base64(consent)}
    path.write_text(json.dumps(effect, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    document = {
        "member": member.to_json(),
        "admission": str(path),
        "folder": str(stage.actor(member.id).folder),
    }
    text = f"{member.name} has a key, a folder, and an admission that it signed: `{path}`."
    show(document, text, suggest(f"proposal open admit {path} --as MEMBER", folder), as_json=as_json)


@app.command
def invite(
    newcomer: Annotated[
        Path, Parameter(name="NEWCOMER", help="The newcomer, YAML: id, name, country, class, weight.")
    ],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Where the invitation goes; `invitation-ID.json` when left out.")
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write an invitation for a newcomer on a machine of its own.

    It lets nobody in: the newcomer sends back the admission that it signs, a member proposes it, and the others vote.
    """
    from hansa.cli.desk import HouseDesk
    from hansa.cli.memberfile import draw_members, read_newcomer
    from hansa.errors import Refused
    from hansa.node.invitation import Invitation

    desk = HouseDesk(folder)
    state, settings = desk.state, desk.house.settings
    founder = read_newcomer(newcomer, state.charter)
    if founder.id in state.members:
        raise Refused("admit.known", f"the id `{founder.id}` is or was a member's; ids are never used again")
    (member,) = draw_members([founder])
    invitation = Invitation(
        kind="admit",
        hub=settings.hub,
        authority=settings.authority,
        log_key=state.log_key.encode(),
        coalition=state.coalition,
        charter=state.charter.to_json(),
        member={name: value for name, value in member.to_json().items() if name != "key"},
        members=(),
    )
    path = output or Path(f"invitation-{founder.id}.json")
    if path.exists():
        raise Refused("invite.exists", f"`{path}` is there already; name another file with `--output`")
    path.write_bytes(invitation.encode() + b"\n")
    document = {"member": founder.id, "invitation": str(path), "coalition": state.coalition}
    text = f"`{path}` invites {founder.name}. It holds no secret; on the newcomer's machine:"
    show(document, text, suggest(f"coalition join {path} --folder FOLDER --data TABLE"), as_json=as_json)


app.command(key.app)


def _describe(known: MemberRecord, record: Record) -> dict[str, Any]:
    from hansa.transparency import format_instant, parse_leaf

    return {
        "id": known.member.id,
        "name": known.member.name,
        "class": known.member.member_class,
        "country": known.member.country,
        "weight": known.member.voting_weight,
        "status": known.status,
        "since": format_instant(known.since or parse_leaf(record.leaves[0]).at),
        "key": known.member.key,
        "budget": None if known.member.budget is None else known.member.budget.to_json(),
        "entries_written": known.next_seq,
    }


def _describe_evidence(shown: EvidenceRecord, state: State) -> dict[str, Any]:
    return {
        "entry": shown.number,
        "attempt": state.runs[shown.run].number,
        "kind": shown.kind,
        "by": shown.author,
    }


def _spell_evidence(shown: dict[str, Any]) -> str:
    return (
        f"entry {shown['entry']}, brought by {shown['by']}: it signed two {shown['kind']}s in the attempt of entry "
        f"{shown['attempt']} that cannot both be honest"
    )


def _spell_budget(budget: Budget | None) -> str:
    return "none of its own" if budget is None else f"ε = {budget.epsilon}, δ = {budget.delta}"
