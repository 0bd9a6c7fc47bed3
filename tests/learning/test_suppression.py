"""Nobody can work out a small cell from what is told, not even by knowing how it was chosen."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from hansa.learning.design import Minimum
from hansa.learning.suppression import choose_blocks, choose_codes, sum_blocks

THREE = Minimum(1, 3)
"""The least that a plan may ask for: small are one row and two."""


def codes(rows, members=None, minimum=THREE):
    rows = np.array(rows)
    return choose_codes(rows, np.minimum(rows, 9) if members is None else np.array(members), minimum)


def blocks(rows, members=None, minimum=THREE):
    rows = np.array(rows)
    return choose_blocks(rows, np.minimum(rows, 9) if members is None else np.array(members), minimum)


def tell_codes(rows):
    """What a document says of a category: the cells told, and all rows."""
    told = codes(rows)
    return told, (*(rows[code] for code in told), sum(rows))


def tell_blocks(rows):
    """What a document says of a histogram, whose first cell may be the rows without a value."""
    found = blocks(rows)
    return tuple(block.first for block in found if block.first == block.last), (
        found,
        *sum_blocks(found, np.array(rows)),
    )


@pytest.mark.parametrize(
    ("tell", "cells", "most"),
    [
        (tell_codes, 3, 14),
        (tell_codes, 4, 12),
        (tell_codes, 5, 11),
        (tell_blocks, 3, 14),
        (tell_blocks, 5, 11),
    ],
)
def test_no_small_cell_can_be_worked_out(tell, cells, most):
    """All tables of so many cells and rows at most: a small one that is told nothing of could be another."""
    worlds = defaultdict(list)
    for rows in itertools.product(range(most + 1), repeat=cells):
        if THREE.rows <= sum(rows) <= most:
            worlds[tell(rows)].append(rows)
    for (told, said), fitting in worlds.items():
        for cell in set(range(cells)) - {*told}:
            values = {rows[cell] for rows in fitting}
            assert len(values) > 1 or values == {0} or min(values) >= THREE.rows, (said, fitting)


def test_a_choice_by_size_could_be_worked_out():
    """The rarest of those told joins the small ones: then 2, 4, 4 is the only table that says `4, and 10 in all`."""

    def rarest(rows):
        kept = sorted((code for code in range(3) if rows[code] >= 3), key=lambda code: rows[code])
        left = sum(rows) - sum(rows[code] for code in kept)
        while kept and 0 < left < 6:
            left += rows[kept.pop(0)]
        return sorted(kept), [rows[code] for code in sorted(kept)], sum(rows)

    fitting = [
        rows
        for rows in itertools.product(range(11), repeat=3)
        if rarest(rows) == rarest((2, 4, 4)) == ([1], [4], 10)
    ]
    assert len({rows[0] for rows in fitting}) < 2


def test_cells_that_are_large_enough_are_all_told_and_so_are_empty_ones_then():
    assert codes([5, 0, 3]) == (0, 1, 2)


def test_one_small_cell_takes_another_with_it_and_empty_ones_stay_untold():
    assert codes([20, 1, 0, 30]) == (0,)


def test_many_small_cells_hide_each_other():
    assert codes([20, 1, 2, 1, 2, 1, 30]) == (0, 6)


def test_what_one_member_has_is_small_however_many_rows_it_is():
    minimum = Minimum(3, 10)
    assert codes([500, 400, 300], [9, 1, 9], minimum) == (0,)
    assert codes([500, 400, 300], [9, 3, 9], minimum) == (0, 1, 2)


def test_where_nothing_is_common_nothing_is_told_alone():
    assert codes([5, 5, 5], [1, 2, 1], Minimum(3, 10)) == ()


def test_neighbouring_bins_are_united_until_they_are_enough():
    assert blocks([3, 1, 1, 2, 9, 0, 2]) == ((0, 0), (1, 3), (4, 6))
    assert blocks([4, 4, 4], [1, 1, 3], Minimum(3, 3)) == ((0, 2),)


def test_empty_bins_before_a_large_one_are_told():
    assert blocks([0, 3, 0, 0, 5, 0, 9, 0]) == ((1, 1), (4, 4), (6, 7))


def test_a_small_bin_is_not_told_with_one_that_is_only_just_large_enough():
    """Of four rows of which three must be those of three members one would be left."""
    assert blocks([1, 3, 5], [1, 3, 3], Minimum(3, 3)) == ((0, 2),)


def test_bins_that_are_too_few_together_make_no_block():
    assert blocks([1, 0, 1]) == ()
