"""A log in one SQLite file, for one process at a time."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, event

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import schema
from hansa.store.database import NoLog, Session
from hansa.store.files import sync_folder, unfinished_path
from hansa.store.lock import WriterLock
from hansa.transparency.quoting import quote

_OUTSIDE_WORLD: Final = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""SQLite's codes that say nothing about the file's content."""

_DURABLE: Final = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
"""Readers beside the writer, and nothing confirmed that is not on the disk."""


class SqliteFile:
    """A log's file. The right to write is a lock file beside it, which dies with its holder."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Make the tables beside the final name, then give them the name: no half-made log is ever seen."""
        lock = WriterLock(self._path)
        try:
            if self._path.exists():
                raise Refused("log.exists", f"there is something at `{self._path}` already")
            unfinished = unfinished_path(self._path)
            for end in ("", "-wal", "-shm"):
                unfinished.with_name(unfinished.name + end).unlink(missing_ok=True)
            with _connect(unfinished, "BEGIN IMMEDIATE", *_DURABLE) as connection, connection.begin():
                schema.create_tables(connection)
                fill(connection)
            unfinished.rename(self._path)
            sync_folder(self._path.parent)
        finally:
            lock.release()

    def open_writer(self, lease_seconds: int) -> Session:  # noqa: ARG002 - the operating system sees who died
        """Connect under the lock; a process that is stopped but alive keeps it."""
        self._require()
        lock = WriterLock(self._path)
        try:
            # The write lock is taken at once: a transaction that begins by reading could not get it later.
            connection = _connect(self._path, "BEGIN IMMEDIATE", *_DURABLE)
        except BaseException:
            lock.release()
            raise

        def close() -> None:
            connection.close()
            lock.release()

        return Session(connection, close)

    def open_reader(self) -> Session:
        """Connect beside the writer; a transaction sees one state of the file."""
        self._require()
        connection = _connect(self._path, "BEGIN", "PRAGMA query_only = ON")
        return Session(connection, connection.close)

    def verify_right(self, connection: Connection) -> None:
        """Do nothing: the lock cannot be lost by a process that lives."""

    def check(self, connection: Connection) -> None:
        """Let SQLite look over its file.

        The tables are STRICT, so this also finds a value that damage has turned into another type.
        """
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise Malformed("log.file", f"`{self.name}` is damaged: {quote(str(found), 200)}")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn failures of the disk into `Unavailable` and damage into `Malformed`."""
        try:
            yield
        except sqlalchemy.exc.ProgrammingError:
            raise  # our own mistake, not the file's
        except OSError as error:
            raise Unavailable(f"the log `{self.name}` cannot be used: {error.strerror}") from error
        except sqlalchemy.exc.DatabaseError as error:
            if str(error.orig).startswith("Could not decode to UTF-8 column 'note'"):
                raise Malformed(
                    "log.checkpoint", f"checkpoint: its text in `{self.name}` is not UTF-8"
                ) from error
            reason = quote(str(error.orig), 200)
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _OUTSIDE_WORLD:
                raise Unavailable(f"the log `{self.name}` cannot be used: {reason}") from error
            raise Malformed("log.file", f"`{self.name}` is damaged or no log: {reason}") from error
        except (
            UnicodeDecodeError
        ) as error:  # the driver's, when damage reaches a name that it wants to report
            raise Malformed("log.file", f"`{self.name}` is damaged: {quote(str(error), 200)}") from error

    def _require(self) -> None:
        if not self._path.is_file():
            raise NoLog(f"there is no log at `{self._path}`")


def _connect(path: Path, begin: str, *pragmas: str) -> Connection:
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create("sqlite", database=str(path)),
        poolclass=sqlalchemy.pool.NullPool,
        # The driver must not begin transactions by itself, and does not mind which thread calls, one at a time.
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine.connect()
