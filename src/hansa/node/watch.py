"""The watch: it follows the hub's log, keeps the mirror, cosigns what its fold accepts, and learns what is final."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from hansa.coalition import State, parse_handover
from hansa.errors import Malformed, Refused
from hansa.node.follower import Follower, witness_name
from hansa.node.journal import Journal
from hansa.node.mirror import Mirror
from hansa.node.remote import Remote
from hansa.transparency import (
    TILE_WIDTH,
    Envelope,
    Note,
    cut_entry_bundle,
    parse_checkpoint,
    parse_note,
    tile_path,
)

BURST: Final = 4
"""Cosignatures that are given at once before they are paced."""

SECONDS_APART: Final = 0.5
"""Between two cosignatures when many are asked for; what comes meanwhile is cosigned together."""

_AGAIN_SECONDS: Final = 3.0
"""After which a cosignature that the hub does not show is brought once more."""


class Watch:
    """One member's view of the log at a hub, brought up to date step by step.

    Args:
        follower: this member's own fold; its `keep` writes the mirror.
        mirror: the copy of the log.
        remote: the hub.
        journal: where it is noted.
        fetched: told about new entries once they are folded: the number of the first, and the leaves.
        tick: seconds of a clock that never runs back.
    """

    def __init__(
        self,
        follower: Follower,
        mirror: Mirror,
        remote: Remote,
        journal: Journal,
        *,
        fetched: Callable[[int, tuple[bytes, ...]], None],
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.follower = follower
        self._mirror = mirror
        self._remote = remote
        self._journal = journal
        self._fetched = fetched
        self._tick = tick
        self._seen: str | None = None
        self._bundle_bytes = 0
        self._given: tuple[str, float] = ("", 0.0)
        self._allowance, self._refilled_at = float(BURST), tick()
        # INVARIANT: only who holds the lock changes the follower.
        self._lock = Lock()
        self.is_current = False
        """Whether the hub was reached since this watch began, so that the fold is as new as the log."""
        self.is_late = False
        """Whether the newest checkpoint is too old to be cosigned, and not final: a `tick` would help."""

    @property
    def is_final(self) -> bool:
        """Whether the newest entry stands under enough cosignatures, as far as this member has seen."""
        return self.follower.final_size == self.follower.size

    def begin(self) -> None:
        """Replay the mirror.

        Raises:
            Malformed, Refused: the mirror does not follow, or is not what this member cosigned.
        """
        loaded = self._mirror.load()
        if loaded is None:
            return
        leaves, note_text = loaded
        try:
            self.follower.follow(leaves, note_text)
        except Refused as refusal:
            if refusal.rule != "witness.size":
                raise
            # An older copy, as from a backup: the hub has to show everything, and it must contain what was cosigned.
            self._journal.note("mirror-old", entries=len(leaves))
            return
        self._measure_bundle(0, leaves)
        self._confirm(note_text)
        self._journal.note("replayed", entries=self.follower.size, final=self.follower.final_size)

    def step(self, wait_seconds: int) -> bool:
        """Ask for a newer checkpoint, wait for one if there is none, and take it in; say whether there was one.

        Raises:
            Malformed, Refused: what the hub shows does not follow; nothing of it was cosigned.
            Unavailable: the hub or the disk fails.
        """
        before = self.follower.size
        note_text = self._remote.read_checkpoint(self._seen, wait_seconds)
        with self._lock:
            if note_text is not None:
                self._take(note_text, before)
                self._seen = note_text
        return note_text is not None

    def catch_up(self) -> State:
        """Bring the fold up to what the hub shows now, from another thread than the one that steps."""
        note_text = self._remote.read_checkpoint(None, 0)
        with self._lock:
            if note_text is not None:
                note = parse_note(note_text)
                if parse_checkpoint(note.body).size > self.follower.size:
                    self._follow(note, note_text)
        return self.follower.state

    def sign_handover(self, handover: Envelope, *, instead: bool, drop: bool) -> Envelope:
        """Sign that another hub continues the log; see `Follower.sign_handover`."""
        with self._lock:
            return self.follower.sign_handover(handover, instead=instead, drop=drop)

    def turn(self, handover: Envelope, change: Callable[[State], tuple[str, ...]]) -> tuple[str, ...]:
        """Let the log go on at another hub.

        Args:
            handover: to it.
            change: checks it against the fold, and makes the other hub the one that is asked.

        Raises:
            Refused: `handover.ahead`, this member followed the present hub beyond it, which only a new beginning takes back;
                or as `change`.
        """
        with self._lock:
            size = parse_handover(handover.to_json())[1].size
            if self.follower.size > size:
                raise Refused(
                    "handover.ahead",
                    f"this node has followed {self.follower.size} entries, and the log is handed over after {size}; stop it, take the "
                    "handover, and start it again",
                )
            addresses = change(self.follower.state)
            self._seen = None
            return addresses

    def count_pause(self) -> float:
        """Return the seconds to wait before the next step, so that cosignatures are not asked for too often."""
        self._refill()
        return max(0.0, (1.0 - self._allowance) * SECONDS_APART)

    def _take(self, note_text: str, before: int) -> None:
        note = parse_note(note_text)
        if note.body != self.follower.note_body:
            checkpoint = parse_checkpoint(note.body)
            if before <= checkpoint.size < self.follower.size and checkpoint.root == self.follower.root_at(
                checkpoint.size
            ):
                return  # the fold went further while this answer was under way
            self._follow(note, note_text)
        self.is_current = True
        self._cosign(note)
        self._confirm(note_text)

    def _follow(self, note: Note, note_text: str) -> None:
        first, size = self.follower.size, parse_checkpoint(note.body).size
        leaves = self._fetch(first, size)
        self.follower.follow(leaves, note_text)
        self._measure_bundle(first, leaves)
        self._journal.note("followed", entries=self.follower.size, new=len(leaves))
        self._fetched(first, leaves)

    def _fetch(self, first: int, size: int) -> tuple[bytes, ...]:
        """Return the entries from `first` on; of a bundle of which a part is known, only the rest is asked for."""
        leaves: list[bytes] = []
        if size <= first:
            return ()  # nothing is new; what is wrong with that, the follower says
        skip = self._bundle_bytes
        for index in range(first // TILE_WIDTH, -(-size // TILE_WIDTH)):
            start = max(first, index * TILE_WIDTH)
            width = min(TILE_WIDTH, size - index * TILE_WIDTH)
            data = self._remote.read_tile(tile_path("entries", index, width), skip)
            found = list(cut_entry_bundle(data))
            if len(found) != index * TILE_WIDTH + width - start:
                raise Malformed(
                    "hub.answer", f"the hub sends {len(found)} entries from {start} on, of another number"
                )
            leaves += found
            skip = 0
        return tuple(leaves)

    def _measure_bundle(self, first: int, leaves: tuple[bytes, ...]) -> None:
        """Remember how many bytes of the last bundle are known."""
        size = first + len(leaves)
        begins = size - size % TILE_WIDTH
        known = self._bundle_bytes if begins <= first else 0
        self._bundle_bytes = known + sum(2 + len(leaf) for leaf in leaves[max(0, begins - first) :])

    def _cosign(self, note: Note) -> None:
        """Bring this member's cosignature, unless the hub has it."""
        follower = self.follower
        name = witness_name(follower.state.charter.origin, follower.member)
        if any(line.name == name for line in note.signatures):
            self.is_late = False
            return
        body, at = self._given
        if body == note.body and self._tick() - at < _AGAIN_SECONDS:
            return
        try:
            line = follower.cosign()
        except Refused as refusal:
            self.is_late = refusal.rule == "witness.clock"
            if self.is_late:
                self._journal.note("not-cosigned", entries=follower.size, rule=refusal.rule)
            return
        self.is_late = False
        self._refill()
        self._allowance -= 1
        self._remote.cosign(follower.size, [line.encode().rstrip("\n")])
        self._given = (note.body, self._tick())
        self._journal.note("cosigned", entries=follower.size)

    def _confirm(self, note_text: str) -> None:
        try:
            self.follower.confirm(note_text)
        except Refused:
            return
        self._mirror.confirm(note_text)

    def _refill(self) -> None:
        now = self._tick()
        self._allowance = min(float(BURST), self._allowance + (now - self._refilled_at) / SECONDS_APART)
        self._refilled_at = now
