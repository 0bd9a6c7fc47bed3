"""Make the vectors of envelopes: `envelope` as JSON, `keys` (fingerprint -> base64) that have to sign."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from vectorfiles import Case, bad, valid, write

from hansa.transparency import ENTRY_TYPE, Envelope, SigningKey, encode, encode_base64, pae, sign_envelope

DSSE = "DSSE protocol.md, Test Vectors (type, payload and PAE; there the signature is ECDSA)"

KEYS = [SigningKey.from_seed(bytes([n]) * 32) for n in range(1, 5)]
ALICE, BOB, CAROL, _ = KEYS


def expect(*keys: SigningKey) -> dict[str, str]:
    return {key.public.fingerprint: key.public.encode() for key in keys}


def describe(envelope: Envelope, *keys: SigningKey) -> dict[str, Any]:
    return {
        "envelope": envelope.to_json(),
        "keys": expect(*keys),
        "pae_hex": pae(envelope.payload_type, envelope.payload).hex(),
        "id": envelope.id,
    }


def cases() -> Iterator[Case]:
    hello = sign_envelope("http://example.com/HelloWorld", b"hello world", [ALICE])
    yield valid(
        "dsse-hello-world", "the example of the protocol, signed with Ed25519", DSSE, **describe(hello, ALICE)
    )
    one = sign_envelope(ENTRY_TYPE, encode({"say": "hello"}), [ALICE])
    two = sign_envelope(ENTRY_TYPE, encode({"say": "hello"}), [ALICE, BOB])
    yield valid("one-signer", "an entry with one signature", **describe(one, ALICE))
    yield valid(
        "two-signers", "an entry with two signatures, ascending by keyid", **describe(two, ALICE, BOB)
    )
    yield valid(
        "empty-payload", "a payload without bytes", **describe(sign_envelope(ENTRY_TYPE, b"", [BOB]), BOB)
    )
    yield valid(
        "binary-payload",
        "a payload of all bytes",
        **describe(sign_envelope("application/octet-stream", bytes(range(256)), [CAROL]), CAROL),
    )

    def spoil(
        rule: str, name: str, what: str, change: Callable[[dict[str, Any]], object], *keys: SigningKey
    ) -> Case:
        envelope: Any = copy.deepcopy(two.to_json())
        change(envelope)
        return bad(rule, name, what, envelope=envelope, keys=expect(*keys or (ALICE, BOB)))

    def set_field(field: str, value: object) -> Callable[[dict[str, Any]], object]:
        return lambda envelope: envelope.__setitem__(field, value)

    def set_signature(field: str, value: object) -> Callable[[dict[str, Any]], object]:
        return lambda envelope: envelope["signatures"][0].__setitem__(field, value)

    yield bad("envelope.form", "array", "not an object", envelope=[], keys=expect(ALICE))
    yield spoil("envelope.form", "unknown-field", "a field that DSSE does not have", set_field("note", "x"))
    yield spoil("envelope.form", "missing-field", "no payload type", lambda e: e.pop("payloadType"))
    yield spoil("envelope.form", "payload-not-text", "the payload is a number", set_field("payload", 5))
    yield spoil("envelope.form", "type-not-text", "the type is null", set_field("payloadType", None))
    yield spoil(
        "envelope.form",
        "signatures-not-array",
        "one signature without its array",
        lambda e: e.__setitem__("signatures", e["signatures"][0]),
    )
    yield spoil(
        "envelope.form",
        "signature-not-object",
        "a signature as text",
        lambda e: e["signatures"].__setitem__(0, "x"),
    )
    yield spoil(
        "envelope.form",
        "signature-unknown-field",
        "a certificate beside a signature",
        set_signature("cert", "x"),
    )
    yield spoil("envelope.form", "keyid-not-text", "a keyid that is a number", set_signature("keyid", 7))
    yield spoil("envelope.form", "sig-not-text", "a signature that is null", set_signature("sig", None))
    yield bad(
        "envelope.form",
        "no-keyid",
        "the example of the protocol: DSSE leaves the keyid open, we do not",
        DSSE,
        envelope={
            "payload": "aGVsbG8gd29ybGQ=",
            "payloadType": "http://example.com/HelloWorld",
            "signatures": [
                {
                    "sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJP"
                    "cIAriEGAHTVeCUjW2JIZA=="
                }
            ],
        },
        keys=expect(ALICE),
    )
    yield spoil("envelope.payload-type", "type-empty", "an empty type", set_field("payloadType", ""))
    yield spoil(
        "envelope.payload-type", "type-with-space", "a space in the type", set_field("payloadType", "a b")
    )
    yield spoil(
        "envelope.payload-type", "type-not-ascii", "a type that is not ASCII", set_field("payloadType", "ö")
    )
    yield spoil("envelope.signatures", "nobody-signed", "no signature", set_field("signatures", []))
    yield spoil(
        "envelope.signatures",
        "descending",
        "signatures in descending order",
        lambda e: e["signatures"].reverse(),
    )
    yield spoil(
        "envelope.signatures",
        "twice",
        "one signature twice",
        lambda e: e["signatures"].insert(0, e["signatures"][0]),
    )
    yield spoil(
        "envelope.keyid",
        "keyid-upper-case",
        "a keyid in upper case",
        lambda e: e["signatures"][0].__setitem__("keyid", e["signatures"][0]["keyid"].upper()),
    )
    yield spoil("envelope.keyid", "keyid-short", "a keyid that is cut", set_signature("keyid", "00ff"))
    yield spoil(
        "envelope.signature",
        "signature-short",
        "a signature of 63 bytes",
        set_signature("sig", encode_base64(bytes(63))),
    )
    yield spoil(
        "base64.not-canonical",
        "payload-url-alphabet",
        "the URL alphabet, which DSSE would allow",
        set_field("payload", "-_-_"),
    )
    yield spoil("base64.not-canonical", "payload-unpadded", "padding is missing", set_field("payload", "eyJ"))
    yield spoil(
        "base64.not-canonical",
        "payload-trailing-bits",
        "trailing bits are not zero",
        set_field("payload", "aGVsbG8gd29ybGR="),
    )
    yield spoil("base64.not-canonical", "payload-newline", "a line break", set_field("payload", "aGVs\nbG8="))
    yield spoil(
        "base64.not-canonical",
        "sig-spaces",
        "a space after a signature",
        lambda e: e["signatures"][0].__setitem__("sig", e["signatures"][0]["sig"] + " "),
    )
    yield spoil("envelope.signer-unknown", "third-signer", "somebody else signed too", lambda _: None, ALICE)
    yield spoil(
        "envelope.signer-missing",
        "missing-signer",
        "one of three did not sign",
        lambda _: None,
        ALICE,
        BOB,
        CAROL,
    )
    yield spoil(
        "signature.invalid",
        "other-payload",
        "the payload was replaced",
        set_field("payload", encode_base64(encode({"say": "bye"}))),
    )
    yield spoil(
        "signature.invalid",
        "other-type",
        "the type was replaced",
        set_field("payloadType", "application/vnd.hansa.order+json"),
    )
    yield spoil(
        "signature.invalid",
        "swapped",
        "the signatures were swapped",
        lambda e: e["signatures"].__setitem__(
            slice(None),
            [
                {"keyid": a["keyid"], "sig": b["sig"]}
                for a, b in zip(e["signatures"], reversed(e["signatures"]), strict=True)
            ],
        ),
    )


if __name__ == "__main__":
    write("envelope", cases())
