"""How many members gain over what they have alone: together, corrected, and as each chooses by its own validation rows.

    python benchmarks/gain.py --data FOLDER [--data FOLDER ...] [--recipe NAME ...] [--repeats N]

Each folder holds `data.csv.gz`, `dataset.json` and `results.json`, whose rows test here (see `quality.py`). A fifth of the training rows validates:
drawn next within each member and label, as whole groups, or the latest before the test rows, as the split of the folder is. Own models are fitted to
all training rows, with the validation rows, as they were for the published figures; the joint one to the others only. Sums are added in the clear.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from hansa.learning import Logistic, Parameters, Rows, Schema, Table
from hansa.learning.choice import FAMILIES, choose
from hansa.learning.logistic import Appraising
from hansa.learning.personal import Judge, LogisticJudge
from hansa.learning.recipe import Result
from hansa.learning.trees.judging import TreesJudge
from hansa.learning.trees.organisation import add_rate, add_rate_to_schema
from quality import PARAMETERS, choose_test, grow, read_folder

SHARE = 0.2
KINDS = ("alone", "together", "corrected", "mixed 1/2", "chosen")
SETTINGS = Parameters(organisation_intercepts=True, minimum_rows_per_column=1, maximum_turns=60)
"""For all folders alike; scikit-learn's default ridge, as in the published figures."""

LOGISTICS = {
    "logistic": SETTINGS,
    "logistic-root": replace(SETTINGS, voice="root"),
    "logistic-members": replace(SETTINGS, voice="members"),
    "logistic-clusters": replace(SETTINGS, clusters=2),
}
"""All with organisation intercepts: each row alike, each member alike, and between; and with two further models."""

FORESTS = {
    "trees": PARAMETERS,
    "trees-rate": replace(PARAMETERS, organisation_rate=True),
    "trees-deep": replace(PARAMETERS, organisation_rate=True, depth=6),
}
"""All with offsets: plain, with each organisation's rate as a feature, and deeper ones with it."""


def choose_validation(
    split: dict[str, Any], rows: list[dict[str, str]], labels: np.ndarray, test: np.ndarray, seed: int
) -> np.ndarray:
    """Return which training rows validate: shape (n,), bool."""
    generator = np.random.default_rng(1000 + seed)
    if "column" in split:
        column = np.array([row[split["column"]] for row in rows])
        if split["kind"] == "temporal":
            times = column.astype(float)
            return ~test & (times >= np.quantile(times[~test], 1 - SHARE))
        groups = np.unique(column[~test])
        return ~test & np.isin(column, generator.permutation(groups)[: int(SHARE * len(groups))])
    organisations = np.array([row["org"] for row in rows])
    validation = np.zeros(len(rows), dtype=bool)
    for organisation in sorted({*organisations.tolist()}):
        for label in (0, 1):
            own = np.flatnonzero((organisations == organisation) & ~test & (labels == label))
            validation[generator.permutation(own)[: int(SHARE * len(own) + 0.5)]] = True
    return validation


def fit_judge(recipe: str, schema: Schema, members: list[Rows]) -> Judge:
    """Fit the joint model to the members' training rows."""
    if recipe in FORESTS:
        least = min(3, max(2, len(members) // 2))  # as drafted plans have it
        parameters = replace(FORESTS[recipe], minimum_members=least)
        return TreesJudge(grow(schema, parameters, members), parameters)
    names = tuple(rows.member for rows in members)
    logistic = Logistic(schema, LOGISTICS[recipe], names)
    state = logistic.begin()
    while not isinstance(state, Appraising):
        question = logistic.ask(state)
        assert not isinstance(question, Result)  # there is no result before a model is appraised
        total = np.sum([logistic.answer(question, rows) for rows in members], axis=0)
        state = logistic.learn(state, total, names)
    return LogisticJudge(state.model, SETTINGS.ridge, SETTINGS.correction)


def score_members(judge: Judge, members: list[Rows]) -> dict[str, tuple[list[float], str]]:
    """Return, of each member with three test rows of each label, its AUC of each of the `KINDS`, and the family it trusts most."""
    found = {}
    for rows in members:
        labels = rows.test.labels
        if min(np.bincount(labels, minlength=2)) < 3:
            continue
        choice = choose(judge, rows)
        assert choice is not None  # each has validation rows, or an empty table of them
        scores = judge.score(rows)
        halves = next(option.logits for option in choice.options if option.name == "mixed 1/2")
        kinds = (scores.alone, scores.together, scores.corrected, halves, choice.logits)
        found[rows.member] = [float(roc_auc_score(labels, kind)) for kind in kinds], choice.family
    return found


def measure(folder: Path, recipe: str, most: int) -> None:
    meta, rows, table = read_folder(folder)
    published = json.loads((folder / "results.json").read_text())
    organisations = np.array([row["org"] for row in rows])
    names = sorted({*organisations.tolist()})
    repeats = []
    for seed in range(min(int(published["repeats"]), most)):
        test = choose_test(meta["split"], rows, table.labels, seed)
        validation = choose_validation(meta["split"], rows, table.labels, test, seed)

        def take(name: str, part: np.ndarray) -> Table:
            return table.take((organisations == name) & part)

        members = [
            Rows(name, take(name, ~test & ~validation), take(name, test), take(name, validation))
            for name in names
        ]
        schema = table.schema
        if recipe in FORESTS and FORESTS[recipe].organisation_rate:
            schema, members = add_rate_to_schema(schema), [add_rate(rows) for rows in members]
        repeats.append(score_members(fit_judge(recipe, schema, members), members))
    scored = [name for name in names if any(name in found for found in repeats)]
    means = {name: np.mean([found[name][0] for found in repeats if name in found], axis=0) for name in scored}
    alone = "HGB alone" if recipe in FORESTS else "LR alone"
    print(f"\n{meta['name']}, {recipe}, {len(repeats)} repeats, {len(scored)} members")
    print("               macro AUC  gain  no worse  over published")
    for place, kind in enumerate(KINDS):
        gain = sum(mean[place] > mean[0] for mean in means.values())
        level = sum(mean[place] >= mean[0] for mean in means.values())
        theirs = sum(
            mean[place] > published["by_org"][name][alone]
            for name, mean in means.items()
            if name in published["by_org"]
        )
        average = np.mean([mean[place] for mean in means.values()])
        print(f"{kind:14} {average:9.4f}  {gain:4}  {level:8}  {theirs:14}")
    trusted = [family for found in repeats for _, family in found.values()]
    print("trusted most: ", ", ".join(f"{family} {trusted.count(family)}" for family in FAMILIES), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the members that gain, by recipe and choice.")
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--recipe", choices=(*LOGISTICS, *FORESTS), action="append")
    parser.add_argument("--repeats", type=int, default=10**6)
    given = parser.parse_args()
    for folder in given.data:
        for recipe in given.recipe or (*LOGISTICS, *FORESTS):
            measure(folder, recipe, given.repeats)


if __name__ == "__main__":
    main()
