"""The conductor: it starts a coordinator for each open run, and remembers how runs went.

A run is started when its `run_open` entry stands under a final checkpoint, and taken up again when the hub was stopped amid
it; nobody has to call for it. Where several hubs share a log, the one that sequences conducts, and takes up what another one was
at. The member that opened it closes it on the record, with the outcome that it fetches here.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hansa.coalition import ZERO_DIGEST, RunRecord
from hansa.engine import Mailbox, Minutes, Papers
from hansa.errors import HansaError, Refused, Unavailable
from hansa.hub.clerk import Clerk
from hansa.hub.folder import Limits
from hansa.hub.rounds import Conducted, Coordinator
from hansa.hub.standby import StandsBy
from hansa.store import OUTCOME, Blobs
from hansa.transparency import canonical

_LOGGER: Final = logging.getLogger("hansa.hub")


@dataclass(slots=True)
class _Attempt:
    """One run under way. Its coordinator's thread writes the progress, others read it."""

    run: RunRecord
    mailbox: Mailbox
    carriage: int | None = None
    """How often the run was taken up again; None until its papers were read."""
    outcome: canonical.Json = None
    round: int = 0
    question: str | None = None
    gone: dict[str, str] = field(default_factory=dict)
    thread: threading.Thread | None = None
    is_over: bool = False
    is_given_up: bool = False
    """Whether another hub conducts it now."""


OpenPapers = Callable[[str, Callable[[], bool], Callable[[], None]], Papers]
"""Opens the papers of a run, given whether it was given up, and what is to be told when another hub has taken it up."""


