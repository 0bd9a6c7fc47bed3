"""Forks: two heads of one log, both signed by it, that cannot both be its head.

Members compare heads whenever they like, by whatever way a file takes. What they find is evidence that anybody can check with
nothing else at hand. Specified in `docs/formats/fork.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hansa.coalition.snapshot import State
from hansa.coalition.state import replay
from hansa.errors import Malformed, Refused
from hansa.transparency import (
    ED25519,
    Note,
    NoteKey,
    canonical,
    encode_base64,
    hash_leaf,
    parse_base64,
    parse_checkpoint,
    parse_note,
    parse_note_key,
    prove_consistency,
    root_of,
    verify_consistency,
    verify_note,
)
from hansa.transparency.merkle import HASH_BYTES

FORMAT: Final = "hansa/v1/fork"

_FIELDS: Final = frozenset({"format", "founding", "first", "second", "root", "proof"})
_HEAD_FIELDS: Final = frozenset({"key", "note"})


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint and the log key that signed it."""

    key: NoteKey
    note: Note


@dataclass(frozen=True, slots=True)
class Fork:
    """Evidence that a log was forked.

    Args:
        founding: the log's first leaf, in which the founders name its key.
        first: a head of the log.
        second: another one, of as many entries or more.
        root: what the tree of `second` has as the root over as many entries as `first` has; 32 bytes.
        proof: that it has, a consistency proof.
    """

    founding: bytes
    first: SignedHead
    second: SignedHead
    root: bytes
    proof: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the file: canonical JSON and a line feed."""
        value: canonical.Json = {
            "format": FORMAT,
            "founding": self.founding.decode(),
            "first": {"key": self.first.key.encode(), "note": self.first.note.encode()},
            "second": {"key": self.second.key.encode(), "note": self.second.note.encode()},
            "root": encode_base64(self.root),
            "proof": [encode_base64(node) for node in self.proof],
        }
        return canonical.encode(value) + b"\n"


Verdict = Literal["same", "behind", "ahead", "continues", "superseded", "fork"]
"""How another's head is to one's own log. `behind`: it is a beginning of it. `ahead`: it has more entries, and does not show which.
`continues`: said by who holds both logs, when the other is known to continue one's own. `superseded`: signed with a key that the log was
handed over from, over entries that came later."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a head with a log.

    Args:
        verdict: see `Verdict`.
        size: entries of the other's head.
        own_size: entries of one's own.
        fork: the evidence, for the verdict `fork`.
    """

    verdict: Verdict
    size: int
    own_size: int
    fork: Fork | None = None


def compare_head(leaves: Sequence[bytes], note_text: str, other_text: str) -> Comparison:
    """Hold another's head against one's own log.

    Args:
        leaves: one's own, all that one's own checkpoint covers; they are folded again.
        note_text: one's own checkpoint.
        other_text: the other's.

    Raises:
        Malformed: one of both cannot be read, or the log did not sign it.
        Refused: `compare.origin`, the head is another log's; `compare.key`, no key signed it that the log has had.
    """
    state = replay(leaves)
    if state is None:
        raise Refused("log.empty", "the log holds no entry yet")
    origin = state.charter.origin
    own = SignedHead(NoteKey(origin, ED25519, state.log_key), parse_note(note_text))
    verify_note(own.note, own.key)
    note = parse_note(other_text)
    head, own_size = parse_checkpoint(note.body), parse_checkpoint(own.note.body).size
    if head.origin != origin:
        raise Refused("compare.origin", f"expected a head of the log `{origin}`, got one of `{head.origin}`")
    key = _find_signer(state, note, head.size)
    if key.public != state.log_key_at(head.size):
        return Comparison("superseded", head.size, own_size)
    if head.size > own_size:
        return Comparison("ahead", head.size, own_size)
    hashes = [hash_leaf(leaf) for leaf in leaves]
    root = root_of(hashes[: head.size])
    if root == head.root:
        return Comparison("same" if head.size == own_size else "behind", head.size, own_size)
    proof = prove_consistency(hashes, head.size)
    fork = Fork(leaves[0], SignedHead(key, note), own, root, proof)
    return Comparison("fork", head.size, own_size, fork)


def parse_fork(data: bytes) -> Fork:
    """Read evidence of a fork; nothing is verified yet.

    Raises:
        Malformed: `fork.form`, and the rules of `canonical-json`, `note`, `note-key` and `base64`.
    Guarantees:
        `parse_fork(data).encode() == data`.
    """
    if not data.endswith(b"\n"):
        raise Malformed("fork.form", "the file ends with a line feed")
    value = canonical.parse(data[:-1])
    if not isinstance(value, dict) or value.keys() != _FIELDS or value["format"] != FORMAT:
        raise Malformed("fork.form", f"expected the format `{FORMAT}` and {', '.join(sorted(_FIELDS))}")
    founding, root, proof = value["founding"], value["root"], value["proof"]
    if not (isinstance(founding, str) and isinstance(root, str) and isinstance(proof, list)):
        raise Malformed("fork.form", "founding and root are texts, proof is a list")
    nodes = tuple(parse_base64(node) if isinstance(node, str) else b"" for node in proof)
    raw = parse_base64(root)
    if any(len(node) != HASH_BYTES for node in (raw, *nodes)):
        raise Malformed("fork.form", f"root and proof are hashes of {HASH_BYTES} bytes")
    return Fork(founding.encode(), _parse_head(value["first"]), _parse_head(value["second"]), raw, nodes)


def verify_fork(fork: Fork) -> State:
    """Check that two heads contradict each other, and return the state of the founding that names the log.

    Raises:
        Malformed, Refused: `fork.origin` (they are not of the log that is founded), `fork.none` (they do not contradict each
            other), and the rules of `note`, `checkpoint`, `signature`, `consistency` and of the founding.
    """
    # 1. The founding stands for itself: all founders signed it.
    state = replay([fork.founding])
    assert state is not None  # there was a leaf
    # 2. Both heads are signed, and are of the log that is founded.
    for head in (fork.first, fork.second):
        verify_note(head.note, head.key)
        named = {head.key.name, parse_checkpoint(head.note.body).origin}
        if named != {state.charter.origin}:
            raise Malformed("fork.origin", f"expected heads of the log `{state.charter.origin}`")
    # 3. The second begins with another tree than the first one is.
    first, second = (parse_checkpoint(head.note.body) for head in (fork.first, fork.second))
    verify_consistency(first.size, fork.root, second.size, second.root, fork.proof)
    if fork.root == first.root:
        raise Refused("fork.none", "the second head continues the first; nothing contradicts anything")
    return state


def _find_signer(state: State, note: Note, size: int) -> NoteKey:
    """Return which of the log's keys signed a note: the one that should have, or one before it."""
    if all(note.find(NoteKey(state.charter.origin, ED25519, tenure.key)) is None for tenure in state.tenures):
        raise Refused(
            "compare.key",
            f"no key signed it that this log has had in its first {state.size} entries; members may have handed the log over since: follow "
            "the new hub (`hansa hub handover take FILE`) and compare again, or let whoever made the head compare it with yours; "
            "if nobody knows of a handover, the head is forged",
        )
    tenures = [tenure for tenure in state.tenures if tenure.first <= max(size, 1)]
    keys = [NoteKey(state.charter.origin, ED25519, tenure.key) for tenure in reversed(tenures)]
    key = next((key for key in keys if note.find(key) is not None), keys[0])
    verify_note(note, key)
    return key


def _parse_head(value: canonical.Json) -> SignedHead:
    if not isinstance(value, dict) or value.keys() != _HEAD_FIELDS:
        raise Malformed("fork.form", "a head is a `key` and a `note`")
    key, note = value["key"], value["note"]
    if not (isinstance(key, str) and isinstance(note, str)):
        raise Malformed("fork.form", "key and note are texts")
    parsed = parse_note_key(key)
    if parsed.kind != ED25519:
        raise Malformed("fork.form", "a log signs with a key of kind 0x01")
    return SignedHead(parsed, parse_note(note))
