"""Whose sums follow from several totals together, where no two of them give them away.

Everybody in A, less those in B, less those in C, may be one member. Each total is an equation in what groups of members
gave, a group being those that were in exactly the same totals; what the equations determine, anybody can compute.

    >>> totals = [frozenset("abcdefg"), frozenset("abc"), frozenset("def")]
    >>> list(find_exposed(totals, smallest=3))
    [('g',)]
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import reduce


def find_exposed(totals: Iterable[frozenset[str]], smallest: int) -> Iterator[tuple[str, ...]]:
    """Yield each group of members, smaller than `smallest`, whose sums follow from totals over these sets.

    Args:
        totals: sets of members, each with its total known; the same question is presumed.
        smallest: how many members hide each other.

    Guarantees:
        A group that is yielded can be computed. Unions of groups, and differences of one from another, are not looked for.
    """
    rows = list(dict.fromkeys(totals))
    groups: dict[tuple[bool, ...], list[str]] = {}
    for member in sorted(frozenset[str]().union(*rows)):
        groups.setdefault(tuple(member in row for row in rows), []).append(member)
    # Solved for the groups, an equation that is left with one group says what that group gave.
    for equation in _eliminate(
        [[Fraction(pattern[place]) for pattern in groups] for place in range(len(rows))]
    ):
        alone = [members for value, members in zip(equation, groups.values(), strict=True) if value]
        if len(alone) == 1 and len(alone[0]) < smallest:
            yield tuple(alone[0])


def _eliminate(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return the reduced row echelon form, exactly."""
    reduced: list[list[Fraction]] = []
    for row in rows:
        rest = reduce(_clear, reduced, row)
        lead = next((value for value in rest if value), None)
        if lead is not None:
            scaled = [value / lead for value in rest]
            reduced = [*(_clear(other, scaled) for other in reduced), scaled]
    return reduced


def _clear(row: list[Fraction], by: list[Fraction]) -> list[Fraction]:
    """Return `row` without the leading column of `by`."""
    factor = row[next(place for place, value in enumerate(by) if value)]
    return [value - factor * other for value, other in zip(row, by, strict=True)] if factor else row
