"""Answers worked out in pieces, here and by workers of a Ray cluster, against those of one process."""

import numpy as np
import pytest

from hansa.errors import Unavailable
from hansa.governance import load_plan
from hansa.learning import Result, Rows, Table, recipe_digest, tables
from hansa.learning.reading import build_recipe, read_schema
from hansa.learning.spreading import find_division
from hansa.node.spread import connect_ray, spread_over_ray

NAMES = ("ada", "bob", "cyd")
ROWS = 700
PLAN = """
version: 1
name: Who pays late
purpose: Try things out.
recipe: RECIPE
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
split: {kind: rows, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: "0.6"}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""
RECIPES = {
    "logistic": "{name: logistic}",
    "trees": "{name: trees, parameters: {trees: 3, depth: 2, bins: 8, minimum_rows: 10, organisation_offsets: false}}",
    "trees with rate": "{name: trees, parameters: {trees: 3, depth: 2, bins: 8, minimum_rows: 10, organisation_offsets: false, organisation_rate: true}}",
}
STATISTICS = """
version: 1
name: What there is
purpose: Try things out.
recipe: {name: statistics, parameters: {bins: 10, minimum_rows: 10, minimum_members: 3}}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
privacy: {noise: none}
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""


def read_plan(text):
    return load_plan(text, "plan.yaml", recipe_digest=recipe_digest())


def make_rows(schema, name, seed):
    draw = np.random.default_rng(seed)

    def make(count):
        amount = draw.normal(size=count)
        amount[draw.random(count) < 0.05] = np.nan
        sector = np.array(["farm", "shop", "mill"], dtype=object)[draw.integers(3, size=count)]
        chance = 1 / (1 + np.exp(-(1.5 * np.nan_to_num(amount) + (sector == "mill") - 0.5)))
        labels = (draw.random(count) < chance).astype(np.int8)
        return Table(schema, {"amount": amount}, {"sector": sector}, labels)

    return Rows(name, make(ROWS), make(200))


def play(text, monkeypatch, spread_first, piece_rows=100):
    """Run a recipe in the clear, the first member's answers by something else as well; return how many were divided."""
    monkeypatch.setattr(tables, "PIECE_ROWS", piece_rows)
    document = read_plan(text).to_json()
    recipe = build_recipe(document, NAMES)
    members = [make_rows(read_schema(document), name, seed) for seed, name in enumerate(NAMES)]
    other = spread_first(recipe, make_rows(read_schema(document), "ada", 0))
    state, divided = recipe.begin(), 0
    while not isinstance(question := recipe.ask(state), Result):
        answers = [recipe.answer(question, rows) for rows in members]
        np.testing.assert_array_equal(other(question), answers[0], strict=True)
        divided += find_division(recipe, question) is not None
        state = recipe.learn(state, np.sum(answers, axis=0), NAMES)
    return divided


def answer_in_pieces(recipe, rows):
    """The obvious version: every piece alone, joined in the opposite order."""

    def answer(question):
        division = find_division(recipe, question)
        if division is None:
            return recipe.answer(question, rows)
        pieces = division.prepare(rows).pieces
        assert len(pieces) == 7
        return division.join(question, [division.measure(question, piece) for piece in reversed(pieces)])

    return answer


TEXTS = {name: PLAN.replace("RECIPE", recipe) for name, recipe in RECIPES.items()} | {
    "statistics": STATISTICS
}


@pytest.mark.parametrize("name", TEXTS)
def test_pieces_in_any_order_give_the_answer_of_all_rows_to_the_last_bit(monkeypatch, name):
    assert play(TEXTS[name], monkeypatch, answer_in_pieces) >= (1 if name == "statistics" else 3)


def test_pieces_are_within_what_all_rows_at_once_give_by_rounding_alone(monkeypatch):
    def answer_at_once(recipe, rows):
        def answer(question):
            monkeypatch.setattr(tables, "PIECE_ROWS", ROWS)
            fresh = Rows(rows.member, rows.train, rows.test)
            whole = recipe.answer(question, fresh)
            monkeypatch.setattr(tables, "PIECE_ROWS", 100)
            in_pieces = recipe.answer(question, rows)
            np.testing.assert_allclose(in_pieces, whole, rtol=1e-12, atol=1e-9)
            return in_pieces

        return answer

    play(TEXTS["logistic"], monkeypatch, answer_at_once)


@pytest.mark.parametrize(
    "change",
    [
        ("{name: logistic}", "{name: logistic, parameters: {organisation_intercepts: true}}"),
        ("organisation_offsets: false", "organisation_offsets: true"),
    ],
)
def test_what_needs_all_rows_at_once_is_not_divided(monkeypatch, change):
    for name in ("logistic", "trees"):
        text = TEXTS[name].replace(*change)
        if text != TEXTS[name]:
            assert play(text, monkeypatch, answer_in_pieces) == 0


def test_without_the_package_the_run_goes_on_here_and_its_people_are_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    told = []
    assert (
        play(TEXTS["logistic"], monkeypatch, lambda *words: spread_over_ray("local", told.append, *words)) > 3
    )
    assert [str(error) for error in told] == ["spreading answers needs the package ray: install `hansa[ray]`"]


# -- a real cluster --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """Ray on this machine, with two workers."""
    ray = pytest.importorskip(
        "ray", reason="NOT TESTED over Ray: the package is not installed (make test-all installs it)"
    )
    yield connect_ray("local", 2)
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_two_workers_give_the_answer_of_one_process_to_the_last_bit(cluster, monkeypatch, name):
    told = []
    made = play(
        TEXTS[name], monkeypatch, lambda *words: spread_over_ray("local", told.append, *words, workers=2)
    )
    assert made
    assert not told


@pytest.mark.slow
def test_a_worker_that_dies_costs_time_and_nothing_else(cluster, monkeypatch):
    told, spreads = [], []

    def spread_first(recipe, rows):
        made = spread_over_ray("local", told.append, recipe, rows, workers=2)
        spreads.append(made)
        turns = []

        def answer(question):
            if find_division(recipe, question) is not None:
                turns.append(question)
                if len(turns) == 2:
                    cluster.kill(made._workers[0])
            return made(question)

        return answer

    assert play(TEXTS["logistic"], monkeypatch, spread_first) > 3
    assert [type(error) for error in told] == [Unavailable]
    assert "goes on alone" in str(told[0])
