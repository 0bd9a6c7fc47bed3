"""Cosignatures: a member's word that it replayed a checkpoint's log and that it follows.

A cosignature is a line of the checkpoint's note. It signs the head together with a time, under its own
first line, so that it can be mistaken for no other signature of the same key.

Source: C2SP tlog-cosignature, the Ed25519 form (`cosignature/v1`).
"""

import struct
from collections.abc import Iterable

from hansa.errors import Malformed
from hansa.transparency.checkpoint import (
    COSIGNATURE,
    Note,
    NoteKey,
    NoteSignature,
    parse_checkpoint,
    verify_note,
)
from hansa.transparency.keys import SIGNATURE_BYTES, SigningKey

_FORM = struct.Struct(f">Q{SIGNATURE_BYTES}s")
_END = 2**63


def cosign(checkpoint_body: str, at: int, key: SigningKey, name: str) -> NoteSignature:
    """Cosign a checkpoint.

    Args:
        checkpoint_body: the three lines of the note, as `Checkpoint.encode` returns them.
        at: Unix seconds, the witness's own clock.
        key: the witness's key.
        name: the witness's name in the note.

    Raises:
        Malformed: the body is not a checkpoint; nothing else is ever cosigned.
        ValueError: the time is negative.
    """
    parse_checkpoint(checkpoint_body)
    if not 0 <= at < _END:
        raise ValueError(f"{at} is not a time since 1970")
    note_key = NoteKey(name, COSIGNATURE, key.public)
    signature = key.sign(_signed_message(checkpoint_body, at))
    return NoteSignature(name, note_key.id, _FORM.pack(at, signature))


def verify_cosignature(note: Note, key: NoteKey) -> int:
    """Check that a witness cosigned this checkpoint.

    Returns:
        When it did, Unix seconds.

    Raises:
        Malformed: `cosignature.missing`, `cosignature.form` (not 72 bytes), `cosignature.time` (beyond
            2^63 - 1), `signature.invalid`.
        ValueError: the key is of another kind.
    """
    if key.kind != COSIGNATURE:
        raise ValueError(f"a key of kind {key.kind:#04x} does not cosign")
    line = note.find(key)
    if line is None:
        raise Malformed("cosignature.missing", f"no cosignature by `{key.name}` with the ID `{key.id.hex()}`")
    if len(line.signature) != _FORM.size:
        raise Malformed(
            "cosignature.form",
            f"a cosignature has {_FORM.size} bytes, got {len(line.signature)} from `{key.name}`",
        )
    at, signature = _FORM.unpack(line.signature)
    if at >= _END:
        raise Malformed("cosignature.time", f"the time of `{key.name}` lies beyond 2^63 - 1")
    key.public.verify(signature, _signed_message(note.body, at))
    return int(at)


def count_cosignatures(note: Note, keys: Iterable[NoteKey]) -> int:
    """Count the witnesses, out of those given, that cosigned.

    A key counts once, under whatever names it is given. Lines of unknown keys are ignored.

    Raises:
        Malformed: a line of a given witness does not verify; such a note is not used at all.
    """
    witnesses = set()
    for key in keys:
        if note.find(key) is not None:
            verify_cosignature(note, key)
            witnesses.add(key.public.raw)
    return len(witnesses)


def verify_every_signature(note: Note, keys: Iterable[NoteKey]) -> None:
    """Check that each line of a note is by a given key and verifies: nothing in the note is unaccounted for.

    A client must ignore lines of unknown keys, and `verify_note` does. Who audits a log of which all
    keys are known uses this, so that no byte of the note can change unseen.

    Raises:
        Malformed: `note.unknown-signer`, and the rules of `verify_note` and `verify_cosignature`.
    """
    known = {(key.name, key.id): key for key in keys}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            raise Malformed(
                "note.unknown-signer", f"nobody knows the key `{line.name}` with the ID `{line.key_id.hex()}`"
            )
        if key.kind == COSIGNATURE:
            verify_cosignature(note, key)
        else:
            verify_note(note, key)


def final_threshold(members: int) -> int:
    """Return how many cosignatures make a checkpoint final, unless the charter says otherwise.

    With n members that is 1 + floor(2n/3), more than two thirds, and all of them for n up to 3.

    Raises:
        ValueError: there is no member.
    """
    if members < 1:
        raise ValueError(f"a coalition has at least one member, got {members}")
    return members if members <= 3 else 1 + 2 * members // 3


def _signed_message(checkpoint_body: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint_body}".encode()
