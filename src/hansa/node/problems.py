"""What a hub says when it does not do what was asked: problem documents, read back as the failures that they tell of.

Source: RFC 9457.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.transparency.quoting import is_printable

_FAMILY: Final = re.compile(r"https://hansa\.invalid/problem/(malformed|refused|unavailable)")
_RULE: Final = re.compile(r"[a-z0-9-]{1,60}(?:\.[a-z0-9-]{1,60})?")
_MOST_REASONS: Final = 1_000
_LONGEST: Final = 2_000


def read_problem(status: int, data: bytes) -> HansaError:
    """Return the failure that an answer tells of.

    Args:
        status: the HTTP status, 400 or more.
        data: the answer's body; somebody else's words, of which only printable lines are believed to be reasons.

    Guarantees:
        What is no problem document is a failure too: of the family `Unavailable`, with the status.
    """
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if isinstance(document, dict):
        family = _FAMILY.fullmatch(str(document.get("type", "")))
        rule, reasons = document.get("rule"), _read_reasons(document)
        if family and isinstance(rule, str) and _RULE.fullmatch(rule) and reasons:
            match family[1]:
                case "malformed":
                    return Malformed(rule, reasons[0])
                case "refused":
                    return Refused(rule, reasons)
                case _:
                    return Unavailable(reasons[0])
    return Unavailable(f"it answers with the status {status} and nothing that could be read")


def _read_reasons(document: Mapping[str, Any]) -> list[str]:
    said = document.get("reasons")
    if not isinstance(said, list) or len(said) > _MOST_REASONS:
        return []
    return [text[:_LONGEST] for text in said if isinstance(text, str) and is_printable(text)]
