"""The follower: a member's own fold of the log, and its cosignature as a witness.

It cosigns a checkpoint only after its own fold has accepted every entry under it, and never two
checkpoints that contradict each other, restarts included.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hansa.coalition import State, cosignatures_needed, replay
from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import write_atomically
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Frontier,
    NoteKey,
    NoteSignature,
    SigningKey,
    canonical,
    cosign,
    count_cosignatures,
    format_instant,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    root_of,
    verify_note,
)

MEMORY: Final = "witness.json"
_ROOT_BYTES: Final = 32


class Follower:
    """One member's view of the log.

    Args:
        member: this member's id.
        key: its identity key.
        clock: returns Unix seconds, this member's own.
        folder: where it remembers what it has cosigned, across restarts; None keeps it in memory only.
        keep: given the number of the first new entry, the new entries and the checkpoint once all of them were found
            right, before anything is remembered; what it raises stops the following.

    Raises:
        Malformed: `witness.memory`, the remembered file is damaged.
    """

    def __init__(
        self,
        member: str,
        key: SigningKey,
        clock: Callable[[], int],
        folder: Path | None = None,
        keep: Callable[[int, Sequence[bytes], str], None] = lambda _first, _leaves, _note: None,
    ) -> None:
        self.member = member
        self._key = key
        self._clock = clock
        self._memory = None if folder is None else folder / MEMORY
        self._keep = keep
        self._state: State | None = None
        self._frontier = Frontier()
        self._leaf_hashes: tuple[bytes, ...] = ()
        self._body = ""
        self._final_size = 0
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
    def note_body(self) -> str:
        """The checkpoint that was followed last, without signatures; empty before the first."""
        return self._body

    @property
    def final_size(self) -> int:
        """How many entries stand under a checkpoint that enough members have cosigned."""
        return self._final_size

    @property
    def size(self) -> int:
        """How many entries this member has folded."""
        return self._frontier.size

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries, as this member folded them.

        Raises:
            ValueError: it has folded fewer.
        """
        if not 0 <= size <= self.size:
            raise ValueError(f"`{self.member}` has folded {self.size} entries, asked for the root of {size}")
        return root_of(self._leaf_hashes[:size])

    def follow(self, leaves: Sequence[bytes], note_text: str) -> None:
        """Fold new entries, check the checkpoint that covers them, and remember it.

        Args:
            leaves: the leaves after `size`, up to the checkpoint's size.
            note_text: the hub's signed checkpoint.

        Raises:
            Malformed, Refused: `witness.origin`, `witness.size`, `witness.fork`, `witness.clock` (ahead of this
                member's own), or what the fold says.
            Unavailable: what is seen cannot be remembered.
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
        leaf_hashes = tuple(hash_leaf(leaf) for leaf in leaves)
        frontier = self._frontier.extend(leaf_hashes)
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
        # 4. The log's clock has not run ahead of this member's own; deadlines would fall due too early.
        assert state is not None  # there is an anchor, so there is a first entry
        ahead = state.at - self._clock()
        if ahead > state.charter.clock.tolerance_seconds:
            raise Refused(
                "witness.clock",
                f"the newest entry says {format_instant(state.at)}, {ahead} seconds ahead of the clock of `{self.member}`",
            )
        # 5. Keep and remember before anything is signed: what was signed once must never be contradicted. Kept first, so
        # that after a crash everything that is remembered is there to be read.
        self._keep(self.size, leaves, note_text)
        self._remember(checkpoint.size, checkpoint.root)
        self._state, self._frontier, self._body = state, frontier, note.body
        self._leaf_hashes += leaf_hashes

    def confirm(self, note_text: str) -> None:
        """Take the followed checkpoint with the others' cosignatures; when there are enough, it is final.

        Raises:
            Malformed: a member's line does not verify.
            Refused: `witness.note`, it is another checkpoint than the one followed; `witness.not-final`, too
                few members have cosigned it.
        """
        note = parse_note(note_text)
        if note.body != self._body:
            raise Refused("witness.note", "this is not the checkpoint that was followed last")
        state = self.state
        keys = [
            NoteKey(witness_name(state.charter.origin, member.id), COSIGNATURE, state.members[member.id].key)
            for member in state.active_members
        ]
        count, needed = count_cosignatures(note, keys), cosignatures_needed(state)
        if count < needed:
            raise Refused("witness.not-final", f"{count} members have cosigned, and {needed} must")
        self._final_size = state.size

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
            return _parse_memory(self._memory.read_bytes())
        except OSError as error:
            raise Unavailable(f"`{self._memory}` cannot be read: {error.strerror}") from error
        except (Malformed, ValueError) as error:
            raise Malformed("witness.memory", f"`{self._memory}` is damaged: {error}") from None

    def _remember(self, size: int, root: bytes) -> None:
        if self._memory is not None:
            try:
                write_atomically(self._memory, canonical.encode({"root": root.hex(), "size": size}))
            except OSError as error:
                raise Unavailable(f"`{self._memory}` cannot be written: {error.strerror}") from error
        self._seen = (size, root)


def _parse_memory(data: bytes) -> tuple[int, bytes]:
    """Read the size and root that were remembered last."""
    value = canonical.parse(data)
    if not isinstance(value, dict) or value.keys() != {"root", "size"}:
        raise ValueError("expected `root` and `size`")
    size, root = value["size"], bytes.fromhex(str(value["root"]))
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or len(root) != _ROOT_BYTES:
        raise ValueError("expected a size and a root of 32 bytes")
    return size, root


def witness_name(origin: str, member: str) -> str:
    """Return the key name under which `member` cosigns the log `origin`."""
    return f"{origin}/{member}"
