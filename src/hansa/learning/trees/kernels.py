"""The loops over rows, compiled: finding a number's bin, counting a level's sums, and leading rows down a tree.

All sums are of integers, so they do not depend on the order of rows, nor on how rows are divided among members.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from hansa.errors import Unavailable


class Kernels(NamedTuple):
    """The loops.

    Args:
        place: `place(values, edges, missing, codes)` writes each value's bin: how many edges are not above it, or `missing` for NaN.
            Shapes: values (n,) and edges (k,) float64, ascending, k < 256; codes (n,) uint8.
        accumulate: `accumulate(codes, offsets, slots, slopes, curvatures, sums, held)` goes by each row's slot. Below the length of `sums`, add slope,
            curvature and 1 to `sums[slot, bin, 0..2]` for its bin of each feature; above, only note in `held[slot - len(sums), bin]` that there is
            a row; a row with a negative one is left out. Shapes: codes (n, f) uint8; offsets (f + 1,) int64; slots (n,) int32; slopes
            and curvatures (n,) int64; sums (n_counted, n_bins, 3) int64; held (n_derived, n_bins) bool.
        route: `route(codes, places, features, rights, left, right)` moves each row whose place in a tree is a branch to one of its children, until none is.
            Shapes: places (n,) int32; per node features (k,) int32, negative for a leaf; rights (k, 256) bool, whether a bin goes right; left
            and right (k,) int32.
    """

    place: Callable[..., Any]
    accumulate: Callable[..., Any]
    route: Callable[..., Any]


@cache
def compile_kernels() -> Kernels:
    """Return the loops, compiled when they first run.

    Raises:
        Unavailable: numba is not installed.
    """
    try:
        from numba import njit
    except ImportError:
        raise Unavailable(
            "the recipe `trees` needs the package `numba`, which is not installed; install hansa with its extra `boost`"
        ) from None

    return Kernels(*(njit(cache=True, nogil=True)(loop) for loop in (_place, _accumulate, _route)))


def _place(values, edges, missing, codes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - numba's types
    for row in range(values.shape[0]):
        value = values[row]
        if value != value:  # noqa: PLR0124 - NaN
            codes[row] = missing
            continue
        low = 0
        count = edges.shape[0]
        while count > 0:
            half = count >> 1
            # Both outcomes are computed, as a guess would be wrong every second time.
            is_above = edges[low + half] <= value
            low = low + half + 1 if is_above else low
            count = count - half - 1 if is_above else half
        codes[row] = low


def _accumulate(codes, offsets, slots, slopes, curvatures, sums, held):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0917 - numba's types, and it takes arguments by place
    counted = sums.shape[0]
    for row in range(codes.shape[0]):
        slot = slots[row]
        if slot < 0:
            continue
        if slot >= counted:
            for feature in range(codes.shape[1]):
                held[slot - counted, offsets[feature] + codes[row, feature]] = True
            continue
        slope = slopes[row]
        curvature = curvatures[row]
        for feature in range(codes.shape[1]):
            place = offsets[feature] + codes[row, feature]
            sums[slot, place, 0] += slope
            sums[slot, place, 1] += curvature
            sums[slot, place, 2] += 1


def _route(codes, places, features, rights, left, right):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0917 - numba's types, and it takes arguments by place
    for row in range(codes.shape[0]):
        place = places[row]
        while features[place] >= 0:
            place = right[place] if rights[place, codes[row, features[place]]] else left[place]
        places[row] = place
