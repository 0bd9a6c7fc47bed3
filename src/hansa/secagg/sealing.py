"""Sealed boxes: the shares that one member sends to another through the hub, unread by it."""

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hansa.errors import Malformed
from hansa.secagg.agreement import derive_key
from hansa.secagg.field import ELEMENT_BYTES, encode_element, parse_element

_LABEL: Final = b"hansa/v1/secure-sum/share-box\n"
# Fixed nonce: safe because every box has a key of its own, derived from keys that live for one sum
# and from the direction, and a machine seals each box once.
_NONCE: Final = bytes(12)


@dataclass(frozen=True)
class HeldShares:
    """One member's shares of another member's two secrets."""

    self_seed: int = field(repr=False)
    mask_key: int = field(repr=False)


def derive_box_key(secret: bytes, salt: bytes, sender: int, recipient: int) -> bytes:
    """Derive the key of the one box that `sender` seals for `recipient`; each direction has its own."""
    return derive_key(secret, salt, _LABEL, sender, recipient)


def seal_shares(key: bytes, salt: bytes, sender: int, recipient: int, shares: HeldShares) -> bytes:
    """Encrypt two shares.

    Args:
        key: 32 bytes from `derive_box_key`, used once.
        salt: digest of the two adverts.
        sender: position of the dealer in the cohort.
        recipient: position of the holder.
        shares: the holder's shares of the dealer's secrets.

    Returns:
        82 bytes, AES-256-GCM with the tag at the end.
    """
    plain = encode_element(shares.self_seed) + encode_element(shares.mask_key)
    return AESGCM(key).encrypt(_NONCE, plain, _bind(salt, sender, recipient))


def open_shares(key: bytes, salt: bytes, sender: int, recipient: int, sealed: bytes) -> HeldShares:
    """Decrypt two shares.

    Raises:
        Malformed: `secagg.share`, the box was altered, is meant for somebody else or belongs to another
            sum, or a share is no element of the field.
    """
    try:
        plain = AESGCM(key).decrypt(_NONCE, sealed, _bind(salt, sender, recipient))
    except InvalidTag:
        raise Malformed(
            "secagg.share", "the box was altered, is meant for another member or belongs to another sum"
        ) from None
    return HeldShares(parse_element(plain[:ELEMENT_BYTES]), parse_element(plain[ELEMENT_BYTES:]))


def _bind(salt: bytes, sender: int, recipient: int) -> bytes:
    return salt + sender.to_bytes(2, "little") + recipient.to_bytes(2, "little")
