from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.governance.spelling import is_decimal
from hansa.rehearsal.draft import draft_column, fits_plan, round_out
from hansa.rehearsal.profile import ColumnProfile


def profile(*texts):
    made = ColumnProfile()
    made.read(range(2, 2 + len(texts)), texts)
    return made


@given(st.tuples(*[st.floats(-1e11, 1e11)] * 2).map(sorted))
def test_bounds_enclose_what_was_seen_and_may_stand_in_a_plan(ends):
    bounds = round_out(*ends, whole=False)
    if bounds is not None:
        low, high = bounds
        assert is_decimal(low)
        assert is_decimal(high)
        assert float(low) <= ends[0]
        assert ends[1] <= float(high)
        assert Fraction(low) < Fraction(high)


@given(st.tuples(*[st.integers(-(10**11), 10**11)] * 2).map(sorted))
def test_bounds_of_whole_numbers_are_whole(ends):
    low, high = round_out(*map(float, ends), whole=True)
    assert int(low) <= ends[0] <= ends[1] <= int(high)


@pytest.mark.parametrize(
    ("low", "high", "whole", "bounds"),
    [
        (0.0, 10.127, False, ("0", "11")),
        (1.0, 5.0, True, ("1", "5")),
        (1990.0, 1999.0, True, ("1990", "2000")),
        (3.0, 17.0, True, ("0", "20")),
        (18.0, 89.0, True, ("15", "90")),
        (7.0, 7.0, True, ("7", "8")),
        (13.2, 97.8, False, ("10", "100")),
        (-0.0311, 0.187, False, ("-0.04", "0.2")),
        (0.0, 58_468.0, True, ("0", "60000")),
        (0.0, 1e-15, False, None),
    ],
)
def test_bounds_have_few_digits(low, high, whole, bounds):
    assert round_out(low, high, whole=whole) == bounds


@pytest.mark.parametrize("text", ["", "x" * 201, "a\nb", "a\0", "\ud800"])
def test_what_a_plan_refuses_does_not_fit(text):
    assert not fits_plan(text)


def test_a_name_that_no_plan_can_hold_is_left_out():
    assert draft_column("a\nb", {"a.csv": profile("1", "2")}).kind == "left out"


def test_a_few_whole_numbers_may_be_codes():
    draft = draft_column("day", {"a.csv": profile("1", "2", "3"), "b.csv": profile("2", "3", "NA")})
    assert (draft.kind, draft.minimum, draft.maximum, draft.has_missing) == ("number", "1", "3", True)
    assert draft.remark == "16.7% missing; only 3 whole numbers: if they are codes, make it a category"


@pytest.mark.parametrize("count", [60, 61])
def test_sixty_categories_are_listed_and_more_are_counted(count):
    texts = [f"kind {index}" for index in range(count)] * 3
    draft = draft_column("kind", {"a.csv": profile(*texts)})
    assert draft.kind == "category"
    assert len(draft.categories) == (60 if count == 60 else 0)
