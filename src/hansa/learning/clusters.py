"""Two more models for two kinds of members, where one for all serves neither: found, filled and fitted by sums alone.

After the joint fit everybody learns along which direction members differ most, from a sum of what each would change about the joint
model. Each member then takes the side of that direction that makes its own rows likelier, and answers the turns of a second fit
for that side, with zeros for the other. So nobody hears which side a member took; how many took each, everybody does. Members take
sides once: taken again, two totals near one point would differ by whoever moved.

Source: Ghosh, Chung, Yin and Ramchandran 2020, "An efficient framework for clustered federated learning", for fitting what members take by
their own loss; where candidates come from, and that sides are taken once, is ours.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.contradiction import are_counts, find_contradictions
from hansa.learning.model import Model
from hansa.learning.newton import Descent, begin_anew, descend
from hansa.learning.personal import find_shift, measure_fit
from hansa.learning.recipe import Question
from hansa.learning.slope import SlopeQuestion, answer_slope, read_slope
from hansa.learning.tables import Rows, Vector

SMALLEST: Final = 3
"""Fewer members on a side are not fitted: their sums would be next to their own numbers."""

_ITERATIONS: Final = 50


@dataclass(frozen=True, eq=False)
class SpreadQuestion(Question):
    """Ask how members differ: the sum of the outer products of what each would change, shrunk to length 1.

    Args:
        model: the joint one.
        correction: > 0; how strongly a change is pulled to none.
    """

    model: Model
    correction: float

    def bound(self) -> Vector:
        """No entry passes 1, as no change does."""
        width = len(self.model.coefficients) - 1
        return np.full(width * (width + 1) // 2, 1 + 2.0**-20)

    def publics(self) -> Iterable[bytes]:
        """Yield the model and the penalty."""
        yield self.model.digest.encode()
        yield repr(self.correction).encode()


@dataclass(frozen=True, eq=False)
class SortQuestion(Question):
    """Ask how many members take each of two sides.

    Args:
        model: the joint one.
        axis: by which the sides differ from it, up and down, shape (n_columns,).
    """

    model: Model
    axis: Vector

    def bound(self) -> Vector:
        """A member takes one side."""
        return np.ones(2)

    def publics(self) -> Iterable[bytes]:
        """Yield the model and the direction."""
        yield self.model.digest.encode()
        yield self.axis.tobytes()


@dataclass(frozen=True, eq=False)
class SideQuestion(Question):
    """Ask for the slope of each side at a point of its own.

    Args:
        sort: what a member's side follows from.
        slopes: one question for each side.
        smallest: how many members the smaller side has.
        sorted: how many members were asked for their side.
    """

    sort: SortQuestion
    slopes: tuple[SlopeQuestion, SlopeQuestion]
    smallest: int
    sorted: int

    def bound(self) -> Vector:
        """One side after the other."""
        return np.concatenate([slope.bounds for slope in self.slopes])

    def publics(self) -> Iterable[bytes]:
        """Yield what sides and slopes depend on."""
        yield from self.sort.publics()
        for slope in self.slopes:
            yield from slope.publics()

    def part(self, total: Vector) -> Iterator[tuple[SlopeQuestion, Vector]]:
        """Yield each side's question with its part of a total, or of an answer."""
        yield from zip(self.slopes, np.split(total, 2), strict=True)


ClusterQuestion = SpreadQuestion | SortQuestion | SideQuestion


def answer_clusters(question: ClusterQuestion, rows: Rows) -> Vector:
    """Answer for one member, by its training rows; its side also follows from its validation rows, if it has any.

    Returns:
        For a spread the upper triangle, row by row; for a sort 1 for the side taken and 0 for the other, and twice 0 without training
        rows; for sides the answers of both slopes, all 0 for the side not taken.
    """
    match question:
        case SpreadQuestion(model=model, correction=correction):
            shift = (
                find_shift(model, rows, correction)[1:]
                if len(rows.train)
                else np.zeros(len(model.coefficients) - 1)
            )
            shift /= max(1.0, math.sqrt(math.fsum((shift * shift).tolist())))
            first, second = np.triu_indices(len(shift))
            return np.asarray(shift[first] * shift[second])
        case SortQuestion():
            return _take_side(question, rows)
        case SideQuestion():
            side = _take_side(question.sort, rows)
            return np.concatenate(
                [
                    answer_slope(slope, rows) if taken else np.zeros(slope.length)
                    for slope, taken in zip(question.slopes, side, strict=True)
                ]
            )


