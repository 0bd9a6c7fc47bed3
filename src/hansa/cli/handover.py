"""`hansa hub handover`: another hub continues the log, because enough members sign so."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hansa.cli.options import ALL, HERE, AsJson, Folder, Speaker, stop
from hansa.cli.printing import make_facts, show, suggest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hansa.coalition import Handover, State
    from hansa.transparency import Envelope

app = App(name="handover", help="Let another hub continue the log.")

Instead = Annotated[
    bool, Parameter(negative="", help="Although another handover was signed before, which is then dead.")
]
Drop = Annotated[
    bool,
    Parameter(
        negative="",
        help="Although it gives up entries that this member cosigned, and that others may have seen final.",
    ),
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
    hub: Annotated[
        Path | None, Parameter(name="--hub", help="In a house: new folder for the next hub, for its key.")
    ] = None,
    instead: Instead = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw a key for the next hub, and write the handover to it that the members are asked to sign.

    Who signs cosigns nothing more of the present hub. Nothing comes between: if the log goes on meanwhile, draft again.
    """
    from rich.text import Text

    from hansa.cli.desk import HouseDesk, name_speaker, open_desk
    from hansa.errors import Refused
    from hansa.rehearsal.succession import draft_succession, draw_log_key

    if output.exists():
        raise Refused("handover.exists", f"`{output}` is there already; name another file with `--output`")
    with open_desk(folder) as desk:
        member = name_speaker(desk, speaker)
        if isinstance(desk, HouseDesk):
            if hub is None:
                stop("`--hub` is missing: a new folder for the next hub, where its key is drawn")
            log_key = draw_log_key(hub)
            envelope = desk.node.draft_handover(log_key.public, addresses, instead=instead).sign(log_key)
        else:
            envelope = draft_succession(desk, member, addresses, instead=instead)
        document, facts = _describe(desk.state, envelope)
    _write(output, envelope)
    if hub is None:
        after = suggest(f"hub handover sign {output} --as MEMBER", folder)
    else:  # the others sign in houses of their own
        after = Text("next, each of the other members where its house is: ", style="dim") + Text(
            f"hansa hub handover sign {shlex.quote(str(output))}"
        )
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
    ] = (),
    instead: Instead = False,
    drop: Drop = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Sign a handover, and cosign nothing more of the present hub from now on.

    Refused when it does not follow on what this member has seen, or would drop something that it saw final or cosigned.
    """
    from hansa.cli.desk import HouseDesk, name_speaker, open_desk
    from hansa.rehearsal.succession import sign_succession

    envelope = read_handover_file(file)
    with open_desk(folder) as desk:
        if isinstance(desk, HouseDesk):
            envelope = desk.node.sign_handover(envelope, instead=instead, drop=drop)
        else:
            names = desk.voices if ALL in speakers else speakers or (name_speaker(desk, None),)
            envelope = sign_succession(desk, envelope, names, instead=instead, drop=drop)
        document, facts = _describe(desk.state, envelope)
    _write(file, envelope)
    show(document, facts, as_json=as_json)


@app.command(name="show")
def show_handover(file: HandoverPath, /, *, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what a handover says, and who has signed it."""
    from hansa.cli.record import read_state

    document, facts = _describe(read_state(folder)[1], read_handover_file(file))
    show(document, facts, as_json=as_json)


@app.command
def take(file: HandoverPath, /, *, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Let the next hub of this folder take over, and every member turn to it; or turn this house to another hub.

    In a house the new hub has to run. Its node may be at work, unless it has followed the present hub beyond the handover; then stop it first. What the present hub has put in order since the handover was drafted, and what was never final, is left out.
    """
    from hansa.node.house import House, is_house
    from hansa.node.intercom import Intercom
    from hansa.node.remote import fetch_authority
    from hansa.node.succession import turn_to_hub
    from hansa.rehearsal.succession import succeed

    envelope = read_handover_file(file)
    if is_house(folder):
        house = House(folder)
        intercom = Intercom(house)
        if is_running := intercom.is_answered():
            addresses = intercom.turn_to_hub(envelope)
        else:
            addresses = turn_to_hub(house, envelope, fetch_authority)
        after = suggest("node status" if is_running else "node up", folder)
        text = f"This house turns to the hub at {', '.join(addresses)}."
        show({"addresses": list(addresses)}, text, after, as_json=as_json)
        return
    number = succeed(folder, envelope)
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


def read_handover_file(path: Path) -> Envelope:
    """Read a handover as it is passed around; no signature is verified yet."""
    from hansa.cli.memberfile import read_text
    from hansa.coalition import parse_handover
    from hansa.transparency import canonical

    return parse_handover(canonical.parse(read_text(path).removesuffix("\n").encode()))[0]


def _write(path: Path, envelope: Envelope) -> None:
    from hansa.store import write_atomically
    from hansa.transparency import canonical

    write_atomically(path, canonical.encode(envelope.to_json()) + b"\n")
