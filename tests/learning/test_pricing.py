import math

import numpy as np
import pytest

from hansa.learning import Rows
from hansa.learning.pricing import rehearse_price
from hansa.learning.reading import read_schema

DELTA = "0.00001"
PLAN = {
    "recipe": {"name": "logistic", "parameters": {}},
    "features": [
        {"name": "mass", "type": "number", "minimum": "1", "maximum": "5", "missing": "allowed"},
        {
            "name": "sky",
            "type": "category",
            "categories": ["Clear", "Some", "Overcast", "Never"],
            "missing": "allowed",
        },
        {"name": "height", "type": "number", "minimum": "0", "maximum": "40000", "missing": "refused"},
        {"name": "species", "type": "category", "categories": "counted", "missing": "allowed"},
        {"name": "fixed", "type": "number", "minimum": "0", "maximum": "9", "missing": "refused"},
    ],
    "split": {"kind": "rows", "seed": 0, "test": "1/4"},
    "privacy": {"noise": "discrete-gaussian", "epsilon": "1", "delta": DELTA, "unit": "row"},
}


def price(members, epsilons, seed=0):
    rng = np.random.default_rng(seed)
    budgets = [(epsilon, DELTA) for epsilon in epsilons]
    return rehearse_price(
        PLAN,
        members,
        budgets,
        honest=2,
        draws=3,
        draw=lambda deviation, count: rng.normal(size=count) * deviation,
    )


def test_a_price_shows_what_clipping_costs_and_what_noise_costs(draw):
    members = draw(78, (900, 700, 800, 600), schema=read_schema(PLAN))
    weak, strong = price(members, ["50", "0.1"])
    assert (weak.epsilon, strong.epsilon) == ("50", "0.1")
    assert weak.unclipped == strong.unclipped > 0.7
    assert weak.clipped == pytest.approx(weak.unclipped, abs=0.02)
    assert weak.split == pytest.approx(weak.clipped, abs=0.03)
    assert strong.split < weak.split - 0.05
    assert 0 < weak.cut < 0.5


def test_the_same_draws_give_the_same_price(draw):
    members = draw(78, (300, 200, 250), schema=read_schema(PLAN))
    assert price(members, ["3"], 5) == price(members, ["3"], 5)


def test_where_nobody_can_be_scored_there_is_no_price(draw):
    members = [
        Rows(r.member, r.train, r.test.take(np.zeros(len(r.test), bool)))
        for r in draw(78, (300, 200, 250), schema=read_schema(PLAN))
    ]
    (found,) = price(members, ["3"])
    assert math.isnan(found.unclipped)
    assert math.isnan(found.split)
