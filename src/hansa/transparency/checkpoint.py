"""Signed heads of the log: notes, the keys that sign them, and checkpoints.

Text, byte for byte as other people's tools read it. `docs/formats/log.md` shows one and lists where we
are stricter than the specifications, which leave a second spelling open here and there.

Source: C2SP signed-note and tlog-checkpoint.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hansa.errors import Malformed
from hansa.transparency.canonical import encode_base64, parse_base64
from hansa.transparency.keys import PublicKey, SigningKey, decode_public_key
from hansa.transparency.merkle import HASH_BYTES
from hansa.transparency.quoting import is_printable, quote

ED25519 = 0x01
"""The kind of a key that signs the note's text."""

COSIGNATURE = 0x04
"""The kind of a key that cosigns with a time (tlog-cosignature)."""

MAX_NOTE_SIGNATURES = 2_048
"""The most signature lines that are read: room for a coalition of two thousand."""

_KINDS = (ED25519, COSIGNATURE)
_KEY_TEXT = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE = re.compile(r"— ([^ ]+) ([A-Za-z0-9+/=]+)")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True)
class NoteKey:
    """A key that may sign notes: a name, a kind and an Ed25519 key.

    Args:
        name: not empty, without white space and `+`; best a URL without a scheme.
        kind: `ED25519` or `COSIGNATURE`.
        public: the Ed25519 key.
    """

    name: str
    kind: int
    public: PublicKey

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ValueError(f"`{self.name}` is not the name of a note key")
        if self.kind not in _KINDS:
            raise ValueError(f"{self.kind:#04x} is not a kind of note key")

    @cached_property
    def id(self) -> bytes:
        """The key ID, 4 bytes: the beginning of SHA-256(name || LF || kind || key)."""
        return hashlib.sha256(b"%b\n%c%b" % (self.name.encode(), self.kind, self.public.raw)).digest()[:4]

    def encode(self) -> str:
        """Return the verifier key, `name+id+base64(kind || key)`."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(bytes([self.kind]) + self.public.raw)}"


def parse_note_key(text: str) -> NoteKey:
    """Read a verifier key.

    Raises:
        Malformed: `note-key.form`, `note-key.name`, `note-key.kind`, `note-key.id` (it is not the hash of
            the rest), and the rules of `base64` and `key`.
    """
    match = _KEY_TEXT.fullmatch(text)
    if not match:
        raise Malformed("note-key.form", f"expected `name+id+key`, got {quote(text, 80)}")
    name, key_id, material = match[1], match[2], parse_base64(match[3])
    if not is_key_name(name):
        raise Malformed("note-key.name", f"{quote(name, 80)} is not the name of a note key")
    if material[0] not in _KINDS:
        raise Malformed("note-key.kind", f"keys of kind {material[0]:#04x} are not supported")
    key = NoteKey(name, material[0], decode_public_key(material[1:]))
    if key.id.hex() != key_id:
        raise Malformed("note-key.id", f"expected the ID `{key.id.hex()}` for this key, got `{key_id}`")
    return key


def is_key_name(name: str) -> bool:
    """Say whether a text may name a note key."""
    return name != "" and is_printable(name) and " " not in name and "+" not in name


@dataclass(frozen=True)
class NoteSignature:
    """One signature line.

    Args:
        name: of the key.
        key_id: 4 bytes.
        signature: what the kind of key defines; 64 bytes for `ED25519`, 72 for `COSIGNATURE`.
    """

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        """Return the line with its newline."""
        return f"— {self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A signed text.

    Args:
        body: the text, ending in a newline.
        signatures: at least one; no two of the same key.
    """

    body: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> str:
        """Return the note's text: body, empty line, signature lines."""
        return f"{self.body}\n{''.join(signature.encode() for signature in self.signatures)}"

    def add(self, signatures: Sequence[NoteSignature]) -> "Note":
        """Return the note with more signature lines.

        Raises:
            ValueError: two signatures of the same key.
        """
        together = (*self.signatures, *signatures)
        if len({(signature.name, signature.key_id) for signature in together}) != len(together):
            raise ValueError("a note holds one signature of each key")
        return Note(self.body, together)

    def find(self, key: NoteKey) -> NoteSignature | None:
        """Return the signature line of a key, unverified, if there is one."""
        for signature in self.signatures:
            if signature.key_id == key.id and signature.name == key.name:
                return signature
        return None


