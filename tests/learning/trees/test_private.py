"""Trees with noise: what they cost, what they draw, and that they learn."""

import json
from fractions import Fraction
from hashlib import sha256

import numpy as np
import pytest
import xgboost

from hansa.errors import Refused
from hansa.learning import NumberFeature, Question, Result, Rows, Schema, Table, Unit, run_in_clear
from hansa.learning.pricing import measure_macro
from hansa.learning.trees import Branch, PrivateTrees, TreesParameters, export_xgboost, parse_forest
from hansa.learning.trees.bins import Bins, CategoryBins, NumberBins
from hansa.learning.trees.private import Tallying
from hansa.learning.trees.sweep import MOST_VALUE, draw_trees
from hansa.learning.trees.tally import CELLS, read_tally

RHO = Fraction(112124441, 500000000)
PLENTY = Fraction(10**9)
SIZES = (900, 600, 1400, 330, 700)


class Foreign(Question):
    def bound(self):
        return np.ones(1)

    def publics(self):
        return ()


@pytest.fixture(scope="module")
def members(draw):
    return draw(77, SIZES)


def make(schema, rho=RHO, spread=1.5, **parameters):
    chosen = TreesParameters(**{"organisation_offsets": False, "trees": 40, **parameters})
    return PrivateTrees(schema, chosen, Unit(), rho, spread)


def noisy(seed, spread=1.5):
    """Add noise as a cohort would, in one go."""
    rng = np.random.default_rng(seed)

    def add(question, answers):
        deviation = question.noise.deviation * spread
        return np.sum(answers, axis=0) + rng.normal(size=question.length) * deviation

    return add


def walk(recipe, members, add=lambda _, answers: np.sum(answers, axis=0)):
    """All questions of a run, and its result."""
    state, asked = recipe.begin(), []
    names = tuple(rows.member for rows in members)
    while not isinstance(question := recipe.ask(state), Result):
        asked.append(question)
        state = recipe.learn(state, add(question, [recipe.answer(question, rows) for rows in members]), names)
    return asked, question


@pytest.mark.parametrize("trees", [1, 5, 40])
def test_what_touches_a_row_costs_exactly_what_the_plan_declares(schema, members, trees):
    asked, _ = walk(make(schema, trees=trees), members)
    for part in ("train", "test"):
        assert sum(question.noise.rho for question in asked if question.noise.part == part) == RHO


def test_the_questions_come_in_the_documented_order_and_no_two_are_alike(schema, members):
    asked, result = walk(make(schema, trees=9, depth=2), members)
    features = sum(column.width > 1 for column in parse_forest(result.document).bins.columns)
    sweeps = -(-9 // features)
    assert [question.name for question in asked] == [
        "tally",
        *(f"sweep {number + 1}" for number in range(sweeps)),
        "scores",
    ]
    assert result.turns == len(asked)
    assert len({question.digest for question in asked}) == len(asked)
    assert len(parse_forest(result.document).trees) == 9


def test_it_learns_without_noise_nearly_what_there_is_and_with_noise_most_of_it(schema, members):
    def score(recipe, add=None):
        return measure_macro(parse_forest(run_in_clear(recipe, members, add).document), members)

    clear = score(make(schema, PLENTY, trees=100))
    noised = np.mean([score(make(schema, trees=100), noisy(seed)) for seed in range(3)])
    drowned = np.mean([score(make(schema, RHO / 10**6), noisy(seed)) for seed in range(3)])
    assert clear > 0.75
    assert clear - 0.1 < noised < clear + 0.02
    assert drowned < 0.65


def test_the_model_goes_to_xgboost_as_any_other(schema, members, tmp_path):
    forest = parse_forest(run_in_clear(make(schema, trees=12, features=2), members, noisy(1)).document)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(export_xgboost(forest)))
    booster = xgboost.Booster()
    booster.load_model(path)
    assert booster.num_boosted_rounds() == 12 + 1  # the base first


