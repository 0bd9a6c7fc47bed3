"""Signed statements: DSSE envelopes, in one spelling.

An envelope carries bytes, says what they are, and is signed over both at once (PAE), so that no
signature can be moved to another type of content. `docs/formats/envelope.md` is the specification.

Source: Dead Simple Signing Envelope (DSSE) v1, protocol.md and envelope.md.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from hansa.errors import Malformed
from hansa.transparency.canonical import Json, encode_base64, parse_base64
from hansa.transparency.keys import SIGNATURE_BYTES, PublicKey, SigningKey
from hansa.transparency.quoting import quote

ENTRY_TYPE = "application/vnd.hansa.entry+json"
"""The payload type of an entry of the log."""

_FIELDS = {"payload", "payloadType", "signatures"}
_SIGNATURE_FIELDS = {"keyid", "sig"}
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_PAYLOAD_TYPE = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True)
class Signature:
    """One signature of an envelope.

    Args:
        keyid: the fingerprint of the key, 64 lower-case hexadecimal digits.
        sig: 64 bytes.
    """

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload, its type, and who signed both.

    Args:
        payload_type: a media type, printable ASCII.
        payload: the bytes that are said.
        signatures: at least one, strictly ascending by `keyid`.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @cached_property
    def signed_bytes(self) -> bytes:
        """What every signature signs: `pae(payload_type, payload)`."""
        return pae(self.payload_type, self.payload)

    @cached_property
    def id(self) -> str:
        """SHA-256 of the signed bytes, lower-case hexadecimal: the name of what was said."""
        return hashlib.sha256(self.signed_bytes).hexdigest()

    def sign(self, key: SigningKey) -> "Envelope":
        """Return the envelope with the signature of one more key; a key signs once."""
        signature = Signature(key.public.fingerprint, key.sign(self.signed_bytes))
        return self.merge(Envelope(self.payload_type, self.payload, (signature,)))

    def merge(self, other: "Envelope") -> "Envelope":
        """Return the envelope with the signatures of another one over the same.

        Raises:
            ValueError: they say different things.
        """
        if self.signed_bytes != other.signed_bytes:
            raise ValueError("signatures of two different statements cannot be put together")
        signatures = {s.keyid: s for s in (*other.signatures, *self.signatures)}
        return replace(self, signatures=tuple(signatures[keyid] for keyid in sorted(signatures)))

    def to_json(self) -> dict[str, Json]:
        """Return the envelope as the JSON object of DSSE, of which `parse_envelope` is the inverse."""
        return {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": s.keyid, "sig": encode_base64(s.sig)} for s in self.signatures],
        }


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: type and payload, each with its length.

    Source: DSSE protocol.md, "Signature Definition".
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(value: Json) -> Envelope:
    """Read an envelope from its JSON object; the signatures are not verified yet.

    Raises:
        Malformed: `envelope.form` (not an object, a field missing or unknown, or of the wrong type),
            `envelope.payload-type`, `envelope.signatures` (none, or not strictly ascending by `keyid`),
            `envelope.keyid`, `envelope.signature` (not 64 bytes), `base64.not-canonical`.
    Guarantees:
        `parse_envelope(value).to_json() == value`.
    """
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise Malformed(
            "envelope.form", "expected an object with `payload`, `payloadType` and `signatures` only"
        )
    payload, payload_type, signatures = value["payload"], value["payloadType"], value["signatures"]
    if not (isinstance(payload, str) and isinstance(payload_type, str) and isinstance(signatures, list)):
        raise Malformed(
            "envelope.form", "expected `payload` and `payloadType` as text, `signatures` as an array"
        )
    if not _PAYLOAD_TYPE.fullmatch(payload_type):
        raise Malformed("envelope.payload-type", f"expected a media type, got {quote(payload_type)}")
    if not signatures:
        raise Malformed("envelope.signatures", "nobody signed")
    parsed = tuple(map(_parse_signature, signatures))
    for before, after in pairwise(parsed):
        if before.keyid >= after.keyid:
            raise Malformed(
                "envelope.signatures",
                f"`{after.keyid[:16]}…` repeats or is out of ascending order of `keyid`",
            )
    return Envelope(payload_type, parse_base64(payload), parsed)


def sign_envelope(payload_type: str, payload: bytes, keys: Sequence[SigningKey]) -> Envelope:
    """Make an envelope that all given keys sign.

    Raises:
        ValueError: no key, the same key twice, or a payload type that is not printable ASCII.
    """
    if not _PAYLOAD_TYPE.fullmatch(payload_type):
        raise ValueError(f"`{payload_type}` is not a media type")
    signers = {key.public.fingerprint: key for key in keys}
    if not signers or len(signers) != len(keys):
        raise ValueError("an envelope is signed by at least one key, and once by each")
    message = pae(payload_type, payload)
    signatures = tuple(Signature(keyid, key.sign(message)) for keyid, key in sorted(signers.items()))
    return Envelope(payload_type, payload, signatures)


def verify_envelope(envelope: Envelope, keys: Mapping[str, PublicKey]) -> None:
    """Check that exactly the given keys signed.

    Args:
        envelope: as parsed or made here.
        keys: fingerprint -> key, all of which must have signed.

    Raises:
        Malformed: `envelope.signer-unknown` (a signature by another key), `envelope.signer-missing`,
            `signature.invalid`.
    """
    present = {signature.keyid for signature in envelope.signatures}
    for keyid in sorted(present - keys.keys()):
        raise Malformed("envelope.signer-unknown", f"the key `{keyid[:16]}…` is not expected to sign this")
    for keyid in sorted(keys.keys() - present):
        raise Malformed("envelope.signer-missing", f"the key `{keyid[:16]}…` has to sign this and did not")
    for signature in envelope.signatures:
        keys[signature.keyid].verify(signature.sig, envelope.signed_bytes)


def _parse_signature(value: Json) -> Signature:
    if not isinstance(value, dict) or value.keys() != _SIGNATURE_FIELDS:
        raise Malformed(
            "envelope.form", "expected each signature to be an object with `keyid` and `sig` only"
        )
    keyid, sig = value["keyid"], value["sig"]
    if not (isinstance(keyid, str) and isinstance(sig, str)):
        raise Malformed("envelope.form", "expected `keyid` and `sig` as text")
    if not _FINGERPRINT.fullmatch(keyid):
        raise Malformed(
            "envelope.keyid", f"expected 64 lower-case hexadecimal digits, got {quote(keyid, 70)}"
        )
    raw = parse_base64(sig)
    if len(raw) != SIGNATURE_BYTES:
        raise Malformed("envelope.signature", f"a signature has {SIGNATURE_BYTES} bytes, got {len(raw)}")
    return Signature(keyid, raw)
