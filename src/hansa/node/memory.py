"""What a member's side must not forget: which runs it has begun, and which bare totals it has helped to form.

Everything is on the disk before what it is about leaves the house, so a node that is killed at any moment
does nothing twice that it may do once. Two processes over one folder are kept apart by a lock.

    FOLDER/runs/<run>           an empty file for each run that was begun here
    FOLDER/totals/<run>.json    for each run, over whom totals without noise were formed with this member
    FOLDER/memory.lock          held while a note is compared and written
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import sync_folder, write_atomically
from hansa.store.lock import WriterLock
from hansa.transparency import canonical

BEGUN: Final = "runs"
TOTALS: Final = "totals"

_LOCKED: Final = "memory"
_PATIENCE_SECONDS: Final = 2.0
_SHOWN: Final = 20


class Memory:
    """One member's memory across restarts.

    Args:
        folder: this member's own; it must exist.
    Guarantees:
        When a call returns, what it noted is on the disk. What a crash left unfinished is not believed.
        Whichever processes share the folder, a run is begun by one of them, and each note is compared with
        all earlier ones.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, run: str) -> None:
        """Note that a run is begun here.

        Raises:
            Refused: `run.again`, it was begun before.
            Unavailable: the disk does not take the note.
        """
        path = self._folder / BEGUN / run
        _make_folder(path.parent)
        try:
            _create(path)
        except FileExistsError:
            raise Refused(
                "run.again", "this attempt was begun here before; a new one needs a new `run_open`"
            ) from None
        except OSError as error:
            raise _explain(path, error) from error

    def join_total(self, run: str, members: Sequence[str], minimum: int) -> None:
        """Note that this member helps to form a total without noise, unless one of another run could be subtracted.

        Two totals whose members differ by a few give, subtracted, what those few added, exactly where they asked
        the same and nearly where they asked nearly the same. So it does not matter here what was asked. Within one run
        members only get fewer, and the recipe sees to it that nothing is asked twice.

        Args:
            run: the id of the `run_open` entry.
            members: whose numbers are in the total.
            minimum: by how many members it differs at least from every total of every other run, unless by
                none; 1 refuses nothing.

        Raises:
            Refused: `run.differencing`.
            Malformed: `memory.form`, a note is damaged.
            Unavailable: the disk cannot be read, or does not take the note; or another process is at it.
        """
        path = self._folder / TOTALS / f"{run}.json"
        with _hold(self._folder / _LOCKED):
            for other in _list(path.parent):
                if other != path:
                    _verify_apart(_read(other), members, minimum)
            earlier = _read(path) if path.exists() else []
            if list(members) not in earlier:
                _make_folder(path.parent)
                totals: list[canonical.Json] = [list(total) for total in (*earlier, members)]
                _write(path, canonical.encode({"totals": totals}))


def _verify_apart(earlier: Sequence[Sequence[str]], members: Sequence[str], minimum: int) -> None:
    for before in earlier:
        differing = {*members} ^ {*before}
        if 0 < len(differing) < minimum:
            raise Refused(
                "run.differencing",
                f"a total of another run over {_name(before)} is known; one over {_name(members)} would tell, "
                f"by subtraction, the numbers of {_name(sorted(differing))}, and {minimum} members hide each "
                "other; ask again over the same members as before, or propose a plan with noise",
            )


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """Hold the lock; another run of this member may have it for a moment."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            lock = WriterLock(path)
            break
        except OSError as error:
            raise _explain(path, error) from error
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(_PATIENCE_SECONDS / 100)
    try:
        yield
    finally:
        lock.release()


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json") if folder.exists() else []
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be read: {error.strerror}") from error


def _read(path: Path) -> list[list[str]]:
    try:
        value = canonical.parse(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise Malformed("memory.form", f"`{path}` is damaged: {error.message}") from None
    totals = value.get("totals") if isinstance(value, dict) else None
    if not isinstance(totals, list) or not all(isinstance(total, list) for total in totals):
        raise Malformed("memory.form", f"`{path}` is damaged: expected `totals`, a list of lists of members")
    return [[str(name) for name in total] for total in totals if isinstance(total, list)]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise _explain(folder, error) from error


def _create(path: Path) -> None:
    """Make an empty file that is not there yet, and flush it and its name to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"`{path}` cannot be written: {error.strerror}")


def _name(members: Sequence[str]) -> str:
    more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in members[:_SHOWN]) + more
