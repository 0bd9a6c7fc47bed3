import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteKey,
    NoteSignature,
    SigningKey,
    cosign,
    parse_base64,
    parse_checkpoint,
    parse_note,
    parse_note_key,
    sign_checkpoint,
    verify_every_signature,
    verify_note,
)
from hansa.transparency.checkpoint import is_key_name

VECTORS = read("note")
LOG = SigningKey.from_seed(b"\x0a" * 32)
ORIGIN = "log.example/coalition"
KEY = NoteKey(ORIGIN, ED25519, LOG.public)


def check(vector):
    if vector["kind"] == "key":
        assert parse_note_key(vector["key"]).encode() == vector["key"]
        return
    note = parse_note(vector["text"])
    if vector["kind"] == "audit":
        verify_every_signature(note, [parse_note_key(key) for key in vector["keys"]])
    elif "key" in vector:
        verify_note(note, parse_note_key(vector["key"]))
    if vector["kind"] == "checkpoint":
        head = parse_checkpoint(note.body)
        assert head.encode() == note.body
        assert head.size == vector["size"]
    assert note.encode() == vector["text"]


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    if rule:
        with pytest.raises(Malformed) as excinfo:
            check(vector)
        assert excinfo.value.rule == rule
        assert "\n" not in str(excinfo.value)
    else:
        check(vector)


def test_signing_reproduces_the_example_of_go():
    # golang.org/x/mod sumdb/note: the key, whose seed is published with it, and the signature.
    published = parse_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
    signer = SigningKey.from_seed(published[1:])
    _, vector = VECTORS["note-peter-neumann-valid.json"]
    key = parse_note_key(vector["key"])
    assert signer.public == key.public
    note = parse_note(vector["text"])
    assert signer.sign(note.body.encode()) == note.signatures[0].signature


def test_a_checkpoint_is_signed_and_read_back():
    head = Checkpoint(ORIGIN, 12, bytes(range(32)))
    text = sign_checkpoint(head, LOG, ORIGIN).encode()
    note = parse_note(text)
    verify_note(note, KEY)
    assert parse_checkpoint(note.body) == head
    assert text.startswith(f"{ORIGIN}\n12\nAAEC")


def test_every_flipped_byte_of_a_checkpoint_is_refused_when_all_keys_are_known():
    witness = SigningKey.from_seed(b"\x0b" * 32)
    note = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(32)), LOG, ORIGIN)
    note = note.add([cosign(note.body, 1_795_431_600, witness, "witness.example")])
    keys = [KEY, NoteKey("witness.example", COSIGNATURE, witness.public)]
    data = note.encode().encode()
    verify_every_signature(note, keys)
    for at in range(len(data)):
        for bit in range(8):
            flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            with pytest.raises((Malformed, UnicodeDecodeError)):
                verify_every_signature(parse_note(flipped.decode()), keys)


def test_a_note_holds_more_than_a_thousand_signatures():
    strangers = [NoteSignature(f"stranger{n}.example", bytes(4), bytes(72)) for n in range(1_099)]
    note = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(32)), LOG, ORIGIN).add(strangers)
    verify_note(parse_note(note.encode()), KEY)


def test_a_key_reused_for_another_kind_has_another_id():
    assert NoteKey(ORIGIN, ED25519, LOG.public).id != NoteKey(ORIGIN, COSIGNATURE, LOG.public).id


def test_a_cosigning_key_does_not_sign_texts():
    note = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(32)), LOG, ORIGIN)
    with pytest.raises(ValueError):
        verify_note(note, NoteKey(ORIGIN, COSIGNATURE, LOG.public))


def test_a_second_line_of_one_key_is_our_own_mistake():
    note = sign_checkpoint(Checkpoint(ORIGIN, 12, bytes(32)), LOG, ORIGIN)
    with pytest.raises(ValueError):
        note.add(note.signatures)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\u200bb", " a", "a\x85"])
def test_strange_key_names_are_refused(name):
    assert not is_key_name(name)
    with pytest.raises(ValueError):
        NoteKey(name, ED25519, LOG.public)
    with pytest.raises(ValueError):
        Checkpoint(name, 0, bytes(32))


@pytest.mark.parametrize(
    "name", ["log.example/x", "transparency.dev/DEV:witness-little-garden", "küste.example"]
)
def test_usual_key_names_are_accepted(name):
    assert is_key_name(name)


def test_a_kind_that_is_not_ours_is_our_own_mistake():
    with pytest.raises(ValueError):
        NoteKey(ORIGIN, 6, LOG.public)


@pytest.mark.parametrize(("size", "root"), [(-1, bytes(32)), (0, bytes(31))])
def test_a_checkpoint_that_cannot_be_is_our_own_mistake(size, root):
    with pytest.raises(ValueError):
        Checkpoint(ORIGIN, size, root)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_back(size, root):
    head = Checkpoint(ORIGIN, size, root)
    assert parse_checkpoint(head.encode()) == head


@given(st.text(max_size=60))
def test_any_text_is_refused_or_a_note_in_its_one_spelling(text):
    candidates = [text, f"{text}\n\n— {ORIGIN} AAAAAAA=\n", f"a\n\n{text}\n", f"a\n\n— {text}\n"]
    for candidate in candidates:
        try:
            note = parse_note(candidate)
        except Malformed:
            continue
        assert note.encode() == candidate


@given(st.text(alphabet="01٣-+ \n", max_size=8), st.text(alphabet="AB=/ \n", max_size=46))
def test_any_text_is_refused_or_a_checkpoint_in_its_one_spelling(size, root):
    body = f"{ORIGIN}\n{size}\n{root}\n"
    try:
        head = parse_checkpoint(body)
    except Malformed:
        return
    assert head.encode() == body


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=1, max_size=80)), min_size=1, max_size=6))
def test_a_note_is_read_back(lines):
    signatures = {f"s{n}.example": NoteSignature(f"s{n}.example", bytes([n]) * 4, data) for n, data in lines}
    note = Note("text\n\nmore\n", tuple(signatures.values()))
    assert parse_note(note.encode()) == note
