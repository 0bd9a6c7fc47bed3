"""Singletons: categories that one row, one member or few hold, in totals that everybody sees."""

from collections.abc import Iterator

import numpy as np

from hansa.learning import Table
from hansa.learning.survey import count_columns, read_survey
from leaks.finding import Finding, judge_scores
from leaks.gathering import Coalition
from leaks.view import add_noise, watch

TOLD = "one row told from none, AUC"

_DRAWS = 60


def measure_singletons(coalition: Coalition, minimum_rows: int, minimum_members: int) -> Iterator[Finding]:
    """Count the categories that the survey shows though few hold them, and what the columns still give away."""
    members = coalition.divide()
    view = watch(coalition.recipe(members), list(members.values()))
    schema = view.model.design.schema
    survey = read_survey(schema, view.turns[0].total)
    held = survey.categories
    shown = sum(int((part.rows > 0).sum()) for part in held)
    setting = f"{len(members)} members"

    def count(measure: str, value: int) -> Finding:
        return Finding("singletons", coalition.name, setting, "none", measure, value, unit="count")

    yield count("categories shown", shown)
    yield count("shown though one row holds them", sum(int((part.rows == 1).sum()) for part in held))
    yield count("shown though one member holds them", sum(int((part.members == 1).sum()) for part in held))
    few = sum(
        int(((part.rows > 0) & ((part.rows < minimum_rows) | (part.members < minimum_members))).sum())
        for part in held
    )
    yield count(f"shown though fewer than {minimum_rows} rows or {minimum_members} members do", few)
    yield from _name_holders(coalition, held, {n: rows.train for n, rows in members.items()}, setting)
    columns = view.model.design.categories
    kept = sum(
        int((part.rows[list(block.codes)] < minimum_rows).sum())
        for part, block in zip(held, columns, strict=True)
    )
    yield count(_kept(minimum_rows), kept)
    rest = [
        int(part.rows.sum() - part.rows[list(block.codes)].sum())
        for part, block in zip(held, columns, strict=True)
    ]
    few = sum(0 < rows < minimum_rows for rows in rest)
    yield count(f"features whose categories without a column are fewer than {minimum_rows} rows in all", few)
    absent = [
        survey.rows - totals.present
        for totals, number in zip(survey.numbers, view.model.design.numbers, strict=True)
        if number.indicator
    ]
    few = sum(rows < minimum_rows for rows in absent)
    yield count(f"numbers missing in fewer than {minimum_rows} rows, which have a column for that", few)


def measure_hidden(
    coalition: Coalition, minimum_rows: int, noise: str, generator: np.random.Generator
) -> Iterator[Finding]:
    """Yield how well a category that one row has is told from one that none has, in the noised census."""
    members = coalition.divide()
    recipe, protect = coalition.recipe(members), add_noise(generator)
    question = recipe.ask(recipe.begin())
    answers = [recipe.answer(question, rows) for rows in members.values()]
    design = watch(recipe, list(members.values()), protect).model.design
    counts = [
        np.sum(
            [np.bincount(r.train.codes[f.name], minlength=count_columns(f)) for r in members.values()], axis=0
        )
        for f in design.schema.categories
    ]
    if not counts:
        return
    # The counts of categories come last in the census, in the plan's order.
    held = np.concatenate(counts)
    asked = held <= 1
    # A column is a draw of the noise, so that the interval is over draws: the counts are what they are.
    scores = np.array([protect(question, answers)[-len(held) :][asked] for _ in range(_DRAWS)]).T
    labels = np.repeat(held[asked].astype(np.float64)[:, None], _DRAWS, axis=1)
    setting = f"{len(members)} members"
    if labels.any():
        ((_, told, low, high, unit),) = judge_scores(labels, scores, generator, rates=())
        yield Finding("hidden", coalition.name, setting, noise, TOLD, told, low, high, unit)
    kept = sum(
        int((part[list(block.codes)] < minimum_rows).sum())
        for part, block in zip(counts, design.categories, strict=True)
    )
    yield Finding("hidden", coalition.name, setting, noise, _kept(minimum_rows), kept, unit="count")


def _kept(minimum_rows: int) -> str:
    return f"columns of categories of fewer than {minimum_rows} rows"


def _name_holders(
    coalition: Coalition, held: tuple, tables: dict[str, Table], setting: str
) -> Iterator[Finding]:
    """Guess who holds each category of one member: the member with the most rows, the best guess from sizes alone."""
    largest = max(sorted(tables), key=lambda name: len(tables[name]))
    right = asked = 0
    for feature, part in zip(next(iter(coalition.tables.values())).schema.categories, held, strict=True):
        for code in np.flatnonzero(part.members == 1):
            asked += 1
            right += bool((tables[largest].codes[feature.name] == code).any())
    if asked:
        measure = "of those of one member, its holder is rightly guessed to be the largest"
        yield Finding("singletons", coalition.name, setting, "none", measure, right / asked)
