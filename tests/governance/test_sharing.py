from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.governance import derive_sharing

THIRD, FIFTH = Fraction(1, 3), Fraction(1, 5)
shares = st.fractions(0, Fraction(99, 100), max_denominator=100)


@pytest.mark.parametrize(
    ("members", "colluders", "threshold"),
    [(3, 1, 3), (4, 2, 4), (5, 2, 4), (10, 4, 8), (33, 11, 27), (64, 22, 52)],
)
def test_small_cohorts_mask_with_everybody(members, colluders, threshold):
    assert derive_sharing(members, THIRD, FIFTH) == (members, colluders, threshold, 0, threshold)


@given(st.integers(3, 64), shares, shares)
def test_in_a_complete_graph_two_groups_of_holders_share_an_honest_member(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    assert colluding * members <= sharing.colluders or sharing.colluders == members - 2
    assert members + sharing.colluders < 2 * sharing.threshold <= 2 * members
    assert sharing.required == sharing.threshold
    assert sharing.dropouts <= dropouts * members


@given(st.integers(3, 64), shares, shares)
def test_no_more_survivors_are_required_than_there_must_be(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    fewer = sharing.threshold - 1
    assert 2 * fewer <= members + sharing.colluders or members - fewer > dropouts * members


def obvious_tail(members, marked, degree, more_than):
    """The chance, over all draws of neighbours, that more than so many are marked."""
    others = members - 1
    ways = sum(comb(marked, n) * comb(others - marked, degree - n) for n in range(more_than + 1, degree + 1))
    return Fraction(ways, comb(others, degree))


@pytest.mark.parametrize(
    ("members", "colluding", "dropouts"), [(65, THIRD, FIFTH), (200, FIFTH, Fraction(1, 20))]
)
def test_a_graph_is_the_smallest_that_the_bounds_of_the_document_allow(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    vanishing = int(dropouts * members)

    def judge(degree):
        around = next(
            n
            for n in range(degree + 1)
            if members * obvious_tail(members, sharing.colluders, degree, n) <= Fraction(1, 2**60)
        )
        away = next(
            n
            for n in range(degree + 1)
            if members * obvious_tail(members, vanishing, degree, n) <= Fraction(1, 2**20)
        )
        return degree + 1 - away, 2 * (degree + 1 - away) >= degree + 1 + around + 4

    assert 0 < sharing.degree < members - 1
    assert judge(sharing.degree) == (sharing.threshold, True)
    assert not any(judge(degree)[1] for degree in range(2, sharing.degree, 2))
    assert sharing.required == members - vanishing


def test_a_large_cohort_with_many_colluders_masks_with_everybody():
    sharing = derive_sharing(100, Fraction(4, 5), FIFTH)
    assert (sharing.degree, sharing.threshold) == (0, 91)


@pytest.mark.parametrize(
    ("members", "colluding", "dropouts"),
    [
        (0, THIRD, FIFTH),
        (5, Fraction(1), FIFTH),
        (5, Fraction(-1, 3), FIFTH),
        (5, THIRD, Fraction(1)),
        (5, THIRD, Fraction(-1)),
    ],
)
def test_what_no_charter_can_assume_is_refused(members, colluding, dropouts):
    with pytest.raises(ValueError, match="secure sum"):
        derive_sharing(members, colluding, dropouts)
