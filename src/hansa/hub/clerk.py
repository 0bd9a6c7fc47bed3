"""The clerk: the one thread that touches the log, so that everything else may be asked at the same time.

What waits when it turns to the log is written together: many small requests cost one flush of the disk.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from hansa.coalition import State
from hansa.errors import HansaError, Refused, Unavailable
from hansa.hub.sequencer import Sequencer
from hansa.hub.witnessing import Published, Witnessing
from hansa.store import LogStore
from hansa.transparency import Envelope, SigningKey

_T = TypeVar("_T")

_REOPEN_SECONDS: Final = 1.0
"""After which a log that failed is opened again, when somebody asks."""

_MOST: Final = 256
"""Jobs that are done at one go."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    future: Future[Any] = field(default_factory=Future, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Submission(_Job):
    envelopes: tuple[Envelope, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Cosignatures(_Job):
    size: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Call(_Job):
    call: Callable[[Sequencer], object]


class Clerk:
    """Keeps one log, in a thread of its own.

    Args:
        open_store: opens the log; called again when it has failed.
        key: the log's key.
        clock: returns Unix seconds.
        notify: told in the clerk's thread that readers see something new; must return at once.

    Raises:
        Malformed, Refused, Unavailable: the log cannot be opened.
    Guarantees:
        When a future of `submit` is done, the entries are on the disk.
    """

    def __init__(
        self,
        open_store: Callable[[], LogStore],
        key: SigningKey,
        clock: Callable[[], int],
        notify: Callable[[], None],
    ) -> None:
        self._open_store = open_store
        self._key = key
        self._clock = clock
        self._notify = notify
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._store: LogStore | None = None
        self._sequencer: Sequencer | None = None
        self._witnessing: Witnessing | None = None
        self._opened_at = 0.0
        self._published: Published | None = None
        self._state: State | None = None
        self._is_closing = False
        began: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, args=(began,), name="clerk", daemon=True)
        self._thread.start()
        began.result()

    @property
    def state(self) -> State:
        """The fold over everything sequenced so far.

        Raises:
            Refused: `log.empty`.
        """
        if self._state is None:
            raise Refused("log.empty", "the log holds no entry yet; its founders have not all signed")
        return self._state

    @property
    def published(self) -> Published:
        """What readers see.

        Raises:
            Refused: `log.empty`.
        """
        if self._published is None:
            raise Refused("log.empty", "the log holds no entry yet; its founders have not all signed")
        return self._published

    @property
    def is_working(self) -> bool:
        """Whether the log is open for writing."""
        return self._sequencer is not None and self._thread.is_alive()

    def submit(self, envelopes: Sequence[Envelope]) -> Future[tuple[int, ...]]:
        """Sequence entries, see `Sequencer.submit_each`; the future has their numbers."""
        return self._put(_Submission(tuple(envelopes)))

    def cosign(self, size: int, lines: Sequence[str]) -> Future[None]:
        """Take in cosignatures, see `Witnessing.add`."""
        return self._put(_Cosignatures(size, tuple(lines)))

    def ask(self, call: Callable[[Sequencer], _T]) -> Future[_T]:
        """Read something of the log in the clerk's thread."""
        return self._put(_Call(call))

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries; waits for it."""
        return self.ask(lambda sequencer: sequencer.root_at(size)).result()

    def close(self) -> None:
        """Finish what was begun and close the log; whoever asks afterwards is told that the hub has stopped."""
        self._is_closing = True
        self._jobs.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> Future[Any]:
        if self._is_closing or not self._thread.is_alive():
            raise Unavailable("the hub is stopping")
        self._jobs.put(job)
        return job.future

    # -- in the clerk's thread ---------------------------------------------------------------------------------

    def _work(self, began: Future[None]) -> None:
        try:
            self._open()
        except BaseException as error:  # noqa: BLE001 - whoever made this clerk raises it
            began.set_exception(error)
            return
        began.set_result(None)
        again: float | None = None
        is_open = True
        while is_open:
            jobs = self._wait(again)
            is_open = None not in jobs
            again = self._serve([job for job in jobs if job is not None])
        if self._store is not None:
            self._store.close()
        with contextlib.suppress(queue.Empty):
            while (late := self._jobs.get_nowait()) is not None:
                late.future.set_exception(Unavailable("the hub is stopping"))

    def _wait(self, again: float | None) -> list[_Job | None]:
        """Return what waits; an empty list when nothing came until `again`."""
        jobs: list[_Job | None] = []
        with contextlib.suppress(queue.Empty):
            jobs.append(self._jobs.get(timeout=None if again is None else max(0.0, again - time.monotonic())))
            while jobs[-1] is not None and len(jobs) < _MOST:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _serve(self, jobs: Sequence[_Job]) -> float | None:
        """Do what waits, show what is new, and say when to come back though nothing waits."""
        try:
            sequencer = self._reopen()
            outcomes = [*self._take(sequencer, jobs)]
            again = self._show(sequencer)
        except HansaError as error:
            # Nothing is known to be written; whoever asked may ask again.
            self._drop()
            for job in jobs:
                job.future.set_exception(error)
            return None
        except BaseException as error:
            self._drop()
            for job in jobs:
                job.future.set_exception(error)
            raise
        for job, outcome in outcomes:
            if isinstance(outcome, HansaError):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)
        return again

    def _take(self, sequencer: Sequencer, jobs: Sequence[_Job]) -> list[tuple[_Job, object]]:
        submissions = [job for job in jobs if isinstance(job, _Submission)]
        written = sequencer.submit_each([job.envelopes for job in submissions])
        outcomes: list[tuple[_Job, object]] = [*zip(submissions, written, strict=True)]
        for job in jobs:
            if isinstance(job, _Cosignatures):
                outcomes.append((job, self._cosign(job)))
            elif isinstance(job, _Call):
                outcomes.append((job, _try(job.call, sequencer)))
        return outcomes

    def _cosign(self, job: _Cosignatures) -> HansaError | None:
        if self._witnessing is None:
            return Refused("log.empty", "there is nothing to cosign yet")
        try:
            self._witnessing.add(job.size, job.lines)
        except HansaError as error:
            return error
        return None

    def _show(self, sequencer: Sequencer) -> float | None:
        if sequencer.size == 0:
            return None
        now = time.monotonic()
        if self._witnessing is None:
            self._witnessing = Witnessing(sequencer, now)
        again = self._witnessing.advance(now)
        self._state = sequencer.state
        published = self._witnessing.published
        if published is not self._published:
            self._published = published
            self._notify()
        return again

    def _open(self) -> None:
        self._opened_at = time.monotonic()
        self._store = self._open_store()
        self._sequencer = Sequencer(self._store, self._key, self._clock)
        self._witnessing = None
        self._show(self._sequencer)

    def _reopen(self) -> Sequencer:
        if self._sequencer is None:
            if time.monotonic() < self._opened_at + _REOPEN_SECONDS:
                raise Unavailable("the hub cannot write its log; try again soon")
            self._open()
        assert self._sequencer is not None  # `_open` made it
        return self._sequencer

    def _drop(self) -> None:
        self._sequencer = self._witnessing = None
        if self._store is not None:
            self._store.close()
            self._store = None


def _try(call: Callable[[Sequencer], object], sequencer: Sequencer) -> object:
    try:
        return call(sequencer)
    except Unavailable:
        raise
    except HansaError as error:
        return error
