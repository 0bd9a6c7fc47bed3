"""A PostgreSQL server of one's own: its data lie in a folder, and a socket there is the only way to it.

Nobody needs a password: whoever may enter the folder, its owner and the administrator, may speak to the server. As the
administrator it refuses to run, so it runs as another user of the machine then.

FOLDER/
  data/            the server's own
  .s.PGSQL.5432    the socket
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from hansa.errors import Unavailable
from hansa.store.postgres import OLDEST

OWNER: Final = "hansa"
"""The database's owner; no user of the machine."""

VERSIONS: Final = Path("/usr/lib/postgresql")
"""Where Debian keeps each version's programs."""

DatabaseKind = Literal["sqlite", "postgresql"]

_DATABASE: Final = "postgres"
"""The one that every server is made with: it is one coalition's alone."""

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "16MB",
    "max_connections": "40",
}
_LONGEST_SOCKET: Final = 103
_MAKE_SECONDS: Final = 120


class Server:
    """A server that may run, or be made, in a folder.

    Args:
        folder: the server's; the one around it exists.
    """

    port = 5432
    """A part of the socket's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"

    @property
    def socket(self) -> Path:
        """The way to it."""
        return self.folder / f".s.PGSQL.{self.port}"

    def address(self, database: str = _DATABASE) -> str:
        """Return the address of one of its databases, by the socket."""
        place = quote(str(self.folder), safe="")
        return f"postgresql://{OWNER}@/{database}?host={place}&port={self.port}"

    def explain_absence(self) -> str | None:
        """Say why it cannot be here, or return None when it can."""
        program = find_program("postgres")
        if program is None or find_program("initdb") is None:
            return "no PostgreSQL server is installed"
        if importlib.util.find_spec("psycopg") is None:
            return "PostgreSQL needs a driver, `hansa[postgres]`"
        if (version := _read_version(program)) < OLDEST:
            return f"PostgreSQL {version[0]} is installed, and {OLDEST[0]} or newer is needed"
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            return f"`{self.socket}` is too long for PostgreSQL's socket"
        if "," in str(self.folder):
            return "PostgreSQL takes no folder with a comma in its name"
        if os.geteuid() != 0:
            return None
        user = _find_user()
        if user is None or shutil.which("setpriv") is None:
            return "PostgreSQL refuses to run as root, and there is no other user for it, or no `setpriv`"
        reached = _run(*_become(user), "test", "-x", str(self.folder.parent))
        if reached.returncode != 0:
            return (
                f"PostgreSQL refuses to run as root, and `{user.pw_name}` cannot enter `{self.folder.parent}`"
            )
        return None

    def initialise(self, *options: str) -> None:
        """Make its data, in a folder that only its user can enter.

        Args:
            options: more of `initdb`.

        Raises:
            Unavailable: that cannot be done.
        """
        user = _find_user()
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            if user is not None:
                os.chown(self.folder, user.pw_uid, user.pw_gid)
            made = _run(
                *_become(user),
                find_program("initdb") or "initdb",
                *("--encoding=UTF8", "--locale=C", f"--username={OWNER}"),
                *("--auth-local=trust", "--auth-host=reject", f"--pgdata={self.data}", *options),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"no PostgreSQL server can be made in `{self.folder}`: {error}") from error
        if made.returncode != 0:
            said = " ".join(made.stderr.split()) or "it does not say why"
            raise Unavailable(f"no PostgreSQL server can be made in `{self.folder}`: {said}")

    def spell_command(self, settings: Mapping[str, str] = _SETTINGS) -> tuple[str, ...]:
        """Return the command that is the server as long as it runs."""
        places = '"' + str(self.folder).replace('"', '""') + '"'
        words = {**settings, "unix_socket_directories": places}
        return (
            *("sh", "-c", 'cd / && exec "$@"', "sh"),  # who it becomes may not be allowed where this is
            *_become(_find_user()),
            *(self._find_own() or "postgres", "-D", str(self.data), "-p", str(self.port)),
            *(word for name, value in words.items() for word in ("-c", f"{name}={value}")),
        )

    def _find_own(self) -> str | None:
        """Return the program that reads the data that are there, of the version that made them; a newer one does not."""
        try:
            version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError:
            version = ""
        return find_program("postgres", version) or find_program("postgres")

    def is_ready(self, pid: int) -> bool:
        """Say whether the server that is this process takes connections."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def find_program(name: str, version: str | None = None) -> str | None:
    """Return where one of PostgreSQL's programs is, of one version or the newest; Debian keeps them off the path, by version."""
    places = sorted(VERSIONS.glob("[0-9]*/bin"), key=_read_number, reverse=True)
    found = (str(place / name) for place in places if (place / name).exists())
    if version is not None:
        return next((path for path in found if Path(path).parents[1].name == version), None)
    return next(found, shutil.which(name))


def _read_number(place: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", place.parent.name)))


def _read_version(program: str) -> tuple[int, ...]:
    """Return the version of `postgres (PostgreSQL) 15.4 (…)`."""
    found = re.search(r"\) (\d+)", _run(program, "--version").stdout)
    return (int(found[1]) if found else 0,)


def _find_user() -> pwd.struct_passwd | None:
    """Return whom the server runs as when root runs this; None when it runs as whoever that is."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return next((users[name] for name in ("postgres", "nobody") if name in users), None)


def _become(user: pwd.struct_passwd | None) -> tuple[str, ...]:
    """Return the words before a command that has to run as somebody else."""
    if user is None:
        return ()
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - no shell, and our own words
        words,
        cwd="/",
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=_MAKE_SECONDS,
        check=False,
    )
