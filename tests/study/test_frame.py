"""Frames of whatever library become columns of texts."""

import datetime as dt
import math

import numpy as np
import pytest

from hansa.errors import Refused
from hansa.study.frame import read_frame, spell_columns, spell_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("rain", "rain"),
        (3, "3"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        (math.nan, ""),
        (np.float64("nan"), ""),
        (np.int64(7), "7"),
        (np.str_("x"), "x"),
        (dt.date(2026, 11, 24), "2026-11-24"),
    ],
)
def test_a_value_is_spelt_as_a_table_would(value, text):
    assert spell_value(value, "c") == text


def test_a_value_that_no_table_holds_is_refused():
    with pytest.raises(TypeError, match="column `c` holds a `list`"):
        spell_value([1], "c")


def test_pandas_and_arrow_give_what_a_dict_gives():
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    plain = {"a": [1.5, None], "b": ["x", None], "when": [dt.datetime(2026, 1, 2, 3, 4), None]}  # noqa: DTZ001 - a frame's times have no zone
    expected = {"a": ["1.5", ""], "b": ["x", ""], "when": ["2026-01-02T03:04:00", ""]}
    for frame in (plain, pandas.DataFrame(plain), arrow.table(plain)):
        assert spell_columns(read_frame(frame)) == expected


@pytest.mark.parametrize("frame", [np.zeros((2, 2)), [1, 2], "a.csv"])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(TypeError, match="expected a dict of columns"):
        read_frame(frame)


def test_columns_have_names_and_one_length():
    with pytest.raises(TypeError, match="columns have names, got `0`"):
        read_frame({0: [1]})
    with pytest.raises(Refused, match="same number of rows"):
        read_frame({"a": [1], "b": [1, 2]})
