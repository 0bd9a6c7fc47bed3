"""The seat: a member's place in one run, from the coordinator's first message to its last.

It carries bytes between the hub and the trainer and decides nothing. A broken connection costs nothing: the same answer
is brought again. A node that was killed comes back without what its trainer knew, answers so, and the others go on.
"""

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from hansa.errors import HansaError, Malformed, Refused
from hansa.learning import PrivateReport
from hansa.node.journal import Journal
from hansa.node.remote import Remote
from hansa.node.trainer import Trainer

WAIT_SECONDS: Final = 25
"""How long the hub may wait for the next message."""

_SHORTEST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


class Seat:
    """One member's part in one run.

    Args:
        run: the id of the `run_open` entry.
        remote: the hub.
        journal: where it is noted.
        keep_report: given what this member alone learnt, before its seal leaves the house.
        is_open: whether the run is still open in this member's own fold.
        stop: set when the node stops.
    """

    def __init__(
        self,
        run: str,
        remote: Remote,
        journal: Journal,
        *,
        keep_report: Callable[[str, PrivateReport], None],
        is_open: Callable[[], bool],
        stop: Event,
    ) -> None:
        self.run = run
        self._remote = remote
        self._journal = journal
        self._keep_report = keep_report
        self._is_open = is_open
        self._stop = stop
        self._is_kept = False
        self.turn = 0
        """The last message that was answered here."""
        self.problem: Exception | None = None
        """Why this member refused, in full, or the defect that ended its part; for its own people only."""

    def attend(self, trainer: Trainer) -> None:
        """Answer until the run is over, for this member or for all, or the node stops.

        Args:
            trainer: this member's, for this run alone.
        """
        pause = _SHORTEST_PAUSE
        place: _Place | None = None
        while not self._stop.is_set() and self._is_open():
            try:
                if place is None:
                    place = _read_place(self._remote.read_run(self.run))
                self._step(place, trainer)
                pause = _SHORTEST_PAUSE
                continue
            except HansaError as error:
                rule = getattr(error, "rule", "unavailable")
                if rule == "run.over":
                    break
                if rule in {"turn.carriage", "turn.order", "turn.answered"}:
                    place = None  # the hub has taken the run up again, or this node has
                self._journal.note("run-waits", run=self.run[:16], rule=rule, turn=self.turn)
            self._stop.wait(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        self._journal.note("run-left", run=self.run[:16], turn=self.turn)

    def _step(self, place: "_Place", trainer: Trainer) -> None:
        if place.answer is not None:
            message = self._remote.answer_turn(
                self.run, place.carriage, place.turn, place.answer, WAIT_SECONDS
            )
            place.answer, place.turn = None, place.turn + 1
        else:
            message = self._remote.take_turn(self.run, place.carriage, place.turn, WAIT_SECONDS)
        if message is None:
            return
        # In hand before anything is sent: when the way breaks, exactly these bytes are brought again.
        place.answer = trainer.receive(message)
        self.turn = place.turn
        problem = trainer.problem
        if problem is not None and problem is not self.problem:
            self.problem = problem
            rule = problem.rule if isinstance(problem, Malformed | Refused) else "unavailable"
            self._journal.note("run-refused", run=self.run[:16], turn=place.turn, rule=rule)
        report = trainer.private_report
        if report is not None and not self._is_kept:
            self._keep_report(self.run, report)
            self._is_kept = True


class _Place:
    """Where the conversation stands: the turn, and the answer to it when there is one."""

    def __init__(self, carriage: int, turn: int) -> None:
        self.carriage = carriage
        self.turn = turn
        self.answer: bytes | None = None


def _read_place(said: Any) -> _Place:  # noqa: ANN401 - somebody else's JSON
    carriage, turn = said.get("carriage"), said.get("turn")
    if type(carriage) is not int or not (turn is None or type(turn) is int):
        raise Malformed("hub.answer", "the hub does not say how far the run is")
    return _Place(carriage, turn or 1)
