"""Numbers, times and names of a result as text, spelt the same way in the report and in the terminal."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from types import MappingProxyType

from hansa.rehearsal.outcome import BarVerdict, Decision, Estimate, Split

MISSING = "–"
DOUBT = (
    "how far noise (two standard deviations) and the binning of scores may have moved a figure; "
    "not how far other test rows would"
)
"""What stands after ±."""

OUTCOMES = {
    "passed": "passed",
    "in_effect": "passed",
    "void": "passed, then void",
    "failed": "did not pass",
    "no_quorum": "no quorum",
    "vetoed": "vetoed",
    "withdrawn": "withdrawn",
    "dropped": "dropped",
    "open": "still open",
}
PASSED = frozenset({"passed", "in_effect"})

EFFECTS = {
    "run": "run the plan",
    "release": "release the model",
    "admit": "admit a member",
    "expel": "expel a member",
    "amend": "amend the charter",
}

WAYS = {"alone": "alone", "together": "together", "corrected": "with local correction"}
_MEASURES = {
    "auc": "mean ROC-AUC of the scored members",
    "auc_pooled": "ROC-AUC over all test rows",
    "average_precision": "average precision",
    "recall_at_5_percent": "found at 5% false alarms",
    "brier": "Brier score (lower is better)",
    "calibration_error": "calibration error (lower is better)",
    "explained": "share of deviance explained",
    "deviance": "deviance per row (lower is better)",
    "absolute_error": "mean absolute error (lower is better)",
    "accuracy": "share of rows told right",
    "concordance": "concordance",
}
_GAIN_MEAN = "mean gain over going alone"
_MEMBERS_GAIN = "scored members that gain"
_COHORT_METRICS = {
    "gain_mean": (_GAIN_MEAN, "together"),
    "corrected_gain_mean": (_GAIN_MEAN, "corrected"),
    "members_gain": (_MEMBERS_GAIN, "together"),
    "members_gain_corrected": (_MEMBERS_GAIN, "corrected"),
}
_CHOICE_METRICS = {
    "auc_chosen": "mean ROC-AUC of the scored members, as each chose",
    "chosen_gain_mean": "mean gain over going alone, as each chose",
    "members_gain_chosen": "scored members that gain, as each chose",
    "members_trusting_alone": "scored members that trust their own model most",
    "members_trusting_together": "scored members that trust the joint model most",
    "members_trusting_clustered": "scored members that trust the model of their side most",
    "members_trusting_corrected": "scored members that trust their correction most",
    "members_trusting_mixed": "scored members that trust a mixture most",
}
_SHARES = ("members_gain", "recall_at_5_percent")
_COUNTS = ("members_scored", "members_trusting")


def format_count(count: int) -> str:
    """Return a count with thousands separated, such as `12,644`."""
    return f"{count:,}"


def format_bytes(size_bytes: float) -> str:
    """Return a size in decimal units, such as `1.3 MB`; below 1,000 bytes it is exact."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} bytes"
    for unit in ("kB", "MB"):
        size_bytes /= 1000
        if size_bytes < 999.5:
            return f"{size_bytes:.1f} {unit}" if size_bytes < 99.95 else f"{size_bytes:.0f} {unit}"
    return f"{size_bytes / 1000:,.1f} GB"


def format_measure(value: float | None) -> str:
    """Return a measure between 0 and 1 with three decimals, such as `0.829`."""
    return MISSING if value is None else f"{value:.3f}".replace("-", "−")


def format_gain(value: float | None) -> str:
    """Return a difference with its sign and three decimals, such as `+0.115` or `−0.020`."""
    if value is None:
        return MISSING
    rounded = round(value, 3)
    return "0.000" if rounded == 0 else f"{rounded:+.3f}".replace("-", "−")


def format_estimate(value: float | None) -> str:
    """Return an estimate in whatever unit with four digits that count, such as `−0.01234` or `1,235`."""
    if value is None:
        return MISSING
    places = 3 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, min(places, 12))}f}".replace("-", "−")


