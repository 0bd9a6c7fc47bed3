"""What two neighbours share once they have seen each other's adverts: a mask and a box in each direction."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hansa.secagg.agreement import agree_secret
from hansa.secagg.masking import Mask, derive_pair_mask
from hansa.secagg.sealing import derive_box_key
from hansa.secagg.statement import Advert

_PAIR_LABEL: Final = b"hansa/v1/secure-sum/pair\n"
_SELF_LABEL: Final = b"hansa/v1/secure-sum/self\n"


@dataclass(frozen=True)
class Pair:
    """One member's keys with one neighbour."""

    salt: bytes
    mask: Mask = field(repr=False)
    """What this member puts on its numbers for the pair."""
    sealing_key: bytes = field(repr=False)
    """Of the box to the neighbour."""
    opening_key: bytes = field(repr=False)
    """Of the box from it."""


def agree_pair(mask_key: X25519PrivateKey, channel_key: X25519PrivateKey, own: Advert, other: Advert) -> Pair:
    """Derive everything that one member shares with a neighbour.

    Raises:
        Malformed: `secagg.key`, the neighbour advertised a point of low order.
    Guarantees:
        Two neighbours that saw each other's adverts unchanged derive the same keys and opposite signs;
        any others derive keys that have nothing in common.
    """
    salt = salt_pair(own, other)
    channel_secret = agree_secret(channel_key, other.channel_key)
    return Pair(
        salt,
        derive_pair_mask(agree_secret(mask_key, other.mask_key), salt, own.sender, other.sender),
        derive_box_key(channel_secret, salt, own.sender, other.sender),
        derive_box_key(channel_secret, salt, other.sender, own.sender),
    )


def salt_pair(one: Advert, other: Advert) -> bytes:
    """32 bytes over both adverts, which bind the session; the same from either side."""
    low, high = sorted((one, other), key=lambda advert: advert.sender)
    return sha256(_PAIR_LABEL + low.encode() + high.encode()).digest()


def salt_self(own: Advert) -> bytes:
    """32 bytes over a member's own advert, for the mask of its own."""
    return sha256(_SELF_LABEL + own.encode()).digest()
