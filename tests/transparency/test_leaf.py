import pytest
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import (
    ENTRY_TYPE,
    MAX_LEAF_BYTES,
    Leaf,
    SigningKey,
    hash_leaf,
    parse_leaf,
    sign_envelope,
)

VECTORS = read("leaf")
ALICE = SigningKey.from_seed(b"\x01" * 32)
AT = 1_795_431_600


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    data = bytes.fromhex(vector["data_hex"])
    if rule:
        with pytest.raises(Malformed) as excinfo:
            parse_leaf(data)
        assert excinfo.value.rule == rule
    else:
        leaf = parse_leaf(data)
        assert leaf.encode() == data
        assert leaf.at == vector["at"]
        assert leaf.envelope.id == vector["entry_id"]
        assert hash_leaf(data).hex() == vector["leaf_hash"]


def test_every_flipped_bit_is_refused_or_another_leaf():
    data = Leaf(AT, sign_envelope(ENTRY_TYPE, b'{"a":1}', [ALICE])).encode()
    for at in range(len(data)):
        for bit in range(8):
            flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            try:
                leaf = parse_leaf(flipped)
            except Malformed:
                continue
            assert leaf.encode() == flipped


def longest():
    """Make a leaf of exactly 65,535 bytes: base64 grows by fours, the payload type by ones."""
    for letters in range(1, 5):
        kind = "x" * letters
        empty = len(Leaf(AT, sign_envelope(kind, b"", [ALICE])).encode())
        payload = bytes((MAX_LEAF_BYTES - empty) // 4 * 3)
        leaf = Leaf(AT, sign_envelope(kind, payload, [ALICE]))
        if len(leaf.encode()) == MAX_LEAF_BYTES:
            return leaf
    raise AssertionError


def test_a_leaf_of_65535_bytes_is_accepted():
    data = longest().encode()
    assert len(data) == 65_535
    assert parse_leaf(data).encode() == data


def test_a_leaf_of_65536_bytes_is_refused():
    leaf = longest()
    envelope = sign_envelope(leaf.envelope.payload_type + "x", leaf.envelope.payload, [ALICE])
    with pytest.raises(Malformed) as excinfo:
        Leaf(AT, envelope).encode()
    assert excinfo.value.rule == "leaf.too-long"
    assert "65,536" in excinfo.value.message
    with pytest.raises(Malformed) as excinfo:
        parse_leaf(leaf.encode().replace(b'"x', b'"xx', 1))
    assert excinfo.value.rule == "leaf.too-long"


def test_the_length_is_judged_before_anything_is_read():
    with pytest.raises(Malformed) as excinfo:
        parse_leaf(b"\xff" * 65_536)
    assert excinfo.value.rule == "leaf.too-long"
