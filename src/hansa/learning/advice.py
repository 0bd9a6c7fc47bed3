"""What a member is told about its own rows, in numbers and in words that claim no more than they show."""

from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from hansa.learning.choice import Choice
from hansa.learning.interval import Interval, bound_auc, bound_gain
from hansa.learning.personal import Scores
from hansa.learning.ranking import MINIMUM_PER_CLASS, can_score
from hansa.learning.tables import Rows
from hansa.privacy import Clipping

BITES: Final = 0.1
"""Clipping is warned of when it cuts more than this share of a member's rows."""


@dataclass(frozen=True, slots=True)
class MemberReport:
    """One member's own report; it stays with the member.

    Args:
        member: the member's id.
        rows: how many rows it has.
        train_rows: of these, how many trained.
        test_rows: how many tested.
        test_positives: how many of these have label 1.
        scored: whether the test rows can say anything.
        alone: AUC of its own model, with a 95% interval; None unless scored, as all that follow.
        together: of the joint model.
        corrected: of the joint model with its own correction.
        gain: together less alone, on the same rows.
        corrected_gain: corrected less alone.
        advice: what to make of it.
        validation_rows: how many of its rows neither trained the joint model nor tested; by these it chose.
        options: between what; empty where the plan leaves no validation rows, as the two that follow are None.
        chosen: AUC of what it chose, the options by their shares; None unless scored.
        chosen_gain: chosen less alone.
    """

    member: str
    rows: int
    train_rows: int
    test_rows: int
    test_positives: int
    scored: bool
    alone: Interval | None
    together: Interval | None
    corrected: Interval | None
    gain: Interval | None
    corrected_gain: Interval | None
    advice: str
    validation_rows: int = 0
    options: tuple["OptionReport", ...] = ()
    chosen: Interval | None = None
    chosen_gain: Interval | None = None

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON with floats: each AUC as auc, low, high, each gain as value, low, high."""
        document: dict[str, object] = asdict(self)
        for name in ("alone", "together", "corrected", "gain", "corrected_gain", "chosen", "chosen_gain"):
            document[name] = _spell_out(name, getattr(self, name))
        document["options"] = [
            {**asdict(option), "auc": _spell_out("auc", option.auc), "gain": _spell_out("gain", option.gain)}
            for option in self.options
        ]
        return document


@dataclass(frozen=True, slots=True)
class OptionReport:
    """One of the ways in which a member can be served.

    Args:
        name: such as `together`, `corrected 10` or `mixed 1/2`.
        loss: mean logarithmic loss of the validation rows; None without any.
        share: of the choice, from 0 to 1.
        auc: over the test rows; None unless scored.
        gain: over alone.
    """

    name: str
    loss: float | None
    share: float
    auc: Interval | None
    gain: Interval | None


def _spell_out(name: str, interval: Interval | None) -> dict[str, float] | None:
    label = "value" if name.endswith("gain") else "auc"
    return interval and {label: interval.value, "low": interval.low, "high": interval.high}


def report_member(rows: Rows, scores: Scores, choice: Choice | None = None) -> MemberReport:
    """Compare the three models, and what the member chose, on its own test rows.

    Args:
        rows: the member's.
        scores: of its test rows.
        choice: by its validation rows; None where the plan leaves it none.
    """
    report = _report_scores(rows, scores)
    return report if choice is None else _report_choice(report, scores, choice)


def _report_choice(report: MemberReport, scores: Scores, choice: Choice) -> MemberReport:
    labels = scores.labels
    options = tuple(
        OptionReport(
            option.name,
            option.loss,
            option.share,
            bound_auc(labels, option.logits) if report.scored else None,
            bound_gain(labels, scores.alone, option.logits) if report.scored else None,
        )
        for option in choice.options
    )
    report = replace(report, rows=report.rows + choice.rows, validation_rows=choice.rows, options=options)
    best = max(options, key=lambda option: option.share)
    text = f"your {choice.rows} validation rows trust `{best.name}` most, with {best.share:.0%} of the choice"
    if not report.scored:
        return replace(report, advice=f"{report.advice}; {text}")
    gain = bound_gain(labels, scores.alone, choice.logits)
    text = f"{text}; what they choose, {explain_choice(gain)}"
    return replace(
        report,
        chosen=bound_auc(labels, choice.logits),
        chosen_gain=gain,
        advice=f"{report.advice}. By rows that did not test: {text}",
    )


def explain_choice(gain: Interval) -> str:
    """Say what the gain of the chosen scores over a member's own model means; claims no more than the interval shows."""
    if gain.low > 0:
        return f"helps you: AUC {_spell(gain)} against your own model"
    if gain.high < 0:
        return f"is worse for you than your own model: AUC {_spell(gain)}"
    return f"may or may not help you: AUC {_spell(gain)} includes no change"


