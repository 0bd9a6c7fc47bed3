"""`hansa hub handover`: another hub continues the log, because enough members sign so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hansa.cli.options import ALL, HERE, AsJson, Folder, Speaker
from hansa.cli.printing import make_facts, show, suggest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hansa.coalition import Handover, State
    from hansa.transparency import Envelope

app = App(name="handover", help="Let another hub continue the log.")

Instead = Annotated[
    bool, Parameter(negative="", help="Although another handover was signed before, which is then dead.")
]
HandoverPath = Annotated[Path, Parameter(name="FILE", help="The handover, as it is passed around.")]


@app.command
def draft(
    *,
    output: Annotated[Path, Parameter(help="Where the handover goes.")],
    speaker: Speaker = None,
    addresses: Annotated[
        tuple[str, ...],
        Parameter(
            name="--address",
            metavar="URL",
            negative="",
            help="Where the new hub will be; may be given again.",
        ),
    ] = (),
    instead: Instead = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw a key for the next hub, and write the handover to it that the members are asked to sign.

    Who signs cosigns nothing more of the present hub. Nothing comes between: if the log goes on meanwhile, draft again.
    """
    from hansa.cli.desk import name_speaker
    from hansa.errors import Refused
    from hansa.rehearsal import Stage
    from hansa.rehearsal.succession import draft_succession

    if output.exists():
        raise Refused("handover.exists", f"`{output}` is there already; name another file with `--output`")
    with Stage.open(folder) as stage:
        member = name_speaker(stage, speaker)
        envelope = draft_succession(stage, member, addresses, instead=instead)
        document, facts = _describe(stage.state, envelope)
    _write(output, envelope)
    after = suggest(f"hub handover sign {output} --as MEMBER", folder)
    show(document | {"file": str(output)}, facts, after, as_json=as_json)


@app.command
def sign(
    file: HandoverPath,
    /,
    *,
    speakers: Annotated[
        tuple[str, ...],
        Parameter(
            name="--as",
            metavar="MEMBER",
            negative="",
            help="Member who signs, by id; may be given again, or `all` for every active member.",
        ),
    ],
    instead: Instead = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Sign a handover, and cosign nothing more of the present hub from now on.

    Refused when it does not follow on what this member has seen, or would drop something that it saw final.
    """
    from hansa.rehearsal import Stage
    from hansa.rehearsal.succession import sign_succession

    envelope = _read(file)
    with Stage.open(folder) as stage:
        names = [actor.member for actor in stage.active] if ALL in speakers else speakers
        envelope = sign_succession(stage, envelope, names, instead=instead)
        document, facts = _describe(stage.state, envelope)
    _write(file, envelope)
    show(document, facts, as_json=as_json)


@app.command(name="show")
def show_handover(file: HandoverPath, /, *, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what a handover says, and who has signed it."""
    from hansa.cli.record import read_state

    document, facts = _describe(read_state(folder)[1], _read(file))
    show(document, facts, as_json=as_json)


@app.command
def take(file: HandoverPath, /, *, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Let the next hub of this folder take over, and every member turn to it.

    What the present hub has put in order since the handover was drafted, and what was never final, is left out.
    """
    from hansa.rehearsal.succession import succeed

    number = succeed(folder, _read(file))
    text = f"The log goes on with another hub (entry {number}); the one before lies in `hub.before-{number}`."
    show({"entry": number}, text, as_json=as_json)


def _describe(state: State, envelope: Envelope) -> tuple[dict[str, object], RenderableType]:
    from hansa.coalition import cosignatures_needed, list_signers, read_handover

    body: Handover = read_handover(envelope)
    signers, needed = list_signers(state, envelope), cosignatures_needed(state)
    document: dict[str, object] = {
        "size": body.size,
        "root": body.root,
        "log_key": body.key,
        "addresses": body.addresses,
        "signed_by": list(signers),
        "signatures_needed": needed,
    }
    facts = make_facts(
        [
            ("follows on", f"{body.size} entries"),
            ("root", body.root),
            ("log key", body.key),
            *(("address", address) for address in body.addresses),
            ("signed", f"by {len(signers)} members ({', '.join(signers)}), {needed} needed"),
        ]
    )
    return document, facts


def _read(path: Path) -> Envelope:
    from hansa.cli.memberfile import read_text
    from hansa.coalition import parse_handover
    from hansa.transparency import canonical

    return parse_handover(canonical.parse(read_text(path).removesuffix("\n").encode()))[0]


def _write(path: Path, envelope: Envelope) -> None:
    from hansa.store import write_atomically
    from hansa.transparency import canonical

    write_atomically(path, canonical.encode(envelope.to_json()) + b"\n")
