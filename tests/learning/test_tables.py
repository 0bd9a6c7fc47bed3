import numpy as np
import pytest

from hansa.errors import Refused
from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table, verify_table

SMALL = Schema((NumberFeature("x", 0.0, 1.0, missing=False), CategoryFeature("c", ("a", "b"), missing=False)))


def table(x=(0.5, 1.0), c=("a", "b"), labels=(0, 1)):
    return Table(
        SMALL,
        {"x": np.array(x, dtype=float)},
        {"c": np.array(c, dtype=object)},
        np.array(labels, dtype=np.int8),
    )


def test_a_table_that_meets_its_schema_is_accepted():
    verify_table(table())


@pytest.mark.parametrize(
    ("rule", "change", "named"),
    [
        ("table.range", {"x": (0.5, 1.5)}, "`x` must lie between 0.0 and 1.0, see row 1"),
        ("table.range", {"x": (float("inf"), -0.1)}, "row 0, 1"),
        ("table.missing", {"x": (0.5, float("nan"))}, "`x` must not be missing, see row 1"),
        ("table.missing", {"c": ("a", None)}, "`c` must not be missing, see row 1"),
        ("table.category", {"c": ("z", "b")}, "`c` holds an undeclared category, see row 0"),
        ("table.label", {"labels": (0, 2)}, "the label must be 0 or 1, see row 1"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_refused_with_its_column_and_row(rule, change, named):
    with pytest.raises(Refused) as excinfo:
        verify_table(table(**change))
    assert excinfo.value.rule == rule
    assert named in str(excinfo.value)


def test_all_findings_are_reported_at_once_and_long_ones_are_counted():
    bad = table(x=(2.0,) * 9, c=("z",) * 9, labels=(0,) * 9)
    with pytest.raises(Refused) as excinfo:
        verify_table(bad)
    assert len(excinfo.value.reasons) == 2
    assert "row 0, 1, 2 and 6 more" in excinfo.value.reasons[0]


def test_more_rows_than_any_member_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr("hansa.learning.tables.MAX_ROWS", 1)
    with pytest.raises(Refused) as excinfo:
        verify_table(table())
    assert excinfo.value.rule == "table.rows"


def test_a_column_of_another_length_is_our_own_mistake():
    with pytest.raises(ValueError, match="`c`"):
        table(c=("a",))
    with pytest.raises(ValueError, match="`x`"):
        Table(SMALL, {}, {"c": np.array(["a"], dtype=object)}, np.zeros(1, np.int8))
    with pytest.raises(ValueError, match="`day`"):
        Table(SMALL, table().numbers, table().texts, table().labels, {"day": np.array(["1"], dtype=object)})


def test_a_schema_names_each_feature_once_and_orders_its_bounds():
    with pytest.raises(ValueError, match="share a name"):
        Schema((NumberFeature("x", 0.0, 1.0, missing=False),) * 2)
    with pytest.raises(ValueError, match="bounds in order"):
        NumberFeature("x", 1.0, 0.0, missing=False)


def test_taking_rows_takes_their_codes_along():
    whole = table(x=(0.1, 0.2, 0.3), c=("b", "a", "b"), labels=(0, 1, 0))
    part = whole.take(np.array([True, False, True]))
    assert len(part) == 2
    assert part.positives == 0
    assert part.codes["c"].tolist() == [1, 1]
    assert part.numbers["x"].tolist() == [0.1, 0.3]


def test_rows_remember_the_last_thing_of_a_kind():
    rows = Rows("a", table(), table())
    made = []

    def make():
        made.append(1)
        return len(made)

    assert [rows.remember("fit", "one", make), rows.remember("fit", "one", make)] == [1, 1]
    assert rows.remember("fit", "two", make) == 2
    assert rows.remember("other", "two", make) == 3
    assert rows.remember("fit", "one", make) == 4
