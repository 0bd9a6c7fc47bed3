"""Files that are either all there or not there: write beside, flush, rename."""

import os
from collections.abc import Iterable
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
    write_chunks(path, (data,), unfinished_path(path))


def write_chunks(path: Path, chunks: Iterable[bytes], unfinished: Path) -> None:
    """Write a file as `write_atomically` does, from chunks.

    Args:
        path: its name in the end.
        chunks: its content; when it raises, nothing is written.
        unfinished: its name until then, in the same folder.
    """
    try:
        with unfinished.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
