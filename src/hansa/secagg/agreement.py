"""Key agreement: one secret for two parties, and the separate keys that are derived from it."""

from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hansa.errors import Malformed

KEY_BYTES: Final = 32


def agree_secret(private_key: X25519PrivateKey, public_key: bytes) -> bytes:
    """Agree on 32 secret bytes with the holder of `public_key`; to be used through `derive_key` only.

    Args:
        private_key: our own, made for this sum.
        public_key: theirs, 32 bytes.

    Raises:
        Malformed: `secagg.key`, the public key is a point of low order, which would make the secret
            known to everybody.
    Source: RFC 7748, section 6.1.
    """
    try:
        return private_key.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        raise Malformed("secagg.key", "the advertised key is a point of low order") from None


def verify_order(public_key: bytes) -> None:
    """Refuse a key that every private key agrees with on the same, known secret.

    Raises:
        Malformed: `secagg.key`.
    """
    agree_secret(_any_private_key(), public_key)


@cache
def _any_private_key() -> X25519PrivateKey:
    """Any private key shows a point of low order, because all of them are multiples of the cofactor."""
    return X25519PrivateKey.from_private_bytes(bytes(32))


def derive_key(secret: bytes, salt: bytes, label: bytes, first: int, second: int) -> bytes:
    """Derive a 256-bit key for one purpose between two positions of a cohort.

    Args:
        secret: at least 32 bytes of full entropy.
        salt: digest of the adverts of those who share the key, which bind the session.
        label: the purpose, ending in a line feed.
        first: a position in the cohort.
        second: another one, or the hub's; the order matters.

    Returns:
        32 bytes.
    Source: RFC 5869 with SHA-256; salt `salt`, info `label`, `first`, `second`.
    """
    info = label + first.to_bytes(2, "little") + second.to_bytes(2, "little")
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret)
