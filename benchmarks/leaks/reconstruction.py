"""Reconstruction of rows from the sums of a few: what a hub and all other members can take apart.

A Hessian is the sum over rows of `weight x xᵀ`. From turn to turn the weights change and the rows do not, so two
Hessians of at most as many rows as columns have one common decomposition: the rows. The intercept is 1 in every
row and gives the scale; the gradient then gives the labels; the survey names categories without a column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hansa.learning import Rows, Table
from hansa.learning.design import Design, encode_table
from hansa.learning.newton import squash
from hansa.learning.slope import SlopeQuestion, read_slope
from hansa.learning.survey import SurveyQuestion, read_survey
from leaks.finding import Finding, measure_share
from leaks.gathering import Coalition, Members
from leaks.view import (
    ROUNDING,
    Protect,
    Turn,
    add_exactly,
    additive_part,
    move_totals,
    noise_deviation,
    take_row,
    watch,
)

WHOLE = 1e-3
"""A recovered element this near to 0 or 1, or to the row's, counts as it."""

CANDIDATES = 200
"""Rows in the list that a row is picked out of, or all there are."""

ROWS_READ, CELLS_READ = "rows read whole, label included", "cells read"

_RANK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Recovered:
    """Rows that the adversary holds to be real.

    Args:
        matrix: shape (n, n_columns), in the design's columns.
        labels: shape (n,), 0 or 1.
    """

    matrix: np.ndarray
    labels: np.ndarray


def observe_part(
    coalition: Coalition, members: Members, attacked: Sequence[str]
) -> tuple[list[Turn], Design]:
    """Run once, and return what all members but the attacked know of the attacked: the totals less their own."""
    recipe = coalition.recipe(members)
    view = watch(recipe, list(members.values()))
    turns = []
    for turn in view.turns:
        others = [
            recipe.answer(turn.question, rows) for name, rows in members.items() if name not in attacked
        ]
        # The colluders know the integers that they sent, so they subtract these and no rounded numbers.
        known = add_exactly(turn.question, [*others, *[np.zeros(turn.question.length)] * len(attacked)])
        turns.append(Turn(turn.question, turn.total - known))
    return turns, view.model.design


def recover_rows(turns: Sequence[Turn], generator: np.random.Generator) -> Recovered:
    """Decompose the Hessians into rows, and keep those that look like rows.

    A row looks real when its indicators and categories are 0 or 1 and no feature has two categories.

    Args:
        turns: of the Newton search, at least two.
        generator: for a mixture of all later Hessians.

    Source: Harshman 1970, "Determining the unique solution of PARAFAC1" (Jennrich's algorithm); the
    decomposition of sums into rows as in Leurgans, Ross, Abel 1993.
    """
    asked = [(turn.question, read_slope(turn.question, turn.total)) for turn in turns]
    first, slope = asked[0]
    vectors, values, _ = np.linalg.svd(slope.curvature)
    rank = int((values > _RANK * values[0]).sum())
    basis, root = vectors[:, :rank], np.sqrt(values[:rank])
    later = [other.curvature for _, other in asked[1:]]
    mixed = sum(w * h for w, h in zip(generator.normal(size=len(later)), later, strict=True))
    inner = (basis / root).T @ mixed @ (basis / root)
    _, turned = np.linalg.eigh((inner + inner.T) / 2)
    scale = (basis * root)[0] @ turned
    usable = np.abs(scale) > WHOLE**2
    turned, scale = turned[:, usable], scale[usable]
    matrix = ((basis * root) @ turned / scale).T
    real = _looks_real(first.design, matrix)
    duals = ((basis / root) @ turned * scale).T
    probability, _ = squash(matrix @ first.coefficients)
    labels = np.rint(probability - duals @ slope.gradient)
    return Recovered(matrix[real], labels[real])


def count_rows(found: Recovered, design: Design, table: Table) -> int:
    """Return how many of a table's rows were recovered in every column and with their label."""
    truth = encode_table(design, table).spell_out()
    near = [(np.abs(found.matrix - row) < WHOLE).all(axis=1) for row in truth]
    return sum(bool((found.labels[n] == label).any()) for n, label in zip(near, table.labels, strict=True))


def count_cells(found: Recovered, survey: Turn, design: Design, table: Table) -> int:
    """Return how many cells of a table the adversary reads right: features and label, of recovered rows only.

    A category without a column is guessed to be the commonest of those that the survey counted.
    """
    truth = encode_table(design, table).spell_out()
    assert isinstance(survey.question, SurveyQuestion)
    counts = read_survey(survey.question.schema, survey.total).categories
    cells = 0
    for place, row in enumerate(truth):
        near = np.flatnonzero((np.abs(found.matrix - row) < WHOLE).all(axis=1))
        if not len(near):
            continue
        # Every column is right, and so are numbers and missing ones; but not every category has a column.
        cells += len(design.numbers) + bool((found.labels[near] == table.labels[place]).any())
        for columns, totals in zip(design.categories, counts, strict=True):
            code = table.codes[columns.name][place]
            rest = np.array(totals.rows)
            rest[list(columns.codes)] = 0
            cells += bool(code in columns.codes or code == np.argmax(rest))
    return cells


