"""`hansa model`: take a joint model elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder, stop
from hansa.cli.printing import make_facts, show

if TYPE_CHECKING:
    from hansa.learning.recipe import Json

app = App(name="model", help="Take a joint model elsewhere.")

_ENDINGS: Final = {"onnx": ".onnx", "safetensors": ".safetensors", "xgboost": ".json"}
"""By which each program tells what is in a file."""


@dataclass(frozen=True, slots=True)
class Export:
    """A model as another program reads it.

    Args:
        data: the file.
        columns: what a table for it must hold.
        opener: who opens it.
        facts: what else is said of it, by its name in JSON: for people, and in JSON.
    """

    data: bytes
    columns: dict[str, Json]
    opener: str
    facts: dict[str, tuple[str, str | int, Json]]


@app.command
def export(
    model: Annotated[
        str, Parameter(name="MODEL", help="The model's file, or the number of the run that made it.")
    ],
    /,
    *,
    to: Annotated[
        Literal["onnx", "safetensors", "xgboost"],
        Parameter(help="For which program: trees for XGBoost, networks for the others."),
    ],
    output: Annotated[
        Path | None,
        Parameter(
            help="Where to write it; `NAME` with the program's ending here when left out.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a joint model as another program reads it, and beside it what a table for it must hold.

    The program itself is not needed; ONNX needs the extra `networks`. What organisations keep to themselves is not in the file.
    """
    from hansa.errors import Refused
    from hansa.store import write_atomically

    ending = _ENDINGS[to]
    if output is not None and output.suffix != ending:
        stop(f"expected a name that ends in `{ending}`, by which programs tell what is in a file")
    exported = _make_export(_read_document(model, folder), to)
    path = output or Path(
        f"{_name_model(model)}.{to}.json" if to == "xgboost" else _name_model(model) + ending
    )
    beside = path.with_name((path.stem if ending == ".json" else path.name) + ".columns.json")
    there = [name for name in (path, beside) if name.exists()]
    if there:
        raise Refused("export.exists", f"`{there[0]}` is there already; name another file with `--output`")
    # The columns first: whoever sees a model can also see what it wants.
    write_atomically(beside, (json.dumps(exported.columns, indent=2, ensure_ascii=False) + "\n").encode())
    write_atomically(path, exported.data)
    document: dict[str, Json] = {"to": to, "model": str(path), "columns": str(beside)}
    document |= {name: value for name, (_, _, value) in exported.facts.items()}
    facts = make_facts(
        [
            ("model", path),
            ("columns", beside),
            *((label, text) for label, text, _ in exported.facts.values()),
        ]
    )
    show(
        document,
        f"{exported.opener} opens the model; the columns say what a table for it must hold.",
        facts,
        as_json=as_json,
    )


def _make_export(document: Json, to: str) -> Export:
    """Write a model for a program.

    Raises:
        Malformed: the model is damaged.
        Refused: `export.recipe`, it is a model of another kind; `export.*` as of each program.
        Unavailable: a package is not installed.
    """
    return _export_forest(document) if to == "xgboost" else _export_network(document, to)


def _export_forest(document: Json) -> Export:
    from hansa.learning.trees import FORMAT, describe_columns, export_xgboost, parse_forest

    _verify_kind(document, FORMAT, "XGBoost opens trees")
    forest = parse_forest(document)
    text = json.dumps(export_xgboost(forest), ensure_ascii=False, allow_nan=False) + "\n"
    has_offsets = forest.offset_penalty is not None
    offsets = "stay with the organisations" if has_offsets else "none in this model"
    facts: dict[str, tuple[str, str | int, Json]] = {
        "trees": ("trees", len(forest.trees), len(forest.trees)),
        "organisation_offsets": ("offsets", offsets, has_offsets),
    }
    return Export(text.encode(), describe_columns(forest), "XGBoost", facts)


def _export_network(document: Json, to: str) -> Export:
    from hansa.learning.networks import (
        FORMAT,
        describe_columns,
        export_onnx,
        export_safetensors,
        parse_network,
    )

    _verify_kind(document, FORMAT, "ONNX and safetensors hold networks")
    network = parse_network(document)
    size = len(network.parameters)
    data = export_onnx(network) if to == "onnx" else export_safetensors(network)
    opener = "Every ONNX runtime" if to == "onnx" else "PyTorch"
    return Export(data, describe_columns(network), opener, {"parameters": ("parameters", f"{size:,}", size)})


def _verify_kind(document: Json, known: str, sentence: str) -> None:
    from hansa.errors import Refused

    kind = document.get("format") if isinstance(document, dict) else None
    if kind != known:
        raise Refused("export.recipe", f"{sentence}, `{known}`, and this is `{kind}`")


def _read_document(model: str, folder: Path) -> Json:
    """Read a model from a file, or from what a run left behind.

    Raises:
        Malformed: the file is damaged.
        Refused: as `find_completed`.
        Unavailable: it is not there.
    """
    from hansa.cli.record import read_state
    from hansa.cli.reports import find_completed, read_model
    from hansa.transparency import canonical

    if _is_run(model):
        record, state = read_state(folder)
        return read_model(record, find_completed(state, int(model)))
    return canonical.parse(Path(model).read_bytes())


def _is_run(model: str) -> bool:
    return model.isdecimal() and not Path(model).exists()


def _name_model(model: str) -> str:
    return f"run-{model}" if _is_run(model) else Path(model).name.removesuffix(".json")
