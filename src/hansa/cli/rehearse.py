"""`hansa rehearse`: the whole chain on anybody's tables, to see whether a coalition would pay."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from hansa.cli.options import AsJson, stop
from hansa.cli.printing import make_facts, make_table, open_console, show, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.text import Text

    from hansa.governance import Charter, Finding
    from hansa.rehearsal.dependent import Beside
    from hansa.rehearsal.drafting import Drafted
    from hansa.rehearsal.inspection import Inspection

app = App(name="rehearse", help="Try a coalition out on your own tables, before anybody signs.")

Column = Annotated[str | None, Parameter(metavar="COLUMN")]


@app.default
def rehearse(
    tables: Annotated[
        Path, Parameter(name="FOLDER", help="Folder with one table (CSV or Parquet) per organisation.")
    ],
    /,
    *,
    init: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Look at the tables and write FOLDER/plan.yaml to edit."
        ),
    ] = False,
    label: Annotated[
        Column, Parameter(help="With --init: the column to predict; two values, unless for a regression.")
    ] = None,
    group: Annotated[
        Column, Parameter(help="With --init: the column whose rows stay together, such as a person.")
    ] = None,
    time: Annotated[Column, Parameter(help="With --init: the column by which later rows test.")] = None,
    leave_out: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="COLUMN",
            negative="",
            show_default=False,
            help="With --init: a column to pass over; may be given again.",
        ),
    ] = (),
    recipe: Annotated[
        Literal["logistic", "network", "regression", "trees"] | None,
        Parameter(
            help="With --init: what is to be learnt; a logistic model when left out.", show_default=False
        ),
    ] = None,
    event: Annotated[
        Column,
        Parameter(help="With --recipe regression: the label is a time, and this says if the event ended it."),
    ] = None,
    exposure: Annotated[
        Column, Parameter(help="With --recipe regression: the label is a count, which came about over this.")
    ] = None,
    plan: Annotated[Path | None, Parameter(help="The plan; FOLDER/plan.yaml when left out.")] = None,
    charter: Annotated[
        Path | None, Parameter(help="The charter; FOLDER/charter.yaml when left out, written if missing.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Where the coalition will live; FOLDER/rehearsal when left out.")
    ] = None,
    again: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Replace the earlier rehearsal, or with --init the plan."
        ),
    ] = False,
    open_report: Annotated[
        bool,
        Parameter(
            name="--open", negative="", show_default=False, help="Open the report in the browser at the end."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try a coalition out on your own tables, before anybody signs.

    First `--init --label COLUMN`, which looks at the tables and writes a plan; edit it; then rehearse. Use synthetic
    or permitted data: on one machine nothing is hidden from whoever owns the machine.
    """
    if init:
        if label is None:
            stop(
                f"say which column to predict: `hansa rehearse --init {shlex.quote(str(tables))} --label COLUMN`"
            )
        path = plan or tables / "plan.yaml"
        if path.exists() and not again:
            from hansa.errors import Refused

            raise Refused("rehearsal.plan-exists", f"`{path}` is there already; `--again` writes it anew")
        from hansa.rehearsal.inspection import inspect_folder

        beside = _read_beside(recipe, event, exposure)
        inspection = inspect_folder(tables, label, group, time, leave_out=leave_out, beside=beside)
        _draft_plan(inspection, path, recipe or "logistic", as_json=as_json)
    elif leave_out or any(said is not None for said in (label, group, time, recipe, event, exposure)):
        stop(
            "`--label`, `--group`, `--time`, `--leave-out`, `--recipe`, `--event` and `--exposure` go with `--init`; "
            "otherwise the plan says them"
        )
    else:
        _play(tables, plan, charter, out, again=again, open_report=open_report, as_json=as_json)


def _read_beside(recipe: str | None, event: str | None, exposure: str | None) -> Beside | None:
    """Return what stands beside the label of a regression; None for other recipes."""
    from hansa.rehearsal.dependent import Beside

    if recipe != "regression":
        if event is not None or exposure is not None:
            stop("`--event` and `--exposure` go with `--recipe regression`")
        return None
    if event is not None and exposure is not None:
        stop("a time has an `--event`, a count an `--exposure`; name one of the two")
    return Beside(event, exposure)


