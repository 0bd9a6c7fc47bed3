import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import parse_note_key, parse_receipt, verify_receipt

VECTORS = {name: vector for name, vector in read("proof").items() if vector[1]["kind"] == "receipt"}


def check(vector, text=None):
    verify_receipt(
        parse_receipt(text or vector["text"]),
        bytes.fromhex(vector["leaf_hex"]),
        parse_note_key(vector["log_key"]),
        [parse_note_key(key) for key in vector["witnesses"]],
        vector["cosignatures"],
    )


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    if rule:
        with pytest.raises(Malformed) as excinfo:
            check(vector)
        assert excinfo.value.rule == rule
    else:
        check(vector)
        assert parse_receipt(vector["text"]).encode() == vector["text"]


def test_every_flipped_byte_is_refused_unless_it_makes_a_witness_unknown():
    _, vector = VECTORS["receipt-7-of-11-valid.json"]
    data = vector["text"].encode()
    survivors = []
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            check({**vector, "cosignatures": 3}, flipped.decode())
        except (Malformed, UnicodeDecodeError):
            continue
        survivors.append(at)
    assert survivors == []


@given(st.text(alphabet="index 0179\nextraA=", max_size=40))
def test_any_head_is_refused_or_the_one_spelling(head):
    _, vector = VECTORS["receipt-7-of-11-valid.json"]
    note = vector["text"].partition("\n\n")[2]
    text = f"c2sp.org/tlog-proof@v1\n{head}\n\n{note}"
    try:
        receipt = parse_receipt(text)
    except Malformed:
        return
    assert receipt.encode() == text
