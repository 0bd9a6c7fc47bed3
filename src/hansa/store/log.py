"""The log on one machine's disk: leaves and checkpoints in SQLite, for one writer at a time.

The leaves are the only truth; everything else here is derived from them and checked against them when
the log is opened. A leaf is bytes to this module, a checkpoint is a size and a root.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, Table, Text, event
from sqlalchemy.dialects.sqlite import insert

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store.files import sync_folder, unfinished_path
from hansa.store.lock import WriterLock
from hansa.transparency import (
    MAX_LEAF_BYTES,
    Frontier,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    root_of,
)
from hansa.transparency.quoting import quote

SCHEMA_VERSION = 1
"""Of the tables; a log with another one is not opened."""

_CHUNK_ROWS = 256

_OUTSIDE_WORLD = {
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

_metadata = MetaData()
_leaf = Table(
    "leaf",
    _metadata,
    Column(
        "entry_index", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    Column("data", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)
_checkpoint = Table(
    "checkpoint",
    _metadata,
    Column("tree_size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    sqlite_strict=True,
)
_meta = Table(
    "meta",
    _metadata,
    Column("schema_version", Integer, primary_key=True, autoincrement=False),
    sqlite_strict=True,
)


class LogStore:
    """A log file, open for reading and appending. Use `create` or `open`, then `close` or `with`.

    Guarantees:
        What `append` returned for survives the death of the process and of the machine. A process killed
        at any moment leaves a log that opens, and that holds whole calls of `append` only.
        A failed write closes the log; open it again to see what is on the disk.
    """

    def __init__(self, path: Path, connection: Connection, lock: WriterLock) -> None:
        self._path = path
        self._connection: Connection | None = connection
        self._lock = lock
        self._hashes: list[bytes] = []
        self._frontier = Frontier()

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty log and open it.

        Args:
            path: the new file; its folder exists.

        Raises:
            Refused: `log.exists`.
            Unavailable: another process writes there, or the disk fails.
        """
        path = Path(path)
        with _translated(path):
            lock = WriterLock(path)
            try:
                if path.exists():
                    raise Refused("log.exists", f"there is something at `{path}` already")
                _create_file(path)
            finally:
                lock.release()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a log: rebuild its tree from its leaves and compare with all that was derived from them.

        Raises:
            Malformed: `log.file` (not SQLite, or damaged), `log.schema` (another version, or no log),
                `log.gap` (an entry is missing), `log.leaf-hash` (an entry and the hash kept beside it
                disagree), `log.root-mismatch` (a checkpoint and the entries disagree),
                `log.checkpoint` (a checkpoint cannot be read, or is of more entries than there are). The
                message names the first wrong entry.
            Unavailable: there is no log, another process writes it, or the disk fails.
        """
        path = Path(path)
        with _translated(path):
            if not path.is_file():
                raise Unavailable(f"there is no log at `{path}`")
            lock = WriterLock(path)
            try:
                store = cls(path, _connect(path), lock)
            except BaseException:
                lock.release()
                raise
            try:
                store._rebuild()
            except BaseException:
                store.close()
                raise
        return store

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._frontier.size

    @property
    def frontier(self) -> Frontier:
        """The frontier of the tree over all leaves, and with it the root."""
        return self._frontier

    def leaf_hashes(self) -> tuple[bytes, ...]:
        """Return the hashes of all leaves, 32 bytes each."""
        return tuple(self._hashes)

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Read leaves `start` to `stop` (not included), or to the last one that there is now.

        The log may grow meanwhile: rows are read by number, a few hundred at a time.
        """
        stop = self.size if stop is None else min(stop, self.size)
        while start < stop:
            chunk = min(start + _CHUNK_ROWS, stop)
            with self._transaction() as connection:
                rows = connection.execute(
                    sqlalchemy.select(_leaf.c.data)
                    .where(_leaf.c.entry_index >= start, _leaf.c.entry_index < chunk)
                    .order_by(_leaf.c.entry_index)
                ).all()
            yield from (row.data for row in rows)
            start = chunk

    def append(self, leaves: Sequence[bytes]) -> int:
        """Add leaves in one transaction: all of them or none.

        Returns:
            The new size.

        Raises:
            Malformed: `leaf.too-long`; nothing is added.
            Unavailable: the disk fails; the log is closed.
        """
        for leaf in leaves:
            if len(leaf) > MAX_LEAF_BYTES:
                raise Malformed(
                    "leaf.too-long", f"a leaf has at most {MAX_LEAF_BYTES:,} bytes, got {len(leaf):,}"
                )
        hashes = [hash_leaf(leaf) for leaf in leaves]
        rows = [
            {"entry_index": self.size + i, "data": leaf, "leaf_hash": leaf_hash}
            for i, (leaf, leaf_hash) in enumerate(zip(leaves, hashes, strict=True))
        ]
        if rows:
            with self._transaction() as connection:
                connection.execute(sqlalchemy.insert(_leaf), rows)
            # INVARIANT: memory follows the disk, never the other way round.
            self._hashes += hashes
            self._frontier = self._frontier.extend(hashes)
        return self.size

    def save_checkpoint(self, note_text: str) -> None:
        """Keep a checkpoint; a second one of the same size (with more cosignatures) replaces the first.

        Raises:
            Malformed: the note or checkpoint cannot be read; `log.checkpoint` (of more entries than there
                are); `log.root-mismatch`.
        """
        head = parse_checkpoint(parse_note(note_text).body)
        if head.size > self.size:
            raise Malformed(
                "log.checkpoint", f"the checkpoint is of {head.size} entries, the log has {self.size}"
            )
        root = self._frontier.root if head.size == self.size else root_of(self._hashes[: head.size])
        if head.root != root:
            raise Malformed("log.root-mismatch", f"the checkpoint of {head.size} entries has another root")
        statement = insert(_checkpoint).values(tree_size=head.size, note=note_text)
        with self._transaction() as connection:
            connection.execute(statement.on_conflict_do_update(["tree_size"], set_={"note": note_text}))

    def checkpoint(self) -> str | None:
        """Return the text of the newest checkpoint, if there is one."""
        with self._transaction() as connection:
            query = sqlalchemy.select(_checkpoint.c.note).order_by(_checkpoint.c.tree_size.desc()).limit(1)
            return connection.execute(query).scalar()

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            raise Unavailable(f"the log `{self._path}` is closed")
        with _translated(self._path):
            try:
                with self._connection.begin():
                    yield self._connection
            except BaseException:
                # What the disk holds is now uncertain; only opening again can tell.
                self.close()
                raise

    def _rebuild(self) -> None:
        with self._transaction() as connection:
            _check_file(self._path, connection)
            _check_schema(connection)
            notes = connection.execute(sqlalchemy.select(_checkpoint).order_by(_checkpoint.c.tree_size)).all()
            rows = connection.execute(sqlalchemy.select(_leaf).order_by(_leaf.c.entry_index))
            proven = 0
            for tree_size, note in notes:
                root = _read_root(tree_size, note)
                # A few hundred at a time: the size is only what the file says, and may be any number.
                while self.size < tree_size and (
                    chunk := rows.fetchmany(min(tree_size - self.size, _CHUNK_ROWS))
                ):
                    self._take(chunk)
                if self.size < tree_size:
                    raise Malformed(
                        "log.checkpoint",
                        f"entry {self.size}: missing; a checkpoint is of {tree_size} entries",
                    )
                if self._frontier.root != root:
                    raise Malformed(
                        "log.root-mismatch",
                        f"entry {proven} or a later one before {tree_size}: "
                        f"the checkpoint of {tree_size} entries has another root",
                    )
                proven = tree_size
            while chunk := rows.fetchmany(_CHUNK_ROWS):
                self._take(chunk)

    def _take(self, rows: Sequence[tuple[int, bytes, bytes]]) -> None:
        for index, (entry_index, data, leaf_hash) in enumerate(rows, start=self.size):
            if entry_index != index:
                raise Malformed("log.gap", f"entry {index}: missing; the next one kept is {entry_index}")
            if hash_leaf(data) != leaf_hash:
                raise Malformed(
                    "log.leaf-hash", f"entry {index}: its bytes and the hash kept beside it disagree"
                )
        hashes = [row[2] for row in rows]
        self._hashes += hashes
        self._frontier = self._frontier.extend(hashes)


