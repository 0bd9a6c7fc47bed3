"""Where the papers of runs lie: the minutes of those under way, the outcomes of all.

A hub that has its log alone keeps them in its folder. Hubs that share a log keep them beside it in the database, so that
whichever takes over finds them, and totals, being large, among the blobs that they share.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from hansa.errors import Refused, Unavailable
from hansa.hub.clerk import Clerk
from hansa.store import Blobs, LogStore, write_atomically

OUTCOME: Final = "outcome"
ATTEMPT: Final = "attempt"
"""The paper that says who is at a run: whoever takes it up counts it further."""

_PAUSE_SECONDS: Final = 0.25
_TOTAL: Final = "{}.total"

_T = TypeVar("_T")


class Papers(Protocol):
    """The papers of one run, by name.

    Every call raises `Unavailable` when they cannot be reached, and `Refused` (`run.superseded`) when somebody else has
    taken up the run; reading a total raises `Malformed` when it is damaged.
    """

    def read(self, name: str) -> bytes | None:
        """Return a paper, or None when there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Keep a paper, whole, before this returns."""
        ...

    def read_total(self, number: int) -> bytes | None:
        """Return the total of a round, or None when there is none."""
        ...

    def write_total(self, number: int, total: bytes) -> None:
        """Keep the total of a round; it outlives this process."""
        ...

    def verify(self) -> None:
        """Make sure that nobody else has taken up the run."""
        ...

    def discard(self) -> None:
        """Forget all but the outcome."""
        ...


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

    def write_total(self, number: int, total: bytes) -> None:
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


class SharedPapers:
    """Papers beside a log that several hubs share.

    Args:
        run: its id.
        clerk: writes them, with the right to write the log.
        totals: keeps totals, for this use alone.
        is_given_up: whether this hub no longer conducts the run; until then whoever calls waits while the database is away.
        give_up: told when somebody else has taken up the run.

    Guarantees:
        What is written was written by whoever took up the run last.
    """

    def __init__(
        self,
        run: str,
        clerk: Clerk,
        totals: Blobs,
        *,
        is_given_up: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._run = run
        self._clerk = clerk
        self._totals = totals
        self._is_given_up = is_given_up
        self._give_up = give_up
        self._attempt = self.read(ATTEMPT)

    def read(self, name: str) -> bytes | None:
        """Read a row, if there is one."""
        return self._do(lambda log: log.read_paper(self._run, name))

    def write(self, name: str, data: bytes) -> None:
        """Write a row."""

        def keep(log: LogStore) -> None:
            self._require(log)
            log.keep_paper(self._run, name, data)

        self._do(keep)
        if name == ATTEMPT:
            self._attempt = data

    def read_total(self, number: int) -> bytes | None:
        """Fetch the total whose digest a row has."""
        digest = self.read(_TOTAL.format(number))
        return None if digest is None else self._totals.get(digest.decode())[len(self._run) :]

    def write_total(self, number: int, total: bytes) -> None:
        """Keep a total, then its digest."""
        # Under the run's name: another run may come to the same total, and forget it while this one needs it.
        self.write(_TOTAL.format(number), self._totals.put(self._run.encode() + total).encode())

    def verify(self) -> None:
        """Look at who took up the run last."""
        self._do(self._require)

    def discard(self) -> None:
        """Forget the totals, then the rows."""
        number = 1
        while (digest := self.read(_TOTAL.format(number))) is not None:
            self._totals.forget(digest.decode())
            number += 1
        self._do(lambda log: log.forget_papers(self._run, but=OUTCOME))

    def _require(self, log: LogStore) -> None:
        if log.read_paper(self._run, ATTEMPT) != self._attempt:
            raise Refused("run.superseded", "another hub has taken up this run")

    def _do(self, call: Callable[[LogStore], _T]) -> _T:
        while True:
            try:
                return self._clerk.write(call).result()
            except Unavailable:
                if self._is_given_up():
                    raise
                time.sleep(_PAUSE_SECONDS)
            except Refused:
                self._give_up()
                raise
