"""A recipe: a computation written as questions whose answers are only ever added up.

`begin` gives a state; `ask` turns a state into the next question or the result; each member computes
`answer` on its own rows; the answers are added; `learn` turns the total into the next state. A question
and a state hold public numbers only, so the hub and every member walk through the same states on their
own, and need to exchange nothing but totals.
"""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from hansa.learning.tables import Rows, Vector
from hansa.privacy import Noise

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, eq=False)
class Question(ABC):
    """What every member of the cohort is asked at once.

    Args:
        name: the stage and turn, such as `newton 3`; no two questions of a run share it.
        noise: what the total must carry of it, and what the answer then costs; None for a sum without noise.
    """

    name: str
    noise: Noise | None = field(default=None, kw_only=True)

    @abstractmethod
    def bound(self) -> Vector:
        """Work out `bounds`."""

    @abstractmethod
    def publics(self) -> Iterable[bytes]:
        """Yield everything that an answer depends on besides the rows, for the digest."""

    @cached_property
    def bounds(self) -> Vector:
        """Per coordinate of the answer, a public bound on its magnitude: shape (length,), > 0, finite, read-only.

        INVARIANT: an honest answer never exceeds it, whatever the rows, as long as they pass `verify_table`.
        """
        bounds = self.bound()
        bounds.setflags(write=False)
        return bounds

    @property
    def number_bits(self) -> Literal[32, 64]:
        """Of the integers in which an answer leaves: 64, or 32 where half the bytes are fine enough."""
        return 64

    @property
    def length(self) -> int:
        """How many numbers an answer has."""
        return len(self.bounds)

    @cached_property
    def digest(self) -> bytes:
        """Return 32 bytes that bind name, bounds, public numbers and noise; part of the secure sum's session."""
        total = hashlib.sha256(b"hansa/v1/question\n")
        noise = () if self.noise is None else (repr(self.noise).encode(),)
        bounds = np.ascontiguousarray(self.bounds).view(np.uint8).data
        for part in (self.name.encode(), bounds, *self.publics(), *noise):
            total.update(len(part).to_bytes(8, "big"))
            total.update(part)
        return total.digest()


class CalibrationBin(NamedTuple):
    """Rows whose predicted probability fell into one of 20 equal intervals."""

    predicted: float
    observed: float
    rows: int


class Dropped(NamedTuple):
    """A column that the plan could have given and the model does not have, and why, for people."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gives: everything in it follows from totals, and every party computes the same.

    Args:
        turns: how many secure sums it took.
        members: whose numbers are in the totals, by what was computed from them.
        metrics: by name, what bars are held against; a metric that these rows cannot give is absent.
        document: what the run makes, as JSON without floats: texts, integers and lists, ready for canonical JSON.
        dropped: what the plan named and the document does not hold, in the plan's order.
    """

    turns: int
    members: Mapping[str, tuple[str, ...]]
    metrics: Mapping[str, float]
    document: dict[str, Json]
    dropped: tuple[Dropped, ...]

    def describe(self) -> dict[str, Json]:
        """Return what the coalition's report says besides members, metrics and what was dropped."""
        return {}


@dataclass(frozen=True, slots=True)
class ModelResult(Result):
    """A model, as a document, and how good it is.

    A metric is absent when there are no positives in the test rows, or nobody was scored. The members are those of
    `survey`, `fit` (its last turn) and `evaluation`.

    Args:
        uncertainty: for metrics read from histograms, the most by which they can differ from the value
            over the scores themselves (those nearer than some 10⁻⁸ of a logit counting as tied).
        roc: for `alone`, `together`, `corrected`: (false positive rate, true positive rate), from (0, 0)
            to (1, 1), at most 201 points.
        calibration: for the same three, the intervals that hold rows.
    """

    uncertainty: Mapping[str, float]
    roc: Mapping[str, tuple[tuple[float, float], ...]]
    calibration: Mapping[str, tuple[CalibrationBin, ...]]

    def describe(self) -> dict[str, Json]:
        """Return how far each metric may be off, rounded up, the curves and the calibration."""
        return {
            "uncertainty": {name: spell(_round_up(value)) for name, value in self.uncertainty.items()},
            "roc": {kind: [[spell(x), spell(y)] for x, y in curve] for kind, curve in self.roc.items()},
            "calibration": {
                kind: [[spell(b.predicted), spell(b.observed), int(b.rows)] for b in bins]
                for kind, bins in self.calibration.items()
            },
        }


@dataclass(frozen=True, slots=True)
class LogisticResult(ModelResult):
    """A logistic model (docs/formats/model.md), and how good it is.

    Args:
        coefficients: column names and values, the intercept first.
    """

    coefficients: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class TreesResult(ModelResult):
    """Trees (docs/formats/trees.md), and how good they are.

    Args:
        gains: features, and by how much their splits lowered the penalised loss of the training rows together, the most first.
    """

    gains: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class NetworkResult(ModelResult):
    """A network (docs/formats/network.md), and how good it is.

    Args:
        losses: the mean loss of the training rows where each round began.
    """

    losses: tuple[float, ...]

    def describe(self) -> dict[str, Json]:
        """Return what every model's report says, and the losses."""
        return {**ModelResult.describe(self), "losses": [spell(loss) for loss in self.losses]}


