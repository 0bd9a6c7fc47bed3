"""One party's own walk through a recipe: which question comes next, and at which scale, from totals alone.

Coordinator and contributors each hold one: a contributor answers only the question that it derived itself
from the totals it was told.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.engine.transcript import begin_transcript, digest_question, extend_transcript, verify_length
from hansa.learning import Question, Recipe, Result
from hansa.secagg import Party, Quantiser, Session


class Derivation:
    """The state of one run, as one party derives it.

    Args:
        recipe: what is computed.
        run: the id of the `run_open` entry, hex.
        coalition: the id of the coalition, hex.
        cohort: who takes part, sorted by id, with identity keys from the record.
        threshold: shares that recover a secret.
        minimum_cohort: the plan's and the charter's, whichever is larger.
    """

    def __init__(
        self,
        recipe: Recipe[Any],
        *,
        run: str,
        coalition: str,
        cohort: tuple[Party, ...],
        threshold: int,
        minimum_cohort: int,
    ) -> None:
        self._recipe = recipe
        self._state = recipe.begin()
        self._asked = recipe.ask(self._state)
        self._run = bytes.fromhex(run)
        self._coalition = bytes.fromhex(coalition)
        self._cohort = cohort
        self._threshold = threshold
        self._minimum_cohort = minimum_cohort
        self.round = 1
        self.transcript = begin_transcript(run)
        self._prepare()

    def _prepare(self) -> None:
        if isinstance(self._asked, Question):
            self.quantiser = Quantiser(self._asked.bounds, len(self._cohort))
            self.question_digest = digest_question(self._asked.digest, self.quantiser.digest)

    @property
    def question(self) -> Question | None:
        """What is asked now, or None when the result is there."""
        return self._asked if isinstance(self._asked, Question) else None

    @property
    def result(self) -> Result | None:
        """The result, or None while questions remain."""
        return None if isinstance(self._asked, Question) else self._asked

    @property
    def session(self) -> Session:
        """The secure sum of this round."""
        if self.question is None:
            raise RuntimeError("a run that has its result asks nothing")
        return Session(
            coalition=self._coalition,
            run=self._run,
            round=self.round,
            attempt=0,
            cohort=self._cohort,
            threshold=self._threshold,
            minimum_cohort=self._minimum_cohort,
            length=self.question.length,
            question=self.question_digest,
        )

    def read(self, total: bytes) -> NDArray[np.float64]:
        """Return the numbers of this round's total, shape (length,).

        Raises:
            Malformed: `run.total`, another number of bytes than was asked for.
        """
        if self.question is None:
            raise RuntimeError("a run that has its result asks nothing")
        verify_length(total, self.question.length)
        return self.quantiser.decode(read_total(total))

    def learn(self, total: bytes) -> None:
        """Take in the total of this round and go on to the next question or the result.

        Args:
            total: the sum of all contributors' integers, 8 bytes each, signed, little-endian.

        Raises:
            Malformed: `run.total`, another number of bytes than was asked for.
            Refused: the totals do not allow the computation to go on.
        """
        numbers = self.read(total)
        self.transcript = extend_transcript(self.transcript, self.question_digest, total)
        self._state = self._recipe.learn(self._state, numbers)
        self._asked = self._recipe.ask(self._state)
        self.round += 1
        self._prepare()


def read_total(total: bytes) -> NDArray[np.int64]:
    """Return a total's bytes as numbers, shape (n,)."""
    return np.frombuffer(total, dtype="<i8").astype(np.int64)


def write_total(total: NDArray[np.int64]) -> bytes:
    """Return a total's numbers as bytes."""
    return total.astype("<i8").tobytes()