def _report_scores(rows: Rows, scores: Scores) -> MemberReport:
    labels = scores.labels
    positives = int(np.count_nonzero(labels == 1))
    counts = (rows.member, len(rows.train) + len(labels), len(rows.train), len(labels), positives)
    if not can_score(labels):
        advice = explain_unscored(len(labels), positives)
        return MemberReport(*counts, False, None, None, None, None, None, advice)  # noqa: FBT003 - by place, as the five before it
    gain = bound_gain(labels, scores.alone, scores.together)
    corrected_gain = bound_gain(labels, scores.alone, scores.corrected)
    return MemberReport(
        *counts,
        True,  # noqa: FBT003 - by place, as the five before it
        bound_auc(labels, scores.alone),
        bound_auc(labels, scores.together),
        bound_auc(labels, scores.corrected),
        gain,
        corrected_gain,
        explain_gain(gain, corrected_gain),
    )


def warn_clipping(report: MemberReport, clipping: Clipping) -> MemberReport:
    """Add a warning to the advice when clipping, which noise needs, cut many of the member's training rows."""
    if clipping.share <= BITES:
        return report
    warning = (
        f"WARNING: clipping cut {clipping.share:.0%} of your training rows, to {clipping.kept:.0%} of their pull on "
        "average, so they count for less than the others'; ask whoever proposed this plan to propose a new one with a larger "
        "`clip`, which costs more noise at the same epsilon"
    )
    return replace(report, advice=f"{report.advice}. {warning}")


def explain_unscored(rows: int, positives: int) -> str:
    """Say why a member's test rows say nothing."""
    if not rows:
        return "no test rows to score you by; the joint model was neither better nor worse for you"
    scarce, count = (
        ("positives", positives) if positives < MINIMUM_PER_CLASS else ("negatives", rows - positives)
    )
    return f"too few {scarce} in your test rows to score you: {count} of at least {MINIMUM_PER_CLASS}"


def explain_gain(gain: Interval, corrected: Interval) -> str:
    """Say what the gains of the joint model, plain and corrected, over a member's own mean for it.

    Guarantees:
        Claims a gain or a loss only where the 95% interval excludes 0.
    """
    if gain.low > 0:
        text = f"joining helps you: AUC {_spell(gain)} against your own model"
        if corrected.value < gain.value:
            return f"{text}; use the joint model as it is"
        return f"{text}; your own correction brings {corrected.value:+.3f} in all"
    if corrected.low > 0:
        return f"joining helps you with your own correction: AUC {_spell(corrected)} against your own model"
    if gain.high < 0:
        text = f"the joint model is worse for you than your own: AUC {_spell(gain)}"
        if corrected.high < 0:
            return f"{text}; keep your own model"
        return f"{text}; with your own correction we cannot tell: {_spell(corrected)}"
    return f"cannot tell whether joining helps you: AUC {_spell(gain)} includes no change"


def _spell(interval: Interval) -> str:
    return f"{interval.value:+.3f} (95% interval {interval.low:+.3f} to {interval.high:+.3f})"
