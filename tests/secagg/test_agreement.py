import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hansa.errors import Malformed
from hansa.secagg.agreement import agree_secret, derive_key

P = 2**255 - 19
LOW_ORDER = [
    *((number).to_bytes(32, "little") for number in (0, 1, P - 1, P, P + 1)),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


def make_pair(fill: bytes):
    private = X25519PrivateKey.from_private_bytes(fill * 32)
    return private, private.public_key().public_bytes_raw()


def test_both_parties_agree_on_the_same_secret():
    (ours, our_public), (theirs, their_public) = make_pair(b"\x01"), make_pair(b"\x02")
    secret = agree_secret(ours, their_public)
    assert secret == agree_secret(theirs, our_public)
    assert len(secret) == 32


@pytest.mark.parametrize("public", LOW_ORDER, ids=lambda public: public.hex()[:8])
def test_a_point_of_low_order_is_refused(public):
    with pytest.raises(Malformed) as excinfo:
        agree_secret(make_pair(b"\x01")[0], public)
    assert excinfo.value.rule == "secagg.key"


def test_keys_are_derived_as_rfc_5869_says():
    secret, roster, label = b"s" * 32, b"r" * 32, b"purpose\n"
    extracted = hmac.digest(roster, secret, "sha256")
    expected = hmac.digest(extracted, label + b"\x02\x00" + b"\x01\x03" + b"\x01", "sha256")
    assert derive_key(secret, roster, label, 2, 0x0301) == expected


def test_every_argument_changes_the_key():
    keys = {
        derive_key(b"s" * 32, b"r" * 32, b"a\n", 1, 2),
        derive_key(b"S" * 32, b"r" * 32, b"a\n", 1, 2),
        derive_key(b"s" * 32, b"R" * 32, b"a\n", 1, 2),
        derive_key(b"s" * 32, b"r" * 32, b"b\n", 1, 2),
        derive_key(b"s" * 32, b"r" * 32, b"a\n", 2, 1),
    }
    assert len(keys) == 5
