"""Looking at a folder of tables, one per organisation, before there is a plan: what they hold and where they disagree.

`inspect_folder` reads every file and says all it found at once; `drafting.write_plan` turns it into a plan to edit.
`docs/data.md` lists every finding.
"""

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from hansa.errors import Unavailable
from hansa.governance import Finding
from hansa.node.data import TableRefused
from hansa.node.likeness import enumerate_some, find_alike, fold_text, show
from hansa.node.tablefile import MAX_BYTES, SUFFIXES, read_columns
from hansa.rehearsal.casting import find_tables, stem_of
from hansa.rehearsal.comparison import compare_categories, compare_numbers, is_numeric
from hansa.rehearsal.dependent import Beside, OutcomeDraft, draft_outcome, inspect_outcome
from hansa.rehearsal.draft import Draft, draft_column, fits_plan
from hansa.rehearsal.profile import MAX_DISTINCT, ColumnProfile
from hansa.rehearsal.target import (
    LabelDraft,
    draft_label,
    draft_start,
    inspect_key,
    inspect_label,
    shares_groups,
)

MINIMUM_ORGANISATIONS: Final = 3
_NO_LIMIT: Final = 2**62
_OTHER_TABLES: Final = (
    ".xlsx",
    ".xls",
    ".ods",
    ".tsv",
    ".txt",
    ".json",
    ".feather",
    ".zip",
    ".gz",
    ".csv.zip",
    ".csv.bz2",
)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation's file.

    Args:
        name: the file's name without its ending.
        path: the file.
        rows: how many rows it has.
        positives: how many of them have the event; 0 while the label is unclear.
    """

    name: str
    path: Path
    rows: int
    positives: int


@dataclass(frozen=True, slots=True)
class SplitDraft:
    """By which column rows are split.

    Args:
        kind: `group` or `time`.
        column: the column.
        start: of a time, from when rows test.
        everywhere: of a group, whether organisations share groups.
    """

    kind: str
    column: str
    start: str = ""
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a folder.

    Args:
        folder: the folder.
        organisations: those whose files could be read, by name.
        label: what the plan will say about the label; None while it is unclear.
        columns: what it will say about every other column, in the order of the files.
        split: by which column rows are split; None for a draw by row.
        findings: errors, warnings and notes, in this order.
    """

    folder: Path
    organisations: tuple[Organisation, ...]
    label: LabelDraft | OutcomeDraft | None
    columns: tuple[Draft, ...]
    split: SplitDraft | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that must be mended before there can be a plan."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def inspect_folder(
    folder: Path,
    label: str,
    group: str | None = None,
    time: str | None = None,
    *,
    leave_out: Collection[str] = (),
    beside: Beside | None = None,
    max_bytes: int = MAX_BYTES,
) -> Inspection:
    """Read one file per organisation and compare them.

    Args:
        folder: holds the files; hidden files, folders and other endings are passed over.
        label: the column to be predicted.
        group: the column that says which rows belong together, such as a person.
        time: the column by which later rows test; not together with `group`.
        leave_out: columns to pass over.
        beside: what stands beside the label of a regression; None unless one is to be drafted.
        max_bytes: the most that is read from one file.

    Raises:
        Unavailable: the folder, or a file in it, cannot be read; all such files are named.
    Guarantees:
        Changes nothing. Whatever the files hold is a finding and raises nothing.
    """
    keys = {name: what for name, what in ((group, "group"), (time, "time")) if name is not None}
    findings = [*_inspect_names(folder), *_find_identical(folder)]
    if len(keys) == 2 or (group is not None and group == time):
        message = "rows are split by group or by time; name one of the two"
        findings.append(Finding("error", "inspect.split", message))
    if label in keys:
        message = f"{show(label)} is the label; split by another column"
        findings.append(Finding("error", "inspect.split", message))
    extra = beside.columns if beside else ()
    needed = (label, *keys, *extra)
    if {*extra} & {label, *keys} or len({*extra}) < len(extra):
        message = f"{enumerate_some(map(show, extra))}: an event or an exposure has a column of its own, which splits no rows"
        findings.append(Finding("error", "inspect.outcome", message))
    for name in needed:
        if not fits_plan(name):
            message = (
                f"the name {show(name)} has control characters or is too long for a plan; rename the column"
            )
            findings.append(Finding("error", "inspect.column", message))
    tables: dict[str, Mapping[str, ColumnProfile]] = {}
    paths = {path.name: path for path in find_tables(folder)}
    unreadable: list[str] = []
    for path in paths.values():
        try:
            profiles, wrong = _read_profiles(path, keys, max_bytes)
        except Unavailable as error:
            unreadable.append(str(error))
            continue
        findings += wrong
        if profiles:
            tables[path.name] = profiles
    if unreadable:
        raise Unavailable("; ".join(unreadable))
    findings += _inspect_left_out(leave_out, tables)
    by_column = _turn(tables, set(leave_out) - {*needed})
    findings += _inspect_columns(tables, by_column, needed)
    findings += _inspect_twins(tables, by_column, needed)
    label_profiles = by_column.pop(label, {})
    key_profiles = {name: by_column.pop(name, {}) for name in keys if name != label}
    of_label = {label: label_profiles, **{name: by_column.pop(name, {}) for name in extra}}
    is_there = all(of_label.values())
    if is_there:
        findings += (
            inspect_label(label, label_profiles)
            if beside is None
            else inspect_outcome(label, beside, of_label)
        )
    for name, profiles in key_profiles.items():
        findings += inspect_key(name, profiles, what=keys[name])
    columns = tuple(_judge_column(name, by_column[name], len(tables), findings) for name in by_column)
    if tables and not any(column.kind != "left out" for column in columns):
        reasons = enumerate_some([f"{show(column.name)}: {column.remark}" for column in columns], 12)
        message = f"no column is left to learn from ({reasons or 'there is none but the label'})"
        findings.append(Finding("error", "inspect.no-features", message, str(folder)))
    findings += _tell_extremes(columns)
    drafted: LabelDraft | OutcomeDraft | None
    if beside is None:
        drafted = draft_label(label, label_profiles)
    else:
        is_sound = is_there and not any(finding.level == "error" for finding in findings)
        drafted = draft_outcome(label, beside, of_label) if is_sound else None
    positives = drafted.positives if drafted else {}
    organisations = tuple(
        Organisation(
            stem_of(paths[file]), paths[file], max(p.rows for p in profiles.values()), positives.get(file, 0)
        )
        for file, profiles in tables.items()
    )
    split = next((_draft_split(name, keys[name], key_profiles[name]) for name in key_profiles), None)
    return Inspection(folder, organisations, drafted, columns, split, _order(findings))


