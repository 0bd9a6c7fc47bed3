"""Files that are either all there or not there: write beside, flush, rename."""

import os
from pathlib import Path


def unfinished_path(path: Path) -> Path:
    """Return where a file lies while it is being written."""
    return path.with_name(f".{path.name}.unfinished")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that nobody, not even after a crash, sees a part of it.

    Guarantees:
        On return the content and its name are on the disk. A crash before that leaves the old file, and
        at most an unfinished one beside it, which the next write of the same file replaces.
    """
    unfinished = unfinished_path(path)
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
