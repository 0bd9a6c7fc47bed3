"""Receipts: proof, to be checked offline, that a leaf is in the log and that members saw it there.

Source: C2SP tlog-proof.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hansa.errors import Malformed
from hansa.transparency.canonical import encode_base64, parse_base64
from hansa.transparency.checkpoint import Note, NoteKey, parse_checkpoint, parse_note, verify_note
from hansa.transparency.cosignature import count_cosignatures
from hansa.transparency.merkle import HASH_BYTES, hash_leaf, verify_inclusion
from hansa.transparency.quoting import quote

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX_LINE = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_PROOF_HASHES = 63


@dataclass(frozen=True)
class Receipt:
    """A leaf's place in a log, proven.

    Args:
        index: number of the leaf, from 0.
        proof: the hashes of the inclusion proof, 32 bytes each, nearest the leaf first.
        note: the checkpoint, with the log's signature and the cosignatures.
    """

    index: int
    proof: tuple[bytes, ...]
    note: Note

    def encode(self) -> str:
        """Return the text of the receipt."""
        hashes = "".join(f"{encode_base64(node)}\n" for node in self.proof)
        return f"{_FIRST_LINE}\nindex {self.index}\n{hashes}\n{self.note.encode()}"


def parse_receipt(text: str) -> Receipt:
    """Read a receipt; nothing is verified here.

    Raises:
        Malformed: `receipt.form`, `receipt.extra` (the optional line of data that nobody signs),
            `receipt.index`, `receipt.hash`, and the rules of `note` and `base64`.
    Guarantees:
        `parse_receipt(text).encode() == text`.
    Source: C2SP tlog-proof, "Format".
    """
    head, gap, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if not gap or first != _FIRST_LINE or not lines:
        raise Malformed(
            "receipt.form", f"expected `{_FIRST_LINE}`, an index, hashes, an empty line and a note"
        )
    if lines[0].startswith("extra "):
        raise Malformed("receipt.extra", "a receipt carries no extra data, which nobody would have signed")
    match = _INDEX_LINE.fullmatch(lines[0])
    if not match:
        raise Malformed("receipt.index", f"expected `index` and a decimal, got {quote(lines[0])}")
    if len(lines) - 1 > _MAX_PROOF_HASHES:
        raise Malformed(
            "receipt.hash", f"a proof has at most {_MAX_PROOF_HASHES} hashes, got {len(lines) - 1}"
        )
    proof = tuple(map(parse_base64, lines[1:]))
    for node in proof:
        if len(node) != HASH_BYTES:
            raise Malformed("receipt.hash", f"a hash has {HASH_BYTES} bytes, got {len(node)}")
    return Receipt(int(match[1]), proof, parse_note(note))


def verify_receipt(
    receipt: Receipt, leaf: bytes, log_key: NoteKey, witnesses: Iterable[NoteKey] = (), cosignatures: int = 0
) -> None:
    """Check that a leaf is in the log, at the place that the receipt says.

    Args:
        receipt: as parsed.
        leaf: the bytes of the leaf.
        log_key: the log's key; its name is the origin that the checkpoint must have.
        witnesses: the keys whose cosignatures count.
        cosignatures: how many of them are needed.

    Raises:
        Malformed: `receipt.origin`, `receipt.cosignatures`, and the rules of `note`, `checkpoint`,
            `cosignature`, `signature` and `inclusion`.
    """
    # 1. The log signed the checkpoint.
    verify_note(receipt.note, log_key)
    # 2. It is a checkpoint, and of this log.
    checkpoint = parse_checkpoint(receipt.note.body)
    if checkpoint.origin != log_key.name:
        raise Malformed("receipt.origin", f"expected the log `{log_key.name}`, got `{checkpoint.origin}`")
    # 3. Enough witnesses cosigned it, and none of them wrongly.
    counted = count_cosignatures(receipt.note, witnesses)
    if counted < cosignatures:
        raise Malformed(
            "receipt.cosignatures", f"expected at least {cosignatures} cosignatures, got {counted}"
        )
    # 4. The leaf is in its tree.
    verify_inclusion(hash_leaf(leaf), receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
