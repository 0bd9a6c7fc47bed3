"""The record's mechanics: one spelling, signatures, a Merkle tree, signed heads, and proofs.

Whatever this room accepts, it accepts in exactly one spelling, and each refusal names its rule. The
formats are those of RFC 8785, DSSE, RFC 6962 and C2SP (signed-note, tlog-checkpoint, tlog-cosignature,
tlog-tiles, tlog-proof); `docs/formats/` specifies how they are used.

This room must never: know what an entry means, read a clock or draw randomness, touch a file, or accept
bytes that it would write differently.

Example: sign an entry, log it, and prove offline that it is in the log and that a witness saw it.

    >>> from hansa.transparency import *
    >>> author, log, witness = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
    >>> envelope = sign_envelope(ENTRY_TYPE, encode({"say": "hello"}), [author])
    >>> leaves = [Leaf(parse_instant("2026-11-23T11:00:00Z"), envelope).encode()]
    >>> hashes = [hash_leaf(leaf) for leaf in leaves]
    >>> head = Checkpoint("log.example/hello", len(leaves), root_of(hashes))
    >>> note = sign_checkpoint(head, log, head.origin)
    >>> note = note.add([cosign(note.body, 1795431600, witness, "witness.example")])
    >>> receipt = parse_receipt(Receipt(0, prove_inclusion(hashes, 0), note).encode())
    >>> log_key = NoteKey(head.origin, ED25519, log.public)
    >>> witness_key = NoteKey("witness.example", COSIGNATURE, witness.public)
    >>> verify_receipt(receipt, leaves[0], log_key, [witness_key], cosignatures=1)
    >>> verify_envelope(parse_leaf(leaves[0]).envelope, {author.public.fingerprint: author.public})
"""

from hansa.transparency.canonical import Json, digest, encode, encode_base64, parse, parse_base64
from hansa.transparency.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteKey,
    NoteSignature,
    parse_checkpoint,
    parse_note,
    parse_note_key,
    sign_checkpoint,
    verify_note,
)
from hansa.transparency.cosignature import (
    cosign,
    count_cosignatures,
    final_threshold,
    verify_cosignature,
    verify_every_signature,
)
from hansa.transparency.instant import format_instant, parse_instant
from hansa.transparency.keys import PublicKey, SigningKey, decode_public_key, parse_public_key
from hansa.transparency.leaf import MAX_LEAF_BYTES, Leaf, parse_leaf
from hansa.transparency.merkle import (
    EMPTY_ROOT,
    Frontier,
    hash_children,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from hansa.transparency.receipt import Receipt, parse_receipt, verify_receipt
from hansa.transparency.statement import (
    ENTRY_TYPE,
    Envelope,
    Signature,
    pae,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from hansa.transparency.tiles import (
    TILE_WIDTH,
    TilePlace,
    cut_entry_bundle,
    entry_bundles,
    hash_tiles,
    pack_bundle,
    parse_tile_path,
    tile_path,
)

__all__ = [
    "COSIGNATURE",
    "ED25519",
    "EMPTY_ROOT",
    "ENTRY_TYPE",
    "MAX_LEAF_BYTES",
    "TILE_WIDTH",
    "Checkpoint",
    "Envelope",
    "Frontier",
    "Json",
    "Leaf",
    "Note",
    "NoteKey",
    "NoteSignature",
    "PublicKey",
    "Receipt",
    "Signature",
    "SigningKey",
    "TilePlace",
    "cosign",
    "count_cosignatures",
    "cut_entry_bundle",
    "decode_public_key",
    "digest",
    "encode",
    "encode_base64",
    "entry_bundles",
    "final_threshold",
    "format_instant",
    "hash_children",
    "hash_leaf",
    "hash_tiles",
    "pack_bundle",
    "pae",
    "parse",
    "parse_base64",
    "parse_checkpoint",
    "parse_envelope",
    "parse_instant",
    "parse_leaf",
    "parse_note",
    "parse_note_key",
    "parse_public_key",
    "parse_receipt",
    "parse_tile_path",
    "prove_consistency",
    "prove_inclusion",
    "root_of",
    "sign_checkpoint",
    "sign_envelope",
    "tile_path",
    "verify_consistency",
    "verify_cosignature",
    "verify_envelope",
    "verify_every_signature",
    "verify_inclusion",
    "verify_note",
    "verify_receipt",
]
