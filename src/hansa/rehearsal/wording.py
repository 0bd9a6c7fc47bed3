"""The sentences about a result: headline, what follows it, and what to know before trusting it.

They say only what the figures allow: a gain is called clear only when its whole interval is above zero, and
who does not gain or cannot be scored is named.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

from hansa.rehearsal.outcome import CalibrationBin, Member, Outcome, Standing
from hansa.rehearsal.pledge import explain_guarantee
from hansa.rehearsal.spelling import (
    describe_split,
    format_count,
    format_gain,
    format_interval,
    format_measure,
    format_metric,
    list_names,
    shorten,
)

MINIMUM_SCORED: Final = 3
"""Below this, sums over the members that can be scored are not formed, as they would tell one from another."""

SMALLEST_GROUP: Final = 5
"""A group of predictions is shown from this many test rows on; smaller ones are merged with their neighbours."""

POOLED_NOTE: Final = (
    "Over the rows of all members at once, “alone” and “with local correction” put the scores of many different models on "
    "one scale. Where the members’ base rates differ, that also rewards knowing whose row it is, so they can lie above "
    "“together” although members gain by it. Whether learning together pays is said by each member’s own gain."
)
"""What must stand beside every figure that compares the ways to learn over all test rows."""

COMMON_METRIC: Final = "auc_pooled_together"
"""The measure that a coalition sees of a run with or without noise."""

_OF_MEMBERS: Final = ("auc_", "gain_mean", "corrected_gain_mean", "members_gain")


@dataclass(frozen=True)
class Standings:
    """How many members stand where; from the members of a rehearsal, from the joint counts otherwise.

    `clear`, `clear_loss`, `full` (alone is perfect already) and `corrected` are known only where every member's own
    figures are; `gaining` also where a sum over the members was formed.
    """

    cohort: int
    scored: int
    gaining: int | None
    clear: int | None
    clear_loss: int | None
    corrected: int | None
    full: int = 0


def count_standings(outcome: Outcome) -> Standings:
    """Count who gains."""
    if not outcome.rehearsal:
        scored = round(outcome.joint.metrics.get("members_scored", 0))
        share = outcome.joint.metrics.get("members_gain")
        gaining = None if share is None else round(share * scored)
        return Standings(outcome.coalition.members, scored, gaining, None, None, None)
    members = outcome.scored
    corrected = [member.corrected_gain_value for member in members]
    known = [gain for gain in corrected if gain is not None]
    return Standings(
        cohort=len(outcome.members) + len(outcome.lost),
        scored=len(members),
        gaining=sum(member.standing in {Standing.CLEAR, Standing.UNSURE} for member in members),
        clear=sum(member.standing is Standing.CLEAR for member in members),
        clear_loss=sum(member.standing is Standing.LOSS for member in members),
        corrected=sum(gain > 0 for gain in known) if len(known) == len(members) else None,
        full=sum(member.standing is Standing.FULL for member in members),
    )


def list_without_gain(outcome: Outcome) -> tuple[Member, ...]:
    """Return the scored members that do not gain, the smallest loss first."""
    return tuple(member for member in outcome.scored if member.standing in {Standing.NONE, Standing.LOSS})


def write_headline(outcome: Outcome) -> str:
    """Return the whole result in one sentence."""
    standings = count_standings(outcome)
    start = f"{format_count(standings.cohort)} {outcome.coalition.members_called} learnt together; "
    scored, gaining = standings.scored, standings.gaining
    if outcome.privacy.is_noised and not outcome.rehearsal:
        return start + (say_common(outcome) or "how good the joint model is could not be measured.")
    if scored == 0:
        return start + "none of them can be scored on its own test rows."
    if gaining is None:
        return start + f"{scored} of them can be scored, too few for a sum that tells nothing of one alone."
    if scored == standings.full:
        return start + "for all that can be scored there is no room to gain: alone is perfect already."
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
    if outcome.privacy.is_noised and not outcome.rehearsal:
        return (
            "Whether learning together pays for a member, its own private report says, and nobody else’s.",
        )
    if standings.scored == 0:
        reason = "Every test part is too small or holds one class only, so nobody can say whether the coalition pays."
        return (f"{reason} More rows, or a longer period, would be needed.",)
    paragraphs = []
    mean = find_mean_gain(outcome.scored) if outcome.rehearsal else None
    alone, together = find_mean_score(outcome, "alone"), find_mean_score(outcome, "together")
    if alone is not None and together is not None:
        average = (
            f"{outcome.yardstick.lead} goes from {format_measure(alone)} "
            f"alone to {format_measure(together)} together"
        )
        if mean is not None:
            interval = format_interval((mean.low, mean.high))
            average += f"{outcome.yardstick.join} {format_gain(mean.value)} (95% interval {interval})"
        paragraphs.append(f"{average}.")
    if standings.clear is not None:
        paragraphs.append(" ".join(_say_how_sure(standings)))
    if outcome.privacy.is_noised:
        paragraphs.append(_say_who_sees(outcome))
    return tuple(paragraphs)


def find_mean_score(outcome: Outcome, way: str) -> float | None:
    """Return what the cohort's metric says of a way to learn, for two values the mean ROC-AUC over the scored members; of a run with noise only a rehearsal can, which plays them all."""
    if not outcome.privacy.is_noised:
        return outcome.joint.metrics.get(f"{outcome.yardstick.metric}_{way}")
    scores = [getattr(member, way) for member in outcome.scored] if outcome.rehearsal else []
    known = [score.figure for score in scores if score is not None and score.figure is not None]
    return fmean(known) if known and len(known) == len(scores) else None


