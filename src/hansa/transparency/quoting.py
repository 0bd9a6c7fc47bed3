"""How somebody else's text stands in our messages: between backticks, cut, and without control characters."""


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
