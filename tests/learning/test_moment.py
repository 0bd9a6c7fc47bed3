import doctest
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning import moment, read_moment


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1996", "a plain number"),
        ("-0.5e3", "a plain number"),
        ("2020-06", "`YYYY-MM`"),
        ("2020-02-29", "`YYYY-MM-DD`"),
        ("2020-06-01T23:59", "`YYYY-MM-DDThh:mm`"),
        ("2020-06-01T23:59:59Z", "`YYYY-MM-DDThh:mm:ssZ`"),
        ("2020-06-01 23:59:59.25", "`YYYY-MM-DD hh:mm:ss`"),
    ],
)
def test_each_form_is_recognised(text, form):
    assert read_moment(text).form == form


@pytest.mark.parametrize(
    "text",
    [
        "12/1/2021", "1.6.2020", "2021-02-29", "2020-13-01", "2020-6-1", "2020-06-01T24:00:00Z", "soon", "", " 1996",
        "2020-06-01T10:00:00+01:00", "inf", "nan", "1_000", "٣", "2020-06-01t10:00", "1996 ", "2020-06-01Z",
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_no_moment(text):
    assert read_moment(text) is None


def test_numbers_are_compared_exactly():
    assert read_moment("9007199254740993") > read_moment("9007199254740992")
    assert read_moment("995") < read_moment("1996.0") == read_moment("1996")


instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - hypothesis wants them naive


@given(instants, instants, st.sampled_from([("T", "Z"), (" ", "")]))
def test_moments_of_one_form_are_in_the_order_of_time(one, other, marks):
    mark, zone = marks
    first, second = (
        read_moment(each.replace(tzinfo=UTC).isoformat(mark).removesuffix("+00:00") + zone)
        for each in (one, other)
    )
    assert first.form == second.form
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


def test_zeros_at_the_end_of_a_fraction_do_not_count():
    assert read_moment("2020-06-01T10:00:00.50Z") == read_moment("2020-06-01T10:00:00.5Z")
    assert read_moment("2020-06-01T10:00:00.0Z") == read_moment("2020-06-01T10:00:00Z")


def test_the_examples_run():
    assert doctest.testmod(moment).failed == 0
