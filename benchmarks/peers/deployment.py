"""A peer's real processes on this machine: started, watched, measured, and ended whatever happens.

Standard library only, because an interpreter that has the peer installed imports it. Linux only, because it reads /proc.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Self

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
PROC = Path("/proc")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class DeploymentError(Exception):
    """The peer did not start, ended early or took too long; the message ends with what it last said."""


class Deployment:
    """Everything one peer runs in, from a folder that goes with it.

    Guarantees:
        When the block is left, by its end, an exception, Ctrl-C, SIGTERM or SIGHUP, nothing that was started in it still runs,
        be it in a session of its own or orphaned, and the folder is gone. (SIGKILL cannot be answered.)
    """

    def __init__(self, peer: str, *, timeout_seconds: float) -> None:
        self.peer = peer
        self.deadline = time.monotonic() + timeout_seconds
        self.timeout_seconds = timeout_seconds
        self.peak_bytes = 0
        # Which processes are the hub's: replaced by whoever starts it.
        self.list_hub: Callable[[], Iterable[int]] = tuple

    def __enter__(self) -> Self:
        if not (PROC / "self/stat").exists():
            raise DeploymentError("needs Linux: processes are found and measured through `/proc`")
        # INVARIANT: an orphaned descendant becomes our child, so that `list_descendants` always finds it.
        adopt_orphans(adopt=True)
        self._before = set(list_descendants(os.getpid()))
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.peer}-rounds-"))
        home, scratch = self.folder / "home", self.folder / "tmp"
        home.mkdir()
        scratch.mkdir()
        # The interpreter's own folder comes first, so that the peer's commands are those of this installation.
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        self.environment = {**os.environ, "HOME": str(home), "TMPDIR": str(scratch), "PATH": path}
        self._started: list[subprocess.Popen[bytes]] = []
        self._handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)  # another one must not interrupt the clearing up
        try:
            end_all(lambda: set(list_descendants(os.getpid())) - self._before)
        finally:
            for process in self._started:
                process.poll()  # it has been reaped already, which the object does not know
            shutil.rmtree(self.folder, ignore_errors=True)
            adopt_orphans(adopt=False)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def start(self, name: str, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a process that is to live until the end; what it says goes to `NAME.log`."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._started.append(process)
        return process

    def run(self, name: str, *command: str | Path) -> None:
        """Run a command to its end; what it says goes to `NAME.log`.

        Raises:
            DeploymentError: it failed, or was not done by the deadline.
        """
        process = self.start(name, *command)
        self.await_that(lambda: process.poll() is not None, f"the end of `{name}`")
        if process.returncode != 0:
            raise DeploymentError(f"`{name}` ended with {process.returncode}:\n{self.read_logs(name)}")

    def await_that(self, condition: Callable[[], bool], what: str, *lasting: subprocess.Popen[bytes]) -> None:
        """Wait until `condition` holds, and measure the hub meanwhile.

        Args:
            condition: asked four times a second.
            what: what is waited for, for the message.
            lasting: processes without which there is nothing left to wait for.

        Raises:
            DeploymentError: the deadline has passed, or a process of `lasting` has ended.
        """
        while not condition():
            for process in lasting:
                if process.poll() is not None:
                    raise DeploymentError(f"a process ended before {what}:\n{self.read_logs('*')}")
            if time.monotonic() > self.deadline:
                raise DeploymentError(
                    f"no {what} within {self.timeout_seconds:g} seconds of the start:\n{self.read_logs('*')}"
                )
            self.measure()
            time.sleep(0.25)

    def measure(self) -> None:
        """Add up what the hub's processes hold now. What they share counts once for each; a peak between two looks is missed."""
        self.peak_bytes = max(self.peak_bytes, sum(map(read_resident, self.list_hub())))

    def read_logs(self, pattern: str, lines: int = 10) -> str:
        """The last lines of the logs whose name, without `.log`, matches."""
        tails = []
        for path in sorted(self.folder.glob(f"{pattern}.log")):
            said = path.read_text(errors="replace").splitlines()[-lines:]
            tails.append("\n".join((f"-- {path.stem}", *said)))
        return "\n".join(tails)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def adopt_orphans(*, adopt: bool) -> None:
    """Whether a descendant whose parent ends becomes our child, and not that of the system's first process."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0) != 0:
        raise DeploymentError(f"cannot adopt orphans: {os.strerror(ctypes.get_errno())}")


def list_descendants(ancestor: int) -> list[int]:
    """Children of a process, their children and so on, zombies too; not itself."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # The command's name is in brackets and may hold anything; the parent is the second field after it.
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(ancestor, ()))
    for process in found:
        found.extend(children.get(process, ()))
    return found


def list_matching(text: str) -> list[int]:
    """Our descendants with `text` in their command line."""
    found = []
    for process in list_descendants(os.getpid()):
        with contextlib.suppress(OSError):
            if text.encode() in (PROC / str(process) / "cmdline").read_bytes():
                found.append(process)
    return found


def read_resident(process: int) -> int:
    """Resident memory in bytes; 0 when it has ended."""
    try:
        return int((PROC / str(process) / "statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def end_all(list_running: Callable[[], Iterable[int]], timeout_seconds: float = 30) -> None:
    """Kill until nothing is left, because what runs may start more meanwhile; reap what is ours.

    Raises:
        DeploymentError: something is left after the time-out.
    """
    deadline = time.monotonic() + timeout_seconds
    while left := sorted(list_running()):
        if time.monotonic() > deadline:
            raise DeploymentError(f"cannot end the processes {', '.join(map(str, left))}")
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.02)


def find_ports(count: int) -> list[int]:
    """Loopback ports that are free now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def is_listening(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
