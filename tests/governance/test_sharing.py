import re
from fractions import Fraction
from math import ceil, comb
from pathlib import Path

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
    assert derive_sharing(members, THIRD, FIFTH) == (
        *(members, colluders, threshold, 0, threshold),
        colluders,
    )


@given(st.integers(3, 64), shares, shares)
def test_in_a_complete_graph_two_groups_of_holders_share_an_honest_member(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    assert colluding * members <= sharing.colluders or sharing.colluders == members - 2
    assert members + sharing.colluders < 2 * sharing.threshold <= 2 * members
    assert sharing.required == sharing.threshold
    assert sharing.dropouts <= dropouts * members


@pytest.mark.parametrize(
    ("members", "colluding", "survivors", "honest"),
    [
        (3, Fraction(2, 3), 3, 1),  # masks bear one colluder, noise two
        (5, Fraction(4, 5), 5, 1),
        (10, THIRD, 8, 4),
        (3, Fraction(99, 100), 3, 1),  # a member's own noise is left
    ],
)
def test_noise_suffices_towards_all_colluders_that_the_charter_assumes(members, colluding, survivors, honest):
    assert derive_sharing(members, colluding, FIFTH).count_honest(survivors) == honest


@given(st.integers(1, 64), shares, shares)
def test_the_noise_of_those_who_do_not_collude_is_never_less_than_the_plans(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    do_not = sharing.required - colluding * members
    assert sharing.count_honest(sharing.required) <= max(1, do_not)


@given(st.integers(3, 64), shares, shares)
def test_no_more_survivors_are_required_than_there_must_be(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    fewer = sharing.threshold - 1
    assert 2 * fewer <= members + sharing.colluders or members - fewer > dropouts * members


def obvious_chance(population, marked, drawn, at_least):
    """The chance that so many of those drawn are marked, by counting all draws."""
    ways = sum(comb(marked, n) * comb(population - marked, drawn - n) for n in range(at_least, drawn + 1))
    return Fraction(ways, comb(population, drawn))


@pytest.mark.parametrize(
    ("members", "colluding", "dropouts"),
    [(65, Fraction(1, 20), Fraction(1, 20)), (100, FIFTH, Fraction(1, 10)), (300, THIRD, FIFTH)],
)
def test_a_graph_is_the_smallest_that_the_bounds_of_the_document_allow(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    colluders, vanishing = sharing.colluders, int(dropouts * members)

    def fit(degree):
        window = degree // 2
        lost = next(
            n
            for n in range(window + 1)
            if members * obvious_chance(members, vanishing, window, n + 1) <= Fraction(1, 2**20)
        )
        left = window - lost
        threshold = 2 * left + 1
        safe = (
            left >= 1
            and members * obvious_chance(members, colluders, window, left) <= Fraction(1, 2**30)
            and members * obvious_chance(members - 1, colluders, degree, threshold) <= Fraction(1, 2**60)
        )
        return threshold if safe else 0

    assert 0 < sharing.degree < members - 1
    assert fit(sharing.degree) == sharing.threshold
    assert not any(fit(degree) for degree in range(2, sharing.degree, 2))
    assert sharing.required == members - vanishing


@pytest.mark.parametrize(
    ("members", "colluding", "dropouts", "degree", "threshold"),
    [
        (1000, THIRD, FIFTH, 288, 175),
        (500, THIRD, FIFTH, 242, 147),
        (1000, FIFTH, Fraction(1, 10), 116, 73),
        (100, FIFTH, Fraction(1, 10), 58, 39),
        (100, THIRD, FIFTH, 0, 80),
    ],
)
def test_large_cohorts_have_the_graphs_of_the_document(members, colluding, dropouts, degree, threshold):
    sharing = derive_sharing(members, colluding, dropouts)
    assert (sharing.degree, sharing.threshold) == (degree, threshold)


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


@given(st.integers(3, 64), shares, shares)
def test_noise_rests_on_those_who_stay_less_who_tell_and_less_whoever_reads(members, colluding, dropouts):
    sharing = derive_sharing(members, colluding, dropouts)
    required = max(sharing.required, 3)
    telling = ceil(colluding * members)
    assert sharing.count_honest(required) == max(1, required - max(telling, 1))


def test_the_table_of_the_document_is_what_follows():
    page = (Path(__file__).parents[2] / "docs" / "formats" / "charter.md").read_text()
    rows = {
        title: [int(cell) for cell in cells.split("|") if cell.strip()]
        for title, cells in re.findall(
            r"^\| (members|may collude|must stay|may vanish) \|(.*)\|$", page, re.MULTILINE
        )
    }
    found = [derive_sharing(members, THIRD, FIFTH) for members in rows["members"]]
    assert len(found) == 12
    assert rows["may collude"] == [sharing.colluders for sharing in found]
    assert rows["must stay"] == [sharing.required for sharing in found]
    assert rows["may vanish"] == [sharing.dropouts for sharing in found]
    assert derive_sharing(4, Fraction(1, 4), Fraction(1, 4)).dropouts == 1
