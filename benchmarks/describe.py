"""What privacy costs statistics: how far they are from the figures over all rows in one place, with noise and without.

    python benchmarks/describe.py [--data FOLDER ...] [--epsilons 1,3] [--draws 20] [--scales 0.5,1,2] [--bins 20]

Each FOLDER holds `data.csv.gz` and `dataset.json` as for benchmarks/fit.py; without any, the table that ships with hansa is
used, under its own plan's features. Delta is 0.00001, each row is a unit, shares are those of a charter's defaults. Means,
standard deviations and quantiles are told as root mean squares, in standard deviations of the number; counts in rows. A
*scale* is what moments are multiplied with before their noise: the more, the better means are, and the worse counts. The
recipe has the scale 1. Noise is drawn here in one go for each total, as a normal variable; at the door it is made of integers.
"""

import argparse
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fit import SHIPPED
from hansa.governance import Plan, derive_sharing, parse_plan
from hansa.learning import Rows, sketch
from hansa.learning import private_statistics as recipe
from hansa.learning.accuracy import Accuracy, rehearse_statistics
from privacy import DELTA, load

COLUMNS = ("noise in a count", "mean", "standard deviation", "quantile", "category", "values told")


def describe(plan: Plan, epsilon: str | None, bins: int) -> dict[str, Any]:
    """Return the plan of statistics of another plan's features."""
    document = {name: part for name, part in plan.to_json().items() if name not in {"label", "split", "bars"}}
    parameters = {"bins": bins, "minimum_rows": 10, "minimum_members": 3}
    document["recipe"] = {"name": "statistics", "digest": plan.recipe.digest, "parameters": parameters}
    noise = {"noise": "discrete-gaussian", "epsilon": epsilon, "delta": DELTA, "unit": "row"}
    document["privacy"] = noise if epsilon else {"noise": "none"}
    return parse_plan(document).to_json()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, nargs="*", default=[SHIPPED])
    parser.add_argument("--epsilons", default="1,3")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--scales", default="1")
    parser.add_argument("--bins", type=int, default=20)
    arguments = parser.parse_args()
    for folder in arguments.data:
        begun = time.perf_counter()
        plan, tables = load(folder)
        members = [
            Rows(name, table, table.take(np.zeros(len(table), bool))) for name, table in tables.items()
        ]
        sharing = derive_sharing(len(tables), Fraction(1, 3), Fraction(1, 5))
        honest = sharing.count_honest(sharing.required)
        rows = sum(len(table) for table in tables.values())
        print(f"{folder.name}: {rows:,} rows at {len(tables)} members, the noise of {honest} must do")
        print("| ε | scale | " + " | ".join(COLUMNS) + " |\n|" + " --- |" * (len(COLUMNS) + 2))
        for epsilon in ("", *arguments.epsilons.split(",")):
            for scale in arguments.scales.split(",") if epsilon else ("–",):
                if epsilon:
                    sketch.MOMENT_SCALE = recipe.MOMENT_SCALE = float(scale)
                rng = np.random.default_rng(0)
                found = rehearse_statistics(
                    describe(plan, epsilon or None, arguments.bins),
                    members,
                    honest=honest,
                    draws=arguments.draws,
                    draw=lambda deviation, count, rng=rng: rng.normal(size=count) * deviation,
                )
                print(f"| {epsilon or 'none'} | {scale} | {spell(found)} |", flush=True)
        print(f"{time.perf_counter() - begun:.0f} s for {arguments.draws} draws\n")


def spell(found: Accuracy) -> str:
    figures = (found.mean, found.deviation, found.quantile)
    return (
        f"{found.noise:.1f} | "
        + " | ".join(f"{figure:.4f}" for figure in figures)
        + f" | {found.count:.1f} | {found.told:.1f} of {found.values}"
    )


if __name__ == "__main__":
    main()
