import hashlib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.errors import Refused
from hansa.learning import (
    GroupSplit,
    NumberFeature,
    RowSplit,
    Schema,
    StratifiedSplit,
    Table,
    TimeSplit,
    divide_rows,
    split_rows,
)
from hansa.learning.split import find_validation

NONE = Schema(())


def table(labels, **keys):
    columns = {name: np.array(values, dtype=object) for name, values in keys.items()}
    return Table(NONE, {}, {}, np.array(labels, dtype=np.int8), columns)


@given(st.lists(st.integers(0, 1), max_size=60), st.integers(0, 9), st.fractions("1/10", "9/10"))
def test_each_label_gives_its_rounded_share(labels, seed, share):
    labels = np.array(labels, dtype=np.int8)
    test = split_rows(table(labels), StratifiedSplit(seed, share), "alpha")
    for label in (0, 1):
        rows = int((labels == label).sum())
        assert int(test[labels == label].sum()) == int(share * rows + Fraction(1, 2))


def test_the_draw_is_the_documented_one():
    start = b"hansa/v1/split\nrow\n7\nalpha\n"
    ranked = sorted(range(10), key=lambda row: hashlib.sha256(start + str(row).encode()).digest())
    test = split_rows(table([0] * 10), StratifiedSplit(7, Fraction(3, 10)), "alpha")
    assert sorted(np.flatnonzero(test)) == sorted(ranked[:3])


def test_another_seed_or_member_is_another_draw():
    rows = table([0] * 200)
    draws = [
        split_rows(rows, StratifiedSplit(seed, Fraction(1, 2)), member).tolist()
        for seed, member in ((0, "alpha"), (1, "alpha"), (0, "beta"), (0, "alpha"))
    ]
    assert draws[0] == draws[3]
    assert draws[0] != draws[1]
    assert draws[0] != draws[2]


def test_a_row_is_drawn_by_its_place_alone():
    rule = RowSplit(7, Fraction(1, 3))
    start = b"hansa/v1/split\nrows\n7\nalpha\n"
    drawn = [
        int.from_bytes(hashlib.sha256(start + str(row).encode()).digest()[:8], "big") for row in range(60)
    ]
    expected = [3 * number < 2**64 for number in drawn]
    assert split_rows(table([0, 1] * 30), rule, "alpha").tolist() == expected
    assert split_rows(table([1] * 60), rule, "alpha").tolist() == expected
    assert split_rows(table([1] * 61), rule, "alpha").tolist()[:60] == expected
    assert 10 < sum(expected) < 30
    assert split_rows(table([1] * 60), rule, "beta").tolist() != expected


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(0, 5))
def test_a_group_stays_together(groups, seed):
    rows = table([0] * len(groups), person=[str(group) for group in groups])
    test = split_rows(rows, GroupSplit("person", seed, Fraction(1, 3), everywhere=False), "alpha")
    for group in set(groups):
        assert len(set(test[np.array(groups) == group].tolist())) == 1


def test_about_the_share_of_groups_tests():
    rows = table([0] * 3000, person=[str(row) for row in range(3000)])
    test = split_rows(rows, GroupSplit("person", 0, Fraction(3, 10), everywhere=False), "alpha")
    assert 0.27 < test.mean() < 0.33


def test_a_group_that_means_the_same_everywhere_is_on_one_side_at_all_members():
    rows = table([0] * 300, day=[str(row) for row in range(300)])
    everywhere = GroupSplit("day", 0, Fraction(1, 2), everywhere=True)
    own = GroupSplit("day", 0, Fraction(1, 2), everywhere=False)
    assert (split_rows(rows, everywhere, "alpha") == split_rows(rows, everywhere, "beta")).all()
    assert (split_rows(rows, own, "alpha") != split_rows(rows, own, "beta")).any()


def test_time_compares_numbers_as_numbers_and_dates_as_texts():
    years = table([0] * 3, year=["995", "1996", "1996.0"])
    assert split_rows(years, TimeSplit("year", "1996"), "a").tolist() == [False, True, True]
    dates = table([0] * 2, day=["2025-12-31", "2026-01-01"])
    assert split_rows(dates, TimeSplit("day", "2026-01-01"), "a").tolist() == [False, True]


def test_a_time_that_is_no_number_is_refused_when_the_limit_is_one():
    with pytest.raises(Refused) as excinfo:
        split_rows(table([0, 0], year=["1996", "soon"]), TimeSplit("year", "1996"), "a")
    assert excinfo.value.rule == "split.time"
    assert "`soon` in row 1" in str(excinfo.value)


