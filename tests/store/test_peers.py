"""Our published logs and signed heads, read by other people's implementations, and theirs by ours.

`tlog-scales` reads and writes C2SP tiles; `aics-tlog` audits them and cosigns, and needs Python 3.12.
"""

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import PlainEd25519Signer, Vkey, VkeySet
from tlog_scales.tlog import ConsistencyProofInvalid, InclusionProofInvalid
from tlog_scales.writer import TilesWriter

from hansa.errors import Malformed
from hansa.store import publish, read_tree
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    Receipt,
    SigningKey,
    cosign,
    hash_leaf,
    parse_checkpoint,
    parse_note,
    parse_receipt,
    prove_consistency,
    root_of,
    sign_checkpoint,
    verify_consistency,
    verify_cosignature,
    verify_inclusion,
    verify_note,
    verify_receipt,
)

ORIGIN = "log.example/peers"
LOG, WITNESS = (SigningKey.from_seed(bytes([n]) * 32) for n in (13, 12))
LOG_KEY = NoteKey(ORIGIN, ED25519, LOG.public)
WITNESS_KEY = NoteKey(f"{ORIGIN}/ada", COSIGNATURE, WITNESS.public)
AT = 1_795_431_600
SIZES = (1, 2, 255, 256, 257, 700)


def leaves_of(size):
    return [f"leaf {number}".encode() * (1 + number % 3) for number in range(size)]


def hashes_of(size):
    return [hash_leaf(leaf) for leaf in leaves_of(size)]


def show(folder, size):
    """Publish a log of this size, cosigned by one witness."""
    head = Checkpoint(ORIGIN, size, root_of(hashes_of(size)))
    note = sign_checkpoint(head, LOG, ORIGIN)
    note = note.add([cosign(note.body, AT, WITNESS, WITNESS_KEY.name)])
    publish(folder, leaves_of(size), note.encode())
    return note


def read(folder):
    reader = TilesReader(LocalBackend(folder))
    return reader, reader.get_checkpoint()


@pytest.mark.parametrize("size", SIZES)
def test_others_read_our_tiles_and_verify_our_signatures(tmp_path, size):
    show(tmp_path, size)
    reader, head = read(tmp_path)
    assert (head.origin, head.size) == (ORIGIN, size)
    assert reader.calculate_root_hash() == head.root_hash
    assert [reader.get_entry(index) for index in range(size)] == leaves_of(size)
    keys = [Vkey.from_string(key.encode()) for key in (LOG_KEY, WITNESS_KEY)]
    assert {key for key, _ in VkeySet(*keys).verify(head.signatures, head)} == set(keys)
    stranger = NoteKey(ORIGIN, ED25519, WITNESS.public)
    assert not VkeySet(Vkey.from_string(stranger.encode())).verify(head.signatures, head)


@pytest.mark.parametrize("size", SIZES)
def test_proofs_that_others_make_of_our_tiles_pass_here_and_ours_pass_there(tmp_path, size):
    show(tmp_path, size)
    reader, head = read(tmp_path)
    hashes = hashes_of(size)
    for index in {0, size // 2, size - 1}:
        proof = reader.get_inclusion_proof(index, size)
        verify_inclusion(hashes[index], index, size, proof.node_hashes, head.root_hash)
        with pytest.raises(InclusionProofInvalid):
            proof.check(hash_leaf(b"another"), head.root_hash)
    for old in {1, size // 2 + 1, size}:
        proof = reader.get_consistency_proof(old, size)
        assert tuple(proof.node_hashes) == prove_consistency(hashes, old)
        verify_consistency(old, root_of(hashes[:old]), size, head.root_hash, proof.node_hashes)
        proof.check(root_of(hashes[:old]), head.root_hash)
        with pytest.raises(ConsistencyProofInvalid):
            proof.check(bytes(32), head.root_hash)


def test_a_receipt_that_others_make_of_our_tiles_is_one_here(tmp_path):
    show(tmp_path, 300)
    reader, head = read(tmp_path)
    proof = reader.get_inclusion_proof(270, head.size)
    text = Receipt(270, tuple(proof.node_hashes), parse_note(head.serialize())).encode()
    verify_receipt(parse_receipt(text), leaves_of(300)[270], LOG_KEY, [WITNESS_KEY], cosignatures=1)


@pytest.mark.parametrize("size", SIZES)
def test_a_log_that_others_write_is_read_here(tmp_path, size):
    writer = TilesWriter.create(tmp_path / "log", ORIGIN)
    for leaf in leaves_of(size):
        writer.add_leaf(leaf)
    writer.commit([PlainEd25519Signer(ORIGIN, LOG.secret)])
    tree = read_tree(tmp_path / "log")
    assert list(tree.leaves) == leaves_of(size)
    verify_note(parse_note(tree.note_text), LOG_KEY)


def test_a_tile_of_theirs_that_was_changed_is_named_here(tmp_path):
    writer = TilesWriter.create(tmp_path / "log", ORIGIN)
    writer.add_leaf(b"leaf")
    writer.commit([PlainEd25519Signer(ORIGIN, LOG.secret)])
    (tmp_path / "log" / "tile" / "0" / "000.p" / "1").write_bytes(bytes(32))
    with pytest.raises(Malformed) as caught:
        read_tree(tmp_path / "log")
    assert caught.value.rule == "tree.entry"


@pytest.fixture
def aics():
    return pytest.importorskip("aics_tlog", reason="aics-tlog needs Python 3.12")


@pytest.mark.parametrize("size", SIZES)
def test_another_auditor_finds_every_tile_in_its_place(tmp_path, aics, size):
    head = parse_checkpoint(show(tmp_path, size).body)
    report = aics.audit_tiles(aics.FileSystemTileReader(tmp_path), size, head.root)
    assert (report.size, report.bundles) == (size, -(-size // 256))
    tile = next(path for path in (tmp_path / "tile" / "0").rglob("*") if path.is_file())
    tile.write_bytes(bytes(len(tile.read_bytes())))
    with pytest.raises(aics.TileVerificationError):
        aics.audit_tiles(aics.FileSystemTileReader(tmp_path), size, head.root)


def test_a_cosignature_by_another_implementation_counts_here_and_ours_there(tmp_path, aics):
    head = parse_checkpoint(show(tmp_path, 3).body)
    note = sign_checkpoint(head, LOG, ORIGIN)
    _, line = aics.sign_cosignature(WITNESS.secret, WITNESS_KEY.name, AT, head.origin, head.size, head.root)
    theirs = aics.parse_note(note.encode())
    theirs = aics.Note(theirs.text, [*theirs.signatures, line])
    assert verify_cosignature(parse_note(theirs.serialise()), WITNESS_KEY) == AT
    ours = cosign(note.body, AT, WITNESS, WITNESS_KEY.name)
    assert ours.signature == line.signature
