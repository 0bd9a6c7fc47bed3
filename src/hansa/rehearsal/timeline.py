"""The chain of decisions as a figure: what happened on the log, in order, with entry numbers.

Decisions are computed by everybody's own fold, not entered; they stand between the entries at the log
time when they fell, without a number of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from hansa.rehearsal.drawing import element, figure, fit_text, wrap_text
from hansa.rehearsal.outcome import Decision, Entry, Outcome
from hansa.rehearsal.plots import NARROW, WIDE
from hansa.rehearsal.spelling import (
    PASSED,
    describe_effect,
    describe_outcome,
    describe_votes,
    format_moment,
    format_span,
    pluralise,
    write_quotes,
)

MOST_EVENTS = 80
_LONG_GAP_SECONDS = 3_600
_BALLOT_KINDS = frozenset({"ballot", "recuse"})
_HIDDEN_KINDS = frozenset({"tick"})
_TITLES = {
    "found": "Coalition founded",
    "ballot": "Ballots",
    "withdraw": "Proposal withdrawn",
    "brake": "Brake pulled",
    "leave": "Member leaves",
    "run_open": "Run opened",
    "run_seal": "Result sealed by its cohort",
    "run_close": "Run closed",
}
_TONES = {"brake": "stop", "leave": "stop", "run_open": "run", "run_seal": "run", "run_close": "run"}


@dataclass(frozen=True)
class Event:
    """One step of the chain.

    Args:
        at: log time, if known.
        order: the newest entry it stands after; breaks ties of time.
        number: the entry or entries, such as `#34` or `#35–66`; empty for what the fold computes.
        title: what happened.
        detail: the rest, in words.
        tone: `act`, `vote`, `run`, `stop` or `rest`.
        decision: whose votes are drawn here, if any.
    """

    at: datetime | None
    order: float
    number: str
    title: str
    detail: str
    tone: str
    decision: Decision | None = None


def list_events(outcome: Outcome) -> tuple[Event, ...]:
    """Return the steps of the chain in order: entries of one kind in a row are one step."""
    names = outcome.names
    proposals = {decision.entry: decision for decision in outcome.decisions}
    seen = {entry.index for entry in outcome.entries}
    events = [_tell_entries(group, names, proposals) for group in _group(outcome.entries, proposals)]
    for decision in outcome.decisions:
        if decision.entry not in seen:
            events.append(_tell_proposal(decision, names))
        events.extend(_tell_decision(decision, outcome.entries))
    events.sort(key=lambda event: (event.at is None, event.at.timestamp() if event.at else 0.0, event.order))
    return _shorten(events)


def plot_decisions(outcome: Outcome, *, narrow: bool = False) -> Markup:
    """Draw the chain from top to bottom: entry numbers on the left, votes as bars, long waits dashed."""
    events = list_events(outcome)
    if not events:
        return Markup("")
    spine = 74.0 if narrow else 236.0
    parts: list[Markup] = []
    y, before = 14.0, None
    for event in events:
        if before is not None:
            top = y
            waited = _find_wait(before, event)
            y += 34 if waited else 18
            parts.append(_line_down(spine, top, y, "spine waiting" if waited else "spine"))
            if waited:
                words = f"{format_span(waited)} of log time"
                parts.append(_text(spine + 22, (top + y) / 2 + 2, words, "wait"))
        drawn, height = _draw_event(event, spine, y, narrow=narrow)
        if event is not events[-1]:
            parts.append(_line_down(spine, y, y + height, "spine"))
        parts.append(drawn)
        y += height
        before = event
    decided = "; ".join(
        f"entry {decision.entry}, {describe_effect(decision)}: {describe_outcome(decision)}, {describe_votes(decision)}"
        for decision in outcome.decisions
    )
    return figure(
        *parts,
        key=f"decisions-{'narrow' if narrow else 'wide'}",
        title="The chain of decisions",
        description=f"{pluralise(len(outcome.decisions), 'decision')} in order of the log. {decided}. "
        "The tables below have every decision and every entry.",
        width=NARROW if narrow else WIDE,
        height=y + 4,
        variant="narrow" if narrow else "wide",
    )


def _group(entries: Sequence[Entry], proposals: Mapping[int, Decision]) -> list[list[Entry]]:
    """Put entries of the same kind in a row together; a proposal always stands alone."""
    groups: list[list[Entry]] = []
    for entry in sorted(entries, key=lambda entry: entry.index):
        if entry.kind in _HIDDEN_KINDS:
            continue
        alike = groups and _find_family(groups[-1][0]) == _find_family(entry)
        if alike and entry.index not in proposals and groups[-1][0].index not in proposals:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _find_family(entry: Entry) -> str:
    return "ballot" if entry.kind in _BALLOT_KINDS else entry.kind


def _tell_entries(
    group: Sequence[Entry], names: Mapping[str, str], proposals: Mapping[int, Decision]
) -> Event:
    first, last = group[0], group[-1]
    if first.index in proposals:
        return _tell_proposal(proposals[first.index], names, at=first.at)
    family = _find_family(first)
    number = f"#{first.index}" if first is last else f"#{first.index}–{last.index}"
    title = _TITLES.get(family, family.replace("_", " ").capitalize())
    author = names.get(first.author, first.author)
    if family == "ballot":
        detail = f"{pluralise(len(group), 'entry')}, each signed by its member"
        return Event(first.at, last.index, number, title, detail, "act")
    if len(group) > 1:
        authors = {entry.author for entry in group}
        detail = f"{pluralise(len(group), 'entry')} by {pluralise(len(authors), 'member')}"
    else:
        detail = write_quotes(f"{author} {first.text}".strip()) if first.text else f"by {author}"
    return Event(first.at, last.index, number, title, detail, _TONES.get(family, "act"))


def _tell_proposal(decision: Decision, names: Mapping[str, str], at: datetime | None = None) -> Event:
    proposer = names.get(decision.proposer, decision.proposer)
    detail = " · ".join(part for part in (decision.title, f"by {proposer}" if proposer else "") if part)
    return Event(
        at or decision.opened_at,
        decision.entry,
        f"#{decision.entry}",
        f"Proposed: {describe_effect(decision)}",
        detail,
        "act",
    )


def _tell_decision(decision: Decision, entries: Sequence[Entry]) -> list[Event]:
    title = f"{describe_outcome(decision).capitalize()}: {describe_effect(decision)}"
    tone = "vote" if decision.outcome in PASSED else "act" if decision.outcome == "open" else "stop"
    detail = f"on #{decision.entry}: {describe_votes(decision)}"
    when = decision.decided_at or decision.opened_at
    ballots = [
        entry.index
        for entry in entries
        if entry.kind in _BALLOT_KINDS and entry.index > decision.entry and _is_at_or_before(entry.at, when)
    ]
    after = max(ballots, default=decision.entry) + 0.5
    events = [Event(when, after, "", title, detail, tone, decision)]
    if decision.outcome in PASSED and decision.effect_at is not None:
        # What happens in the very second of the effect happens after it.
        later = [entry.index for entry in entries if _is_at_or_before(decision.effect_at, entry.at)]
        order = max(after + 0.1, min(later, default=decision.entry + 1) - 0.4)
        verb = "In effect" if decision.outcome == "in_effect" else "Takes effect"
        title, detail = f"{verb}: {describe_effect(decision)}", f"#{decision.entry}, after its timelock"
        events.append(Event(decision.effect_at, order, "", title, detail, "vote"))
    return events


def _is_at_or_before(moment: datetime | None, other: datetime | None) -> bool:
    return moment is not None and other is not None and moment <= other


def _shorten(events: Sequence[Event]) -> tuple[Event, ...]:
    """Keep at most `MOST_EVENTS` steps: the newest, with a first line that says what the table still has."""
    if len(events) <= MOST_EVENTS:
        return tuple(events)
    kept = events[-MOST_EVENTS + 1 :]
    left_out = pluralise(len(events) - len(kept), "earlier step")
    return (Event(kept[0].at, -1, "", left_out, "in the table of all entries below", "rest"), *kept)


def _find_wait(before: Event, after: Event) -> float:
    if before.at is None or after.at is None:
        return 0.0
    waited = (after.at - before.at).total_seconds()
    return waited if waited >= _LONG_GAP_SECONDS else 0.0


def _draw_event(event: Event, spine: float, y: float, *, narrow: bool) -> tuple[Markup, float]:
    x = spine + 22
    width = (NARROW if narrow else WIDE) - x
    middle = y + 8
    when = format_moment(event.at) if event.at else ""
    parts = [
        element("title", f"{event.number} {event.title}. {event.detail} {when}".strip()),
        element("circle", cx=spine, cy=middle, r=6, class_=f"node {event.tone}"),
        _text(spine - 16, middle + 4.5, fit_text(event.number, width=66, size=12), "number end"),
    ]
    if not narrow and when:
        parts.append(_text(0, middle + 4.5, when, "tick"))
    line = middle + 5
    for words in wrap_text(event.title, width=width, size=16.5, lines=2):
        parts.append(_text(x, line, words, "step"))
        line += 19
    for words in wrap_text(event.detail, width=width, size=13.5, lines=4 if narrow else 2):
        parts.append(_text(x, line, words, "detail"))
        line += 17
    if narrow and when:
        parts.append(_text(x, line, when, "tick"))
        line += 17
    if event.decision is not None:
        parts.append(_draw_votes(event.decision, x, line - 8, min(width, 400)))
        line += 14
    return element("g", *parts), line - y - 12


def _draw_votes(decision: Decision, x: float, y: float, width: float) -> Markup:
    counts = (
        ("yes", decision.yes),
        ("no", decision.no),
        ("abstain", decision.abstain),
        ("recused", decision.recused),
        ("absent", decision.absent),
    )
    total = sum(number for _, number in counts)
    drawn = Markup("")
    for name, number in counts:
        if number:
            part = width * number / total
            drawn += element(
                "rect", x=x, y=y, width=max(1.0, part - 1.5), height=9, rx=1.5, class_=f"vote {name}"
            )
            x += part
    return drawn


def _line_down(x: float, top: float, bottom: float, name: str) -> Markup:
    return element("line", x1=x, y1=top + 8, x2=x, y2=bottom + 8, class_=name)


def _text(x: float, y: float, text: str, name: str) -> Markup:
    return element("text", text, x=x, y=y, class_=name)
