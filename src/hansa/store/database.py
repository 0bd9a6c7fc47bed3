"""Where a log can lie: what every kind of database does in its own way."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from hansa.errors import Unavailable


class NoLog(Unavailable):
    """There is none in this place; one can be made there."""


class Session(NamedTuple):
    """An open connection, and how to end it and whatever right came with it."""

    connection: Connection
    close: Callable[[], None]


class Database(Protocol):
    """One place for one log.

    `name` says where it is; it stands in messages and never holds a password.
    """

    name: str

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Make the tables of a log with all that is in it from the first, or none of it.

        Args:
            fill: puts that in, within the transaction that makes the tables.

        Raises:
            Refused: `log.exists`.
            BeingWritten: another process writes there.
        """
        ...

    def open_writer(self, lease_seconds: int) -> Session:
        """Connect with the one right to write, for as long as the session lasts.

        Raises:
            BeingWritten: another process has the right; the text says who.
            NoLog: there is none.
        """
        ...

    def open_reader(self) -> Session:
        """Connect without the right to write.

        Raises:
            NoLog: there is none.
        """
        ...

    def verify_right(self, connection: Connection) -> None:
        """Make sure, within a transaction, that the right to write is still this session's.

        Raises:
            Unavailable: it is not.
        """
        ...

    def check(self, connection: Connection) -> None:
        """Look for damage that reading the rows would not show.

        Raises:
            Malformed: `log.file`.
        """
        ...

    def translated(self) -> AbstractContextManager[None]:
        """Turn the database's failures into `Unavailable`, and damage into `Malformed`."""
        ...


def find_database(where: Path | str) -> Database:
    """Return the database that a path or a `postgresql://` address names; nothing is opened yet.

    Raises:
        Malformed: `log.address`.
    """
    # Each is loaded only where it is used: a member's machine needs no PostgreSQL.
    if isinstance(where, str) and "://" in where:
        from hansa.store.postgres import PostgresDatabase

        return PostgresDatabase(where)
    from hansa.store.sqlite import SqliteFile

    return SqliteFile(Path(where))
