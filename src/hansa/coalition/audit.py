"""The audit: what an outsider can establish from a published log alone, with nobody's help."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hansa.coalition.snapshot import State
from hansa.coalition.state import walk
from hansa.errors import Malformed, Refused
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Note,
    NoteKey,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    root_of,
    verify_every_signature,
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was established.

    Args:
        state: the fold over all entries.
        root: hex, the root of the tree that the checkpoint signs.
        kinds: how many entries of each kind were checked.
        cosigned_by: active members whose cosignature under the checkpoint verifies.
        cosignatures_needed: how many make it final.
    """

    state: State
    root: str
    kinds: Mapping[str, int]
    cosigned_by: tuple[str, ...]
    cosignatures_needed: int

    @property
    def is_final(self) -> bool:
        """Whether enough members have said that they replayed this and that it follows."""
        return len(self.cosigned_by) >= self.cosignatures_needed


def audit_log(leaves: Sequence[bytes], note_text: str, *, coalition: str | None = None) -> Audit:
    """Replay a log from its first entry and check the checkpoint over it.

    Args:
        leaves: all leaves, in order.
        note_text: the checkpoint with its signatures.
        coalition: the id that the caller expects, from an invitation or from a member it trusts; None
            accepts whichever coalition the log founds, and the caller should compare the id itself.

    Raises:
        Malformed, Refused: the first thing that is wrong, entries with their number.
    """
    # 1. Every entry follows from those before it: signatures, chains, clock, decisions, permits, bars.
    state, kinds = None, Counter[str]()
    for state, entry in walk(leaves):  # noqa: B007 - the last state is what counts
        kinds[entry.kind] += 1
    if state is None:
        raise Refused("log.empty", "the log holds no entry")
    # 2. It is the coalition that the caller meant.
    if coalition is not None and state.coalition != coalition:
        raise Refused(
            "audit.coalition", f"expected the coalition `{coalition}`, the log founds `{state.coalition}`"
        )
    # 3. and 4. The checkpoint covers exactly these entries, and every byte of its signatures verifies.
    try:
        note, witnesses = _verify_checkpoint(state, leaves, note_text)
    except Malformed as error:
        raise Malformed(error.rule, f"checkpoint: {error.message}") from error
    # 5. Enough of those who are members now have cosigned.
    active = {member.id for member in state.active_members}
    cosigned_by = tuple(name for name, key in sorted(witnesses.items()) if name in active and note.find(key))
    return Audit(
        state,
        parse_checkpoint(note.body).root.hex(),
        kinds,
        cosigned_by,
        cosignatures_needed(state),
    )


def _verify_checkpoint(
    state: State, leaves: Sequence[bytes], note_text: str
) -> tuple[Note, dict[str, NoteKey]]:
    # 3. The checkpoint covers exactly these entries.
    note = parse_note(note_text)
    checkpoint = parse_checkpoint(note.body)
    if checkpoint.origin != state.charter.origin:
        raise Malformed("checkpoint.origin", f"expected `{state.charter.origin}`, got `{checkpoint.origin}`")
    if checkpoint.size != len(leaves):
        raise Malformed(
            "checkpoint.size", f"the log has {len(leaves)} entries, the checkpoint covers {checkpoint.size}"
        )
    if checkpoint.root != root_of([hash_leaf(leaf) for leaf in leaves]):
        raise Malformed("checkpoint.root", "the entries do not have the root that the checkpoint signs")
    # 4. The log signed it, and every other line is a member's and verifies: no byte is unaccounted for.
    witnesses = {
        name: NoteKey(f"{state.charter.origin}/{name}", COSIGNATURE, record.key)
        for name, record in state.members.items()
    }
    log_key = NoteKey(state.charter.origin, ED25519, state.log_key)
    if note.find(log_key) is None:
        raise Malformed("note.unsigned", "the checkpoint is not signed by the log's own key")
    verify_every_signature(note, (log_key, *witnesses.values()))
    return note, witnesses


def cosignatures_needed(state: State) -> int:
    """Return how many active members' cosignatures make a checkpoint final under the charter in force."""
    return state.charter.witnesses.threshold(max(1, len(state.active_members)))
