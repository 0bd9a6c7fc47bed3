"""The street: a hub and the houses of all members, each with a process of its own, side by side on one machine.

Nothing is played here: the processes are those of `hansa hub up` and `hansa node up`, they share nothing but HTTPS, and the
clock is everybody's. Only the keys lie unencrypted, because nobody is there to type 33 passphrases. The log is in a PostgreSQL
server of the street's own, or in SQLite.

FOLDER/
  README.txt        what this is
  street.json       who lives here; written when the coalition is founded
  hub/              the hub's folder
  database/         the PostgreSQL server's, if there is one
  invitations/      as they were handed over
  houses/<member>/  each member's folder
  processes/        what the processes say
"""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from hansa.errors import Refused, Unavailable
from hansa.governance import Plan, parse_plan
from hansa.governance.document import parse_document
from hansa.governance.spelling import Several, Slug
from hansa.governance.validation import Form, load_model
from hansa.hub import HubFolder
from hansa.node.house import House
from hansa.rehearsal.process import Process, await_ready, spell_hansa, stop_all
from hansa.rehearsal.server import DatabaseKind, Server
from hansa.rehearsal.stage import README_FILE
from hansa.store.lock import WriterLock

STREET_FILE: Final = "street.json"
HOST: Final = "127.0.0.1"
BEGIN_SECONDS: Final = 60.0
"""For the hub, and as many again for every ten nodes."""

_FIRST_LINE: Final = "A coalition in processes of its own, made by `hansa up`.\n"
_README: Final = (
    _FIRST_LINE
    + """
houses/      a member's side each: its key, its data, its mirror of the log, its private reports
hub/         the hub's side: the log, what runs left
database/    the log, where it is in PostgreSQL
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
    database: DatabaseKind = "sqlite"


class Street:
    """A coalition that was founded with `build_street`.

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
        self.database_kind: DatabaseKind = settings.database
        self.houses = {name: House(folder / "houses" / name) for name in settings.members}
        self.database = make_database_process(folder) if settings.database == "postgresql" else None
        self.hub = make_hub_process(folder)
        self.nodes = {name: _make_node_process(folder, name) for name in settings.members}

    @property
    def processes(self) -> tuple[Process, ...]:
        """All, in the order in which they need each other."""
        return (*self._services, *self.nodes.values())

    @property
    def _services(self) -> tuple[Process, ...]:
        return (self.hub,) if self.database is None else (self.database, self.hub)

    @property
    def address(self) -> str:
        """Where the hub is."""
        return HubFolder(self.folder / "hub").settings.addresses[0]

    def verify_same(
        self,
        *,
        members: int | None = None,
        port: int | None = None,
        database: DatabaseKind | None = None,
        without_noise: bool = False,
    ) -> None:
        """Check that what somebody asks for is what was founded here; what is left out is.

        Raises:
            Refused: `street.founded`, with all that differs.
        """
        count, at = len(self.houses), HubFolder(self.folder / "hub").settings.listens_at[1]
        differs = []
        if members not in {None, count}:
            differs.append(f"`--members {members}`: it has {count}")
        if port not in {None, at}:
            differs.append(f"`--port {port}`: its members reach the hub at port {at}")
        if database not in {None, self.database_kind}:
            differs.append(f"`--database {database}`: its log is in {self.database_kind}")
        if without_noise and self.plan.privacy.noise != "none":
            differs.append("`--without-noise`: its plan has noise")
        if differs:
            way_on = "leave that out to go on with it, or name another folder with `--folder`"
            raise Refused(
                "street.founded",
                [f"the coalition in `{self.folder}` is founded otherwise; {way_on}", *differs],
            )

    def begin(self) -> int:
        """Begin every process that does not run, and return how many those are.

        Raises:
            Unavailable: one ends at once, or does not get ready; it says why.
        """
        stopped = [process for process in self.processes if not process.is_alive]
        for process in self._services:
            if process in stopped:
                process.begin()
                await_ready([process], BEGIN_SECONDS)
        for process in stopped:
            process.begin()
        await_ready(stopped, BEGIN_SECONDS * (1 + len(stopped) / 10))
        return len(stopped)

    def verify_alive(self) -> None:
        """Check that the hub, its database and the lead's node run.

        Raises:
            Unavailable: one has ended; with what it said last.
        """
        for process in (*self._services, self.nodes[self.lead]):
            process.is_ready()


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
    # The nodes first: what they bring at the end still finds a hub, and that its log.
    return sum(map(stop_all, (nodes, [make_hub_process(folder)], [make_database_process(folder)])))


def make_database_process(folder: Path) -> Process:
    """Return the process of a street's PostgreSQL server."""
    server = place_server(folder)
    # Asked in another way, it would wait for whoever is connected.
    return Process(
        "the-database",
        folder / "processes",
        server.spell_command(),
        is_working=server.is_ready,
        end=signal.SIGINT,
    )


def make_hub_process(folder: Path) -> Process:
    """Return the process of a street's hub."""
    return Process("the-hub", folder / "processes", spell_hansa("hub", "up", str(folder.resolve() / "hub")))


def _make_node_process(folder: Path, member: str) -> Process:
    house = place_house(folder, member)
    return Process(member, folder / "processes", spell_hansa("node", "up", "--folder", str(house)))


def place_server(folder: Path) -> Server:
    """Return a street's PostgreSQL server, which may not be there."""
    return Server(folder / "database")


def place_house(folder: Path, member: str) -> Path:
    """Return where a member's house is."""
    return folder.resolve() / "houses" / member


def _list_houses(folder: Path) -> Sequence[Path]:
    place = folder / "houses"
    return [path for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []
