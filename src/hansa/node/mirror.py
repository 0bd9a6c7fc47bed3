"""The mirror: a member's own copy of the log, in the published layout, which anybody can verify.

It grows with the log: each update writes the last bundle, the last tiles and the checkpoint, however long the log is. Who
reads it meanwhile, in another process, holds it still for so long.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hansa.errors import Refused, Unavailable
from hansa.store import read_tree, tidy, write_atomically
from hansa.store.lock import held_alone
from hansa.store.tree import CHECKPOINT
from hansa.transparency import TILE_WIDTH, entry_bundles, hash_leaf, root_of, tile_path

_ENTRIES: Final = "entries"


class Mirror:
    """A copy of the log in a folder.

    Args:
        folder: made if it is missing; what an interrupted update left in it is removed.

    Raises:
        Malformed: the copy is damaged.
        Refused: `tree.not-ours`, the folder is used for something else.
        Unavailable: the disk fails.
    Guarantees:
        At every moment, and after a crash at any moment, the checkpoint in the folder is whole and all that it needs is
        there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._levels: list[list[bytes]] = [[]]
        self._tail: list[bytes] = []
        self._loaded: tuple[tuple[bytes, ...], str] | None = None
        if not folder.exists():
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise Unavailable(f"the folder `{folder}` cannot be made: {error.strerror}") from error
        tidy(folder)
        if (folder / CHECKPOINT).is_file():
            tree = read_tree(folder)
            self._loaded = tree.leaves, tree.note_text
            self._take(tree.leaves, tree.leaf_hashes)

    @property
    def size(self) -> int:
        """How many entries the copy holds."""
        return len(self._levels[0])

    def load(self) -> tuple[tuple[bytes, ...], str] | None:
        """Hand over the entries and the checkpoint that were there at the beginning, once; None when there was nothing."""
        loaded, self._loaded = self._loaded, None
        return loaded

    def extend(self, first: int, leaves: Sequence[bytes], note_text: str) -> None:
        """Add entries that were found right, and then the checkpoint that covers them.

        Args:
            first: the number of the first of these entries; those that are here already must be the same.
            leaves: up to the end of the checkpoint's tree.
            note_text: the checkpoint.

        Raises:
            Refused: `mirror.fork`, an entry that is here is another one.
            Unavailable: the disk fails.
            ValueError: entries are missing between those here and these.
        """
        if first > self.size:
            raise ValueError(f"the mirror holds {self.size} entries; got them from {first} on")
        hashes = [hash_leaf(leaf) for leaf in leaves]
        known = self._levels[0][first : first + len(hashes)]
        if hashes[: len(known)] != known:
            raise Refused(
                "mirror.fork", f"`{self._folder}` holds other entries than the log that is shown now; keep it"
            )
        if first + len(leaves) <= self.size and self.size:
            return
        before, tail = [len(level) for level in self._levels], self._tail
        self._take(leaves[len(known) :], hashes[len(known) :])
        try:
            with held_alone(self._folder):
                self._write_grown(before, [*tail, *leaves[len(known) :]], note_text)
        except OSError as error:
            # What is not on the disk is not here either: the same entries will be shown again.
            self._levels = [level[:size] for level, size in zip(self._levels, before, strict=False)]
            self._tail = tail
            raise Unavailable(f"the mirror `{self._folder}` cannot be written: {error.strerror}") from error

    def confirm(self, note_text: str) -> None:
        """Put a checkpoint with more cosignatures, or of the same entries anew, in the place of the one that is here.

        Raises:
            Unavailable: the disk fails.
        """
        try:
            with held_alone(self._folder):
                self._write(CHECKPOINT, note_text.encode())
        except OSError as error:
            raise Unavailable(f"the mirror `{self._folder}` cannot be written: {error.strerror}") from error

    def _take(self, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        tail = self._tail + list(leaves)
        self._tail = tail[len(tail) - len(tail) % TILE_WIDTH :]
        self._levels[0] += hashes
        for level, below in enumerate(self._levels, 1):
            if len(below) < TILE_WIDTH:
                break
            if level == len(self._levels):
                self._levels.append([])
            done = len(self._levels[level])
            self._levels[level] += [
                root_of(below[start : start + TILE_WIDTH])
                for start in range(done * TILE_WIDTH, len(below) - len(below) % TILE_WIDTH, TILE_WIDTH)
            ]

    def _write_grown(self, before: Sequence[int], tail: Sequence[bytes], note_text: str) -> None:
        """Write what has grown since the levels had these sizes; `tail` begins where the last full bundle ended."""
        bundle = before[0] // TILE_WIDTH
        for place, (_, content) in enumerate(entry_bundles(tail)):
            width = min(TILE_WIDTH, len(tail) - place * TILE_WIDTH)
            self._write(tile_path(_ENTRIES, bundle + place, width), content)
        stale = self._write_tiles(before)
        # Last, because it promises that the others are there.
        self._write(CHECKPOINT, note_text.encode())
        if before[0] % TILE_WIDTH:
            stale.append(tile_path(_ENTRIES, bundle, before[0] % TILE_WIDTH))
        for name in stale:
            self._remove(name)

    def _write_tiles(self, before: Sequence[int]) -> list[str]:
        """Write the tiles that have grown, and return the names of those that they replace."""
        stale = []
        for level, hashes in enumerate(self._levels):
            old = before[level] if level < len(before) else 0
            if len(hashes) == old:
                continue
            if old % TILE_WIDTH:
                stale.append(tile_path(level, old // TILE_WIDTH, old % TILE_WIDTH))
            for start in range(old - old % TILE_WIDTH, len(hashes), TILE_WIDTH):
                tile = hashes[start : start + TILE_WIDTH]
                self._write(tile_path(level, start // TILE_WIDTH, len(tile)), b"".join(tile))
        return stale

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)

    def _remove(self, name: str) -> None:
        path = self._folder / name
        path.unlink(missing_ok=True)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
