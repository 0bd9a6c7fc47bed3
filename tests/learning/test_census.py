import numpy as np
import pytest

from hansa.learning import CategoryFeature, NumberFeature, Schema, Table, Unit
from hansa.learning.census import CensusQuestion, answer_census, measure_census, read_census

SCHEMA = Schema(
    (NumberFeature("mass", 1.0, 5.0, missing=True), CategoryFeature("sky", ("Clear", "Cloud"), missing=False))
)
UNIT = Unit()


def make(mass, sky, labels, schema=SCHEMA, **keys):
    return Table(
        schema,
        {"mass": np.array(mass, dtype=float)},
        {"sky": np.array(sky, dtype=object)},
        np.array(labels, dtype=np.int8),
        {name: np.array(column, dtype=object) for name, column in keys.items()},
    )


def census(table, deviation=0.0, minimum_rows=1, unit=UNIT, schema=SCHEMA):
    question = CensusQuestion("census", schema, unit)
    answer = answer_census(question, table)
    assert answer.shape == (question.length,) == (measure_census(schema),)
    return read_census(schema, answer, deviation, minimum_rows)


def test_an_answer_is_laid_out_as_documented():
    table = make([1.0, 5.0, np.nan, 3.0], ["Clear", "Cloud", "Clear", "Clear"], [1, 0, 0, 0])
    answer = answer_census(CensusQuestion("census", SCHEMA, UNIT), table)
    # positives, negatives; without mass, sum of u, sum of 1 - u²; Clear, Cloud
    assert answer.tolist() == [1.0, 3.0, 1.0, 0.0, 1.0, 3.0, 1.0]


def test_without_noise_mean_and_spread_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    mass = rng.uniform(1.0, 5.0, 500)
    found = census(make(mass, ["Clear", "Cloud"] * 250, [0, 1] * 250))
    (number,) = found.design.numbers
    assert number.mean == pytest.approx(mass.mean(), abs=1e-4)
    assert number.deviation == pytest.approx(mass.std(), abs=1e-3)
    assert (found.positives, found.negatives, found.rate) == (250.0, 250.0, 0.5)


def test_rows_weigh_what_their_unit_lets_them():
    table = make([2.0] * 4, ["Clear"] * 4, [1, 1, 0, 0], person=["ann", "ann", "ann", "bob"])
    answer = answer_census(CensusQuestion("census", SCHEMA, Unit("person", 1)), table)
    assert answer[:2] == pytest.approx([2 / 3, 1 / 3 + 1], abs=0.001)


def test_a_category_within_the_noise_has_no_column_and_is_listed():
    table = make([2.0] * 50, ["Clear"] * 44 + ["Cloud"] * 6, [1] * 25 + [0] * 25)
    (block,) = census(table, deviation=3.0).design.categories
    assert block.codes == (0, 1)
    hidden = census(table, deviation=10.0)
    assert hidden.design.categories[0].codes == (0,)
    assert "sky = Cloud" in dict(hidden.dropped)


def test_the_plans_own_floor_holds_where_noise_is_small():
    table = make([2.0] * 50, ["Clear"] * 44 + ["Cloud"] * 6, [1] * 25 + [0] * 25)
    assert census(table, minimum_rows=7).design.categories[0].codes == (0,)


def test_noise_alone_gives_a_counted_feature_hardly_any_column():
    schema = Schema((CategoryFeature("species", None, missing=True),))
    kept = []
    for seed in range(10):
        total = np.random.default_rng(seed).normal(size=measure_census(schema)) * 30.0
        kept.append(len(read_census(schema, total, 30.0, 10).design.categories[0].codes))
    assert np.mean(kept) < 1.0


def test_a_spread_below_the_noise_is_not_believed():
    table = make([3.0] * 400, ["Clear"] * 400, [0, 1] * 200)
    (number,) = census(table, deviation=4.0).design.numbers
    assert number.deviation == pytest.approx(2.0 * np.sqrt(4.0 / 400))


def test_a_number_whose_bounds_coincide_has_no_column():
    schema = Schema(
        (NumberFeature("mass", 4.0, 4.0, missing=False), CategoryFeature("sky", ("Clear",), missing=False))
    )
    found = census(make([4.0] * 9, ["Clear"] * 9, [0, 1] * 4 + [0], schema=schema), schema=schema)
    assert found.design.numbers[0].deviation is None
    assert "mass" in dict(found.dropped)


def test_labels_drowned_in_noise_still_give_a_rate():
    total = np.full(measure_census(SCHEMA), -40.0)
    found = read_census(SCHEMA, total, 25.0, 1)
    assert (found.positives, found.negatives) == (25.0, 25.0)