def _draft_plan(inspection: Inspection, path: Path, recipe: Drafted, *, as_json: bool) -> None:
    """Say what was found, and write the plan that follows.

    Raises:
        TableRefused: the tables disagree in ways that must be mended first; nothing is written.
    """
    from hansa.cli.coalition import list_findings
    from hansa.rehearsal.drafting import write_plan

    if inspection.errors:
        from hansa.node.defects import TableRefused

        raise TableRefused(inspection.errors)
    path.write_text(write_plan(inspection, recipe), encoding="utf-8")
    document = {
        "plan": str(path),
        "organisations": [
            {"name": o.name, "rows": o.rows, "positives": o.positives} for o in inspection.organisations
        ],
        "columns": [{"name": c.name, "kind": c.kind} for c in inspection.columns],
        "findings": _describe(inspection.findings),
    }
    show(
        document,
        *_show_inspection(inspection),
        *list_findings(inspection.findings),
        f"\nThe plan is in `{path}`. Read it and change it: every line is a decision.",
        _suggest_playing(inspection.folder, path),
        as_json=as_json,
    )


def _suggest_playing(tables: Path, plan: Path) -> Text:
    from rich.text import Text

    named = "" if plan == tables / "plan.yaml" else f" --plan {shlex.quote(str(plan))}"
    return Text("next: ", style="dim") + Text(f"hansa rehearse {shlex.quote(str(tables))}{named}")


def _show_inspection(inspection: Inspection) -> list[RenderableType]:
    from hansa.rehearsal.dependent import OutcomeDraft

    label = inspection.label
    skipped = 1 if isinstance(label, OutcomeDraft) and label.event is None else 0
    heads = ("organisation", "rows", "with the event")[: 3 - skipped]
    rows = [(o.name, f"{o.rows:,}", f"{o.positives:,}")[: 3 - skipped] for o in inspection.organisations]
    used = [column for column in inspection.columns if column.kind != "left out"]
    columns = ", ".join(f"{column.name} ({column.kind})" for column in used)
    return [
        make_table(heads, rows, right=heads[1:]),
        "",
        make_facts([("columns", columns)]),
    ]


def _play(
    tables: Path,
    plan: Path | None,
    charter: Path | None,
    out: Path | None,
    *,
    again: bool,
    open_report: bool,
    as_json: bool,
) -> None:
    """Check everything that can be checked before, then play."""
    from hansa.cli.checking import check_cast
    from hansa.cli.coalition import list_findings, tabulate_decisions
    from hansa.cli.playing import make_room, play_and_tell
    from hansa.errors import Unavailable
    from hansa.rehearsal import cast_folder, read_plan
    from hansa.rehearsal.casting import CHARTER_FILE

    folder = out or tables / "rehearsal"
    path = plan or tables / "plan.yaml"
    if not path.is_file():
        raise Unavailable(
            f"there is no plan `{path}`; `hansa rehearse --init {shlex.quote(str(tables))} --label COLUMN` writes one"
        )
    agreed_plan = read_plan(path)
    agreed, written = _read_charter(tables, charter)
    cast = cast_folder(tables, agreed_plan, agreed)
    warnings = check_cast(cast, charter or tables / CHARTER_FILE)
    with make_room(folder, again=again):
        if not as_json:
            console = open_console()
            if written is not None:
                write(console, f"No charter was there, so a sensible one is in `{written}`:")
                write(console, tabulate_decisions(agreed))
            for part in list_findings(warnings):
                write(console, part)
        play_and_tell(folder, cast, as_json=as_json, open_report=open_report)


def _read_charter(tables: Path, charter: Path | None) -> tuple[Charter, Path | None]:
    """Return the charter, and the file that was written because there was none."""
    from hansa.cli.memberfile import read_text
    from hansa.governance import load_charter
    from hansa.rehearsal import read_charter
    from hansa.rehearsal.casting import CHARTER_FILE

    if charter is not None:
        return load_charter(read_text(charter), charter.name), None
    path = tables / CHARTER_FILE
    written = None if path.exists() else path
    return read_charter(tables, f"Rehearsal of {tables.resolve().name}"), written


def _describe(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{"level": f.level, "rule": f.rule, "message": f.message, "place": f.place} for f in findings]
