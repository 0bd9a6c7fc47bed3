"""How many must stay, and who masks with whom, for a secure sum to bear what the charter assumes.

A charter assumes that at most a share of a cohort colludes and that at most a share of it vanishes. From these
two numbers and the cohort's size follow the threshold of the secret shares and, in large cohorts, the number of
neighbours; nobody chooses them. Everything is exact, so that every fold finds the same.

    >>> from fractions import Fraction
    >>> derive_sharing(10, Fraction(1, 3), Fraction(1, 5))
    Sharing(members=10, colluders=4, threshold=8, degree=0, required=8, assumed=4)
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, floor
from typing import Final, NamedTuple

COMPLETE_UP_TO: Final = 64
"""The largest cohort in which everybody always masks with everybody."""

PROGRESS_BITS: Final = 20
"""As many dropouts as are assumed stop a sum over a graph with probability at most 2 to the minus this."""

WINDOW_BITS: Final = 30
"""Some window of a graph is left to colluders with probability at most 2 to the minus this; it takes two such."""

HOLDER_BITS: Final = 60
"""Colluders around somebody could recover its secrets with probability at most 2 to the minus this."""


class Sharing(NamedTuple):
    """The numbers of a secure sum.

    Args:
        members: of the cohort.
        colluders: how many of them masks bear as colluders with the hub and with each other: all but two at most.
        threshold: shares that recover a secret within one neighbourhood, the member itself included.
        degree: neighbours of each member, even; 0 when all are neighbours.
        required: survivors without whom there is no total.
        assumed: how many of them the charter assumes to collude, also where these are more than all but two.
    """

    members: int
    colluders: int
    threshold: int
    degree: int
    required: int
    assumed: int

    @property
    def dropouts(self) -> int:
        """How many members may vanish, at any moment of a round."""
        return self.members - self.required

    def count_honest(self, survivors: int) -> int:
        """Return on how many members' noise a guarantee rests, towards all colluders that the charter assumes.

        Colluders tell theirs. With none assumed there is still whoever reads the total, and every member does: it
        takes its own noise off.

        Args:
            survivors: how many members are in every total, at least.

        Guarantees:
            At least 1: whoever trusts nobody else relies on its own noise.
        """
        return max(1, survivors - max(self.assumed, 1))


@lru_cache(maxsize=4096)
def derive_sharing(members: int, colluding: Fraction, dropouts: Fraction) -> Sharing:
    """Return the numbers of a secure sum over `members` under a charter's assumptions.

    Args:
        members: of the cohort, at least 1.
        colluding: the share that may collude, at least 0 and below 1; rounded up to members, at most all but two.
        dropouts: the share that may vanish, at least 0 and below 1; rounded down to members.

    Raises:
        ValueError: a number is out of range.
    Guarantees:
        2 * required > members + colluders, so that two groups of survivors share a member that does not collude.
        No more than the assumed dropouts are borne.
    Source: `docs/formats/secure-sum.md`, "Choosing degree and threshold".
    """
    if members < 1 or not 0 <= colluding < 1 or not 0 <= dropouts < 1:
        raise ValueError(
            f"no secure sum has {members} members, {colluding} colluding and {dropouts} vanishing"
        )
    assumed = ceil(colluding * members)
    colluders = count_colluders(members, colluding)
    vanishing = floor(dropouts * members)
    required = count_required(members, colluding, dropouts)
    if members > COMPLETE_UP_TO:
        for degree in range(2, members - 1, 2):
            threshold = _fit_graph(members, colluders, vanishing, degree)
            if threshold:
                return Sharing(members, colluders, threshold, degree, required, assumed)
    return Sharing(members, colluders, threshold=required, degree=0, required=required, assumed=assumed)


def count_colluders(members: int, colluding: Fraction) -> int:
    """Return how many of a cohort are assumed to collude; somebody must be left to protect, and hidden in a sum."""
    return max(0, min(ceil(colluding * members), members - 2))


def count_required(members: int, colluding: Fraction, dropouts: Fraction) -> int:
    """Return how many of a cohort must stay, as `derive_sharing` says, without looking for a graph."""
    apart = (members + count_colluders(members, colluding)) // 2 + 1
    return max(apart, members - floor(dropouts * members))


def _fit_graph(members: int, colluders: int, vanishing: int, degree: int) -> int:
    """Return the threshold with which a graph of this degree is safe and goes on, 0 when there is none."""
    window = degree // 2
    lost = _bound_draw(members, vanishing, window, members << PROGRESS_BITS)
    left = window - lost
    threshold = 2 * left + 1
    taken = _bound_draw(members, colluders, window, members << WINDOW_BITS)
    holders = _bound_draw(members - 1, colluders, degree, members << HOLDER_BITS)
    return threshold if left > taken and threshold > holders else 0


def _bound_draw(population: int, marked: int, drawn: int, rarity: int) -> int:
    """Return the least number that the marked ones among those drawn pass at most once in `rarity` times.

    Args:
        population: of whom to draw, without replacement.
        marked: how many of them are marked, at most `population`.
        drawn: how many are drawn, at most `population`.
        rarity: at least 1.
    """
    limit = comb(population, drawn)
    rest = population - marked
    most = min(marked, drawn)
    ways, tail = comb(marked, most) * comb(rest, drawn - most), 0
    for count in range(most, 0, -1):
        tail += ways
        if rarity * tail > limit:
            return count
        # From the ways to draw `count` marked ones to those of one fewer; exact, because both are whole.
        ways = ways * count * (rest - drawn + count) // ((marked - count + 1) * (drawn - count + 1))
    return 0
