"""A member's own table as its folder has it: a file or a server, and the mapping that lies beside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hansa.errors import Refused, Unavailable
from hansa.node.mapping import MAPPING_FILE, TableMapping, load_mapping

DATA_STEM: Final = "data"
"""What the file with the table is called in a member's folder, before its ending."""


class Home(Protocol):
    """A member's folder: a house, or its like on a stage."""

    @property
    def member(self) -> str:
        """Whose it is."""
        ...

    @property
    def folder(self) -> Path:
        """Where it is."""
        ...

    @property
    def data(self) -> Path | None:
        """The file with the member's table, or None."""
        ...


@dataclass(frozen=True, slots=True)
class PlainHome:
    """A member's folder without settings of its own.

    Args:
        member: whose it is.
        folder: where it is.
    """

    member: str
    folder: Path

    @property
    def data(self) -> Path | None:
        """The file with the member's table, or None."""
        return find_data(self.folder)


@dataclass(frozen=True, slots=True)
class OwnTable:
    """Where a member's rows come from.

    Args:
        path: the file, or None where the mapping names a server.
        mapping: what makes columns of it, or None where it is read as it is.
    """

    path: Path | None
    mapping: TableMapping | None

    @property
    def digest(self) -> str | None:
        """That of the mapping: what the names of columns mean."""
        return None if self.mapping is None else self.mapping.digest


def find_data(folder: Path) -> Path | None:
    """Return the file in a member's folder that holds its table, or None."""
    return next(iter(sorted(folder.glob(f"{DATA_STEM}.*"))), None)


def name_copy(data: Path) -> str:
    """Return what the copy of a table is called in a member's folder."""
    return DATA_STEM + "".join(data.suffixes[-2:] if data.suffix == ".gz" else [data.suffix])


def find_table(home: Home) -> OwnTable:
    """Find a member's table and read its mapping; no row is read.

    Raises:
        Refused: `data.none`, the folder has no table and no mapping that names a server.
        InvalidDocument, Malformed: what is wrong with the mapping, see `load_mapping`.
        Unavailable: the mapping cannot be read.
    """
    path = home.folder / MAPPING_FILE
    own = OwnTable(home.data, load_mapping(path) if path.exists() else None)
    if own.path is None and (own.mapping is None or own.mapping.database is None):
        raise Refused("data.none", f"`{home.member}` has no data file in `{home.folder}`")
    return own


def look_at_table(home: Home) -> tuple[tuple[int, ...], ...]:
    """Return what the file system says of table and mapping; it says something else when one is written or replaced.

    What lies on a server has nothing to be looked at: it is read in one snapshot.

    Raises:
        Unavailable: the disk fails.
    """
    mapping = home.folder / MAPPING_FILE
    files = [path for path in (home.data, mapping if mapping.exists() else None) if path is not None]
    return tuple(map(_look, files))


def _look(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
