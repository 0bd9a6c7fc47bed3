"""The compiled loops do what the obvious ones do."""

import numpy as np
import pytest

from hansa.learning.trees.kernels import compile_kernels


@pytest.mark.parametrize("count", [0, 1, 2, 7, 64, 253])
def test_a_value_has_the_bin_of_the_last_edge_that_is_not_above_it(count):
    rng = np.random.default_rng(count)
    edges = np.sort(rng.normal(size=count))
    values = np.concatenate([rng.normal(size=500), edges, np.nextafter(edges, -9), [np.inf, -np.inf, np.nan]])
    codes = np.empty((len(values), 2), dtype=np.uint8)
    compile_kernels().place(values, edges, 254, codes[:, 1])
    assert (codes[:-1, 1] == np.searchsorted(edges, values[:-1], side="right")).all()
    assert codes[-1, 1] == 254


def test_counted_rows_are_added_up_and_derived_ones_only_noted():
    rng = np.random.default_rng(0)
    offsets, rows = np.array([0, 4, 6, 11]), 300
    codes = np.column_stack([rng.integers(0, width, rows) for width in (4, 2, 5)]).astype(np.uint8)
    slots = rng.integers(-1, 4, rows).astype(np.int32)
    slopes, curvatures = rng.integers(-99, 99, rows), rng.integers(0, 99, rows)
    sums, held = np.zeros((2, 11, 3), dtype=np.int64), np.zeros((2, 11), dtype=np.bool_)
    compile_kernels().accumulate(codes, offsets, slots, slopes, curvatures, sums, held)
    for slot in range(4):
        for feature in range(3):
            for place in range(offsets[feature + 1] - offsets[feature]):
                here = (slots == slot) & (codes[:, feature] == place)
                found = slopes[here].sum(), curvatures[here].sum(), here.sum()
                if slot < 2:
                    assert tuple(sums[slot, offsets[feature] + place]) == found
                else:
                    assert held[slot - 2, offsets[feature] + place] == (found[2] > 0)
