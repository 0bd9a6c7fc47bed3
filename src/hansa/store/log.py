"""The log: leaves and checkpoints in a database, with many readers and one writer at a time.

The leaves are the only truth; everything else here is derived from them and checked against them when
the log is opened. A leaf is bytes to this module, a checkpoint is a size and a root.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

import sqlalchemy
from sqlalchemy import Connection

from hansa.errors import Malformed, Unavailable
from hansa.store import schema
from hansa.store.database import Database, Session, find_database
from hansa.transparency import (
    MAX_LEAF_BYTES,
    Checkpoint,
    Frontier,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    root_of,
)

_CHUNK_ROWS = 256


class LogReader:
    """A log, open for reading beside whoever writes it. Use `open`, then `close` or `with`.

    It shows the log as it was when it was opened or refreshed last. Like `LogStore` it may be used from any
    thread, one at a time.

    Guarantees:
        What it shows was compared with all that is derived from it. A failed call closes it.
    """

    def __init__(self, database: Database, session: Session) -> None:
        self._database = database
        self._session: Session | None = session
        self._hashes: list[bytes] = []
        self._frontier = Frontier()
        self._proven = 0

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """Open a log: rebuild its tree from its leaves and compare with all that was derived from them.

        Args:
            where: a file's path, or the address of a PostgreSQL database, `postgresql://…`.

        Raises:
            Malformed: as `LogStore.open`; `log.schema` also when the tables are of an earlier version, which
                opening the log for writing brings up to date.
            NoLog: there is none.
            Unavailable: the database fails.
        """
        database = find_database(where)
        with database.translated():
            log = cls(database, database.open_reader())
            log._read_first()
        return log

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
                    sqlalchemy.select(schema.leaf.c.data)
                    .where(schema.leaf.c.entry_index >= start, schema.leaf.c.entry_index < chunk)
                    .order_by(schema.leaf.c.entry_index)
                ).all()
            yield from (row.data for row in rows)
            start = chunk

    def checkpoint(self) -> str | None:
        """Return the text of the newest checkpoint, if there is one."""
        newest = schema.checkpoint.c.tree_size.desc()
        with self._transaction() as connection:
            query = sqlalchemy.select(schema.checkpoint.c.note).order_by(newest).limit(1)
            return connection.execute(query).scalar()

    def refresh(self) -> int:
        """Take in what was added since, and return the new size.

        Raises:
            Malformed: as `open`; `log.changed`, the newest entry that was read is not there any more.
            Unavailable: the database fails.
        """
        with self._transaction() as connection:
            self._read_on(connection)
        return self.size

    def close(self) -> None:
        """Give the log back; a second call does nothing."""
        if self._session is not None:
            session, self._session = self._session, None
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._session is None:
            raise Unavailable(f"the log `{self._database.name}` is closed")
        with self._database.translated():
            try:
                with self._session.connection.begin():
                    yield self._session.connection
            except BaseException:
                # What the disk holds is now uncertain; only opening again can tell.
                self.close()
                raise

    def _read_first(self) -> None:
        with self._transaction() as connection:
            self._database.check(connection)
            schema.check_schema(connection)
            self._read_on(connection)

    def _read_on(self, connection: Connection) -> None:
        """Read the leaves from `size` on, and hold every checkpoint of them against their tree."""
        if self.size:
            query = sqlalchemy.select(schema.leaf.c.leaf_hash).where(
                schema.leaf.c.entry_index == self.size - 1
            )
            if connection.execute(query).scalar() != self._hashes[-1]:
                raise Malformed("log.changed", f"entry {self.size - 1}: is not the one that was read before")
        notes = connection.execute(
            sqlalchemy.select(schema.checkpoint)
            .where(~schema.checkpoint.c.tree_size.between(0, self._proven - 1))
            .order_by(schema.checkpoint.c.tree_size)
        ).all()
        leaves = (
            sqlalchemy.select(schema.leaf)
            .where(schema.leaf.c.entry_index >= self.size)
            .order_by(schema.leaf.c.entry_index)
        )
        with connection.execute(leaves.execution_options(stream_results=True)) as rows:
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
                if self._root_at(tree_size) != root:
                    raise Malformed(
                        "log.root-mismatch",
                        f"entry {self._proven} or a later one before {tree_size}: "
                        f"the checkpoint of {tree_size} entries has another root",
                    )
                self._proven = tree_size
            while chunk := rows.fetchmany(_CHUNK_ROWS):
                self._take(chunk)

    def _root_at(self, size: int) -> bytes:
        return self._frontier.root if size == self.size else root_of(self._hashes[:size])

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


class LogStore(LogReader):
    """A log, open for reading and appending. Use `create` or `open`, then `close` or `with`.

    Guarantees:
        One at a time has a log open in this way, whatever process or machine it runs on.
        What `append` returned for survives the death of the process and of the machine. A process killed
        at any moment leaves a log that opens, and that holds whole calls of `append` only.
        A failed write closes the log; open it again to see what is on the disk.
    """

    @classmethod
    def create(cls, where: Path | str, leaves: Sequence[bytes] = (), note_text: str | None = None) -> Self:
        """Make a log and open it.

        Args:
            where: the new file, in a folder that exists; or an empty PostgreSQL database that exists.
            leaves: with which it begins; none as a rule.
            note_text: the newest checkpoint of these, if there is one.

        Raises:
            Malformed: `log.address`; `leaf.too-long`, or as `save_checkpoint`; nothing is made.
            Refused: `log.exists`.
            BeingWritten: another process writes there.
            Unavailable: the database fails.
        Guarantees:
            All of it is there, or nothing, also when the process dies in between.
        """
        rows = _make_rows(0, leaves)
        head = None if note_text is None else parse_checkpoint(parse_note(note_text).body)
        if head is not None:
            hashes = [row["leaf_hash"] for row in rows]
            _verify_head(head, len(rows), lambda size: root_of(hashes[:size]))

        def fill(connection: Connection) -> None:
            if rows:
                connection.execute(sqlalchemy.insert(schema.leaf), rows)
            if head is not None:
                row = {"tree_size": head.size, "note": note_text}
                connection.execute(sqlalchemy.insert(schema.checkpoint), row)

        database = find_database(where)
        with database.translated():
            database.create(fill)
        return cls.open(where)

    @classmethod
    def open(cls, where: Path | str, *, lease_seconds: int = 15) -> Self:
        """Open a log: rebuild its tree from its leaves and compare with all that was derived from them.

        Tables of an earlier version are brought up to date first, in one transaction.

        Args:
            where: a file's path, or the address of a PostgreSQL database, `postgresql://…`.
            lease_seconds: PostgreSQL only: who calls nothing for so long, not even `renew`, loses the right
                to write to the next one who asks.

        Raises:
            Malformed: `log.address`; `log.file` (damaged, or no database), `log.schema` (another version, or
                no log), `log.gap` (an entry is missing), `log.leaf-hash` (an entry and the hash kept beside it
                disagree), `log.root-mismatch` (a checkpoint and the entries disagree),
                `log.checkpoint` (a checkpoint cannot be read, or is of more entries than there are). The
                message names the first wrong entry.
            Refused: `log.durability`, the server may lose what it confirmed.
            BeingWritten: another process has it open.
            NoLog: there is none.
            Unavailable: the database fails.
        """
        database = find_database(where)
        with database.translated():
            log = cls(database, database.open_writer(lease_seconds))
            log._upgrade()
            log._read_first()
        return log

    def append(self, leaves: Sequence[bytes]) -> int:
        """Add leaves in one transaction: all of them or none.

        Returns:
            The new size.

        Raises:
            Malformed: `leaf.too-long`; nothing is added.
            Unavailable: the database fails, or the right to write is lost; the log is closed.
        """
        rows = _make_rows(self.size, leaves)
        hashes = [row["leaf_hash"] for row in rows]
        if rows:
            with self._write() as connection:
                connection.execute(sqlalchemy.insert(schema.leaf), rows)
            # INVARIANT: memory follows the disk, never the other way round.
            self._hashes += hashes
            self._frontier = self._frontier.extend(hashes)
        return self.size

    def save_checkpoint(self, note_text: str) -> None:
        """Keep a checkpoint; a second one of the same size (with more cosignatures) replaces the first.

        Raises:
            Malformed: the note or checkpoint cannot be read; `log.checkpoint` (of more entries than there
                are); `log.root-mismatch`.
            Unavailable: as `append`.
        """
        head = parse_checkpoint(parse_note(note_text).body)
        _verify_head(head, self.size, self._root_at)
        size = schema.checkpoint.c.tree_size
        with self._write() as connection:
            connection.execute(sqlalchemy.delete(schema.checkpoint).where(size == head.size))
            connection.execute(
                sqlalchemy.insert(schema.checkpoint).values(tree_size=head.size, note=note_text)
            )

    def read_paper(self, subject: str, name: str) -> bytes | None:
        """Return a paper, or None when there is none: something small that is kept beside the log and, unlike it, may go."""
        with self._transaction() as connection:
            query = sqlalchemy.select(schema.paper.c.data).where(_is_paper(subject, name))
            return connection.execute(query).scalar()

    def keep_paper(self, subject: str, name: str, data: bytes) -> None:
        """Keep a paper, in the place of the one that was there.

        Raises:
            Unavailable: as `append`.
        """
        with self._write() as connection:
            connection.execute(sqlalchemy.delete(schema.paper).where(_is_paper(subject, name)))
            connection.execute(sqlalchemy.insert(schema.paper).values(subject=subject, name=name, data=data))

    def forget_papers(self, subject: str, *, but: str) -> None:
        """Forget all papers of a subject but one; raises as `append`."""
        with self._write() as connection:
            connection.execute(
                sqlalchemy.delete(schema.paper).where(
                    schema.paper.c.subject == subject, schema.paper.c.name != but
                )
            )

    def renew(self) -> None:
        """Say that this process still lives and means to write; costs one round trip.

        Raises:
            Unavailable: the right to write is lost; the log is closed.
        """
        with self._write():
            pass

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            self._database.verify_right(connection)
            yield connection

    def _upgrade(self) -> None:
        with self._write() as connection:
            if schema.is_old(connection):
                schema.upgrade_tables(connection)


class _Row(TypedDict):
    entry_index: int
    data: bytes
    leaf_hash: bytes


def _make_rows(start: int, leaves: Sequence[bytes]) -> list[_Row]:
    for leaf in leaves:
        if len(leaf) > MAX_LEAF_BYTES:
            raise Malformed(
                "leaf.too-long", f"a leaf has at most {MAX_LEAF_BYTES:,} bytes, got {len(leaf):,}"
            )
    return [
        {"entry_index": number, "data": leaf, "leaf_hash": hash_leaf(leaf)}
        for number, leaf in enumerate(leaves, start)
    ]


def _verify_head(head: Checkpoint, size: int, root_at: Callable[[int], bytes]) -> None:
    if head.size > size:
        raise Malformed("log.checkpoint", f"the checkpoint is of {head.size} entries, the log has {size}")
    if head.root != root_at(head.size):
        raise Malformed("log.root-mismatch", f"the checkpoint of {head.size} entries has another root")


def _is_paper(subject: str, name: str) -> sqlalchemy.ColumnElement[bool]:
    return sqlalchemy.and_(schema.paper.c.subject == subject, schema.paper.c.name == name)


def _read_root(tree_size: int, note: str) -> bytes:
    try:
        head = parse_checkpoint(parse_note(note).body)
    except Malformed as error:
        raise Malformed("log.checkpoint", f"the checkpoint of {tree_size} entries: {error}") from error
    if head.size != tree_size:
        raise Malformed("log.checkpoint", f"the checkpoint kept for {tree_size} entries is of {head.size}")
    return head.root
