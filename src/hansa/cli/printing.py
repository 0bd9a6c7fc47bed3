"""How answers are printed: text for people, or one JSON document for scripts."""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from hansa.cli.options import FOLDER_VARIABLE, HERE

if TYPE_CHECKING:
    from hansa.rehearsal import Narrator


_SHORT = 20
"""Characters of a text, such as a time, that stays in one piece beside others."""

_NAMED = 8
"""How many names one reason stands for before the rest are counted."""


class PatientConsole(Console):
    """Goes on silently when nobody reads any more: a run does not end because `head` has seen enough."""

    def on_broken_pipe(self) -> None:
        """Print nowhere from now on."""
        self.quiet = True
        mute_output()


def open_console(*, stderr: bool = False) -> Console:
    """Return a console that colours nothing by guessing and reads no text as markup."""
    return PatientConsole(stderr=stderr, highlight=False, markup=False, emoji=False)


def mute_output() -> None:
    """Send the rest of the output nowhere, so that the interpreter does not fail when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def show(document: Mapping[str, Any], *parts: RenderableType, as_json: bool) -> None:
    """Print an answer.

    Args:
        document: what `--json` prints.
        parts: what people read; plain strings are printed as they are.
        as_json: which of the two.
    """
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    console = open_console()
    for part in parts:
        write(console, part)


def write(console: Console, part: RenderableType) -> None:
    """Print one thing; into a file or a pipe without the blanks that fill a table's lines."""
    with trimmed(console):
        console.print(part)


@contextmanager
def trimmed(console: Console) -> Iterator[None]:
    """Leave out the blanks at the ends of lines of all that is printed inside, unless a terminal shows it."""
    if console.is_terminal:
        yield
        return
    with console.capture() as capture:
        yield
    console.file.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def make_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Table:
    """Lay out rows under headings; numbers are never cut, texts wrap where there is no room for them.

    Args:
        columns: the headings.
        rows: as many cells as there are headings.
        right: headings of the columns of numbers.
        whole: headings of the columns of ids, which stay in one piece however long; the others shrink.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, show_edge=False)
    cells = [[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row] for row in rows]
    for place, name in enumerate(columns):
        width = max((row[place].cell_len for row in cells), default=0)
        if name in right:
            # The heading may wrap, the numbers may not.
            table.add_column(name, justify="right", overflow="fold", min_width=width)
        else:
            short = name in whole or (width <= _SHORT and name != columns[-1])
            table.add_column(name, no_wrap=short, overflow="fold", min_width=width if short else None)
    for row in cells:
        table.add_row(*row)
    return table


def make_facts(facts: Iterable[tuple[str, object]]) -> Table:
    """Lay a short title beside each fact, so that what is too long wraps below its own beginning."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for title, fact in facts:
        table.add_row(Text(title), fact if isinstance(fact, Text) else Text(str(fact)))
    return table


def merge_reasons(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tell once what was refused for several data sets that stand alike.

    Args:
        reasons: of each the rule and the sentence; one about a data set begins with its id, as in "`ada` has spent".

    Returns:
        The same, with one sentence for those that differ in nothing but the id.
    """
    alike: dict[tuple[str, str, str], list[str]] = {}
    for rule, text in reasons:
        name, has_spent, rest = text.partition(" has spent ")
        alike.setdefault((rule, has_spent, rest) if has_spent else (rule, "", text), []).append(name)
    return [(rule, _join(names, has_spent, rest)) for (rule, has_spent, rest), names in alike.items()]


def _join(names: Sequence[str], has_spent: str, rest: str) -> str:
    if not has_spent or len(names) == 1:
        return f"{names[0]}{has_spent}{rest}" if has_spent else rest
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} data sets ({', '.join(names[:_NAMED])}{more}) have each spent {rest}"


def suggest(command: str, folder: Path = HERE) -> Text:
    """Return the line that says what one would do next."""
    known = folder == HERE or os.environ.get(FOLDER_VARIABLE) == str(folder)
    where = "" if known else f" --folder {shlex.quote(str(folder))}"
    return Text("next: ", style="dim") + Text(f"hansa {command}{where}")


def narrate(*, as_json: bool) -> "Narrator":
    """Return who tells what happens: a terminal, or nobody while JSON is wanted."""
    from hansa.rehearsal import Silent, Spoken

    return Silent() if as_json else Spoken(open_console())
