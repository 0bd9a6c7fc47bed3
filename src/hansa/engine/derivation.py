"""One party's own walk through a recipe: which question comes next, and at which scale, from totals alone.

Coordinator and contributors each hold one: a contributor answers only the question that it derived itself
from the totals it was told and from the survivors it signed.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.engine.transcript import begin_transcript, digest_question, extend_transcript, verify_length
from hansa.errors import Refused
from hansa.learning import Question, Recipe, Result
from hansa.privacy import Meter, Sample, noise_scale, perturb, widen_bounds
from hansa.secagg import Party, Quantiser, Session


class Derivation:
    """The state of one run, as one party derives it.

    Args:
        recipe: what is computed.
        run: the id of the `run_open` entry, hex.
        coalition: the id of the coalition, hex.
        cohort: who takes part, sorted by id, with identity keys from the record.
        threshold: shares that recover a secret.
        degree: neighbours of each member in the graph of pairs; 0 makes everybody everybody's neighbour.
        minimum_cohort: members whose numbers must be in every total: what the plan, the charter and the
            secret sharing ask for, whichever is most.
        graph: the seed of the graph, from `derive_graph`.
        meter: holds what questions cost against the plan; a new one, or none for a plan without noise.

    Raises:
        Refused: `privacy.*`, the first question is not one that the plan's noise allows.
    Guarantees:
        Who is not in one total is in no later one.
        Every question is charged to the meter before anybody can answer it.
    """

    def __init__(
        self,
        recipe: Recipe[Any],
        *,
        run: str,
        coalition: str,
        cohort: tuple[Party, ...],
        threshold: int,
        degree: int,
        minimum_cohort: int,
        graph: bytes,
        meter: Meter | None = None,
    ) -> None:
        self._recipe = recipe
        self._state = recipe.begin()
        self._asked = recipe.ask(self._state)
        self._run = bytes.fromhex(run)
        self._coalition = bytes.fromhex(coalition)
        self._parties = cohort
        self._threshold = threshold
        self._degree = degree
        self.minimum_cohort = minimum_cohort
        self._graph = graph
        self._meter = Meter() if meter is None else meter
        self._lost: dict[str, int] = {}
        self.cohort = tuple(party.id for party in cohort)
        """Who may be in the total of this round: who was in the one before."""
        self.round = 1
        self.attempt = 0
        """How often a coordinator has begun again; the round under way is then summed anew."""
        self.transcript = begin_transcript(run)
        self._prepare()

    def _prepare(self) -> None:
        if isinstance(self._asked, Question):
            noise, bounds = self._asked.noise, self._asked.bounds
            self._meter.charge(self._asked.name, noise)
            if noise is not None:
                bounds = widen_bounds(bounds, noise, self._meter.honest)
            self.quantiser = Quantiser(bounds, len(self._parties), self._asked.number_bits)
            self.question_digest = digest_question(self._asked.digest, self.quantiser.digest, self.transcript)

    @property
    def question(self) -> Question | None:
        """What is asked now, or None when the result is there."""
        return self._asked if isinstance(self._asked, Question) else None

    @property
    def result(self) -> Result | None:
        """The result, or None while questions remain."""
        return None if isinstance(self._asked, Question) else self._asked

    @property
    def lost(self) -> Mapping[str, int]:
        """By member, the first round whose total is without its numbers; a read-only view."""
        return MappingProxyType(self._lost)

    @property
    def session(self) -> Session:
        """The secure sum of this round.

        Its cohort stays the whole one, whoever was lost: threshold and graph were chosen for that many
        members, colluders and dropouts, so a round bears all dropouts of the run and not some more each time.
        """
        if self.question is None:
            raise RuntimeError("a run that has its result asks nothing")
        return Session(
            coalition=self._coalition,
            run=self._run,
            round=self.round,
            attempt=self.attempt,
            cohort=self._parties,
            threshold=self._threshold,
            minimum_cohort=self.minimum_cohort,
            length=self.question.length,
            question=self.question_digest,
            degree=self._degree,
            graph=self._graph,
            number_bits=self.question.number_bits,
        )

    def encode(self, answer: NDArray[np.float64], sample: Sample) -> NDArray[np.int64]:
        """Return a member's answer as it leaves: as integers, with its share of noise if the question declares any.

        Args:
            answer: shape (length,), within the question's bounds.
            sample: draws the noise.

        Raises:
            Refused: `secagg.range`, the answer passes its bounds; `privacy.scale`, the integers are too coarse.
            Unavailable: `sample` cannot draw here.
        """
        if self.question is None:
            raise RuntimeError("a run that has its result asks nothing")
        vector, noise = self.quantiser.encode(answer), self.question.noise
        if noise is None:
            return vector
        return perturb(vector, noise_scale(noise, self.quantiser.bits, self._meter.honest), sample)

    def read(self, total: bytes | memoryview) -> NDArray[np.float64]:
        """Return the numbers of this round's total, shape (length,).

        Raises:
            Malformed: `run.total`, another number of bytes than was asked for.
        """
        if self.question is None:
            raise RuntimeError("a run that has its result asks nothing")
        verify_length(total, self.question.length)
        return self.quantiser.decode(read_total(total))

    def verify_survivors(self, survivors: tuple[str, ...]) -> None:
        """Check that a total over these members may be formed in this round.

        Raises:
            Refused: `run.survivors`, somebody who is not in the total before is let in again, a name is out of
                order or twice, or they are too few.
        """
        if [*survivors] != sorted({*survivors} & {*self.cohort}) or len(survivors) < self.minimum_cohort:
            raise Refused(
                "run.survivors",
                f"the total of round {self.round} is over at least {self.minimum_cohort} of the "
                f"{len(self.cohort)} members that are left, each named once; got {len(survivors)} names",
            )

    def learn(self, total: bytes | memoryview, survivors: Sequence[str]) -> None:
        """Take in the total of this round and go on to the next question or the result.

        Args:
            total: the sum of the survivors' integers, 8 bytes each, signed, little-endian.
            survivors: whose numbers are in it, as this party's own machine of the secure sum says.

        Raises:
            Malformed: `run.total`, another number of bytes than was asked for.
            Refused: `run.survivors`; `privacy.*`, the next question is not one that the plan's noise allows; or
                the totals do not allow the computation to go on.
        """
        names = tuple(survivors)
        self.verify_survivors(names)
        state = self._recipe.learn(self._state, self.read(total), names)
        asked = self._recipe.ask(state)
        self.transcript = extend_transcript(self.transcript, self.question_digest, total, names)
        self._lost |= {name: self.round for name in self.cohort if name not in names}
        self.cohort = names
        self._state, self._asked = state, asked
        self.round += 1
        self._prepare()


def read_total(total: bytes | memoryview) -> NDArray[np.int64]:
    """Return a total's bytes as numbers, shape (n,); read-only, and the same memory where that is possible."""
    numbers = np.frombuffer(total, dtype="<i8").astype(np.int64, copy=False)
    numbers.setflags(write=False)
    return numbers


def write_total(total: NDArray[np.int64]) -> memoryview:
    """Return a total's numbers as bytes: the same memory where that is possible, and it is not to be written to any more."""
    return np.ascontiguousarray(total, dtype="<i8").view(np.uint8).data.toreadonly()
