"""Identity keys: Ed25519, one accepted spelling of a public key, a secret that does not print.

A signature is accepted as RFC 8032 section 5.1.7 says, without the cofactor: `[S]B = R + [k]A`, with
S below the group order. That, and public keys of which only the canonical encoding of a point of large
order is read, makes every verifier come to the same answer.

Source: RFC 8032 sections 5.1.2, 5.1.3 and 5.1.7.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hansa.errors import Malformed
from hansa.transparency.canonical import encode_base64, parse_base64

KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key.

    Args:
        raw: 32 bytes, the encoding of RFC 8032. Use `decode_public_key` or `parse_public_key` for
            bytes that somebody else sent.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"a public key has {KEY_BYTES} bytes, got {len(self.raw)}")

    def encode(self) -> str:
        """Return the key as base64 text."""
        return encode_base64(self.raw)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 raw bytes, lower-case hexadecimal; the key's name in an envelope."""
        return hashlib.sha256(self.raw).hexdigest()

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check one signature.

        Args:
            signature: 64 bytes.
            message: what was signed, any length.

        Raises:
            Malformed: `signature.invalid`.
        """
        try:
            self._verifier.verify(signature, message)
        except InvalidSignature:
            raise Malformed(
                "signature.invalid", f"the signature by the key `{self.fingerprint[:16]}…` does not verify"
            ) from None


@dataclass(frozen=True, repr=False)
class SigningKey:
    """An Ed25519 secret key. Its `repr` is blank, so that it cannot slip into a message.

    Args:
        secret: the key as the cryptographic library holds it; use `from_seed`.
    """

    secret: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key of a 32-byte seed, which the caller drew.

        Raises:
            ValueError: the seed does not have 32 bytes.
        """
        if len(seed) != KEY_BYTES:
            raise ValueError(f"a seed has {KEY_BYTES} bytes, got {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.secret.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Sign a message, deterministically; 64 bytes."""
        return self.secret.sign(message)

    def __repr__(self) -> str:
        return "SigningKey()"


def parse_public_key(text: str) -> PublicKey:
    """Read a public key from base64.

    Raises:
        Malformed: `base64.not-canonical`, or as `decode_public_key`.
    """
    return decode_public_key(parse_base64(text))


def decode_public_key(raw: bytes) -> PublicKey:
    """Check 32 bytes that somebody else calls a public key.

    Raises:
        Malformed: `key.length`; `key.not-canonical` (the coordinate is not reduced modulo p, or no point
            of the curve has it); `key.weak` (one of the eight points of small order, for which
            anybody can make signatures that verify).
    Source: RFC 8032 section 5.1.3.
    """
    if len(raw) != KEY_BYTES:
        raise Malformed("key.length", f"a public key has {KEY_BYTES} bytes, got {len(raw)}")
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise Malformed("key.not-canonical", "the coordinate of the public key is not reduced")
    # Curve: -x^2 + y^2 = 1 + d x^2 y^2, so x^2 = numerator / denominator.
    numerator, denominator = (y * y - 1) % _P, (_D * y * y + 1) % _P
    if _has_small_order(y, numerator, denominator):
        raise Malformed("key.weak", "the public key is a point of small order")
    if pow(numerator * denominator, (_P - 1) // 2, _P) != 1:
        raise Malformed("key.not-canonical", "the public key is not a point of the curve")
    return PublicKey(raw)


def _has_small_order(y: int, numerator: int, denominator: int) -> bool:
    """Say whether a point with this y has order 1, 2, 4 or 8.

    Order 1 and 2 are (0, ±1), order 4 has y = 0, and a point doubles to y = 0 exactly when
    x^2 = -y^2 (the doubled y is (y^2 + x^2) / (1 - d x^2 y^2)), which is order 8.
    """
    return y in {0, 1, _P - 1} or (numerator + y * y * denominator) % _P == 0
