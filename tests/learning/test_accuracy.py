import numpy as np
import pytest
from observations import SCHEMA, draw_table, members_of

from hansa.errors import Refused
from hansa.learning import (
    PrivateStatistics,
    Statistics,
    StatisticsParameters,
    Table,
    build_recipe,
    read_schema,
    rehearse_statistics,
)
from hansa.learning.parameters import parse_statistics_parameters

PLAN = {
    "recipe": {"name": "statistics", "parameters": {"bins": 20, "minimum_rows": 10, "minimum_members": 3}},
    "features": [
        {"type": "number", "name": "mass", "minimum": "0", "maximum": "10", "missing": "allowed"},
        {
            "type": "category",
            "name": "sky",
            "categories": ["Clear", "Some", "Overcast", "Never"],
            "missing": "allowed",
        },
        {"type": "number", "name": "speed", "minimum": "-50", "maximum": "350", "missing": "refused"},
        {"type": "category", "name": "species", "categories": ["gull", "crow", "kite"], "missing": "refused"},
    ],
    "privacy": {"noise": "none"},
}


def noised(epsilon, unit="row"):
    privacy = {"noise": "discrete-gaussian", "epsilon": epsilon, "delta": "0.00001", "unit": unit}
    return {**PLAN, "privacy": privacy}


def rehearse(plan):
    drawn = (draw_table(np.random.default_rng(seed), 500) for seed in range(4))
    schema = read_schema(plan)
    members = members_of([Table(schema, table.numbers, table.texts, table.labels) for table in drawn])
    random = np.random.default_rng(0)
    return rehearse_statistics(
        plan, members, honest=2, draws=5, draw=lambda deviation, count: random.normal(size=count) * deviation
    )


def test_the_more_noise_the_further_figures_are_from_those_of_all_rows():
    clear, little, much = (rehearse(plan) for plan in (PLAN, noised("8"), noised("0.5")))
    assert clear.noise == 0
    assert clear.mean < little.mean < much.mean
    assert little.deviation < much.deviation
    assert clear.count == 0 < little.count < much.count
    assert 0 < little.noise < much.noise
    assert (clear.told, clear.values) == (0, 0)


def test_a_plan_names_the_recipe_and_its_form():
    names = ("ada", "bob", "cyd")
    bare = build_recipe(PLAN, names)
    assert isinstance(bare, Statistics)
    assert bare.parameters == StatisticsParameters(20, 10, 3)
    private = build_recipe(noised("3", {"column": "person", "rows": 4}), names, 2)
    assert isinstance(private, PrivateStatistics)
    assert (private.unit.column, private.unit.rows) == ("person", 4)
    assert private.spread == pytest.approx(1.5**0.5)
    assert [feature.name for feature in private.schema.features] == [
        feature.name for feature in SCHEMA.features
    ]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"bins": 1}, "`bins` must be a whole number from 2 to 100, got `1`"),
        ({"bins": True}, "`bins` must be"),
        ({"minimum_rows": 2}, "`minimum_rows` must be a whole number from 3"),
        ({"ridge": "1"}, "unknown parameter `ridge`"),
    ],
)
def test_parameters_that_are_none_are_refused(parameters, reason):
    with pytest.raises(Refused, match=r"recipe\.parameter") as caught:
        parse_statistics_parameters(parameters)
    assert reason in caught.value.reasons[0]