def format_chance(value: float | None) -> str:
    """Return a p-value with three decimals, such as `0.031` or `< 0.001`."""
    return "< 0.001" if value is not None and value < 0.0005 else format_measure(value)


def spell_estimate(found: Estimate) -> tuple[str, str, str, str]:
    """Return one line of a regression's table: estimate, standard error, interval, p-value."""
    interval = (
        MISSING
        if found.low is None or found.high is None
        else f"{format_estimate(found.low)} to {format_estimate(found.high)}"
    )
    return (
        format_estimate(found.estimate),
        format_estimate(found.standard_error),
        interval,
        format_chance(found.p_value),
    )


def format_interval(interval: tuple[float, float] | None) -> str:
    """Return an interval of differences, such as `−0.045 to +0.013`."""
    return MISSING if interval is None else f"{format_gain(interval[0])} to {format_gain(interval[1])}"


def format_bound(value: float) -> str:
    """Return the most by which something can be off, rounded up to four decimals; empty when it is exact."""
    return f"{math.ceil(value * 10_000) / 10_000:.4f}" if value > 0 else ""


def format_factor(factor: float) -> str:
    """Return a factor rounded up, because it follows `at most`: `20.1`, `2,981`."""
    return f"{math.ceil(10 * factor) / 10:.1f}" if factor < 100 else format_count(math.ceil(factor))


def format_share(value: float | None) -> str:
    """Return a share in percent with one decimal, such as `35.6%`."""
    return MISSING if value is None else f"{100 * value:.1f}%".replace("-", "−")


def format_moment(moment: datetime | None) -> str:
    """Return a time of the log for people, such as `23 Nov 2026, 11:00 UTC`."""
    return MISSING if moment is None else f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def format_seconds(seconds: float | None) -> str:
    """Return how long something took, such as `0.4 s` or `2 min 5 s`."""
    if seconds is None:
        return MISSING
    if seconds < 99.95:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "< 0.1 s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def format_span(seconds: float) -> str:
    """Return log time that passed, in its one or two largest units, such as `3 days` or `1 day 2 hours`."""
    left = round(seconds)
    parts = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(pluralise(number, unit))
    return " ".join(parts[:2]) if parts else "no time"


def format_metric(name: str, value: str | float | None, doubt: float | None = None) -> str:
    """Return the value of a metric the way its kind is spelt; fractions such as `2/3` stay as they are.

    Args:
        name: of the metric.
        value: None or empty when it is missing.
        doubt: by how much it may be off, said beside it when given.
    """
    if doubt is not None and (text := format_metric(name, value)) != MISSING:
        return f"{text} ± {format_metric(name, doubt)}"
    if value is None or value == "":
        return MISSING
    try:
        number = float(value)
    except ValueError:
        return str(value)
    if not math.isfinite(number):
        return MISSING
    if name.startswith(_COUNTS):
        return format_count(round(number))
    if name.startswith(_SHARES):
        return format_share(number)
    return format_gain(number) if name.endswith("gain_mean") else format_measure(number)


def describe_metric(name: str) -> str:
    """Return a metric in words; an unknown one keeps its name."""
    if name in _COHORT_METRICS:
        measure, way = _COHORT_METRICS[name]
        return f"{measure}, {WAYS[way]}"
    if name in _CHOICE_METRICS:
        return _CHOICE_METRICS[name]
    measure, _, way = name.rpartition("_")
    if measure in _MEASURES and way in WAYS:
        return f"{_MEASURES[measure]}, {WAYS[way]}"
    return "members that can be scored" if name == "members_scored" else name.replace("_", " ")


