"""Coalitions to attack: the airlines that ship with hansa, or any folder that holds one table."""

import collections
import csv
import gzip
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hansa.governance import Plan, load_plan
from hansa.learning import Rows, Table, build_recipe, divide_rows, read_schema, read_split, recipe_digest
from hansa.learning.recipe import Recipe
from hansa.node.data import load_table
from hansa.rehearsal import cast_birds
from hansa.rehearsal.casting import name_members
from hansa.rehearsal.drafting import write_plan
from hansa.rehearsal.inspection import inspect_folder

Members = dict[str, Rows]


@dataclass(frozen=True)
class Coalition:
    """Members' whole tables under one plan.

    Args:
        name: for the table of findings.
        plan: what they would vote on.
        tables: by member, all rows.
    """

    name: str
    plan: Plan
    tables: dict[str, Table]

    def divide(self) -> Members:
        """Return each member's rows, divided as the plan says."""
        rule = read_split(self.plan.to_json())
        return {member: divide_rows(table, rule, member) for member, table in self.tables.items()}

    def draw(self, generator: np.random.Generator) -> tuple[Members, dict[str, np.ndarray]]:
        """Let half of each member's rows train, drawn by lot, and the others test; say which train."""
        lots = {name: generator.random(len(table)) < 0.5 for name, table in self.tables.items()}
        rows = {n: Rows(n, table.take(lots[n]), table.take(~lots[n])) for n, table in self.tables.items()}
        return rows, lots

    def smallest(self, count: int) -> "Coalition":
        """Return the coalition of the members with the fewest rows."""
        names = sorted(self.tables, key=lambda name: (len(self.tables[name]), name))[:count]
        return Coalition(self.name, self.plan, {name: self.tables[name] for name in sorted(names)})

    def with_noise(self, epsilon: float, delta: float) -> "Coalition":
        """Return the same members under the plan with noise that hides each row."""
        split = {"kind": "rows", "seed": 0, "test": "3/10"}
        privacy = {
            "noise": "discrete-gaussian",
            "epsilon": f"{epsilon:g}",
            "delta": f"{delta:f}",
            "unit": "row",
        }
        plan = make_plan(self.plan, split, privacy)
        # A counted category has fewer buckets under noise.
        tables = {
            member: Table(read_schema(plan.to_json()), table.numbers, table.texts, table.labels, table.keys)
            for member, table in self.tables.items()
        }
        return Coalition(self.name, plan, tables)

    def recipe(self, members: Iterable[str]) -> Recipe:
        """Return the plan's recipe for a cohort."""
        return build_recipe(self.plan.to_json(), tuple(sorted(members)))


def make_plan(plan: Plan, split: Mapping[str, object], privacy: Mapping[str, object]) -> Plan:
    """Return a plan for the label, features and cohort of another, otherwise with the recipe's defaults.

    Few rows are not refused, so that it shows what becomes of them. The only bar is one that a run can be judged by
    with noise and without.
    """
    parameters = {
        "minimum_category_members": plan.recipe.parameters.minimum_category_members,
        "minimum_rows_per_column": 1,
    }
    changed = {
        "recipe": {"name": plan.recipe.name, "parameters": parameters},
        "split": split,
        "privacy": privacy,
        "bars": [{"metric": "brier_together", "at_most": "1"}],
    }
    text = json.dumps({**plan.to_json(), **changed})
    return load_plan(text, "plan.json", recipe_digest=recipe_digest())


def gather_birds() -> Coalition:
    """Return the demo's airlines, without noise whatever the demo's own plan says."""
    with tempfile.TemporaryDirectory() as folder:
        cast = cast_birds(Path(folder))
        split = {"kind": "stratified", "seed": 0, "test": "3/10"}
        plan = make_plan(cast.plan, split, {"noise": "none"})
        return Coalition("birds", plan, {f.id: load_table(f.data, plan) for f in cast.founders if f.data})


def gather_folder(source: Path) -> Coalition:
    """Return a folder's organisations under the plan that hansa drafts for them.

    Args:
        source: holds `data.csv.gz` (columns `org`, `label`, features) and `dataset.json` (`num` and `cat` name
            the features; other columns are passed over).

    Raises:
        Refused: the tables do not fit together; see `inspect_folder`.
    """
    described = json.loads((source / "dataset.json").read_text())
    wanted = {"label", *described["num"], *described["cat"]}
    rows = collections.defaultdict(list)
    with gzip.open(source / "data.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["org"]].append({name: text for name, text in row.items() if name in wanted})
    with tempfile.TemporaryDirectory() as name:
        paths = {}
        for member, organisation in name_members(rows).items():
            paths[member] = Path(name) / f"{member}.csv"
            with paths[member].open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[organisation][0]))
                writer.writeheader()
                writer.writerows(rows[organisation])
        text = write_plan(inspect_folder(Path(name), label="label"))
        drafted = load_plan(text, "plan.yaml", recipe_digest=recipe_digest())
        plan = make_plan(drafted, drafted.to_json()["split"], {"noise": "none"})
        return Coalition(source.name, plan, {m: load_table(path, plan) for m, path in paths.items()})
