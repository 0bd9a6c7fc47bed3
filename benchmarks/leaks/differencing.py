"""Differencing: what two runs whose cohorts differ by one member tell of that member.

Nobody colludes here: both runs' totals are what everybody in them sees. Means and base rates differ between the
runs, so later turns ask at other points; but the survey does not depend on them, and in the first Newton turn
every row has one and the same public weight, so both runs' Hessians are counts up to a factor.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hansa.learning import Rows
from hansa.learning.newton import squash
from hansa.learning.slope import SlopeQuestion, encode_train, read_slope
from hansa.learning.survey import SurveyQuestion, count_columns, read_survey
from leaks.finding import Finding
from leaks.gathering import Coalition
from leaks.view import Protect, Turn, View, watch

COUNTS_READ = "survey counts of the member read exactly"


@dataclass(frozen=True, slots=True, eq=False)
class CrossTable:
    """Counts of rows by pairs of columns that are 0 or 1.

    Args:
        names: the columns, the intercept first.
        rows: shape (n, n), rows that have both.
        positives: shape (n,), rows that have it and label 1.
    """

    names: tuple[str, ...]
    rows: np.ndarray
    positives: np.ndarray


def difference_counts(first: Turn, second: Turn) -> np.ndarray:
    """Return one member's counts from two surveys' totals: rows, positives, rows per number and per category."""
    both = []
    for turn in (first, second):
        assert isinstance(turn.question, SurveyQuestion)
        totals = read_survey(turn.question.schema, turn.total)
        present = [number.present for number in totals.numbers]
        counts = [totals.rows, totals.positives, *present]
        both.append(np.concatenate([counts, *[part.rows for part in totals.categories]]))
    return np.asarray(both[0] - both[1])


def read_cross_table(turn: Turn) -> CrossTable:
    """Read the first Newton turn as counts."""
    question = turn.question
    assert isinstance(question, SlopeQuestion)
    slope = read_slope(question, turn.total)
    probability = float(squash(question.coefficients[:1])[0][0])
    rows = slope.curvature / (probability * (1.0 - probability))
    binary = [0, *[k for k, name in enumerate(question.design.names) if _is_binary(question, name)]]
    return CrossTable(
        tuple(question.design.names[k] for k in binary),
        np.rint(rows[np.ix_(binary, binary)]),
        np.rint((probability * rows[0] - slope.gradient)[binary]),
    )


def difference_tables(first: CrossTable, second: CrossTable) -> CrossTable:
    """Return one member's cross table, for the columns that both runs had."""
    names = [name for name in first.names if name in second.names]
    mine = [first.names.index(name) for name in names]
    theirs = [second.names.index(name) for name in names]
    return CrossTable(
        tuple(names),
        first.rows[np.ix_(mine, mine)] - second.rows[np.ix_(theirs, theirs)],
        first.positives[mine] - second.positives[theirs],
    )


def measure_pairs(coalition: Coalition, leavers: Sequence[str]) -> Iterator[Finding]:
    """Run with everybody and once without each of some members; yield how much of each is read."""
    members = coalition.divide()
    whole = watch(coalition.recipe(members), list(members.values()))
    hits, trials = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    for leaver in leavers:
        rest = {name: rows for name, rows in members.items() if name != leaver}
        less = watch(coalition.recipe(rest), list(rest.values()))
        for place, (right, asked) in enumerate(_compare(whole, less, members[leaver])):
            hits[place] += right
            trials[place] += asked
    setting = f"{len(members)} members, then one fewer; nobody colludes"
    for measure, right, asked in zip(
        (COUNTS_READ, "cross-tabulated counts of it read exactly"),
        hits.tolist(),
        trials.tolist(),
        strict=True,
    ):
        yield Finding("differencing", coalition.name, setting, "none", measure, right / asked)


def measure_noised_pairs(
    coalition: Coalition, leavers: Sequence[str], noise: str, protect: Protect
) -> Iterator[Finding]:
    """Difference two runs' first totals under noise, and yield how far the member's own numbers are off."""
    members = coalition.divide()
    recipe = coalition.recipe(members)
    question = recipe.ask(recipe.begin())
    answers = {name: recipe.answer(question, rows) for name, rows in members.items()}
    errors = []
    for leaver in leavers:
        whole = protect(question, list(answers.values()))
        less = protect(question, [answer for name, answer in answers.items() if name != leaver])
        held = answers[leaver] != 0
        errors.append((whole - less - answers[leaver])[held])
    off = np.concatenate(errors)
    setting = f"{len(members)} members, then one fewer; nobody colludes"
    yield Finding(
        "differencing", coalition.name, setting, noise, COUNTS_READ, float(np.mean(np.abs(off) < 0.5))
    )
    error = float(np.sqrt(np.mean(off**2)))
    yield Finding(
        "differencing", coalition.name, setting, noise, "error of such a count (rms)", error, unit="number"
    )


def _compare(whole: View, less: View, rows: Rows) -> Iterator[tuple[int, int]]:
    found = difference_counts(whole.turns[0], less.turns[0])
    codes = rows.train.codes
    schema = rows.train.schema
    held = [np.bincount(codes[f.name], minlength=count_columns(f)) for f in schema.categories]
    present = [np.count_nonzero(~np.isnan(rows.train.numbers[f.name])) for f in schema.numbers]
    truth = np.concatenate([[len(rows.train), rows.train.positives, *present], *held])
    told = (found != 0) | (truth != 0)
    yield int((found == truth)[told].sum()), int(told.sum())
    first, second = (read_cross_table(view.turns[1]) for view in (whole, less))
    table = difference_tables(first, second)
    question = whole.turns[1].question
    assert isinstance(question, SlopeQuestion)
    design = question.design
    matrix = encode_train(design, rows).spell_out()[:, [design.names.index(name) for name in table.names]]
    cells = np.concatenate([table.rows.ravel(), table.positives])
    exact = np.concatenate([(matrix.T @ matrix).ravel(), rows.train.labels @ matrix])
    told = (cells != 0) | (exact != 0)
    yield int((cells == exact)[told].sum()), int(told.sum())


def _is_binary(question: SlopeQuestion, name: str) -> bool:
    return name not in {number.name for number in question.design.numbers} | {"intercept"}
