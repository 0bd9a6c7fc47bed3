"""Membership inference against statistics: was this row among those that they are of?

Who knows all other rows asks their totals, as in `leaks.membership`. Who reads the document alone, and knows how the
rows are spread from which the members' were drawn, asks whether what is told leans towards the row.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hansa.errors import Refused
from hansa.governance import parse_plan
from hansa.learning import Result, Rows, Table
from hansa.learning.histogram import place_values
from hansa.learning.recipe import Recipe
from hansa.learning.statistics import verify_result
from hansa.learning.summary import CategorySummary, NumberSummary, Summary
from leaks.finding import Finding, judge_scores
from leaks.gathering import Coalition, Members
from leaks.view import Protect, Turn, add_exactly

_UNSEEN = 0.5
"""Rows that are added to each cell, so that one that is told as empty does not decide alone."""


def describe(coalition: Coalition) -> Coalition:
    """Return the same members under a plan of statistics of the same features, at the same privacy."""
    plan = json.loads(json.dumps(coalition.plan.to_json()))
    kept = {name: part for name, part in plan.items() if name not in {"label", "split", "bars"}}
    parameters = {"bins": 20, "minimum_rows": 10, "minimum_members": 3}
    kept["recipe"] = {"name": "statistics", "digest": plan["recipe"]["digest"], "parameters": parameters}
    return Coalition(coalition.name, parse_plan(kept), coalition.tables)


def watch_statistics(
    recipe: Recipe, members: Sequence[Rows], protect: Protect = add_exactly
) -> tuple[tuple[Turn, ...], Summary]:
    """Run a recipe of statistics and keep every total, and what is told."""
    state, turns = recipe.begin(), []
    survivors = tuple(sorted(rows.member for rows in members))
    while not isinstance(question := recipe.ask(state), Result):
        total = protect(question, [recipe.answer(question, rows) for rows in members])
        turns.append(Turn(question, total))
        state = recipe.learn(state, total, survivors)
    return tuple(turns), verify_result(question).summary


def score_rows(summary: Summary, population: Table, asked: Table) -> np.ndarray:
    """Score rows by how much what is told of their cells is above what the population's shares are: shape (n,).

    Args:
        summary: what is told.
        population: rows that the adversary knows to be spread as those it asks about.
        asked: the rows asked about.

    Source: Homer et al. 2008; Sankararaman, Obozinski, Jordan, Halperin 2009, the likelihood ratio of released shares.
    """
    scores = np.zeros(len(asked))
    for told in (*summary.numbers, *summary.categories):
        counts = np.array(_list_counts(told, summary.rows)) + _UNSEEN
        known = np.bincount(_place_rows(told, population), minlength=len(counts)) + _UNSEEN
        ratio = np.log(counts / counts.sum()) - np.log(known / known.sum())
        scores += ratio[_place_rows(told, asked)]
    return scores


def measure_described(
    coalition: Coalition,
    draws: int,
    noise: str,
    *,
    generator: np.random.Generator,
    protect: Protect = add_exactly,
) -> Iterator[Finding]:
    """Make statistics of half of the rows, drawn by lot, several times, and yield how well the document tells which."""
    recipe = coalition.recipe(coalition.tables)
    whole = _stack_tables(coalition.tables)
    labels, scores = [], []
    for _ in range(draws):
        members, lots = coalition.draw(generator)
        try:
            _, summary = watch_statistics(recipe, _keep_trained(members), protect)
        except Refused:  # too few rows to be told: there is no document
            continue
        labels.append(np.concatenate([lots[name] for name in coalition.tables]).astype(np.float64))
        scores.append(score_rows(summary, whole, whole))
    half = f"document over half of {len(whole):,} rows, which are known, but not which half"
    setting = f"{len(coalition.tables)} members; {half}"
    if labels:
        for figure in judge_scores(np.array(labels), np.array(scores), generator, rates=(0.01,)):
            yield Finding("described", coalition.name, setting, noise, *figure)
    refused = (draws - len(labels)) / draws
    yield Finding("described", coalition.name, setting, noise, "refused, as of too few rows", refused)


def _stack_tables(tables: Mapping[str, Table]) -> Table:
    """Return all rows of all members as one table."""
    parts = tuple(tables.values())
    return Table(
        parts[0].schema,
        {name: np.concatenate([part.numbers[name] for part in parts]) for name in parts[0].numbers},
        {name: np.concatenate([part.texts[name] for part in parts]) for name in parts[0].texts},
        np.concatenate([part.labels for part in parts]),
    )


def _keep_trained(members: Members) -> list[Rows]:
    return [
        Rows(name, rows.train, rows.train.take(np.zeros(0, dtype=np.intp))) for name, rows in members.items()
    ]


def _list_counts(told: NumberSummary | CategorySummary, rows: int) -> list[int]:
    """Return the rows of each cell; the first are those without a value, or all that are told in no other way."""
    match told:
        case NumberSummary(missing=missing, histogram=histogram):
            return [missing or 0, *[run.rows for run in histogram]]
        case CategorySummary(counts=counts, other=other):
            return [
                max(rows - sum(count for _, count in counts), other or 0),
                *[count for _, count in counts],
            ]


def _place_rows(told: NumberSummary | CategorySummary, table: Table) -> np.ndarray:
    """Return the cell of each row in `_list_counts`."""
    match told:
        case NumberSummary(number=number, bins=bins, missing=missing, histogram=histogram):
            column = table.numbers[number.name]
            held = np.full(len(column), 0 if missing is not None else 1)
            ends = np.array([run.end for run in histogram])
            present = ~np.isnan(column)
            held[present] = 1 + np.searchsorted(
                ends, place_values(number, bins, column[present]), side="right"
            )
            return held
        case CategorySummary(category=category, counts=counts):
            codes = np.array([code for code, _ in counts], dtype=np.intp)
            own = table.codes[category.name]
            if not len(codes):
                return np.zeros(len(own), dtype=np.intp)
            place = np.minimum(np.searchsorted(codes, own), len(codes) - 1)
            return np.where(codes[place] == own, place + 1, 0)
