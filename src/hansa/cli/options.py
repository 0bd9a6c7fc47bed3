"""What several commands ask for, asked in one way."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeAlias

from cyclopts import CycloptsError, Parameter, Token
from cyclopts.validators import Number as NumberValidator

HERE: Final = Path()

FOLDER_VARIABLE: Final = "HANSA_FOLDER"
"""The environment variable that stands in for `--folder`."""

ALL: Final = "all"
"""Stands for every member that can still speak; no member is called so."""


def limit_text(longest: int, *, shortest: int = 0) -> Callable[[Any, object], None]:
    """Return a validator for a text that goes on the record."""

    def check(_type: Any, value: object) -> None:  # noqa: ANN401 - the form of a validator
        if value is None:
            return
        text = str(value)
        if not shortest <= len(text) <= longest:
            raise ValueError(f"expected {shortest} to {longest:,} characters, got {len(text):,}")
        if not all(line.isprintable() for line in text.split("\n")):
            raise ValueError("expected printable characters only")

    return check


def check_identity(_type: Any, value: object) -> None:  # noqa: ANN401 - the form of a validator
    """Refuse what cannot be the id of a coalition.

    Raises:
        ValueError: it is not 64 hexadecimal digits in lower case.
    """
    if value is not None and not re.fullmatch("[0-9a-f]{64}", str(value)):
        raise ValueError("expected a coalition's id: 64 hexadecimal digits, in lower case")


def read_duration(_type: Any, tokens: tuple[Token, ...]) -> int:  # noqa: ANN401 - the form of a converter
    """Read `90s`, `5m`, `72h` or `14d` as seconds.

    Raises:
        ValueError: it is none of these.
    """
    from hansa.governance.spelling import parse_duration

    return parse_duration(tokens[0].value)


def stop(message: str) -> NoReturn:
    """Refuse what was typed.

    Raises:
        CycloptsError: always.
    """
    raise CycloptsError(msg=message)


Folder: TypeAlias = Annotated[
    Path, Parameter(name="--folder", env_var=FOLDER_VARIABLE, help="Folder of the coalition.")
]
AsJson: TypeAlias = Annotated[
    bool, Parameter(name="--json", negative="", show_default=False, help="Print one JSON document instead.")
]
Speaker: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="--as",
        metavar="MEMBER",
        show_default=False,
        help="Member who speaks, by id; in a member's own folder it is that member.",
    ),
]
Reason: TypeAlias = Annotated[
    str,
    Parameter(
        validator=limit_text(1_000),
        metavar="TEXT",
        show_default=False,
        help="Why, in a sentence that goes on the record.",
    ),
]
ProposalNumber: TypeAlias = Annotated[
    int,
    Parameter(
        name="NUMBER",
        validator=NumberValidator(gte=0),
        help="Number of the proposal: that of its entry on the log.",
    ),
]
