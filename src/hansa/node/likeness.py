"""When two texts are probably meant to be one, and how a text from a file is shown in a message."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

SHOWN_CHARACTERS: Final = 40

_JOINT: Final = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_SPACE: Final = re.compile(r"\s+")
_CLOSE: Final = 0.8


def fold_text(text: str) -> str:
    """Return what is left of a text when case, accents, spaces, and hyphens between words do not count.

    Signs stay, because `A+` and `A-`, or `<60` and `>60`, are different categories.

    Example:
        >>> fold_text(" Übersee-Hafen") == fold_text("ubersee hafen")
        True
        >>> fold_text("A+") == fold_text("A-")
        False
    """
    plain = text
    if not text.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _SPACE.sub(" ", _JOINT.sub(" ", plain.casefold())).strip()


def find_alike(text: str, known: Iterable[str]) -> str | None:
    """Return the known text that was probably meant, or None: the same when folded, else a likely slip of the hand."""
    folded = {fold_text(candidate): candidate for candidate in known}
    wanted = fold_text(text)
    if wanted in folded:
        return folded[wanted]
    if len(wanted) < 4:
        return None
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=_CLOSE)
    return folded[close[0]] if close else None


def describe_difference(found: str, meant: str) -> str:
    """Say in words how two texts differ that look alike: `a space too many`, `capital letters`, `accents`."""
    if _SPACE.sub("", found) == _SPACE.sub("", meant):
        return "spaces"
    if found.casefold() == meant.casefold():
        return "capital letters"
    if found.strip() == meant.strip():
        return "a space at the beginning or the end"
    return "spelling" if fold_text(found) != fold_text(meant) else "case, spaces, hyphens or accents"


def show(text: str, characters: int = SHOWN_CHARACTERS) -> str:
    """Return a text between backticks: on one line, cut if long, what cannot be printed escaped."""
    if len(text) > characters:
        text = text[: characters - 1] + "…"
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return f"`{printable.replace('`', chr(39))}`"


def enumerate_some(items: Iterable[str], limit: int = 5) -> str:
    """Return `a, b, c and 7 more`."""
    listed = list(items)
    if len(listed) <= limit + 1:
        return ", ".join(listed)
    return f"{', '.join(listed[:limit])} and {len(listed) - limit:,} more"
