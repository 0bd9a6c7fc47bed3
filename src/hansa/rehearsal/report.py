"""The report of a run: one self-contained page for people.

The page asks the network for nothing and runs no script; its own security policy says so to the browser.
"""

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from hansa.rehearsal import plots, spelling, timeline, wording
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
    members = outcome.members
    return {
        "outcome": outcome,
        "headline": _keep_together(wording.write_headline(outcome)).partition("; "),
        "lede": wording.write_lede(outcome),
        "figures": _list_key_figures(outcome, standings),
        "caveats": wording.write_caveats(outcome),
        "without_gain": wording.list_without_gain(outcome),
        "clear_loss": standings.clear_loss,
        "names": {member.member: member.name for member in members},
        "by_rows": sorted(members, key=lambda member: (-member.rows, member.name.casefold())),
        "coefficients": sorted(
            (found for found in outcome.joint.coefficients if found.value is not None),
            key=lambda found: -abs(found.value or 0.0),
        ),
        "metrics": spelling.tabulate_metrics(outcome.joint.metrics),
        "uncertainty": spelling.format_bound(max(outcome.joint.uncertainty.values(), default=0.0)),
        "roc_rows": _tabulate_roc(outcome),
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
        "pooled_note": wording.POOLED_NOTE,
        "seconds_in_all": sum(timing.seconds or 0.0 for timing in outcome.timings),
        "plots": plots,
        "timeline": timeline,
        "spelling": spelling,
    }


def _describe_bar(outcome: Outcome, bar: BarVerdict) -> tuple[str, str, str, bool]:
    reached = spelling.format_metric(bar.metric, bar.value)
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
    metrics, coalition, members = outcome.joint.metrics, outcome.coalition, outcome.members
    figures: list[tuple[str, str, bool]] = []
    if standings.scored and "auc_alone" in metrics and "auc_together" in metrics:
        alone = spelling.format_measure(metrics["auc_alone"])
        together = spelling.format_measure(metrics["auc_together"])
        figures.append((f"{alone} → {together}", "mean ROC-AUC, alone → together", True))
    if standings.scored and standings.gaining is not None:
        clear = "" if standings.clear is None else f"; {standings.clear} of them clear of chance"
        means = f"scored members do better together{clear}"
        figures.append((f"{standings.gaining} of {standings.scored}", means, True))
    rows = sum(member.rows for member in members)
    if rows:
        figures.append((f"0 of {spelling.format_count(rows)}", "rows left their member", False))
        numbers = spelling.find_typical([member.numbers_left for member in members])
        sent = spelling.format_bytes(spelling.find_typical([member.bytes_up for member in members]))
        means = f"masked numbers left the median member ({sent})"
        figures.append((spelling.format_count(numbers), means, False))
    means = (
        f"signed entries on one log, its head cosigned by {coalition.cosignatures} "
        f"({coalition.cosignatures_needed} needed)"
    )
    figures.append((spelling.format_count(coalition.log_size), means, False))
    return figures
