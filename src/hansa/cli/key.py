"""`hansa member key`: who may speak for a member, and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder, Speaker
from hansa.cli.passphrase import PassphraseFile, ask_passphrase
from hansa.cli.printing import make_table, show

if TYPE_CHECKING:
    from pathlib import Path

    from hansa.cli.desk import Desk

app = App(name="key", help="Grant, revoke and rotate a member's keys.")


def _check_name(_type: Any, value: object) -> None:  # noqa: ANN401 - the form of a validator
    from hansa.governance.spelling import is_slug

    if not is_slug(str(value)):
        raise ValueError("expected lower-case letters, digits and inner hyphens, at most 63, such as `clara`")


KeyName = Annotated[
    str, Parameter(name="NAME", validator=_check_name, help="What to call the key, such as `clara`.")
]


@app.command
def grant(
    name: KeyName,
    role: Annotated[
        Literal["viewer", "representative", "data-steward"],
        Parameter(
            name="ROLE",
            help="viewer: reads. representative: proposes, votes, brakes. data-steward: opens and ends runs, brakes, consents to columns.",
        ),
    ],
    /,
    *,
    speaker: Speaker = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Give one of a member's people a key of its own, for what the role may say and nothing else.

    Then `--as MEMBER/NAME` speaks with that key, where all keys lie in one folder.
    """
    from functools import partial

    from hansa.cli.desk import name_speaker, open_desk
    from hansa.rehearsal.keyring import grant_key

    with open_desk(folder) as desk:
        member = name_speaker(desk, speaker)
        number, path = grant_key(
            _find_home(desk, member),
            partial(desk.say, member),
            coalition=desk.state.coalition,
            member=member,
            name=name,
            role=role,
        )
        desk.settle()
    document = {"entry": number, "key": f"{member}/{name}", "role": role, "file": str(path)}
    show(document, f"`{member}/{name}` is a {role}'s (entry {number}); the key is `{path}`.", as_json=as_json)


@app.command
def revoke(
    name: KeyName, /, *, speaker: Speaker = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Take a key's role back, at once; what it signed before stands."""
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.coalition import Key

    with open_desk(folder) as desk:
        member = name_speaker(desk, speaker)
        number = desk.say(member, Key(act="revoke", name=name, role="", key="", proof=""))
        desk.settle()
    document = {"entry": number, "key": f"{member}/{name}"}
    show(document, f"`{member}/{name}` says nothing more (entry {number}).", as_json=as_json)


@app.command
def rotate(
    *,
    speaker: Speaker = None,
    passphrase_file: PassphraseFile = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Put a new main key in the place of the old one, which signs that; at once. It gets the passphrase of the old one.

    An open attempt at a run goes on without the member, because its sums are signed with the old key.
    """
    from hansa.cli.desk import HouseDesk, name_speaker, open_desk
    from hansa.rehearsal.keyring import rotate_key

    with open_desk(folder) as desk:
        member = name_speaker(desk, speaker)
        if isinstance(desk, HouseDesk):
            number = desk.rotate_key(
                member, lambda: ask_passphrase(passphrase_file, f"the key of `{member}`")
            )
        else:
            number = rotate_key(desk, member)
        key = desk.state.members[member].member.key
    document = {"entry": number, "member": member, "key": key}
    show(document, f"`{member}` has the main key `{key}` (entry {number}).", as_json=as_json)


@app.command(name="list")
def list_keys(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List all keys that may or might speak for a member."""
    from hansa.cli.record import read_state

    _, state = read_state(folder)
    keys: list[dict[str, Any]] = []
    for member, record in sorted(state.members.items()):
        keys.append({"id": member, "role": "main", "status": record.status, "key": record.key.encode()})
        keys += [
            {"id": member, "role": "main", "status": "retired", "key": key.encode()} for key in record.retired
        ]
        keys += [
            {
                "id": f"{member}/{delegate.name}",
                "role": delegate.role,
                "status": "revoked" if delegate.is_revoked else record.status,
                "key": delegate.key.encode(),
            }
            for delegate in record.delegates.values()
        ]
    rows = [tuple(key[column] for column in ("id", "role", "status", "key")) for key in keys]
    show({"keys": keys}, make_table(("id", "role", "status", "key"), rows), as_json=as_json)


def _find_home(desk: Desk, member: str) -> Path:
    from hansa.rehearsal import Stage

    return desk.actor(member).folder if isinstance(desk, Stage) else desk.folder
