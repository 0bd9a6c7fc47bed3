"""What a log says: its fold, its tiles, and where each entry stands; read by the hub that writes it and by those that stand by."""

from collections.abc import Sequence

from hansa.coalition import Entry, State, walk
from hansa.errors import Malformed, Refused
from hansa.hub.tiles import Tiles
from hansa.store import LogReader
from hansa.transparency import TilePlace, pack_bundle, root_of


class Reading:
    """A log as far as it was read.

    Args:
        log: open; what is to be read in the end stands there. Reads nothing yet.
    """

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._state: State | None = None
        self._tiles = Tiles()
        self.numbers: dict[str, int] = {}
        """Where each entry stands, by its id."""

    @property
    def state(self) -> State:
        """The fold over what was read.

        Raises:
            Refused: `log.empty`, nothing was.
        """
        if self._state is None:
            raise Refused("log.empty", "the log holds no entry yet; found the coalition first")
        return self._state

    @property
    def size(self) -> int:
        """How many entries were read."""
        return len(self.numbers)

    def advance(self, size: int) -> None:
        """Read on until there are so many entries, no more than the log has.

        Raises:
            Malformed, Refused: the log does not follow, with the number of the first wrong entry.
            Unavailable: the log cannot be read.
        """
        start = self.size
        try:
            for state, entry in walk(self._log.leaves(start, size), self._state):
                self._state = state
                self.numbers[entry.id] = len(self.numbers)
        finally:
            self._tiles.extend(self._log.leaf_hashes()[start : self.size])

    def add(self, state: State | None, entries: Sequence[Entry]) -> None:
        """Take in entries that were folded and written just now, and the state after them."""
        start = self.size
        self._state = state
        for entry in entries:
            self.numbers[entry.id] = len(self.numbers)
        self._tiles.extend(self._log.leaf_hashes()[start : self.size])

    def go_on_with(self, log: LogReader) -> None:
        """Read the same log from somewhere else from now on.

        Raises:
            Malformed: `log.changed`, it is another one.
        """
        if log.size < self.size or log.leaf_hashes()[: self.size] != self._log.leaf_hashes()[: self.size]:
            raise Malformed("log.changed", "the log does not hold the entries any more that were read before")
        self._log = log

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries.

        Raises:
            ValueError: fewer were read.
        """
        if not 0 <= size <= self.size:
            raise ValueError(f"{self.size} entries were read, asked for the root of {size}")
        return root_of(self._log.leaf_hashes()[:size])

    def read_tile(self, place: TilePlace, size: int) -> bytes:
        """Return a tile or a bundle of entries.

        Args:
            place: which one.
            size: of the log that the reader may know of: that of a signed checkpoint.

        Raises:
            Refused: `tile.unknown`, a log of this size has no such tile.
        """
        if place.level is not None:
            return self._tiles.read(place.level, place.start, place.stop, size)
        if place.stop > size:
            raise Refused("tile.unknown", f"a log of {size} entries has no such bundle")
        return pack_bundle(tuple(self._log.leaves(place.start, place.stop)))
