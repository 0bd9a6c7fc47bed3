"""Keys and masks: what makes one member's numbers look like noise, and the noise cancel in the total.

Every pair of members agrees on a key; the one that comes first in the cohort adds the pair's mask, the
other subtracts it. On top each member adds a mask of its own. All masks are keystreams of AES-256 in
counter mode under full 256-bit keys, read as integers modulo 2^64, or 2^32 where numbers have 32 bits.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from hansa.secagg.agreement import derive_key

Numbers: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""Integers modulo 2^64 or 2^32, shape (length,), little-endian."""

CHUNK_BYTES: Final = 2**18
"""Masked at a time, so that a piece of the numbers stays in the cache while all masks are added."""

_PAIR_LABEL: Final = b"hansa/v1/secure-sum/pair-mask\n"
_SELF_LABEL: Final = b"hansa/v1/secure-sum/self-mask\n"
_COMMITMENT_LABEL: Final = b"hansa/v1/secure-sum/commitment\n"
_ZEROS: Final = bytes(CHUNK_BYTES)
_BLOCK_BYTES: Final = 16
_THREADS_PAY_BYTES: Final = 2**23
"""Of keystream; starting threads costs more below."""


@dataclass(frozen=True)
class Mask:
    """One keystream and its sign in a vector.

    Args:
        key: 32 bytes, used for nothing else.
        adds: whether the mask is added or subtracted.
    """

    key: bytes = field(repr=False)
    adds: bool


def derive_pair_mask(secret: bytes, salt: bytes, own: int, other: int) -> Mask:
    """The mask that `own` puts on its vector for the pair it forms with `other`.

    Args:
        secret: the agreed X25519 secret of the pair's mask keys.
        salt: digest of the adverts concerned, which bind the session.
        own: position of the masking party in the cohort.
        other: position of the other one.
    Guarantees:
        Both parties derive the same key and opposite signs.
    """
    low, high = sorted((own, other))
    return Mask(derive_key(secret, salt, _PAIR_LABEL, low, high), adds=own < other)


def derive_self_mask(seed: bytes, salt: bytes, own: int, *, adds: bool) -> Mask:
    """The mask of a party's own; the party adds it, the hub subtracts it after the reveal."""
    return Mask(derive_key(seed, salt, _SELF_LABEL, own, own), adds=adds)


def commit_to_seed(seed: bytes, session: bytes) -> bytes:
    """32 bytes that fix the seed of a self mask without telling it.

    The seed has 256 bits of entropy, so a plain hash hides it. The commitment lets the hub see that
    the shares it got back give the seed that was meant.
    """
    return sha256(_COMMITMENT_LABEL + session + seed).digest()


def number_type(number_bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """The type of numbers of 32 or 64 bits, as they travel."""
    return np.dtype("<u4") if number_bits == 32 else np.dtype("<u8")


def widen_numbers(numbers: Numbers, room: NDArray[np.int64]) -> None:
    """Write numbers as signed ones of 64 bits into a room in whose beginning they may lie themselves.

    Args:
        numbers: shape (length,), uint64 or uint32.
        room: shape (length,), int64; when `numbers` are of 64 bits, the same memory and left alone.
    """
    signed = numbers.view(f"<i{numbers.itemsize}")
    if signed.itemsize == room.itemsize:
        return
    step = CHUNK_BYTES // room.itemsize
    # Backwards and through a copy, so that nothing is written over before it was read.
    for start in reversed(range(0, len(signed), step)):
        room[start : start + step] = signed[start : start + step].astype(np.int64)


def apply_masks(
    numbers: Numbers,
    masks: Sequence[Mask],
    finish: Callable[[memoryview], None] | None = None,
    *,
    threads: int = 1,
) -> None:
    """Add and subtract masks in place, modulo 2^64 or 2^32.

    Args:
        numbers: shape (length,), uint64 or uint32, contiguous.
        masks: each key drives one stream from its beginning, so a key must mask one vector only.
        finish: told the bytes of each piece, in order, when all masks are on it; with one thread while the
            piece is still in the cache.
        threads: how many parts of long numbers are masked at the same time.
    Guarantees:
        Applying the same masks with opposite signs gives the numbers back, bit for bit.
        The result does not depend on the number of threads.
    """
    step = CHUNK_BYTES // numbers.itemsize
    if threads == 1 or numbers.nbytes * len(masks) < _THREADS_PAY_BYTES:
        _apply_from(0, numbers, masks, finish)
        return
    part = -(-len(numbers) // (threads * step)) * step
    starts = range(0, len(numbers), part)
    with ThreadPoolExecutor(threads) as pool:  # ciphers and additions let other threads run
        list(pool.map(lambda start: _apply_from(start, numbers[start : start + part], masks), starts))
    if finish is not None:
        for start in range(0, len(numbers), step):
            finish(numbers[start : start + step].view(np.uint8).data)


def _apply_from(
    begin: int, numbers: Numbers, masks: Sequence[Mask], finish: Callable[[memoryview], None] | None = None
) -> None:
    """Mask the numbers of a longer vector that follow the place `begin`, which is a multiple of four."""
    # The counter starts at zero with the vector, and no key is ever used for a second one.
    counter = (begin * numbers.itemsize // _BLOCK_BYTES).to_bytes(_BLOCK_BYTES, "big")
    streams = [
        (
            Cipher(algorithms.AES256(mask.key), modes.CTR(counter)).encryptor().update_into,
            np.add if mask.adds else np.subtract,
        )
        for mask in masks
    ]
    zeros = memoryview(_ZEROS)
    buffer = bytearray(min(CHUNK_BYTES, numbers.nbytes) + _BLOCK_BYTES)
    stream = np.frombuffer(
        buffer, dtype=numbers.dtype, count=(len(buffer) - _BLOCK_BYTES) // numbers.itemsize
    )
    step = CHUNK_BYTES // numbers.itemsize
    for start in range(0, len(numbers), step):
        piece = numbers[start : start + step]
        part, plain = stream[: len(piece)], zeros[: piece.nbytes]
        for encrypt_into, combine in streams:
            encrypt_into(plain, buffer)
            combine(piece, part, out=piece)
        if finish is not None:
            finish(piece.view(np.uint8).data)
