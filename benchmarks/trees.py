"""Boosted trees through the secure sum against XGBoost on pooled rows, in one run.

    python benchmarks/trees.py [--data FOLDER ...] [--trees 100] [--depth 4] [--bins 64] [--runs 3]
    python benchmarks/trees.py --quality [--data FOLDER ...]

Each FOLDER holds `data.csv.gz` (columns `org`, `label`, features) and `dataset.json` (which column is what). Without any, 300,000 rows
of 20 numbers are drawn, in equal parts of 5 members. For each: seconds of the whole fit, from ready rows to the last tree (every
member's work and the hub's in this process, all masks and signatures included; two members answer at a time, the rest is done one after the other), and of what that is; turns and bytes;
and seconds of pooled XGBoost `hist` with the same trees, depth, learning rate, bins and penalty and two threads, from ready
arrays. Reading files and compiling loops are not counted. Between machines every member learns from each total for itself; here the hub does it once.

With `--quality` nothing is timed: how good the trees are on the splits of each folder's `results.json`, see `quality.py`.
"""

import argparse
import os
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
from sklearn.metrics import roc_auc_score

from fit import load_members, read_table, write_plan
from hansa import entropy
from hansa.engine import Derivation, write_total
from hansa.learning import NumberFeature, Rows, Schema, Table
from hansa.learning.categories import count_codes
from hansa.learning.trees import Forest, Trees, TreesParameters
from hansa.learning.trees.recipe import Appraising
from hansa.secagg import Aggregator, Contributor, Party
from hansa.transparency import SigningKey
from quality import compare_quality

ROWS, FEATURES, MEMBERS = 300_000, 20, 5


class Clock:
    """Adds up the seconds of what is done, by name."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - begun


def draw_members() -> dict[str, Rows]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(ROWS, FEATURES))
    logit = values[:, 0] + values[:, 1] * values[:, 2] + np.abs(values[:, 3]) - 0.5 * (values[:, 4] > 1) - 1.0
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    values[rng.random(values.shape) < 0.02] = np.nan
    names = [f"x{place}" for place in range(FEATURES)]
    schema = Schema(tuple(NumberFeature(name, -10.0, 10.0, missing=True) for name in names))
    table = Table(schema, {name: values[:, place] for place, name in enumerate(names)}, {}, labels)
    holder, is_test = np.arange(ROWS) % MEMBERS, rng.random(ROWS) < 0.1
    return {
        f"m{place}": Rows(
            f"m{place}",
            table.take((holder == place) & ~is_test),
            table.take((holder == place) & is_test),
        )
        for place in range(MEMBERS)
    }


def fit_together(
    schema: Schema, parameters: TreesParameters, members: dict[str, Rows], clock: Clock
) -> tuple[Forest, int, int]:
    """Return the forest, turns and bytes that a member sent; the clock has what took how long."""
    keys = {name: SigningKey.from_seed(entropy.draw(32)) for name in members}
    hub = Derivation(
        Trees(schema, parameters, tuple(sorted(members))),
        run="00" * 32,
        coalition="00" * 32,
        cohort=tuple(Party(name, keys[name].public.raw) for name in sorted(members)),
        threshold=len(members),
        degree=0,
        minimum_cohort=3,
        graph=bytes(32),
    )
    sent, threads = 0, ThreadPoolExecutor(2)
    while not isinstance(hub._state, Appraising):  # noqa: SLF001 - the benchmark stops where the forest has grown
        question = hub.question
        assert question is not None  # or the forest has grown
        with clock.time("answers"):
            made = threads.map(partial(hub._recipe.answer, question), members.values())  # noqa: SLF001 - as each member's own recipe would
            answers = dict(zip(members, made, strict=True))
        with clock.time("masks, shares, signatures"):
            aggregator = Aggregator(hub.session, draw=entropy.draw)
            machines = {
                name: Contributor(hub.session, name, sign=keys[name].sign, draw=entropy.draw)
                for name in members
            }
            for name, machine in machines.items():
                machine.contribute(hub.quantiser.encode(answers[name]))
            messages = {name: machine.start() for name, machine in machines.items()}
            while messages:
                sent += len(next(iter(messages.values())))
                for name, message in messages.items():
                    aggregator.receive(name, message)
                messages = {n: machines[n].receive(m) for n, m in aggregator.broadcast().items()}
        with clock.time("learning from totals"):
            hub.learn(write_total(aggregator.total), aggregator.survivors)
    threads.shutdown()
    return hub._state.forest, hub.round - 1, sent  # noqa: SLF001 - as above


def pool(tables: list[Table]) -> np.ndarray:
    """Return all rows as XGBoost takes them: numbers, and codes of categories; NaN for missing."""
    columns = []
    for feature in tables[0].schema.features:
        if isinstance(feature, NumberFeature):
            columns.append(np.concatenate([table.numbers[feature.name] for table in tables]))
            continue
        codes = np.concatenate([table.codes[feature.name] for table in tables]).astype(float)
        columns.append(np.where(codes == count_codes(feature), np.nan, codes))
    return np.column_stack(columns)


def fit_pooled(parameters: TreesParameters, train: list[Table], test: list[Table]) -> tuple[float, float]:
    """Return seconds and AUC of XGBoost."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports in passing warns of its own future
        import xgboost

    types = ["float" if isinstance(f, NumberFeature) else "c" for f in train[0].schema.features]
    rows, labels = pool(train), np.concatenate([table.labels for table in train])
    settings = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": parameters.depth,
        "eta": parameters.learning_rate,
        "max_bin": parameters.bins,
        "lambda": parameters.ridge,
        "nthread": 2,
    }
    begun = time.perf_counter()
    data = xgboost.QuantileDMatrix(
        rows, labels, max_bin=parameters.bins, feature_types=types, enable_categorical=True, nthread=2
    )
    booster = xgboost.train(settings, data, parameters.trees)
    took = time.perf_counter() - begun
    scores = booster.predict(xgboost.DMatrix(pool(test), feature_types=types, enable_categorical=True))
    return took, float(roc_auc_score(np.concatenate([table.labels for table in test]), scores))