def say_common(outcome: Outcome) -> str:
    """Return what the whole coalition sees of a run with noise, as a clause; empty when it sees nothing."""
    value = outcome.joint.metrics.get(COMMON_METRIC)
    if value is None:
        return ""
    reached = format_metric(COMMON_METRIC, value, outcome.doubts.get(COMMON_METRIC))
    return f"over all test rows at once the joint model reaches ROC-AUC {reached}."


def _say_who_sees(outcome: Outcome) -> str:
    common = say_common(outcome)
    seen = f"the coalition sees that {common}" if common else "the coalition sees no figure of the model."
    return (
        "Only a rehearsal, which plays all members, can put these lines together: under noise each member alone sees its own, in "
        f"its private report; {seen}"
    )


def _say_how_sure(standings: Standings) -> list[str]:
    sentences = []
    gaining = standings.gaining or 0
    unsure = gaining - (standings.clear or 0)
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
    if standings.full:
        sentences.append(f"For {standings.full} there is no room to gain: alone is perfect already.")
    without = standings.scored - gaining - standings.full
    if without:
        losing = f", {standings.clear_loss} of them clearly" if standings.clear_loss else ""
        sentences.append(f"{without} {'does' if without == 1 else 'do'} not gain{losing}.")
    if standings.corrected is not None and standings.corrected != gaining:
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
    margin = _find_student_quantile(len(gains) - 1.0) * stdev(gains) / math.sqrt(len(gains))
    return MeanGain(mean, mean - margin, mean + margin, len(gains))


def _find_student_quantile(freedom: float) -> float:
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
    return z + math.fsum(term / math.pow(freedom, power) for power, term in enumerate(terms, start=1))


def explain_absent(outcome: Outcome, metric: str) -> str:
    """Say why a bar's metric has no value."""
    scored = count_standings(outcome).scored
    if not metric.startswith(_OF_MEMBERS) or metric.startswith("auc_pooled") or scored >= MINIMUM_SCORED:
        return "could not be computed"
    if not scored:
        return "could not be computed: no member can be scored"
    can = "one member" if scored == 1 else f"{scored} members"
    return f"could not be computed: only {can} can be scored, and sums over fewer than {MINIMUM_SCORED} hide nothing"


def merge_small_groups(bins: Sequence[CalibrationBin]) -> tuple[CalibrationBin, ...]:
    """Merge neighbouring groups of predictions until each has at least `SMALLEST_GROUP` rows.

    Returns:
        The groups in the order given, without those whose figures are missing; empty if there are too few rows in all.
    """
    groups: list[CalibrationBin] = []
    for found in bins:
        if found.rows and found.predicted is not None and found.observed is not None:
            small = bool(groups) and groups[-1].rows < SMALLEST_GROUP
            groups.append(_merge(groups.pop(), found) if small else found)
    if len(groups) > 1 and groups[-1].rows < SMALLEST_GROUP:
        last = groups.pop()
        groups.append(_merge(groups.pop(), last))
    return tuple(group for group in groups if group.rows >= SMALLEST_GROUP)


def _merge(one: CalibrationBin, other: CalibrationBin) -> CalibrationBin:
    rows = one.rows + other.rows
    predicted = (one.rows * (one.predicted or 0.0) + other.rows * (other.predicted or 0.0)) / rows
    observed = (one.rows * (one.observed or 0.0) + other.rows * (other.observed or 0.0)) / rows
    return CalibrationBin(predicted=predicted, observed=observed, rows=rows)


def write_caveats(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Return what a reader must know before trusting the figures: (short name, sentence) each."""
    caveats = []
    split = describe_split(outcome.plan.split)
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
                    "for them it is not certain whether the coalition helps. The interval of the mean gain comes from "
                    "how much the members differ, and takes them as independent although they share one model."
                ),
            )
        )
    without = list_without_gain(outcome)
    if without:
        names = list_names(
            [f"{shorten(member.name)} ({format_gain(member.gain_value)})" for member in without]
        )
        caveats.append(("Who does not gain", f"{names}."))
    if outcome.unused:
        reasons = "; ".join(f"{shorten(dropped.column)} ({dropped.reason})" for dropped in outcome.unused)
        caveats.append(("Columns not used", f"The plan has them and the model does not: {reasons}."))
    if outcome.unscored and outcome.rehearsal:
        names = list_names([shorten(member.name) for member in outcome.unscored])
        caveats.append(
            (
                "Who cannot be scored",
                (
                    f"{names}: {outcome.yardstick.unscored}. They took part in the training; "
                    "whether it helps them is not known."
                ),
            )
        )
    caveats.append(_say_guarantee(outcome))
    if outcome.rehearsal:
        seen = "sums with noise" if outcome.privacy.is_noised else "counts and sums"
        caveats.append(
            (
                "A rehearsal",
                (
                    "You see per-member figures because this is a rehearsal that plays all members on one machine. "
                    f"In a real coalition each member sees its own figures and the coalition sees only {seen}. The signatures here prove the mechanics, not anybody’s consent."
                ),
            )
        )
    return tuple(caveats)


def _say_guarantee(outcome: Outcome) -> tuple[str, str]:
    if outcome.privacy.is_noised:
        return ("Privacy", explain_guarantee(outcome.privacy))
    if outcome.guarantee == "no formal guarantee":
        return (
            "No formal guarantee",
            (
                "Only masked answers left the members, and only their totals could be read. No noise was added, so "
                "how much the totals themselves reveal is not bounded."
            ),
        )
    return ("Privacy", f"{outcome.guarantee}.")
