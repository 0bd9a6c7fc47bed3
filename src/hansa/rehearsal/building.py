"""A street is built: its hub, its database, a house for every founder; and all of them sign, through the hub."""

import json
import shutil
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from hansa import entropy
from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import HubFolder, describe_member, init_hub, open_lobby
from hansa.hub.folder import write_private
from hansa.node.founding import Founding, name_coalition
from hansa.node.house import House, make_house
from hansa.node.invitation import parse_invitation
from hansa.rehearsal.actor import Founder
from hansa.rehearsal.play import Cast
from hansa.rehearsal.process import await_ready
from hansa.rehearsal.server import DatabaseKind
from hansa.rehearsal.stage import describe_founder
from hansa.rehearsal.street import (
    BEGIN_SECONDS,
    HOST,
    STREET_FILE,
    Street,
    StreetSettings,
    make_database_process,
    make_hub_process,
    place_house,
    place_server,
    stop_street,
)
from hansa.store import write_atomically
from hansa.transparency import PublicKey, SigningKey, canonical

_LONGEST_SOCKET: Final = 103


def choose_database(folder: Path, asked: DatabaseKind | None) -> tuple[DatabaseKind, str]:
    """Return where a street's log will lie, and a sentence that says so and why.

    Args:
        folder: the street's, which exists.
        asked: what somebody wants; None for PostgreSQL where it can be had, else SQLite.

    Raises:
        Unavailable: PostgreSQL is wanted, and cannot be had.
    """
    if asked == "sqlite":
        return "sqlite", "its log is in SQLite, as was asked"
    server = place_server(folder)
    absence = server.explain_absence()
    if absence is None:
        return (
            "postgresql",
            f"its log is in PostgreSQL, a server of its own in `{folder / server.folder.name}`",
        )
    if asked == "postgresql":
        raise Unavailable(f"the log cannot be in PostgreSQL: {absence}")
    return "sqlite", f"its log is in SQLite: {absence}"


def build_street(folder: Path, cast: Cast, port: int, database: DatabaseKind = "sqlite") -> Street:
    """Make the folders of a hub and of every member, and let all founders sign, through the hub.

    Args:
        folder: empty, or one in which this was interrupted before; the caller holds its `StreetLock`.
        cast: who and what; its drama is not played.
        port: of the hub, on this machine.
        database: where the log lies.

    Raises:
        Refused: `street.path`, its name is too long; what the fold says of the charter and the founders.
        Unavailable: the port is taken, there can be no such database, a process ends, or the disk fails.
    """
    _clear(folder)
    longest = max((founder.id for founder in cast.founders), key=len)
    socket_path = place_house(folder, longest) / "node.sock"
    if len(str(socket_path).encode()) > _LONGEST_SOCKET:
        raise Refused(
            "street.path",
            f"`{socket_path}` is too long for a socket, of which the system allows {_LONGEST_SOCKET} bytes; name a folder "
            "with a shorter path",
        )
    _verify_free(port)
    try:
        for name in ("houses", "invitations", "processes"):
            (folder / name).mkdir(mode=0o700)
        hub = _make_hub(folder, port, database)
        invitations = _invite(hub, cast, folder / "invitations")
        process = make_hub_process(folder)
        process.begin()
        await_ready([process], BEGIN_SECONDS)
        _sign_together(folder, invitations, {founder.id: founder for founder in cast.founders})
        settings = StreetSettings(
            lead=cast.lead,
            members=tuple(sorted(founder.id for founder in cast.founders)),
            plan=cast.plan.to_json(),
            database=database,
        )
        text = json.dumps(settings.model_dump(mode="json"), indent=1) + "\n"
        write_atomically(folder / STREET_FILE, text.encode())
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be written: {error.strerror}") from error
    return Street(folder)


def _make_hub(folder: Path, port: int, database: DatabaseKind) -> HubFolder:
    """Make the hub's folder, and the server for its log."""
    hub, addresses = folder / "hub", [f"https://{HOST}:{port}"]
    if database == "sqlite":
        return init_hub(hub, addresses, None)
    server, process = place_server(folder), make_database_process(folder)
    server.initialise()
    process.begin()
    await_ready([process], BEGIN_SECONDS)
    return init_hub(hub, addresses, None, log=server.address(), blobs=str(hub.resolve() / "blobs"))


def _clear(folder: Path) -> None:
    """Remove what an interrupted building left in a folder."""
    stop_street(folder)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _verify_free(port: int) -> None:
    """Check that nobody listens at a port of this machine.

    Raises:
        Unavailable: somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Unavailable(
                f"port {port} of this machine cannot be had: {error.strerror}; name another one with `--port`"
            ) from None


def _invite(hub: HubFolder, cast: Cast, place: Path) -> Mapping[str, bytes]:
    """Begin the founding at the hub, and write an invitation for each founder."""
    nobody = SigningKey.from_seed(bytes(32))  # a member is described without its key here
    members = [describe_member(describe_founder(founder, nobody)) for founder in cast.founders]
    invitations = {
        name: canonical.encode(invitation)
        for name, invitation in open_lobby(hub, cast.charter, members, cast.lead).items()
    }
    for name, invitation in invitations.items():
        write_private(place / f"{name}.json", invitation)
    return invitations


def _sign_together(folder: Path, invitations: Mapping[str, bytes], founders: Mapping[str, Founder]) -> None:
    """Let every founder make its house and key, bring the key, compare, and sign.

    Raises:
        Refused: `founding.payload`, what the hub wants signed is not what was agreed, or has other keys.
        Unavailable: the hub cannot be reached.
    """
    houses: dict[str, House] = {}
    keys: dict[str, PublicKey] = {}
    with ExitStack() as open_ones:
        foundings = []
        for name, data in invitations.items():
            invitation = parse_invitation(data)
            houses[name], key = make_house(
                place_house(folder, name),
                invitation.settings,
                invitation=data,
                passphrase=None,
                data=founders[name].data,
                mapping=founders[name].mapping,
                draw=entropy.draw,
            )
            keys[name] = key.public
            foundings.append(open_ones.enter_context(Founding(invitation, key)))
        for founding in foundings:
            progress = founding.bring_key()
        payload = progress.payload
        if payload is None:
            raise Malformed("hub.answer", "all keys are at the hub, and it has nothing to be signed")
        for founding in foundings:
            # Elsewhere each asks on its own, and people compare the keys by telephone.
            if founding.verify(payload) != keys:
                raise Refused("founding.payload", "the hub shows other keys than were made in the houses")
            progress = founding.sign(payload)
    coalition = name_coalition(payload)
    if progress.coalition != coalition:
        raise Malformed("hub.answer", "all have signed, and the hub has not founded the coalition")
    for house in houses.values():
        house.change(coalition=coalition)
