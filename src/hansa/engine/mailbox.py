"""The mailbox: an engine for contributors on machines of their own, who call and are never called.

The coordinator's thread puts a message for each member and waits; each member fetches its message, and later brings
the answer, as often as its connection needs. Whatever carries the calls asks here what may be fetched and brought.
`docs/formats/wire.md`, "Turns of a run", is the contract.
"""

import mmap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hansa.engine.turn import Turn
from hansa.errors import HansaError, Refused, Unavailable


@dataclass(frozen=True, slots=True)
class Letter:
    """An answer that was brought whole.

    Args:
        digest: SHA-256 of it.
        data: the answer, or None when it lies in a file.
        path: the file.
    """

    digest: bytes
    data: bytes | None = None
    path: Path | None = None

    def read(self) -> bytes | memoryview:
        """Return the answer; from a file as it is used, and nothing of it is kept in memory.

        Raises:
            Unavailable: the disk fails.
        """
        if self.data is not None:
            return self.data
        assert self.path is not None  # a letter is in memory or in a file
        try:
            with self.path.open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise Unavailable(
                f"an answer in `{self.path.parent}` cannot be read: {error.strerror}"
            ) from error

    def discard(self) -> None:
        """Forget it."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Box:
    """One member's messages and answers, of which only the last are kept."""

    number: int = 0
    message: bytes | None = None
    letter: Letter | None = None
    is_awaited: bool = False
    is_last: bool = False
    """Whether the message is the last one: the run is over for this member when it has answered it."""
    heard_at: float = 0.0
    calls: int = 0
    """Of this member, under way right now."""
    digests: dict[int, bytes] = field(default_factory=dict)
    """SHA-256 of each answer, by turn."""


