"""A small coalition of five on a stage, with generated tables."""

import math

import numpy as np
import pytest

from hansa.governance import load_charter, load_plan
from hansa.learning import recipe_digest
from hansa.rehearsal import Cast, Founder, Stage

CHARTER = """
version: 1
name: Five banks
origin: five.example/banks
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
"""

PLAN = """
version: 1
name: Who pays late
purpose: Try things out.
recipe: {name: logistic}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
attempts: 10
split: {kind: stratified, seed: 0, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: 0.60}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""

NAMES = ("ada", "bob", "cyd", "dan", "eve")


def write_tables(folder, names=NAMES, rows=80):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        random = np.random.default_rng(number)
        lines = ["late,amount,sector"]
        for _ in range(rows):
            amount = random.normal()
            sector = ("farm", "shop", "mill")[random.integers(3)]
            late = random.random() < 1 / (1 + math.exp(-(1.5 * amount + (sector == "mill") - 0.5)))
            text = "" if random.random() < 0.05 else f"{amount:.3f}"
            lines.append(f"{'yes' if late else 'no'},{text},{sector}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def found(tmp_path, cast):
    """Found a coalition of these members, under the same charter with other terms of privacy."""

    def found(names, *, rows=80, budgets=None, **privacy):
        tables = write_tables(tmp_path / "more tables", names, rows)
        own = budgets or {}
        founders = tuple(
            Founder(name, name.title(), "bank", "NL", 1, tables / f"{name}.csv", own.get(name))
            for name in names
        )
        terms = cast.charter.privacy.model_copy(update=privacy)
        charter = cast.charter.model_copy(update={"privacy": terms})
        return Stage.found(tmp_path / "founded", charter, founders, names[0])

    return found


@pytest.fixture
def tables(tmp_path):
    return write_tables(tmp_path / "tables")


@pytest.fixture
def cast(tables):
    return Cast(
        load_charter(CHARTER, "charter.yaml"),
        tuple(Founder(name, name.title(), "bank", "NL", 1, tables / f"{name}.csv") for name in NAMES),
        load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest()),
        "ada",
    )


@pytest.fixture
def stage(tmp_path, cast):
    with Stage.found(tmp_path / "coalition", cast.charter, cast.founders, "ada") as stage:
        yield stage
