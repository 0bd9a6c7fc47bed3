"""Passphrases: from a file, from the environment, or typed without being shown; never printed, never an argument."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from hansa.errors import Refused, Unavailable

VARIABLE: Final = "HANSA_PASSPHRASE"
"""The environment variable with a key's passphrase."""

SHORTEST: Final = 12
"""Characters of a new passphrase, at least. NIST SP 800-63B wants 8 where a server counts the tries; whoever has a copy of the file counts none."""

PassphraseFile: TypeAlias = Annotated[
    Path | None,
    Parameter(
        name="--passphrase-file",
        metavar="FILE",
        show_default=False,
        help=f"File whose first line is the passphrase of the key; else {VARIABLE}, else it is asked for.",
    ),
]


def ask_passphrase(path: Path | None, what: str) -> bytes:
    """Return the passphrase of a key.

    Args:
        path: a file whose first line it is, or None.
        what: the key, in words.

    Raises:
        Unavailable: the file cannot be read, or there is nobody to ask.
    """
    found = _find(path)
    if found is not None:
        return found
    _require_terminal(what)
    return getpass.getpass(f"passphrase of {what}: ").encode()


def choose_passphrase(path: Path | None, what: str) -> bytes:
    """Return a new passphrase, typed twice when a person types it.

    Raises:
        Refused: `key.passphrase`, the two are not the same; `key.passphrase-short`.
        Unavailable: as `ask_passphrase`.
    """
    found = _find(path)
    if found is None:
        _require_terminal(what)
        first = getpass.getpass(f"new passphrase for {what}, at least {SHORTEST} characters: ")
        if getpass.getpass("the same again: ") != first:
            raise Refused("key.passphrase", "the two passphrases are not the same")
        found = first.encode()
    if len(found.decode("utf-8", "replace")) < SHORTEST:
        raise Refused(
            "key.passphrase-short",
            f"a passphrase has at least {SHORTEST} characters, because whoever copies the key file can try as many as it likes; take four "
            "words that have nothing to do with each other",
        )
    return found


def _find(path: Path | None) -> bytes | None:
    if path is not None:
        try:
            return path.read_bytes().split(b"\n")[0].rstrip(b"\r")
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    said = os.environ.get(VARIABLE)
    return None if said is None else said.encode()


def _require_terminal(what: str) -> None:
    if not sys.stdin.isatty():
        raise Unavailable(
            f"{what} needs a passphrase, and nobody is here to type it: set {VARIABLE}, or name `--passphrase-file`"
        )
