"""Failures as HTTP answers: the one table from a failure to a status and a problem document.

Source: RFC 9457.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hansa.errors import HansaError, Malformed, Refused
from hansa.hub import StandsBy
from hansa.transparency import Json

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {"malformed": 400, "refused": 403, "unavailable": 503, "defect": 500}
)
_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "malformed": "Something in the request is wrong",
        "refused": "A rule says no",
        "unavailable": "This cannot be done now",
        "defect": "The hub made a mistake",
    }
)
_BY_RULE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "blob.unknown": 404,
        "checkpoint.unknown": 409,
        "founding.key": 409,
        "founding.keys": 409,
        "founding.none": 404,
        "founding.token": 401,
        "log.empty": 404,
        "range.beyond": 416,
        "request.body": 400,
        "request.body-size": 413,
        "request.fields": 400,
        "request.headers": 431,
        "request.host": 421,
        "request.method": 405,
        "request.rate": 429,
        "request.slow": 408,
        "request.unknown": 404,
        "run.over": 410,
        "run.unknown": 404,
        "signature.invalid": 401,
        "tile.path": 404,
        "tile.unknown": 404,
        "turn.answered": 409,
        "turn.carriage": 409,
        "turn.order": 409,
    }
)
"""Rules whose status is not that of their family."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer that is not what was asked for.

    Args:
        family: `malformed`, `refused`, `unavailable`, or `defect` for a mistake of our own.
        rule: the short name of the rule; `unavailable` where there is none.
        reasons: one line each.
    """

    family: str
    rule: str
    reasons: tuple[str, ...]

    @property
    def status(self) -> int:
        """The HTTP status."""
        if self.rule in _BY_RULE:
            return _BY_RULE[self.rule]
        if self.family != "unavailable" and self.rule.startswith("request."):
            return 401
        return _STATUS[self.family]

    def to_json(self) -> dict[str, Json]:
        """Return the problem document."""
        return {
            "type": f"https://hansa.invalid/problem/{self.family}",
            "title": _TITLES[self.family],
            "status": self.status,
            "rule": self.rule,
            "reasons": list(self.reasons),
        }


def describe(error: HansaError) -> Problem:
    """Return the problem that a failure is to whoever asked."""
    match error:
        case Malformed():
            return Problem("malformed", error.rule, (error.message,))
        case Refused():
            return Problem("refused", error.rule, error.reasons)
        case StandsBy():
            return Problem("unavailable", "hub.standby", (str(error),))
        case _:
            return Problem("unavailable", "unavailable", (str(error),))
