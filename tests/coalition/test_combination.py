import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.coalition.combination import find_exposed

MEMBERS = "abcdef"


def exposed(*totals, smallest=3):
    return ["".join(group) for group in find_exposed(map(frozenset, totals), smallest)]


@pytest.mark.parametrize(
    ("totals", "groups"),
    [
        ([], []),
        (["abcdefg"], []),
        (["abcdefg", "abc"], []),  # four hide each other
        (["abcdefg", "abc", "def"], ["g"]),
        (["abcdefg", "abcdefg", "abcdefg"], []),
        (["abcd", "abef", "cdef", "abcdefg"], ["ab", "cd", "ef", "g"]),
        (["abc", "bcd", "cde"], []),
    ],
)
def test_a_small_group_is_found_that_totals_together_leave_alone(totals, groups):
    assert sorted(exposed(*totals)) == groups


def test_a_group_that_is_large_enough_hides_its_members():
    assert exposed("abcdefg", "abc", smallest=5) == ["abc", "defg"]
    assert exposed("abcdefg", "abc", smallest=4) == ["abc"]


@given(st.lists(st.sets(st.sampled_from(MEMBERS), min_size=1), max_size=5))
def test_exactly_the_groups_are_found_that_add_nothing_to_what_the_totals_say(totals):
    def rank(*sets):
        return np.linalg.matrix_rank([[member in one for member in MEMBERS] for one in sets]) if sets else 0

    kinds = {tuple(member in total for total in totals) for member in MEMBERS} - {(False,) * len(totals)}
    groups = [[m for m in MEMBERS if tuple(m in total for total in totals) == kind] for kind in kinds]
    follow = {"".join(group) for group in groups if rank(*totals, group) == rank(*totals)}
    assert set(exposed(*totals, smallest=len(MEMBERS) + 1)) == follow
