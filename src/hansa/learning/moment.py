"""Times as a table spells them: plain numbers or ISO dates, and never two spellings compared as if they were one."""

import re
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

FORMS: Final = (
    "a plain number, `YYYY-MM`, `YYYY-MM-DD`, or this with `Thh:mm` or `Thh:mm:ss`, with `Z` or without"
)
"""What a time may look like, for messages."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_ISO: Final = re.compile(
    r"(?P<month>[0-9]{4}-(?:0[1-9]|1[0-2]))(?:-(?P<day>[0-9]{2})"
    r"(?:(?P<mark>[T ])(?P<clock>(?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"(?P<seconds>:[0-5][0-9](?:\.(?P<fraction>[0-9]{1,9}))?)?(?P<zone>Z?))?)?"
)


class Moment(NamedTuple):
    """A time that was read.

    Args:
        form: how it is written, for people; only moments of one form can be compared.
        value: grows with time, within one form: a number, or a text.
    """

    form: str
    value: Decimal | str


def read_moment(text: str) -> Moment | None:
    """Read a time, or return None when it has none of the `FORMS`.

    Example:
        >>> read_moment("1996.0") == read_moment("1996")
        True
        >>> read_moment("2020-06-01").form
        '`YYYY-MM-DD`'
        >>> read_moment("12/1/2021") is None
        True
    """
    if _NUMBER.fullmatch(text):
        return Moment("a plain number", Decimal(text))
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    if match["day"] is None:
        return Moment("`YYYY-MM`", text)
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return None
    if match["mark"] is None:
        return Moment("`YYYY-MM-DD`", text)
    seconds = ":ss" if match["seconds"] else ""
    value = text.removesuffix("Z")
    if match["fraction"]:
        # A longer fraction sorts after a shorter one that begins it, so zeros at its end must not count.
        value = value.rstrip("0").rstrip(".")
    return Moment(f"`YYYY-MM-DD{match['mark']}hh:mm{seconds}{match['zone']}`", value)
