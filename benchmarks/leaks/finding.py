"""What an attack got, as one line of the table; and how sure a figure is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

_DRAWS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure.

    Args:
        attack: which attack, a key of the table's headings.
        data: the name of the data.
        setting: who is attacked, and what the adversary knows.
        noise: `none`, or the privacy of the run.
        measure: what the value is, a key of the table's columns.
        value: the figure.
        low: the lower end of its 95 % interval; None where the figure is a plain count of one run.
        high: the upper end.
        unit: how to write it.
    """

    attack: str
    data: str
    setting: str
    noise: str
    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: Literal["share", "number", "count"] = "share"

    def __str__(self) -> str:
        """Return the value and its interval, for people."""
        if self.unit == "count":
            return f"{self.value:,.0f}"
        if self.unit == "number":
            return f"{self.value:.2f}" + self._spell_interval("{:.2f}", 1.0)
        if self.value >= 10:  # an error may be many times what it is an error of
            return f"{100 * self.value:,.0f} %" + self._spell_interval("{:,.0f}", 100.0)
        return f"{100 * self.value:.3g} %" + self._spell_interval("{:.3g}", 100.0)

    def _spell_interval(self, form: str, factor: float) -> str:
        if self.low is None or self.high is None:
            return ""
        return f" ({form.format(factor * self.low)} to {form.format(factor * self.high)})"


def measure_share(hits: int, trials: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval.

    Source: Wilson 1927, the score interval.
    """
    z, share = 1.96, hits / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At no hit, or nothing but hits, the interval ends at the share itself; rounding must not pass it.
    return share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


class Curve:
    """How well scores tell rows that trained from rows that did not.

    Args:
        labels: shape (models, rows), 1 where the row trained the model.
        scores: the same shape, higher for rows that the attack holds to have trained.

    Raises:
        ValueError: all rows trained, or none.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        order = np.argsort(-scores, axis=None, kind="stable")
        self._rows = order % labels.shape[1]
        self._labels = labels.ravel()[order]
        self._count = labels.shape[1]
        ordered = scores.ravel()[order]
        # Rows with one score are accused together or not at all.
        self._last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        if not 0 < self._labels.sum() < len(self._labels):
            raise ValueError("a curve needs rows that trained and rows that did not")

    def measure(self, rates: Sequence[float], copies: np.ndarray | None = None) -> list[float]:
        """Return the area under the curve, then the share of trained rows found at each rate of false alarms.

        The area is the chance that a row that trained scores above one that did not; ties count half.

        Args:
            rates: false positive rates, from 0 to 1.
            copies: shape (rows,), how often each row counts; once unless told.
        """
        inside, outside = self._accused(copies)
        rises = np.diff(outside, prepend=0.0)
        middles = (inside + np.append(0.0, inside[:-1])) / 2
        measured = [float((rises * middles).sum() / (inside[-1] * outside[-1]))]
        for rate in rates:
            allowed = np.searchsorted(outside, rate * outside[-1] * (1 + 1e-12), side="right")
            measured.append(float(inside[allowed - 1] / inside[-1]) if allowed else 0.0)
        return measured

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Return how often each row is drawn in one draw of a bootstrap that has both kinds: shape (rows,)."""
        while True:
            rows = generator.integers(0, self._count, self._count)
            copies = np.bincount(rows, minlength=self._count).astype(np.float64)
            inside, outside = self._accused(copies)
            if inside[-1] and outside[-1]:
                return copies

    def _accused(self, copies: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        weights = np.ones(len(self._rows)) if copies is None else copies[self._rows]
        inside = np.cumsum(weights * self._labels)[self._last]
        return inside, np.cumsum(weights)[self._last] - inside


def judge_scores(
    labels: np.ndarray,
    scores: np.ndarray,
    generator: np.random.Generator,
    rates: Sequence[float] = (0.01, 0.001),
) -> list[tuple[str, float, float, float, Literal["share", "number"]]]:
    """Return the attack's AUC and its true positives at some false positive rates.

    Args:
        labels: shape (models, rows).
        scores: the same shape.
        generator: draws rows for the bootstrap.
        rates: false positive rates.

    Returns:
        For each: name, figure, both ends of its 95 % interval, unit.
    """
    curve = Curve(labels, scores)
    drawn = [curve.measure(rates, curve.draw(generator)) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0).tolist()
    names = ["AUC", *[f"found at {100 * rate:g} % false alarms" for rate in rates]]
    units: list[Literal["share", "number"]] = ["number", *["share"] * len(rates)]
    return list(zip(names, curve.measure(rates), low, high, units, strict=True))
