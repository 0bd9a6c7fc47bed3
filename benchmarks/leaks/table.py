"""The findings as tables: for a terminal, and for the page that explains them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

from leaks.finding import Finding

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

HEADINGS = MappingProxyType(
    {
        "released": "Membership, from the released model",
        "totals": "Membership, from all totals, against one who knows all other rows",
        "statistics": "Membership, from the totals of statistics, against one who knows all other rows",
        "described": "Membership, from the document of statistics",
        "tracing": "Membership, from the sums of a few members, against one who knows none of their rows",
        "reconstruction": "Rows, from the sums of a few members",
        "growth": "Rows, from the totals of trees",
        "grown": "Membership, from the totals of trees, against one who knows all other rows",
        "differencing": "One member's counts, from two runs",
        "dropout": "One member's sums, from a run that it was lost in",
        "histograms": "Labels of test rows, from the evaluation's score histograms",
        "singletons": "Categories of one or few, from the survey's total and the model's columns",
        "hidden": "Rare categories under noise",
        "audit": "How private a run can be at most, from one run",
    }
)

RULES = MappingProxyType(
    {"differencing": "refused: `permit.differencing` two runs, `run.differencing` two attempts at one"}
)
"""By attack, which rule refuses what it needs of runs without noise; only where a test shows the refusal."""

_TALL = frozenset({"singletons"})
"""Headings whose measures stand one below the other, because they are many and the settings few."""


def list_tables(findings: Sequence[Finding]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each heading and its table, the names of the columns first."""
    for attack, heading in HEADINGS.items():
        chosen = [finding for finding in findings if finding.attack == attack]
        if chosen:
            table = _tabulate(chosen, tall=attack in _TALL)
            if attack in RULES:
                rules = ["rule", *[RULES[attack] if row[2] == "none" else "" for row in table[1:]]]
                table = [[*row, rule] for row, rule in zip(table, rules, strict=True)]
            yield heading, table


def _tabulate(findings: Sequence[Finding], *, tall: bool) -> list[list[str]]:
    cells = {((f.data, f.setting, f.noise), f.measure): str(f) for f in findings}
    settings = list(dict.fromkeys(setting for setting, _ in cells))
    measures = list(dict.fromkeys(measure for _, measure in cells))
    if tall:
        names = ["", *[", ".join((data, setting, f"noise {noise}")) for data, setting, noise in settings]]
        return [names, *[[m, *[cells.get((s, m), "") for s in settings]] for m in measures]]
    rows = [[*setting, *[cells.get((setting, m), "") for m in measures]] for setting in settings]
    return [["data", "who is attacked, by whom", "noise", *measures], *rows]


def write_text(findings: Sequence[Finding]) -> str:
    """Return the tables for a terminal."""
    lines = []
    for heading, table in list_tables(findings):
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["", heading]
        lines += [
            "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table
        ]
    return "\n".join(lines)


def write_markdown(findings: Sequence[Finding]) -> str:
    """Return the tables for the page."""
    lines = []
    for heading, table in list_tables(findings):
        lines += [f"### {heading}", ""]
        lines += ["| " + " | ".join(table[0]) + " |", "|" + " --- |" * len(table[0])]
        lines += ["| " + " | ".join(row) + " |" for row in table[1:]]
        lines.append("")
    return "\n".join(lines)


def insert_tables(page: Path, text: str) -> None:
    """Put the tables into a page, in place of those that are there.

    Raises:
        ValueError: the page does not hold both marks once, in order.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"`{page}` lacks the marks `{BEGIN}` and `{END}`")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")
