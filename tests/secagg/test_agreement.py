import hmac
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.secagg.agreement import agree_secret, derive_key, verify_order

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


@pytest.mark.parametrize("spelling", [0, 2**255], ids=["plain", "highest bit set"])
@pytest.mark.parametrize("public", LOW_ORDER, ids=lambda public: public.hex()[:8])
def test_a_point_of_low_order_is_known_without_an_agreement(public, spelling):
    respelt = (int.from_bytes(public, "little") + spelling).to_bytes(32, "little")
    for judge in (verify_order, partial(agree_secret, make_pair(b"\x01")[0])):
        with pytest.raises(Malformed) as excinfo:
            judge(respelt)
        assert excinfo.value.rule == "secagg.key"


def test_the_list_of_points_of_low_order_is_complete():
    """By doubling: all points of the 8-torsion of the curve and of the 4-torsion of its twist, which is all there are."""
    known = {int.from_bytes(public, "little") % P for public in LOW_ORDER}
    assert len(known) == 5
    doubled = {0: None}
    for u in known - {0}:
        numerator, denominator = (u * u - 1) ** 2 % P, 4 * u * (u * u + 486662 * u + 1) % P
        doubled[u] = numerator * pow(denominator, -1, P) % P
    # u = 0 has order 2; 1 and -1 are halves of it, on curve and twist; the curve's has two halves in turn.
    assert sorted(half for half, whole in doubled.items() if whole == 0) == [1, P - 1]
    assert sum(whole == 1 for whole in doubled.values()) == 2


@given(st.binary(min_size=32, max_size=32))
def test_the_list_and_an_agreement_judge_every_key_alike(public):
    def passes(judge):
        try:
            judge(public)
        except Malformed:
            return False
        return True

    assert passes(verify_order) == passes(partial(agree_secret, make_pair(b"\x01")[0]))


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
