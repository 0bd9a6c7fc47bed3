"""The one place where randomness enters hansa: the operating system's generator.

Keys, masks and (later) noise are drawn here by the shells and handed to the pure rooms as arguments,
so that the pure rooms can be replayed with fixed bytes in tests and can draw nothing by themselves.
"""

import os


def draw(size_bytes: int) -> bytes:
    """Return `size_bytes` fresh random bytes from the operating system.

    Raises:
        ValueError: `size_bytes` is not positive.
    """
    if size_bytes <= 0:
        raise ValueError(f"`size_bytes` must be positive, got {size_bytes}")
    return os.urandom(size_bytes)