def test_no_leaf_is_large_however_wide_the_noise(schema, members):
    forest = parse_forest(run_in_clear(make(schema, RHO / 10**6), members, noisy(4)).document)
    values = np.concatenate([tree.values for tree in forest.trees])
    assert np.abs(values).max() <= MOST_VALUE * 0.1


BINS = Bins(
    Schema((NumberFeature("a", 0.0, 8.0, missing=True), NumberFeature("b", 0.0, 1.0, missing=False))),
    (NumberBins("a", (1.0, 2.0, 5.0), missing=True), NumberBins("b", (), missing=False)),
)


def test_splits_follow_from_the_documented_hash():
    """A second implementation, from the page alone."""
    (tree,) = draw_trees(BINS, 6, 1, depth=3, features=1)
    for level in range(3):
        places = b"".join(part.to_bytes(4, "big") for part in (6, level, 0))
        drawn = sha256(b"hansa/v1/drawn-split\n" + places + bytes.fromhex(BINS.digest)).digest()
        right = list(range(1 + int.from_bytes(drawn[:8], "big") % 3, 4)) + [4] * (drawn[31] % 2)
        for node in tree.nodes[2**level - 1 : 2 ** (level + 1) - 1]:
            assert (node.feature, node.right) == (0, tuple(right))
    assert len(tree.nodes) == 15


def test_every_split_parts_some_bins_from_others(schema, members):
    forest = parse_forest(run_in_clear(make(schema, PLENTY, features=3), members).document)
    for tree in forest.trees:
        for node in tree.nodes:
            if isinstance(node, Branch):
                assert 0 < len(node.right) < forest.bins.columns[node.feature].width


def test_a_number_that_is_nearly_always_the_same_has_one_bin():
    schema = Schema((NumberFeature("a", 0.0, 1.0, missing=False),))
    total = np.zeros(2 + CELLS)
    total[:2] = 500, 500
    total[2 + CELLS - 1] = 1000
    tally = read_tally(schema, total, 3.0, 64)
    assert tally.bins.columns == (NumberBins("a", (), missing=False),)
    total[2] = 100
    assert read_tally(schema, total, 3.0, 64).bins.columns[0].edges == (1 / 64,)
    assert read_tally(schema, total, 30.0, 64).bins.columns[0].edges == ()


def test_a_code_that_noise_may_have_made_has_no_bin(schema, members):
    recipe = make(schema)
    question = recipe.ask(Tallying())
    total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
    seen = read_tally(schema, total, 1.0, 64).bins.columns
    hidden = read_tally(schema, total, 1e6, 64).bins.columns
    assert any(isinstance(column, CategoryBins) and column.codes for column in seen)
    assert all(column.width == 1 + getattr(column, "missing", 0) for column in hidden)


def test_where_nothing_stands_out_the_run_ends():
    schema = Schema((NumberFeature("a", 0.0, 0.0, missing=False),))
    table = Table(schema, {"a": np.zeros(9)}, {}, np.array([0, 1] * 4 + [0], dtype=np.int8))
    with pytest.raises(Refused, match="stand out"):
        run_in_clear(make(schema), [Rows("alder", table, table)])


@pytest.mark.parametrize(
    "parameters",
    [
        {"organisation_offsets": True},
        {"organisation_rate": True},
        {"patience": 3},
        {"positive_weight": 2.0},
        {"monotone": (("mass", 1),)},
    ],
)
def test_what_has_no_form_with_noise_is_refused(schema, parameters):
    with pytest.raises(Refused, match="cannot be learnt with noise"):
        make(schema, **parameters)


def test_a_foreign_question_and_a_total_out_of_turn_are_refused(schema, members):
    recipe = make(schema, trees=1)
    with pytest.raises(ValueError, match="not a question"):
        recipe.answer(Foreign("foreign"), members[0])
    _, result = walk(recipe, members)
    with pytest.raises(ValueError, match="result already"):
        recipe.learn(result, np.zeros(1), ("alder",))


def test_members_compare_the_forest_with_trees_of_their_own(schema, members):
    recipe = make(schema, PLENTY)
    report = recipe.private_report(run_in_clear(recipe, members), members[0])
    assert report.scored
    assert report.together.value > 0.6
