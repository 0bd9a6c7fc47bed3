import numpy as np
import pytest

from hansa.learning import BUCKETS, NumberFeature, Rows, Schema, Table, hash_category
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey


def survey(schema, members, door):
    question = SurveyQuestion("survey", schema)
    return read_survey(schema, door(question, [answer_survey(schema, rows) for rows in members]))


def test_totals_are_those_of_all_rows_in_one_place(schema, draw, door):
    members = draw(1, (40, 75, 8))
    found = survey(schema, members, door)
    mass = np.concatenate([rows.train.numbers["mass"] for rows in members])
    species = np.concatenate([rows.train.texts["species"] for rows in members])
    assert found.rows == len(mass)
    assert found.positives == sum(rows.train.positives for rows in members)
    assert found.test_rows == sum(len(rows.test) for rows in members)
    assert found.test_positives == sum(rows.test.positives for rows in members)
    assert found.numbers[0].present == (~np.isnan(mass)).sum()
    assert found.numbers[0].mean == pytest.approx(np.nanmean(mass), abs=1e-12)
    assert found.numbers[0].deviation == pytest.approx(np.nanstd(mass), abs=1e-12)
    assert found.numbers[0].having == 3
    assert found.numbers[0].lacking == sum(np.isnan(rows.train.numbers["mass"]).any() for rows in members) < 3
    assert (found.numbers[2].present, found.numbers[2].lacking) == (found.rows, 0)
    bucket = hash_category("species", "bird 3")
    assert found.categories[1].rows[bucket] == (species == "bird 3").sum()
    assert found.categories[1].members[bucket] == sum(
        (rows.train.texts["species"] == "bird 3").any() for rows in members
    )
    assert found.categories[1].rows[BUCKETS] == np.equal(species, None).sum()


def test_who_can_be_scored_is_counted(schema, draw, door):
    members = draw(2, (200, 160, 4))
    members.append(Rows("negative", members[0].train, members[0].test.take(members[0].test.labels == 0)))
    assert survey(schema, members, door).scorable == 2


def test_a_small_spread_in_a_wide_range_survives_the_door(door):
    schema = Schema((NumberFeature("x", -1e6, 1e6, missing=False),))
    rng = np.random.default_rng(0)
    values = [700_000 + 20 * rng.standard_normal(50) for _ in range(30)]
    members = []
    for number, column in enumerate(values):
        table = Table(schema, {"x": column}, {}, np.zeros(50, np.int8))
        members.append(Rows(str(number), table, table.take(np.zeros(50, bool))))
    found = survey(schema, members, door).numbers[0]
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert found.deviation == pytest.approx(np.std(values), rel=1e-4)


def test_a_range_of_no_width_gives_no_spread(door):
    schema = Schema((NumberFeature("x", 3.0, 3.0, missing=False),))
    table = Table(schema, {"x": np.full(4, 3.0)}, {}, np.zeros(4, np.int8))
    found = survey(schema, [Rows("a", table, table)], door).numbers[0]
    assert (found.mean, found.deviation) == (3.0, 0.0)


def test_nobody_having_a_number_gives_no_spread(door):
    schema = Schema((NumberFeature("x", 0.0, 1.0, missing=True),))
    table = Table(schema, {"x": np.full(4, np.nan)}, {}, np.zeros(4, np.int8))
    found = survey(schema, [Rows("a", table, table)], door).numbers[0]
    assert (found.present, found.deviation) == (0, 0.0)
