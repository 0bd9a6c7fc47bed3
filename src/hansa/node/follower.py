"""The follower: a member's own fold of the log, and its cosignature as a witness.

It cosigns a checkpoint only after its own fold has accepted every entry under it, and never two
checkpoints that contradict each other, restarts included.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import State, replay
from hansa.errors import Malformed, Refused
from hansa.transparency import (
    ED25519,
    Frontier,
    NoteKey,
    NoteSignature,
    SigningKey,
    cosign,
    format_instant,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    verify_note,
)

MEMORY: Final = "witness.json"


class Follower:
    """One member's view of the log.

    Args:
        member: this member's id.
        key: its identity key.
        clock: returns Unix seconds, this member's own.
        folder: where it remembers what it has cosigned, across restarts; None keeps it in memory only.

    Raises:
        Malformed: `witness.memory`, the remembered file is damaged.
    """

    def __init__(
        self, member: str, key: SigningKey, clock: Callable[[], int], folder: Path | None = None
    ) -> None:
        self.member = member
        self._key = key
        self._clock = clock
        self._memory = None if folder is None else folder / MEMORY
        self._state: State | None = None
        self._frontier = Frontier()
        self._body = ""
        self._seen = self._recall()

    @property
    def state(self) -> State:
        """This member's own fold.

        Raises:
            Refused: `log.empty`, nothing was followed yet.
        """
        if self._state is None:
            raise Refused("log.empty", f"`{self.member}` has not followed the log yet")
        return self._state

    @property
    def size(self) -> int:
        """How many entries this member has folded."""
        return self._frontier.size

    def follow(self, leaves: Sequence[bytes], note_text: str) -> None:
        """Fold new entries, check the checkpoint that covers them, and remember it.

        Args:
            leaves: the leaves after `size`, up to the checkpoint's size.
            note_text: the hub's signed checkpoint.

        Raises:
            Malformed, Refused: `witness.origin`, `witness.size`, `witness.fork`, or what the fold says.
        Guarantees:
            When it raises, nothing has changed.
        """
        # 1. The checkpoint is the log's own; its name and key stand in the first entry for ever.
        anchor = self._state if self._state is not None else replay(leaves[:1])
        if anchor is None:
            raise Refused("log.empty", "there is nothing to follow yet")
        note = parse_note(note_text)
        verify_note(note, NoteKey(anchor.charter.origin, ED25519, anchor.log_key))
        checkpoint = parse_checkpoint(note.body)
        if checkpoint.origin != anchor.charter.origin:
            raise Refused(
                "witness.origin", f"expected the log `{anchor.charter.origin}`, got `{checkpoint.origin}`"
            )
        # 2. It covers exactly these entries, and therefore extends all that this member saw before.
        frontier = self._frontier.extend(hash_leaf(leaf) for leaf in leaves)
        if checkpoint.size != frontier.size:
            raise Refused(
                "witness.size",
                f"the checkpoint covers {checkpoint.size} entries, and {frontier.size} were shown",
            )
        self._verify_extends_memory(leaves, frontier)
        if checkpoint.root != frontier.root:
            raise Refused(
                "witness.fork",
                f"the checkpoint of size {checkpoint.size} has another root than the entries shown to `{self.member}`: "
                "the hub shows different logs to different members",
            )
        # 3. The fold accepts every new entry.
        state = replay(leaves, self._state)
        # 4. Remember before anything is signed: what was signed once must never be contradicted.
        self._remember(checkpoint.size, checkpoint.root)
        self._state, self._frontier, self._body = state, frontier, note.body

    def cosign(self) -> NoteSignature:
        """Cosign the checkpoint that was followed last: "I replayed this and it follows".

        Raises:
            Refused: `log.empty`; `witness.clock`, the newest entry is off this member's own clock by more
                than the charter tolerates; `witness.member`, not an active member (any more).
        """
        state, now = self.state, self._clock()
        record = state.members.get(self.member)
        if record is None or not record.is_active:
            raise Refused(
                "witness.member",
                f"`{self.member}` is not an active member, so its cosignature counts for nothing",
            )
        tolerance = state.charter.clock.tolerance_seconds
        if abs(state.at - now) > tolerance:
            raise Refused(
                "witness.clock",
                f"the newest entry says {format_instant(state.at)}, the clock of `{self.member}` says "
                f"{format_instant(now)}; the charter tolerates {tolerance} seconds",
            )
        return cosign(self._body, now, self._key, witness_name(state.charter.origin, self.member))

    def _verify_extends_memory(self, leaves: Sequence[bytes], frontier: Frontier) -> None:
        """After a restart: the log must still contain what this member cosigned before."""
        size, root = self._seen
        if size <= self._frontier.size:
            return
        if frontier.size < size:
            raise Refused(
                "witness.size",
                f"`{self.member}` has cosigned {size} entries; the hub now shows {frontier.size}",
            )
        then = self._frontier.extend(hash_leaf(leaf) for leaf in leaves[: size - self._frontier.size])
        if then.root != root:
            raise Refused(
                "witness.fork", f"the first {size} entries are not those that `{self.member}` cosigned before"
            )

    def _recall(self) -> tuple[int, bytes]:
        if self._memory is None or not self._memory.exists():
            return 0, b""
        try:
            value = json.loads(self._memory.read_text(encoding="utf-8"))
            return int(value["size"]), bytes.fromhex(value["root"])
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed("witness.memory", f"`{self._memory}` is damaged: {error}") from None

    def _remember(self, size: int, root: bytes) -> None:
        self._seen = (size, root)
        if self._memory is None:
            return
        new = self._memory.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump({"size": size, "root": root.hex()}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._memory)


def witness_name(origin: str, member: str) -> str:
    """Return the key name under which `member` cosigns the log `origin`."""
    return f"{origin}/{member}"
