import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import CryptoSigner, SSlibKey
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import (
    ENTRY_TYPE,
    SigningKey,
    pae,
    parse_envelope,
    parse_public_key,
    sign_envelope,
    verify_envelope,
)

VECTORS = read("envelope")
ALICE, BOB, CAROL = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))


def keys_of(*keys):
    return {key.public.fingerprint: key.public for key in keys}


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_gets_its_verdict(name):
    rule, vector = VECTORS[name]
    keys = {fingerprint: parse_public_key(text) for fingerprint, text in vector["keys"].items()}
    if rule:
        with pytest.raises(Malformed) as excinfo:
            verify_envelope(parse_envelope(vector["envelope"]), keys)
        assert excinfo.value.rule == rule
    else:
        envelope = parse_envelope(vector["envelope"])
        verify_envelope(envelope, keys)
        assert envelope.to_json() == vector["envelope"]
        assert envelope.signed_bytes.hex() == vector["pae_hex"]
        assert envelope.id == vector["id"]


def test_the_encoding_is_that_of_the_dsse_protocol():
    # DSSE protocol.md, Test Vectors.
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_lengths_count_bytes_and_not_characters():
    assert pae("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


@given(st.binary(max_size=60), st.sampled_from([(ALICE,), (ALICE, BOB), (CAROL, BOB, ALICE)]))
def test_another_implementation_of_dsse_verifies_our_envelopes(payload, signers):
    envelope = sign_envelope(ENTRY_TYPE, payload, signers)
    other = OtherEnvelope.from_dict(json.loads(json.dumps(envelope.to_json())))
    keys = [
        SSlibKey(key.public.fingerprint, "ed25519", "ed25519", {"public": key.public.raw.hex()})
        for key in signers
    ]
    assert other.pae() == envelope.signed_bytes
    assert set(other.verify(keys, len(keys))) == {key.public.fingerprint for key in signers}


@given(st.binary(max_size=60))
def test_we_verify_envelopes_of_another_implementation(payload):
    public = SSlibKey(ALICE.public.fingerprint, "ed25519", "ed25519", {"public": ALICE.public.raw.hex()})
    other = OtherEnvelope(payload=payload, payload_type=ENTRY_TYPE, signatures={})
    other.sign(CryptoSigner(ALICE.secret, public))
    verify_envelope(parse_envelope(other.to_dict()), keys_of(ALICE))


@given(st.binary(max_size=60), st.permutations([ALICE, BOB, CAROL]))
def test_signing_has_one_spelling_whatever_the_order_of_the_keys(payload, keys):
    envelope = sign_envelope(ENTRY_TYPE, payload, keys)
    assert envelope == sign_envelope(ENTRY_TYPE, payload, [ALICE, BOB, CAROL])
    assert parse_envelope(envelope.to_json()) == envelope


def test_a_signature_says_which_type_it_was_for():
    entry = sign_envelope(ENTRY_TYPE, b"{}", [ALICE])
    other = sign_envelope("application/vnd.hansa.other+json", b"{}", [ALICE])
    assert entry.id != other.id
    moved = parse_envelope({**other.to_json(), "payloadType": ENTRY_TYPE})
    with pytest.raises(Malformed) as excinfo:
        verify_envelope(moved, keys_of(ALICE))
    assert excinfo.value.rule == "signature.invalid"


def test_all_given_keys_have_to_sign_and_nobody_else():
    both = sign_envelope(ENTRY_TYPE, b"{}", [ALICE, BOB])
    verify_envelope(both, keys_of(ALICE, BOB))
    for keys, rule in [
        (keys_of(ALICE), "envelope.signer-unknown"),
        (keys_of(ALICE, BOB, CAROL), "envelope.signer-missing"),
        (keys_of(ALICE, CAROL), "envelope.signer-unknown"),
        ({}, "envelope.signer-unknown"),
    ]:
        with pytest.raises(Malformed) as excinfo:
            verify_envelope(both, keys)
        assert excinfo.value.rule == rule


@pytest.mark.parametrize("keys", [[], [ALICE, ALICE]], ids=["nobody", "twice"])
def test_signing_by_nobody_or_twice_is_our_own_mistake(keys):
    with pytest.raises(ValueError):
        sign_envelope(ENTRY_TYPE, b"{}", keys)


@pytest.mark.parametrize("payload_type", ["", "with space", "ö", "x" * 129])
def test_a_strange_payload_type_is_our_own_mistake(payload_type):
    with pytest.raises(ValueError):
        sign_envelope(payload_type, b"{}", [ALICE])