def _order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.level)))


def _inspect_names(folder: Path) -> Iterator[Finding]:
    """Judge the files by their names alone."""
    files = find_tables(folder)
    if len(files) < MINIMUM_ORGANISATIONS:
        message = (
            f"found {len(files)} tables ({', '.join(SUFFIXES)}), expected one for each organisation and at least"
            f" {MINIMUM_ORGANISATIONS}, since a sum over two hides nothing"
        )
        yield Finding("error", "inspect.few", message, str(folder))
    stems: dict[str, list[str]] = {}
    for path in files:
        stems.setdefault(stem_of(path).casefold(), []).append(path.name)
        name = stem_of(path)
        if not name.isprintable() or name != name.strip() or not name:
            message = "an organisation is named after its file, and this name cannot be printed or has spaces at its ends; rename it"
            yield Finding("error", "inspect.name", message, show(path.name))
    for names in stems.values():
        if len(names) > 1:
            message = f"{enumerate_some(map(show, names))} are files of one organisation; keep one"
            yield Finding("error", "inspect.twice", message, str(folder))
    other = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path not in files
        and path.name.lower().endswith(_OTHER_TABLES)
        and path.name[0] not in ".~"
    ]
    odd = [
        path.name
        for path in sorted(folder.iterdir())
        if path.name.lower().endswith(SUFFIXES) and not path.is_file() and path.name[0] not in ".~"
    ]
    if odd:
        message = f"passed over {enumerate_some(map(show, odd))}: called like a table, and a folder, a pipe or a link to nothing"
        yield Finding("warning", "inspect.no-file", message, str(folder))
    if other:
        message = f"not read: {enumerate_some(map(show, other))}; save tables as {', '.join(SUFFIXES)}"
        yield Finding("warning", "inspect.ending", message, str(folder))


