"""The follower: a member's own fold of the log, and its cosignature as a witness.

It cosigns a checkpoint only after its own fold has accepted every entry under it, and never two
checkpoints that contradict each other, restarts included. Only a handover that enough members signed
lets it turn to another hub, and nothing lets it drop what it saw final.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hansa.coalition import (
    Handover,
    State,
    cosignatures_needed,
    parse_entry,
    read_handover,
    replay,
    verify_signers,
)
from hansa.errors import Refused
from hansa.node.recollection import Head, Recollection, load_recollection, save_recollection
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Envelope,
    Frontier,
    Note,
    NoteKey,
    NoteSignature,
    PublicKey,
    SigningKey,
    cosign,
    count_cosignatures,
    format_instant,
    hash_leaf,
    parse_checkpoint,
    parse_leaf,
    parse_note,
    parse_public_key,
    root_of,
    verify_note,
)


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
        self._folder = folder
        self._memory = Recollection() if folder is None else load_recollection(folder)
        self._keep = keep
        self._state: State | None = None
        self._frontier = Frontier()
        self._leaf_hashes: tuple[bytes, ...] = ()
        self._body = ""
        self._final_size = 0

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

    @property
    def log_key(self) -> str:
        """The key of the log that this member followed last, restarts included; empty before the first time."""
        return self._memory.log_key

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

        Over a handover it goes on by itself. Begun anew, it also takes a log that lacks what this member followed under an
        earlier hub, as long as that was never final: members who signed the handover say so, and who wrote it can write it again.

        Args:
            leaves: the leaves after `size`, up to the checkpoint's size.
            note_text: the hub's signed checkpoint.

        Raises:
            Malformed, Refused: `witness.origin`, `witness.size`, `witness.fork`, `witness.final`, `witness.clock` (ahead of this
                member's own), `witness.log-key` (signed by a key that the log was handed over from), or what the fold says.
            Unavailable: what is seen cannot be remembered.
        Guarantees:
            When it raises, nothing has changed.
        """
        # 1. The checkpoint is the log's own: its name and first key stand in the first entry, a later key in a handover.
        anchor = self._state if self._state is not None else replay(leaves[:1])
        if anchor is None:
            raise Refused("log.empty", "there is nothing to follow yet")
        note, checkpoint, log_key = _open_note(anchor, leaves, note_text)
        # 2. It covers exactly these entries, and therefore extends all that this member saw before.
        leaf_hashes = tuple(hash_leaf(leaf) for leaf in leaves)
        frontier = self._frontier.extend(leaf_hashes)
        if checkpoint.size != frontier.size:
            raise Refused(
                "witness.size",
                f"the checkpoint covers {checkpoint.size} entries, and {frontier.size} were shown",
            )
        if checkpoint.root != frontier.root:
            raise Refused(
                "witness.fork",
                f"the checkpoint of size {checkpoint.size} has another root than the entries shown to `{self.member}`: "
                "the hub shows different logs to different members",
            )
        # 3. The fold accepts every new entry.
        state = replay(leaves, self._state)
        assert state is not None  # there is an anchor, so there is a first entry
        self._verify_log_key(state, log_key)
        self._verify_extends_memory(state, leaf_hashes)
        # 4. The log's clock has not run ahead of this member's own; deadlines would fall due too early.
        self._verify_clock(state)
        # 5. Keep and remember before anything is signed: what was signed once must never be contradicted. Kept first, so
        # that after a crash everything that is remembered is there to be read.
        self._keep(self.size, leaves, note_text)
        key = state.log_key.encode()
        # Whoever has signed a handover cosigns nothing more; everybody else cosigns what it followed, sooner or later.
        before = self._memory.cosigned if key == self._memory.log_key else 0
        cosigned = before if self._is_pledged(state) else checkpoint.size
        seen = Head(checkpoint.size, checkpoint.root)
        self._remember(replace(self._memory, seen=seen, log_key=key, cosigned=cosigned))
        self._state, self._frontier, self._body = state, frontier, note.body
        self._leaf_hashes += leaf_hashes

    def sign_handover(self, envelope: Envelope, *, instead: bool = False, drop: bool = False) -> Envelope:
        """Sign that another hub continues the log, and cosign nothing more of the present one from now on.

        Args:
            envelope: the handover, signed by others already.
            instead: sign although another handover was signed before, which can then no longer be meant.
            drop: sign although it drops entries that this member may have cosigned.

        Raises:
            Malformed: the rules of `coalition.read_handover`.
            Refused: `handover.view`, it does not follow on what this member has folded, or drops what it saw final;
                `handover.cosigned`, it drops what this member may have cosigned, and others may have seen final; `handover.pledged`, it has signed another one; `witness.member`.
            Unavailable: it cannot be remembered.
        """
        body = read_handover(envelope)
        if not self._memory.final.size <= body.size <= self.size:
            raise Refused(
                "handover.view",
                f"it follows on {body.size} entries; `{self.member}` has folded {self.size}, and saw "
                f"{self._memory.final.size} of them final",
            )
        if self.root_at(body.size).hex() != body.root:
            raise Refused(
                "handover.view", f"the first {body.size} entries are not those that `{self.member}` has"
            )
        if body.size < self._memory.cosigned and not drop:
            raise Refused(
                "handover.cosigned",
                f"it follows on {body.size} entries, and `{self.member}` may have cosigned {self._memory.cosigned}, which others may have "
                "seen final; let a member that has them draft it; `--drop` gives them up all the same",
            )
        self._verify_counts()
        if self._memory.pledge not in {"", body.key} and not instead:
            raise Refused("handover.pledged", f"`{self.member}` has signed a handover to another key before")
        self._remember(replace(self._memory, pledge=body.key))
        return envelope.sign(self._key)

    def take_up(self, key: SigningKey) -> None:
        """Cosign with another main key from now on, which the own fold has."""
        self._key = key

    def verify_handover(self, envelope: Envelope) -> Handover:
        """Return what a handover says once enough members, by this member's own fold, have signed it.

        Raises:
            Malformed, Refused: the rules of `coalition.verify_signers`.
        """
        verify_signers(self.state, envelope)
        return read_handover(envelope)

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
        final = Head(state.size, self._frontier.root)
        if final != self._memory.final:
            self._remember(replace(self._memory, final=final))

    def cosign(self) -> NoteSignature:
        """Cosign the checkpoint that was followed last: "I replayed this and it follows".

        Raises:
            Refused: `log.empty`; `witness.clock`, the newest entry is off this member's own clock by more
                than the charter tolerates; `witness.member`, not an active member (any more); `witness.pledged`, it has
                signed that another hub continues the log.
        """
        state, now = self.state, self._clock()
        self._verify_counts()
        if self._is_pledged(state):
            raise Refused(
                "witness.pledged",
                f"`{self.member}` has signed that another hub continues this log, and waits for it",
            )
        tolerance = state.charter.clock.tolerance_seconds
        if abs(state.at - now) > tolerance:
            raise Refused(
                "witness.clock",
                f"the newest entry says {format_instant(state.at)}, the clock of `{self.member}` says "
                f"{format_instant(now)}; the charter tolerates {tolerance} seconds",
            )
        return cosign(self._body, now, self._key, witness_name(state.charter.origin, self.member))

    def _is_pledged(self, state: State) -> bool:
        """Say whether it has signed that another hub continues the log, which that hub has not begun to do."""
        return self._memory.pledge not in {"", *(tenure.key.encode() for tenure in state.tenures)}

    def _verify_counts(self) -> None:
        record = self.state.members.get(self.member)
        if record is None or not record.is_active:
            raise Refused(
                "witness.member",
                f"`{self.member}` is not an active member, so its signature counts for nothing",
            )

    def _verify_log_key(self, state: State, log_key: PublicKey) -> None:
        if state.log_key != log_key:
            raise Refused(
                "witness.log-key",
                f"the log was handed over with entry {state.tenures[-1].first - 1}, and this checkpoint is signed with the key "
                "before",
            )

    def _verify_clock(self, state: State) -> None:
        ahead = state.at - self._clock()
        if ahead > state.charter.clock.tolerance_seconds:
            raise Refused(
                "witness.clock",
                f"the newest entry says {format_instant(state.at)}, {ahead} seconds ahead of the clock of `{self.member}`",
            )

    def _verify_extends_memory(self, state: State, leaf_hashes: tuple[bytes, ...]) -> None:
        """After a restart: the log must still contain what this member cosigned before.

        Unless it was handed over since by members who say where it goes on; then all of it that was final.
        """
        seen, final = self._memory.seen, self._memory.final
        if seen.size <= self._frontier.size:
            return
        hashes = self._leaf_hashes + leaf_hashes
        if _contains(hashes, seen):
            return
        if self._memory.log_key in {tenure.key.encode() for tenure in state.tenures[:-1]}:
            if _contains(hashes, final):
                return
            raise Refused(
                "witness.final",
                f"`{self.member}` saw the first {final.size} entries final, and they are not those of this log, whoever handed "
                "it over",
            )
        if len(hashes) < seen.size:
            raise Refused(
                "witness.size",
                f"`{self.member}` has cosigned {seen.size} entries; the hub now shows {len(hashes)}",
            )
        raise Refused(
            "witness.fork",
            f"the first {seen.size} entries are not those that `{self.member}` cosigned before",
        )

    def _remember(self, recollection: Recollection) -> None:
        if self._folder is not None:
            save_recollection(self._folder, recollection)
        self._memory = recollection


def _contains(hashes: Sequence[bytes], head: Head) -> bool:
    return head.size <= len(hashes) and root_of(hashes[: head.size]) == head.root


def _open_note(anchor: State, leaves: Sequence[bytes], note_text: str) -> tuple[Note, Checkpoint, PublicKey]:
    """Check that the log signed a checkpoint, with the key of `anchor` or one that new entries hand over to."""
    origin, log_key = anchor.charter.origin, anchor.log_key
    note = parse_note(note_text)
    if note.find(NoteKey(origin, ED25519, log_key)) is None:
        bodies = (parse_entry(parse_leaf(leaf).envelope).body for leaf in reversed(leaves))
        successor = next((body for body in bodies if isinstance(body, Handover)), None)
        log_key = log_key if successor is None else parse_public_key(successor.key)
    verify_note(note, NoteKey(origin, ED25519, log_key))
    checkpoint = parse_checkpoint(note.body)
    if checkpoint.origin != origin:
        raise Refused("witness.origin", f"expected the log `{origin}`, got `{checkpoint.origin}`")
    return note, checkpoint, log_key


def witness_name(origin: str, member: str) -> str:
    """Return the key name under which `member` cosigns the log `origin`."""
    return f"{origin}/{member}"
