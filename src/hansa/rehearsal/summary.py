"""The terminal's summary of a run: the headline, a line for each member, and how to check it."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hansa.rehearsal.guarantee import Privacy
from hansa.rehearsal.outcome import BarVerdict, Dropped, Member, Outcome, Score, Standing, read_outcome
from hansa.rehearsal.pledge import say_account, say_refusal
from hansa.rehearsal.spelling import (
    DOUBT,
    MISSING,
    describe_bar,
    describe_effect,
    describe_metric,
    describe_outcome,
    describe_votes,
    find_typical,
    format_bytes,
    format_count,
    format_gain,
    format_interval,
    format_measure,
    format_metric,
    format_seconds,
    pluralise,
)
from hansa.rehearsal.wording import (
    explain_absent,
    find_mean_gain,
    write_headline,
    write_lede,
)

WIDE = 110
"""From this many columns on, the table also has the local correction and the interval of each gain."""

# Columns of numbers and the characters they need, so that only names are ever cut.
_NUMBERS = {"rows": 7, "alone": 5, "together": 8, "corrected": 9, "gain": 6, "95% interval": 16}
_ONLY_WIDE = frozenset({"corrected", "95% interval"})
_STYLES = {
    Standing.CLEAR: "bold green",
    Standing.UNSURE: "green",
    Standing.FULL: "",
    Standing.NONE: "red",
    Standing.LOSS: "bold red",
    Standing.UNSCORED: "dim",
    Standing.VANISHED: "yellow",
}


def print_summary(result: Mapping[str, Any], console: Console) -> None:
    """Print what a run gave, for whom, and how to check it.

    Args:
        result: the `result.json` structure.
        console: where to print; below 110 columns the table leaves out two columns.

    Raises:
        Malformed: `result.form`, naming every place of `result` that does not fit.
    Guarantees:
        Texts from `result` are printed as they are; none of them is read as markup.
    """
    outcome = read_outcome(result)
    console.print()
    console.print(Text(write_headline(outcome), style="bold"))
    for paragraph in write_lede(outcome):
        console.print(Text(paragraph))
    console.print(Text(outcome.guarantee, style="yellow"))
    if outcome.members:
        console.print(_make_table(outcome, console.width))
    for title, lines in _list_facts(outcome):
        console.print(_make_facts(title, lines))


def _make_table(outcome: Outcome, width: int) -> Table:
    wide = width >= WIDE
    numbers = {name: size for name, size in _NUMBERS.items() if wide or name not in _ONLY_WIDE}
    numbers["rows"] = max(numbers["rows"], *(len(format_count(member.rows)) for member in outcome.cohort))
    standing = max(map(len, Standing))
    left_for_names = width - sum(numbers.values()) - standing - 2 * (len(numbers) + 2)
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False, caption_justify="left"
    )
    table.add_column("member", no_wrap=True, overflow="ellipsis", max_width=max(8, left_for_names))
    for name, size in numbers.items():
        table.add_column(name, justify="right", no_wrap=True, min_width=size)
    table.add_column("standing", no_wrap=True, min_width=standing)
    for member in (*outcome.ranked, *outcome.vanished):
        table.add_row(*_make_row(member, wide=wide))
    mean = find_mean_gain(outcome.scored)
    if mean is not None:
        interval = format_interval((mean.low, mean.high))
        table.caption = Text(
            f"mean gain of {mean.members}: {format_gain(mean.value)}, 95% interval {interval}"
        )
    return table


def _make_row(member: Member, *, wide: bool) -> list[Text]:
    style = _STYLES[member.standing]
    cells = [
        Text(member.name, style="" if member.scored else "dim"),
        Text(format_count(member.rows)),
        _make_score(member.alone),
        _make_score(member.together),
    ]
    if wide:
        cells.append(_make_score(member.corrected))
    cells.append(Text(format_gain(member.gain_value), style=style))
    if wide:
        cells.append(Text(format_interval(member.interval)))
    return [*cells, Text(member.standing, style=style)]


def _make_score(score: Score | None) -> Text:
    return Text(format_measure(score.figure if score else None))


def _list_facts(outcome: Outcome) -> list[tuple[str, list[Text]]]:
    coalition, members = outcome.coalition, outcome.members
    facts = [
        ("not used", [_describe_unused(dropped) for dropped in outcome.unused]),
        (
            "vanished",
            [
                Text("! ", style="yellow") + Text(f"{name}: not in the totals from round {first} on")
                for name, first in outcome.lost.items()
            ],
        ),
        ("account", _tell_account(outcome.privacy)),
        ("bars", list(_list_bars(outcome))),
        (
            "decisions",
            [
                Text(
                    f"entry {decision.entry}: {describe_effect(decision)}, {describe_outcome(decision)} "
                    f"({describe_votes(decision)})"
                )
                for decision in outcome.decisions
            ],
        ),
    ]
    if members:
        rows = format_count(sum(member.rows for member in outcome.cohort))
        numbers = format_count(find_typical([member.numbers_left for member in members]))
        kind = "masked, noised numbers" if outcome.privacy.is_noised else "masked numbers"
        sent = format_bytes(find_typical([member.bytes_up for member in members]))
        left = f"0 of {rows} rows; {numbers} {kind} ({sent}) from the median member"
        facts.append(("left", [Text(f"{left} in {pluralise(outcome.joint.rounds, 'round')}")]))
    head = (
        f"{pluralise(coalition.log_size, 'entry')}, cosigned by {coalition.cosignatures} "
        f"({coalition.cosignatures_needed} needed)"
    )
    facts.extend(
        (title, [Text(text)])
        for title, text in (("record", head), ("coalition", coalition.id), ("root", coalition.root))
    )
    times = [f"{timing.part} {format_seconds(timing.seconds)}" for timing in outcome.timings]
    facts.append(("times", [Text(" · ".join(times))] if times else []))
    facts.append(
        ("check", [Text(f"hansa verify {shlex.quote(outcome.log) if outcome.log else 'PATH'}", style="bold")])
    )
    return [(title, lines) for title, lines in facts if lines]


def _tell_account(privacy: Privacy) -> list[Text]:
    said = say_account(privacy)
    lines = [Text(said)] if said else []
    return lines + [Text("– ", style="yellow") + Text(say_refusal(found)) for found in privacy.refused]


def _list_bars(outcome: Outcome) -> Iterator[Text]:
    for bar in outcome.joint.bars:
        yield _describe_bar(outcome, bar)
    if any(bar.metric in outcome.doubts for bar in outcome.joint.bars):
        yield Text(f"± is {DOUBT}", style="dim")


def _describe_bar(outcome: Outcome, bar: BarVerdict) -> Text:
    reached = f"{format_metric(bar.metric, bar.value, outcome.doubts.get(bar.metric))},"
    if reached == f"{MISSING},":
        reached = f"{explain_absent(outcome, bar.metric)};"
    verdict = Text("✓ met " if bar.met else "✗ not met ", style="green" if bar.met else "bold red")
    return verdict + Text(f"{describe_metric(bar.metric)}: {reached} {describe_bar(bar)} asked")


def _describe_unused(dropped: Dropped) -> Text:
    return Text("! ", style="yellow") + Text(f"{dropped.column}: {dropped.reason}")


def _make_facts(title: str, lines: Iterable[Text]) -> Table:
    """Lay a short title beside its lines, so that what is too long wraps below its own beginning."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(width=9, style="dim")
    facts.add_column(overflow="fold")
    for number, line in enumerate(lines):
        facts.add_row(Text(title if number == 0 else ""), line)
    return facts
