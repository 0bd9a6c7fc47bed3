"""The public folder of a log: C2SP tiles, entry bundles and the checkpoint, and nothing else.

Anybody's tool can read the folder; `read_tree` is the strict reader that accounts for every byte in it.

Source: C2SP tlog-tiles.
"""

import heapq
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store.files import unfinished_path, write_atomically
from hansa.transparency import (
    MAX_LEAF_BYTES,
    TILE_WIDTH,
    Checkpoint,
    cut_entry_bundle,
    entry_bundles,
    hash_leaf,
    hash_tiles,
    parse_checkpoint,
    parse_note,
    root_of,
    tile_path,
)
from hansa.transparency.merkle import HASH_BYTES
from hansa.transparency.quoting import quote

CHECKPOINT = "checkpoint"
"""The name of the checkpoint's file."""

_MAX_FILE_BYTES = TILE_WIDTH * (MAX_LEAF_BYTES + 2)

_MAX_PARTS = 10
"""Names on the way to the deepest file of the largest log, `tile/entries/x000/…/000.p/1`, and one to spare."""


@dataclass(frozen=True)
class PublishedTree:
    """What a published folder says, once every byte of it has been accounted for.

    Args:
        leaves: the leaves, in order.
        leaf_hashes: their hashes, 32 bytes each.
        note_text: the checkpoint's note. Its signatures are the reader's to verify, for this room knows
            no keys; `transparency.verify_every_signature` leaves none of its bytes unchecked.
    """

    leaves: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]
    note_text: str


class _Cover(NamedTuple):
    """Which entries a file is about: the first one, and how many each hash in it stands for."""

    first: int
    span: int


def publish(folder: Path, leaves: Sequence[bytes], note_text: str) -> None:
    """Make a folder show a log: entries and tiles first, then the checkpoint, then remove what is stale.

    Args:
        folder: made if it is missing; holds nothing but a log published earlier.
        leaves: all leaves of the checkpoint's tree.
        note_text: the checkpoint.

    Raises:
        Malformed: the note is not a checkpoint of these leaves (`tree.root`), or a rule of `note`,
            `checkpoint` or `leaf`; nothing is written.
        Refused: `tree.not-ours`, the folder is used for something else; nothing is written.
        Unavailable: the disk fails.

    Guarantees:
        At every moment, and after a crash at any moment, the checkpoint in the folder is whole and all
        that it needs is there. Publishing again completes an interrupted call.
    """
    folder = Path(folder)
    head = parse_checkpoint(parse_note(note_text).body)
    hashes = [hash_leaf(leaf) for leaf in leaves]
    if (head.size, head.root) != (len(hashes), root_of(hashes)):
        raise Malformed("tree.root", f"the checkpoint is not that of these {len(hashes)} entries")
    files = {**dict(entry_bundles(leaves)), **dict(hash_tiles(hashes))}
    # Last, because it promises that the others are there.
    files[CHECKPOINT] = note_text.encode()
    try:
        _check_owned(folder)
        for name, content in files.items():
            path = folder / name
            if not (path.is_file() and path.read_bytes() == content):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)
        _remove_others(folder, files.keys())
    except OSError as error:
        raise Unavailable(f"the log cannot be published in `{folder}`: {error.strerror}") from error


def tidy(folder: Path) -> None:
    """Remove what an interrupted update left beside a log: files that its checkpoint does not need.

    Raises:
        Malformed: a rule of `note` or `checkpoint`; nothing is removed.
        Refused: `tree.not-ours`, the folder is used for something else; nothing is removed.
        Unavailable: the disk fails.
    """
    try:
        _check_owned(folder)
        size = _read_checkpoint(folder)[1].size if (folder / CHECKPOINT).is_file() else 0
        needed = {name for name, _ in _list_files(size)}
        _remove_others(folder, needed | {CHECKPOINT} if size else set())
    except OSError as error:
        raise Unavailable(f"the log in `{folder}` cannot be tidied: {error.strerror}") from error


