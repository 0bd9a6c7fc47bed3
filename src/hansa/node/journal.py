"""The journal: what a node did and why, one line of JSON each, for its own people and their tools.

It holds no secret and no value of any row; a refusal that quotes data is told to the people of the house by other
means, and here by the name of its rule.
"""

import json
from collections.abc import Callable
from threading import Lock

from hansa.transparency import format_instant


class Journal:
    """Notes what happens.

    Args:
        write: takes a line with its newline.
        clock: returns Unix seconds.
    """

    def __init__(self, write: Callable[[str], object], clock: Callable[[], int]) -> None:
        self._write = write
        self._clock = clock
        self._lock = Lock()

    def note(self, event: str, **facts: str | float | None) -> None:
        """Write one line: when, what, and what belongs to it."""
        line = json.dumps({"at": format_instant(self._clock()), "event": event, **facts}, ensure_ascii=False)
        with self._lock:
            self._write(line + "\n")
