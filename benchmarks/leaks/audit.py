"""An audit in one run: how much privacy a run has at most, from how well its totals tell many rows' lots.

Many rows are each put in or left out by lot, in one single run. Who knows everything but the lots guesses them
from the totals. Differential privacy bounds how many guesses can be right, so right guesses bound epsilon from
below. A bound of 0 proves nothing; a bound above the promised epsilon would prove a defect.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hansa.learning import Rows
from leaks.finding import Finding, measure_share
from leaks.gathering import Coalition, Members
from leaks.view import (
    ROUNDING,
    Protect,
    View,
    add_exactly,
    additive_part,
    move_totals,
    noise_deviation,
    take_row,
    watch,
)

CONFIDENCE = 0.95
_SHARES = (1.0, 0.5, 0.2, 0.1, 0.05)
_LARGEST_EPSILON = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """Which rows were drawn for, and how the lot fell.

    Args:
        places: by member, the places of the drawn rows in the training rows.
        inside: shape (n,), whether the row is in the run; members in order.
    """

    places: dict[str, np.ndarray]
    inside: np.ndarray


def draw_lots(members: Members, count: int, generator: np.random.Generator) -> Lots:
    """Draw rows evenly from all training rows, and toss a coin for each."""
    owners = np.concatenate([np.full(len(rows.train), k) for k, rows in enumerate(members.values())])
    places = np.concatenate([np.arange(len(rows.train)) for rows in members.values()])
    drawn = np.sort(generator.choice(len(owners), min(count, len(owners)), replace=False))
    chosen = {name: places[drawn[owners[drawn] == k]] for k, name in enumerate(members)}
    return Lots(chosen, generator.random(len(drawn)) < 0.5)


def leave_out(members: Members, lots: Lots, kept: np.ndarray) -> Members:
    """Return everybody's rows without those drawn rows that are not kept: shape (n,), bool."""
    left, start = {}, 0
    for name, rows in members.items():
        places = lots.places[name]
        mask = np.ones(len(rows.train), dtype=bool)
        mask[places] = kept[start : start + len(places)]
        start += len(places)
        left[name] = Rows(name, rows.train.take(mask), rows.test)
    return left


def guess_lots(coalition: Coalition, members: Members, lots: Lots, view: View) -> np.ndarray:
    """Return for each drawn row how much in the totals speaks for it: shape (n,), above 0 for in.

    Totals are linear in the lots, so this is the ridge estimate of the lots, each being -1/2 or 1/2 beforehand.

    Source: Dinur and Nissim 2003, "Revealing information while preserving privacy", in its least squares form.
    """
    recipe = coalition.recipe(members)
    known = leave_out(members, lots, np.zeros(len(lots.inside), dtype=bool))
    singles = [take_row(rows, place) for name, rows in members.items() for place in lots.places[name]]
    gram = 4.0 * np.eye(len(lots.inside))
    right = np.zeros(len(lots.inside))
    for turn in view.turns:
        question = turn.question
        seen = additive_part(question, turn.total)
        for rows in known.values():
            seen = seen - additive_part(question, recipe.answer(question, rows))
        moved, moves = move_totals(recipe, question, singles)
        deviation = max(noise_deviation(question), ROUNDING)
        gram += moves @ moves.T / deviation**2
        right += moves @ (seen[moved] - 0.5 * moves.sum(axis=0)) / deviation**2
    return np.linalg.solve(gram, right)


def bound_epsilon(rows: int, guesses: int, right: int, delta: float, chance: float) -> float:
    """Return the largest epsilon that so many right guesses refute.

    Args:
        rows: how many rows had a lot.
        guesses: for how many of them the adversary guessed.
        right: how many guesses were right.
        delta: of the guarantee in question.
        chance: the bound holds but for this probability.

    Source: Steinke, Nasr, Jagielski 2023, "Privacy auditing with one (1) training run", theorem 5.2 and its
    algorithm for the delta term.
    """
    low, high = 0.0, _LARGEST_EPSILON
    if _chance_of(rows, guesses, right, low, delta) > chance:
        return 0.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (
            (low, middle) if _chance_of(rows, guesses, right, middle, delta) > chance else (middle, high)
        )
    return low


def _chance_of(rows: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """Return the most that a run with this guarantee can have as the chance of so many right guesses."""
    rate = 1.0 / (1.0 + math.exp(-epsilon))
    counts = np.arange(guesses + 1)
    logs = np.array(
        [math.lgamma(guesses + 1) - math.lgamma(k + 1) - math.lgamma(guesses - k + 1) for k in counts]
    )
    mass = np.exp(logs + counts * math.log(rate) + (guesses - counts) * math.log1p(-rate))
    below = np.cumsum(mass[:right][::-1])
    slack = float((below / np.arange(1, right + 1)).max(initial=0.0))
    return float(mass[right:].sum()) + 2 * rows * delta * slack


def measure_audit(
    coalition: Coalition,
    count: int,
    noise: str,
    delta: float,
    *,
    generator: np.random.Generator,
    protect: Protect = add_exactly,
) -> Iterator[Finding]:
    """Run once with lots, guess them, and yield the share of right guesses and the bound on epsilon."""
    members = coalition.divide()
    lots = draw_lots(members, count, generator)
    world = leave_out(members, lots, lots.inside)
    view = watch(coalition.recipe(members), list(world.values()), protect)
    scores = guess_lots(coalition, members, lots, view)
    right = (scores > 0) == lots.inside
    setting = f"{len(members)} members; {len(right)} rows in or out by lot, all else known"
    yield Finding(
        "audit",
        coalition.name,
        setting,
        noise,
        "lots told rightly",
        *measure_share(int(right.sum()), len(right)),
    )
    surest = np.argsort(-np.abs(scores))
    chance = (1 - CONFIDENCE) / len(_SHARES)
    bounds = []
    for share in _SHARES:
        picked = surest[: max(1, round(share * len(right)))]
        bounds.append(bound_epsilon(len(right), len(picked), int(right[picked].sum()), delta, chance))
    measure = "epsilon is at least (95 % sure)"
    yield Finding("audit", coalition.name, setting, noise, measure, max(bounds), unit="number")