def list_choices(metrics: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    """Return what is known of what members chose for themselves, in words: sums and counts; nothing where the plan let nobody choose."""
    return tuple(
        (words, format_metric(name, metrics[name]))
        for name, words in _CHOICE_METRICS.items()
        if name in metrics
    )


def tabulate_metrics(
    metrics: Mapping[str, float], doubts: Mapping[str, float] = MappingProxyType({})
) -> tuple[tuple[str, ...], ...]:
    """Return the known measures as rows: (what, alone, together, with local correction).

    Args:
        metrics: values by name.
        doubts: by name, how much a value may be off, where that is to be said.
    """
    rows: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        measure, _, way = name.rpartition("_")
        words, way = _COHORT_METRICS.get(name, (_MEASURES.get(measure, ""), way))
        if words and way in WAYS:
            rows.setdefault(words, {})[way] = format_metric(name, value, doubts.get(name))
    order = (*_MEASURES.values(), _GAIN_MEAN, _MEMBERS_GAIN)
    return tuple(
        (words, *(rows[words].get(way, MISSING) for way in WAYS)) for words in order if words in rows
    )


def drop_empty(
    columns: Sequence[str], rows: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return a table without the columns in which every cell is missing."""
    kept = [place for place in range(len(columns)) if any(row[place] != MISSING for row in rows)]
    return (
        tuple(columns[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
    )


def describe_bar(bar: BarVerdict) -> str:
    """Return what a bar asks for, such as `at least 0.800`."""
    asks = []
    if bar.at_least is not None:
        asks.append(f"at least {format_metric(bar.metric, bar.at_least)}")
    if bar.at_most is not None:
        asks.append(f"at most {format_metric(bar.metric, bar.at_most)}")
    return " and ".join(asks) or MISSING


def describe_votes(decision: Decision) -> str:
    """Return the count of a decision, such as `30 yes · 1 no · 1 abstained`."""
    counts = (
        (decision.yes, "yes", True),
        (decision.no, "no", True),
        (decision.abstain, "abstained", False),
        (decision.recused, "recused", False),
        (decision.absent, "had not voted" if decision.is_unfinished else "absent", False),
    )
    return " · ".join(f"{number} {word}" for number, word, always in counts if number or always)


def describe_split(split: Split) -> str:
    """Return how rows were held out, such as `stratified, 3/10 held out, seed 0`."""
    parts = [split.kind] if split.kind else []
    if split.test:
        parts.append(f"{split.test} held out")
    if split.seed is not None:
        parts.append(f"seed {split.seed}")
    return ", ".join(parts)


def pluralise(number: int, word: str) -> str:
    """Return a number with its word, such as `1 day` or `3 entries`."""
    plural = f"{word[:-1]}ies" if word.endswith("try") else f"{word}s"
    return f"{format_count(number)} {word if number == 1 else plural}"


def shorten(name: str) -> str:
    """Return a name for running text; one of more than 60 characters is cut, tables have it whole."""
    return name if len(name) <= 60 else f"{name[:59].rstrip()}…"


def list_names(names: Sequence[str], *, limit: int = 8) -> str:
    """Return names as a phrase; those after `limit` are counted."""
    shown = list(names[:limit])
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def describe_effect(decision: Decision) -> str:
    """Return what a proposal asks for, in words."""
    return EFFECTS.get(decision.effect, decision.effect)


def describe_outcome(decision: Decision) -> str:
    """Return what became of a proposal, in words."""
    return OUTCOMES.get(decision.outcome, decision.outcome.replace("_", " "))


def write_quotes(text: str) -> str:
    """Return `text` with typographic quotes where it has backticks."""
    return re.sub(r"`([^`]*)`", r"“\1”", text)


def write_sentence(text: str) -> str:
    """Return `text` with a capital at the front, a full stop at the end, and true minus signs."""
    text = re.sub(r"(?<![\w.])-(?=\d)", "−", text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def find_typical(numbers: Sequence[int]) -> int:
    """Return the median, as a whole number; 0 when there are none."""
    return round(median(numbers)) if numbers else 0
