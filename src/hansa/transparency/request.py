"""A signed request: who asks a hub for something, in one accepted spelling of HTTP message signatures.

A signature covers method, host, path, query and the digest of the body, with a time and a nonce, under one
label and one tag. Nothing else that a caller can set is believed. `docs/formats/wire.md` shows one.

Source: RFC 9421 sections 2.2, 2.5 and 3.1; RFC 9530 section 2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hansa.errors import Malformed
from hansa.transparency.canonical import encode_base64, parse_base64
from hansa.transparency.keys import PublicKey, SigningKey

NONCE_BYTES: Final = 16
TAG: Final = "hansa/v1"
CONTENT_DIGEST: Final = "content-digest"
SIGNATURE_INPUT: Final = "signature-input"
SIGNATURE: Final = "signature"

_COVERED: Final = '("@method" "@authority" "@path" "@query" "content-digest")'
_PARAMETERS: Final = re.compile(
    re.escape(_COVERED)
    + r';created=(0|[1-9][0-9]{0,14});keyid="([a-z0-9][a-z0-9-]{0,62}(?:/[a-z0-9][a-z0-9-]{0,62})?)";alg="ed25519"'
    + r';nonce="([A-Za-z0-9+/]{22}==)";tag="'
    + re.escape(TAG)
    + '"'
)
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_SIGNATURE: Final = re.compile(r"hansa=:([A-Za-z0-9+/]{86}==):")


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of whom.

    Args:
        method: in capitals, such as `POST`.
        authority: host, and port unless it is that of the scheme, in lower case.
        path: as it stands in the request, with its percent signs.
        query: likewise, without its question mark; may be empty.
    """

    method: str
    authority: str
    path: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What the headers of a request say; believed only once `verify` has passed.

    Args:
        key_id: who says to ask: a member, or a member and the name of a key that it delegates to, `ada/clara`.
        created: when, Unix seconds.
        nonce: 16 bytes that this asker uses once.
        body_digest: SHA-256 of the body, 32 bytes.
    """

    key_id: str
    created: int
    nonce: bytes
    body_digest: bytes
    _parameters: str
    _signature: bytes

    def verify(self, target: Target, key: PublicKey) -> None:
        """Check that the holder of `key` signed exactly this request.

        Raises:
            Malformed: `signature.invalid`.
        """
        base = _write_base(target, _write_digest(self.body_digest), self._parameters)
        key.verify(self._signature, base)


def sign_request(
    target: Target, body_digest: bytes, *, key_id: str, key: SigningKey, created: int, nonce: bytes
) -> dict[str, str]:
    """Return the headers that sign a request.

    Args:
        target: what is asked of whom.
        body_digest: SHA-256 of the body, 32 bytes; also of an empty one.
        key_id: the asker's name on the record, `ada` or `ada/clara`.
        key: its key.
        created: Unix seconds.
        nonce: 16 bytes that the caller drew.

    Raises:
        ValueError: a nonce of another length.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, got {len(nonce)}")
    digest = _write_digest(body_digest)
    parameters = (
        f'{_COVERED};created={created};keyid="{key_id}";alg="ed25519";nonce="{encode_base64(nonce)}"'
        f';tag="{TAG}"'
    )
    signature = key.sign(_write_base(target, digest, parameters))
    return {
        CONTENT_DIGEST: digest,
        SIGNATURE_INPUT: f"hansa={parameters}",
        SIGNATURE: f"hansa=:{encode_base64(signature)}:",
    }


def parse_signed_request(headers: Mapping[str, str]) -> SignedRequest:
    """Read the three headers of a signed request; nothing is verified yet.

    Args:
        headers: by name in lower case.

    Raises:
        Malformed: `request.unsigned`, a header is missing; `request.form`, one is not in the accepted spelling.
    """
    missing = [name for name in (CONTENT_DIGEST, SIGNATURE_INPUT, SIGNATURE) if name not in headers]
    if missing:
        raise Malformed("request.unsigned", f"the request has no {' and no '.join(missing)}")
    said = headers[SIGNATURE_INPUT].removeprefix("hansa=")
    digest = _DIGEST.fullmatch(headers[CONTENT_DIGEST])
    parameters = _PARAMETERS.fullmatch(said)
    signature = _SIGNATURE.fullmatch(headers[SIGNATURE])
    if not (digest and parameters and signature) or said == headers[SIGNATURE_INPUT]:
        raise Malformed("request.form", "the request is signed in another form than docs/formats/wire.md")
    created, key_id, nonce = parameters.groups()
    return SignedRequest(
        key_id,
        int(created),
        parse_base64(nonce),
        parse_base64(digest[1]),
        said,
        parse_base64(signature[1]),
    )


def _write_digest(digest: bytes) -> str:
    return f"sha-256=:{encode_base64(digest)}:"


def _write_base(target: Target, digest: str, parameters: str) -> bytes:
    return "\n".join(
        (
            f'"@method": {target.method}',
            f'"@authority": {target.authority}',
            f'"@path": {target.path}',
            f'"@query": ?{target.query}',
            f'"content-digest": {digest}',
            f'"@signature-params": {parameters}',
        )
    ).encode("ascii", "strict")
