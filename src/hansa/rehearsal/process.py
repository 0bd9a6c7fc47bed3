"""A process that outlives the command that began it, and is found again by the next one.

FOLDER/
  NAME.lock    held as long as the process lives; its number stands in it
  NAME.out     what it said at its start
  NAME.log     its journal
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from hansa.errors import Unavailable

_STEP_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 20.0
_KILL_SECONDS: Final = 5.0
_SHOWN: Final = 400
_WITH_NUMBER: Final = 'echo $$ >"$0"; exec "$@"'
"""The process writes its own number: whoever begins it may be killed in the same moment."""


class Process:
    """One `hansa` command at work behind the others.

    INVARIANT: the process inherits the handle that holds `NAME.lock`, and nobody else keeps it. So the operating system
    says whether it lives, and the number in the file is never that of somebody else's process.

    Args:
        name: of its files.
        folder: where they lie; it exists.
        arguments: what stands after `hansa`; it has to print one line, or one JSON document, when it works.
    """

    def __init__(self, name: str, folder: Path, arguments: Sequence[str]) -> None:
        self.name = name
        self.journal = folder / f"{name}.log"
        self._lock = folder / f"{name}.lock"
        self._said = folder / f"{name}.out"
        self._child: int | None = None
        self._arguments = (sys.executable, "-m", "hansa", *arguments, "--json")

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    @property
    def pid(self) -> int | None:
        """Its number, or None when it does not run."""
        if not self.is_alive:
            return None
        text = self._lock.read_text(encoding="ascii").strip()
        return int(text) if text.isdecimal() else None

    def begin(self) -> None:
        """Begin it, in a session of its own so that Ctrl-C is not for it, unless it runs already.

        Raises:
            Unavailable: it cannot be begun.
        """
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.set_inheritable(handle, True)  # noqa: FBT003 - takes no name
            fresh, onward = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._child = os.posix_spawn(
                "/bin/sh",
                ("sh", "-c", _WITH_NUMBER, str(self._lock), *self._arguments),
                os.environ,
                file_actions=(
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self._said), fresh, 0o600),
                    (os.POSIX_SPAWN_OPEN, 2, str(self.journal), onward, 0o600),
                ),
                setsid=True,
            )
        except BlockingIOError:
            pass  # it runs
        except OSError as error:
            raise Unavailable(f"the process of {self.name} cannot be begun: {error.strerror}") from error
        finally:
            os.close(handle)

    def is_ready(self) -> bool:
        """Say whether it has told that it works.

        Raises:
            Unavailable: it has ended instead; with what it said last.
        """
        is_alive = self.is_alive  # before its words: it may say why and end in between
        said = self._read_answer()
        if is_alive and said is not None and "error" not in said:
            return True
        if not is_alive:
            raise Unavailable(f"the process of {self.name} has ended: {self._explain(said)}")
        return False

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal, and say whether it is known where to."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid is not None

    def bury(self) -> None:
        """Take note that it has ended, if it was begun here: until then the system keeps its number."""
        if self._child is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._child, os.WNOHANG)

    def measure_memory(self) -> int | None:
        """Return how much memory it holds, bytes, its part of what processes share; None where the system does not say."""
        pid = self.pid
        if pid is None:
            return None
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)

    def _read_answer(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._said.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _explain(self, said: dict[str, Any] | None) -> str:
        if said is not None and "error" in said:
            return "; ".join(said["error"]["reasons"])
        lines = self.journal.read_text(encoding="utf-8", errors="replace").splitlines()
        last = lines[-1][:_SHOWN] if lines else "it said nothing"
        return f"{last} (`{self.journal}`)"


def await_ready(processes: Iterable[Process], seconds: float) -> None:
    """Wait until all have told that they work.

    Raises:
        Unavailable: one has ended, or says nothing for so long.
    """
    end = time.monotonic() + seconds
    for process in processes:
        while not process.is_ready():
            if time.monotonic() > end:
                raise Unavailable(
                    f"the process of {process.name} does not get ready; `{process.journal}` may say why"
                )
            time.sleep(_STEP_SECONDS)


def stop_all(processes: Sequence[Process]) -> int:
    """Ask processes to stop, kill those that do not, and return how many there were.

    Raises:
        Unavailable: one cannot be stopped.
    """
    running = [process for process in processes if process.is_alive]
    left = _end(running, signal.SIGTERM, _STOP_SECONDS)
    left = _end(left, signal.SIGKILL, _KILL_SECONDS)
    for process in running:
        process.bury()
    if left:
        raise Unavailable(f"the process of {left[0].name} cannot be stopped")
    return len(running)


def _end(processes: Sequence[Process], number: signal.Signals, seconds: float) -> list[Process]:
    """Send a signal once to each, and return those that still run after a while."""
    left, told = list(processes), set[str]()
    end = time.monotonic() + seconds
    while left and time.monotonic() < end:
        # One that has just begun has not written its number yet.
        told |= {process.name for process in left if process.name not in told and process.signal(number)}
        time.sleep(_STEP_SECONDS)
        left = [process for process in left if process.is_alive]
    return left
