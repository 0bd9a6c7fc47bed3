"""The clerk: the one thread that touches the log, so that everything else may be asked at the same time.

What waits when it turns to the log is written together: many small requests cost one flush of the disk.

Where several hubs share a log, the clerk of one writes, and the clerks of the others read what it writes and try each second
to take over.
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
from hansa.hub.reading import Reading
from hansa.hub.sequencer import Sequencer
from hansa.hub.standby import LOOK_SECONDS, Standby, StandsBy
from hansa.hub.witnessing import Published, Witnessing
from hansa.store import BeingWritten, LogReader, LogStore
from hansa.transparency import Envelope, SigningKey

_T = TypeVar("_T")
_U = TypeVar("_U")

LEASE_SECONDS: Final = 6
"""After which another hub takes over from one that says nothing to the database."""

_RENEW_SECONDS: Final = 1.5

_REOPEN_SECONDS: Final = 1.0
"""After which a log that failed, or that another hub writes, is opened again."""

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
    call: Callable[[Reading], object]


@dataclass(frozen=True, slots=True, eq=False)
class _Writing(_Job):
    call: Callable[[LogStore], object]


class Clerk:
    """Keeps one log, in a thread of its own.

    Args:
        open_store: opens the log for writing; called again when it has failed.
        open_reader: opens a log that several hubs share for reading, while another one writes it; None for a hub that has its
            log alone.
        key: the log's key.
        clock: returns Unix seconds.
        notify: told in the clerk's thread that readers see something new, or that this hub sequences or stands by from now on;
            must return at once.

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
        open_reader: Callable[[], LogReader] | None = None,
    ) -> None:
        self._open_store = open_store
        self._open_reader = open_reader
        self._key = key
        self._clock = clock
        self._notify = notify
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._store: LogStore | None = None
        self._sequencer: Sequencer | None = None
        self._witnessing: Witnessing | None = None
        self._standby: Standby | None = None
        self._reading: Reading | None = None
        """As far as a shared log was read, whoever wrote it."""
        self._opened_at = self._renewed_at = 0.0
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
        """Whether the log is open for writing, by this hub."""
        return self._sequencer is not None and self._thread.is_alive()

    @property
    def is_standing_by(self) -> bool:
        """Whether another hub writes the log."""
        return self._standby is not None

    def require_lead(self) -> None:
        """Make sure that no other hub writes the log.

        Raises:
            StandsBy: one does.
        """
        if self.is_standing_by:
            raise StandsBy

    def submit(self, envelopes: Sequence[Envelope]) -> Future[tuple[int, ...]]:
        """Sequence entries, see `Sequencer.submit_each`; the future has their numbers."""
        return self._put(_Submission(tuple(envelopes)))

    def cosign(self, size: int, lines: Sequence[str]) -> Future[None]:
        """Take in cosignatures, see `Witnessing.add`."""
        return self._put(_Cosignatures(size, tuple(lines)))

    def ask(self, call: Callable[[Reading], _T]) -> Future[_T]:
        """Read something of the log in the clerk's thread."""
        return self._put(_Call(call))

    def write(self, call: Callable[[LogStore], _T]) -> Future[_T]:
        """Keep something beside the log, or look at it, in the clerk's thread and with the right to write."""
        return self._put(_Writing(call))

    def root_at(self, size: int) -> bytes:
        """Return the root hash over the first `size` entries; waits for it."""
        return self.ask(lambda reading: reading.root_at(size)).result()

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
            self._drop()
            began.set_exception(error)
            return
        began.set_result(None)
        again: float | None = None if self._open_reader is None else 0.0
        is_open = True
        while is_open:
            jobs = self._wait(again)
            is_open = None not in jobs
            again = self._serve([job for job in jobs if job is not None])
        self._drop()
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
            self._take_place()
            if self._sequencer is not None:
                outcomes = self._take(self._sequencer, jobs)
                again = self._show(self._sequencer)
                if self._open_reader is not None:
                    due = self._renewed_at + _RENEW_SECONDS
                    again = due if again is None else min(again, due)
            else:
                assert self._standby is not None  # or `_take_place` had raised
                outcomes = [(job, _decline(job, self._standby.reading)) for job in jobs]
                again = time.monotonic() + LOOK_SECONDS
        except HansaError as error:
            # Nothing is known to be written; whoever asked may ask again.
            if not isinstance(error, Unavailable):
                self._reading = None
            self._drop()
            for job in jobs:
                job.future.set_exception(error)
            return None if self._open_reader is None else time.monotonic() + _REOPEN_SECONDS
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
                outcomes.append((job, _try(job.call, sequencer.reading)))
            elif isinstance(job, _Writing):
                assert self._store is not None  # it is the sequencer's
                outcomes.append((job, _try(job.call, self._store)))
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

    def _take_place(self) -> None:
        """Have the log open: as the one that writes it, or, where another one does, as one that stands by."""
        now = time.monotonic()
        if self._sequencer is not None:
            assert self._store is not None  # it is the sequencer's
            if self._open_reader is not None and now >= self._renewed_at + _RENEW_SECONDS:
                self._store.renew()
                self._renewed_at = now
            return
        if now >= self._opened_at + _REOPEN_SECONDS:
            self._open()
        elif self._standby is None:
            raise Unavailable("the hub cannot write its log; try again soon")
        if self._standby is not None:
            self._look(self._standby)

    def _open(self) -> None:
        self._opened_at = self._renewed_at = time.monotonic()
        try:
            self._store = self._open_store()
        except BeingWritten:
            if self._open_reader is None:
                raise
            if self._standby is None:
                self._standby = Standby(self._open_reader(), self._reading)
                self._reading = self._standby.reading
                self._look(self._standby)
                self._notify()
            return
        self._sequencer = Sequencer(self._store, self._key, self._clock, self._reading)
        if self._open_reader is not None:
            self._reading = self._sequencer.reading
        if self._standby is not None:
            standby, self._standby = self._standby, None
            standby.close()
        self._witnessing = None
        self._show(self._sequencer)

    def _look(self, standby: Standby) -> None:
        standby.look()
        if standby.published is not None and standby.published is not self._published:
            self._state, self._published = standby.reading.state, standby.published
            self._notify()

    def _drop(self) -> None:
        self._sequencer = self._witnessing = None
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._standby is not None:
            self._standby.close()
            self._standby = None


def _try(call: Callable[[_U], object], thing: _U) -> object:
    try:
        return call(thing)
    except HansaError as error:
        if isinstance(error, Unavailable):
            raise
        return error


def _decline(job: _Job, reading: Reading) -> object:
    """Do for somebody what a hub that stands by can do: show what is there."""
    return _try(job.call, reading) if isinstance(job, _Call) else StandsBy()
