"""Membership inference against totals: was this row in the sums?

The strongest adversary knows every row of every member but one, and asks about that one: the adversary that
differential privacy is made for. A weaker one colludes with all other members but knows nothing of the
attacked member's rows save the one it asks about.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist

import numpy as np

from hansa.learning import Rows, Table
from hansa.learning.design import encode_table
from hansa.learning.reading import read_rho
from hansa.learning.recipe import Recipe
from leaks.finding import Finding, judge_scores, measure_share
from leaks.gathering import Coalition, Members
from leaks.view import ROUNDING, Protect, Turn, add_exactly, noise_deviation, watch

Look = Callable[[Recipe, Sequence[Rows], Protect], Sequence[Turn]]
"""How a run is watched: every total that is seen of it."""


def watch_turns(recipe: Recipe, members: Sequence[Rows], protect: Protect) -> Sequence[Turn]:
    """Return the totals up to a model."""
    return watch(recipe, members, protect).turns


def drop_row(rows: Rows, place: int) -> Rows:
    """Return a member's rows without one of those that train."""
    return Rows(rows.member, rows.train.take(np.arange(len(rows.train)) != place), rows.test)


def weigh_worlds(turn: Turn, without: np.ndarray, with_it: np.ndarray) -> float:
    """Return how much likelier a total is with a row than without, as a log likelihood ratio.

    Args:
        turn: the question and its total.
        without: shape (question.length,), the exact total if the row is not in it.
        with_it: the same if it is.
    """
    deviation = max(noise_deviation(turn.question), ROUNDING)
    moved = with_it - without
    return float((turn.total - without) @ moved - 0.5 * moved @ moved) / deviation**2


def attack_candidate(
    recipe: Recipe, turns: Sequence[Turn], members: Members, owner: str, place: int
) -> float:
    """Return the log likelihood ratio of a row having trained, to one who knows all rows but this one.

    Args:
        recipe: the run's.
        turns: what was seen of the run.
        members: everybody's rows, the candidate among the owner's that train.
        owner: the candidate's member.
        place: its place in the owner's training rows.

    Source: Neyman and Pearson 1933; Dwork and Roth 2014, section 2.3.1, on what this adversary knows.
    """
    ratio, apart = 0.0, drop_row(members[owner], place)
    for turn in turns:
        others = [recipe.answer(turn.question, rows) for name, rows in members.items() if name != owner]
        known = np.sum(others, axis=0)
        ratio += weigh_worlds(
            turn,
            known + recipe.answer(turn.question, apart),
            known + recipe.answer(turn.question, members[owner]),
        )
    return ratio


def measure_candidates(
    coalition: Coalition,
    count: int,
    noise: str,
    *,
    generator: np.random.Generator,
    protect: Protect = add_exactly,
    attack: str = "totals",
    look: Look = watch_turns,
) -> Iterator[Finding]:
    """Run with and without rows drawn by lot, and yield how often the adversary tells which it was.

    Source: Dong, Roth and Su 2022, "Gaussian differential privacy", for what noise allows at most.
    """
    members = coalition.divide()
    recipe = coalition.recipe(members)
    names = sorted(members)
    labels, scores = [], []
    for number in range(count):
        owner = names[generator.integers(len(names))]
        place = int(generator.integers(len(members[owner].train)))
        inside = number % 2 == 0
        world = members if inside else {**members, owner: drop_row(members[owner], place)}
        turns = look(recipe, list(world.values()), protect)
        labels.append(inside)
        scores.append(attack_candidate(recipe, turns, members, owner, place))
    right = sum((score > 0) == inside for score, inside in zip(scores, labels, strict=True))
    setting = f"{len(members)} members; all rows known but the one asked about"
    yield Finding(
        attack,
        coalition.name,
        setting,
        noise,
        "right about in or out",
        *measure_share(right, count),
    )
    rho = read_rho(coalition.plan.to_json())
    if rho:
        # Gaussian noise that costs rho hides which of two worlds it is as well as one draw at this distance does.
        most = NormalDist().cdf(math.sqrt(2 * float(rho)) / 2)
        yield Finding(attack, coalition.name, setting, noise, "the noise allows at most", most)


def trace_rows(
    matrix: np.ndarray, labels: np.ndarray, means: np.ndarray, reference: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Score rows by how well they agree with what is unusual about a member's means.

    Args:
        matrix: shape (n, n_columns), the rows asked about.
        labels: shape (n,), theirs.
        means: shape (n_features,), of the products of columns and label, over the member's training rows.
        reference: shape (m, n_columns), rows of the adversary's own.
        known: shape (m,), their labels.

    Returns:
        Shape (n,), higher for rows that the adversary holds to be in the means.

    Source: Dwork, Smith, Steinke, Ullman, Vadhan 2015, "Robust traceability from trace amounts"; whitened by the
    reference as in Sankararaman, Obozinski, Jordan, Halperin 2009.
    """
    population = _multiply(reference, known)
    centre = population.mean(axis=0)
    spread = np.cov(population, rowvar=False) + 1e-3 * np.eye(len(centre))
    return (_multiply(matrix, labels) - centre) @ np.linalg.solve(spread, means - centre)


def measure_tracing(
    coalition: Coalition, victims: Sequence[str], setting: str, generator: np.random.Generator
) -> Iterator[Finding]:
    """Trace the victims' rows in the sums of the first Newton turn, in which every row weighs the same.

    The adversary holds the other members' rows and so the victims' sums; of the victims' rows it knows only
    the one that it asks about, which trained or tested. Where nobody tested there is nothing to tell apart.
    """
    members = coalition.divide()
    view = watch(coalition.recipe(members), list(members.values()))
    design = view.model.design
    spelt = {
        name: [encode_table(design, part).spell_out() for part in (rows.train, rows.test)]
        for name, rows in members.items()
    }
    reference, known = _stack(
        [(spelt[name][0], rows.train) for name, rows in members.items() if name not in victims]
    )
    train, train_labels = _stack([(spelt[name][0], members[name].train) for name in victims])
    test, test_labels = _stack([(spelt[name][1], members[name].test) for name in victims])
    if not (len(train) and len(test)):
        return
    means = _multiply(train, train_labels).mean(axis=0)
    matrix, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    scores = trace_rows(matrix, labels, means, reference, known)
    inside = np.repeat([1.0, 0.0], [len(train), len(test)])
    for figure in judge_scores(inside[None], scores[None], generator, rates=()):
        yield Finding("tracing", coalition.name, setting, "none", *figure)


def _stack(parts: Sequence[tuple[np.ndarray, Table]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([matrix for matrix, _ in parts]), np.concatenate([t.labels for _, t in parts])


def _multiply(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what each row adds to the Hessian and the gradient of the first turn, up to public factors."""
    first, second = np.triu_indices(matrix.shape[1])
    return np.hstack([matrix[:, first] * matrix[:, second], matrix * labels[:, None]])
