"""`hansa model`: take a joint model elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder
from hansa.cli.printing import make_facts, show

if TYPE_CHECKING:
    from hansa.learning.trees import Forest

app = App(name="model", help="Take a joint model elsewhere.")


def _check_ending(_type: Any, value: Path | None) -> None:  # noqa: ANN401 - the form of a validator
    if value is not None and value.suffix != ".json":
        raise ValueError("expected a name that ends in `.json`, by which XGBoost tells what is in a file")


@app.command
def export(
    model: Annotated[
        str, Parameter(name="MODEL", help="The model's file, or the number of the run that made it.")
    ],
    /,
    *,
    to: Annotated[Literal["xgboost"], Parameter(help="For which program.")],
    output: Annotated[
        Path | None,
        Parameter(
            validator=_check_ending,
            help="Where to write it; `NAME.xgboost.json` here when left out.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a joint model as another program reads it, and beside it what a table for it must hold.

    XGBoost itself is not needed. Offsets that organisations keep to themselves are not in the file.
    """
    from hansa.errors import Refused
    from hansa.learning.trees import describe_columns, export_xgboost
    from hansa.store import write_atomically

    forest = _read_forest(model, folder)
    path = output or Path(f"{_name_model(model)}.{to}.json")
    beside = path.with_suffix(".columns.json")
    there = [name for name in (path, beside) if name.exists()]
    if there:
        raise Refused("export.exists", f"`{there[0]}` is there already; name another file with `--output`")
    exported, columns = export_xgboost(forest), describe_columns(forest)
    # The columns first: whoever sees a model can also see what it wants.
    write_atomically(beside, (json.dumps(columns, indent=2, ensure_ascii=False) + "\n").encode())
    write_atomically(path, (json.dumps(exported, ensure_ascii=False, allow_nan=False) + "\n").encode())
    document = {
        "to": to,
        "model": str(path),
        "columns": str(beside),
        "trees": len(forest.trees),
        "organisation_offsets": forest.offset_penalty is not None,
    }
    offsets = "stay with the organisations" if forest.offset_penalty is not None else "none in this model"
    facts = make_facts(
        [("model", path), ("columns", beside), ("trees", len(forest.trees)), ("offsets", offsets)]
    )
    show(
        document,
        "XGBoost opens the model; the columns say what a table for it must hold.",
        facts,
        as_json=as_json,
    )


def _read_forest(model: str, folder: Path) -> Forest:
    """Read a forest from a file, or from what a run left behind.

    Raises:
        Malformed: the file is damaged.
        Refused: `export.recipe`, it is a model of another kind; and as `find_completed`.
        Unavailable: it is not there.
    """
    from hansa.cli.record import read_state
    from hansa.cli.reports import find_completed, read_model
    from hansa.errors import Refused
    from hansa.learning.trees import FORMAT, parse_forest
    from hansa.transparency import canonical

    if _is_run(model):
        record, state = read_state(folder)
        document = read_model(record, find_completed(state, int(model)))
    else:
        document = canonical.parse(Path(model).read_bytes())
    kind = document.get("format") if isinstance(document, dict) else None
    if kind != FORMAT:
        raise Refused("export.recipe", f"XGBoost opens trees, `{FORMAT}`, and this is `{kind}`")
    return parse_forest(document)


def _is_run(model: str) -> bool:
    return model.isdecimal() and not Path(model).exists()


def _name_model(model: str) -> str:
    return f"run-{model}" if _is_run(model) else Path(model).name.removesuffix(".json")
