"""Ranges: the part of an answer that somebody asks for.

Source: RFC 9110 section 14. Of its spellings we take one range of bytes with a beginning; whoever asks for something
else gets all, as is allowed.
"""

import re
from typing import Final

from starlette.requests import Request

from hansa.errors import Refused

_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


def read_range(request: Request, size: int) -> tuple[int, int]:
    """Return the bytes that are asked for: the first, and one more than the last.

    Args:
        request: with or without `Range`.
        size: of the whole answer.

    Raises:
        Refused: `range.beyond`, there are not so many.
    """
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or "if-range" in request.headers:
        return 0, size
    start, stop = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    if start >= stop:
        raise Refused("range.beyond", f"there are {size:,} bytes")
    return start, stop
