"""What a person watches while a rehearsal plays: parts with their times, rounds as they pass, plain sentences."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.text import Text


class Narrator(Protocol):
    """Told what happens."""

    timings: list[tuple[str, float]]
    """Title and seconds of each finished part."""

    def part(self, title: str) -> AbstractContextManager[None]:
        """Begin a part of the story; use the answer with `with`."""
        ...

    def say(self, sentence: str) -> None:
        """Tell one thing that happened."""
        ...

    def doubt(self, sentence: str) -> None:
        """Tell one thing that was refused, or deserves a second look."""
        ...

    def step(self, text: str) -> None:
        """Show what is under way just now; the next step takes its place."""
        ...


class Silent:
    """Says nothing, and keeps the times."""

    def __init__(self) -> None:
        self.timings: list[tuple[str, float]] = []
        """Title and seconds of each finished part."""

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """Time a part."""
        begun = time.perf_counter()
        yield
        self.timings.append((title, time.perf_counter() - begun))

    def say(self, sentence: str) -> None:
        """Say nothing."""

    def doubt(self, sentence: str) -> None:
        """Say nothing."""

    def step(self, text: str) -> None:
        """Show nothing."""


class Spoken(Silent):
    """Speaks to a terminal: one heading a part, a line a thing, a moving line for what is under way."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._status: Status | None = None

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """Print the title, then how long it took."""
        self._console.print()
        self._console.print(Text(title, style="bold"))
        with self._console.status("…", spinner="dots") as self._status, super().part(title):
            yield
        self._status = None
        self._console.print(Text(f"  {self.timings[-1][1]:.1f} s", style="dim"))

    def say(self, sentence: str) -> None:
        """Print one line."""
        self._tell("✓ ", "green", sentence)

    def doubt(self, sentence: str) -> None:
        """Print one line, with another mark."""
        self._tell("– ", "yellow", sentence)

    def _tell(self, mark: str, style: str, sentence: str) -> None:
        line = Text.assemble((mark, style), sentence)
        if self._console.is_terminal:
            self._console.print(Padding(line, (0, 0, 0, 2), expand=False))
        else:
            # Into a file: no blanks at the ends of lines.
            for part in line.wrap(self._console, self._console.width - 2):
                part.rstrip()
                self._console.print(Text("  ") + part)

    def step(self, text: str) -> None:
        """Replace the moving line."""
        if self._status is not None:
            self._status.update(Text(text, style="dim"))
