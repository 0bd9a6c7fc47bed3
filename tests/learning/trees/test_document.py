"""The file of a forest: one spelling, and nothing believed that does not fit."""

import copy

import numpy as np
import pytest

from hansa.errors import Malformed
from hansa.learning import Trees, TreesParameters, run_in_clear
from hansa.learning.trees import parse_forest, write_forest


@pytest.fixture
def document(schema, draw):
    members = draw(3, (300, 200, 250))
    parameters = TreesParameters(trees=3, depth=3, bins=8)
    return run_in_clear(Trees(schema, parameters, tuple(rows.member for rows in members)), members).document


def test_a_forest_comes_back_as_it_was(schema, draw, document):
    forest = parse_forest(document)
    assert write_forest(forest) == document
    rows = draw(3, (300,))[0]
    np.testing.assert_array_equal(
        forest.predict(rows.test), parse_forest(copy.deepcopy(document)).predict(rows.test)
    )


def edit(document, path, value):
    changed = copy.deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (["format"], "hansa/v2/trees", "model.format"),
        (["base"], 0.5, "model.form"),
        (["base"], "0.50", "model.number"),
        (["extra"], 1, "model.form"),
        (["trees"], {}, "model.form"),
        (["trees", 0], [], "model.tree"),
        (["trees", 0, 0, "children"], [1, 3], "model.tree"),
        (["trees", 0, 0, "children"], [0, 1], "model.tree"),
        (["trees", 0, 0, "feature"], "nothing", "model.tree"),
        (["trees", 0, 0, "right"], [], "model.tree"),
        (["trees", 0, 0, "right"], [255], "model.tree"),
        (["trees", 0, 0, "right"], [1, 0], "model.tree"),
        (["trees", 0, 0, "right"], [True], "model.tree"),
        (["trees", 0, 0, "gain"], "much", "model.number"),
        (["trees", 0, 1], {"value": "nan"}, "model.number"),
        (["trees", 0, 0], {"value": "0.0"}, "model.tree"),
        (["features", 0, "edges"], ["2.0", "1.0"], "model.edges"),
        (["features", 1, "codes"], [[1, "sky = Clear"]], "model.category"),
        (["features", 1, "codes"], [[99, "sky = Clear"]], "model.category"),
        (["features", 1, "codes"], [[1, "sky = Some"], [0, "sky = Clear"]], "model.category"),
        (["features", 2, "minimum"], "x", "model.number"),
    ],
)
def test_another_file_is_refused(document, path, value, rule):
    with pytest.raises(Malformed) as raised:
        parse_forest(edit(document, path, value))
    assert raised.value.rule == rule
