"""Somebody else's text before our eyes: which characters it may hold, and how it stands in our messages."""

import re

_UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls, ESC among them
    "\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"  # blanks that look like a space and are none
    "\xad\u180e\u200b-\u200d\u2060-\u2065\ufeff"  # nothing to see, or only at the end of a line
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # what turns the direction of the text around
    "\u2028\u2029"  # line and paragraph ends
    "\ud800-\udfff"  # halves of characters
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags
    "]"
)


def is_printable(text: str) -> bool:
    """Say whether a text is one line of which a reader sees every character, and in order.

    Guarantees:
        The same answer under every version of Python: `str.isprintable` follows the Unicode tables of the
        interpreter, and two members that disagree about a name would disagree about the record.
    """
    return not _UNSEEN.search(text)


def quote(text: str, limit: int = 40) -> str:
    r"""Return a text as it may stand in a message, whatever it holds.

    Args:
        text: from anywhere.
        limit: the most characters of it that are shown.

    Example:
        >>> quote("two\nlines")
        '`two\\nlines`'
        >>> quote("x" * 50)
        '`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`'
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text[:limit]
    )
    return f"`{shown}{'…' if len(text) > limit else ''}`"
