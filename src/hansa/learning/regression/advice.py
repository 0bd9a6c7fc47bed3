"""What a member is told about a regression on its own test rows, in numbers and in words that claim no more than they show."""

import math
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.learning.interval import Interval
from hansa.learning.regression.comparison import count_pairs
from hansa.learning.regression.counting import MINIMUM_TEST, can_score_outcome
from hansa.learning.regression.family import Family, Multinomial
from hansa.learning.regression.inference import find_student_quantile
from hansa.learning.regression.judging import Predicted, RegressionJudge
from hansa.learning.regression.outcome import Target
from hansa.learning.regression.settings import make_family
from hansa.learning.tables import Rows, Vector

_BLOCKS: Final = 20
"""A member's test rows are left out in so many parts, in turn, to see how much a ranking of times hangs on them."""


_ALIKE: Final = 1e-12
"""Rows whose deviance about their mean is less than this share of the most possible have one outcome, but for rounding."""


@dataclass(frozen=True, slots=True)
class RegressionReport:
    """One member's own report; it stays with the member.

    Args:
        member: the member's id.
        rows: how many rows it has.
        train_rows: of these, how many trained.
        test_rows: how many tested.
        test_positives: how many of these have label 1: of times, ended with the event; 0 of other outcomes.
        measure: what is compared: `explained`, the share of the test rows' deviance about their own mean, or `concordance`.
        scored: whether the test rows can say anything.
        alone: the measure of its own model; None unless scored, as all that follow.
        together: of the joint model.
        corrected: of the joint model with its own correction.
        gain: by how much together is better than alone, with a 95% interval.
        corrected_gain: by how much corrected is better than alone.
        advice: what to make of it.
    """

    member: str
    rows: int
    train_rows: int
    test_rows: int
    test_positives: int
    measure: str
    scored: bool
    alone: float | None
    together: float | None
    corrected: float | None
    gain: Interval | None
    corrected_gain: Interval | None
    advice: str

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON with floats: each measure as value, each gain as value, low, high."""
        document: dict[str, object] = asdict(self)
        for name in ("alone", "together", "corrected"):
            value = getattr(self, name)
            document[name] = None if value is None else {"value": value}
        for name in ("gain", "corrected_gain"):
            interval = getattr(self, name)
            document[name] = interval and {
                "value": interval.value,
                "low": interval.low,
                "high": interval.high,
            }
        return document


def report_regression(judge: RegressionJudge, rows: Rows) -> RegressionReport:
    """Compare the three models on a member's own test rows."""
    outcome = judge.model.outcome
    family = make_family(judge.model.family, outcome)
    measure = "concordance" if family is None else "explained"
    test = rows.test
    counts = (rows.member, len(rows.train) + len(test), len(rows.train), len(test), test.positives, measure)
    if not can_score_outcome(outcome, test):
        what = "test rows that end with the event" if family is None else "test rows"
        count = test.positives if family is None else len(test)
        return _leave_unscored(counts, f"too few {what} to score you: {count} of at least {MINIMUM_TEST}")
    predicted = judge.predict(rows)
    kinds = (predicted.alone, predicted.together, predicted.corrected)
    if family is None:
        values = [_rank(predicted, kind) for kind in kinds]
        gains = [_bound_ranking(predicted, better) for better in kinds[1:]]
    else:
        whole = _measure_whole(family, predicted.target)
        if whole <= _ALIKE * family.limit()[0]:
            return _leave_unscored(
                counts, "all your test rows have one outcome, which says nothing of a model"
            )
        losses = [family.score(kind, predicted.target)[0] / whole for kind in kinds]
        values = [1.0 - float(loss.mean()) for loss in losses]
        gains = [_bound_mean(losses[0] - better) for better in losses[1:]]
    alone, together, corrected = values
    gain, corrected_gain = gains
    return RegressionReport(
        *counts,
        True,  # noqa: FBT003 - by place, as the six before it
        alone,
        together,
        corrected,
        gain,
        corrected_gain,
        _explain(gain, corrected_gain, measure),
    )


def _leave_unscored(counts: tuple[str, int, int, int, int, str], advice: str) -> RegressionReport:
    return RegressionReport(*counts, False, None, None, None, None, None, advice)  # noqa: FBT003 - by place, as the six before it


def _measure_whole(family: Family, target: Target) -> float:
    """Return the mean deviance of rows about their own mean, rate or shares; 0 where they are all alike."""
    if isinstance(family, Multinomial):
        shares = np.bincount(target.codes, minlength=family.outputs + 1) / len(target)
        predicted = np.tile(shares, (len(target), 1))
    elif target.values.any():
        exposures = np.exp(target.exposures)
        predicted = exposures * (target.values.sum() / exposures.sum())
    else:
        return 0.0  # nothing ever happened
    return float(family.score(predicted, target)[0].mean())


def _rank(predicted: Predicted, hazards: Vector) -> float:
    return _share(count_pairs(predicted.target, hazards))


def _bound_mean(gains: Vector) -> Interval:
    count = len(gains)
    value = float(gains.mean())
    half = find_student_quantile(0.975, count - 1) * float(gains.std(ddof=1)) / math.sqrt(count)
    return Interval(value, value - half, value + half)


def _bound_ranking(predicted: Predicted, better: Vector) -> Interval:
    """Return the gain in concordance, with an interval by the jackknife over blocks of rows."""
    target = predicted.target

    def gain(kept: NDArray[np.intp]) -> float:
        part = target.take(kept)
        return _share(count_pairs(part, better[kept])) - _share(count_pairs(part, predicted.alone[kept]))

    places = np.arange(len(target))
    value = gain(places)
    parts = [gain(places[places % _BLOCKS != block]) for block in range(_BLOCKS)]
    spread = float(np.sqrt((_BLOCKS - 1) / _BLOCKS * np.square(np.array(parts) - np.mean(parts)).sum()))
    half = find_student_quantile(0.975, _BLOCKS - 1) * spread
    return Interval(value, max(value - half, -1.0), min(value + half, 1.0))


def _share(pairs: tuple[float, float]) -> float:
    return pairs[1] / pairs[0] if pairs[0] else 0.5


def _explain(gain: Interval, corrected: Interval, measure: str) -> str:
    """Say what the gains mean; claims a gain or a loss only where the 95% interval excludes 0."""
    word = "share of deviance explained" if measure == "explained" else measure
    if gain.low > 0:
        return f"joining helps you: the {word} is better by {_spell(gain)} than your own model's"
    if corrected.low > 0:
        return f"joining helps you with your own correction: the {word} is better by {_spell(corrected)} than your own model's"
    if gain.high < 0:
        text = f"the joint model is worse for you than your own: its {word} is better by {_spell(gain)}"
        return (
            f"{text}; keep your own model"
            if corrected.high < 0
            else f"{text}; with your own correction we cannot tell"
        )
    return f"cannot tell whether joining helps you: the {word} changes by {_spell(gain)}, which includes no change"


def _spell(interval: Interval) -> str:
    return f"{interval.value:+.4g} (95% interval {interval.low:+.4g} to {interval.high:+.4g})"
