"""Three families of failure, split by whose fault it is.

- `Malformed`: bytes, a signature or a proof are wrong. The sender is at fault; never retried.
- `Refused`: well-formed, but a rule says no. Carries the rule and the reasons; an expected answer.
- `Unavailable`: the outside world failed. May be retried.

Misuse by our own code stays `ValueError`, `TypeError` or `RuntimeError`. Each room adds its own
subclasses; the faces turn a family into an exit code or a status.
"""

from collections.abc import Sequence


class HansaError(Exception):
    """The base of all expected failures; its text is one line that says what to do."""


class Malformed(HansaError):  # noqa: N818 - the name of the family, as the documents use it
    """Bytes, a signature or a proof are wrong.

    Args:
        rule: the short name of the rule that was broken, such as `canonical-json.duplicate-name`.
        message: one line, lower case, inputs in backticks, expected and got.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        self.message = message


class Refused(HansaError):  # noqa: N818 - the name of the family
    """A rule of the charter, the record or the member says no.

    Args:
        rule: the short name of the rule, such as `ballot.late`.
        reasons: one line each; all that were found, not only the first.
    """

    def __init__(self, rule: str, reasons: str | Sequence[str]) -> None:
        self.rule = rule
        self.reasons = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        super().__init__(f"{rule}: {'; '.join(self.reasons)}")


class Unavailable(HansaError):  # noqa: N818 - the name of the family
    """The outside world failed (a file, a disk, a peer); trying again may help."""
