"""Membership inference against a released model: was this row among those that trained it?

The game is the usual one: half of the rows train, drawn by lot; the adversary holds all rows, can train any
number of models like the released one on halves of its own, and must tell each row's side.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hansa.learning import Model
from hansa.learning.personal import fit_alone
from leaks.finding import Finding, judge_scores
from leaks.gathering import Coalition
from leaks.view import Protect, add_exactly, watch

RIDGE = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """Models trained on halves of the rows.

    Args:
        trained: shape (models, rows), whether the row trained the model.
        confidence: shape (models, rows), the logit of the probability that the model gives the row's own label.
    """

    trained: np.ndarray
    confidence: np.ndarray


def train_shadows(
    coalition: Coalition, count: int, generator: np.random.Generator, protect: Protect = add_exactly
) -> Shadows:
    """Train joint models, each on its own half of every member's rows."""
    recipe = coalition.recipe(coalition.tables)

    def train() -> tuple[np.ndarray, Callable[[str], Model]]:
        rows, lots = coalition.draw(generator)
        model = watch(recipe, list(rows.values()), protect).model
        return np.concatenate(list(lots.values())), lambda _: model

    return _gather(coalition, count, train)


def train_alone(coalition: Coalition, count: int, generator: np.random.Generator) -> Shadows:
    """Train each member's own model, each on its own half of that member's rows."""
    schema = next(iter(coalition.tables.values())).schema

    def train() -> tuple[np.ndarray, Callable[[str], Model]]:
        rows, lots = coalition.draw(generator)
        models = {name: fit_alone(schema, part, RIDGE) for name, part in rows.items()}
        return np.concatenate(list(lots.values())), models.__getitem__

    return _gather(coalition, count, train)


def _gather(
    coalition: Coalition, count: int, train: Callable[[], tuple[np.ndarray, Callable[[str], Model]]]
) -> Shadows:
    trained, confidence = [], []
    for _ in range(count):
        lots, model_of = train()
        trained.append(lots)
        signs = {name: 2.0 * table.labels - 1.0 for name, table in coalition.tables.items()}
        confidence.append(
            np.concatenate([signs[n] * model_of(n).predict(table) for n, table in coalition.tables.items()])
        )
    return Shadows(np.array(trained), np.array(confidence))


def attack_by_loss(shadows: Shadows) -> np.ndarray:
    """Score each row by how well the model knows its label: no shadow model needed.

    Source: Yeom, Giacomelli, Fredrikson, Jha 2018, "Privacy risk in machine learning", adversary 1.
    """
    return shadows.confidence


def attack_offline(shadows: Shadows) -> np.ndarray:
    """Score each row by how far the model's confidence is above that of models which never saw the row.

    Source: Carlini, Chien, Nasr, Song, Terzis, Tramèr 2022, "Membership inference attacks from first principles",
    section V, the offline attack.
    """
    mean, deviation = _others(shadows.confidence, ~shadows.trained)
    return (shadows.confidence - mean) / deviation


def attack_online(shadows: Shadows) -> np.ndarray:
    """Score each row by the likelihood ratio of having been seen against not having been seen.

    Each model in turn is the released one, and all others are the adversary's.

    Source: Carlini et al. 2022, algorithm 1 (LiRA).
    """
    inside, spread_in = _others(shadows.confidence, shadows.trained)
    outside, spread_out = _others(shadows.confidence, ~shadows.trained)
    z_in = (shadows.confidence - inside) / spread_in
    z_out = (shadows.confidence - outside) / spread_out
    return np.log(spread_out / spread_in) + 0.5 * (z_out**2 - z_in**2)


def _others(confidence: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation over the chosen models other than the one attacked: both (models, rows)."""
    count = np.maximum(chosen.sum(axis=0) - chosen, 1)
    kept = np.where(chosen, confidence, 0.0)
    mean = (kept.sum(axis=0) - kept) / count
    squares = ((kept**2).sum(axis=0) - kept**2) / count
    # With few models a row's own variance is noise; it leans on that of all rows.
    common = float(np.mean(squares - mean**2))
    return mean, np.sqrt((np.maximum(squares - mean**2, 0.0) * count + 4.0 * common) / (count + 4.0)) + 1e-9


ATTACKS = {
    "loss threshold (Yeom 2018)": attack_by_loss,
    "LiRA offline (Carlini 2022)": attack_offline,
    "LiRA online (Carlini 2022)": attack_online,
}


def measure_shadows(
    shadows: Shadows, coalition: Coalition, setting: str, noise: str, generator: np.random.Generator
) -> Iterator[Finding]:
    """Attack every shadow model as if it were the released one, and yield what each attack got."""
    labels = shadows.trained.astype(np.float64)
    for name, attack in ATTACKS.items():
        for figure in judge_scores(labels, attack(shadows), generator):
            yield Finding("released", coalition.name, f"{setting}; {name}", noise, *figure)
