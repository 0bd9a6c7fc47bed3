"""A member's table, checked against an approved plan before a single number is computed from it.

All that is wrong is said at once, with file, row and column, what was found, what the plan expects and what
to do. Nothing is corrected silently, and the file is never changed: it is the member who decides.
`docs/data.md` lists what is read and every message.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hansa import learning
from hansa.governance import CategoryFeature, Finding, GroupSplit, NumberFeature, Plan, TimeSplit
from hansa.governance.label import CategoryLabel, Exposure, Label, NumberLabel, PlanLabel, TimeLabel
from hansa.node.block import FIRST_ROW, Readable
from hansa.node.column import (
    CategoryColumn,
    Cells,
    GroupColumn,
    LabelColumn,
    NumberColumn,
    PlanColumn,
    TimeColumn,
)
from hansa.node.defects import Defects, TableRefused
from hansa.node.likeness import enumerate_some, find_alike, show
from hansa.node.mapping import TableMapping
from hansa.node.tablefile import MAX_BYTES, open_table


@dataclass(frozen=True, slots=True, eq=False)
class CheckedTable:
    """A table that meets a plan.

    Args:
        table: the rows, for the recipe.
        findings: warnings for the member; none of them hinders the run.
    """

    table: learning.Table
    findings: tuple[Finding, ...] = ()


def check_table(raw: Readable, plan: Plan) -> CheckedTable:
    """Read the columns that a plan names, and hold every cell against it.

    | the file has | then |
    | --- | --- |
    | columns that the plan does not name | they are not read |
    | empty lines | they are passed over, and keep their place among the rows |
    | one value of the label only | `data.one-class`, a warning: it contributes but cannot be scored |

    Args:
        raw: from `read_columns` or `open_table`.
        plan: as approved.

    Raises:
        TableRefused: with all findings. Of rows: `data.fields`, `data.encoding`, `data.nul`, `data.quoting`,
            `data.damaged`, `data.size`, `data.no-rows`, `data.order`, `data.expression`, `data.limits`. Of columns: `data.column`. Of cells: `data.number`,
            `data.range`, `data.missing`, `data.category`, `data.label`, `data.label-missing`, `data.key`,
            `data.time`.
        Unavailable: the disk failed.
    Guarantees:
        `learning.verify_table` accepts the table, and `learning.split_rows` can split it.
    """
    file = raw.file
    defects = Defects(file)
    columns = [column for column in _plan_columns(plan) if _is_present(column.name, raw, plan, defects)]
    wanted = tuple(dict.fromkeys(column.name for column in columns))
    empty = True
    places = [np.empty(0, np.int64)]
    for block in raw.blocks(wanted):
        empty = empty and not len(block.rows) and not block.findings
        places.append(np.array(block.rows, np.int64) - FIRST_ROW)
        defects.add(*block.findings)
        for column in columns:
            column.read(Cells(column.name, block.rows, block.columns[column.name]), defects)
    if empty and wanted:
        defects.add(Finding("error", "data.no-rows", "the file has a header and no rows; add the rows", file))
    defects.verify_none()
    table = _assemble(columns, np.concatenate(places), plan)
    return CheckedTable(table, _warn(table, plan, file))


def check_file(
    path: Path | None, plan: Plan, mapping: TableMapping | None = None, *, max_bytes: int = MAX_BYTES
) -> CheckedTable:
    """Read a table, as it is or as a mapping makes it, and hold it against a plan: `open_table`, then `check_table`.

    Raises:
        TableRefused, Unavailable: as these do.
    """
    return check_table(open_table(path, mapping, max_bytes=max_bytes), plan)


def load_table(
    path: Path | None, plan: Plan, mapping: TableMapping | None = None, *, max_bytes: int = MAX_BYTES
) -> learning.Table:
    """Return the table of a file that meets a plan; see `check_file`."""
    return check_file(path, plan, mapping, max_bytes=max_bytes).table


def load_rows(
    path: Path | None,
    plan: Plan,
    member: str,
    mapping: TableMapping | None = None,
    *,
    max_bytes: int = MAX_BYTES,
) -> learning.Rows:
    """Return a member's rows, divided by the plan's rule into those that train and those that test, if it has one.

    Raises:
        TableRefused, Unavailable: see `check_file`.
    """
    table = load_table(path, plan, mapping, max_bytes=max_bytes)
    return learning.divide_rows(table, learning.read_split(plan.to_json()), member)


def _plan_columns(plan: Plan) -> list[PlanColumn]:
    columns = _label_columns(plan.label)
    columns += [NumberColumn(f) if isinstance(f, NumberFeature) else CategoryColumn(f) for f in plan.features]
    match plan.split:
        case GroupSplit(column=name, scope=scope):
            columns.append(GroupColumn(name, everywhere=scope == "everywhere"))
        case TimeSplit(column=name, start=start):
            columns.append(TimeColumn(name, start))
        case None if plan.key_column:
            columns.append(GroupColumn(plan.key_column, everywhere=False))
    return columns


def _label_columns(label: PlanLabel | None) -> list[PlanColumn]:
    """Return what the label reads: 0 and 1 where it has two values, and else a number or a category that is never missing."""
    match label:
        case None:
            return []
        case Label():
            return [LabelColumn(label)]
        case NumberLabel(exposure=exposure):
            return [_number_column(part) for part in (label, exposure) if part is not None]
        case CategoryLabel(name=name, categories=texts):
            return [CategoryColumn(CategoryFeature(name=name, type="category", categories=texts))]
        case TimeLabel(name=name, unit=unit, event=event):
            feature = NumberFeature(name=name, type="number", unit=unit, minimum="0", maximum=label.end)
            return [NumberColumn(feature), LabelColumn(event)]


def _number_column(part: NumberLabel | Exposure) -> NumberColumn:
    feature = NumberFeature(
        name=part.name, type="number", unit=part.unit, minimum=part.minimum, maximum=part.maximum
    )
    return NumberColumn(feature)


def _is_present(name: str, raw: Readable, plan: Plan, defects: Defects) -> bool:
    if name in raw.names:
        return True
    spare = [other for other in raw.names if other not in plan.columns]
    alike = find_alike(name, spare)
    remedy = (
        f"rename {show(alike)} to {show(name)}"
        if alike is not None
        else f"add it, or propose a plan without it (the file has {enumerate_some(map(show, raw.names), 8)})"
    )
    defects.add_column("data.column", name, f"the plan names this column and the file lacks it; {remedy}")
    return False


def _assemble(columns: list[PlanColumn], places: NDArray[np.int64], plan: Plan) -> learning.Table:
    labels = [column.values for column in columns if isinstance(column, LabelColumn)]
    return learning.Table(
        learning.read_schema(plan.to_json()),
        {column.name: column.values for column in columns if isinstance(column, NumberColumn)},
        {column.name: column.values for column in columns if isinstance(column, CategoryColumn)},
        labels[0] if labels else np.zeros(len(places), np.int8),
        {column.name: column.values for column in columns if isinstance(column, GroupColumn | TimeColumn)},
        places,
    )


def _warn(table: learning.Table, plan: Plan, file: str) -> tuple[Finding, ...]:
    if plan.label is None or plan.label.event is None or 0 < table.positives < len(table):
        return ()
    if table.positives and isinstance(plan.label, TimeLabel):
        return ()  # all times are known to their end
    event = plan.label.event
    only = event.positive if table.positives else event.negative
    message = (
        f"all {len(table):,} rows have the label {show(only)}; they contribute to the joint model, but this member"
        " cannot be scored on its own rows"
    )
    return (Finding("warning", "data.one-class", message, f"{file}, column {show(event.name)}"),)


__all__ = [
    "CheckedTable",
    "TableRefused",
    "check_file",
    "check_table",
    "load_rows",
    "load_table",
]
