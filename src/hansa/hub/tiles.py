"""The hash tiles of the log, kept ready: what a new entry adds is hashed once, and nothing is ever built anew."""

from collections.abc import Iterable

from hansa.errors import Refused
from hansa.transparency import TILE_WIDTH, root_of


class Tiles:
    """All levels of a log's tiles, in memory: 32 bytes for each entry and a 255th more.

    Guarantees:
        `read` gives what `transparency.hash_tiles` makes of the same hashes, also for widths of earlier sizes.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        self.extend(leaf_hashes)

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Take in the hashes of new leaves, 32 bytes each, in order."""
        self._levels[0] += leaf_hashes
        level = 0
        while (full := len(self._levels[level]) // TILE_WIDTH) > 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            below, above = self._levels[level], self._levels[level + 1]
            above += (
                root_of(below[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])
                for index in range(len(above), full)
            )
            level += 1

    def read(self, level: int, start: int, stop: int, size: int) -> bytes:
        """Return the hashes `start` to `stop` (not included) of a level.

        Args:
            level: 0 to 63.
            start: the first place on that level.
            stop: one after the last.
            size: of the log that the reader may know of; hashes beyond it are not shown.

        Raises:
            Refused: `tile.unknown`, a log of this size has no such tile.
        """
        if stop > size // TILE_WIDTH**level:
            raise Refused("tile.unknown", f"a log of {size} entries has no such tile")
        return b"".join(self._levels[level][start:stop])