def _find_identical(folder: Path) -> Iterator[Finding]:
    """Find files with the same bytes: somebody's table was probably copied in place of another's."""
    by_size: dict[int, list[Path]] = {}
    for path in find_tables(folder):
        by_size.setdefault(path.stat().st_size, []).append(path)
    alike: dict[bytes, list[str]] = {}
    for paths in by_size.values():
        # Only files of one size are read for this, and files too large to be tables are not.
        if len(paths) > 1 and 0 < paths[0].stat().st_size <= MAX_BYTES:
            for path in paths:
                with contextlib.suppress(OSError), path.open("rb") as file:
                    alike.setdefault(hashlib.file_digest(file, "sha256").digest(), []).append(path.name)
    for names in alike.values():
        if len(names) > 1:
            message = f"{enumerate_some(map(show, names))} are the same, byte for byte; check that each is its own organisation's"
            yield Finding("warning", "inspect.identical", message, str(folder))


def _inspect_left_out(
    leave_out: Collection[str], tables: Mapping[str, Mapping[str, ColumnProfile]]
) -> Iterator[Finding]:
    known = {name: None for profiles in tables.values() for name in profiles}
    for name in leave_out:
        if tables and name not in known:
            alike = find_alike(name, known)
            hint = f"; did you mean {show(alike)}?" if alike else ""
            message = f"no file has the column {show(name)} that is to be left out{hint}"
            yield Finding("warning", "inspect.leave-out", message)


def _inspect_twins(
    tables: Mapping[str, Mapping[str, ColumnProfile]],
    by_column: Mapping[str, Mapping[str, ColumnProfile]],
    needed: tuple[str, ...],
) -> Iterator[Finding]:
    """Find features that are called like the label, the group or the time: a copy would give the answer away."""
    for wanted in needed:
        for name, profiles in by_column.items():
            files = [file for file in profiles if wanted in tables[file]]
            if files and name not in needed and fold_text(name) == fold_text(wanted):
                message = (
                    f"{enumerate_some(files, 3)} ha{'s' if len(files) == 1 else 've'} it beside {show(wanted)}, and it is called"
                    " nearly the same; if it is a copy, leave it out"
                )
                yield Finding("warning", "inspect.twin", message, f"column {show(name)}")


def _tell_extremes(columns: Iterable[Draft]) -> Iterator[Finding]:
    """Tell whoever has the files the exact extremes, which the plan does not hold."""
    told = [f"{show(column.name)} {column.extremes}" for column in columns if column.extremes]
    if told:
        message = f"numbers in the files, told here and not in the plan: {enumerate_some(told, 60)}"
        yield Finding("note", "inspect.extremes", message)


def _read_profiles(
    path: Path, keys: Collection[str], max_bytes: int
) -> tuple[Mapping[str, ColumnProfile], tuple[Finding, ...]]:
    """Read a whole file; its profiles are empty if it has no rows.

    Raises:
        Unavailable: it cannot be read.
    """
    try:
        raw = read_columns(path, max_bytes=max_bytes)
        profiles = {name: ColumnProfile(_NO_LIMIT if name in keys else MAX_DISTINCT) for name in raw.names}
        findings: list[Finding] = []
        rows = 0
        for block in raw.blocks():
            findings += block.findings
            rows += len(block.rows)
            for name, profile in profiles.items():
                profile.read(block.rows, block.columns[name])
    except TableRefused as refusal:
        return {}, refusal.findings
    if not rows and not findings:
        findings.append(
            Finding("error", "data.no-rows", "the file has a header and no rows; add the rows", path.name)
        )
    return (profiles if rows else {}), tuple(findings)