def doubt_clusters(question: ClusterQuestion, total: Vector, members: int) -> Iterator[str]:
    """Yield what shows that a total is not the sum of this many honest answers, as `find_contradictions` does."""
    match question:
        case SpreadQuestion():
            diagonal = np.diag(_square(total))
            slack = members * 2.0**-20
            if (diagonal < -slack).any() or math.fsum(diagonal.tolist()) > members + slack:
                yield "changes of length 1 do not add up to this"
        case SortQuestion():
            if not are_counts(total) or math.fsum(total.tolist()) > members:
                yield "the sides are not those of so many members"
        case SideQuestion():
            for slope, part in question.part(total):
                yield from find_contradictions(slope, part, members)


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Where the search for two sides stands.

    Args:
        model: the joint one.
        members: who was in the last total.
        turns: how many sums it took so far.
        sort: what was asked of sides; None before the spread is known.
        smallest: how many members the smaller side has.
        sorted: how many were asked.
        descents: of each side; none before sides were taken, and None for a side that has no minimum, which keeps the joint model.
        done: whether there is nothing more to ask.
    """

    model: Model
    members: tuple[str, ...]
    turns: int = 0
    sort: SortQuestion | None = None
    smallest: int = 0
    sorted: int = 0
    descents: tuple[Descent | None, ...] = ()
    done: bool = False

    @property
    def models(self) -> Model:
        """The joint model, with those of both sides where there are such."""
        if not self.descents:
            return self.model
        joint = self.model.coefficients
        return replace(
            self.model,
            clusters=tuple(joint if descent is None else descent.trial for descent in self.descents),
        )


def ask_clusters(state: Clustering, slope: SlopeQuestion, correction: float) -> ClusterQuestion:
    """Return the next question.

    Args:
        state: not done.
        slope: of the joint fit; its point is replaced by that of each side.
        correction: > 0; the plan's.
    """
    if state.sort is None:
        return SpreadQuestion("spread", state.model, correction)
    if not state.descents:
        return state.sort
    points = (state.model.coefficients if descent is None else descent.trial for descent in state.descents)
    first, second = (replace(slope, coefficients=point) for point in points)
    name = f"sides {state.turns - 1}"
    return SideQuestion(name, state.sort, (first, second), state.smallest, state.sorted)


def learn_clusters(
    state: Clustering,
    question: ClusterQuestion,
    total: Vector,
    survivors: tuple[str, ...],
    *,
    ridge: float,
    maximum_turns: int,
) -> Clustering:
    """Take in a total over the survivors' rows.

    A side that has no minimum, or none within `maximum_turns`, keeps the joint model.
    """
    if survivors != state.members:
        state = replace(state, members=survivors, descents=tuple(map(_begin_anew, state.descents)))
    state = replace(state, turns=state.turns + 1)
    match question:
        case SpreadQuestion():
            axis = find_axis(_square(total), len(survivors))
            if axis is None:
                return replace(state, done=True)
            return replace(state, sort=SortQuestion("sort", state.model, np.append(0.0, axis)))
        case SortQuestion():
            smallest = round(float(total.min()))
            if smallest < SMALLEST:
                return replace(state, done=True)
            penalty = np.full(len(state.model.coefficients), ridge)
            penalty[0] = 0.0
            start = Descent(penalty, state.model.coefficients)
            return replace(state, smallest=smallest, sorted=len(survivors), descents=(start, start))
        case SideQuestion():
            bound_logit = state.model.design.bound_logit
            descents: list[Descent | None] = []
            for descent, (slope, part) in zip(state.descents, question.part(total), strict=True):
                try:
                    after = (
                        descent
                        if descent is None or descent.done
                        else descend(descent, read_slope(slope, part), bound_logit)
                    )
                except Refused:
                    after = None
                is_late = after is not None and not after.done and after.turn >= maximum_turns
                descents.append(None if is_late else after)
            done = all(descent is None or descent.done for descent in descents)
            return replace(state, descents=tuple(descents), done=done)


def verify_sides(question: Question, members: int) -> None:
    """Check that a total over so many members hides each of those on the smaller side.

    Raises:
        Refused: `recipe.survivors`, with those who were lost since sides were taken fewer than three may be left on one.
    """
    if isinstance(question, SideQuestion) and question.smallest - (question.sorted - members) < SMALLEST:
        raise Refused(
            "recipe.survivors",
            f"fewer than {SMALLEST} members may be left on one side, so their sum would tell too much",
        )


def find_axis(spread: Vector, members: int) -> Vector | None:
    """Return the direction in which members differ most, as long as they differ along it on average (root of the mean square).

    Args:
        spread: sum of outer products, shape (n, n), symmetric.
        members: how many are in it.

    Returns:
        Shape (n,); None where members do not differ.
    Guarantees:
        The same to the last bit on every machine: sums are exact, and nothing but single products, quotients and roots besides.
    Source: the power iteration, von Mises and Pollaczek-Geiringer 1929.
    """
    if not len(spread) or not float(np.diag(spread).max()) > members * 2.0**-20:
        return None
    axis = np.zeros(len(spread))
    axis[int(np.argmax(np.diag(spread)))] = 1.0
    length = 0.0
    for _ in range(_ITERATIONS):
        moved = np.array([math.fsum((row * axis).tolist()) for row in spread])
        length = math.sqrt(math.fsum((moved * moved).tolist()))
        axis = moved / length
    return np.asarray(axis * math.sqrt(length / members))


def _take_side(question: SortQuestion, rows: Rows) -> Vector:
    if not len(rows.train):
        return np.zeros(2)
    up, down = (
        measure_fit(question.model, question.model.coefficients + sign * question.axis, rows)
        for sign in (1.0, -1.0)
    )
    return np.array([1.0, 0.0] if up <= down else [0.0, 1.0])


def _begin_anew(descent: Descent | None) -> Descent | None:
    return descent if descent is None or descent.done else begin_anew(descent)


def _square(total: Vector) -> Vector:
    width = (math.isqrt(8 * len(total) + 1) - 1) // 2
    first, second = np.triu_indices(width)
    square = np.zeros((width, width))
    square[first, second] = total
    square[second, first] = total
    return square
