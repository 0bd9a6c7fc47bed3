import math
from fractions import Fraction

import numpy as np
import pytest

from hansa.budget import convert_to_rho
from hansa.errors import Refused
from hansa.learning import (
    BUCKETS,
    FEW_BUCKETS,
    Logistic,
    NumberFeature,
    PrivateLogistic,
    RegressionRecipe,
    RowSplit,
    Schema,
    Table,
    Unit,
    build_recipe,
    read_rho,
    read_schema,
    read_split,
    read_unit,
)
from hansa.learning.regression import Amount
from hansa.learning.unit import MOST_ROWS

NOISED = {"noise": "discrete-gaussian", "epsilon": "3", "delta": "0.00001", "unit": "row"}
ROWS = {"kind": "rows", "seed": 4, "test": "1/4"}
GROUP = {"kind": "group", "column": "person", "seed": 0, "test": "1/4", "scope": "member"}


def make(privacy=None, split=None, name="logistic", **parameters):
    return {
        "recipe": {"name": name, "parameters": parameters},
        "features": [
            {"name": "mass", "type": "number", "minimum": "0", "maximum": "9", "missing": "allowed"}
        ],
        "split": split or ROWS,
        "privacy": privacy or NOISED,
    }


def test_a_plan_without_noise_gives_the_exact_recipe_and_one_with_noise_its_private_form():
    assert isinstance(build_recipe(make({"noise": "none"}), ("a", "b", "c")), Logistic)
    recipe = build_recipe(make(clip="2.5", steps=6), ("a", "b", "c", "d"), 1)
    assert isinstance(recipe, PrivateLogistic)
    assert (recipe.parameters.clip, recipe.parameters.steps) == (2.5, 6)
    assert recipe.rho == convert_to_rho("3", "0.00001")
    assert recipe.unit == Unit()
    assert recipe.spread == pytest.approx(2.0)
    assert math.isclose(build_recipe(make(), ("a", "b")).spread, 1.0)


def test_a_counted_category_has_fewer_buckets_under_noise():
    plans = make({"noise": "none"}), make(NOISED)
    counted = {"name": "species", "type": "category", "categories": "counted", "missing": "allowed"}
    schemas = [read_schema({**plan, "features": [counted]}) for plan in plans]
    assert [schema.categories[0].buckets for schema in schemas] == [BUCKETS, FEW_BUCKETS]


def test_a_plan_without_noise_has_no_rho():
    assert read_rho(make({"noise": "none"})) == Fraction(0)


def test_rows_are_split_as_the_plan_says():
    assert read_split(make()) == RowSplit(4, Fraction(1, 4))


def test_a_unit_with_a_column_is_split_by_it():
    unit = NOISED | {"unit": {"column": "person", "rows": 3}}
    assert read_unit(make(unit, GROUP)) == Unit("person", 3)
    for split in (ROWS, GROUP | {"column": "day"}, {"kind": "time", "column": "person", "from": "2020"}):
        with pytest.raises(Refused, match=r"privacy\.split: the rows of one `person`"):
            read_unit(make(unit, split))


def test_a_stratified_split_is_refused_under_noise():
    with pytest.raises(Refused, match=r"privacy\.split: a stratified split"):
        build_recipe(make(split={"kind": "stratified", "seed": 0, "test": "1/4"}), ("a", "b", "c"))


def test_rows_may_be_split_by_time_or_group():
    for split in (GROUP, {"kind": "time", "column": "year", "from": "2020"}):
        assert read_unit(make(split=split)) == Unit()


def test_an_unknown_recipe_is_refused():
    with pytest.raises(Refused, match=r"recipe\.unknown: `forest` is not one of logistic"):
        build_recipe(make(name="forest"), ("a",))


@pytest.mark.parametrize(
    "parameters", [{"clip": "0"}, {"clip": "101"}, {"clip": 3}, {"steps": 0}, {"steps": 201}]
)
def test_a_clip_norm_or_a_number_of_steps_out_of_range_is_refused(parameters):
    with pytest.raises(Refused, match=r"recipe\.parameter"):
        build_recipe(make(**parameters), ("a", "b", "c"))


def test_more_rows_than_can_be_summed_exactly_are_refused():
    labels = np.zeros(MOST_ROWS + 1, dtype=np.int8)
    with pytest.raises(Refused, match=r"privacy\.rows: 2097153 rows"):
        Unit().weigh(Table(Schema(()), {}, {}, labels))


def test_a_regression_is_built_with_the_outcome_of_its_label_and_has_no_form_with_noise():
    label = {"name": "cost", "type": "number", "unit": "", "minimum": "-1", "maximum": "9", "exposure": None}
    plan = make({"noise": "none"}, name="regression", family="linear", ridge="0.5") | {"label": label}
    recipe = build_recipe(plan, ("a", "b", "c"))
    assert isinstance(recipe, RegressionRecipe)
    assert recipe.outcome == Amount(NumberFeature("cost", -1.0, 9.0, missing=False))
    assert (recipe.parameters.family, recipe.parameters.ridge) == ("linear", 0.5)
    with pytest.raises(Refused, match=r"recipe\.noise: `regression` has no form with noise yet"):
        build_recipe(plan | {"privacy": NOISED}, ("a", "b", "c"))
    with pytest.raises(Refused, match=r"recipe\.outcome: `gamma` explains"):
        build_recipe(plan | {"recipe": {"name": "regression", "parameters": {"family": "gamma"}}}, ("a", "b"))
