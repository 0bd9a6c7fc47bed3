"""Signed requests, held against an implementation of RFC 9421 by others."""

from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.transparency import SigningKey
from hansa.transparency.request import Target, parse_signed_request, sign_request

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
NOW = 1_795_431_600
TARGET = Target("POST", "hub.example:8443", "/v1/entries", "a=b")
BODY = b'{"entries":[]}'


class Resolver(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id):
        return KEY.secret.public_key()

    def resolve_private_key(self, key_id):
        return KEY.secret


def sign(target=TARGET, body=BODY, nonce=bytes(16)):
    return sign_request(target, sha256(body).digest(), key_id="north-air", key=KEY, created=NOW, nonce=nonce)


def test_what_was_signed_is_read_back_and_verifies():
    request = parse_signed_request(sign())
    assert (request.key_id, request.created, request.nonce) == ("north-air", NOW, bytes(16))
    assert request.body_digest == sha256(BODY).digest()
    request.verify(TARGET, KEY.public)


def test_others_verify_what_we_sign():
    message = SimpleNamespace(
        method="POST", url="https://hub.example:8443/v1/entries?a=b", headers=dict(sign())
    )
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Resolver())
    verifier.verify(message, max_age=timedelta(days=365_000), expect_tag="hansa/v1", body=BODY)


def test_we_verify_what_others_sign():
    message = SimpleNamespace(method="POST", url="https://hub.example:8443/v1/entries?a=b", headers={})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Resolver())
    signer.sign(
        message,
        key_id="north-air",
        label="hansa",
        nonce="A" * 22 + "==",
        tag="hansa/v1",
        covered_component_ids=("@method", "@authority", "@path", "@query"),
        body=BODY,
    )
    headers = {name.lower(): value for name, value in message.headers.items()}
    # The order of the parameters is theirs to choose; ours is one of those they may write.
    order = ["created", "keyid", "alg", "nonce", "tag"]
    covered, *parameters = headers["signature-input"].split(";")
    assert [parameter.split("=")[0] for parameter in parameters] == order
    assert covered.startswith("hansa=(")
    parse_signed_request(headers).verify(TARGET, KEY.public)


@pytest.mark.parametrize(
    "changed",
    [
        Target("GET", "hub.example:8443", "/v1/entries", "a=b"),
        Target("POST", "other.example:8443", "/v1/entries", "a=b"),
        Target("POST", "hub.example:8443", "/v1/cosignatures", "a=b"),
        Target("POST", "hub.example:8443", "/v1/entries", ""),
    ],
)
def test_another_request_does_not_verify(changed):
    with pytest.raises(Malformed, match=r"signature\.invalid"):
        parse_signed_request(sign()).verify(changed, KEY.public)


def test_another_body_time_nonce_or_asker_does_not_verify():
    for changed in (
        {"content-digest": sign(body=b"other")["content-digest"]},
        {"signature-input": sign()["signature-input"].replace(str(NOW), str(NOW + 1))},
        {"signature-input": sign(nonce=bytes([1]) * 16)["signature-input"]},
        {"signature-input": sign()["signature-input"].replace("north-air", "south-air")},
    ):
        with pytest.raises(Malformed, match=r"signature\.invalid"):
            parse_signed_request({**sign(), **changed}).verify(TARGET, KEY.public)


def test_another_key_does_not_verify():
    with pytest.raises(Malformed, match=r"signature\.invalid"):
        parse_signed_request(sign()).verify(TARGET, OTHER.public)


@pytest.mark.parametrize("name", ["content-digest", "signature-input", "signature"])
def test_a_header_that_is_missing_is_named(name):
    headers = sign()
    del headers[name]
    with pytest.raises(Malformed, match=rf"request\.unsigned: the request has no {name}"):
        parse_signed_request(headers)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("signature-input", '"@path" ', ""),
        ("signature-input", '"@method" "@authority"', '"@authority" "@method"'),
        ("signature-input", "hansa=", "other="),
        ("signature-input", "hansa=", "hansa=hansa="),
        ("signature-input", ";alg=", ";expires=1;alg="),
        ("signature-input", "ed25519", "hmac-sha256"),
        ("signature-input", "hansa/v1", "hansa/v2"),
        ("signature-input", f"created={NOW}", f"created=0{NOW}"),
        ("signature-input", "north-air", "north air"),
        ("content-digest", "sha-256", "sha-512"),
        ("content-digest", "sha-256", "md5=:AAAA:, sha-256"),
        ("signature", "hansa=", "other="),
        ("signature", "hansa=:", "hansa=:A"),
    ],
)
def test_another_spelling_is_refused(name, old, new):
    headers = sign()
    assert old in headers[name]
    with pytest.raises(Malformed, match=r"request\.form"):
        parse_signed_request({**headers, name: headers[name].replace(old, new, 1)})


@given(st.text(max_size=300), st.text(max_size=100), st.text(max_size=100))
def test_no_text_is_more_than_malformed(one, two, three):
    with pytest.raises(Malformed):
        parse_signed_request({"signature-input": one, "content-digest": two, "signature": three})


def test_a_nonce_has_sixteen_bytes():
    with pytest.raises(ValueError, match="16 bytes"):
        sign(nonce=b"short")


@pytest.mark.parametrize("key_id", ["ada", "ada/clara", "a" * 63 + "/" + "b" * 63])
def test_a_key_is_named_after_its_member_or_after_member_and_holder(key_id):
    headers = sign_request(
        TARGET, sha256(BODY).digest(), key_id=key_id, key=KEY, created=NOW, nonce=bytes(16)
    )
    assert parse_signed_request(headers).key_id == key_id


@pytest.mark.parametrize(
    "key_id", ["", "/", "ada/", "/clara", "ada/clara/eve", "Ada", "ada/../eve", "a" * 64]
)
def test_no_other_name_of_a_key_is_read(key_id):
    headers = sign_request(
        TARGET, sha256(BODY).digest(), key_id=key_id, key=KEY, created=NOW, nonce=bytes(16)
    )
    with pytest.raises(Malformed) as caught:
        parse_signed_request(headers)
    assert caught.value.rule == "request.form"