def _turn(
    tables: Mapping[str, Mapping[str, ColumnProfile]], leave_out: Collection[str]
) -> dict[str, dict[str, ColumnProfile]]:
    """Return the profiles by column and then by file."""
    by_column: dict[str, dict[str, ColumnProfile]] = {}
    for file, profiles in tables.items():
        for name, profile in profiles.items():
            if name not in leave_out:
                by_column.setdefault(name, {})[file] = profile
    return by_column


def _inspect_columns(
    tables: Mapping[str, Mapping[str, ColumnProfile]],
    by_column: Mapping[str, Mapping[str, ColumnProfile]],
    needed: tuple[str, ...],
) -> Iterator[Finding]:
    """Find columns that some files lack."""
    for name in dict.fromkeys((*needed, *by_column)):
        lacking = [file for file in tables if name not in tables[file]]
        renamed = {
            file: other for file in lacking for other in tables[file] if fold_text(other) == fold_text(name)
        }
        have = len(tables) - len(lacking)
        for file, other in renamed.items():
            # Said of the rarer spelling.
            if have >= len(lacking) or name in needed:
                where = f" in {have} other files" if have else ""
                message = f"found {show(other)}, expected {show(name)} as{where or ' you named it'}; give the column one name"
                yield Finding("error", "inspect.column-name", message, f"{file}, row 1, column {show(other)}")
        for file in lacking:
            if name in needed and file not in renamed:
                alike = find_alike(name, tables[file])
                remedy = f"rename {show(alike)}, or add it" if alike else "add it, or name another one"
                names = enumerate_some(map(show, tables[file]), 8)
                message = f"the file lacks the column {show(name)}; {remedy} (it has {names})"
                yield Finding("error", "inspect.column", message, f"{file}, row 1")
        if lacking and name not in needed and not renamed:
            lack = "lacks" if len(lacking) == 1 else "lack"
            message = (
                f"{enumerate_some(lacking, 3)} {lack} this column, so it is left out; add it there to use it"
            )
            yield Finding("warning", "inspect.column-lacking", message, f"column {show(name)}")


def _judge_column(
    name: str, profiles: Mapping[str, ColumnProfile], files: int, findings: list[Finding]
) -> Draft:
    if len(profiles) < files:
        return Draft(name, "left out", f"only {len(profiles)} of {files} organisations have it")
    draft = draft_column(name, profiles)
    if draft.kind == "left out":
        # A column of numbers out of range was meant to be used; the other reasons are expected.
        level: Literal["warning", "note"] = "warning" if draft.extremes else "note"
        message = f"left out: {draft.remark}"
        findings.append(Finding(level, "inspect.left-out", message, f"column {show(name)}"))
        return draft
    if is_numeric(profiles):
        findings += compare_numbers(name, profiles)
    else:
        findings += compare_categories(name, profiles, counted=not draft.categories)
    empty = [file for file, profile in profiles.items() if not profile.present]
    if empty:
        message = f"{enumerate_some(empty, 3)} ha{'s' if len(empty) == 1 else 've'} no value in this column"
        findings.append(Finding("warning", "inspect.all-missing", message, f"column {show(name)}"))
    return draft


def _draft_split(name: str, what: str, profiles: Mapping[str, ColumnProfile]) -> SplitDraft:
    if what == "time":
        return SplitDraft("time", name, start=draft_start(profiles))
    return SplitDraft("group", name, everywhere=shares_groups(profiles))
