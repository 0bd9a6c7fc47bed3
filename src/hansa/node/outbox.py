"""The outbox: entries that this member has signed and does not yet see on the log, and the one pen that signs them.

A member's entries form a chain, so two that are signed at the same time for the same place would make it look
two-faced. Whatever part of a node has something to say therefore says it here, one after the other, and what was signed
is on the disk before anybody sees it. Killed at any moment, a node sends the same bytes again; it never signs a place
of its chain a second time.

    FOLDER/outbox/000000012.json     the entry with `seq` 12, a canonical envelope
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from hansa.coalition import Body, Entry, State, apply, make_entry, parse_entry
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.keyring import Keyring
from hansa.node.voter import verify_may_speak
from hansa.store import write_atomically
from hansa.transparency import Envelope, Leaf, SigningKey, canonical, parse_envelope

OUTBOX: Final = "outbox"


class Waiting(NamedTuple):
    """One signed entry that the own fold does not hold yet."""

    envelope: Envelope
    entry: Entry


class Outbox:
    """One member's pen, and what it wrote that is not on the log yet.

    Args:
        member: this member's id.
        keyring: its main keys.
        fold: returns this member's own fold as it is now; it never returns an older one than before.
        clock: returns Unix seconds, this member's own.
        folder: this member's own; it must exist.

    Raises:
        Malformed: `outbox.form`, what lies in it is damaged.
        Unavailable: the disk fails.
    Guarantees:
        Entries that `write` returned are on the disk, and each place of the chain was signed once.
    """

    def __init__(
        self,
        member: str,
        keyring: Keyring,
        fold: Callable[[], State],
        clock: Callable[[], int],
        folder: Path,
    ) -> None:
        self._member = member
        self._keyring = keyring
        self._fold = fold
        self._clock = clock
        self._folder = folder / OUTBOX
        # INVARIANT: only who holds the lock reads the fold for a place in the chain, signs, or touches the files.
        self._lock = Lock()
        self._waiting = _load(self._folder)

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """What is signed and not seen on the log, in order."""
        return self._waiting

    def write(self, *bodies: Body, key: SigningKey | None = None) -> tuple[Envelope, ...]:
        """Sign entries that continue this member's chain, unless its own fold would refuse one of them; all or none.

        Args:
            bodies: what to say.
            key: one that the member delegates to; None for the main key that is in force when the entry's turn comes.

        Raises:
            Refused, Malformed: what the fold says of an entry; `key.elsewhere`, the main key is not in this house, or would not be
                after one of them. Nothing is signed for the log.
            Unavailable: the disk fails, or an entry written before waits for something.
        """
        with self._lock:
            state = self._fold()
            record = verify_may_speak(state, self._member)
            seq, prev = record.next_seq, record.head
            # The fold may have grown already by what `settle` has not removed yet.
            pending = tuple(waiting for waiting in self._waiting if waiting.entry.seq >= seq)
            if pending:
                seq, prev = pending[-1].entry.seq + 1, pending[-1].envelope.id
            state = self._imagine(state, pending)
            written = []
            for body in bodies:
                main = self._keyring.find(state.members[self._member].key)
                envelope = make_entry(
                    body,
                    coalition=state.coalition,
                    author=self._member,
                    seq=seq,
                    prev=prev,
                    keys=(key or main,),
                )
                state = self._apply(state, envelope)
                self._keyring.find(state.members[self._member].key)
                written.append(Waiting(envelope, parse_entry(envelope)))
                seq, prev = seq + 1, envelope.id
            for waiting in written:
                self._keep(waiting)
            return tuple(waiting.envelope for waiting in written)

    def settle(self, state: State) -> tuple[Waiting, ...]:
        """Remove what the own fold has now, and return it.

        Raises:
            Refused: `outbox.elsewhere`, the log holds other entries by this member's key in these places. What was waiting
                can never follow and is removed.
            Unavailable: the disk fails.
        """
        with self._lock:
            record = state.members.get(self._member)
            if record is None:
                return ()
            seen = tuple(w for w in self._waiting if w.entry.seq < record.next_seq)
            rest = self._waiting[len(seen) :]
            if rest and rest[0].entry.seq > record.next_seq:
                return ()  # the fold is behind what was here before; nothing can be said yet
            same = (
                not seen or seen[-1].entry.seq != record.next_seq - 1 or seen[-1].envelope.id == record.head
            )
            if same and not (rest and rest[0].entry.prev != record.head):
                if seen:
                    self._remove(seen)
                return seen
            self._remove(self._waiting)
            raise Refused(
                "outbox.elsewhere",
                f"the log holds entries of `{self._member}` that were not signed here: its key is in use elsewhere, or an "
                "entry that was given up was taken after all; what waited is removed, say it again",
            )

    def give_up(self, state: State) -> Refused | Malformed | None:
        """Remove everything that waits, if the own fold refuses the first of it now; return why, or None.

        Call it only after the hub refused the entry: while it is unknown whether it stands on the log, it must stay.

        Raises:
            Unavailable: the disk fails.
        """
        with self._lock:
            if not self._waiting:
                return None
            try:
                self._apply(state, self._waiting[0].envelope)
            except (Refused, Malformed) as error:
                self._remove(self._waiting)
                return error
            return None

    def _imagine(self, state: State, pending: Sequence[Waiting]) -> State:
        """Return the fold as it will be when all that is pending is on the log."""
        for waiting in pending:
            try:
                state = self._apply(state, waiting.envelope)
            except (Refused, Malformed) as error:
                raise Unavailable(
                    f"an entry signed before (`{waiting.entry.kind}`) is not on the log yet, and would now be refused: {error}"
                ) from None
        return state

    def _apply(self, state: State, envelope: Envelope) -> State:
        return apply(state, Leaf(max(self._clock(), state.at), envelope).encode())

    def _keep(self, waiting: Waiting) -> None:
        path = self._path(waiting)
        try:
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, canonical.encode(waiting.envelope.to_json()))
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error
        self._waiting = (*self._waiting, waiting)

    def _remove(self, gone: Sequence[Waiting]) -> None:
        try:
            for waiting in gone:
                self._path(waiting).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"`{self._folder}` cannot be tidied: {error.strerror}") from error
        self._waiting = self._waiting[len(gone) :]

    def _path(self, waiting: Waiting) -> Path:
        return self._folder / f"{waiting.entry.seq:09d}.json"


def _load(folder: Path) -> tuple[Waiting, ...]:
    if not folder.is_dir():
        return ()
    found: list[Waiting] = []
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            envelope = parse_envelope(canonical.parse(path.read_bytes()))
            found.append(Waiting(envelope, parse_entry(envelope)))
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
        except Malformed as error:
            raise Malformed("outbox.form", f"`{path}` is damaged: {error.message}") from None
    for before, after in pairwise(found):
        if after.entry.prev != before.envelope.id:
            raise Malformed("outbox.form", f"the entries in `{folder}` do not continue one another")
    return tuple(found)
