"""Papers about one subject, by name, in a folder: small ones flushed, totals not."""

import shutil
from pathlib import Path
from typing import Final

from hansa.errors import Unavailable
from hansa.store.files import write_atomically

OUTCOME: Final = "outcome"
"""The paper that outlives the others."""

_TOTAL: Final = "{}.total"


class FolderPapers:
    """Papers in a folder.

    Args:
        folder: of one run alone, made when something is written; the outcome lies beside it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """Read a file, if there is one."""
        path = self._path(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file, flushed."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error

    def read_total(self, number: int) -> bytes | None:
        """Read a total."""
        return self.read(_TOTAL.format(number))

    def write_total(self, number: int, total: bytes | memoryview) -> None:
        """Write a total, which is not flushed, being large: after a loss of power its digest may say that it is gone."""
        path = self._path(_TOTAL.format(number))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(total)
        except OSError as error:
            raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error

    def verify(self) -> None:
        """Do nothing: the folder is this hub's alone."""

    def discard(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        if name == OUTCOME:
            return self._folder.with_name(f"{self._folder.name}.json")
        return self._folder / name
