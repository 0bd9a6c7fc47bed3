"""A log in a PostgreSQL database of its own, for many readers and one writer at a time on any machine.

The right to write is an advisory lock of the very session that writes. So it is lost with the session and
never without it: whoever can still commit has it. A writer that stops (its process frozen, its machine cut
off) says nothing for its lease; then the server ends its session, and with it the right and whatever was
not committed. When it wakes up, its next statement fails.
"""

import importlib.util
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import schema
from hansa.store.database import NoLog, Session
from hansa.store.lock import BeingWritten
from hansa.transparency.quoting import quote

OLDEST: Final = (15,)

_LOCK: Final = int.from_bytes(b"hansalog")
"""The advisory lock's number; such locks belong to one database, and a database holds one log."""

_ANSWERS: Final[Mapping[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How soon a server that no longer answers is given up, seconds and milliseconds; the address may say otherwise."""

_DAMAGE: Final = ("XX001", "XX002", "42703", "42P01")
"""Damaged data, a damaged index, a missing column, a missing table."""

_HOLDER: Final = text(
    "SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid) "
    "WHERE locktype = 'advisory' AND classid = :high AND objid = :low AND objsubid = 1 AND granted "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_OWN: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = :high AND objid = :low "
    "AND objsubid = 1 AND granted AND pid = pg_backend_pid()"
)
_HALVES: Final = {"high": _LOCK >> 32, "low": _LOCK & 0xFFFF_FFFF}


class PostgresDatabase:
    """A database that a `postgresql://` address names.

    Args:
        address: as libpq takes it. A password is better kept in its password file than in here; in either
            case no message shows it.

    Raises:
        Malformed: `log.address`.
        Unavailable: the driver is not installed.
    """

    def __init__(self, address: str) -> None:
        if importlib.util.find_spec("psycopg") is None:
            raise Unavailable("PostgreSQL needs a driver: install `hansa[postgres]`")
        self._url = _parse_address(address)
        host = self._url.host or self._url.query.get("host") or "localhost"
        self.name = f"postgresql://{host if isinstance(host, str) else ','.join(host)}/{self._url.database}"

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Make the tables in one transaction, under the lock."""
        connection = self._connect(lease_seconds=60)
        try:
            with connection.begin():
                self._take_right(connection)
                if tables := schema.list_tables(connection):
                    raise Refused(
                        "log.exists",
                        f"there are tables in `{self.name}` already: {', '.join(sorted(tables))}",
                    )
                schema.create_tables(connection)
                fill(connection)
        finally:
            _give_right_back(connection)

    def open_writer(self, lease_seconds: int) -> Session:
        """Connect and take the lock; without a statement for `lease_seconds` the server ends the session."""
        connection = self._connect(lease_seconds=lease_seconds)
        try:
            with connection.begin():
                self._take_right(connection)
                self._require(connection)
        except BaseException:
            _give_right_back(connection)
            raise
        return Session(connection, partial(_give_right_back, connection))

    def open_reader(self) -> Session:
        """Connect; a transaction sees one state of the database, and cannot write."""
        connection = self._connect(lease_seconds=0)
        try:
            connection.execution_options(postgresql_readonly=True)
            with connection.begin():
                self._require(connection)
        except BaseException:
            connection.close()
            raise
        return Session(connection, connection.close)

    def verify_right(self, connection: Connection) -> None:
        """Look the lock up from within the transaction.

        A session has the lock as long as it lives; this finds out that something in between (a pooler) gives
        each transaction another session.
        """
        if connection.execute(_OWN, _HALVES).scalar() != 1:
            raise Unavailable(
                f"this session has no right to write `{self.name}` any more; connect without a pooler in between"
            )

    def check(self, connection: Connection) -> None:
        """Make sure that the server keeps what it has confirmed.

        Raises:
            Refused: `log.durability`.
        """
        for setting in ("fsync", "full_page_writes"):
            if connection.exec_driver_sql(f"SHOW {setting}").scalar() != "on":
                raise Refused(
                    "log.durability", f"`{self.name}` runs with {setting} off, and may lose what it confirmed"
                )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn failures of the server into `Unavailable` and damage into `Malformed`."""
        try:
            yield
        except sqlalchemy.exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None) or ""
            said, password = str(error.orig), str(self._url.password or "")
            hides = bool(password) and password in said
            reason = quote(" ".join((said.replace(password, "***") if hides else said).split()), 200)
            if state in _DAMAGE:
                raise Malformed("log.file", f"`{self.name}` is damaged or no log: {reason}") from error
            if state.startswith("42") and state != "42501":
                raise  # our own mistake, not the server's
            raise Unavailable(f"the log `{self.name}` cannot be used: {reason}") from (
                None if hides else error
            )

    def _connect(self, *, lease_seconds: int) -> Connection:
        settings = {name: value for name, value in _ANSWERS.items() if name not in self._url.query}
        engine = sqlalchemy.create_engine(
            self._url,
            poolclass=sqlalchemy.pool.NullPool,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
            connect_args={
                **settings,
                "application_name": f"process {os.getpid()} on {socket.gethostname()}"[:63],
            },
        )
        connection = engine.connect()
        try:
            self._configure(connection, lease_seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _configure(self, connection: Connection, lease_seconds: int) -> None:
        version = connection.dialect.server_version_info or ()
        if version < OLDEST:
            raise Unavailable(
                f"`{self.name}` is PostgreSQL {'.'.join(map(str, version))}; 15 or newer is needed"
            )
        with connection.begin():
            for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET {setting} = '{lease_seconds}s'")
            if connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off":
                connection.exec_driver_sql("SET synchronous_commit = on")

    def _take_right(self, connection: Connection) -> None:
        if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
            raise Unavailable(f"`{self.name}` is a replica, which nobody can write; name the primary")
        if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar():
            holder = connection.execute(_HOLDER, _HALVES).scalar() or "another process"
            raise BeingWritten(f"`{self.name}` is being written by {holder}")

    def _require(self, connection: Connection) -> None:
        if not schema.list_tables(connection):
            raise NoLog(f"there is no log in `{self.name}`")


def _parse_address(address: str) -> sqlalchemy.URL:
    """Read an address without ever repeating it: it may hold a password, also where none belongs."""
    expected = "expected `postgresql://[USER[:PASSWORD]@][HOST[:PORT]]/DATABASE[?SETTINGS]`"
    try:
        url = make_url(address)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise Malformed("log.address", expected) from None
    if url.drivername != "postgresql" or not url.database or "@" in (url.host or ""):
        raise Malformed("log.address", expected)
    if "password" in url.query:
        raise Malformed("log.address", f"{expected}; a password does not stand among the settings")
    return url.set(drivername="postgresql+psycopg")


def _give_right_back(connection: Connection) -> None:
    """Close a session, its lock first: the server ends a session in its own time, and somebody may want the lock right away."""
    try:
        with suppress(SQLAlchemyError):
            connection.rollback()
            connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
            connection.commit()
    finally:
        connection.close()
