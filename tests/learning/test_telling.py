"""Nobody can work out a small cell from a histogram, a mean, a deviation and quantiles together."""

import itertools
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest

from hansa.learning import NumberFeature
from hansa.learning.design import Minimum
from hansa.learning.histogram import find_step
from hansa.learning.tabulation import Cells, Moments
from hansa.learning.telling import outline_number, tell_number

LEAST = Minimum(3, 3)
"""The least that a plan may ask for."""


def tell(values, rows, members, number, minimum=LEAST):
    """What is told of a number with these values, one in each bin (and first the rows without one, if there may be some)."""
    outline = outline_number(number, Cells(np.array(rows), np.array(members)), minimum)
    if outline is None:
        return None
    bins = len(values)
    counts = dict(zip(values, rows[number.missing :], strict=True))
    held = [value for place in outline.span for value in [values[place]] * counts[values[place]]]
    mean, square = (np.mean(np.power(held, power)) if held else 0.0 for power in (1, 2))
    return tell_number(number, bins, outline, Moments(len(held), float(mean), float(square)))


def list_cells(most):
    """Rows and members of a cell; more than three members are as good as three."""
    return [(rows, members) for rows in range(most + 1) for members in range(min(rows, 1), min(rows, 3) + 1)]


@pytest.mark.parametrize("missing", [False, True])
def test_no_small_cell_can_be_worked_out_by_whoever_knows_which_values_there_are(missing):
    """All tables of three cells and up to twelve rows: all that is told of a small one fits other numbers, too."""
    number = NumberFeature("share", 0.0, 1.0, missing=missing)
    values = (0.1, 0.8) if missing else (0.1, 0.4, 1.0)
    worlds = defaultdict(list)
    for world in itertools.product(list_cells(12), repeat=3):
        rows, members = zip(*world, strict=True)
        told = tell(values, rows, members, number) if sum(rows) <= 12 else None
        if told is not None:
            worlds[str(told.to_json())].append((rows, members))
    known = 0
    for fitting in worlds.values():
        for place in range(3):
            counts = {rows[place] for rows, _ in fitting}
            large = all(rows[place] >= 3 and members[place] >= 3 for rows, members in fitting)
            assert len(counts) > 1 or large or counts == {0}, fitting
            known += large
    assert known


def test_a_mean_of_all_rows_would_give_small_cells_away():
    """Of twelve rows that are 0 or 1, the exact mean would say that two are 1; what is told is that it is anything."""
    number = NumberFeature("share", 0.0, 1.0, missing=False)
    told = tell((0.0, 1.0), (10, 2), (3, 1), number)
    assert [run.rows for run in told.histogram] == [12]
    assert (told.mean.low, told.mean.high) == (0, 1)


def test_mean_and_deviation_lie_within_what_is_told_and_near_it():
    random = np.random.default_rng(0)
    number = NumberFeature("speed", 0.0, 400.0, missing=False)
    for spread in (5.0, 20.0, 60.0):
        values = random.normal(190, spread, 5000).clip(0, 400)
        counts, edges = np.histogram(values, np.linspace(0, 400, 21))
        outline = outline_number(number, Cells(counts, np.minimum(counts, 9)), Minimum(3, 10))
        bins = np.searchsorted(edges[1:-1], values, side="right")
        held = values[np.isin(bins, outline.span)] / 400
        moments = Moments(len(held), float(held.mean()), float(np.square(held).mean()))
        told = tell_number(number, 20, outline, moments)
        for figure, value in ((told.mean, values.mean()), (told.deviation, values.std())):
            assert figure.low <= value <= figure.high
            assert float(figure.value) == pytest.approx(value, abs=1.5)
            # Few rows lie in the tails, but with a narrow spread those of a run that begins at 0 may lie far away.
            assert float(figure.high - figure.low) < 10 or spread < 10


def test_rows_that_may_have_no_value_are_told_with_the_first_run():
    number = NumberFeature("share", 0.0, 1.0, missing=True)
    some = tell((0.0, 0.5, 1.0), (2, 9, 9, 9), (1, 3, 3, 3), number)
    assert some.missing is None
    assert [run.rows for run in some.histogram] == [11, 9, 9]
    many = tell((0.0, 0.5, 1.0), (5, 9, 9, 9), (3, 3, 3, 3), number)
    assert many.missing == 5
    assert [run.rows for run in many.histogram] == [9, 9, 9]
    assert many.mean.value == Fraction(1, 2)


def test_steps_are_round_numbers():
    assert [find_step(Fraction(500), rows) for rows in (1, 100, 8680)] == [500, 5, Fraction(1, 10)]
