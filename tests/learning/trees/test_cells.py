"""Bins from counts in public cells."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning import NumberFeature
from hansa.learning.trees.cells import CELLS, PARTS, Cell, choose_edges, find_crowded, place_values

UNIT = NumberFeature("x", 0.0, 1.0, missing=False)


def cells_of(values, members=9):
    places, counts = np.unique(place_values(UNIT, np.asarray(values, dtype=float), 0), return_counts=True)
    return tuple(
        Cell(place, 0, count, members) for place, count in zip(places.tolist(), counts.tolist(), strict=True)
    )


def test_bins_are_about_equally_full():
    values = np.random.default_rng(1).random(10_000) ** 2
    edges = choose_edges(UNIT, cells_of(values), 10, rows=1, members=1)
    held = np.histogram(values, [0, *edges, 1])[0]
    assert len(held) == 10
    assert held.max() < 1_700  # the first cells of a square are crowded


def test_few_values_each_have_a_bin():
    values = np.repeat([0.0, 0.25, 0.5, 1.0], [50, 1_000, 7, 300])
    edges = choose_edges(UNIT, cells_of(values), 64, rows=5, members=1)
    assert np.histogram(values, [-1, *edges, 2])[0].tolist() == [50, 1_000, 7, 300]


def test_an_edge_lies_between_the_cells_it_parts():
    cells = (Cell(0, 0, 10, 3), Cell(128, 0, 10, 3))
    assert choose_edges(UNIT, cells, 4, rows=10, members=3) == (float(Fraction(1 + 128, 2 * CELLS)),)


@pytest.mark.parametrize(("rows", "members"), [(11, 3), (10, 4)])
def test_what_is_too_little_joins_its_neighbour(rows, members):
    cells = (Cell(0, 0, 10, 3), Cell(128, 0, 10, 3))
    assert choose_edges(UNIT, cells, 4, rows=rows, members=members) == ()


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), max_size=40),
    st.integers(2, 30),
    st.integers(1, 50),
    st.integers(1, 9),
)
def test_no_bin_is_small(counts, bins, rows, members):
    cells = tuple(Cell(2 * place, 0, count, min(have, count)) for place, (count, have) in enumerate(counts))
    edges = choose_edges(UNIT, cells, bins, rows=rows, members=members)
    assert len(edges) < max(bins, 2) * 2
    if edges:
        bounds = [-1.0, *edges, 2.0]
        for low, high in pairwise(bounds):
            inside = [cell for cell in cells if low <= float(cell.start) < high]
            assert sum(cell.rows for cell in inside) >= rows
            assert max(cell.members for cell in inside) >= members


def test_crowded_cells_are_those_of_more_than_half_a_bin():
    cells = (Cell(3, 0, 5, 1), Cell(9, 0, 6, 1), Cell(40, 1, 89, 1))
    assert find_crowded(cells, 0, 10) == (9 * PARTS,)
    assert find_crowded(cells, 1, 10) == (40 * PARTS,)
