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
from collections.abc import Callable, Iterable, Sequence
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
    """One command at work behind the others.

    INVARIANT: the process inherits the handle that holds `NAME.lock`, and nobody else keeps it. So the operating system
    says whether it lives, and the number in the file is never that of somebody else's process.

    Args:
        name: of its files.
        folder: where they lie; it exists.
        command: its words.
        is_working: says of its number whether it works by now; left out, it says so itself, with a JSON document.
        end: the signal that asks it to stop.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: Sequence[str],
        *,
        is_working: Callable[[int], bool] | None = None,
        end: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.journal = folder / f"{name}.log"
        self._lock = folder / f"{name}.lock"
        self._said = folder / f"{name}.out"
        self._command = tuple(command)
        self._is_working = is_working
        self._end = end

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
        return self._read_number() if self.is_alive else None

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
            os.posix_spawn(
                "/bin/sh",
                ("sh", "-c", _WITH_NUMBER, str(self._lock), *self._command),
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
        """Say whether it works.

        Raises:
            Unavailable: it has ended instead; with what it said last.
        """
        is_alive = self.is_alive  # before its words: it may say why and end in between
        said = self._read_answer()
        if is_alive and self._has_begun(said):
            return True
        if not is_alive:
            raise Unavailable(f"the process of {self.name} has ended: {self._explain(said)}")
        return False

    def ask_to_stop(self) -> bool:
        """Ask it to stop, and say whether it is known where to."""
        return self.signal(self._end)

    def kill(self) -> bool:
        """Kill it, and say whether it is known where to."""
        return self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal, and say whether it is known where to."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid is not None

    def bury(self) -> None:
        """Take note that it has ended, if this process began it: until then the system keeps its number."""
        number = self._read_number()
        if number is not None and not self.is_alive:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, 0)  # it gives its lock back a moment before it has ended

    def measure_memory(self) -> int | None:
        """Return how much memory it holds, bytes, with the processes that it began and its part of what processes share.

        None where the system does not say.
        """
        pid = self.pid
        if pid is None:
            return None
        own = _measure(str(pid))
        return None if own is None else own + sum(_measure(child) or 0 for child in _list_children(pid))

    def _has_begun(self, said: dict[str, Any] | None) -> bool:
        if self._is_working is None:
            return said is not None and "error" not in said
        pid = self.pid
        return pid is not None and self._is_working(pid)

    def _read_number(self) -> int | None:
        try:
            text = self._lock.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdecimal() else None

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


def spell_hansa(*arguments: str) -> tuple[str, ...]:
    """Return the words of one of our own commands, which prints one JSON document when it works."""
    return (sys.executable, "-m", "hansa", *arguments, "--json")


def await_ready(processes: Iterable[Process], seconds: float) -> None:
    """Wait until all work.

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
    left = _end(running, Process.ask_to_stop, _STOP_SECONDS)
    left = _end(left, Process.kill, _KILL_SECONDS)
    for process in running:
        process.bury()
    if left:
        raise Unavailable(f"the process of {left[0].name} cannot be stopped")
    return len(running)


def _end(processes: Sequence[Process], send: Callable[[Process], bool], seconds: float) -> list[Process]:
    """Send a signal once to each, and return those that still run after a while."""
    left, told = list(processes), set[str]()
    end = time.monotonic() + seconds
    while left and time.monotonic() < end:
        # One that has just begun has not written its number yet.
        told |= {process.name for process in left if process.name not in told and send(process)}
        time.sleep(_STEP_SECONDS)
        left = [process for process in left if process.is_alive]
    return left


def _measure(pid: str) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)


def _list_children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
