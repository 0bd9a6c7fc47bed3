"""The joint logistic fit through the door, against scikit-learn on pooled rows, in one run.

    python benchmarks/fit.py [--data FOLDER ...] [--runs 3]

Each FOLDER holds `data.csv.gz` (columns `org`, `label`, features) and `dataset.json` (which column is what).
Without any, the table that ships with hansa is used. For each: seconds of the joint fit including reading
nothing but all masking (every member's and the hub's work, one after the other in this process), seconds of
scikit-learn's pooled fit (its usual pipeline with lbfgs; and its Newton solver on the ready design), their
ratio, the largest difference of a coefficient, rounds, and bytes a member sends.
"""

import argparse
import collections
import csv
import gzip
import json
import math
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hansa import entropy
from hansa.engine import Derivation, write_total
from hansa.governance import Plan, load_plan
from hansa.learning import Rows, build_recipe, recipe_digest
from hansa.node import load_rows
from hansa.rehearsal.casting import name_members
from hansa.secagg import Aggregator, Contributor, Party
from hansa.transparency import SigningKey

SHIPPED = Path(__file__).parents[1] / "src/hansa/rehearsal/birds"
MISSING = {"", "nan"}


def read_table(folder: Path) -> tuple[dict[str, object], dict[str, list[dict[str, str]]]]:
    described = folder / "dataset.json"
    meta = json.loads(described.read_text()) if described.exists() else {"name": "birds", **BIRDS}
    rows: dict[str, list[dict[str, str]]] = collections.defaultdict(list)
    with gzip.open(folder / "data.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["org"]].append(row)
    return meta, rows


BIRDS = {
    "num": ["ac_mass", "num_engs", "log_height", "speed", "month", "year"],
    "cat": ["phase_of_flt", "time_of_day", "sky", "birds_struck", "birds_seen", "species"],
}


def write_plan(meta: dict[str, object], rows: dict[str, list[dict[str, str]]]) -> Plan:
    """Write the plan that these columns suggest: bounds and categories from all rows, every category kept."""
    everyone = [row for part in rows.values() for row in part]
    features = []
    for name in meta["num"]:
        values = [float(row[name]) for row in everyone if row[name] not in MISSING]
        low, high = math.floor(min(values)), math.ceil(max(values))
        high += low == high
        features.append(
            {"name": name, "type": "number", "minimum": str(low), "maximum": str(high), "missing": "allowed"}
        )
    for name in meta["cat"]:
        texts = sorted({row[name] for row in everyone if row[name] not in MISSING})
        features.append({"name": name, "type": "category", "categories": texts, "missing": "allowed"})
    plan = {
        "version": 1,
        "name": str(meta["name"]),
        "purpose": "Benchmark.",
        "recipe": {
            "name": "logistic",
            "parameters": {"minimum_category_members": 1, "minimum_category_rows": 1},
        },
        "label": {"name": "label", "positive": "1", "negative": "0"},
        "features": features,
        "cohort": {"members": "all", "minimum": 3},
        "split": {"kind": "stratified", "seed": 0, "test": "3/10"},
        "privacy": {"noise": "none"},
        "bars": [{"metric": "auc_together", "at_least": "0.5"}],
        "leaves": [{"what": "sums", "to": "members"}],
    }
    return load_plan(json.dumps(plan), "plan.json", recipe_digest=recipe_digest())


def load_members(plan: Plan, table: dict[str, list[dict[str, str]]]) -> dict[str, Rows]:
    """Write each organisation's table, and read it as its node does."""
    members = {}
    with tempfile.TemporaryDirectory() as name:
        for member, organisation in name_members(table).items():
            path = Path(name) / f"{member}.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(table[organisation][0]))
                writer.writeheader()
                writer.writerows(table[organisation])
            members[member] = load_rows(path, plan, member)
    return members


def fit_together(plan: Plan, members: dict[str, Rows]) -> tuple[float, dict[str, float], int, int]:
    """Return seconds, coefficients, rounds and bytes a member sent, up to the end of the fit."""
    keys = {name: SigningKey.from_seed(entropy.draw(32)) for name in members}
    cohort = tuple(Party(name, keys[name].public.raw) for name in sorted(members))
    recipe = build_recipe(plan.to_json(), tuple(sorted(members)))

    def derive() -> Derivation:
        return Derivation(
            recipe,
            run="00" * 32,
            coalition="00" * 32,
            cohort=cohort,
            threshold=len(cohort),
            degree=0,
            minimum_cohort=3,
            graph=bytes(32),
        )

    hub, sent, begun = derive(), 0, time.perf_counter()
    while (question := hub.question) is not None and question.name != "evaluation":
        aggregator = Aggregator(hub.session, draw=entropy.draw)
        machines = {}
        for name, rows in members.items():
            machine = Contributor(hub.session, name, sign=keys[name].sign, draw=entropy.draw)
            machine.contribute(hub.quantiser.encode(recipe.answer(question, rows)))
            machines[name] = machine
        messages = {name: machine.start() for name, machine in machines.items()}
        while messages:
            sent += len(next(iter(messages.values())))
            for name, message in messages.items():
                aggregator.receive(name, message)
            messages = {n: machines[n].receive(m) for n, m in aggregator.broadcast().items()}
        hub.learn(write_total(aggregator.total), aggregator.survivors)
    took = time.perf_counter() - begun
    model = hub._state.model  # noqa: SLF001 - the benchmark stops between fit and evaluation
    return took, dict(zip(model.design.names, model.coefficients, strict=True)), hub.round - 1, sent


def compare(folder: Path, runs: int) -> None:
    meta, table = read_table(folder)
    plan = write_plan(meta, table)
    members = load_members(plan, table)
    pooled = [rows.train for rows in members.values()]
    labels = np.concatenate([part.labels for part in pooled])
    numbers = np.column_stack([np.concatenate([p.numbers[n] for p in pooled]) for n in meta["num"]])
    texts = np.column_stack(
        [np.concatenate([p.texts[n] for p in pooled]) for n in meta["cat"]] or [np.empty((len(labels), 0))]
    )
    texts = np.where(texts == None, "nan", texts).astype(object)  # noqa: E711 - element by element
    both = np.concatenate([numbers.astype(object), texts], axis=1)
    width = numbers.shape[1]
    parts = [
        (
            "n",
            make_pipeline(SimpleImputer(strategy="mean", add_indicator=True), StandardScaler()),
            list(range(width)),
        )
    ]
    if texts.shape[1]:
        parts.append(("c", OneHotEncoder(handle_unknown="ignore"), list(range(width, both.shape[1]))))
    ours, pipeline, newton, ratios = [], [], [], []
    for _ in range(runs):
        for rows in members.values():
            rows._memory.clear()  # noqa: SLF001 - every run begins from the table
        took, coefficients, rounds, sent = fit_together(plan, members)
        ours.append(took)
        begun = time.perf_counter()
        make_pipeline(ColumnTransformer(parts), LogisticRegression(C=1.0, max_iter=300)).fit(both, labels)
        pipeline.append(time.perf_counter() - begun)
        ratios.append(took / pipeline[-1])
    difference, seconds = exact_difference(plan, members, coefficients, labels)
    newton.append(seconds)
    print(
        f"\n{meta['name']}: {len(labels):,} training rows, {len(members)} members, {len(coefficients)} columns"
    )
    print(f"  joint fit, all masking included   {statistics.median(ours):8.2f} s")
    print(f"  scikit-learn pooled, pipeline     {statistics.median(pipeline):8.2f} s  (lbfgs)")
    print(
        f"  scikit-learn pooled, ready design {statistics.median(newton):8.2f} s  (newton-cholesky to 1e-12)"
    )
    print(f"  joint / pipeline                  {statistics.median(ratios):8.2f} x  (median of {runs} runs)")
    print(f"  largest coefficient difference    {difference:8.1e}")
    print(f"  rounds, bytes up a member         {rounds:8}    {sent:,}")


def exact_difference(
    plan: Plan, members: dict[str, Rows], ours: dict[str, float], labels: np.ndarray
) -> tuple[float, float]:
    """Fit the same objective on the same columns with scikit-learn; return the largest difference, and seconds."""
    from hansa.learning import run_in_clear
    from hansa.learning.design import encode_table
    from hansa.learning.model import parse_model

    recipe = build_recipe(plan.to_json(), tuple(sorted(members)))
    model = parse_model(dict(run_in_clear(recipe, list(members.values())).document))
    full = np.concatenate([encode_table(model.design, rows.train).spell_out() for rows in members.values()])
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(
            full[:, 1:], labels
        )
    seconds = time.perf_counter() - begun
    exact = np.append(theirs.intercept_, theirs.coef_[0])
    return float(np.max(np.abs(exact - np.array(list(ours.values()))))), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    for folder in arguments.data or [SHIPPED]:
        compare(folder, arguments.runs)


if __name__ == "__main__":
    main()
