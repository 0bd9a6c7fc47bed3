"""`hansa log`: read the record, move its clock, prove an entry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from hansa.cli.options import HERE, AsJson, Folder, read_duration
from hansa.cli.printing import make_table, show

app = App(name="log", help="Read the record, move its clock, prove an entry.")


@app.command(name="show")
def show_log(
    *,
    start: Annotated[int, Parameter(validator=Number(gte=0), help="Number of the first entry shown.")] = 0,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the entries, one line each."""
    from hansa.cli.record import read_state
    from hansa.rehearsal.gathering import describe_entries

    record, state = read_state(folder)
    entries = describe_entries(record.leaves, state.proposals)[start:]
    for entry in entries:
        if entry["kind"] == "run_close":
            entry["text"] = _describe_close(record.leaves[entry["index"]])
    rows = [(entry["index"], entry["at"], entry["author"], entry["text"]) for entry in entries]
    table = make_table(("entry", "at", "author", "what"), rows, right=("entry",))
    text = table if rows else f"The log has {state.size} entries; there is none from {start} on."
    show({"size": state.size, "entries": entries}, text, as_json=as_json)


def _describe_close(leaf: bytes) -> str:
    """Say how a run ended, and from which round on each member's numbers are in no total."""
    from hansa.coalition import RunClose, parse_entry
    from hansa.transparency import parse_leaf

    body = parse_entry(parse_leaf(leaf).envelope).body
    assert isinstance(body, RunClose)  # the caller looked at its kind
    without = [f", without {name} from round {first} on" for name, first in sorted(body.dropped.items())]
    return f"closes the run: {body.status}{''.join(without)}"


@app.command
def tick(
    *,
    forward: Annotated[
        int,
        Parameter(
            converter=read_duration,
            metavar="DURATION",
            show_default=False,
            help="First put this folder's clock forward by so much, such as `90s`, `5m`, `72h` or `8d`.",
        ),
    ] = 0,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Note the time on the log, so that what is due happens.

    With --forward time is only pretended: this is how one machine tries out what takes a coalition days.
    Between houses nobody could do it, because no member cosigns a log whose clock is off.
    """
    from hansa.coalition import Tick
    from hansa.governance.spelling import format_duration
    from hansa.rehearsal import Stage
    from hansa.transparency import format_instant

    with Stage.open(folder) as stage:
        before = {proposal.number: proposal.outcome for proposal in stage.state.proposals_in_order}
        noted = stage.state.size
        if forward:
            stage.forward(forward)
        if stage.state.size == noted:  # a small step forward is not noted by itself
            stage.say(stage.active[0].member, Tick())
            stage.settle()
        state = stage.state
    changed = [
        {"entry": p.number, "title": p.title, "was": before[p.number], "outcome": p.outcome}
        for p in state.proposals_in_order
        if p.outcome != before[p.number]
    ]
    at = format_instant(state.at)
    document = {"at": at, "entries": state.size, "forward_seconds": forward, "changed": changed}
    pretended = f"The clock of this folder was put forward by {format_duration(forward)}."
    lines = [
        f"Proposal {c['entry']}, {c['title']}: {c['was']} → {c['outcome']}".replace("_", " ") for c in changed
    ]
    first = [pretended] if forward else []
    show(document, *first, f"The log's clock stands at {at}.", *lines, as_json=as_json)


@app.command
def proof(
    number: Annotated[int, Parameter(name="NUMBER", validator=Number(gte=0), help="Number of the entry.")],
    /,
    *,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Print a receipt: proof, to be checked offline, that an entry is in the log (C2SP tlog-proof).

    The receipt goes with the entry's bytes, which --json prints too, and names no other entry.
    """
    from hansa.cli.record import read_record
    from hansa.coalition import audit_log
    from hansa.errors import Refused
    from hansa.transparency import (
        ED25519,
        NoteKey,
        Receipt,
        encode_base64,
        parse_note,
        prove_inclusion,
        verify_receipt,
    )

    record = read_record(folder)
    state = audit_log(record.leaves, record.note_text).state
    if number >= len(record.leaves):
        raise Refused(
            "proof.number", f"the log has {len(record.leaves)} entries, numbered from 0; got {number}"
        )
    receipt = Receipt(number, prove_inclusion(record.leaf_hashes, number), parse_note(record.note_text))
    log_key = NoteKey(state.charter.origin, ED25519, state.log_key)
    verify_receipt(receipt, record.leaves[number], log_key)
    text = receipt.encode()
    document = {
        "entry": number,
        "leaf": encode_base64(record.leaves[number]),
        "log_key": log_key.encode(),
        "receipt": text,
    }
    if as_json:
        show(document, as_json=True)
    else:
        print(text, end="")  # noqa: T201 - bytes for a file: nothing may wrap them


@app.command
def restore(
    mirrors: Annotated[
        tuple[Path, ...],
        Parameter(name="MIRROR", negative="", help="Published logs, such as members' mirrors."),
    ],
    /,
    *,
    into: Annotated[
        str,
        Parameter(
            metavar="LOG", help="The hub's log: its file, or the address of its database, `postgresql://…`."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Bring a hub's log up to the longest of its members' mirrors, or make it anew from that.

    For a hub that lost its log, or has only an older backup of it, and for one that moves to another database.
    Every mirror is replayed first, and nothing is taken that is not signed and does not follow. Name as many
    members' mirrors as there are: what is in none of them is lost.
    """
    from hansa.hub import restore_log

    restored = restore_log(into, mirrors)
    new = restored.after - restored.before
    document = {
        "before": restored.before,
        "after": restored.after,
        "from": str(restored.mirror),
        "coalition": restored.audit.state.coalition,
        "final": restored.audit.is_final,
    }
    told = (
        f"{new} entries came from {restored.mirror}; the log has {restored.after}."
        if new
        else f"The log has {restored.after} entries; no mirror has one more."
    )
    show(document, told, as_json=as_json)
