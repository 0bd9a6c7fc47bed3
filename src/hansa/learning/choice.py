"""What a member chooses for itself, by its own validation rows: how much to trust its own model, and how much the joint one.

Nobody else hears of it. Each option counts by how likely it makes the labels of the validation rows, which neither the joint model nor,
until the choice is made, the member's own models have seen. Test rows have no say: they only tell what the choice is worth. With many
validation rows one option remains; with few, several share the score, because a few rows cannot tell them apart.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.learning.newton import squash
from hansa.learning.personal import Judge
from hansa.learning.tables import Rows, Vector

FAMILIES: Final = ("alone", "together", "clustered", "corrected", "mixed")
"""What an option is one of, by its name's first word; before the validation rows are seen, each counts alike."""

MIXTURES: Final = ((1, 4), (1, 2), (3, 4))
"""The joint model's share of the logit in a mixture with the member's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One way in which a member can be served.

    Args:
        name: its family, and by how much: `corrected 10`, `mixed 1/2`.
        loss: mean of log(1 + exp(logit)) - label · logit over the validation rows; None without any.
        share: of the choice, from 0 to 1; all shares add up to 1.
        logits: of the test rows, shape (n,), by models of training and validation rows; the joint one of training rows only.
    """

    name: str
    loss: float | None
    share: float
    logits: Vector

    @property
    def family(self) -> str:
        """Which of the `FAMILIES` it is one of."""
        return self.name.split()[0]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What a member chose.

    Args:
        rows: by how many validation rows.
        options: all that there were.
    Guarantees:
        Shares do not depend on test rows.
    """

    rows: int
    options: tuple[Option, ...]

    @property
    def logits(self) -> Vector:
        """The chosen scores of the test rows: those of all options by their shares, shape (n,)."""
        return np.asarray(sum(option.share * option.logits for option in self.options))

    @property
    def family(self) -> str:
        """The family with the largest share; of equal ones the first."""
        shares = dict.fromkeys(FAMILIES, 0.0)
        for option in self.options:
            shares[option.family] += option.share
        return max(FAMILIES, key=shares.__getitem__)


def choose(judge: Judge, rows: Rows) -> Choice | None:
    """Let a member choose by its validation rows; None where the plan leaves it none to choose by.

    Args:
        judge: the joint model, and how the member sets its own beside it.
        rows: the member's; what is worked out is remembered with them.
    Source: Yao, Vehtari, Simpson and Gelman 2018, "Using stacking to average Bayesian predictive distributions", pseudo-BMA, with one
        held-out part in place of leaving out each row.
    """
    validation = rows.validation
    if validation is None:
        return None
    key = hashlib.sha256(b"\0".join(judge.publics())).hexdigest()
    return rows.remember(
        "choice", key, lambda: _choose(judge, rows, Rows(rows.member, rows.train, validation))
    )


def _choose(judge: Judge, rows: Rows, trial: Rows) -> Choice:
    tried, final = _mix(judge.offer(trial)), _mix(judge.offer(rows.own))
    losses = {name: _measure_loss(trial.test.labels, logits) for name, logits in tried.items()}
    shares = share_out(losses)
    count = len(trial.test)
    options = (
        Option(name, losses[name] / count if count else None, shares[name], final[name]) for name in tried
    )
    return Choice(count, tuple(options))


def share_out(losses: Mapping[str, float]) -> dict[str, float]:
    """Return each option's share: how likely it makes the labels, where each family, and each option within one, counts alike before.

    Args:
        losses: of each option, by name, summed over the rows; finite.
    """
    families = [name.split()[0] for name in losses]
    prior = {name: 1.0 / families.count(family) for name, family in zip(losses, families, strict=True)}
    least = min(losses.values())
    likely = {name: prior[name] * math.exp(least - loss) for name, loss in losses.items()}
    whole = math.fsum(likely.values())
    return {name: value / whole for name, value in likely.items()}


def _mix(offer: Mapping[str, Vector]) -> dict[str, Vector]:
    mixed = {
        f"mixed {part}/{whole}": offer["alone"] + (offer["together"] - offer["alone"]) * (part / whole)
        for part, whole in MIXTURES
    }
    return {**offer, **mixed}


def _measure_loss(labels: NDArray[np.int8], logits: Vector) -> float:
    _, softplus = squash(logits)
    return math.fsum((softplus - labels * logits).tolist())
