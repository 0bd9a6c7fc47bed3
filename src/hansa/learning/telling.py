"""What is told of a number without noise, so that no small cell of its histogram can be worked out.

Bins are told in runs that are large enough. How large values are is asked, and told, over runs of a single bin only; of
rows in other runs it is known between which edges they lie. So what is told of a small cell is that it is in its run.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from hansa.learning.design import Minimum
from hansa.learning.histogram import QUANTILES, find_edges, find_step, find_width, rank_rows
from hansa.learning.summary import Figure, NumberSummary, Run, place_quantile, round_bounds
from hansa.learning.suppression import choose_blocks, sum_blocks
from hansa.learning.tables import NumberFeature
from hansa.learning.tabulation import Cells, Moments


class Outline(NamedTuple):
    """A number's histogram as it is told.

    Args:
        missing: rows without a value; None when they are told with the first run.
        hidden: how many rows of the first run may have no value, at most.
        runs: cover all bins; some may be empty.
        single: which of them are one bin, all of whose rows have a value.
    """

    missing: int | None
    hidden: int
    runs: tuple[Run, ...]
    single: tuple[bool, ...]

    @property
    def span(self) -> tuple[int, ...]:
        """The bins that are told one by one."""
        return tuple(run.start for run, alone in zip(self.runs, self.single, strict=True) if alone)

    @property
    def counted(self) -> int:
        """How many rows are in them."""
        return sum(run.rows for run, alone in zip(self.runs, self.single, strict=True) if alone)


def outline_number(number: NumberFeature, cells: Cells, minimum: Minimum) -> Outline | None:
    """Decide on the runs of a number; None when too few rows or members have it.

    Args:
        number: the feature.
        cells: as they were counted.
        minimum: of a run.
    """
    before = int(number.missing)
    blocks = choose_blocks(cells.rows, cells.members, minimum)
    told: list[tuple[Run, bool]] = []
    place = 0
    for block, rows in zip(blocks, sum_blocks(blocks, cells.rows), strict=True):
        start, end = max(block.first - before, 0), block.last + 1 - before
        if start > place:
            told.append((Run(place, start, 0), False))
        if end > 0:
            told.append((Run(start, end, rows), block.first == block.last))
        place = end
    is_told = not before or not blocks or blocks[0].first > 0 or blocks[0].last == 0
    if not told or not minimum.is_met(int(cells.rows[before:].sum()), int(cells.members[before:].max())):
        return None
    missing = int(cells.rows[:before].sum()) if is_told else None
    # What hides in the first run may be more than small, when few members have it: then up to the whole run.
    hidden = 0 if is_told else told[0][0].rows
    return Outline(missing, hidden, tuple(run for run, _ in told), tuple(alone for _, alone in told))


def tell_number(number: NumberFeature, bins: int, outline: Outline, moments: Moments) -> NumberSummary:
    """Return what is told of a number.

    Args:
        number: the feature.
        bins: how many.
        outline: its runs.
        moments: over the runs of a single bin, of all rows there or of those of the members that are left.

    Guarantees:
        Each figure of the rows that were counted lies within its bounds, whoever vanished before the moments.
    """
    edges, step = (
        find_edges(number, bins),
        find_step(find_width(number), sum(run.rows for run in outline.runs)),
    )
    single = _measure_single(number, edges, outline, moments)
    mean = _tell_mean(edges, outline, single, step)
    return NumberSummary(
        number,
        bins,
        outline.missing,
        mean,
        _tell_deviation(edges, outline, single, mean, step),
        tuple(_tell_quantiles(edges, outline, step)),
        outline.runs,
    )


def _tell_mean(edges: Sequence[Fraction], outline: Outline, single: "_Single", step: Fraction) -> Figure:
    centre = single.centre
    low = high = value = Fraction(0)
    for run, alone in zip(outline.runs, outline.single, strict=True):
        low += run.rows * (centre if alone else edges[run.start])
        high += run.rows * (centre if alone else edges[run.end])
        value += run.rows * (centre if alone else _place_run(edges, outline, run))
    low -= single.lost * (centre - single.low)
    high += single.lost * (single.high - centre)
    rows = sum(run.rows for run in outline.runs)
    bounds = [low / rows, high / rows]
    if 0 < outline.hidden < rows:
        # Without the rows that may have no value, of which it is not known where they would lie.
        first, left = outline.runs[0], rows - outline.hidden
        bounds += [
            (low - outline.hidden * edges[first.start]) / left,
            (high - outline.hidden * edges[first.end]) / left,
        ]
    return round_bounds(value / rows, min(bounds), max(bounds), step)


def _tell_deviation(
    edges: Sequence[Fraction], outline: Outline, single: "_Single", mean: Figure, step: Fraction
) -> Figure:
    centre, within = single.centre, single.within
    nearest = furthest = middle = Fraction(0)
    for place, (run, alone) in enumerate(zip(outline.runs, outline.single, strict=True)):
        low, high = (centre, centre) if alone else (edges[run.start], edges[run.end])
        inner = max(low - mean.high, mean.low - high, Fraction(0)) ** 2
        outer = max(abs(low - mean.value), abs(high - mean.value)) ** 2
        spread = within if alone else Fraction(0)
        certain = run.rows - (0 if place else min(outline.hidden, run.rows))
        nearest += certain * (inner + spread)
        furthest += run.rows * (outer + spread)
        at = centre if alone else _place_run(edges, outline, run)
        middle += run.rows * ((at - mean.value) ** 2 + spread)
    if single.lost:
        closest = max(centre - mean.high, mean.low - centre, Fraction(0)) ** 2
        nearest -= single.lost * (closest + within)
        reach = max(abs(single.low - mean.value), abs(single.high - mean.value)) ** 2
        furthest += single.lost * (reach - (centre - mean.value) ** 2 - within)
    rows = sum(run.rows for run in outline.runs)
    low, high = _find_root(nearest / rows), _find_root(furthest / max(rows - outline.hidden, 1))
    return round_bounds(_find_root(middle / rows), low, high, step)


def _tell_quantiles(edges: Sequence[Fraction], outline: Outline, step: Fraction) -> Iterator[Figure]:
    starts = [*(run.start for run in outline.runs), len(edges) - 1]
    counts = [Fraction(run.rows) for run in outline.runs]
    for share in QUANTILES:
        rank = share * sum(counts)
        ranks = rank_rows(starts, counts, rank, rank + (1 - share) * outline.hidden)
        yield place_quantile(edges, ranks, step)


class _Single(NamedTuple):
    """The rows in single bins, in the number's unit.

    Args:
        centre: the mean of those in the moments.
        within: their variance.
        lost: how many were counted, but are not in the moments, as their members vanished.
        low: what none of them is below.
        high: what none of them is above.
    """

    centre: Fraction
    within: Fraction
    lost: int
    low: Fraction
    high: Fraction


def _measure_single(
    number: NumberFeature, edges: Sequence[Fraction], outline: Outline, moments: Moments
) -> _Single:
    span = outline.span
    low, high = (edges[span[0]], edges[span[-1] + 1]) if span else (edges[0], edges[-1])
    lost = outline.counted - moments.rows
    if not moments.rows:
        return _Single((low + high) / 2, Fraction(0), lost, low, high)
    width, mean = find_width(number), Fraction(moments.mean)
    variance = max(Fraction(moments.square) - mean * mean, Fraction(0))
    return _Single(Fraction(repr(number.minimum)) + width * mean, variance * width * width, lost, low, high)


def _place_run(edges: Sequence[Fraction], outline: Outline, run: Run) -> Fraction:
    """Return where the rows of a run of several bins are taken to lie.

    Mostly in the bin that closed it, which is its end; but the last run goes on from there with the few rows left over.
    """
    if run.end - run.start == len(edges) - 1:
        return (edges[0] + edges[-1]) / 2
    start = run.start if run is outline.runs[-1] else run.end - 1
    return (edges[start] + edges[start + 1]) / 2


def _find_root(value: Fraction) -> Fraction:
    return Fraction(math.sqrt(value))
