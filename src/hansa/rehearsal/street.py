"""The street: a hub and the houses of all members, each with a process of its own, side by side on one machine.

Nothing is played here: the processes are those of `hansa hub up` and `hansa node up`, they share nothing but HTTPS, and the
clock is everybody's. Only the keys lie unencrypted, because nobody is there to type 33 passphrases.

FOLDER/
  README.txt        what this is
  street.json       who lives here; written when the coalition is founded
  hub/              the hub's folder
  invitations/      as they were handed over
  houses/<member>/  each member's folder
  processes/        what the processes say
"""

import json
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from hansa import entropy
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import Plan, parse_plan
from hansa.governance.document import parse_document
from hansa.governance.spelling import Several, Slug
from hansa.governance.validation import Form, load_model
from hansa.hub import HubFolder, describe_member, init_hub, open_lobby
from hansa.hub.folder import write_private
from hansa.node.founding import Founding, name_coalition
from hansa.node.house import House, make_house
from hansa.node.invitation import parse_invitation
from hansa.rehearsal.actor import Founder
from hansa.rehearsal.play import Cast
from hansa.rehearsal.process import Process, await_ready, stop_all
from hansa.rehearsal.stage import README_FILE, describe_founder
from hansa.store import write_atomically
from hansa.store.lock import WriterLock
from hansa.transparency import PublicKey, SigningKey, canonical

STREET_FILE: Final = "street.json"
HOST: Final = "127.0.0.1"
BEGIN_SECONDS: Final = 60.0
"""For the hub, and as many again for every ten nodes."""

_LONGEST_SOCKET: Final = 103
_FIRST_LINE: Final = "A coalition in processes of its own, made by `hansa up`.\n"
_README: Final = (
    _FIRST_LINE
    + """
houses/      a member's side each: its key, its data, its mirror of the log, its private reports
hub/         the hub's side: the log, what runs left
processes/   what each process says, NAME.log

`hansa down` stops all processes, `hansa up` starts them again. All keys lie here unencrypted: it proves the mechanics,
nobody's consent.
"""
)


class StreetSettings(Form):
    """What `street.json` says."""

    format: Literal["hansa/v1/street"] = "hansa/v1/street"
    lead: Slug
    members: Annotated[Several[Slug], Field(min_length=2)]
    plan: Mapping[str, Any]


class Street:
    """A coalition that was founded with `build_street`. Use `open_street`.

    Args:
        folder: where.

    Raises:
        Unavailable: there is none.
        Malformed: its settings or its plan are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / STREET_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            raise Unavailable(f"`{folder}` holds no coalition that `hansa up` has made") from None
        settings = load_model(StreetSettings, parse_document(text, STREET_FILE), "street")
        self.lead = settings.lead
        self.plan: Plan = parse_plan(dict(settings.plan))
        self.houses = {name: House(folder / "houses" / name) for name in settings.members}
        self.hub = make_hub_process(folder)
        self.nodes = {name: _make_node_process(folder, name) for name in settings.members}

    @property
    def processes(self) -> tuple[Process, ...]:
        """All, the hub first."""
        return (self.hub, *self.nodes.values())

    @property
    def address(self) -> str:
        """Where the hub is."""
        return HubFolder(self.folder / "hub").settings.addresses[0]

    def begin(self) -> int:
        """Begin every process that does not run, and return how many those are.

        Raises:
            Unavailable: one ends at once, or does not get ready; it says why.
        """
        stopped = [process for process in self.processes if not process.is_alive]
        if self.hub in stopped:
            self.hub.begin()
            await_ready([self.hub], BEGIN_SECONDS)
        for process in stopped:
            process.begin()
        await_ready(stopped, BEGIN_SECONDS * (1 + len(stopped) / 10))
        return len(stopped)

    def verify_alive(self) -> None:
        """Check that the hub and the lead's node run.

        Raises:
            Unavailable: one has ended; with what it said last.
        """
        self.hub.is_ready()
        self.nodes[self.lead].is_ready()


class StreetLock:
    """The right to begin and to stop what runs in a street's folder, which is made. Use with `with`.

    Raises:
        Refused: `street.exists`, the folder holds something else.
        Unavailable: another command has it.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not is_street(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise Refused(
                "street.exists",
                f"`{folder}` holds something that `hansa up` has not made; name another folder",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not is_street(folder):
                (folder / README_FILE).write_text(_README, encoding="utf-8")
            self._lock = WriterLock(folder / STREET_FILE)
        except OSError as error:
            raise Unavailable(f"`{folder}` cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def is_street(folder: Path) -> bool:
    """Say whether a street was begun in a folder, however far that came."""
    try:
        return (folder / README_FILE).read_text(encoding="utf-8").startswith(_FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False


def is_built(folder: Path) -> bool:
    """Say whether a coalition was founded in a folder."""
    return (folder / STREET_FILE).is_file()


def stop_street(folder: Path) -> int:
    """Stop whatever of a street runs, and return how many processes that were; also where its building was interrupted.

    Raises:
        Unavailable: one cannot be stopped.
    """
    nodes = [_make_node_process(folder, path.name) for path in _list_houses(folder)]
    # The nodes first: what they bring at the end still finds a hub.
    return stop_all(nodes) + stop_all([make_hub_process(folder)])


def build_street(folder: Path, cast: Cast, port: int) -> Street:
    """Make the folders of a hub and of every member, and let all founders sign, through the hub.

    Args:
        folder: empty, or one in which this was interrupted before; the caller holds its `StreetLock`.
        cast: who and what; its drama is not played.
        port: of the hub, on this machine.

    Raises:
        Refused: `street.path`, its name is too long; what the fold says of the charter and the founders.
        Unavailable: the port is taken, the hub ends, or the disk fails.
    """
    _clear(folder)
    longest = max((founder.id for founder in cast.founders), key=len)
    socket_path = _place_house(folder, longest) / "node.sock"
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
        hub = init_hub(folder / "hub", [f"https://{HOST}:{port}"], None)
        invitations = _invite(hub, cast, folder / "invitations")
        process = make_hub_process(folder)
        process.begin()
        await_ready([process], BEGIN_SECONDS)
        _sign_together(folder, invitations, {founder.id: founder for founder in cast.founders})
        settings = StreetSettings(
            lead=cast.lead,
            members=tuple(sorted(founder.id for founder in cast.founders)),
            plan=cast.plan.to_json(),
        )
        text = json.dumps(settings.model_dump(mode="json"), indent=1) + "\n"
        write_atomically(folder / STREET_FILE, text.encode())
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be written: {error.strerror}") from error
    return Street(folder)


def make_hub_process(folder: Path) -> Process:
    """Return the process of a street's hub."""
    return Process("the-hub", folder / "processes", ("hub", "up", str(folder.resolve() / "hub")))


def _make_node_process(folder: Path, member: str) -> Process:
    house = _place_house(folder, member)
    return Process(member, folder / "processes", ("node", "up", "--folder", str(house)))


def _place_house(folder: Path, member: str) -> Path:
    return folder.resolve() / "houses" / member


def _list_houses(folder: Path) -> Sequence[Path]:
    place = folder / "houses"
    return [path for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []


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
                _place_house(folder, name),
                invitation.settings,
                invitation=data,
                passphrase=None,
                data=founders[name].data,
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
