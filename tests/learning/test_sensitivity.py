"""However a unit's rows look, taking them away moves no answer further than its noise is made for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table, Unit
from hansa.learning.census import CensusQuestion, answer_census, find_census_sensitivity
from hansa.learning.clipped import GramQuestion, PullQuestion, answer_gram, answer_pull, find_logits
from hansa.learning.design import CategoryColumns, Design, NumberColumns, encode_table
from hansa.learning.model import Model
from hansa.learning.newton import squash
from hansa.learning.scoreboard import ScoreQuestion, answer_scores
from hansa.learning.sketch import SketchQuestion, answer_sketch, find_sketch_sensitivity
from hansa.learning.trees import Branch, Forest, Leaf, Tree
from hansa.learning.trees.bins import Bins, CategoryBins, NumberBins
from hansa.learning.trees.sweep import SweepQuestion, answer_sweep, draw_trees, find_sweep_sensitivity
from hansa.learning.trees.tally import TallyQuestion, answer_tally, find_tally_sensitivity

SCHEMA = Schema(
    (
        NumberFeature("mass", -3.0, 5.0, missing=True),
        NumberFeature("height", 0.0, 1000.0, missing=False),
        CategoryFeature("sky", ("Clear", "Some"), missing=True),
        CategoryFeature("species", None, missing=True),
    )
)
DESIGN = Design(
    SCHEMA,
    (NumberColumns("mass", 1.0, 0.5, indicator=True), NumberColumns("height", 20.0, 3.0, indicator=False)),
    (CategoryColumns("sky", (0, 2)), CategoryColumns("species", (65536,))),
)
WIDTH = len(DESIGN.names)
MODEL = Model(DESIGN, np.linspace(-1.0, 1.5, WIDTH), None)

ROW = st.tuples(
    st.one_of(st.just(math.nan), st.floats(-3.0, 5.0)),
    st.floats(0.0, 1000.0),
    st.sampled_from(["Clear", "Some", None]),
    st.sampled_from(["gull", "crow", None]),
    st.integers(0, 1),
    st.sampled_from(["ann", "bob", "cyd"]),
)
TABLES = st.lists(ROW, min_size=1, max_size=25)
UNITS = st.one_of(st.just(Unit()), st.builds(Unit, st.just("person"), st.integers(1, 4)))


def make(rows):
    mass, height, sky, species, labels, person = zip(*rows, strict=True) if rows else [()] * 6
    return Table(
        SCHEMA,
        {"mass": np.array(mass, dtype=float), "height": np.array(height, dtype=float)},
        {"sky": np.array(sky, dtype=object), "species": np.array(species, dtype=object)},
        np.array(labels, dtype=np.int8),
        {"person": np.array(person, dtype=object)},
    )


def part(rows, unit, which):
    """The table, and its neighbour: without one row, or without all rows of one person."""
    if unit.column is None:
        gone = which % len(rows)
        return make(rows), make(rows[:gone] + rows[gone + 1 :])
    person = rows[which % len(rows)][5]
    return make(rows), make([row for row in rows if row[5] != person])


def trained(table):
    return Rows("alder", table, make([]))


def distance(answer, rows, unit, which):
    whole, rest = part(rows, unit, which)
    return float(np.linalg.norm(answer(whole) - answer(rest)))


@given(TABLES, UNITS, st.integers(0, 99))
def test_the_census(rows, unit, which):
    question = CensusQuestion("census", SCHEMA, unit)
    moved = distance(lambda table: answer_census(question, table), rows, unit, which)
    assert moved <= find_census_sensitivity(SCHEMA, unit)


@given(TABLES, UNITS, st.integers(0, 99), st.integers(2, 30))
def test_statistics(rows, unit, which, bins):
    question = SketchQuestion("statistics", SCHEMA, unit, bins)
    moved = distance(lambda table: answer_sketch(question, table), rows, unit, which)
    assert moved <= find_sketch_sensitivity(SCHEMA, unit)


@given(TABLES, UNITS, st.integers(0, 99), st.floats(0.2, 30.0))
def test_the_gram_matrix(rows, unit, which, norm):
    question = GramQuestion("gram", DESIGN, unit, norm)
    assert distance(lambda table: answer_gram(question, trained(table)), rows, unit, which) <= unit.reach


@given(
    TABLES,
    UNITS,
    st.integers(0, 99),
    st.floats(1e-5, 80.0),
    st.lists(st.floats(-4.0, 4.0), min_size=WIDTH, max_size=WIDTH),
)
def test_the_gradients(rows, unit, which, clip, coefficients):
    question = PullQuestion("step 1", DESIGN, unit, np.array(coefficients), clip)
    assert (
        distance(lambda table: answer_pull(question, trained(table)), rows, unit, which) <= unit.reach * clip
    )


@given(TABLES, UNITS, st.integers(0, 99))
def test_the_scores(rows, unit, which):
    question = ScoreQuestion("scores", MODEL, -1.0, unit)
    assert distance(lambda table: answer_scores(question, table), rows, unit, which) <= unit.reach


@pytest.mark.parametrize("clip", [0.5, 3.0])
def test_the_gradients_reach_what_is_declared(clip):
    """So the declaration is no larger than it must be."""
    question = PullQuestion("step 1", DESIGN, Unit(), np.zeros(WIDTH), clip)
    row = [(5.0, 1000.0, "Clear", None, 1, "ann")]
    assert distance(lambda table: answer_pull(question, trained(table)), row, Unit(), 0) > 0.99 * clip


def test_the_census_reaches_what_is_declared():
    question = CensusQuestion("census", SCHEMA, Unit())
    row = [(5.0, 1000.0, "Clear", None, 1, "ann")]
    moved = distance(lambda table: answer_census(question, table), row, Unit(), 0)
    assert moved > 0.999 * find_census_sensitivity(SCHEMA, Unit())


def test_statistics_reach_what_is_declared():
    question = SketchQuestion("statistics", SCHEMA, Unit(), 20)
    row = [(5.0, 1000.0, "Clear", None, 1, "ann")]
    moved = distance(lambda table: answer_sketch(question, table), row, Unit(), 0)
    assert moved > 0.999 * find_sketch_sensitivity(SCHEMA, Unit())


def test_a_person_with_many_rows_moves_as_much_as_one_with_the_allowed_number():
    unit = Unit("person", 2)
    question = PullQuestion("step 1", DESIGN, unit, np.zeros(WIDTH), 1.0)
    moved = [
        distance(
            lambda table: answer_pull(question, trained(table)),
            [(5.0, 1000.0, "Clear", None, 1, "ann")] * count,
            unit,
            0,
        )
        for count in (1, 2, 50)
    ]
    assert moved == pytest.approx([1.0, 2.0, 2.0], rel=0.02)


@given(TABLES, st.integers(0, 99), st.lists(st.floats(-4.0, 4.0), min_size=WIDTH, max_size=WIDTH))
def test_a_row_has_the_same_logit_whatever_other_rows_there_are(rows, which, coefficients):
    gone = which % len(rows)
    whole, rest = (
        squash(find_logits(encode_table(DESIGN, table), np.array(coefficients)))[0]
        for table in part(rows, Unit(), which)
    )
    assert np.delete(whole, gone).tolist() == rest.tolist()


def test_logits_found_column_by_column_are_those_of_the_product_and_hang_on_no_other_row():
    random = np.random.default_rng(0)
    rows = [
        (float(mass), float(height), "Some", None, 0, "ann") for mass, height in random.uniform(1, 5, (40, 2))
    ]
    matrices = [encode_table(DESIGN, make(rows[gone:])) for gone in range(40)]
    coefficients = random.normal(size=WIDTH)
    for gone, matrix in enumerate(matrices):
        alone = find_logits(matrix, coefficients)
        assert alone.tolist() == find_logits(matrices[0], coefficients)[gone:].tolist()
        assert alone == pytest.approx(matrix.predict(coefficients), rel=1e-12)


@given(TABLES, UNITS, st.randoms(use_true_random=False))
def test_no_answer_depends_on_the_order_of_the_rows(rows, unit, random):
    shuffled = random.sample(rows, len(rows))
    answers = (
        lambda table: answer_census(CensusQuestion("census", SCHEMA, unit), table),
        lambda table: answer_gram(GramQuestion("gram", DESIGN, unit, 2.0), trained(table)),
        lambda table: answer_scores(ScoreQuestion("scores", MODEL, -1.0, unit), table),
        lambda table: answer_sketch(SketchQuestion("statistics", SCHEMA, unit, 20), table),
    )
    for answer in answers:
        assert answer(make(rows)).tolist() == answer(make(shuffled)).tolist()


def test_every_answer_keeps_its_bounds():
    rows = make([(5.0, 1000.0, "Clear", None, 1, "ann")] * 40)
    for question, answer in (
        (CensusQuestion("census", SCHEMA, Unit()), answer_census),
        (ScoreQuestion("scores", MODEL, -1.0, Unit()), answer_scores),
        (SketchQuestion("statistics", SCHEMA, Unit(), 20), answer_sketch),
    ):
        assert (np.abs(answer(question, rows)) <= question.bounds).all()
    for question, answer in (
        (GramQuestion("gram", DESIGN, Unit(), 3.0), answer_gram),
        (PullQuestion("step 1", DESIGN, Unit(), np.zeros(WIDTH), 2.0), answer_pull),
    ):
        assert (np.abs(answer(question, trained(rows))) <= question.bounds).all()


@given(TABLES, UNITS, st.integers(0, 99))
def test_the_tally(rows, unit, which):
    question = TallyQuestion("tally", SCHEMA, unit)
    moved = distance(lambda table: answer_tally(question, table), rows, unit, which)
    assert moved <= find_tally_sensitivity(SCHEMA, unit)


BINS = Bins(
    SCHEMA,
    (
        NumberBins("mass", (-1.0, 0.5, 2.0), missing=True),
        NumberBins("height", (10.0, 500.0), missing=False),
        CategoryBins("sky", (0, 2)),
        CategoryBins("species", (5, 65536)),
    ),
)


@given(TABLES, UNITS, st.integers(0, 99), st.integers(1, 9), st.floats(-6.0, 6.0))
def test_the_sweeps(rows, unit, which, count, base):
    values = Tree((Branch(0, (1, 2), (1, 2)), Leaf(-2.0), Leaf(1.7)))
    trees = draw_trees(BINS, 3, count, depth=3, features=1 + count % 4)
    question = SweepQuestion("sweep 1", Forest(BINS, base, (values,), None), trees, unit)
    moved = distance(lambda table: answer_sweep(question, trained(table)), rows, unit, which)
    assert moved <= find_sweep_sensitivity(count, unit)


def test_the_sweeps_nearly_reach_what_is_declared():
    question = SweepQuestion(
        "sweep 1", Forest(BINS, -9.0, (), None), draw_trees(BINS, 0, 4, depth=2, features=1), Unit()
    )
    row = [(5.0, 1000.0, "Clear", None, 1, "ann")]
    assert float(np.linalg.norm(answer_sweep(question, trained(make(row))))) > 1.999
