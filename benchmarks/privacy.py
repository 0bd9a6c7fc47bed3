"""What privacy costs a model: no noise, clipping alone, one trusted party's noise, noise in shares; in one run.

    python benchmarks/privacy.py [--data FOLDER ...] [--epsilons 0.3,1,3,8] [--seeds 5] [--draws 2] [--clip 3] [--stratified]
                                 [--recipe trees] [--parameters '{"depth": 4}']

Each FOLDER holds `data.csv.gz` and `dataset.json` as for benchmarks/fit.py; without any, the table that ships with
hansa is used, under its own plan. For each epsilon (delta 0.00001, each row a unit): the mean AUC over the members
that can be scored, in clear, averaged over splits drawn row by row and over draws of the noise, with the standard
deviation over splits and draws. Shares are those of a charter's defaults: a third may collude, a fifth may vanish.
With --stratified rows are divided as for plans without noise, to compare with other figures; no plan with noise may.
Noise is drawn here in one go for each total, as a normal variable; at the door it is made of integers.
"""

import argparse
import copy
import csv
import json
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fit import SHIPPED, read_table, write_plan
from hansa.governance import Plan, derive_sharing, parse_plan
from hansa.learning import StratifiedSplit, Table, divide_rows, read_split
from hansa.learning.pricing import rehearse_price
from hansa.node.data import load_table
from hansa.rehearsal.casting import PLAN_FILE, name_members, read_plan

DELTA = "0.00001"
COLUMNS = ("no noise", "clipped", "central", "shares", "±", "rows cut")


def load(folder: Path) -> tuple[Plan, dict[str, Table]]:
    meta, rows = read_table(folder)
    plan = read_plan(folder / PLAN_FILE) if (folder / PLAN_FILE).exists() else write_plan(meta, rows)
    # Read as a plan with noise reads them: a counted category has fewer buckets.
    noised = parse_plan(revise(plan, 0))
    tables = {}
    with tempfile.TemporaryDirectory() as name:
        for member, organisation in name_members(rows).items():
            path = Path(name) / f"{member}.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[organisation][0]))
                writer.writeheader()
                writer.writerows(rows[organisation])
            tables[member] = load_table(path, noised)
    return plan, tables


def revise(
    plan: Plan, seed: int, clip: str | None = None, trees: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The plan with noise, another seed and perhaps another clip norm, or trees with these parameters."""
    document = copy.deepcopy(plan.to_json())
    document["split"] = {"kind": "rows", "seed": seed, "test": "3/10"}
    document["privacy"] = {"noise": "discrete-gaussian", "epsilon": "1", "delta": DELTA, "unit": "row"}
    document["bars"] = [{"metric": "auc_pooled_together", "at_least": "0.5"}]
    parameters = {"organisation_intercepts": False} | ({"clip": clip} if clip else {})
    document["recipe"]["parameters"] |= parameters
    if trees is not None:
        document["recipe"] |= {"name": "trees", "parameters": trees}
    return document


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, nargs="*", default=[SHIPPED])
    parser.add_argument("--epsilons", default="0.3,1,3,8")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--clip", help="a decimal; the plan's own unless told")
    parser.add_argument("--recipe", choices=("logistic", "trees"), default="logistic")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of trees, as JSON")
    parser.add_argument("--stratified", action="store_true")
    arguments = parser.parse_args()
    epsilons = arguments.epsilons.split(",")
    for folder in arguments.data:
        begun = time.perf_counter()
        plan, tables = load(folder)
        sharing = derive_sharing(len(tables), Fraction(1, 3), Fraction(1, 5))
        honest = sharing.count_honest(sharing.required)
        rows = sum(len(table) for table in tables.values())
        print(
            f"{folder.name}: {rows:,} rows at {len(tables)} members; {sharing.required} must stay, {sharing.colluders} may "
            f"collude, so the noise of {honest} must do: {(len(tables) / honest) ** 0.5:.2f} times as wide in all"
        )
        runs = []
        for seed in range(arguments.seeds):
            trees = arguments.parameters if arguments.recipe == "trees" else None
            revised, rng = revise(plan, seed, arguments.clip, trees), np.random.default_rng(seed)
            split = StratifiedSplit(seed, Fraction(3, 10)) if arguments.stratified else read_split(revised)
            members = [divide_rows(table, split, member) for member, table in tables.items()]
            runs.append(
                rehearse_price(
                    revised,
                    members,
                    [(epsilon, DELTA) for epsilon in epsilons],
                    honest=honest,
                    draws=arguments.draws,
                    draw=lambda deviation, count, rng=rng: rng.normal(size=count) * deviation,
                )
            )
        print("| ε | " + " | ".join(COLUMNS) + " |\n|" + " --- |" * (len(COLUMNS) + 1))
        for place, epsilon in enumerate(epsilons):
            found = [run[place] for run in runs]
            means = [
                statistics.fmean(getattr(p, name) for p in found)
                for name in ("unclipped", "clipped", "central", "split")
            ]
            spread = statistics.fmean(p.deviation**2 for p in found) + statistics.pvariance(
                [p.split for p in found]
            )
            cut = statistics.fmean(p.cut for p in found)
            print(
                f"| {epsilon} | "
                + " | ".join(f"{mean:.3f}" for mean in means)
                + f" | {spread**0.5:.3f} | {cut:.1%} |"
            )
        print(
            f"{time.perf_counter() - begun:.0f} s for {arguments.seeds} splits, {arguments.draws} draws each\n"
        )


if __name__ == "__main__":
    main()
