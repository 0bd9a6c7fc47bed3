"""Dealing: a member's two secrets of one sum, shared among its neighbourhood."""

from collections.abc import Mapping, Sequence

from hansa.secagg.field import WIDE_BYTES, reduce_wide
from hansa.secagg.sealing import HeldShares
from hansa.secagg.shamir import split_secret


def count_drawn_bytes(threshold: int) -> int:
    """How many random bytes it takes to share two secrets."""
    return 2 * (threshold - 1) * WIDE_BYTES


def deal_secrets(
    seed: bytes, mask_key: bytes, drawn: bytes, holders: Sequence[int]
) -> Mapping[int, HeldShares]:
    """Share both secrets of a member.

    Args:
        seed: of its self mask, 32 bytes.
        mask_key: private, 32 bytes.
        drawn: `count_drawn_bytes(threshold)` fresh random bytes: first the coefficients for the seed.
        holders: positions of the neighbourhood, each once.

    Returns:
        What each holder gets, by position.
    Guarantees:
        Any `threshold` holders can recover either secret, and fewer learn nothing about it.
    """
    coefficients = reduce_wide(drawn)
    half = len(coefficients) // 2
    points = [holder + 1 for holder in holders]
    seeds = split_secret(int.from_bytes(seed, "little"), coefficients[:half], points)
    keys = split_secret(int.from_bytes(mask_key, "little"), coefficients[half:], points)
    return {
        holder: HeldShares(of_seed, of_key)
        for holder, of_seed, of_key in zip(holders, seeds, keys, strict=True)
    }
