"""`hansa` with a benchmark's questions, for `rounds.py`.

program.py turns|sums BYTES MOMENTS hub|node …

`turns`: the coordinator brings an array of float32 to each member, and adds up the arrays that come back, as FedAvg does, with nothing hidden.
`sums`: everything is the product's but the recipe, which asks for a sum of as many numbers of 64 bits, for ever.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

import hansa.hub.conductor
import hansa.hub.rounds
import hansa.node.agent
import hansa.node.trainer
from hansa.cli import main
from hansa.engine import Engine, Minutes
from hansa.hub.rounds import Coordinator, Record
from hansa.learning import Question


class Echo:
    """Stands where a trainer stands, and answers every message with as many random numbers."""

    problem = None
    private_report = None

    def __init__(self, *_: object, **__: object) -> None:
        self._generator = np.random.default_rng()

    def receive(self, message: memoryview) -> memoryview:
        received = np.frombuffer(message, dtype=np.float32)
        return self._generator.random(received.size, dtype=np.float32).data.cast("B")


class Exchanger:
    """Stands where a coordinator stands, and exchanges arrays until the hub is stopped."""

    evidence = ()

    def __init__(self, record: Record, engine: Engine, **_: object) -> None:
        self._record = record
        self._engine = engine

    def conduct(self, run_id: str) -> NoReturn:
        numbers = SIZE // 4
        total = np.random.default_rng().random(numbers, dtype=np.float32)
        cohort = self._record.state.runs[run_id].cohort
        self._engine.turn(dict.fromkeys(cohort, total.tobytes())).answers.values()
        while True:
            note_moment()
            message = total.tobytes()
            total[:] = 0
            answers = self._engine.turn(dict.fromkeys(cohort, message)).answers
            for name in answers:
                total += np.frombuffer(answers[name], dtype=np.float32)
            if len(answers) != len(cohort):
                raise RuntimeError("somebody has not answered")
            total /= len(cohort)


class Wide(Question):
    """Asks for many numbers of which nothing is known but that they are between -1 and 1."""

    def bound(self) -> NDArray[np.float64]:
        return np.ones(SIZE // 8)

    def publics(self) -> Iterable[bytes]:
        return ()


class Endless:
    """A recipe that sums random numbers, and sums again."""

    def begin(self) -> int:
        return 1

    def ask(self, state: int) -> Question:
        return Wide(f"sum {state}")

    def answer(self, question: Question, _: object) -> NDArray[np.float64]:
        return np.random.default_rng().random(question.length)

    def learn(self, state: int, *_: object) -> int:
        return state + 1

    def verify_survivors(self, *_: object) -> None:
        pass

    def verify_total(self, *_: object) -> None:
        pass


def note_moment() -> None:
    with MOMENTS.open("a") as file:
        file.write(json.dumps({"wall": time.monotonic(), "processor": time.process_time()}) + "\n")


def time_rounds(coordinator: type[Coordinator]) -> Callable[..., Coordinator]:
    """Return what makes coordinators that note when each round begins."""

    def make(
        record: Record,
        engine: Engine,
        report: Callable[[int, str, int], None],
        miss: Callable[[int, str, str], None],
        minutes: Minutes,
    ) -> Coordinator:
        def note_round(number: int, name: str, length: int) -> None:
            report(number, name, length)
            note_moment()

        return coordinator(record, engine, note_round, miss, minutes)

    return make


MODE, SIZE, MOMENTS, WORDS = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
if MODE == "turns":
    hansa.hub.conductor.Coordinator = Exchanger
    hansa.node.agent.Trainer = Echo
else:
    hansa.hub.conductor.Coordinator = time_rounds(Coordinator)
    for place in (hansa.hub.rounds, hansa.node.trainer):
        place.build_recipe = lambda *_: Endless()
sys.exit(main(WORDS))
