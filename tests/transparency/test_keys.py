import hashlib
import pickle

import pytest
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import PublicKey, SigningKey, decode_public_key, encode_base64, parse_public_key

VECTORS = read("keys")


def check(vector):
    key = decode_public_key(bytes.fromhex(vector["public_hex"]))
    if "signature_hex" in vector:
        key.verify(bytes.fromhex(vector["signature_hex"]), bytes.fromhex(vector["message_hex"]))
    return key


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    if rule:
        with pytest.raises(Malformed) as excinfo:
            check(vector)
        assert excinfo.value.rule == rule
    else:
        assert check(vector).raw.hex() == vector["public_hex"]


@pytest.mark.parametrize("name", [name for name, (rule, _) in VECTORS.items() if rule is None])
def test_signing_reproduces_the_published_signatures(name):
    _, vector = VECTORS[name]
    key = SigningKey.from_seed(bytes.fromhex(vector["seed_hex"]))
    assert key.public.raw.hex() == vector["public_hex"]
    assert key.sign(bytes.fromhex(vector["message_hex"])).hex() == vector["signature_hex"]


def test_a_public_key_is_read_back_from_its_text():
    key = SigningKey.from_seed(bytes(32)).public
    assert parse_public_key(key.encode()) == key


@pytest.mark.parametrize("seed", range(20))
def test_honest_keys_are_accepted(seed):
    raw = SigningKey.from_seed(bytes([seed]) * 32).public.raw
    assert decode_public_key(raw).raw == raw


def test_a_key_has_one_spelling():
    text = SigningKey.from_seed(bytes(32)).public.encode()
    for other in (text.rstrip("="), text + "\n", text.replace("+", "-").replace("/", "_") + " "):
        with pytest.raises(Malformed) as excinfo:
            parse_public_key(other)
        assert excinfo.value.rule == "base64.not-canonical"


def test_the_fingerprint_is_the_hash_of_the_raw_key():
    key = SigningKey.from_seed(bytes(32)).public
    assert key.fingerprint == hashlib.sha256(key.raw).hexdigest()


def test_a_secret_does_not_print():
    key = SigningKey.from_seed(b"secret seed of thirty-two bytes!")
    assert repr(key) == str(key) == f"{key}" == "SigningKey()"


def test_a_secret_cannot_be_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(SigningKey.from_seed(bytes(32)))


def test_a_signature_of_another_length_is_invalid():
    key = SigningKey.from_seed(bytes(32))
    for signature in (b"", key.sign(b"x")[:63], key.sign(b"x") + b"\0"):
        with pytest.raises(Malformed) as excinfo:
            key.public.verify(signature, b"x")
        assert excinfo.value.rule == "signature.invalid"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_or_key_of_another_length_is_our_own_mistake(size):
    with pytest.raises(ValueError):
        SigningKey.from_seed(bytes(size))
    with pytest.raises(ValueError):
        PublicKey(bytes(size))


def test_a_weak_key_is_refused_as_text_too():
    with pytest.raises(Malformed) as excinfo:
        parse_public_key(encode_base64(bytes(32)))
    assert excinfo.value.rule == "key.weak"
