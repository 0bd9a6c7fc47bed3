"""The question of each level: sums of slope, curvature and rows in each bin of each open node.

Of two sisters only the one with fewer rows is counted; what the other holds is their mother's less hers. How many members have
rows in a bin does not follow so, and is asked of both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hansa.learning.newton import squash
from hansa.learning.recipe import Question
from hansa.learning.slope import fit_intercept
from hansa.learning.split import Split, split_rows
from hansa.learning.tables import Rows, Table, Vector
from hansa.learning.trees.forest import Forest, Standing, Tree
from hansa.learning.trees.growth import Sums
from hansa.learning.trees.kernels import compile_kernels

MOST_LOSS: Final = 32.0
"""More than this no row's loss counts, so that its sum has a bound; its logit is beyond 31 then."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How slopes and curvatures of single rows are rounded, so that their sums are exact.

    Args:
        rows: training rows of the cohort.
        positive_weight: what a row with label 1 counts.
    """

    rows: int
    positive_weight: float

    @property
    def reach(self) -> float:
        """The most that a sum of slopes can be."""
        return self.rows * max(self.positive_weight, 1.0)

    @property
    def unit(self) -> float:
        """What they are rounded to: a power of two, of which a float64 holds every multiple up to `reach`."""
        _, exponent = np.frexp(self.reach)
        return float(2.0 ** -min(24, 52 - int(exponent)))

    @property
    def loss_unit(self) -> float:
        """What the losses of single rows are rounded to: sums of them are larger."""
        return self.unit * MOST_LOSS

    def weigh(self, labels: Vector) -> Vector:
        """Return what each row counts: shape (n,)."""
        return np.where(labels > 0, self.positive_weight, 1.0)


@dataclass(frozen=True, eq=False)
class LevelQuestion(Question):
    """Ask for the sums of a level.

    Args:
        forest: the trees before.
        tree: what has grown of the next one; its open nodes are leaves.
        counted: open nodes of which everything is asked.
        derived: open nodes of which only members are asked.
        scale: of slopes and curvatures.
        validation: which training rows do not grow trees, but say before each tree how good those before are; None when all grow them.
    """

    forest: Forest
    tree: Tree
    counted: tuple[int, ...]
    derived: tuple[int, ...]
    scale: Scale
    validation: Split | None = None

    @property
    def asks_loss(self) -> bool:
        """Whether the loss of the rows set aside is asked for."""
        return self.validation is not None and len(self.tree.nodes) == 1

    def bound(self) -> Vector:
        """What all rows can add up to, a member's rows, and one for each member."""
        bins = self.forest.bins.total
        reach = self.scale.reach
        counted = np.repeat([reach, reach / 4, float(self.scale.rows), 1.0], bins)
        aside = [reach * MOST_LOSS, self.scale.rows, self.scale.rows] if self.asks_loss else []
        return np.concatenate(
            [
                np.tile(counted, len(self.counted)),
                np.ones(bins * len(self.derived)),
                np.array(aside, dtype=np.float64),
            ]
        )

    def publics(self) -> Iterable[bytes]:
        """Yield the trees, the open nodes, the scale, and which rows are set aside."""
        yield self.forest.digest.encode()
        yield self.tree.digest
        yield repr((self.counted, self.derived, self.scale, self.validation)).encode()

    def part(self, total: Vector) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Take a total apart, or an answer.

        Returns:
            Of the counted nodes slope, curvature, rows and members in each bin, shape (n_counted, 4, n_bins); of the derived ones members,
            shape (n_derived, n_bins); of rows set aside their loss, positives and negatives, shape (3,), or (0,) when they are not asked for.
        """
        bins = self.forest.bins.total
        middle = 4 * bins * len(self.counted)
        end = middle + bins * len(self.derived)
        return total[:middle].reshape(-1, 4, bins), total[middle:end].reshape(-1, bins), total[end:]


class Footing:
    """Where one member's training rows stand: their bins, their logits under the trees so far, their place in the tree that grows.

    It goes on from where it was asked last, if the trees are the same; the outcome is the same as from the beginning.

    Args:
        forest: whose bins and base hold for all that follow.
        rows: the member's.
        start: each row's logit before any tree, shape (n_rows,); the forest's base unless told.
        validation: which rows are set aside.
    """

    def __init__(
        self, forest: Forest, rows: Rows, start: Vector | None = None, validation: Split | None = None
    ) -> None:
        table = rows.train
        self._aside: _Aside | None = None
        if validation is not None:
            aside = split_rows(table, validation, rows.member)
            self._aside, table = _Aside(forest, table.take(aside)), table.take(~aside)
        self._standing = Standing(forest, table, start)
        self._labels = table.labels.astype(np.float64)
        self._offset = 0.0
        self._slopes: tuple[str, NDArray[np.int64], NDArray[np.int64]] | None = None
        self._tree: tuple[str, int] = "", 0
        self._places = np.zeros(len(self._labels), dtype=np.int32)

    def count(self, question: LevelQuestion) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Count the rows of open nodes.

        Returns:
            Slope, curvature and rows in each bin of each counted node: shape (n_counted, n_bins, 3). Whether a row is in each bin of each
            derived one: shape (n_derived, n_bins).
        """
        slopes, curvatures = self._weigh(question.forest, question.scale)
        self._descend(question.forest, question.tree)
        slots = np.full(len(question.tree.nodes), -1, dtype=np.int32)
        opened = [*question.counted, *question.derived]
        slots[opened] = np.arange(len(opened), dtype=np.int32)
        bins = question.forest.bins
        sums = np.zeros((len(question.counted), bins.total, 3), dtype=np.int64)
        held = np.zeros((len(question.derived), bins.total), dtype=np.bool_)
        standing = slots[self._places]
        compile_kernels().accumulate(
            self._standing.codes, np.array(bins.offsets), standing, slopes, curvatures, sums, held
        )
        return sums, held

    def measure(self, question: LevelQuestion) -> Vector:
        """Return the loss of the rows set aside, their positives and negatives: shape (3,)."""
        assert self._aside is not None  # or the question does not ask
        self._weigh(question.forest, question.scale)  # settles the offset
        return self._aside.measure(question.forest, question.scale, self._offset)

    def _weigh(self, forest: Forest, scale: Scale) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each row's slope and curvature of the loss, in units of the scale."""
        if self._slopes is None or self._slopes[0] != forest.digest:
            logits = self._standing.find_logits(forest)
            if forest.offset_penalty is not None:
                self._offset = fit_intercept(logits, self._labels, forest.offset_penalty)
                logits = logits + self._offset
            probability, _ = squash(logits)
            weight = scale.weigh(self._labels) / scale.unit
            slopes = np.rint((probability - self._labels) * weight).astype(np.int64)
            curvatures = np.rint(probability * (1.0 - probability) * weight).astype(np.int64)
            self._slopes = forest.digest, slopes, curvatures
        return self._slopes[1], self._slopes[2]

    def _descend(self, forest: Forest, tree: Tree) -> None:
        """Lead each row to its node; one that stood at what was a leaf before goes on from there."""
        digest, size = self._tree
        if digest != forest.digest or size >= len(tree.nodes):
            self._places[:] = 0
        tree.route(self._standing.codes, self._places)
        self._tree = forest.digest, len(tree.nodes)


