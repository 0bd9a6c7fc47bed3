"""The question of each round: how far did a member's own steps take it from the joint parameters, times its weight."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from hansa.learning.networks.network import Network
from hansa.learning.networks.scaffold import Controls
from hansa.learning.networks.settings import NetworkParameters
from hansa.learning.networks.training import Course, measure_gradient, train
from hansa.learning.recipe import Question
from hansa.learning.tables import Rows, Vector

MOST_LOSS: Final = 32.0
"""Of a row; what is above counts as this."""

COUNTS: Final = 3
"""So many numbers follow the updates: rows, 1 for having any, and the loss."""

_SPARE: Final = 1 + 2.0**-20
"""Rounding must not push an honest answer over its bound."""


@dataclass(frozen=True, eq=False)
class RoundQuestion(Question):
    """Ask for one round's update.

    Args:
        network: where every member begins.
        settings: the plan's.
        round: from 1.
        rows: training rows of the cohort.
        members: whose answers may be in the total, at most.
        controls: with SCAFFOLD from the second round on.
    """

    network: Network
    settings: NetworkParameters
    round: int
    rows: int
    members: int
    controls: Controls | None = None

    @property
    def parts(self) -> int:
        """How many vectors of parameters an answer holds: the update, and with SCAFFOLD the gradient."""
        return 2 if self.settings.method == "scaffold" else 1

    @property
    def number_bits(self) -> Literal[32, 64]:
        """32 where that leaves numbers as fine as the plan asks, or 64."""
        places = 30 - math.frexp(self.members * self.settings.clip * _SPARE)[1]
        fits = 2.0**-places <= self.settings.resolution and self.members * self.rows <= 2**30
        return 32 if fits else 64

    def bound(self) -> Vector:
        """The clip norm for each number of an update, and as many rows as there are."""
        size = int(self.network.shared.sum())
        bounds = np.full(self.parts * size + COUNTS, self.settings.clip * _SPARE)
        bounds[-COUNTS:] = self.rows, 1.0, MOST_LOSS * _SPARE
        return bounds

    def publics(self) -> Iterable[bytes]:
        """Yield the network, the settings, the round and the controls."""
        yield self.network.digest.encode()
        yield repr((self.settings, self.round, self.rows, self.members)).encode()
        if self.controls is not None:
            yield self.controls.parameters.tobytes()
            yield self.controls.mean.tobytes()


class RoundTotal(NamedTuple):
    """What a round's total says.

    Args:
        update: the weighted mean of updates, shape (n_shared,).
        gradient: with SCAFFOLD the weighted mean of gradients, shape (n_shared,).
        rows: training rows in it.
        loss: the mean loss of these rows where the round began.
    """

    update: Vector
    gradient: Vector | None
    rows: int
    loss: float


def answer_round(question: RoundQuestion, rows: Rows) -> Vector:
    """Go one member's steps.

    Returns:
        The update of the shared parameters, shrunk to the clip norm and times the member's weight; with SCAFFOLD the
        gradient, likewise; the training rows; 1, if there are any; the loss where the round began, times the rows' share of all.
    """
    size, settings = int(question.network.shared.sum()), question.settings
    count = len(rows.train)
    if not count:
        return np.zeros(question.parts * size + COUNTS)
    course = Course(question.network, settings, f"{rows.member}\nround {question.round}", settings.epochs)
    went = train(course, rows, question.controls)
    share = count / question.rows
    weight = share if settings.weighting == "rows" else 1.0 / question.members
    parts = [weight * _shrink(went.update, settings.clip)]
    if question.parts == 2:
        gradient = measure_gradient(question.network, settings, rows)
        parts.append(weight * _shrink(gradient, settings.clip))
    return np.concatenate([*parts, [float(count), 1.0, share * min(went.loss, MOST_LOSS)]])


def read_round(question: RoundQuestion, total: Vector) -> RoundTotal:
    """Read the total of the answers.

    Guarantees:
        Depends on the arguments alone, by single float64 operations in a fixed order.
    """
    vectors = total[:-COUNTS].reshape(question.parts, -1)
    rows, having = (max(round(count), 1) for count in total[-COUNTS:-1].tolist())
    # What the weights of those who stayed add up to.
    share = rows / question.rows
    weight = share if question.settings.weighting == "rows" else having / question.members
    gradient = vectors[1] / weight if question.parts == 2 else None
    return RoundTotal(vectors[0] / weight, gradient, rows, float(total[-1]) / share)


def _shrink(update: Vector, clip_norm: float) -> Vector:
    norm = float(np.linalg.norm(update))
    return update if norm <= clip_norm else update * (clip_norm / norm)