@pytest.mark.parametrize("text", ["12/1/2021", "2020-06", "2020-06-01T00:00:00Z", "20200601", " 2020-06-02"])
def test_a_date_that_is_not_written_as_the_limit_is_refused(text):
    with pytest.raises(Refused) as excinfo:
        split_rows(table([0, 0], day=["2020-06-02", text]), TimeSplit("day", "2020-06-01"), "a")
    assert excinfo.value.rule == "split.time"
    assert f"got `{text}` in row 1" in str(excinfo.value)


def test_a_limit_that_is_no_time_is_refused():
    with pytest.raises(Refused) as excinfo:
        split_rows(table([0], day=["Q3"]), TimeSplit("day", "Q3"), "a")
    assert excinfo.value.rule == "split.time"
    assert "begins at `Q3`" in str(excinfo.value)


@pytest.mark.parametrize(
    "rule", [TimeSplit("key", "1"), GroupSplit("key", 0, Fraction(1, 2), everywhere=False)]
)
def test_a_missing_key_is_refused(rule):
    with pytest.raises(Refused) as excinfo:
        split_rows(table([0, 0], key=["1", None]), rule, "a")
    assert excinfo.value.rule == "split.missing"
    with pytest.raises(ValueError, match="no key column"):
        split_rows(table([0]), rule, "a")


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1), Fraction(3, 2)])
def test_a_share_lies_between_none_and_all(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        StratifiedSplit(0, share)
    with pytest.raises(ValueError, match="between 0 and 1"):
        GroupSplit("day", 0, share, everywhere=True)


def test_dividing_verifies_first():
    schema = Schema((NumberFeature("x", 0.0, 1.0, missing=False),))
    rows = Table(schema, {"x": np.array([0.0, 7.0])}, {}, np.array([0, 1], np.int8))
    with pytest.raises(Refused) as excinfo:
        divide_rows(rows, StratifiedSplit(0, Fraction(1, 2)), "a")
    assert excinfo.value.rule == "table.range"


def test_dividing_loses_no_row():
    schema = Schema((NumberFeature("x", 0.0, 99.0, missing=False),))
    rows = Table(schema, {"x": np.arange(100.0)}, {}, (np.arange(100) % 3 == 0).astype(np.int8))
    divided = divide_rows(rows, StratifiedSplit(0, Fraction(1, 4)), "a")
    both = np.concatenate([divided.train.numbers["x"], divided.test.numbers["x"]])
    assert sorted(both) == list(range(100))


@pytest.mark.parametrize(
    "rule",
    [
        StratifiedSplit(3, Fraction(1, 4), Fraction(1, 5)),
        RowSplit(3, Fraction(1, 4), Fraction(1, 5)),
        GroupSplit("person", 3, Fraction(1, 4), everywhere=False, validation=Fraction(1, 5)),
        TimeSplit("person", "300", "220"),
    ],
)
def test_validation_rows_are_taken_from_the_training_rows_and_leave_the_test_rows_as_they_were(rule):
    rows = table([0, 1] * 200, person=[str(row) for row in range(400)])
    divided, before = (
        divide_rows(rows, rule, "alpha"),
        divide_rows(rows, replace(rule, validation=None), "alpha"),
    )
    assert before.validation is None
    assert divided.test.keys["person"].tolist() == before.test.keys["person"].tolist()
    held = {*divided.validation.keys["person"].tolist()}
    assert held | {*divided.train.keys["person"].tolist()} == {*before.train.keys["person"].tolist()}
    assert not held & {*divided.train.keys["person"].tolist()}
    assert 55 < len(held) < 105
    assert len(divided.own.train) == len(before.train)


@pytest.mark.parametrize("share", [Fraction(0), Fraction(3, 4), Fraction(1)])
def test_validation_rows_leave_some_to_train(share):
    with pytest.raises(ValueError, match="validation rows must lie between 0 and 3/4"):
        RowSplit(0, Fraction(1, 4), share)


@pytest.mark.parametrize("start", ["1996", "1997", "1995-01-01"])
def test_rows_that_validate_from_the_test_rows_on_are_refused(start):
    with pytest.raises(Refused, match="must lie before `1996`") as excinfo:
        divide_rows(table([0, 0], year=["1990", "1996"]), TimeSplit("year", "1996", start), "a")
    assert excinfo.value.rule == "split.time"


@pytest.mark.parametrize(
    "rule",
    [
        StratifiedSplit(3, Fraction(1, 4), Fraction(7, 10)),
        RowSplit(3, Fraction(1, 4), Fraction(7, 10)),
        GroupSplit("person", 3, Fraction(1, 4), everywhere=True, validation=Fraction(7, 10)),
    ],
)
def test_of_the_training_rows_a_tenth_is_set_aside_whatever_share_validates(rule):
    aside = find_validation(rule)
    assert (aside.test, aside.validation) == (Fraction(1, 10), None)
