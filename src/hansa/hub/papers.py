"""Papers of runs that several hubs over one log share: whichever takes a run up finds them.

A hub that has its log alone keeps them in its folder. These lie beside the log in the database, and totals, being large,
among the blobs that the hubs share.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from hansa.engine.minutes import ATTEMPT
from hansa.errors import Refused, Unavailable
from hansa.hub.clerk import Clerk
from hansa.store import OUTCOME, Blobs, LogStore

_PAUSE_SECONDS: Final = 0.25
_TOTAL: Final = "{}.total"

_T = TypeVar("_T")


class SharedPapers:
    """Papers beside a log that several hubs share.

    Args:
        run: its id.
        clerk: writes them, with the right to write the log.
        totals: keeps totals, for this use alone.
        is_given_up: whether this hub no longer conducts the run; until then whoever calls waits while the database is away.
        give_up: told when somebody else has taken up the run.

    Guarantees:
        What is written was written by whoever took up the run last.
    """

    def __init__(
        self,
        run: str,
        clerk: Clerk,
        totals: Blobs,
        *,
        is_given_up: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._run = run
        self._clerk = clerk
        self._totals = totals
        self._is_given_up = is_given_up
        self._give_up = give_up
        self._attempt = self.read(ATTEMPT)

    def read(self, name: str) -> bytes | None:
        """Read a row, if there is one."""
        return self._do(lambda log: log.read_paper(self._run, name))

    def write(self, name: str, data: bytes) -> None:
        """Write a row."""

        def keep(log: LogStore) -> None:
            self._require(log)
            log.keep_paper(self._run, name, data)

        self._do(keep)
        if name == ATTEMPT:
            self._attempt = data

    def read_total(self, number: int) -> bytes | None:
        """Fetch the total whose digest a row has."""
        digest = self.read(_TOTAL.format(number))
        return None if digest is None else self._totals.get(digest.decode())[len(self._run) :]

    def write_total(self, number: int, total: bytes | memoryview) -> None:
        """Keep a total, then its digest."""
        # Under the run's name: another run may come to the same total, and forget it while this one needs it.
        self.write(_TOTAL.format(number), self._totals.put(self._run.encode() + total).encode())

    def verify(self) -> None:
        """Look at who took up the run last."""
        self._do(self._require)

    def discard(self) -> None:
        """Forget the totals, then the rows."""
        number = 1
        while (digest := self.read(_TOTAL.format(number))) is not None:
            self._totals.forget(digest.decode())
            number += 1
        self._do(lambda log: log.forget_papers(self._run, but=OUTCOME))

    def _require(self, log: LogStore) -> None:
        if log.read_paper(self._run, ATTEMPT) != self._attempt:
            raise Refused("run.superseded", "another hub has taken up this run")

    def _do(self, call: Callable[[LogStore], _T]) -> _T:
        while True:
            try:
                return self._clerk.write(call).result()
            except Unavailable:
                if self._is_given_up():
                    raise
                time.sleep(_PAUSE_SECONDS)
            except Refused:
                self._give_up()
                raise
