"""A key's seed in a file that only its owner can read."""

import os
from pathlib import Path

from hansa import entropy
from hansa.errors import Malformed, Unavailable
from hansa.transparency import SigningKey


def write_seed(path: Path) -> None:
    """Draw a key and keep its seed, readable by its owner only; an existing file is an error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(entropy.draw(32).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_seed(path: Path) -> SigningKey:
    """Read a key's seed.

    Raises:
        Unavailable: the file cannot be read.
        Malformed: `key.file`, it does not hold 64 hexadecimal digits.
    """
    try:
        return SigningKey.from_seed(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except OSError as error:
        raise Unavailable(f"the key `{path}` cannot be read: {error.strerror}") from error
    except ValueError:
        raise Malformed("key.file", f"`{path}` does not hold a key: expected 64 hexadecimal digits") from None
