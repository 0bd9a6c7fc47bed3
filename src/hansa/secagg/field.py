"""The prime field in which secrets are shared: the integers modulo 2^256 + 297.

The prime lies just above 2^256, so that every 32-byte secret is an element without reduction. It is
the smallest such prime; the test suite checks both claims.
"""

from typing import Final

from hansa.errors import Malformed

PRIME: Final = 2**256 + 297
"""The order of the field."""

ELEMENT_BYTES: Final = 33
"""Bytes of an encoded element: 257 bits, rounded up."""

WIDE_BYTES: Final = 48
"""Random bytes drawn for one element; reducing 384 bits leaves a bias below 2^-127."""


def encode_element(element: int) -> bytes:
    """Write a field element, little-endian.

    Args:
        element: 0 <= element < PRIME.

    Returns:
        33 bytes.

    Raises:
        ValueError: the number is not an element of the field.
    """
    if not 0 <= element < PRIME:
        raise ValueError("the number is not an element of the field")
    return element.to_bytes(ELEMENT_BYTES, "little")


def parse_element(data: bytes) -> int:
    """Read a field element.

    Args:
        data: 33 bytes, little-endian.

    Raises:
        Malformed: `secagg.share`, wrong size or a number not below the prime (one spelling only).
    Guarantees:
        `encode_element(parse_element(data)) == data` for all data that parse.
    """
    if len(data) != ELEMENT_BYTES:
        raise Malformed("secagg.share", f"a field element has {ELEMENT_BYTES} bytes, got {len(data)}")
    element = int.from_bytes(data, "little")
    if element >= PRIME:
        raise Malformed("secagg.share", "a field element must be below 2^256 + 297")
    return element


def reduce_wide(data: bytes) -> tuple[int, ...]:
    """Turn uniform bytes into uniform field elements.

    Args:
        data: a multiple of 48 uniform random bytes.

    Returns:
        One element for each 48 bytes, in order.

    Raises:
        ValueError: the size is not a multiple of 48.
    """
    if len(data) % WIDE_BYTES:
        raise ValueError(f"wide reduction takes multiples of {WIDE_BYTES} bytes, got {len(data)}")
    return tuple(
        int.from_bytes(data[start : start + WIDE_BYTES], "little") % PRIME
        for start in range(0, len(data), WIDE_BYTES)
    )
