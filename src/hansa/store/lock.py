"""One writer at a time: a lock that the operating system takes back when its holder dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hansa.errors import Unavailable


class BeingWritten(Unavailable):
    """Somebody else has the right to write; who waits for it may read meanwhile, and try again."""


class WriterLock:
    """The right to write one file, held from construction until `release`.

    The lock is a file of its own beside the other; it stays when released, because removing it would
    let two writers hold two files of the same name.

    Args:
        path: the file that is protected; the lock lies at `path` + `.lock`.

    Raises:
        BeingWritten: somebody else holds it; the text says who.
    """

    def __init__(self, path: Path) -> None:
        # INVARIANT: the open handle is the lock; closing it is the only way to give the lock back.
        self._handle = os.open(
            path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 200, 0).decode("utf-8", "replace").strip() or "another process"
            os.close(self._handle)
            raise BeingWritten(f"`{path}` is being written by {holder}; stop that first") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; once is enough, twice is an error of the caller."""
        os.close(self._handle)


@contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Keep the readers of a folder out while it changes; waits until they are done.

    Args:
        path: the folder; the lock lies at `path` + `.changing`.
    """
    with _held(path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX):
        yield


@contextmanager
def held_still(path: Path) -> Iterator[None]:
    """Keep a folder from changing while it is read; one that nobody changes in this way is just read."""
    if not _name_lock(path).exists():
        yield
        return
    with _held(path, os.O_RDONLY, fcntl.LOCK_SH):
        yield


@contextmanager
def _held(path: Path, flags: int, kind: int) -> Iterator[None]:
    handle = os.open(_name_lock(path), flags | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _name_lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.changing")
