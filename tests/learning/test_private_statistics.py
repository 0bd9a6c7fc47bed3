from fractions import Fraction

import numpy as np
import pytest
from observations import SCHEMA, draw_table, make, members_of, pool

from hansa.budget import convert_to_rho
from hansa.errors import Refused
from hansa.learning import NumberFeature, PrivateStatistics, Schema, StatisticsParameters, Unit, run_in_clear
from hansa.learning.histogram import QUANTILES
from hansa.learning.sketch import SketchQuestion, answer_sketch, measure_sketch, part_sketch
from hansa.privacy import Meter

RHO = convert_to_rho("3", "0.00001")
SIZES = (900, 400, 1500, 200)


@pytest.fixture(scope="module")
def members():
    random = np.random.default_rng(0)
    return members_of([draw_table(random, size) for size in SIZES])


def recipe_for(rho=RHO, spread=1.5, unit=None, schema=SCHEMA, **parameters):
    return PrivateStatistics(schema, StatisticsParameters(**parameters), unit or Unit(), rho, spread)


def noised(seed, spread=1.5):
    random = np.random.default_rng(seed)

    def add(question, answers):
        return (
            np.sum(answers, axis=0) + random.normal(size=question.length) * question.noise.deviation * spread
        )

    return add


def test_figures_through_noise_hold_those_of_all_rows_about_as_often_as_they_say(members):
    held = []
    for seed in range(20):
        summary = run_in_clear(recipe_for(), members, noised(seed)).summary
        assert abs(summary.rows - 3000) < 5 * summary.noise
        for found in summary.numbers:
            column = pool(members, "numbers", found.number.name)
            present = column[~np.isnan(column)]
            for figure, value in ((found.mean, present.mean()), (found.deviation, present.std())):
                held.append(figure.low <= value <= figure.high)
            for share, figure in zip(QUANTILES, found.quantiles, strict=True):
                value = np.quantile(present, float(share), method="inverted_cdf")
                held.append(figure.low <= value <= figure.high)
    assert len(held) == 280
    assert np.mean(held) >= 0.93


def test_without_noise_drawn_the_figures_are_those_of_all_rows(members):
    summary = run_in_clear(recipe_for(rho=Fraction(10**6)), members).summary
    for found in summary.numbers:
        column = pool(members, "numbers", found.number.name)
        present = column[~np.isnan(column)]
        assert found.missing == np.isnan(column).sum()
        assert found.mean.low <= present.mean() <= found.mean.high
        assert float(found.deviation.value) == pytest.approx(present.std(), abs=0.2)
        edges = np.linspace(found.number.minimum, found.number.maximum, 21)
        assert [run.rows for run in found.histogram] == np.histogram(present, edges)[0].tolist()
    sky, species = summary.categories
    texts = pool(members, "texts", "sky")
    assert [rows for _, rows in sky.counts] == [
        int(np.sum(texts == text)) for text in ("Clear", "Some", "Overcast", "Never", None)
    ]
    assert sum(rows for _, rows in species.counts) == 3000


def test_counts_are_never_negative_and_those_of_one_feature_add_up(members):
    for seed in range(5):
        summary = run_in_clear(recipe_for(rho=RHO / 100), members, noised(seed)).summary
        for found in summary.numbers:
            assert all(run.rows >= 0 for run in found.histogram)
            assert sum(run.rows for run in found.histogram) == pytest.approx(
                summary.rows - found.missing, abs=20
            )
        sky, species = summary.categories
        assert all(rows >= 0 for _, rows in sky.counts)
        assert sum(rows for _, rows in sky.counts) == pytest.approx(summary.rows, abs=5)
        assert species.other >= 0


def test_a_rare_value_of_a_counted_feature_is_not_told_nor_is_noise_as_one(members):
    lone = make([1.0] * 3, ["Clear"] * 3, [100.0] * 3, ["heron"] * 3)
    result = run_in_clear(recipe_for(), [*members, *members_of([lone])], noised(0))
    (species,) = (part for part in result.document["categories"] if part["name"] == "species")
    assert species["categories"] == "counted"
    assert len(species["counts"]) == 3
    assert [column for column, _ in result.dropped] == ["species"]


def test_the_one_question_costs_what_the_plan_allows():
    recipe = recipe_for()
    question = recipe.ask(recipe.begin())
    assert question.noise.rho == RHO
    assert question.noise.part == "train"
    meter = Meter(RHO, 3)
    meter.charge(question.name, question.noise)
    with pytest.raises(Refused, match=r"privacy\.budget"):
        meter.charge("again", question.noise)


def test_rows_lost_in_noise_are_refused_and_numbers_lost_in_it_left_out():
    few = members_of([draw_table(np.random.default_rng(0), 3)])
    with pytest.raises(Refused, match=r"recipe\.few-rows"):
        run_in_clear(recipe_for(), few)
    schema = Schema((NumberFeature("mass", 0.0, 10.0, missing=True),))
    tables = [draw_table(np.random.default_rng(1), 2000)]
    tables[0].numbers["mass"][5:] = np.nan
    tables = [type(table)(schema, {"mass": table.numbers["mass"]}, {}, table.labels) for table in tables]
    result = run_in_clear(recipe_for(schema=schema), members_of(tables))
    assert result.document["numbers"] == []
    assert [column for column, _ in result.dropped] == ["mass"]


def test_an_answer_is_laid_out_as_documented():
    table = make([0.0, np.nan, 10.0], ["Clear", None, "Clear"], [-50.0, 150.0, 350.0], ["gull"] * 3)
    question = SketchQuestion("statistics", SCHEMA, Unit(), 4)
    answer = answer_sketch(question, table)
    assert answer.shape == (question.length,) == (measure_sketch(SCHEMA, 4),)
    # rows; mass: missing, u, 1 - u², four bins; speed likewise, never missing; sky; species
    assert answer[:8].tolist() == [3, 1, 0, 0, 1, 0, 0, 1]
    assert answer[8:14].tolist() == [0, 1, 1, 0, 1, 1]
    assert answer[14:19].tolist() == [2, 0, 0, 0, 1]
    assert len(answer) == 19 + 65536
    assert part_sketch(question, answer).rows == 3


def test_rows_of_one_person_weigh_what_the_unit_allows():
    table = make([1.0] * 4, ["Clear"] * 4, [100.0] * 4, ["gull"] * 4)
    table = type(table)(
        table.schema,
        table.numbers,
        table.texts,
        table.labels,
        {"person": np.array(["ann"] * 4, dtype=object)},
    )
    assert answer_sketch(SketchQuestion("statistics", SCHEMA, Unit("person", 2), 4), table)[0] == 2.0
