"""The courier: it brings what lies in the outbox to the hub, again and again, until the own fold has it."""

from collections.abc import Sequence
from threading import Condition, Event
from typing import Final

from hansa.coalition import Body
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.node.journal import Journal
from hansa.node.outbox import Outbox
from hansa.node.remote import Remote
from hansa.node.watch import Watch
from hansa.transparency import Envelope, SigningKey, parse_leaf

MOST: Final = 64
"""Entries that are brought at once."""

_SEEN_SECONDS: Final = 5.0
"""After which entries that the hub took and the fold does not have are brought again."""

_BEGIN_SECONDS: Final = 5.0

_SHORTEST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0

_OURS: Final = ("request.", "hub.")
"""Rules by which a hub says nothing of entries, but of who asks or of itself."""


class Courier:
    """Brings one member's entries to the hub.

    Args:
        outbox: what was signed.
        watch: how the member sees the log.
        remote: the hub.
        journal: where it is noted.
        stop: set when the node stops.
    """

    def __init__(self, outbox: Outbox, watch: Watch, remote: Remote, journal: Journal, stop: Event) -> None:
        self._outbox = outbox
        self._watch = watch
        self._remote = remote
        self._journal = journal
        self._stop = stop
        # INVARIANT: `_awaited` changes only under `_news`, which is notified whenever it does or the fold has grown.
        self._news = Condition()
        self._awaited: dict[str, int | HansaError | None] = {}
        self._is_pausing = False
        self.problem: HansaError | None = None
        """Why the first entry in the outbox is not on the log, when the hub said so."""

    def say(self, *bodies: Body) -> tuple[Envelope, ...]:
        """Sign entries and send them off.

        Raises:
            Unavailable: the node does not know the newest log yet.
            Malformed, Refused: what the own fold says of them; nothing was signed for the log.
        """
        with self._news:
            return self._say(bodies)

    def say_and_wait(
        self, bodies: Sequence[Body], seconds: float, key: SigningKey | None = None
    ) -> tuple[int, ...]:
        """Sign entries, send them off, and return their numbers once the own fold has them.

        Args:
            bodies: what to say.
            seconds: how long to wait.
            key: as `Outbox.write`.

        Raises:
            Unavailable: they are signed and kept, and the hub has not taken them within so many seconds.
            Malformed, Refused: as `say`, or why they were given up.
        """
        with self._news:
            # Just begun, the node may know the newest log in a moment.
            self._news.wait_for(lambda: self._stop.is_set() or self._watch.is_current, _BEGIN_SECONDS)
            ids = [envelope.id for envelope in self._say(bodies, key)]
            self._awaited |= dict.fromkeys(ids)
            try:
                self._news.wait_for(lambda: self._is_stuck() or self._is_settled(ids), seconds)
                found = [self._awaited[name] for name in ids]
            finally:
                for name in ids:
                    del self._awaited[name]
        for outcome in found:
            if isinstance(outcome, HansaError):
                raise outcome
        if any(outcome is None for outcome in found):
            why = f" ({self.problem})" if self.problem is not None else ""
            raise Unavailable(
                f"it is signed and kept, and the hub has not taken it yet{why}; the node goes on trying, "
                "`hansa node status` shows whether it has"
            )
        return tuple(outcome for outcome in found if isinstance(outcome, int))

    def settle(self, first: int, leaves: Sequence[bytes]) -> None:
        """Take note of new entries in the fold.

        Args:
            first: the number of the first one.
            leaves: all of them.

        Raises:
            Refused: `outbox.elsewhere`, see `Outbox.settle`.
        """
        numbers: dict[str, int] = {}
        if self._outbox.waiting:
            numbers = {parse_leaf(leaf).envelope.id: first + place for place, leaf in enumerate(leaves)}
        try:
            for waiting in self._outbox.settle(self._watch.follower.state):
                self._journal.note(
                    "on-the-log", kind=waiting.entry.kind, entry=numbers.get(waiting.envelope.id)
                )
            self.problem = None
        except Refused as refusal:
            self._fail(refusal, keep=numbers)
            raise
        finally:
            with self._news:
                for name in numbers.keys() & self._awaited.keys():
                    self._awaited[name] = numbers[name]
                self._news.notify_all()

    def wake(self) -> None:
        """Let whoever waits look again, as when the node stops."""
        with self._news:
            self._news.notify_all()

    def resume(self) -> None:
        """Go on at once: the hub, which was away, is there again."""
        with self._news:
            self._is_pausing = False
            self._news.notify_all()

    def work(self) -> None:
        """Bring what waits, until the node stops."""
        pause = _SHORTEST_PAUSE
        while not self._stop.is_set():
            with self._news:
                self._news.wait_for(lambda: self._stop.is_set() or bool(self._outbox.waiting))
            waiting = self._outbox.waiting
            if self._stop.is_set() or not waiting:
                continue
            try:
                # All of it, or a member that says more than `MOST` in the time it takes to see them would fall behind for ever.
                for first in range(0, len(waiting), MOST):
                    self._remote.submit([found.envelope for found in waiting[first : first + MOST]])
            except HansaError as error:
                if not self._give_up(error):
                    self._pause(pause)
                    pause = min(_LONGEST_PAUSE, 2 * pause)
                continue
            pause = _SHORTEST_PAUSE
            self.problem = None
            head = waiting[0].envelope.id
            with self._news:
                self._news.wait_for(lambda head=head: self._is_moving(head), _SEEN_SECONDS)  # type: ignore[misc]  # mypy cannot infer a default

    def _say(self, bodies: Sequence[Body], key: SigningKey | None = None) -> tuple[Envelope, ...]:
        if not self._watch.is_current:
            raise Unavailable(
                "the node has not reached the hub since it began, so it does not sign on an old log"
            )
        written = self._outbox.write(*bodies, key=key)
        self._news.notify_all()
        return written

    def _pause(self, seconds: float) -> None:
        with self._news:
            self._is_pausing = True
            self._news.wait_for(lambda: self._stop.is_set() or not self._is_pausing, seconds)

    def _is_stuck(self) -> bool:
        """Say whether waiting helps nobody: the node stops, or the hub cannot be reached or does not hear this member."""
        return self._stop.is_set() or (self.problem is not None and not _is_about_entries(self.problem))

    def _is_settled(self, ids: Sequence[str]) -> bool:
        return all(self._awaited[name] is not None for name in ids)

    def _is_moving(self, head: str) -> bool:
        waiting = self._outbox.waiting
        return self._stop.is_set() or not waiting or waiting[0].envelope.id != head

    def _give_up(self, error: HansaError) -> bool:
        """Say whether what waits was given up, because the hub refused it and the own fold, brought up to date, does too."""
        self.problem = error
        self.wake()
        rule = getattr(error, "rule", "unavailable")
        self._journal.note("not-taken", rule=rule, waiting=len(self._outbox.waiting))
        if not _is_about_entries(error):
            return False
        try:
            refusal = self._outbox.give_up(self._watch.catch_up())
        except HansaError as failure:
            self.problem = failure
            return False
        if refusal is None:
            return False
        self._journal.note("given-up", rule=refusal.rule)
        self.problem = None
        self._fail(refusal, keep={})
        return True

    def _fail(self, error: HansaError, keep: dict[str, int]) -> None:
        with self._news:
            for name in self._awaited.keys() - keep.keys():
                self._awaited[name] = error
            self._news.notify_all()


def _is_about_entries(error: HansaError) -> bool:
    return isinstance(error, Malformed | Refused) and not error.rule.startswith(_OURS)
