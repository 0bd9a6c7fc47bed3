"""The two loops over rows, compiled: counting a level's sums, and leading rows down a tree.

All sums are of integers, so they do not depend on the order of rows, nor on how rows are divided among members.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from hansa.errors import Unavailable


@cache
def compile_kernels() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `accumulate` and `route`, compiled.

    `accumulate(codes, offsets, slots, slopes, curvatures, sums)`: for each row whose slot is not negative, add slope, curvature
    and 1 to `sums[slot, bin, 0..2]` for its bin of each feature. Shapes: codes (n, f) uint8; offsets (f + 1,) int64; slots (n,) int32;
    slopes and curvatures (n,) int64; sums (n_slots, n_bins, 3) int64.

    `route(codes, places, features, rights, left, right)`: move each row whose place in a tree is a branch to one of its children, until none is.
    Shapes: places (n,) int32; per node features (k,) int32, negative for a leaf; rights (k, 256) bool, whether a bin goes right; left and right (k,) int32.

    Raises:
        Unavailable: numba is not installed.
    """
    try:
        from numba import njit
    except ImportError:
        raise Unavailable(
            "the recipe `trees` needs the package `numba`, which is not installed; install hansa with its extra `boost`"
        ) from None

    return njit(cache=True, nogil=True)(_accumulate), njit(cache=True, nogil=True)(_route)


def _accumulate(codes, offsets, slots, slopes, curvatures, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0917 - numba's types, and it takes arguments by place
    for row in range(codes.shape[0]):
        slot = slots[row]
        if slot < 0:
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
