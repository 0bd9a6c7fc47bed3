"""`hansa log`: read the record, move its clock, prove an entry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from hansa.cli.options import HERE, AsJson, Folder, read_duration
from hansa.cli.printing import make_table, open_console, show

if TYPE_CHECKING:
    from hansa.cli.record import Record
    from hansa.coalition import Comparison

app = App(name="log", help="Read the record, move its clock, prove an entry, compare heads.")


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
    from hansa.cli.desk import open_desk
    from hansa.coalition import Tick
    from hansa.errors import Refused
    from hansa.governance.spelling import format_duration
    from hansa.rehearsal import Stage
    from hansa.transparency import format_instant

    with open_desk(folder) as desk:
        before = {proposal.number: proposal.outcome for proposal in desk.state.proposals_in_order}
        noted = desk.state.size
        if forward and not isinstance(desk, Stage):
            raise Refused("clock.forward", "between houses nobody puts the clock forward; time has to pass")
        if forward and isinstance(desk, Stage):
            desk.forward(forward)
        if desk.state.size == noted:  # a small step forward is not noted by itself
            desk.say(desk.voices[0], Tick())
            desk.settle()
        state = desk.state
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
def head(
    *,
    output: Annotated[Path | None, Parameter(help="A file for it; printed when left out.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Give the newest head of the log that this folder has, signed, for another member to compare with its own."""
    from hansa.cli.record import read_record
    from hansa.errors import Unavailable
    from hansa.store import write_atomically
    from hansa.transparency import parse_checkpoint, parse_note

    text = read_record(folder).note_text
    size = parse_checkpoint(parse_note(text).body).size
    document = {"entries": size, "head": text, "file": None if output is None else str(output)}
    if output is not None:
        try:
            write_atomically(output, text.encode())
        except OSError as error:
            raise Unavailable(f"`{output}` cannot be written: {error.strerror}") from error
        show(document, f"The head of {size} entries is in `{output}`.", as_json=as_json)
    elif as_json:
        show(document, as_json=True)
    else:
        print(text, end="")  # noqa: T201 - bytes for a file: nothing may wrap them


@app.command
def compare(
    other: Annotated[
        Path, Parameter(name="OTHER", help="Another member's head, or its published log or coalition folder.")
    ],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Where evidence of a fork goes; `fork-SIZE.json` when left out.")
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> int:
    """Hold another member's head against the log in this folder; needs no hub.

    Exit code 0: nothing contradicts anything. 4: the hub shows different logs to different members; the evidence is written to a file
    that anybody can check with `hansa verify`.
    """
    from hansa.cli.failure import EXIT_CODES, Failure, Reason
    from hansa.cli.record import read_record

    own = read_record(folder)
    found = _compare(own, other)
    document: dict[str, object] = {
        "verdict": found.verdict,
        "entries": found.size,
        "own_entries": found.own_size,
        "evidence": None,
    }
    if found.fork is None:
        show(document, _describe_comparison(found), as_json=as_json)
        return 0
    path = output or Path(f"fork-{min(found.size, found.own_size)}.json")
    _write_new(path, found.fork.encode())
    reason = (
        f"the log has signed two heads, of {found.size} and of {found.own_size} entries, that contradict each other; the evidence is "
        f"`{path}`, for `hansa verify`"
    )
    failure = Failure("refused", (Reason("log.fork", reason),))
    if as_json:
        show(document | {"evidence": str(path)} | failure.to_json(), as_json=True)
    else:
        failure.print(open_console(stderr=True))
    return EXIT_CODES["refused"]


def _compare(own: Record, path: Path) -> Comparison:
    """Compare from the side of whoever has more entries: a head alone does not show what stands under it."""
    from dataclasses import replace

    from hansa.cli.memberfile import read_text
    from hansa.cli.record import read_record
    from hansa.coalition import compare_head

    if path.is_file() and path.suffix != ".sqlite":
        return compare_head(own.leaves, own.note_text, read_text(path))
    other = read_record(path)
    if len(other.leaves) <= len(own.leaves):
        return compare_head(own.leaves, own.note_text, other.note_text)
    found = compare_head(other.leaves, other.note_text, own.note_text)
    return replace(
        found,
        verdict="continues" if found.verdict == "behind" else found.verdict,
        size=found.own_size,
        own_size=found.size,
    )


def _describe_comparison(found: Comparison) -> str:
    match found.verdict:
        case "same":
            return f"Both have the same log of {found.size} entries."
        case "behind":
            return (
                f"Their log of {found.size} entries is the beginning of this one, which has {found.own_size}."
            )
        case "continues":
            return f"Their log of {found.size} entries continues this one, which has {found.own_size}."
        case "ahead":
            return (
                f"Their log has {found.size} entries, this one {found.own_size}; whether one continues the other is seen when this one has "
                "caught up, or when they compare with `hansa log head` of this one."
            )
        case _:
            return (
                f"Their head of {found.size} entries is signed with a key that the log was handed over from: that hub goes on, and "
                "nothing that it signs counts."
            )


def _write_new(path: Path, data: bytes) -> None:
    from hansa.errors import Refused, Unavailable
    from hansa.store import write_atomically

    if path.exists() and path.read_bytes() != data:
        raise Refused("compare.exists", f"`{path}` is there already; name another file with `--output`")
    try:
        write_atomically(path, data)
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error


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
