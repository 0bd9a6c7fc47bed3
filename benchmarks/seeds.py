"""How much the demo's figures depend on which rows happen to test, and on the noise that happens to be drawn.

    python benchmarks/seeds.py [--seeds 10]
    python benchmarks/seeds.py --noise-only --seeds 60

Runs the demo's plan for each seed of the split, or each time with its own seed and other noise, without votes and masks, which change no sum, and with noise drawn
in one go for each total, as a normal variable. Prints the mean AUC of the airlines that can be scored, alone and
together, and how many of them gain, as their private reports say; and beside it the AUC over all test rows, the one that
the coalition sees, with what it knows of its uncertainty.
"""

import argparse
import collections
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hansa.governance import derive_sharing
from hansa.learning import Question, build_recipe, run_in_clear
from hansa.node import load_rows
from hansa.rehearsal import cast_birds

METRIC = "auc_pooled_together"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--noise-only", action="store_true", help="keep the plan's own test rows")
    arguments = parser.parse_args()
    gains: dict[str, list[float]] = collections.defaultdict(list)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cast = cast_birds(Path(folder))
        privacy = cast.charter.privacy
        sharing = derive_sharing(len(cast.founders), privacy.colluding, privacy.dropouts)
        honest = sharing.required - sharing.colluders
        spread = math.sqrt(sharing.members / honest)
        for seed in range(arguments.seeds):
            generator = np.random.default_rng(seed)
            plan = cast.plan
            if not arguments.noise_only:
                plan = plan.model_copy(update={"split": plan.split.model_copy(update={"seed": seed})})
            members = {f.id: load_rows(f.data, plan, f.id) for f in cast.founders if f.data is not None}
            recipe = build_recipe(plan.to_json(), tuple(sorted(members)), honest)

            def add(
                question: Question, answers: Sequence[np.ndarray], generator: np.random.Generator = generator
            ) -> np.ndarray:
                assert question.noise is not None  # every question of the demo's plan has it
                deviation = question.noise.deviation * spread
                return np.sum(answers, axis=0) + generator.normal(size=question.length) * deviation

            result = run_in_clear(recipe, list(members.values()), add)
            reports = {name: recipe.private_report(result, held) for name, held in members.items()}
            scored = {name: report for name, report in reports.items() if report.scored}
            for name, report in scored.items():
                gains[name].append(report.gain.value)
            rows.append(
                (
                    statistics.fmean(report.alone.value for report in scored.values()),
                    statistics.fmean(report.together.value for report in scored.values()),
                    sum(report.gain.value > 0 for report in scored.values()),
                    result.metrics[METRIC],
                )
            )
            alone, together, winners, pooled = rows[-1]
            print(
                f"seed {seed:2}   alone {alone:.3f}   together {together:.3f}   gain {winners:2} of {len(scored)}   "
                f"the coalition sees {pooled:.3f} ± {result.uncertainty[METRIC]:.3f}"
            )
    alone, together, winners, pooled = (statistics.fmean(column) for column in zip(*rows, strict=True))
    print(
        f"mean      alone {alone:.3f}   together {together:.3f}   gain {winners:4.1f}      the coalition sees {pooled:.3f}"
    )
    counts = sorted(row[2] for row in rows)
    print(f"gain: {counts[0]} to {counts[-1]}, median {statistics.median(counts):g}")
    above = sum(statistics.fmean(values) > 0 for values in gains.values())
    print(f"airlines whose mean gain over these seeds is above 0: {above} of {len(gains)}")


if __name__ == "__main__":
    main()
