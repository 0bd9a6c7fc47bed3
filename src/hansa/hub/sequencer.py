"""The sequencer: it gives entries their order and their time, and can do nothing else.

It folds like everybody else and refuses what the fold refuses. It cannot forge (entries are signed),
reorder unseen (authors chain their entries), rewrite or fork (members cosign only what extends what they saw).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import State, apply, replay
from hansa.errors import Refused, Unavailable
from hansa.store import LogStore, publish
from hansa.transparency import (
    Checkpoint,
    Envelope,
    Leaf,
    Note,
    NoteSignature,
    SigningKey,
    parse_note,
    root_of,
    sign_checkpoint,
)

LATEST: Final = 253_402_300_799
"""The last second of the year 9999, Unix seconds."""


class Sequencer:
    """Orders the entries of one coalition.

    Args:
        store: the log; this object is its only writer.
        key: the log's key, the one in the `found` entry or the newest `handover`.
        clock: returns Unix seconds; an entry's `at` is this, or the log's newest `at` when that is later.

    Raises:
        Malformed, Refused: the stored log does not follow, with the number of the first wrong entry.
    """

    def __init__(self, store: LogStore, key: SigningKey, clock: Callable[[], int]) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._state = replay(store.leaves())

    @property
    def state(self) -> State:
        """The fold over everything sequenced so far.

        Raises:
            Refused: `log.empty`, nothing is sequenced yet.
        """
        if self._state is None:
            raise Refused("log.empty", "the log holds no entry yet; found the coalition first")
        return self._state

    def submit(self, *envelopes: Envelope) -> int:
        """Sequence entries, all or none, and return the number of the first.

        Raises:
            Malformed, Refused: an entry does not follow; nothing was written.
            Unavailable: this machine's clock is beyond all years that a record can hold.
        Guarantees:
            When it returns, the entries are on disk.
        """
        state, leaves = self._state, []
        for envelope in envelopes:
            at = self._read_clock() if state is None else max(self._read_clock(), state.at)
            leaves.append(Leaf(at, envelope).encode())
            state = apply(state, leaves[-1])
        first = self._store.size
        self._store.append(leaves)
        self._state = state
        return first

    def _read_clock(self) -> int:
        now = self._clock()
        if not 0 <= now <= LATEST:
            raise Unavailable(
                f"this machine's clock says {now} seconds since 1970, which no record can hold; set it"
            )
        return now

    def sign_checkpoint(self) -> Note:
        """Sign the log's present size and root, and keep the note before anybody sees it.

        Raises:
            Refused: `log.empty`; `log.key`, this hub's key is not the log's.
        Guarantees:
            Nothing is signed twice: over an unchanged log the note that was kept comes back, cosignatures
            and all.
        """
        frontier = self._store.frontier
        origin = self.state.charter.origin
        if self._key.public != self.state.log_key:
            raise Refused(
                "log.key", "the log was handed over to another key; this hub signs nothing more under it"
            )
        head = Checkpoint(origin, frontier.size, frontier.root)
        kept = self.checkpoint
        if kept is not None and kept.body == head.encode():
            return kept
        note = sign_checkpoint(head, self._key, origin)
        self._store.save_checkpoint(note.encode())
        return note

    def keep(self, note: Note, cosignatures: Sequence[NoteSignature]) -> Note:
        """Add the cosignatures that a checkpoint does not have yet, and keep it; return the whole note."""
        there = {(line.name, line.key_id) for line in note.signatures}
        whole = note.add([line for line in cosignatures if (line.name, line.key_id) not in there])
        self._store.save_checkpoint(whole.encode())
        return whole

    @property
    def checkpoint(self) -> Note | None:
        """The newest note that was kept."""
        text = self._store.checkpoint()
        return parse_note(text) if text is not None else None

    def leaves(self, start: int = 0) -> tuple[bytes, ...]:
        """Return the leaves from entry number `start` on."""
        return tuple(self._store.leaves(start))

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries.

        Raises:
            ValueError: the log holds fewer.
        """
        if not 0 <= size <= self._store.size:
            raise ValueError(f"the log holds {self._store.size} entries, asked for the root of {size}")
        return root_of(self._store.leaf_hashes()[:size])

    def publish(self, folder: Path) -> None:
        """Write the log as tiles and a checkpoint that anybody can verify with this folder alone."""
        note = self._store.checkpoint()
        if note is None:
            raise Refused("log.empty", "no checkpoint has been signed yet")
        publish(folder, tuple(self._store.leaves()), note)
