"""A tag finds what changed on the way, for who made it and for the hub alone."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.secagg.statement import Advert
from hansa.secagg.tagging import Tagger, derive_tag_key, is_tag

KEY = b"k" * 32


def private_key(letter):
    return X25519PrivateKey.from_private_bytes(letter * 32)


def public_key(letter):
    return private_key(letter).public_key().public_bytes_raw()


ADVERT = Advert(b"s" * 32, 3, public_key(b"m"), public_key(b"c"), b"k" * 32, b"g" * 64)


@given(st.lists(st.binary(max_size=600)))
def test_a_tag_does_not_depend_on_how_bytes_are_cut(parts):
    tagger = Tagger(KEY)
    for part in parts:
        tagger.update(part)
    tag = tagger.finish()
    assert tag == AESGCM(KEY).encrypt(bytes(12), b"", b"".join(parts))  # the obvious one
    assert is_tag(tag, KEY, b"".join(parts))


def test_a_tag_of_more_than_a_chunk_is_the_same():
    data = bytes(range(256)) * 4_000
    assert is_tag(AESGCM(KEY).encrypt(bytes(12), b"", data), KEY, data[:100], data[100:])


def test_another_bit_key_or_tag_is_found():
    data = bytes(1000)
    tag = AESGCM(KEY).encrypt(bytes(12), b"", data)
    assert is_tag(tag, KEY, data)
    assert not any(
        is_tag(tag, KEY, data[:place] + b"\x01" + data[place + 1 :]) for place in range(0, 1000, 37)
    )
    assert not is_tag(tag, b"K" * 32, data)
    assert not is_tag(tag[:-1] + bytes((tag[-1] ^ 1,)), KEY, data)
    assert not is_tag(tag, KEY, data + b"\0")


def test_the_member_and_the_hub_derive_one_key_and_nobody_else_does():
    hub_key = public_key(b"h")
    key = derive_tag_key(private_key(b"c"), hub_key, ADVERT, hub_key)
    assert key == derive_tag_key(private_key(b"h"), public_key(b"c"), ADVERT, hub_key)
    assert key != derive_tag_key(private_key(b"x"), hub_key, ADVERT, hub_key)
    assert key != derive_tag_key(private_key(b"c"), hub_key, ADVERT, public_key(b"x"))


def test_the_key_of_a_tag_binds_the_advert():
    other = Advert(b"o" * 32, 3, public_key(b"m"), public_key(b"c"), b"k" * 32, b"g" * 64)
    hub_key = public_key(b"h")
    one, another = (derive_tag_key(private_key(b"c"), hub_key, advert, hub_key) for advert in (ADVERT, other))
    assert one != another


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_hub_key_of_low_order_is_refused(point):
    with pytest.raises(Malformed, match=r"secagg\.key"):
        derive_tag_key(private_key(b"c"), point, ADVERT, point)
