"""Key agreement: one secret for two parties, and the separate keys that are derived from it."""

from typing import Final, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hansa.errors import Malformed

KEY_BYTES: Final = 32

_PRIME: Final = 2**255 - 19
_LOW_ORDER: Final = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    }
)
"""The coordinates of all points whose order divides the cofactor, of the curve or of its twist."""


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
        _refuse_order()


def verify_order(public_key: bytes) -> None:
    """Refuse a key that every private key agrees with on the same, known secret.

    Looks for the coordinate in the list of them all, which says the same as an agreement with any private
    key, a hundred times quicker.

    Raises:
        Malformed: `secagg.key`.
    Source: RFC 7748, section 5, for how bytes become a coordinate: the highest bit is ignored, and
        the rest reduced modulo the prime.
    """
    if int.from_bytes(public_key, "little") % 2**255 % _PRIME in _LOW_ORDER:
        _refuse_order()


def _refuse_order() -> NoReturn:
    """Refuse a key of low order."""
    raise Malformed("secagg.key", "the advertised key is a point of low order") from None


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