def parse_note(text: str) -> Note:
    """Read a note; no signature is verified here.

    Raises:
        Malformed: `note.control` (a control character, or half of a surrogate pair), `note.form` (no empty line, no signature, a
            missing last newline), `note.signature-line`, `note.too-many-signatures`,
            `note.duplicate-signature` (two lines of one key), `base64.not-canonical`.
    Guarantees:
        `parse_note(text).encode() == text`.
    Source: C2SP signed-note, "Format".
    """
    if match := _CONTROL.search(text):
        raise Malformed(
            "note.control", f"a note has no control character and no half character {ord(match.group()):#04x}"
        )
    head, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n") or not tail.strip("\n"):
        raise Malformed(
            "note.form", "expected a text, an empty line and signature lines, each ending in a newline"
        )
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_NOTE_SIGNATURES:
        raise Malformed("note.too-many-signatures", f"a note has at most {MAX_NOTE_SIGNATURES:,} signatures")
    signatures = tuple(map(_parse_signature_line, lines))
    if len({(signature.name, signature.key_id) for signature in signatures}) != len(signatures):
        raise Malformed("note.duplicate-signature", "a note holds one signature of each key")
    return Note(head + "\n", signatures)


def verify_note(note: Note, key: NoteKey) -> None:
    """Check that a key of kind `ED25519` signed the note. Signatures of other keys are ignored.

    Raises:
        Malformed: `note.unsigned` (no signature by this key), `signature.invalid`.
        ValueError: the key is of another kind; see `cosignature.verify_cosignature`.
    """
    if key.kind != ED25519:
        raise ValueError(f"a key of kind {key.kind:#04x} does not sign the text of a note")
    signature = note.find(key)
    if signature is None:
        raise Malformed("note.unsigned", f"no signature by `{key.name}` with the ID `{key.id.hex()}`")
    key.public.verify(signature.signature, note.body.encode())


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log.

    Args:
        origin: the log's name, a URL without a scheme.
        size: number of leaves.
        root: 32 bytes, the root of the tree.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            raise ValueError(f"`{self.origin}` is not the name of a log")
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise ValueError("a checkpoint has a size of at least 0 and a root of 32 bytes")

    def encode(self) -> str:
        """Return the body of the note: three lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def parse_checkpoint(body: str) -> Checkpoint:
    """Read the body of a checkpoint note.

    Raises:
        Malformed: `checkpoint.form` (not three lines; extension lines are refused, because nobody could
            check what they say), `checkpoint.origin`, `checkpoint.size`, `checkpoint.root`,
            `base64.not-canonical`.
    Guarantees:
        `parse_checkpoint(body).encode() == body`.
    Source: C2SP tlog-checkpoint, "Note text".
    """
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise Malformed("checkpoint.form", f"expected three lines, got {len(lines) - 1}")
    origin, size, root = lines[0], lines[1], lines[2]
    if not is_key_name(origin):
        raise Malformed("checkpoint.origin", f"{quote(origin, 80)} is not the name of a log")
    if not _DECIMAL.fullmatch(size):
        raise Malformed("checkpoint.size", f"expected a decimal without leading zeroes, got {quote(size)}")
    raw = parse_base64(root)
    if len(raw) != HASH_BYTES:
        raise Malformed("checkpoint.root", f"a root has {HASH_BYTES} bytes, got {len(raw)}")
    return Checkpoint(origin, int(size), raw)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey, name: str) -> Note:
    """Sign a checkpoint as its log.

    Args:
        checkpoint: the head; the caller knows that it continues what was signed before.
        key: the log's key.
        name: the key's name, by custom the origin.
    """
    body = checkpoint.encode()
    note_key = NoteKey(name, ED25519, key.public)
    return Note(body, (NoteSignature(name, note_key.id, key.sign(body.encode())),))


def _parse_signature_line(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match or not is_key_name(match[1]):
        raise Malformed("note.signature-line", f"expected `— name base64`, got {quote(line, 80)}")
    raw = parse_base64(match[2])
    if len(raw) <= 4:
        raise Malformed("note.signature-line", f"the signature of {quote(match[1], 80)} is too short")
    return NoteSignature(match[1], raw[:4], raw[4:])
