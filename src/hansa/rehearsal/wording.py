"""The words and numbers of a result, spelt the same way in the report and in the terminal.

Everything here says only what the figures allow: a gain is called clear only when its whole interval is
above zero, and who does not gain or cannot be scored is named.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median, stdev

from hansa.rehearsal.outcome import BarVerdict, Decision, Member, Outcome, Standing

MISSING = "–"

METRICS = {
    "auc_alone": "mean ROC-AUC, alone",
    "auc_together": "mean ROC-AUC, together",
    "auc_corrected": "mean ROC-AUC, together with local correction",
    "gain_mean": "mean gain in ROC-AUC, together over alone",
    "members_gain": "share of scored members that do better together",
    "members_scored": "members that can be scored",
    "average_precision_together": "average precision, together",
    "recall_at_5_percent_together": "found at 5% false alarms, together",
    "brier_together": "Brier score, together (lower is better)",
    "calibration_error_together": "calibration error, together (lower is better)",
    "auc_pooled_together": "ROC-AUC over all test rows, together",
}
_SHARES = frozenset({"members_gain", "recall_at_5_percent_together"})
_SIGNED = frozenset({"gain_mean"})
_COUNTS = frozenset({"members_scored"})

OUTCOMES = {
    "passed": "passed",
    "failed": "did not pass",
    "no_quorum": "no quorum",
    "vetoed": "vetoed",
    "withdrawn": "withdrawn",
    "dropped": "dropped",
    "open": "still open",
}

EFFECTS = {
    "run": "run the plan",
    "release": "release the model",
    "admit": "admit a member",
    "expel": "expel a member",
    "amend": "amend the charter",
}


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


def format_interval(interval: tuple[float, float] | None) -> str:
    """Return an interval of differences, such as `−0.045 to +0.013`."""
    return MISSING if interval is None else f"{format_gain(interval[0])} to {format_gain(interval[1])}"


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


def format_metric(name: str, value: str | float | None) -> str:
    """Return the value of a metric the way its kind is spelt; fractions such as `2/3` stay as they are."""
    if value is None:
        return MISSING
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if not math.isfinite(value):
        return MISSING
    if name in _COUNTS:
        return format_count(round(value))
    if name in _SHARES:
        return format_share(value)
    return format_gain(value) if name in _SIGNED else format_measure(value)


def describe_metric(name: str) -> str:
    """Return a metric in words; an unknown one keeps its name."""
    return METRICS.get(name, name.replace("_", " "))


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
        (decision.absent, "absent", False),
    )
    return " · ".join(f"{number} {word}" for number, word, always in counts if number or always)


def describe_split(outcome: Outcome) -> str:
    """Return how rows were held out, such as `stratified, 3/10 held out, seed 0`."""
    split = outcome.plan.split
    parts = [split.kind] if split.kind else []
    if split.test:
        parts.append(f"{split.test} held out")
    if split.seed is not None:
        parts.append(f"seed {split.seed}")
    return ", ".join(parts)


def pluralise(number: int, word: str) -> str:
    """Return a number with its word, such as `1 day` or `3 days`."""
    return f"{format_count(number)} {word}{'' if number == 1 else 's'}"


def list_names(names: Sequence[str], *, limit: int = 8) -> str:
    """Return names as a phrase; those after `limit` are counted."""
    shown = list(names[:limit])
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


@dataclass(frozen=True)
class Standings:
    """How many members stand where; from the members of a rehearsal, from the joint counts otherwise.

    `clear`, `clear_loss` and `corrected` are known only where every member's own figures are.
    """

    cohort: int
    scored: int
    gaining: int
    clear: int | None
    clear_loss: int | None
    corrected: int | None


def count_standings(outcome: Outcome) -> Standings:
    """Count who gains."""
    if not outcome.rehearsal:
        scored = round(outcome.joint.metrics.get("members_scored", 0))
        gaining = round(outcome.joint.metrics.get("members_gain", 0) * scored)
        return Standings(outcome.coalition.members, scored, gaining, None, None, None)
    members = outcome.scored
    corrected = [member.corrected_gain for member in members if member.corrected_gain is not None]
    return Standings(
        cohort=len(outcome.members),
        scored=len(members),
        gaining=sum(member.standing in {Standing.CLEAR, Standing.UNSURE} for member in members),
        clear=sum(member.standing is Standing.CLEAR for member in members),
        clear_loss=sum(member.standing is Standing.LOSS for member in members),
        corrected=sum(gain > 0 for gain in corrected) if len(corrected) == len(members) else None,
    )


def list_without_gain(outcome: Outcome) -> tuple[Member, ...]:
    """Return the scored members that do not gain, the smallest loss first."""
    return tuple(member for member in outcome.scored if member.standing in {Standing.NONE, Standing.LOSS})


def write_headline(outcome: Outcome) -> str:
    """Return the whole result in one sentence."""
    standings = count_standings(outcome)
    start = f"{format_count(standings.cohort)} {outcome.coalition.members_called} learnt together; "
    scored, gaining = standings.scored, standings.gaining
    if scored == 0:
        return start + "none of them can be scored on its own test rows."
    if scored == 1:
        does = "does" if gaining else "does not do"
        return start + f"the one that can be scored {does} better together than alone."
    if gaining == 0:
        return start + f"none of the {scored} that can be scored does better together than alone."
    if gaining == scored:
        return start + f"all {scored} that can be scored do better together than alone."
    verb = "does" if gaining == 1 else "do"
    return start + f"{gaining} of {scored} that can be scored {verb} better together than alone."


def write_lede(outcome: Outcome) -> tuple[str, ...]:
    """Return the paragraphs under the headline: how much on average; how sure, and for whom not."""
    standings = count_standings(outcome)
    if standings.scored == 0:
        return (
            "Every test part is too small or holds one class only, so nobody can say whether the coalition "
            "pays. More rows, or a longer period, would be needed.",
        )
    paragraphs = []
    metrics = outcome.joint.metrics
    mean = find_mean_gain(outcome.scored) if outcome.rehearsal else None
    if "auc_alone" in metrics and "auc_together" in metrics:
        average = (
            f"On each member’s own test rows, the mean ROC-AUC goes from {format_measure(metrics['auc_alone'])} "
            f"alone to {format_measure(metrics['auc_together'])} together"
        )
        if mean is not None:
            interval = format_interval((mean.low, mean.high))
            average += f": a mean gain of {format_gain(mean.value)} (95% interval {interval})"
        paragraphs.append(f"{average}.")
    if standings.clear is not None:
        paragraphs.append(" ".join(_say_how_sure(standings)))
    return tuple(paragraphs)


def _say_how_sure(standings: Standings) -> list[str]:
    sentences = []
    unsure = standings.gaining - (standings.clear or 0)
    if standings.clear and unsure:
        sentences.append(
            f"Taken one by one, the gain is clear of chance for {standings.clear}; for {unsure} it points "
            f"the right way, but their own test rows are too few to be certain."
        )
    elif standings.clear:
        sentences.append("Each of these gains is clear of chance on the member’s own test rows.")
    elif unsure:
        sentences.append(
            "Taken one by one, no gain is clear of chance: the members’ own test rows are too few to be certain."
        )
    without = standings.scored - standings.gaining
    if without:
        losing = f", {standings.clear_loss} of them clearly" if standings.clear_loss else ""
        sentences.append(f"{without} {'does' if without == 1 else 'do'} not gain{losing}.")
    if standings.corrected is not None and standings.corrected != standings.gaining:
        sentences.append(
            f"With a small local correction on top, {standings.corrected} of {standings.scored} beat going alone."
        )
    return sentences


@dataclass(frozen=True)
class MeanGain:
    """The mean gain over the scored members, with a 95% interval from how much they differ."""

    value: float
    low: float
    high: float
    members: int


def find_mean_gain(members: Sequence[Member]) -> MeanGain | None:
    """Return the mean gain over the scored members, or `None` below three of them.

    Guarantees:
        The interval is Student's t over the members' gains. It takes the members as independent, which
        they are only nearly: they share the joint model and one split.
    """
    gains = [member.gain_value for member in members if member.gain_value is not None]
    if len(gains) < 3:
        return None
    mean = fmean(gains)
    margin = _student_quantile(len(gains) - 1) * stdev(gains) / math.sqrt(len(gains))
    return MeanGain(mean, mean - margin, mean + margin, len(gains))


def _student_quantile(freedom: int) -> float:
    """Return the 97.5% quantile of Student's t, within 0.2% from 3 degrees of freedom and 3% at 2.

    Source: Abramowitz and Stegun 1964, 26.7.5.
    """
    z = 1.959963984540054
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def write_caveats(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Return what a reader must know before trusting the figures: (short name, sentence) each."""
    caveats = []
    split = describe_split(outcome)
    caveats.append(
        (
            "One split",
            (
                f"All figures come from one way to hold rows out{f' ({split})' if split else ''}. Another split "
                "would give other numbers, and members with few rows would move the most."
            ),
        )
    )
    if outcome.scored:
        spanning = [m for m in outcome.scored if m.interval is None or m.interval[0] <= 0 <= m.interval[1]]
        caveats.append(
            (
                "Intervals",
                (
                    f"Intervals are 95%, from each member’s own test rows. For {len(spanning)} of "
                    f"{len(outcome.scored)} scored members zero is inside the interval or the interval is unknown: "
                    "for them nobody can tell yet whether the coalition helps. The interval of the mean gain comes from "
                    "how much the members differ, and takes them as independent although they share one model."
                ),
            )
        )
    without = list_without_gain(outcome)
    if without:
        names = list_names([f"{member.name} ({format_gain(member.gain_value)})" for member in without])
        caveats.append(("Who does not gain", f"{names}."))
    if outcome.unscored and outcome.rehearsal:
        names = list_names([member.name for member in outcome.unscored])
        caveats.append(
            (
                "Who cannot be scored",
                (
                    f"{names}: fewer than 3 cases of one kind in their test rows. They took part in the training; "
                    "whether it helps them is not known."
                ),
            )
        )
    caveats.append(_say_guarantee(outcome))
    if outcome.rehearsal:
        caveats.append(
            (
                "A rehearsal",
                (
                    "You see per-member figures because this is a rehearsal that plays all members on one machine. "
                    "In a real coalition each member sees its own figures and the coalition sees only counts and "
                    "sums. The signatures here prove the mechanics, not anybody’s consent."
                ),
            )
        )
    return tuple(caveats)


def _say_guarantee(outcome: Outcome) -> tuple[str, str]:
    if outcome.guarantee == "no formal guarantee":
        return (
            "No formal guarantee",
            (
                "Only masked answers left the members, and only their totals could be read. No noise was added, so "
                "how much the totals themselves reveal is not bounded."
            ),
        )
    return ("Privacy", f"{outcome.guarantee}.")


def find_typical(numbers: Sequence[int]) -> int:
    """Return the median, as a whole number; 0 when there are none."""
    return round(median(numbers)) if numbers else 0
