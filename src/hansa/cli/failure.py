"""What went wrong, in words and as an exit code: one table from family to code.

| code | family | meaning |
| --- | --- | --- |
| 1 | defect | hansa itself is wrong |
| 2 | usage | the command line is wrong |
| 3 | malformed | bytes, a signature, a proof or a document is wrong |
| 4 | refused | a rule says no |
| 5 | unavailable | a file, a disk or a peer failed; trying again may help |
| 130 | interrupted | somebody pressed Ctrl-C |
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cyclopts import CycloptsError, UnusedCliTokensError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hansa.cli.printing import merge_reasons, write
from hansa.errors import HansaError, Malformed, Refused, Unavailable

EXIT_CODES: Final[Mapping[str, int]] = MappingProxyType(
    {"defect": 1, "usage": 2, "malformed": 3, "refused": 4, "unavailable": 5, "interrupted": 130}
)

DEBUG: Final = "HANSA_DEBUG"
"""The environment variable that shows the traceback of a defect."""

_TITLES: Final = MappingProxyType({"usage": "wrong command line", "defect": "a defect in hansa"})


class Reason(NamedTuple):
    """One thing that is wrong, and the rule that says so."""

    rule: str
    text: str


class SeveralRefused(Refused):
    """Several things were asked for, and these were refused, each by its own rule."""

    def __init__(self, refusals: Sequence[Refused], *remarks: str) -> None:
        reasons = [(refusal.rule, reason) for refusal in refusals for reason in refusal.reasons]
        super().__init__(refusals[0].rule, [*(reason for _, reason in reasons), *remarks])
        self.rules = tuple(rule for rule, _ in reasons)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command did not do what was asked.

    Args:
        family: a key of `EXIT_CODES`.
        reasons: at least one.
        remarks: what people should know besides: what stays, and how to go on.
    """

    family: str
    reasons: tuple[Reason, ...]
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """What the process says to its caller."""
        return EXIT_CODES[self.family]

    @property
    def rule(self) -> str:
        """The rule of the first reason."""
        return self.reasons[0].rule

    def to_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        reasons = [reason.text for reason in self.reasons]
        return {"error": {"family": self.family, "rule": self.rule, "reasons": reasons}}

    def print(self, console: Console) -> None:
        """Print a line, or a line for each reason, with the rule in brackets."""
        title = Text(_TITLES.get(self.family, self.family), style="bold red")
        reasons = [Reason(*merged) for merged in merge_reasons(self.reasons)]
        if len(reasons) == 1:
            write(console, title + Text(": ") + _spell(reasons[0]))
        else:
            write(console, title + Text(f", {len(reasons)} reasons:"))
            table = Table.grid(padding=(0, 1))
            table.add_column(width=2, justify="right")
            table.add_column(overflow="fold")
            for reason in reasons:
                table.add_row("-", _spell(reason))
            write(console, table)
        for remark in self.remarks:
            write(console, Text(f"note: {remark}"))


def explain(error: BaseException) -> Failure:
    """Turn what was raised into a failure, with its notes; whatever nobody expected is a defect of ours."""
    return replace(_judge(error), remarks=tuple(getattr(error, "__notes__", ())))


def _judge(error: BaseException) -> Failure:
    match error:
        case UnusedCliTokensError(unused_tokens=[str(token), *_]) if Path(token).is_dir():
            hint = f"`{token}` is a folder; it goes with `--folder {shlex.quote(token)}`"
            return Failure("usage", (Reason("command-line", _shorten(hint)),))
        case CycloptsError():
            return Failure("usage", (Reason("command-line", _shorten(" ".join(str(error).split()))),))
        case Malformed():
            return Failure("malformed", _list_reasons(error))
        case Refused():
            return Failure("refused", _list_reasons(error))
        case Unavailable() | HansaError():
            return Failure("unavailable", (Reason("unavailable", str(error)),))
        case OSError():
            return Failure("unavailable", (Reason("unavailable", _spell_fault(error)),))
        case KeyboardInterrupt():
            return Failure("interrupted", (Reason("interrupted", "stopped by Ctrl-C"),))
        case _:
            name = type(error).__name__
            text = f"{name}: {error}" if str(error) else name
            hint = "please report it" if DEBUG in os.environ else f"please report it; {DEBUG}=1 shows where"
            return Failure("defect", (Reason("defect", f"{text} ({hint})"),))


def _spell_fault(error: OSError) -> str:
    """Say what the operating system did not do, without its numbers and without the name of a class."""
    place = f"`{error.filename}`: " if error.filename else ""
    if isinstance(error, FileNotFoundError) and error.filename:
        folder = Path(os.fsdecode(error.filename)).parent
        if not folder.exists():
            return f"{place}there is no folder `{folder}`"
    return f"{place}{error.strerror or str(error) or 'a file or a disk failed'}"


def _list_reasons(error: Malformed | Refused) -> tuple[Reason, ...]:
    """Give each reason the rule of its own finding, where there are findings."""
    texts = error.reasons if isinstance(error, Refused) else (error.message,)
    findings = getattr(error, "findings", ())
    rules = getattr(error, "rules", tuple(finding.rule for finding in findings))
    if findings and isinstance(error, Malformed):
        texts = tuple(map(str, findings))
    return tuple(Reason(rules[i] if i < len(rules) else error.rule, text) for i, text in enumerate(texts))


def _shorten(text: str) -> str:
    """Leave out the middle of a long message, which is what somebody typed."""
    return text if len(text) <= 400 else f"{text[:150]} … {text[-200:]}"


def _spell(reason: Reason) -> Text:
    return Text(reason.text) + Text(f" [{reason.rule}]", style="dim")
