"""How many must stay, and who masks with whom, for a secure sum to bear what the charter assumes.

A charter assumes that at most a share of a cohort colludes and that at most a share of it vanishes. From these
two numbers and the cohort's size follow the threshold of the secret shares and, in large cohorts, the number of
neighbours; nobody chooses them. Everything is exact, so that every fold finds the same.

    >>> from fractions import Fraction
    >>> derive_sharing(10, Fraction(1, 3), Fraction(1, 5))
    Sharing(members=10, colluders=4, threshold=8, degree=0, required=8)
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, floor
from typing import Final, NamedTuple

COMPLETE_UP_TO: Final = 64
"""The largest cohort in which everybody always masks with everybody."""

SECRECY: Final = 60
"""A graph with too many colluders around somebody is drawn with probability at most 2 to the minus this."""

PROGRESS: Final = 20
"""As many dropouts as are assumed stop a graph's sum with probability at most 2 to the minus this."""

COMPANIONS: Final = 4
"""By how much two groups of holders overlap in a graph, beyond all colluders; see the argument in the document."""


class Sharing(NamedTuple):
    """The numbers of a secure sum.

    Args:
        members: of the cohort.
        colluders: how many of them may collude with the hub and with each other.
        threshold: shares that recover a secret within one neighbourhood, the member itself included.
        degree: neighbours of each member, even; 0 when all are neighbours.
        required: survivors without whom there is no total.
    """

    members: int
    colluders: int
    threshold: int
    degree: int
    required: int

    @property
    def dropouts(self) -> int:
        """How many members may vanish, at any moment of a round."""
        return self.members - self.required


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
        In a complete graph 2 * threshold > members + colluders, so that two groups that could each recover a
        secret share a member that does not collude. `required` never lies below `members` less the dropouts
        that are borne.
    Source: `docs/formats/secure-sum.md`, "Choosing degree and threshold".
    """
    if members < 1 or not 0 <= colluding < 1 or not 0 <= dropouts < 1:
        raise ValueError(
            f"no secure sum has {members} members, {colluding} colluding and {dropouts} vanishing"
        )
    colluders = max(0, min(ceil(colluding * members), members - 2))
    vanishing = floor(dropouts * members)
    if members > COMPLETE_UP_TO:
        for degree in range(2, members - 1, 2):
            around = _bound_share(members, colluders, degree, SECRECY)
            away = _bound_share(members, vanishing, degree, PROGRESS)
            threshold = degree + 1 - away
            if 2 * threshold >= degree + 1 + around + COMPANIONS:
                return Sharing(members, colluders, threshold, degree, required=members - vanishing)
    threshold = max((members + colluders) // 2 + 1, members - vanishing)
    return Sharing(members, colluders, threshold, degree=0, required=threshold)


def _bound_share(members: int, marked: int, degree: int, bits: int) -> int:
    """Return how many of a member's neighbours are `marked` at most, but for a chance of 2**-bits over all members.

    The neighbours are `degree` of the `members` - 1 others, drawn evenly, and all the marked are among these.
    """
    others = members - 1
    limit = comb(others, degree)
    most = min(marked, degree)
    ways, tail = comb(marked, most) * comb(others - marked, degree - most), 0
    for count in range(most, -1, -1):
        tail += ways
        if members * tail << bits > limit:
            return count
        ways = (
            ways * count * (others - marked - degree + count) // ((marked - count + 1) * (degree - count + 1))
        )
    return 0
