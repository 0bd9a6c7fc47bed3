"""The newest checkpoint, and the cosignatures that come in for it and for the few before it.

A checkpoint is signed when entries have come and the one before it is final, at most ten a second; or, when the
one before it does not become final, after two seconds all the same. A final one is shown for as long as it took to become
final, up to half a second, so that under a steady stream of entries those who wait for it get to see it. What readers see
changes when a checkpoint is signed, when it becomes final, when all have cosigned, and a second after a late cosignature.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hansa.coalition import State, cosignatures_needed
from hansa.errors import Refused
from hansa.hub.sequencer import Sequencer
from hansa.transparency import (
    COSIGNATURE,
    Note,
    NoteKey,
    NoteSignature,
    parse_note,
    verify_cosignature,
)
from hansa.transparency.quoting import quote

SHORTEST_SECONDS: Final = 0.1
"""Between two checkpoints."""

LONGEST_SECONDS: Final = 2.0
"""After which a checkpoint that is not final holds up the next one no longer."""

MOST_SHOWN_SECONDS: Final = 0.5
"""After which the next checkpoint takes the place of a final one, however long that one took."""

LATE_SECONDS: Final = 1.0
"""After which readers see cosignatures beyond those that were needed."""

_KEPT: Final = 32


class Published(NamedTuple):
    """What readers see.

    Args:
        text: the note.
        tag: SHA-256 of it, hex.
        size: entries under it.
        final_size: entries under a checkpoint that enough members have cosigned, as far as this hub knows.
    """

    text: str
    tag: str
    size: int
    final_size: int


@dataclass(slots=True)
class _Head:
    """One checkpoint: its note, who may cosign it, who has."""

    note: Note
    state: State
    signed_at: float
    cosigned: set[str] = field(default_factory=set)
    final_at: float | None = None
    is_unsaved: bool = False
    late_since: float | None = None

    @property
    def size(self) -> int:
        return self.state.size

    @property
    def is_final(self) -> bool:
        return is_final(self.cosigned, self.state)

    @property
    def is_whole(self) -> bool:
        return len(self.cosigned) == len(self.state.active_members)


class Witnessing:
    """Signs checkpoints and gathers cosignatures. Not for several threads.

    Args:
        sequencer: the log; it holds at least one entry.
        now: seconds of a clock that never runs back.
    """

    def __init__(self, sequencer: Sequencer, now: float) -> None:
        self._sequencer = sequencer
        self._heads: OrderedDict[int, _Head] = OrderedDict()
        self._final_size = 0
        self._sign(now)
        head = self._newest
        head.cosigned |= find_cosigners(head.note, head.state)
        self._note_final(head)
        self.published = self._write()

    def add(self, size: int, lines: Sequence[str]) -> None:
        """Take in lines of cosignatures of the checkpoint of a size.

        Raises:
            Malformed: `note.*`, `cosignature.*`, `signature.invalid`: a line is no cosignature of it.
            Refused: `checkpoint.unknown`, this hub has no such checkpoint, or has forgotten it;
                `cosignature.witness`, a line is not by an active member.
        Guarantees:
            When it raises, nothing has changed.
        """
        head = self._heads.get(size)
        if head is None:
            raise Refused(
                "checkpoint.unknown", f"no checkpoint of {size} entries is waiting for cosignatures"
            )
        names = {f"{head.state.charter.origin}/{m.id}": m.id for m in head.state.active_members}
        new: list[tuple[str, NoteSignature]] = []
        for line in lines:
            parsed = parse_note(f"{head.note.body}\n{line}\n")
            for signature in parsed.signatures:
                member = names.get(signature.name)
                if member is None:
                    raise Refused(
                        "cosignature.witness",
                        f"{quote(signature.name, 80)} is not an active member of this log",
                    )
                verify_cosignature(parsed, _key_of(head.state, member))
                if member not in head.cosigned and member not in {name for name, _ in new}:
                    new.append((member, signature))
        if new:
            head.note = head.note.add([signature for _, signature in new])
            head.cosigned |= {member for member, _ in new}
            head.is_unsaved = True
            self._note_final(head)

    def _note_final(self, head: _Head) -> None:
        if head.is_final:
            self._final_size = max(self._final_size, head.size)

    def advance(self, now: float) -> float | None:
        """Save what came in, sign what is due, and renew what readers see.

        Returns:
            When to call again though nothing comes in, or None.

        Raises:
            Unavailable: the disk fails.
        """
        for head in self._heads.values():
            if head.is_unsaved:
                self._sequencer.keep(head.note, ())
                head.is_unsaved = False
            if head.final_at is None and head.is_final:
                head.final_at = now
        dues = [self._sign_when_due(now), self._publish_when_due(now)]
        return min((due for due in dues if due is not None), default=None)

    @property
    def _newest(self) -> _Head:
        return self._heads[next(reversed(self._heads))]

    def _sign_when_due(self, now: float) -> float | None:
        head = self._newest
        if self._sequencer.size == head.size:
            return None
        if head.final_at is None:
            due = head.signed_at + LONGEST_SECONDS
        else:
            shown = min(head.final_at - head.signed_at, MOST_SHOWN_SECONDS)
            due = max(head.signed_at + SHORTEST_SECONDS, head.final_at + shown)
        if now < due:
            return due
        self._sign(now)
        return None

    def _publish_when_due(self, now: float) -> float | None:
        shown, head = self.published, self._newest
        if (shown.size, shown.final_size) != (head.size, self._final_size):
            self.published = self._write()
        elif head.late_since is not None:
            due = head.late_since + LATE_SECONDS
            if now < due and not head.is_whole:
                return due
            self.published = self._write()
        elif head.is_final and shown.text != head.note.encode():
            head.late_since = now
            return self._publish_when_due(now)
        return None

    def _sign(self, now: float) -> None:
        state = self._sequencer.state
        self._heads[state.size] = _Head(self._sequencer.sign_checkpoint(), state, now)
        while len(self._heads) > _KEPT:
            self._heads.popitem(last=False)

    def _write(self) -> Published:
        head = self._newest
        head.late_since = None
        return publish_note(head.note, head.size, self._final_size)


def find_cosigners(note: Note, state: State) -> set[str]:
    """Return the active members whose valid cosignatures a note of this state's checkpoint bears."""
    return {member.id for member in state.active_members if note.find(_key_of(state, member.id)) is not None}


def is_final(cosigners: set[str], state: State) -> bool:
    """Say whether so many members make a checkpoint final."""
    return len(cosigners) >= cosignatures_needed(state)


def publish_note(note: Note, size: int, final_size: int) -> Published:
    """Return what readers see of a note."""
    text = note.encode()
    return Published(text, hashlib.sha256(text.encode()).hexdigest(), size, final_size)


def _key_of(state: State, member: str) -> NoteKey:
    return NoteKey(f"{state.charter.origin}/{member}", COSIGNATURE, state.members[member].key)