def read_tree(folder: Path) -> PublishedTree:
    """Read a published log and account for every file and every byte.

    Raises:
        Malformed: the message names the first wrong entry, the checkpoint, or the file:
            `tree.missing-file`, `tree.unexpected-file`, `tree.entry` (an entry and its hash disagree, or
            bytes are left over), `tree.tile` (a hash tile is not that of the entries), `tree.root` (the
            checkpoint has another root), and the rules of `note`, `checkpoint` and `base64`.
        Unavailable: there is no such folder, or the disk fails.

    Guarantees:
        If it returns, publishing the result again would write exactly these bytes.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            raise Unavailable(f"there is no published log at `{folder}`")
        # 1. The checkpoint says how many entries there are, and so which files.
        note_text, head = _read_checkpoint(folder)
        # 2. All of them are there, and nothing else.
        files = _check_files(folder, head.size)
        # 3. Each entry has the hash that level 0 holds for it.
        leaves: list[bytes] = []
        hashes: list[bytes] = []
        for index, start in enumerate(range(0, head.size, TILE_WIDTH)):
            width = min(TILE_WIDTH, head.size - start)
            tile = _read(folder, tile_path(0, index, width))
            bundle = _read(folder, tile_path("entries", index, width))
            for leaf, leaf_hash in _pair(bundle, tile, start, width):
                leaves.append(leaf)
                hashes.append(leaf_hash)
        # 4. Each tile holds the hashes of the tree over these entries.
        for name, expected in hash_tiles(hashes):
            _compare_tile(name, files[name], expected, _read(folder, name))
    except OSError as error:
        raise Unavailable(f"the published log `{folder}` cannot be read: {error.strerror}") from error
    # 5. The tree has the root that the checkpoint says.
    if root_of(hashes) != head.root:
        raise Malformed(
            "tree.root", f"checkpoint: its root is not that of the {head.size} entries in the folder"
        )
    return PublishedTree(tuple(leaves), tuple(hashes), note_text)


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise Malformed("tree.unexpected-file", f"`{name}` is larger than any file of a log")
    return path.read_bytes()


def _read_checkpoint(folder: Path) -> tuple[str, Checkpoint]:
    if not (folder / CHECKPOINT).is_file():
        raise Malformed("tree.missing-file", "checkpoint: the file is missing")
    try:
        text = _read(folder, CHECKPOINT).decode("utf-8")
        return text, parse_checkpoint(parse_note(text).body)
    except UnicodeDecodeError as error:
        raise Malformed("note.utf8", f"checkpoint: byte {error.start} is not UTF-8") from None
    except Malformed as error:
        raise Malformed(error.rule, f"checkpoint: {error.message}") from None


def _list_files(size: int) -> Iterator[tuple[str, _Cover]]:
    """Name the tiles and bundles of a log with `size` entries, and what each covers, by the first entry it covers.

    One after the other: a checkpoint may say any size, and its reader stops at the first file that is not there.
    """
    levels: list[Iterator[tuple[str, _Cover]]] = []
    span, count = 1, size
    while count:
        levels.append(_list_level(len(levels), span, count))
        span, count = span * TILE_WIDTH, count // TILE_WIDTH
    return heapq.merge(*levels, key=lambda file: file[1].first)


def _list_level(level: int, span: int, count: int) -> Iterator[tuple[str, _Cover]]:
    for index in range(-(-count // TILE_WIDTH)):
        width, cover = min(TILE_WIDTH, count - index * TILE_WIDTH), _Cover(index * TILE_WIDTH * span, span)
        yield tile_path(level, index, width), cover
        if level == 0:
            yield tile_path("entries", index, width), cover


def _check_files(folder: Path, size: int) -> Mapping[str, _Cover]:
    """Return the tiles and bundles of a log with `size` entries; the folder holds exactly them.

    Guarantees:
        It takes as long as the folder is large, whatever `size` is.
    """
    log = f"a log of {size} entries, as its checkpoint says"
    # What is there is looked at first, and only then what should be: the disk has an end, a number has none.
    found, folders = _walk(folder, log)
    files = {}
    for name, cover in _list_files(size):
        if name not in found:
            raise Malformed("tree.missing-file", f"entry {cover.first}: `{name}` is missing in {log}")
        files[name] = cover
    known = {CHECKPOINT, *files, *(parent.as_posix() for name in files for parent in Path(name).parents)}
    for name in sorted((found | folders) - known):
        raise Malformed("tree.unexpected-file", f"{quote(name, 200)} is no part of {log}")
    return files


def _walk(folder: Path, log: str) -> tuple[set[str], set[str]]:
    """Return the names of all files and of all folders below `folder`; nothing else may be there."""
    found: set[str] = set()
    folders: set[str] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                name = f"{inside}/{entry.name}" if inside else entry.name
                if entry.is_file(follow_symlinks=False):
                    found.add(name)
                elif entry.is_dir(follow_symlinks=False) and name.count("/") < _MAX_PARTS:
                    folders.add(name)
                    waiting.append(name)
                else:
                    raise Malformed("tree.unexpected-file", f"{quote(name, 200)} is no part of {log}")
    return found, folders


def _pair(bundle: bytes, tile: bytes, start: int, width: int) -> Iterator[tuple[bytes, bytes]]:
    """Pair each entry of a bundle with its hash, until one is wrong."""
    leaves, used = cut_entry_bundle(bundle), 0
    for place in range(width):
        leaf_hash = tile[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        try:
            leaf = next(leaves, None)
        except Malformed:
            leaf = None
        if leaf is None or hash_leaf(leaf) != leaf_hash:
            raise Malformed(
                "tree.entry", f"entry {start + place}: its bytes and its hash in the tile disagree"
            )
        used += 2 + len(leaf)
        yield leaf, leaf_hash
    if used != len(bundle):
        raise Malformed("tree.entry", f"entry {start + width - 1}: bytes are left over after it")


def _compare_tile(name: str, cover: _Cover, expected: bytes, got: bytes) -> None:
    if got != expected:
        places = range(0, max(len(got), len(expected)), HASH_BYTES)
        wrong = next(at for at in places if got[at : at + HASH_BYTES] != expected[at : at + HASH_BYTES])
        entry = cover.first + wrong // HASH_BYTES * cover.span
        raise Malformed("tree.tile", f"entry {entry}: `{name}` is not the tile of the entries in the folder")


def _check_owned(folder: Path) -> None:
    """Refuse to tidy a folder that somebody uses for other things too."""
    ours = {"tile", CHECKPOINT, unfinished_path(Path(CHECKPOINT)).name}
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if path.name not in ours:
            raise Refused("tree.not-ours", f"`{folder}` holds `{path.name}`, which is no part of a log")


def _remove_others(folder: Path, names: Collection[str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):  # what lies in a folder comes before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in names:
            path.unlink()
