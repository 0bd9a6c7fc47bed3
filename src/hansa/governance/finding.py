"""What is wrong with a document that somebody wrote, all of it at once, with the place and the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hansa.errors import Malformed

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a document.

    Args:
        level: an `error` stops the document, a `warning` asks for a second look, a `note` informs.
        rule: the short name of the rule, such as `charter.field-missing`.
        message: one line, lower case, that says what to do.
        place: the file and line, such as `charter.yaml:12`; empty where there is none.
    """

    level: Level
    rule: str
    message: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class InvalidDocument(Malformed):
    """A charter, plan or member record is wrong; `findings` holds every finding, in order of place.

    `rule` is the rule of the first finding.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        if not findings:
            raise ValueError("an invalid document has at least one finding")
        super().__init__(findings[0].rule, "; ".join(map(str, findings)))
        self.findings = tuple(findings)
