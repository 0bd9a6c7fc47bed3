"""The columns that are no features: the label, and the group or time by which rows are split."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hansa.governance import Finding
from hansa.node.cell import is_number
from hansa.node.likeness import enumerate_some, fold_text, show
from hansa.rehearsal.comparison import Profiles
from hansa.rehearsal.draft import fits_plan

_POSITIVE: Final = ("1", "yes", "true", "y", "t", "positive", "pos", "case", "event", "present")
_NEGATIVE: Final = ("0", "no", "false", "n", "f", "negative", "neg", "control", "none", "absent")
_ISO_TIME: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:[T ][0-9:.+Z-]*)?)?)?")
_MANY: Final = 10
_TRAINING_SHARE: Final = 0.7


@dataclass(frozen=True, slots=True)
class LabelDraft:
    """What the plan will say about the label.

    Args:
        name: the column.
        positive: the text of the event.
        negative: the other text.
        remark: how the two were told apart.
        positives: rows with the event, by file.
    """

    name: str
    positive: str
    negative: str
    remark: str
    positives: Mapping[str, int]


def draft_label(name: str, profiles: Profiles) -> LabelDraft | None:
    """Decide which text of the label is the event, or return None when there are not two texts."""
    totals: Counter[str] = Counter()
    for profile in profiles.values():
        totals.update(profile.counts)
    if len(totals) != 2:
        return None
    first, second = sorted(totals, key=lambda text: (totals[text], text))
    known = _tell_positive(first, second)
    positive = known or first
    negative = second if positive == first else first
    share = totals[positive] / sum(totals.values())
    remark = f"{share:.1%} of all rows have {show(positive)}" + (
        "" if known else "; it was taken for the event because it is rarer, so check"
    )
    return LabelDraft(
        name, positive, negative, remark, {file: p.counts[positive] for file, p in profiles.items()}
    )


def _tell_positive(first: str, second: str) -> str:
    for one, other in ((first, second), (second, first)):
        plain, opposite = one.strip().casefold(), other.strip().casefold()
        if plain in _POSITIVE and opposite in _NEGATIVE:
            return one
        if is_number(plain) and is_number(opposite) and (float(plain), float(opposite)) == (1.0, 0.0):
            return one
    return ""


def inspect_label(name: str, profiles: Profiles) -> Iterator[Finding]:
    """Yield what is wrong with the label: missing, a third text, other texts elsewhere, one text only."""
    column = f"column {show(name)}"
    for file, profile in profiles.items():
        if profile.missing:
            message = f"{profile.missing:,} row{'s have' if profile.missing > 1 else ' has'} no label; fill it in or remove the row"
            yield Finding(
                "error", "inspect.label-missing", message, f"{file}, row {profile.first_missing}, {column}"
            )
    spread: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for profile in profiles.values():
        spread.update(profile.counts.keys())
        totals.update(profile.counts)
    if len(totals) > _MANY and all(map(is_number, totals)):
        message = (
            f"the label has {len(totals)} or more different numbers; hansa learns labels with two values, so derive one, such"
            " as 1 above a limit and 0 below"
        )
        yield Finding("error", "inspect.label-values", message, column)
        return
    usual = sorted(totals, key=lambda text: (-spread[text], -totals[text], text))[:2]
    for text in usual:
        if not fits_plan(text):
            message = f"the label {show(text)} has control characters or is too long for a plan; recode it"
            yield Finding("error", "inspect.label-values", message, column)
    if len(totals) == 1:
        message = f"every row in every file has the label {show(usual[0])}; there is nothing to learn"
        yield Finding("error", "inspect.label-constant", message, column)
        return
    usually = [text for text in totals if 2 * spread[text] > len(profiles)]
    if len(usually) > 2:
        texts = enumerate_some(map(show, sorted(usually)))
        message = (
            f"most files have {len(usually)} values of the label ({texts}); hansa learns labels with two, so derive a column"
            f" in every file, such as {show(usual[0])} against all others"
        )
        yield Finding("error", "inspect.label-values", message, column)
        return
    for file, profile in profiles.items():
        yield from _inspect_values(file, column, profiles, usual)
        if len(profile.counts) == 1 and set(profile.counts) <= set(usual):
            message = (
                f"every row has the label {show(next(iter(profile.counts)))}; this organisation contributes, and cannot be"
                " scored on its own rows"
            )
            yield Finding("warning", "inspect.one-class", message, f"{file}, {column}")


def _inspect_values(file: str, column: str, profiles: Profiles, usual: list[str]) -> Iterator[Finding]:
    profile = profiles[file]
    others = [text for text in profile.counts if text not in usual]
    expected = " and ".join(map(show, sorted(usual)))
    if not others:
        return
    first = min(profile.first_rows[text] for text in others)
    if not set(profile.counts) & set(usual):
        texts = enumerate_some(map(show, sorted(profile.counts)))
        message = f"the label is written as {texts}, and as {expected} elsewhere; write it in one way"
        yield Finding("error", "inspect.label-encodings", message, f"{file}, from row {first}, {column}")
        return
    for text in others[:5]:
        alike = next((known for known in usual if fold_text(known) == fold_text(text)), "")
        remedy = (
            f"write it as {show(alike)}"
            if alike
            else "recode it or remove the rows, as a label has two values"
        )
        rows = f"{profile.counts[text]:,} row{'s' * (profile.counts[text] > 1)}"
        message = f"found {show(text)} in {rows}, expected {expected} as in most files; {remedy}"
        yield Finding(
            "error", "inspect.label-values", message, f"{file}, row {profile.first_rows[text]}, {column}"
        )
    if len(others) > 5:
        message = f"{len(others) - 5} more values of the label besides {expected}"
        yield Finding("error", "inspect.label-values", message, f"{file}, {column}")


def inspect_key(name: str, profiles: Profiles, *, what: str) -> Iterator[Finding]:
    """Yield what is wrong with the column of the split.

    Args:
        name: the column.
        profiles: its profiles, with all different texts.
        what: `group` or `time`.
    """
    column = f"column {show(name)}"
    for file, profile in profiles.items():
        if profile.missing:
            message = (
                f"{profile.missing:,} row{'s have' if profile.missing > 1 else ' has'} no {what}, which decides which rows"
                " test; fill it in or remove the row"
            )
            yield Finding(
                "error", "inspect.key-missing", message, f"{file}, row {profile.first_missing}, {column}"
            )
        if what == "group" and profile.is_constant:
            message = "every row is of one group, so all of them train or all test; this organisation cannot be scored"
            yield Finding("warning", "inspect.group", message, f"{file}, {column}")
        elif what == "group" and profile.is_unique:
            message = "no two rows share a group, so splitting by it is splitting by row"
            yield Finding("warning", "inspect.group", message, f"{file}, {column}")
    if what == "time":
        yield from _inspect_times(column, profiles)


def _inspect_times(column: str, profiles: Profiles) -> Iterator[Finding]:
    numeric = sum(p.numbers for p in profiles.values()) > sum(p.texts for p in profiles.values())
    mixed = False
    for file, profile in profiles.items():
        wrong = [t for t in profile.counts if (not is_number(t) if numeric else not _ISO_TIME.fullmatch(t))]
        mixed = mixed or bool(wrong)
        if wrong:
            expected = (
                "a number as in most rows" if numeric else "a date such as `1996-05-31`, which sorts as text"
            )
            message = f"found {show(wrong[0])}, expected {expected}; write all times in one way"
            yield Finding(
                "error", "inspect.time", message, f"{file}, row {profile.first_rows[wrong[0]]}, {column}"
            )
    if not mixed:
        yield from _inspect_sides(column, profiles)


def _inspect_sides(column: str, profiles: Profiles) -> Iterator[Finding]:
    """Find organisations whose rows all train or all test."""
    start = draft_start(profiles)
    if len({text for profile in profiles.values() for text in profile.counts}) == 1:
        message = f"every row in every file has the time {show(start)}; split by another column"
        yield Finding("error", "inspect.time", message, column)
        return
    numeric = is_number(start)
    for file, profile in profiles.items():
        later = {(float(text) >= float(start)) if numeric else (text >= start) for text in profile.counts}
        if len(later) == 1:
            when, what = (
                ("from", "test, and none trains") if later == {True} else ("before", "train, and none tests")
            )
            message = f"all rows are {when} {show(start)}, so all {what}; this organisation cannot be scored"
            yield Finding("warning", "inspect.time", message, f"{file}, {column}")


def draft_start(profiles: Profiles) -> str:
    """Return the time from which rows test: the first with at least 70% of all rows before it, else the last."""
    totals: Counter[str] = Counter()
    for profile in profiles.values():
        totals.update(profile.counts)
    numeric = all(map(is_number, totals))
    ordered = sorted(totals, key=lambda text: (float(text) if numeric else 0.0, text))
    before = 0
    for text in ordered[:-1]:
        if before >= _TRAINING_SHARE * totals.total():
            return text
        before += totals[text]
    return ordered[-1] if ordered else ""


def shares_groups(profiles: Profiles) -> bool:
    """Whether a group occurs in more than one file."""
    seen: set[str] = set()
    for profile in profiles.values():
        if seen & profile.counts.keys():
            return True
        seen |= profile.counts.keys()
    return False
