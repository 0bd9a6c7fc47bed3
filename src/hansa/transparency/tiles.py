"""The public layout of a log: hash tiles and entry bundles, as other people's tools read them.

A log of any size is a set of files that never change once full: tiles of 256 hashes on each eighth
level of the tree, and bundles of 256 entries. `docs/formats/log.md` shows one.

Source: C2SP tlog-tiles.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hansa.errors import Malformed
from hansa.transparency.leaf import MAX_LEAF_BYTES
from hansa.transparency.merkle import root_of
from hansa.transparency.quoting import quote

TILE_WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


class TilePlace(NamedTuple):
    """Which tile or bundle: `level` is None for a bundle of entries; `width` is how many it holds."""

    level: int | None
    number: int
    width: int

    @property
    def start(self) -> int:
        """The number, on its level, of the first hash or entry in it."""
        return self.number * TILE_WIDTH

    @property
    def stop(self) -> int:
        """One more than the number of the last one."""
        return self.start + self.width


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """Return where a tile or bundle lies.

    Args:
        level: 0 to 63, or `"entries"` for a bundle.
        index: number of the tile in its level, from 0.
        width: hashes or entries in it, 1 to 256; fewer than 256 make it partial.

    Example:
        >>> tile_path(0, 1234067)
        'tile/0/x001/x234/067'
        >>> tile_path("entries", 0, 10)
        'tile/entries/000.p/10'
    """
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    path = f"tile/{level}/{'/'.join(reversed(groups))}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def parse_tile_path(path: str) -> TilePlace:
    """Read where a tile or bundle lies.

    Raises:
        Malformed: `tile.path`, it is not what `tile_path` writes.
    """
    if match := _PATH.fullmatch(path):
        level = None if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("/x", "").replace("/", "").removeprefix("x"))
        place = TilePlace(level, index, int(match[3] or TILE_WIDTH))
        if place.width <= TILE_WIDTH and path == tile_path(match[1], index, place.width):
            return place
    raise Malformed("tile.path", f"{quote(path, 100)} is no place of a tile or a bundle")


def pack_bundle(leaves: Sequence[bytes]) -> bytes:
    """Return a bundle of these leaves, each after its length.

    Raises:
        Malformed: `leaf.too-long`.
    """
    for leaf in leaves:
        if len(leaf) > MAX_LEAF_BYTES:
            raise Malformed(
                "leaf.too-long", f"a leaf has at most {MAX_LEAF_BYTES:,} bytes, got {len(leaf):,}"
            )
    return b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in leaves)


def hash_tiles(leaf_hashes: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Make all hash tiles of a tree: path and content, level 0 first.

    A tile on level l + 1 holds the roots of the *full* tiles of level l.
    """
    level, hashes = 0, list(leaf_hashes)
    while hashes:
        for index, start in enumerate(range(0, len(hashes), TILE_WIDTH)):
            tile = hashes[start : start + TILE_WIDTH]
            yield tile_path(level, index, len(tile)), b"".join(tile)
        full = len(hashes) - len(hashes) % TILE_WIDTH
        hashes = [root_of(hashes[start : start + TILE_WIDTH]) for start in range(0, full, TILE_WIDTH)]
        level += 1


def entry_bundles(leaves: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Make all entry bundles of a log: path and content.

    Args:
        leaves: each at most 65,535 bytes.

    Raises:
        Malformed: `leaf.too-long`.
    """
    for index, start in enumerate(range(0, len(leaves), TILE_WIDTH)):
        bundle = leaves[start : start + TILE_WIDTH]
        yield tile_path("entries", index, len(bundle)), pack_bundle(bundle)


def cut_entry_bundle(data: bytes) -> Iterator[bytes]:
    """Cut a bundle into its leaves, one after the other, so that a reader can stop at the first wrong one.

    Raises:
        Malformed: `bundle.truncated` (a length or a leaf is cut off), as soon as it is reached.
    """
    at, index = 0, 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise Malformed("bundle.truncated", f"the bundle ends inside its entry {index}")
        yield data[start:at]
        index += 1
