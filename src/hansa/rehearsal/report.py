"""The report of a run: one self-contained page for people.

The page asks the network for nothing and runs no script; its own security policy says so to the browser.
"""

import os
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from hansa.rehearsal import pledge, plots, spelling, timeline, wording
from hansa.rehearsal.outcome import BarVerdict, Outcome, read_outcome


def write_report(result: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the report of `result` to `path`, whole or not at all.

    Args:
        result: the `result.json` structure.
        path: the file to write; one that exists is replaced.

    Raises:
        Malformed: `result.form`, naming every place of `result` that does not fit.
    """
    page = render_report(result)
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(target)


def render_report(result: Mapping[str, Any]) -> str:
    """Return the report of `result` as HTML.

    Raises:
        Malformed: `result.form`, naming every place of `result` that does not fit.
    Guarantees:
        Every text from `result` is escaped. The page holds no script and no reference to anything outside it.
    """
    outcome = read_outcome(result)
    template = (files("hansa.rehearsal") / "templates" / "report.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        bytes=spelling.format_bytes,
        count=spelling.format_count,
        gain=spelling.format_gain,
        interval=spelling.format_interval,
        measure=spelling.format_measure,
        moment=spelling.format_moment,
        seconds=spelling.format_seconds,
        quotes=spelling.write_quotes,
        sentence=spelling.write_sentence,
        shorten=spelling.shorten,
    )
    return environment.from_string(template).render(**_describe(outcome))


def _describe(outcome: Outcome) -> dict[str, object]:
    """Return all that the template shows; the template itself decides nothing."""
    standings = wording.count_standings(outcome)
    return {
        "outcome": outcome,
        "headline": _keep_together(wording.write_headline(outcome)).partition("; "),
        "lede": wording.write_lede(outcome),
        "figures": _list_key_figures(outcome, standings),
        "caveats": wording.write_caveats(outcome),
        "without_gain": wording.list_without_gain(outcome),
        "clear_loss": standings.clear_loss,
        "names": outcome.names,
        "by_rows": sorted(outcome.cohort, key=lambda member: (-member.rows, member.name.casefold())),
        "coefficients": sorted(
            (found for found in outcome.joint.coefficients if found.value is not None),
            key=lambda found: -abs(found.value or 0.0),
        ),
        "estimates": _spell_estimates(outcome),
        "gains": _share_gains(outcome),
        "metrics": spelling.drop_empty(
            ("measure", *spelling.WAYS.values()),
            spelling.tabulate_metrics(outcome.joint.metrics, outcome.doubts),
        ),
        "doubt": spelling.DOUBT,
        "uncertainty": spelling.format_bound(max(outcome.joint.uncertainty.values(), default=0.0)),
        "roc_rows": spelling.drop_empty(
            ("false alarms", *(f"found, {way}" for way in spelling.WAYS.values())), _tabulate_roc(outcome)
        ),
        "bars": [_describe_bar(outcome, bar) for bar in outcome.joint.bars],
        "calibration_rows": [
            (
                way,
                spelling.format_measure(group.predicted),
                spelling.format_measure(group.observed),
                group.rows,
            )
            for way, bins in (
                ("together", outcome.joint.calibration.together),
                ("alone", outcome.joint.calibration.alone),
            )
            for group in wording.merge_small_groups(bins)
        ],
        "pooled_note": wording.POOLED_NOTE if outcome.joint.roc.alone else "",
        "promise": pledge.explain_guarantee(outcome.privacy),
        "protections": pledge.list_protections(outcome),
        "accounts": () if pledge.are_alike(outcome.privacy.accounts) else outcome.privacy.accounts,
        "seconds_in_all": sum(timing.seconds or 0.0 for timing in outcome.timings),
        "plots": plots,
        "timeline": timeline,
        "spelling": spelling,
    }


def _spell_estimates(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return a regression's table in words: equation, column, estimate, standard error, interval, p-value."""
    return [
        (found.equation or "", found.column, *spelling.spell_estimate(found))
        for found in outcome.joint.estimates
    ]


def _share_gains(outcome: Outcome) -> list[tuple[str, str]]:
    """Return features and their share of all that splits gained, in words, the largest first."""
    gains = [(found.name, found.value) for found in outcome.joint.gains if found.value is not None]
    whole = sum(value for _, value in gains)
    return [(name, spelling.format_share(value / whole)) for name, value in gains if whole > 0]


def _describe_bar(outcome: Outcome, bar: BarVerdict) -> tuple[str, str, str, bool]:
    reached = spelling.format_metric(bar.metric, bar.value, outcome.doubts.get(bar.metric))
    if reached == spelling.MISSING:
        reached = wording.explain_absent(outcome, bar.metric)
    return spelling.describe_metric(bar.metric), spelling.describe_bar(bar), reached, bar.met


def _keep_together(text: str) -> str:
    """Return `text` with `21 of 25` held on one line."""
    return re.sub(r"(?<=\d) of (?=\d)", "\u00a0of\u00a0", text)


def _tabulate_roc(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the ROC curves at a few shares of false alarms: (false alarms, alone, together, corrected)."""
    roc = outcome.joint.roc
    curves = (roc.alone, roc.together, roc.corrected)
    return [
        (
            f"{share:.0%}",
            *(spelling.format_share(plots.find_height(curve, share) if curve else None) for curve in curves),
        )
        for share in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
    ]


def _list_key_figures(outcome: Outcome, standings: wording.Standings) -> list[tuple[str, str, bool]]:
    """Return the figures at the top: (value, what it is, whether it leads) each."""
    figures: list[tuple[str, str, bool]] = []
    alone, together = (wording.find_mean_score(outcome, way) for way in ("alone", "together"))
    if standings.scored and alone is not None and together is not None:
        change = f"{spelling.format_measure(alone)} → {spelling.format_measure(together)}"
        figures.append((change, f"{outcome.yardstick.figure}, alone → together", True))
    if standings.scored and standings.gaining is not None:
        clear = "" if standings.clear is None else f"; {standings.clear} of them clear of chance"
        means = f"scored members do better together{clear}"
        figures.append((f"{standings.gaining} of {standings.scored}", means, True))
    figures.extend((value, means, False) for value, means in _list_lesser_figures(outcome))
    return figures


def _list_lesser_figures(outcome: Outcome) -> Iterator[tuple[str, str]]:
    coalition, members, privacy = outcome.coalition, outcome.members, outcome.privacy
    common = outcome.joint.metrics.get(wording.COMMON_METRIC)
    if privacy.is_noised and common is not None:
        doubt = outcome.doubts.get(wording.COMMON_METRIC)
        value = spelling.format_metric(wording.COMMON_METRIC, common, doubt)
        yield (
            value,
            "ROC-AUC over all test rows, as the coalition sees it; ± is what noise and bins leave open",
        )
    rows = sum(member.rows for member in outcome.cohort)
    if rows:
        numbers = spelling.format_count(spelling.find_typical([member.numbers_left for member in members]))
        sent = spelling.format_bytes(spelling.find_typical([member.bytes_up for member in members]))
        left = f"0 of {spelling.format_count(rows)}"
        if privacy.is_noised:
            yield left, f"rows left their member; {numbers} masked, noised numbers the median one ({sent})"
        else:
            yield left, "rows left their member"
            yield numbers, f"masked numbers left the median member ({sent})"
    standing = privacy.accounts[0].standing if privacy.accounts else None
    if privacy.is_noised and standing is not None and pledge.are_alike(privacy.accounts):
        budget, spent, still = standing
        yield f"ε = {spent} of {budget}", f"spent of each data set’s budget; one more run may ask {still}"
    else:
        yield (
            spelling.format_count(coalition.log_size),
            (
                f"signed entries on one log, its head cosigned by {coalition.cosignatures} "
                f"({coalition.cosignatures_needed} needed)"
            ),
        )
