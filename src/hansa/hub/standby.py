"""Standing by: a hub that reads the log that another one writes, and waits to take over."""

from typing import Final

from hansa.errors import Unavailable
from hansa.hub.reading import Reading
from hansa.hub.witnessing import Published, find_cosigners, is_final, publish_note
from hansa.store import LogReader
from hansa.transparency import parse_checkpoint, parse_note

LOOK_SECONDS: Final = 0.25
"""Between two looks at the log."""


class StandsBy(Unavailable):
    """Another hub over the same log does what was asked; this one only reads."""

    def __init__(self) -> None:
        super().__init__("this hub stands by while another one sequences; ask at its other addresses")


class Standby:
    """Reads a log up to its newest checkpoint, as another hub writes it.

    Args:
        log: open; closed with this.
        reading: as far as the same log was read before, or None.

    Raises:
        Malformed: `log.changed`, it was another log.
    """

    def __init__(self, log: LogReader, reading: Reading | None) -> None:
        self._log = log
        self.reading = Reading(log) if reading is None else reading
        self.reading.go_on_with(log)
        self.published: Published | None = None
        """What readers may see; None as long as nothing was signed."""

    def look(self) -> None:
        """Take in what the other hub has shown since.

        Raises:
            Malformed, Refused: the log does not follow.
            Unavailable: the database fails.
        """
        # The checkpoint first: what it covers was written before it.
        text = self._log.checkpoint()
        if text is None or (self.published is not None and text == self.published.text):
            return
        self._log.refresh()
        note = parse_note(text)
        size = parse_checkpoint(note.body).size
        self.reading.advance(size)
        final_size = self.published.final_size if self.published is not None else 0
        state = self.reading.state
        if state.size == size and is_final(find_cosigners(note, state), state):
            final_size = size
        self.published = publish_note(note, size, final_size)

    def close(self) -> None:
        """Give the log back."""
        self._log.close()
