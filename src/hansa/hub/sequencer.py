"""The sequencer: it gives entries their order and their time, and can do nothing else.

It folds like everybody else and refuses what the fold refuses. It cannot forge (entries are signed),
reorder unseen (authors chain their entries), rewrite or fork (members cosign only what extends what they saw).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import Entry, State, step
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.hub.reading import Reading
from hansa.store import LogStore, publish
from hansa.transparency import (
    Checkpoint,
    Envelope,
    Leaf,
    Note,
    NoteSignature,
    SigningKey,
    parse_note,
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
        reading: of the same log, as far as it was read while another hub wrote it; the rest is read on.

    Raises:
        Malformed, Refused: the stored log does not follow, with the number of the first wrong entry.
    """

    def __init__(
        self,
        store: LogStore,
        key: SigningKey,
        clock: Callable[[], int],
        reading: Reading | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self.reading = Reading(store) if reading is None else reading
        """The log as far as it is written."""
        self.reading.go_on_with(store)
        self.reading.advance(store.size)

    @property
    def state(self) -> State:
        """The fold over everything sequenced so far.

        Raises:
            Refused: `log.empty`, nothing is sequenced yet.
        """
        return self.reading.state

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.reading.size

    @property
    def _before(self) -> State | None:
        return self.reading.state if self.size else None

    def submit(self, *envelopes: Envelope) -> int:
        """Sequence entries, all or none, and return the number of the first.

        Raises:
            Malformed, Refused: an entry does not follow; nothing was written.
            Unavailable: this machine's clock is beyond all years that a record can hold.
        Guarantees:
            When it returns, the entries are on disk.
        """
        first = self.size
        state, leaves, entries = self._fold(self._before, envelopes)
        self._append(state, leaves, entries)
        return first

    def submit_each(self, bundles: Sequence[Sequence[Envelope]]) -> list[tuple[int, ...] | HansaError]:
        """Sequence several bundles of entries with one write to the disk; each bundle all or none.

        An entry that stands on the log already is not written again: it is answered with its number. So whoever
        does not know whether its entries arrived sends them again.

        Returns:
            For each bundle the numbers of its entries, or why it was refused.

        Raises:
            Unavailable: the disk or this machine's clock fails; nothing was written.
        """
        state, written, known = self._before, [], dict[str, int]()
        numbers = self.reading.numbers
        outcomes: list[tuple[int, ...] | HansaError] = []
        for bundle in bundles:
            new = tuple(e for e in bundle if e.id not in numbers and e.id not in known)
            try:
                after, leaves, entries = self._fold(state, new)
            except (Malformed, Refused) as error:
                outcomes.append(error)
                continue
            for entry in entries:
                known[entry.id] = self.size + len(known)
            state = after
            written += list(zip(leaves, entries, strict=True))
            outcomes.append(tuple(numbers.get(e.id, known.get(e.id, -1)) for e in bundle))
        if written:
            self._append(state, [leaf for leaf, _ in written], [entry for _, entry in written])
        return outcomes

    def _fold(
        self, state: State | None, envelopes: Sequence[Envelope]
    ) -> tuple[State | None, list[bytes], list[Entry]]:
        leaves, entries = [], []
        for envelope in envelopes:
            at = self._read_clock() if state is None else max(self._read_clock(), state.at)
            leaves.append(Leaf(at, envelope).encode())
            state, entry = step(state, leaves[-1])
            entries.append(entry)
        return state, leaves, entries

    def _append(self, state: State | None, leaves: Sequence[bytes], entries: Sequence[Entry]) -> None:
        self._store.append(leaves)
        # INVARIANT: memory follows the disk.
        self.reading.add(state, entries)

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
        """Return the root hash over the first `size` entries; see `Reading.root_at`."""
        return self.reading.root_at(size)

    def publish(self, folder: Path) -> None:
        """Write the log as tiles and a checkpoint that anybody can verify with this folder alone."""
        note = self._store.checkpoint()
        if note is None:
            raise Refused("log.empty", "no checkpoint has been signed yet")
        publish(folder, tuple(self._store.leaves()), note)
