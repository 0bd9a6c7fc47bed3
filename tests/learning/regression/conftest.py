"""Runs of a regression over the rows of a made-up insurer's four houses."""

import pytest
from insurer import SCHEMA, Fitted, draw_members, join_tables

from hansa.learning import run_in_clear
from hansa.learning.regression import RegressionParameters, RegressionRecipe, parse_regression


@pytest.fixture
def fit(open_door):
    def run(outcome, family, **settings):
        members = draw_members()
        recipe = RegressionRecipe(
            SCHEMA, outcome, RegressionParameters(family, **settings), tuple(r.member for r in members)
        )
        result = run_in_clear(recipe, members, open_door())
        return Fitted(
            result, parse_regression(dict(result.document)), join_tables([r.train for r in members])
        )

    return run