def _looks_real(design: Design, matrix: np.ndarray) -> np.ndarray:
    place, flags = 1, []
    for number in design.numbers:
        place += number.deviation is not None
        flags += [place] * number.indicator
        place += number.indicator
    binary = matrix[:, [*flags, *range(place, matrix.shape[1])]]
    real = (np.minimum(np.abs(binary), np.abs(binary - 1)) < WHOLE).all(axis=1)
    for block in design.blocks:
        real &= matrix[:, block].sum(axis=1) < 1 + WHOLE
    return np.asarray(real & (np.abs(matrix) <= design.reach + WHOLE).all(axis=1))


def measure_recovery(
    coalition: Coalition, sizes: Sequence[int], rows: int, generator: np.random.Generator
) -> Iterator[Finding]:
    """Give one member only so many training rows, drawn by lot, and yield the share that all others recover.

    Args:
        coalition: whose largest member is cut down.
        sizes: how many training rows it keeps.
        rows: draw again until at least so many were attacked.
        generator: for the lots.
    """
    members = coalition.divide()
    largest = max(sorted(members), key=lambda name: len(members[name].train))
    for size in sizes:
        totals, times = np.zeros(2, dtype=int), -(-rows // size)
        for _ in range(times):
            picked = generator.choice(len(members[largest].train), size, replace=False)
            part = Rows(largest, members[largest].train.take(picked), members[largest].test)
            totals += _attack(coalition, {**members, largest: part}, [largest], generator)
        rows_ = "1 training row" if size == 1 else f"{size} training rows"
        setting = f"a member with {rows_}; all {len(members) - 1} others collude"
        whole, cells = totals.tolist()
        read = measure_share(whole, times * size)
        yield Finding("reconstruction", coalition.name, setting, "none", ROWS_READ, *read)
        read = measure_share(cells, _count_cells(coalition, times * size))
        yield Finding("reconstruction", coalition.name, setting, "none", CELLS_READ, *read)


def measure_members(
    coalition: Coalition, attacked: Sequence[str], setting: str, generator: np.random.Generator
) -> Iterator[Finding]:
    """Yield what the others recover of some members as they are."""
    members = coalition.divide()
    rows = sum(len(members[name].train) for name in attacked)
    whole, cells = _attack(coalition, members, attacked, generator).tolist()
    for measure, share in ((ROWS_READ, whole / rows), (CELLS_READ, cells / _count_cells(coalition, rows))):
        yield Finding("reconstruction", coalition.name, setting, "none", measure, share)


def measure_pick(
    coalition: Coalition,
    victims: int,
    noise: str,
    *,
    generator: np.random.Generator,
    protect: Protect = add_exactly,
) -> Iterator[Finding]:
    """Give a member one training row, and yield how often it is picked out of a list of real rows.

    The list is of rows drawn from all members' training rows. The adversary knows all other members' rows, but not
    the noise that they added, and takes the likeliest row given all totals.

    Args:
        coalition: the members.
        victims: how many rows to attack, one a run.
        noise: for the finding.
        generator: for the lots.
        protect: adds up answers.
    """
    members = coalition.divide()
    recipe = coalition.recipe(members)
    everyone = [(name, place) for name, rows in members.items() for place in range(len(rows.train))]
    candidates, right = min(CANDIDATES, len(everyone)), 0
    for _ in range(victims):
        picked = generator.choice(len(everyone), candidates, replace=False)
        singles = [take_row(members[name], place) for name, place in (everyone[k] for k in picked)]
        owner = everyone[picked[0]][0]
        view = watch(recipe, list({**members, owner: singles[0]}.values()), protect)
        scores = np.zeros(candidates)
        for turn in view.turns:
            question, seen = turn.question, additive_part(turn.question, turn.total)
            for name, rows in members.items():
                if name != owner:
                    seen = seen - additive_part(question, recipe.answer(question, rows))
            moved, moves = move_totals(recipe, question, singles)
            deviation = max(noise_deviation(question), ROUNDING)
            scores += (moves @ seen[moved] - 0.5 * np.square(moves).sum(axis=1)) / deviation**2
        # Rows that move all totals alike are one row to anybody.
        right += bool(scores[0] >= scores.max() - 1e-9 * abs(scores.max()))
    setting = f"a member with 1 training row, of {len(members)}; all other rows known"
    measure = f"picked out of {candidates} candidates"
    yield Finding("reconstruction", coalition.name, setting, noise, measure, *measure_share(right, victims))


def _attack(
    coalition: Coalition, members: Members, attacked: Sequence[str], generator: np.random.Generator
) -> np.ndarray:
    turns, design = observe_part(coalition, members, attacked)
    found = recover_rows([turn for turn in turns if isinstance(turn.question, SlopeQuestion)], generator)
    tables = [members[name].train for name in attacked]
    rows = sum(count_rows(found, design, table) for table in tables)
    return np.array([rows, sum(count_cells(found, turns[0], design, table) for table in tables)])


def _count_cells(coalition: Coalition, rows: int) -> int:
    return rows * (len(coalition.plan.features) + 1)
