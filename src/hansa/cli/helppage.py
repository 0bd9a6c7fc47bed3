"""Pages of help: aligned columns without boxes, the same on a terminal and in a pipe."""

from typing import Any

from cyclopts.help import HelpEntry, HelpPanel
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from hansa.cli.printing import write

_WIDEST_NAME = 26


class HelpPage:
    """Renders what cyclopts gathered; one instance serves all commands."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002 - the form that cyclopts calls
        """Print one panel: its title, and a line for each entry."""
        if not panel.entries:
            return
        console.print(Text(f"\n{panel.title}", style="bold"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=2)
        names = [_name(entry, panel.format) for entry in panel.entries]
        table.add_column(min_width=min(_WIDEST_NAME, max(map(len, names))), max_width=_WIDEST_NAME)
        table.add_column(overflow="fold")
        for entry, name in zip(panel.entries, names, strict=True):
            table.add_row("", Text(name), _describe(entry, console))
        write(console, table)

    def render_usage(self, console: Console, options: ConsoleOptions, usage: object) -> None:  # noqa: ARG002 - as above
        """Print the line of usage."""
        text = _plain(usage, console)
        if text:
            console.print(Text(text))

    def render_description(self, console: Console, options: ConsoleOptions, description: object) -> None:  # noqa: ARG002 - as above
        """Print what the command does."""
        text = _plain(description, console)
        if text:
            console.print(Text(f"\n{text}"))


def _name(entry: HelpEntry, form: str) -> str:
    labels = entry.display_labels_with_metavar if form == "parameter" else entry.display_labels
    return ", ".join(labels)


def _describe(entry: HelpEntry, console: Console) -> Text:
    text = Text(_plain(entry.description, console))
    choices = ", ".join(entry.choices or ())
    hints = [
        f"one of {choices}" if choices else "",
        f"default {entry.default}" if entry.default is not None else "",
        f"or ${', $'.join(entry.env_var)}" if entry.env_var else "",
        "required" if entry.required else "",
    ]
    hint = "; ".join(hint for hint in hints if hint)
    return text + Text(f" ({hint})", style="dim") if hint else text


def _plain(renderable: Any, console: Console) -> str:  # noqa: ANN401 - whatever cyclopts found in a docstring
    """Return the text of a renderable, without wrapping: the console that prints it wraps."""
    if renderable is None or isinstance(renderable, str):
        return (renderable or "").strip()
    if isinstance(renderable, Text):
        return renderable.plain.strip()
    with console.capture() as capture:
        console.print(renderable, end="", soft_wrap=True, no_wrap=True, crop=False, style=None)
    return Text.from_ansi(capture.get()).plain.strip()
