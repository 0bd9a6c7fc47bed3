"""How much the demo's figures depend on which rows happen to test.

    python benchmarks/seeds.py [--seeds 10]

Runs the demo's plan in the clear (no votes, no masks: the sums are the same) for each seed of the split, and
prints mean AUC alone and together, how many of the scored airlines gain, and how many gain on average.
"""

import argparse
import collections
import statistics
import tempfile
from pathlib import Path

from hansa.learning import build_recipe, run_in_clear
from hansa.node import load_rows
from hansa.rehearsal import cast_birds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    gains: dict[str, list[float]] = collections.defaultdict(list)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cast = cast_birds(Path(folder))
        for seed in range(arguments.seeds):
            plan = cast.plan.model_copy(update={"split": cast.plan.split.model_copy(update={"seed": seed})})
            members = {f.id: load_rows(f.data, plan, f.id) for f in cast.founders if f.data is not None}
            recipe = build_recipe(plan.to_json(), tuple(sorted(members)))
            result = run_in_clear(recipe, list(members.values()))
            for name, member_rows in members.items():
                report = recipe.private_report(result, member_rows)
                if report.gain is not None:
                    gains[name].append(report.gain.value)
            metrics = result.metrics
            scored = round(metrics["members_scored"])
            rows.append((metrics["auc_alone"], metrics["auc_together"], metrics["members_gain"] * scored))
            print(
                f"seed {seed:2}   alone {rows[-1][0]:.3f}   together {rows[-1][1]:.3f}   gain {rows[-1][2]:2.0f} of {scored}"
            )
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    winners = sum(statistics.mean(values) > 0 for values in gains.values())
    print(f"mean      alone {means[0]:.3f}   together {means[1]:.3f}   gain {means[2]:4.1f}")
    print(f"airlines whose mean gain over these seeds is above 0: {winners} of {len(gains)}")


if __name__ == "__main__":
    main()
