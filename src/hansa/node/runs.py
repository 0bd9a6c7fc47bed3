"""The runs of a node: a seat in each that this member takes part in, and the end of those that it opened, on the record.

A run has a thread of its own. Whatever goes wrong in it, expected or not, ends there and is shown to the people of the house.
"""

from collections.abc import Callable, Mapping
from functools import partial
from threading import Event, Thread
from typing import Any, Final

from hansa.coalition import State
from hansa.engine import Minutes
from hansa.errors import HansaError, Malformed, Refused
from hansa.learning import Recipe, Rows
from hansa.node.closing import read_outcome, verify_sealed, write_failure
from hansa.node.courier import Courier
from hansa.node.follower import Follower
from hansa.node.house import House
from hansa.node.journal import Journal
from hansa.node.keyring import Keyring
from hansa.node.remote import Remote
from hansa.node.rundata import RunData
from hansa.node.seat import Seat
from hansa.node.spread import spread_over_ray
from hansa.node.trainer import Answerer, Trainer, answer_here
from hansa.store import FolderPapers

OUTCOME_SECONDS: Final = 1.0
"""Between two questions for the outcome of a run that this member opened."""


class Runs:
    """What one member does in runs.

    Args:
        house: its folder.
        keyring: its main keys.
        follower: its own fold.
        courier: brings what it signs.
        remote: the hub.
        draw: the operating system's generator.
        journal: where it is noted what happens.
        report: shows the people of the house what went wrong, and where.
        stop: set when the node stops.
    """

    def __init__(
        self,
        house: House,
        keyring: Keyring,
        follower: Follower,
        courier: Courier,
        remote: Remote,
        *,
        draw: Callable[[int], bytes],
        journal: Journal,
        report: Callable[[str, Exception], None],
        stop: Event,
    ) -> None:
        self._house = house
        self._keyring = keyring
        self._follower = follower
        self._courier = courier
        self._remote = remote
        self._draw = draw
        self._journal = journal
        self._report = report
        self._stop = stop
        self.seats: Mapping[str, Seat] = {}
        """The seats that were taken since the node began, by run; replaced as a whole."""

    # -- what the steward looks after --------------------------------------------------------------------------

    def enter(self, state: State) -> None:
        """Take a seat in every approved run that has begun with this member."""
        for run in state.runs.values():
            is_known = run.id in self.seats or run.number >= self._follower.final_size
            if run.status != "open" or is_known or self._house.member not in run.cohort:
                continue
            seat = Seat(
                run.id,
                self._remote,
                self._journal,
                keep_report=self._house.keep_report,
                is_open=partial(self._is_open, run.id),
                stop=self._stop,
            )
            self.seats = {**self.seats, run.id: seat}
            Thread(target=self._work, args=(seat,), name=f"run {run.number}", daemon=True).start()

    def fetch_blobs(self, state: State) -> None:
        """Keep the models and reports of the coalition's runs."""
        for run in state.runs.values():
            for digest in (run.model, run.report) if run.status == "completed" else ():
                path = self._house.blobs / digest
                if not path.is_file():
                    self._remote.fetch_blob(digest, path)
                    self._journal.note("blob", digest=digest[:16])

    def forget(self, state: State) -> None:
        """Discard the minutes of runs that are over."""
        for path in self._house.minutes.glob("*"):
            if path.name not in state.runs or state.runs[path.name].status != "open":
                FolderPapers(path).discard()

    # -- a run's thread ----------------------------------------------------------------------------------------

    def _work(self, seat: Seat) -> None:
        for step in (self._attend, self._close):
            try:
                step(seat)
            except Exception as error:  # noqa: BLE001 - nobody is above a thread; its people must hear of a defect
                seat.problem = error
                self._report(_name(seat), error)

    def _attend(self, seat: Seat) -> None:
        self._journal.note("run-begins", run=seat.run[:16])
        data = RunData(self._house, lambda: self._follower.state)
        seat.attend(
            Trainer(
                self._house.member,
                self._keyring.key,
                self._follower,
                data.load,
                self._draw,
                folder=self._house.folder,
                minutes=lambda run: Minutes(FolderPapers(self._house.minutes / run)),
                spread=self._spread(partial(self._report, _name(seat))),
                write=lambda body: self._courier.say(body)[0],
            )
        )
        if seat.problem is not None:
            self._report(_name(seat), seat.problem)
        try:
            data.verify_unchanged()
        except Refused as change:
            self._report(_name(seat), change)

    def _spread(self, report: Callable[[Exception], None]) -> Callable[[Recipe[Any], Rows], Answerer]:
        address = self._house.settings.ray
        return answer_here if address is None else partial(spread_over_ray, address, report)

    def _close(self, seat: Seat) -> None:
        """Say on the record how a run ended, if this member opened it, as soon as the hub has an outcome."""
        if self._follower.state.runs[seat.run].coordinator != self._house.member:
            return
        while self._is_open(seat.run) and not self._stop.wait(OUTCOME_SECONDS / 4):
            try:
                said = self._remote.read_run(seat.run).get("outcome")
                if isinstance(said, Mapping) and self._write_end(seat, said):
                    return
            except HansaError as error:
                self._report(_name(seat), error)
                self._stop.wait(OUTCOME_SECONDS)

    def _write_end(self, seat: Seat, said: Mapping[str, Any]) -> bool:
        """Write evidence and the close; say whether it is done, or has to wait for a seal."""
        outcome = read_outcome(seat.run, said)
        run = self._follower.state.runs[seat.run]
        close = outcome.close
        if close.status == "completed":
            if not run.seals.keys() >= {name for name in run.cohort if name not in close.dropped}:
                return False
            try:
                verify_sealed(run, close, self._house.member)
            except Refused as refusal:
                self._report(_name(seat), refusal)
                close = write_failure(seat.run, refusal.rule)
        for found in outcome.evidence:
            try:
                self._courier.say(found)
            except (Refused, Malformed) as error:  # known already, or none
                self._journal.note("evidence-refused", run=seat.run[:16], rule=error.rule)
        self._courier.say(close)
        return True

    def _is_open(self, run: str) -> bool:
        return self._follower.state.runs[run].status == "open"


def _name(seat: Seat) -> str:
    return f"run {seat.run[:16]}"
