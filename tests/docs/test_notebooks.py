"""Every notebook runs from top to bottom, shows what its last lines give, and is kept without outputs."""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def run_cell(source, known):
    """Run a cell, and return what a notebook would show below it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), known)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), known)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_kept_without_outputs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(path.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    known = {"__name__": "__main__"}
    shown = [run_cell("".join(cell["source"]), known) for cell in cells]
    assert any(hasattr(value, "_repr_html_") for value in shown)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


def test_there_is_a_notebook():
    assert NOTEBOOKS
