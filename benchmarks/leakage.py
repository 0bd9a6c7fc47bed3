"""What a run lets out, measured by attacking it: membership, rows, members' counts, rare categories.

    python benchmarks/leakage.py [--data FOLDER ...] [--epsilons 8,3,1] [--seed 0] [--quick] [--json FILE] [--markdown]

Each FOLDER holds `data.csv.gz` and `dataset.json`. Without any, the airlines that ship with hansa. Every attack
uses the real recipe, and totals rounded as the door rounds them. `--markdown` puts the tables into
docs/leakage.md, which says what each figure means; `--quick` does less of everything.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from hansa.learning import Rows
from hansa.learning.recipe import Recipe
from leaks.audit import measure_audit
from leaks.described import describe, measure_described, watch_statistics
from leaks.differencing import measure_noised_pairs, measure_pairs
from leaks.dropout import measure_dropout
from leaks.finding import Finding
from leaks.gathering import Coalition, gather_birds, gather_folder
from leaks.grown import grow, measure_growth, watch_growth
from leaks.histograms import measure_histogram
from leaks.membership import measure_candidates, measure_tracing
from leaks.reconstruction import measure_members, measure_pick, measure_recovery
from leaks.released import measure_shadows, train_alone, train_shadows
from leaks.singletons import measure_hidden, measure_singletons
from leaks.table import insert_tables, write_markdown, write_text
from leaks.view import Protect, Turn, add_exactly, add_noise

PAGE = Path(__file__).parents[1] / "docs/leakage.md"
DELTA = 1e-5
SMALL = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of each attack to do.

    Args:
        shadows: models per setting; of a few small members four times as many, with noise half as many.
        candidates: rows asked about.
        sizes: training rows of a member that is reconstructed.
        rows: rows reconstructed per size, at least.
        victims: rows to pick out of a list.
        lots: rows that the audit draws for.
        trees: of a forest that is attacked; a fifth of them where it is grown once for each candidate.
        documents: draws of the rows that a document of statistics is of; of a few small members ten times as many.
    """

    shadows: int = 64
    candidates: int = 80
    sizes: tuple[int, ...] = (1, 2, 3, 5, 10, 20, 30, 50, 80, 150, 300)
    rows: int = 60
    victims: int = 12
    lots: int = 1000
    documents: int = 20
    trees: int = 100


QUICK = Effort(shadows=8, candidates=6, sizes=(1, 5, 80), rows=5, victims=1, lots=60, documents=2, trees=10)