def compare(name: str, members: dict[str, Rows], parameters: TreesParameters, runs: int) -> None:
    schema = next(iter(members.values())).train.schema
    train, test = [m.train for m in members.values()], [m.test for m in members.values()]
    fit_together(schema, TreesParameters(trees=2, depth=2), members, Clock())  # loops are compiled
    ours, theirs, clocks = [], [], []
    for _ in range(runs):
        for rows in members.values():
            rows._memory.clear()  # noqa: SLF001 - every run begins from the table
        clock, begun = Clock(), time.perf_counter()
        forest, turns, sent = fit_together(schema, parameters, members, clock)
        ours.append(time.perf_counter() - begun)
        clocks.append(clock)
        took, their_auc = fit_pooled(parameters, train, test)
        theirs.append(took)
    scores = np.concatenate([forest.predict(table) for table in test])
    auc = roc_auc_score(np.concatenate([table.labels for table in test]), scores)
    trees, rows = len(forest.trees), sum(map(len, train))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"\n{name}: {rows:,} training rows, {len(members)} members, {len(schema.features)} features")
    print(f"  {trees} trees of depth {parameters.depth}, {forest.bins.total} bins in all")
    print(f"  through the secure sum     {statistics.median(ours):8.2f} s")
    for part in clocks[0].seconds:
        print(f"    {part:25}{statistics.median(c.seconds[part] for c in clocks):8.2f} s")
    print(f"  XGBoost, pooled            {statistics.median(theirs):8.2f} s  (hist, 2 threads)")
    print(f"  ratio                      {ratio:8.2f} x  (median of {runs} runs)")
    print(f"  turns                      {turns:8}    {turns / trees:.1f} a tree")
    print(f"  bytes up a member          {sent:12,}    {sent / trees:,.0f} a tree")
    print(f"  AUC on all test rows       {auc:8.4f}    XGBoost {their_auc:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--bins", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quality", action="store_true")
    arguments = parser.parse_args()
    if arguments.quality:
        compare_quality(arguments.data)
        return
    # XGBoost knows no organisations; nor do the trees that are compared with it.
    parameters = TreesParameters(
        trees=arguments.trees, depth=arguments.depth, bins=arguments.bins, organisation_offsets=False
    )
    for folder in arguments.data:
        meta, table = read_table(folder)
        plan = write_plan(meta, table)
        compare(str(meta["name"]), load_members(plan, table), parameters, arguments.runs)
    if not arguments.data:
        compare("drawn", draw_members(), parameters, arguments.runs)


if __name__ == "__main__":
    main()
