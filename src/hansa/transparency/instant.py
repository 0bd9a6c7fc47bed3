"""Times on the record: RFC 3339, UTC, whole seconds, in one spelling.

Source: RFC 3339 section 5.6, restricted to `YYYY-MM-DDTHH:MM:SSZ` from 1970 to 9999.
"""

import re
from datetime import UTC, datetime

from hansa.errors import Malformed
from hansa.transparency.quoting import quote

_FORM = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")

_END = 253_402_300_800
"""10000-01-01T00:00:00Z, the first second that has no spelling."""


def parse_instant(text: str) -> int:
    """Read `2026-11-23T11:00:00Z` as Unix seconds.

    Raises:
        Malformed: `instant.form`, for fractions, offsets, lower case, leap seconds, days that the
            calendar does not have, and years before 1970.
    Guarantees:
        `format_instant(parse_instant(text)) == text`.
    """
    if _FORM.fullmatch(text):
        try:
            seconds = int(datetime.fromisoformat(text).timestamp())
        except ValueError:
            seconds = -1
        if seconds >= 0:
            return seconds
    raise Malformed("instant.form", f"expected a UTC time like `2026-11-23T11:00:00Z`, got {quote(text)}")


def format_instant(seconds: int) -> str:
    """Write Unix seconds as `2026-11-23T11:00:00Z`.

    Raises:
        ValueError: the time lies before 1970 or after 9999.
    """
    if not 0 <= seconds < _END:
        raise ValueError(f"{seconds} is not a time between 1970 and 9999")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