def _connect(path: Path) -> Connection:
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create("sqlite", database=str(path)),
        poolclass=sqlalchemy.pool.NullPool,
        # The driver must not begin transactions by itself: `_begin` does, and takes the write lock at once.
        connect_args={"isolation_level": None},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine.connect()


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create_file(path: Path) -> None:
    """Make the tables beside the final name, then give them the name: no half-made log is ever seen."""
    unfinished = unfinished_path(path)
    for leftover in (unfinished, *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    with _connect(unfinished) as connection, connection.begin():
        _metadata.create_all(connection)
        connection.execute(sqlalchemy.insert(_meta).values(schema_version=SCHEMA_VERSION))
    unfinished.rename(path)
    sync_folder(path.parent)


def _check_file(path: Path, connection: Connection) -> None:
    # The tables are STRICT, so this also finds a value that damage has turned into another type.
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise Malformed("log.file", f"`{path}` is damaged: {quote(str(found), 200)}")


def _check_schema(connection: Connection) -> None:
    names = set(sqlalchemy.inspect(connection).get_table_names())
    if names != set(_metadata.tables):
        raise Malformed("log.schema", f"expected the tables of a log, got {sorted(names)}")
    versions = list(connection.execute(sqlalchemy.select(_meta.c.schema_version)).scalars())
    if versions != [SCHEMA_VERSION]:
        raise Malformed("log.schema", f"expected version {SCHEMA_VERSION} of the tables, got {versions}")


def _read_root(tree_size: int, note: str) -> bytes:
    try:
        head = parse_checkpoint(parse_note(note).body)
    except Malformed as error:
        raise Malformed("log.checkpoint", f"the checkpoint of {tree_size} entries: {error}") from error
    if head.size != tree_size:
        raise Malformed("log.checkpoint", f"the checkpoint kept for {tree_size} entries is of {head.size}")
    return head.root


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn failures of the disk into `Unavailable` and damage into `Malformed`."""
    try:
        yield
    except sqlalchemy.exc.ProgrammingError:
        raise  # our own mistake, not the file's
    except OSError as error:
        raise Unavailable(f"the log `{path}` cannot be used: {error.strerror}") from error
    except sqlalchemy.exc.DatabaseError as error:
        if str(error.orig).startswith("Could not decode to UTF-8 column 'note'"):
            raise Malformed("log.checkpoint", f"checkpoint: its text in `{path}` is not UTF-8") from error
        reason = quote(str(error.orig), 200)
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _OUTSIDE_WORLD:
            raise Unavailable(f"the log `{path}` cannot be used: {reason}") from error
        raise Malformed("log.file", f"`{path}` is damaged or no log: {reason}") from error
    except UnicodeDecodeError as error:  # the driver's, when damage reaches a name that it wants to report
        raise Malformed("log.file", f"`{path}` is damaged: {quote(str(error), 200)}") from error
