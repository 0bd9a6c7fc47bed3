"""How good boosted trees over sums are on real data that comes in organisations, with the splits of published figures.

Called by `trees.py --quality`. Each folder holds `data.csv.gz`, `dataset.json` and `results.json`: what scikit-learn's boosting reached, per
organisation, alone, pooled, and pooled with the organisation as one more feature. The same rows test here. Sums are added in the clear,
which changes nothing about the trees.
"""

import csv
import gzip
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table
from hansa.learning.survey import SurveyQuestion, answer_survey
from hansa.learning.trees import Forest, TreesParameters
from hansa.learning.trees.cells import CellQuestion, answer_cells
from hansa.learning.trees.fitting import Fit, FitState, Growing, Surveying
from hansa.learning.trees.judging import TreesJudge
from hansa.learning.trees.organisation import add_rate, add_rate_to_schema
from hansa.learning.trees.questions import answer_level

MISSING = {"", "NA", "nan"}
PARAMETERS = TreesParameters(trees=150, depth=4, learning_rate=0.08, bins=64, minimum_rows=10)
"""For all folders alike; rounds, rate and rows are those of the published figures."""


def read_folder(folder: Path) -> tuple[dict[str, Any], list[dict[str, str]], Table]:
    meta = json.loads((folder / "dataset.json").read_text())
    with gzip.open(folder / "data.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    features: list[NumberFeature | CategoryFeature] = []
    numbers, texts = {}, {}
    for name in meta["num"]:
        values = np.array([math.nan if row[name] in MISSING else float(row[name]) for row in rows])
        numbers[name] = values
        low, high = float(math.floor(np.nanmin(values))), float(math.ceil(np.nanmax(values)))
        features.append(NumberFeature(name, low, high, missing=True))
    for name in meta["cat"]:
        column = [None if row[name] in MISSING else row[name] for row in rows]
        texts[name] = np.array(column, dtype=object)
        features.append(CategoryFeature(name, tuple(sorted({*column} - {None})), missing=True))
    labels = np.array([int(float(row["label"])) for row in rows], dtype=np.int8)
    return meta, rows, Table(Schema(tuple(features)), numbers, texts, labels)


def choose_test(
    split: dict[str, Any], rows: list[dict[str, str]], labels: np.ndarray, seed: int
) -> np.ndarray:
    """Return which rows test, by the rule of the published figures: shape (n,), bool."""
    kind = split["kind"]
    column = np.array([row[split["column"]] for row in rows]) if "column" in split else None
    if kind == "temporal":
        return column.astype(float) >= float(split["from"])
    if kind == "group_global":
        _, first = np.unique(column, return_index=True)
        drawn = np.random.default_rng(seed).permutation(column[np.sort(first)])
        return np.isin(column, drawn[: int(0.3 * len(drawn))])
    organisations = np.array([row["org"] for row in rows])
    test = np.zeros(len(rows), dtype=bool)
    for organisation in sorted({*organisations.tolist()}):
        own = np.flatnonzero(organisations == organisation)
        if kind == "group":
            parts = GroupShuffleSplit(1, test_size=0.3, random_state=seed).split(own, groups=column[own])
            test[own[next(parts)[1]]] = True
            continue
        both = min(np.bincount(labels[own], minlength=2)) >= 2
        _, chosen = train_test_split(
            own, test_size=0.3, random_state=seed, stratify=labels[own] if both else None
        )
        test[chosen] = True
    return test


def grow(schema: Schema, parameters: TreesParameters, members: list[Rows]) -> Forest:
    fit, names = Fit(schema, parameters), tuple(rows.member for rows in members)
    state: FitState = Surveying()
    while (question := fit.ask(state)) is not None:
        match question:
            case SurveyQuestion():
                answers = [answer_survey(schema, rows) for rows in members]
            case CellQuestion():
                answers = [answer_cells(question, rows) for rows in members]
            case _:
                answers = [answer_level(question, rows) for rows in members]
        state = fit.learn(state, question, np.sum(answers, axis=0), names)
    assert isinstance(state, Growing)  # or there was a question
    return state.forest


def score_members(members: list[Rows], schema: Schema) -> dict[str, list[float]]:
    """Return of each member with three rows of each label to test its AUC alone, pooled, with offsets and corrected."""
    least = min(3, max(2, len(members) // 2))  # as drafted plans have it
    parameters = replace(PARAMETERS, minimum_members=least)
    plain = grow(schema, replace(parameters, organisation_offsets=False), members)
    judge = TreesJudge(grow(schema, parameters, members), parameters)
    rated = replace(parameters, organisation_rate=True)
    told = [add_rate(rows) for rows in members]
    rates = TreesJudge(grow(add_rate_to_schema(schema), rated, told), rated)
    figures = {}
    for rows, more in zip(members, told, strict=True):
        labels = rows.test.labels
        if min(np.bincount(labels, minlength=2)) < 3:
            continue
        scores, with_rate = judge.score(rows), rates.score(more)
        kinds = (
            scores.alone,
            plain.predict(rows.test),
            scores.together,
            scores.corrected,
            with_rate.together,
            with_rate.corrected,
        )
        figures[rows.member] = [float(roc_auc_score(labels, kind)) for kind in kinds]
    return figures


def compare_quality(folders: list[Path]) -> None:
    """Print a table: macro AUC, and how many members gain over what they have alone."""
    print("macro AUC (+rate: with offsets and the rate of each organisation as a feature)")
    print(
        "data      repeats  ours: alone  pooled  +offsets  corrected  +rate  corrected   published: alone  pooled  +org"
    )
    gains = []
    for folder in folders:
        meta, rows, table = read_folder(folder)
        published = json.loads((folder / "results.json").read_text())
        organisations = np.array([row["org"] for row in rows])
        repeats = []
        for seed in range(int(published["repeats"])):
            test = choose_test(meta["split"], rows, table.labels, seed)
            members = [
                Rows(
                    name,
                    table.take((organisations == name) & ~test),
                    table.take((organisations == name) & test),
                )
                for name in sorted({*organisations.tolist()})
            ]
            repeats.append(score_members(members, table.schema))
        ours = np.mean([np.mean([*scored.values()], axis=0) for scored in repeats], axis=0)
        macro = [published["macro"][f"HGB {kind}"]["auc"] for kind in ("alone", "pooled", "pooled+org")]
        print(
            f"{meta['name']:9} {len(repeats):7} {ours[0]:12.4f}  {ours[1]:6.4f}  {ours[2]:8.4f}  {ours[3]:9.4f}  {ours[4]:6.4f}  {ours[5]:8.4f}"
            f"   {macro[0]:6.4f}  {macro[1]:6.4f}  {macro[2]:6.4f}",
            flush=True,
        )
        gains.append(_count_gains(meta["name"], repeats, published))
    print("\nmembers that gain        over our own alone             over the published alone")
    print(
        "data      of         pooled  +offsets  corrected    pooled  +offsets  corrected    published: pooled, +org"
    )
    print(*gains, sep="\n")


def _count_gains(name: str, repeats: list[dict[str, list[float]]], published: dict[str, Any]) -> str:
    """Return a line of the table; of each member the mean over the repeats counts."""
    means = {
        member: np.mean([scored[member] for scored in repeats if member in scored], axis=0)
        for member in published["by_org"]
        if any(member in scored for scored in repeats)
    }
    mine = [sum(mean[kind] > mean[0] for mean in means.values()) for kind in (1, 2, 3)]
    theirs = [
        sum(mean[kind] > published["by_org"][member]["HGB alone"] for member, mean in means.items())
        for kind in (1, 2, 3)
    ]
    wins = [published["wins"][f"HGB {kind} beats alone"] for kind in ("pooled", "pooled+org")]
    return f"{name:9} {len(means):3}        {mine[0]:6}  {mine[1]:8}  {mine[2]:9}    {theirs[0]:6}  {theirs[1]:8}  {theirs[2]:9}    {', '.join(wins)}"