def spell(value: float) -> str:
    """Return a number as the record spells it: a decimal with six places."""
    return f"{value:z.6f}"  # `z`: a number has one spelling, and what rounds to zero is never minus zero


def _round_up(value: float) -> float:
    return math.ceil(value * 1e6) / 1e6


class PrivateReport(Protocol):
    """What a result means for one member; it stays with the member."""

    @property
    def member(self) -> str:
        """Whose it is."""
        ...

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON with floats."""
        ...


State = TypeVar("State")


class Recipe(Protocol[State]):
    """The four moves, and what a member may check. All are pure; a recipe holds nothing but what the plan says."""

    def begin(self) -> State:
        """Return the state before any question."""
        ...

    def ask(self, state: State) -> Question | Result:
        """Return the next question, or the result when there is none."""
        ...

    def answer(self, question: Question, rows: Rows) -> Vector:
        """Compute one member's numbers.

        Returns:
            Shape (question.length,), float64, within `question.bounds`.
        """
        ...

    def learn(self, state: State, total: Vector, survivors: tuple[str, ...]) -> State:
        """Take in the total of the answers.

        Args:
            state: the state whose question was answered.
            total: shape (question.length,), float64.
            survivors: whose answers are in it, sorted; some of those of the total before.

        Raises:
            Refused: `recipe.total` no honest answers add up to this; or the totals do not allow the
                computation to go on.
            ValueError: the total has another shape or is not finite.
        """
        ...

    def verify_survivors(self, question: Question, members: int) -> None:
        """Check, as a member, that a total over so many members hides each of them; before it is formed.

        Raises:
            Refused: `recipe.survivors`.
        """
        ...

    def verify_total(self, question: Question, answer: Vector, total: Vector, members: int) -> None:
        """Check, as a member, that an announced total can hold one's own answer; before `learn`.

        It sees lies about this member's part, and lies that leave impossible numbers for the others. A
        lie that stays possible for the others is not seen.

        Args:
            question: what was asked.
            answer: shape (question.length,), what this member answered.
            total: shape (question.length,), as announced.
            members: how many answers are in it.

        Raises:
            Refused: `recipe.total`. The reason names the question and nothing else, because it is told to
                whoever announced the total, and every further word would be about this member's rows.
            ValueError: a shape is another one, or a number is not finite.
        """
        ...

    def private_report(self, result: Result, rows: Rows) -> PrivateReport:
        """Tell one member what the result means for it, from its own rows; this never leaves the member."""
        ...


def verify_numbers(question: Question, numbers: Vector) -> None:
    """Check that an answer or a total fits its question.

    Raises:
        ValueError: it does not.
    """
    if numbers.shape != (question.length,) or not np.isfinite(numbers).all():
        raise ValueError(f"`{question.name}` has {question.length} finite numbers")


def add_exactly(parts: Sequence[Vector]) -> Vector:
    """Add up vectors as if with all the digits there are, and round once.

    Args:
        parts: at least one, each of shape (n,), finite.

    Guarantees:
        The same, bit for bit, in whatever order the parts come; one part comes back as it is.
    """
    if len(parts) == 1:
        return parts[0]
    return np.array([math.fsum(column) for column in zip(*(part.tolist() for part in parts), strict=True)])


def run_in_clear(
    recipe: Recipe[State],
    members: Sequence[Rows],
    add: Callable[[Question, Sequence[Vector]], Vector] | None = None,
) -> Result:
    """Run a recipe over rows that are all at hand, with no coalition around it.

    For tests, benchmarks and trying out: nothing is hidden from anyone here.

    Args:
        recipe: what to compute.
        members: everyone's rows.
        add: how to add up answers; plain addition unless told.
    """
    names = tuple(rows.member for rows in members)
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), Result):
        answers = [recipe.answer(question, rows) for rows in members]
        total = np.sum(answers, axis=0) if add is None else add(question, answers)
        state = recipe.learn(state, total, names)
    return question


def recipe_digest() -> str:
    """Return the SHA-256, in hex, of the source of every module of this room and of `privacy`, which noises it.

    A plan names it, so a vote is about this computation and no other. Over the modules of each folder sorted by
    name: `learning/`, `learning/networks/`, `learning/regression/`, `learning/trees/` or `privacy/` and the name, a zero byte, the length in eight bytes, big endian, and the bytes.
    """
    total = hashlib.sha256(b"hansa/v1/recipe\n")
    for room in ("learning", "learning/networks", "learning/regression", "learning/trees", "privacy"):
        folder = resources.files("hansa").joinpath(room)
        for module in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if module.name.endswith(".py"):
                source = module.read_bytes()
                total.update(
                    f"{room}/{module.name}".encode() + b"\0" + len(source).to_bytes(8, "big") + source
                )
    return total.hexdigest()