class Mailbox:
    """Carries one attempt at a run.

    Args:
        members: who takes part.
        turn_seconds: how long an answer may take.
        absent_seconds: after which a member that does not even ask is given up.
        notify: told, in the coordinator's thread, that there are new messages or that it is over; must return at once.
        clock: seconds that never run back.

    Guarantees:
        An answer counts once, however often it is brought, and only the one that was brought first.
    """

    def __init__(
        self,
        members: Sequence[str],
        *,
        turn_seconds: float,
        absent_seconds: float,
        notify: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turn_seconds = turn_seconds
        self._absent_seconds = absent_seconds
        self._notify = notify
        self._clock = clock
        # INVARIANT: boxes and `_over` change under `_news` only, which is notified whenever an answer comes or it is over.
        self._news = threading.Condition()
        self._boxes = {name: _Box() for name in members}
        self._over: str | None = None

    # -- the coordinator's side --------------------------------------------------------------------------------

    def turn(self, messages: Mapping[str, bytes]) -> Turn:
        """Put one message for each member named; their answers come as they arrive, see `Turn`.

        Args:
            messages: by member id. Not copied.

        Raises:
            Unavailable: the mailbox was closed, also while answers are waited for.
            ValueError: a message is addressed to nobody.
        """
        self._put(messages, is_last=False)
        arriving = _Arriving(self, tuple(messages), self._clock() + self._turn_seconds)
        return Turn(arriving, arriving.failures)

    def tell(self, messages: Mapping[str, bytes]) -> None:
        """Put a last message for each member named, and wait for nobody."""
        with self._news:
            if self._over is not None:
                return
        self._put(messages, is_last=True)

    def close(self, reason: str) -> None:
        """End it: nothing new is taken, whoever waits is told, what is left is forgotten."""
        with self._news:
            if self._over is not None:
                return
            self._over = reason
            for box in self._boxes.values():
                if box.letter is not None:
                    box.letter.discard()
                    box.letter = None
                if not box.is_last:
                    box.message = None
            self._news.notify_all()
        self._notify()

    def _put(self, messages: Mapping[str, bytes], *, is_last: bool) -> None:
        unknown = sorted(messages.keys() - self._boxes.keys())
        if unknown:
            raise ValueError(f"nobody here is called {', '.join(f'`{name}`' for name in unknown)}")
        with self._news:
            self._require_open()
            for name, message in messages.items():
                box = self._boxes[name]
                if box.letter is not None:
                    box.letter.discard()
                    box.letter = None
                box.number += 1
                box.message = message
                box.is_awaited, box.is_last = not is_last, is_last
                box.heard_at = self._clock()
        self._notify()

    def _require_open(self) -> None:
        if self._over is not None:
            raise Unavailable(f"the run cannot go on: {self._over}")

    def _await(self, waiting: set[str], deadline: float, failures: dict[str, HansaError]) -> str | None:
        """Return a member whose answer has come, or None when nobody is waited for any more."""
        with self._news:
            while waiting:
                self._require_open()
                now = self._clock()
                soonest = deadline
                for name in sorted(waiting):
                    box = self._boxes[name]
                    if box.letter is not None:
                        box.is_awaited = False
                        waiting.remove(name)
                        return name
                    gone = (now if box.calls else box.heard_at) + self._absent_seconds
                    if now >= min(deadline, gone):
                        why = "has not answered in time" if now >= deadline else "has not been heard of"
                        failures[name] = Unavailable(f"`{name}` {why}")
                        box.is_awaited = False
                        waiting.remove(name)
                    soonest = min(soonest, gone)
                self._news.wait(max(0.0, soonest - now))
        return None

    def _read(self, name: str) -> bytes | memoryview:
        with self._news:
            letter = self._boxes[name].letter
        if letter is None:
            raise KeyError(name)
        return letter.read()

    # -- the members' side -------------------------------------------------------------------------------------

    @contextmanager
    def attended(self, member: str) -> Iterator[None]:
        """Count a member as heard of while a call of it is under way.

        Raises:
            Refused: `run.cohort`.
        """
        box = self._find(member)
        with self._news:
            box.calls += 1
        try:
            yield
        finally:
            with self._news:
                box.calls -= 1
                box.heard_at = self._clock()
                self._news.notify_all()

    def present_turn(self, member: str) -> int:
        """Return the turn that a member has not answered yet.

        Raises:
            Refused: `run.cohort`.
        """
        box = self._find(member)
        with self._news:
            return box.number if box.number and box.number not in box.digests else box.number + 1

    def fetch(self, member: str, number: int) -> bytes | None:
        """Return a message, or None when there is none of this number yet.

        Raises:
            Refused: `run.cohort`; `turn.order`, `turn.answered`, another turn is the present one; `run.over`.
        """
        box = self._find(member)
        with self._news:
            if number == box.number and number not in box.digests and box.message is not None:
                return box.message
            if self._over is not None or (box.is_last and box.number in box.digests):
                raise Refused("run.over", self._over or "the run is over for this member")
            if number in box.digests:
                raise Refused("turn.answered", f"turn {number} is answered")
            if number != box.number + 1:
                raise Refused(
                    "turn.order", f"turn {number} is not the next one; {box.number} is the present one"
                )
            return None

    def verify_open(self, member: str, number: int, digest: bytes) -> None:
        """Check that an answer may be brought, before it is.

        Args:
            member: who brings it.
            number: of the turn.
            digest: SHA-256 of the answer.

        Raises:
            Refused: `run.cohort`, `turn.order`, `turn.answered` with other bytes, `run.over`.
        """
        box = self._find(member)
        with self._news:
            self._is_known(box, number, digest)

    def bring(self, member: str, number: int, letter: Letter) -> None:
        """Take an answer; the same one again changes nothing.

        Raises:
            Refused: as `verify_open`; the letter is the caller's to discard.
        """
        box = self._find(member)
        with self._news:
            if self._is_known(box, number, letter.digest):
                letter.discard()
                return
            box.digests[number] = letter.digest
            box.message = None
            if box.is_awaited:
                box.letter = letter
                self._news.notify_all()
            else:
                letter.discard()  # too late, or nobody's business

    def _is_known(self, box: _Box, number: int, digest: bytes) -> bool:
        known = box.digests.get(number)
        if known is not None:
            if known != digest:
                raise Refused("turn.answered", f"turn {number} was answered with other bytes")
            return True
        if self._over is not None and not (box.is_last and number == box.number):
            raise Refused("run.over", self._over)
        if number == box.number:
            return False
        if 0 < number < box.number:
            # It was given up and has been told more since: it may go on from there.
            box.digests[number] = digest
            return True
        raise Refused("turn.order", f"turn {number} is not the present one, {box.number}")

    def _find(self, member: str) -> _Box:
        box = self._boxes.get(member)
        if box is None:
            raise Refused("run.cohort", f"`{member}` takes no part in this run")
        return box


class _Arriving(Mapping[str, bytes | memoryview]):
    """The answers of one turn: going through them waits for the next one."""

    def __init__(self, mailbox: Mailbox, names: Sequence[str], deadline: float) -> None:
        self._mailbox = mailbox
        self._deadline = deadline
        self._waiting = set(names)
        self._arrived: list[str] = []
        self.failures: dict[str, HansaError] = {}

    def __getitem__(self, name: str) -> bytes | memoryview:
        if name in self._waiting:
            self._wait_for_all()
        if name not in self._arrived:
            raise KeyError(name)
        return self._mailbox._read(name)  # noqa: SLF001 - both are parts of one engine

    def __iter__(self) -> Iterator[str]:
        place = 0
        while place < len(self._arrived) or self._wait():
            yield self._arrived[place]
            place += 1

    def __len__(self) -> int:
        self._wait_for_all()
        return len(self._arrived)

    def _wait_for_all(self) -> None:
        while self._wait():
            pass

    def _wait(self) -> bool:
        name = self._mailbox._await(self._waiting, self._deadline, self.failures)  # noqa: SLF001 - as above
        if name is not None:
            self._arrived.append(name)
        return name is not None