class _Aside:
    """The rows of a member that are set aside: their bins, and their logits under the trees so far."""

    def __init__(self, forest: Forest, table: Table) -> None:
        self._standing = Standing(forest, table)
        self._labels = table.labels.astype(np.float64)

    def measure(self, forest: Forest, scale: Scale, offset: float) -> Vector:
        towards = np.where(self._labels > 0, -1.0, 1.0) * (self._standing.find_logits(forest) + offset)
        losses = np.minimum(np.logaddexp(0.0, towards), MOST_LOSS) * scale.weigh(self._labels)
        positives = float(np.count_nonzero(self._labels))
        return np.array(
            [
                np.rint(losses / scale.loss_unit).sum() * scale.loss_unit,
                positives,
                len(self._labels) - positives,
            ]
        )


def answer_level(question: LevelQuestion, rows: Rows) -> Vector:
    """Sum one member's training rows.

    Returns:
        For each counted node slopes, curvatures and rows in each bin, then 1 for each bin that holds a row; for each derived node the last
        of these; where it is asked for, the loss of the rows set aside, their positives and negatives.
    """
    forest, validation = question.forest, question.validation
    key = f"{forest.bins.digest} {forest.base!r} {forest.offset_penalty!r} {question.scale!r} {validation!r}"
    return sum_level(
        question, rows.remember("footing", key, lambda: Footing(forest, rows, validation=validation))
    )


def sum_level(question: LevelQuestion, footing: Footing) -> Vector:
    """Return what `answer_level` does, of rows that stand somewhere already."""
    counted, derived = footing.count(question)
    sums = counted.transpose(0, 2, 1).astype(np.float64)
    sums[:, :2] *= question.scale.unit
    whole = np.concatenate([sums, sums[:, 2:] > 0], axis=1)
    aside = footing.measure(question) if question.asks_loss else np.zeros(0)
    return np.concatenate([whole.ravel(), derived.ravel(), aside])


def join_levels(question: LevelQuestion, parts: Sequence[Vector]) -> Vector:
    """Return what `answer_level` does of all rows, from what it does of each piece of them; no row is set aside.

    Guarantees:
        The same, bit for bit, however the rows are divided: what is added up are multiples of the scale's unit.
    """
    answer: Vector = np.sum(parts, axis=0)
    counted, derived, _ = question.part(answer)
    counted[:, 3] = counted[:, 2] > 0
    derived[:] = derived > 0
    return answer


class Sister(NamedTuple):
    """A node that is not counted: its place, that of the node that is counted instead, and what is known of both together."""

    place: int
    counted: int
    mother: Sums


def read_level(question: LevelQuestion, total: Vector, sisters: Sequence[Sister]) -> dict[int, Sums]:
    """Read the total of all answers.

    Args:
        question: what was asked.
        total: shape (question.length,).
        sisters: the derived nodes, in the question's order.

    Returns:
        By place, the sums of each open node: shape (1, n_bins) each.
    """
    counted, derived, _ = question.part(total)
    sums = {
        place: Sums(*(part[None] for part in counted[number]))
        for number, place in enumerate(question.counted)
    }
    for sister, members in zip(sisters, derived, strict=True):
        parts = zip(sister.mother[:3], sums[sister.counted][:3], strict=True)
        slope, curvature, rows = (whole - part for whole, part in parts)
        sums[sister.place] = Sums(slope, curvature, rows, members[None])
    return sums


def read_loss(question: LevelQuestion, total: Vector) -> float | None:
    """Return the mean loss of the rows set aside; None when it is not asked for, or there are none."""
    if not question.asks_loss:
        return None
    loss, positives, negatives = question.part(total)[2].tolist()
    weight = positives * question.scale.positive_weight + negatives
    return loss / weight if weight else None