class Conductor:
    """Conducts the runs of one hub, some at a time.

    Args:
        clerk: the log.
        blobs: where models and reports go.
        open_papers: where minutes and outcomes lie; called in any thread but the clerk's.
        limits: how many runs at a time, and how long members may take.
        notify: told, in any thread, that there is news for members; must return at once.
    """

    def __init__(
        self, clerk: Clerk, blobs: Blobs, open_papers: OpenPapers, limits: Limits, notify: Callable[[], None]
    ) -> None:
        self._clerk = clerk
        self._blobs = blobs
        self._open_papers = open_papers
        self._limits = limits
        self._notify = notify
        # INVARIANT: `_attempts` and `_is_closing` change under the lock only.
        self._lock = threading.Lock()
        self._attempts: dict[str, _Attempt] = {}
        self._is_closing = False

    def review(self) -> None:
        """Look at the record: start what may start, end what was ended there. From any thread; returns soon."""
        try:
            state, final_size = self._clerk.state, self._clerk.published.final_size
        except Refused:
            return  # nothing is founded yet
        with self._lock:
            if self._clerk.is_standing_by:
                for lost in self._attempts.values():
                    _give_up(lost)
                self._attempts.clear()
            if self._is_closing or not self._clerk.is_working:
                return
            for run in state.runs.values():
                attempt = self._attempts.get(run.id)
                if run.status != "open":
                    if attempt is not None:
                        attempt.mailbox.close(f"the record says that it is {run.status}")
                        if attempt.is_over:
                            del self._attempts[run.id]
                elif attempt is None and run.number < final_size:
                    under_way = sum(not other.is_over for other in self._attempts.values())
                    if under_way < self._limits.runs:
                        self._start(run)

    def find_mailbox(self, run_id: str, carriage: int, member: str) -> Mailbox | None:
        """Return where a member fetches the messages of a run, or None when it has not been started yet.

        Raises:
            Refused: `run.unknown`, `run.cohort`, `turn.carriage`, `run.over`.
            StandsBy: another hub conducts.
        """
        self._clerk.require_lead()
        run = self._find_run(run_id)
        if member not in run.cohort:
            raise Refused("run.cohort", f"`{member}` takes no part in this run")
        with self._lock:
            attempt = self._attempts.get(run_id)
        if attempt is not None and attempt.is_given_up:
            raise StandsBy
        if attempt is not None and attempt.carriage is not None:
            if carriage != attempt.carriage:
                raise Refused("turn.carriage", f"the present carriage is {attempt.carriage}")
            return attempt.mailbox
        if run.status != "open":
            raise Refused("run.over", "the run is over")
        return None

    def describe(self, run_id: str, member: str) -> dict[str, canonical.Json]:
        """Say how far a run is; may wait for the clerk.

        Args:
            run_id: the id of its `run_open` entry.
            member: who asks; `turn` is what it has to answer next, or null when it has no part in it or it is over.

        Raises:
            Refused: `run.unknown`.
            StandsBy: another hub conducts.
            Unavailable: what came of it cannot be read.
        """
        self._clerk.require_lead()
        run = self._find_run(run_id)
        with self._lock:
            attempt = self._attempts.get(run_id)
        outcome = attempt.outcome if attempt is not None else self._read_outcome(run_id)
        has_begun = attempt is not None and attempt.carriage is not None
        turn: int | None = None
        if member in run.cohort and outcome is None and run.status == "open":
            turn = attempt.mailbox.present_turn(member) if attempt is not None and has_begun else 1
        gone = dict(attempt.gone) if attempt is not None else {}
        return {
            "carriage": (attempt.carriage or 0) if attempt is not None else 0,
            "gone": {**gone},
            "outcome": outcome,
            "present": [name for name in run.cohort if name not in gone],
            "question": attempt.question if attempt is not None else None,
            "round": attempt.round if attempt is not None else 0,
            "turn": turn,
        }

    @property
    def under_way(self) -> int:
        """How many runs there are right now."""
        with self._lock:
            return sum(not attempt.is_over for attempt in self._attempts.values())

    def close(self) -> None:
        """Stop all coordinators; what they were at stays open on the record."""
        with self._lock:
            self._is_closing = True
            attempts = list(self._attempts.values())
        for attempt in attempts:
            attempt.mailbox.close("the hub is stopping")
        for attempt in attempts:
            if attempt.thread is not None:
                attempt.thread.join()

    def _find_run(self, run_id: str) -> RunRecord:
        run = self._clerk.state.runs.get(run_id)
        if run is None:
            raise Refused("run.unknown", "the log holds no run of this id")
        return run

    def _start(self, run: RunRecord) -> None:
        mailbox = Mailbox(
            run.cohort,
            turn_seconds=self._limits.turn_seconds,
            absent_seconds=self._limits.absent_seconds,
            notify=self._notify,
        )
        attempt = self._attempts[run.id] = _Attempt(run, mailbox)
        attempt.thread = threading.Thread(
            target=self._conduct, args=(attempt,), name=f"run-{run.number}", daemon=True
        )
        attempt.thread.start()

    # -- in a coordinator's thread -----------------------------------------------------------------------------

    def _conduct(self, attempt: _Attempt) -> None:
        try:
            papers = self._open_papers(
                attempt.run.id, lambda: self._is_stopped(attempt), lambda: _give_up(attempt)
            )
            known = papers.read(OUTCOME)
            if known is None:
                outcome = self._carry(attempt, papers)
                if not self._is_stopped(attempt):
                    papers.write(OUTCOME, known := canonical.encode(outcome))
            if known is not None:
                # What is left over when this fails does no harm, and goes when the next hub looks.
                with contextlib.suppress(HansaError):
                    papers.discard()
                attempt.outcome = json.loads(known)
        except (HansaError, ValueError):
            if not self._is_stopped(attempt):
                _LOGGER.exception("an outcome could not be kept")
        attempt.is_over = True
        attempt.mailbox.close("the run has ended; its opener closes it on the record")
        self.review()

    def _carry(self, attempt: _Attempt, papers: Papers) -> dict[str, canonical.Json]:
        """Conduct a run, from its beginning or from where its minutes end, and return what came of it."""
        outcome: Mapping[str, canonical.Json]
        evidence: list[canonical.Json] = []
        try:
            minutes = Minutes(papers)
            attempt.carriage = minutes.next_attempt
            coordinator = Coordinator(
                self._clerk,
                attempt.mailbox,
                report=lambda number, name, _length: self._note_round(attempt, number, name),
                miss=lambda _number, member, why: attempt.gone.__setitem__(member, why),
                minutes=minutes,
            )
            try:
                outcome = self._keep_result(coordinator.conduct(attempt.run.id))
            finally:
                evidence += [found.model_dump(mode="json") for found in coordinator.evidence]
        except HansaError as error:
            outcome = _fail(str(error))
        except Exception as error:
            _LOGGER.exception("a coordinator failed")
            outcome = _fail(f"the hub made a mistake: {type(error).__name__}")
        return {**outcome, "evidence": evidence}

    def _is_stopped(self, attempt: _Attempt) -> bool:
        return self._is_closing or attempt.is_given_up

    def _note_round(self, attempt: _Attempt, number: int, name: str) -> None:
        attempt.round, attempt.question = number, name

    def _keep_result(self, conducted: Conducted) -> Mapping[str, canonical.Json]:
        for brought in [self._clerk.submit([seal]) for seal in conducted.seals]:
            # If it is refused: its author brings it too, and before it whatever it continues.
            with contextlib.suppress(HansaError):
                brought.result()
        return {
            "dropped": {**conducted.dropped},
            "metrics": {**conducted.metrics},
            "model": self._blobs.put(conducted.model),
            "reason": "",
            "report": self._blobs.put(conducted.report),
            "status": "completed",
            "transcript": conducted.transcript,
        }

    def _read_outcome(self, run_id: str) -> canonical.Json:
        known = self._open_papers(run_id, lambda: True, lambda: None).read(OUTCOME)
        if known is None:
            return None
        try:
            value: canonical.Json = json.loads(known)
        except ValueError as error:
            raise Unavailable(f"the outcome of the run cannot be read: {error}") from error
        return value


def _give_up(attempt: _Attempt) -> None:
    # First: whoever finds the mailbox closed looks here for the reason.
    attempt.is_given_up = True
    attempt.mailbox.close("another hub has taken it up")


def _fail(reason: str) -> Mapping[str, canonical.Json]:
    return {
        "dropped": {},
        "metrics": {},
        "model": ZERO_DIGEST,
        "reason": reason[:1_000],
        "report": ZERO_DIGEST,
        "status": "failed",
        "transcript": ZERO_DIGEST,
    }