def attack(coalition: Coalition, effort: Effort, generator: np.random.Generator) -> Iterator[Finding]:
    """Play every attack on runs without noise."""
    by_size = sorted(coalition.tables, key=lambda name: (len(coalition.tables[name]), name))
    small, count = coalition.smallest(SMALL), len(by_size)
    for part, shadows in ((coalition, effort.shadows), (small, 4 * effort.shadows)):
        trained = train_shadows(part, shadows, generator)
        setting = f"joint model of {_describe(part)}"
        yield from measure_shadows(trained, part, setting, "none", generator)
    alone = train_alone(small, 4 * effort.shadows, generator)
    yield from measure_shadows(alone, small, f"each own model of {_describe(small)}", "none", generator)
    for part in (small, coalition):
        yield from measure_candidates(part, effort.candidates, "none", generator=generator)
    for victims in (by_size[:1], by_size[count // 2 : count // 2 + 1], by_size[-1:]):
        yield from measure_tracing(coalition, victims, _name_part(coalition, victims), generator)
    yield from measure_recovery(coalition, effort.sizes, effort.rows, generator)
    for part, victims in (
        (coalition, by_size[:1]),
        (small, by_size[:1]),
        (small, by_size[: SMALL - 1]),
        (small, by_size[:SMALL]),
        (coalition, by_size[-1:]),
        (coalition, by_size),
    ):
        yield from measure_members(part, victims, _name_part(part, victims), generator)
    yield from measure_pick(coalition, effort.victims, "none", generator=generator)
    yield from measure_pairs(coalition, [by_size[0], by_size[count // 2], by_size[-1]])
    yield from measure_dropout(coalition, [by_size[0], by_size[count // 2], by_size[-1]])
    for part in (small, coalition):
        yield from measure_histogram(part)
    for part in (small, coalition):
        yield from measure_singletons(part, 10, 3)
    for part in (small, coalition):
        yield from measure_audit(part, effort.lots, "none", DELTA, generator=generator)
    # A source of its own, so that what else is measured stays as it is.
    (own,) = generator.spawn(1)
    yield from attack_statistics(coalition, effort, "none", own, add_exactly)
    for part, victims in ((small, by_size[:1]), (coalition, by_size[:1]), (coalition, by_size[-1:])):
        setting = _name_part(part, victims)
        for least, members in ((1, 1), (20, 3)):
            grown = grow(part, trees=effort.trees, minimum_rows=least, minimum_members=members)
            minima = f"; splits need {least} rows at {members} member{'s' * (members > 1)}"
            yield from measure_growth(grown, victims[0], setting + minima, "none")
    yield from attack_trees(coalition, effort, "none", generator.spawn(1)[0], add_exactly)


def attack_noised(
    coalition: Coalition, epsilon: float, effort: Effort, generator: np.random.Generator
) -> Iterator[Finding]:
    """Play the attacks that know of noise on runs with noise."""
    by_size = sorted(coalition.tables, key=lambda name: (len(coalition.tables[name]), name))
    noised, protect = coalition.with_noise(epsilon, DELTA), add_noise(generator)
    noise = f"epsilon {epsilon:g}"
    for part, shadows in ((noised, effort.shadows // 2), (noised.smallest(SMALL), 2 * effort.shadows)):
        trained = train_shadows(part, shadows, generator, protect)
        yield from measure_shadows(trained, part, f"joint model of {_describe(part)}", noise, generator)
    for part in (noised.smallest(SMALL), noised):
        yield from measure_candidates(part, effort.candidates, noise, generator=generator, protect=protect)
    yield from measure_pick(noised, effort.victims, noise, generator=generator, protect=protect)
    leavers = [by_size[0], by_size[len(by_size) // 2], by_size[-1]]
    yield from measure_noised_pairs(noised, leavers, noise, protect)
    for part in (noised.smallest(SMALL), noised):
        yield from measure_hidden(part, 10, noise, generator)
    for part in (noised.smallest(SMALL), noised):
        yield from measure_audit(part, effort.lots, noise, DELTA, generator=generator, protect=protect)
    (own,) = generator.spawn(1)
    yield from attack_statistics(noised, effort, noise, own, add_noise(own))
    (own,) = generator.spawn(1)
    yield from attack_trees(noised, effort, noise, own, add_noise(own))


def attack_statistics(
    coalition: Coalition, effort: Effort, noise: str, generator: np.random.Generator, protect: Protect
) -> Iterator[Finding]:
    """Play the attacks on statistics of all rows, at the coalition's noise."""

    def look(recipe: Recipe, members: Sequence[Rows], protect: Protect) -> Sequence[Turn]:
        return watch_statistics(recipe, members, protect)[0]

    described = describe(coalition)
    for part, draws in ((described.smallest(SMALL), 10 * effort.documents), (described, effort.documents)):
        yield from measure_candidates(
            part,
            effort.candidates,
            noise,
            generator=generator,
            protect=protect,
            attack="statistics",
            look=look,
        )
        yield from measure_described(part, draws, noise, generator=generator, protect=protect)


def attack_trees(
    coalition: Coalition, effort: Effort, noise: str, generator: np.random.Generator, protect: Protect
) -> Iterator[Finding]:
    """Ask of rows whether the totals of trees hold them, at the coalition's noise."""
    yield from measure_candidates(
        grow(coalition.smallest(SMALL), trees=effort.trees // 5),
        effort.candidates,
        noise,
        generator=generator,
        protect=protect,
        attack="grown",
        look=watch_growth,
    )


def _describe(coalition: Coalition) -> str:
    rows = sum(map(len, coalition.tables.values()))
    return f"{len(coalition.tables)} members with {rows:,} rows"


def _name_part(coalition: Coalition, victims: list[str]) -> str:
    members = coalition.divide()
    rows = sum(len(members[name].train) for name in victims)
    who = "1 member" if len(victims) == 1 else f"{len(victims)} members"
    rest = len(members) - len(victims)
    by = f"all {rest} others collude" if rest > 1 else "the other one colludes" if rest else "nobody colludes"
    held = "1 training row" if rows == 1 else f"{rows:,} training rows"
    return f"{who} with {held}, of {len(members)}; {by}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--epsilons", default="8,3,1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    begun, findings = time.perf_counter(), []
    for coalition in map(gather_folder, arguments.data) if arguments.data else [gather_birds()]:
        generator = np.random.default_rng(arguments.seed)
        effort = QUICK if arguments.quick else Effort()
        findings += attack(coalition, effort, generator)
        for epsilon in map(float, filter(None, arguments.epsilons.split(","))):
            findings += attack_noised(coalition, epsilon, effort, generator)
    print(write_text(findings))
    spent = f"{time.perf_counter() - begun:.0f} s, of which {time.process_time():.0f} s on the processor"
    print(f"\n{spent}, seed {arguments.seed}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(finding) for finding in findings], indent=1) + "\n")
    if arguments.markdown:
        insert_tables(PAGE, write_markdown(findings))


if __name__ == "__main__":
    main()
