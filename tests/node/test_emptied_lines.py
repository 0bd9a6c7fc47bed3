"""A row that is taken out of a member's file moves no answer further than its noise is made for, from the file on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.governance import parse_plan
from hansa.governance.plan import load_plan
from hansa.learning import Question, build_recipe
from hansa.node import load_rows

PLAN = """
version: 1
name: Who pays late
purpose: Try things out.
recipe: {name: logistic, parameters: {steps: 2}}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, "mill, old"], missing: allowed}
cohort: {members: all, minimum: 3}
split: {kind: rows, seed: 0, test: 3/10}
privacy: {noise: discrete-gaussian, epsilon: "1", delta: "0.00001", unit: row}
bars: [{metric: auc_pooled_together, at_least: "0.10"}]
leaves: [{what: sums, to: members}]
"""
BY_ROW = load_plan(PLAN, "plan.yaml", recipe_digest="0" * 64)
BY_PERSON = parse_plan(
    BY_ROW.to_json()
    | {"split": {"kind": "group", "column": "person", "seed": 0, "test": "3/10", "scope": "member"}}
    | {"privacy": BY_ROW.privacy.to_json() | {"unit": {"column": "person", "rows": 2}}}
)
NAMES = ("ada", "bob", "cyd", "dan")
HEADER = "late,amount,sector,person,note"

LINE = st.tuples(
    st.sampled_from(["yes", "no"]),
    st.sampled_from(["", "-10", "0.3", "2.718", "10"]),
    st.sampled_from(["", "farm", '"mill, old"']),
    st.sampled_from(["ann", "bea", "cem"]),
    st.sampled_from(["", '"two\n\nlines"']),
)
LINES = st.lists(LINE, min_size=2, max_size=30)


def load(path, lines, plan):
    path.write_text("\n".join((HEADER, *lines)) + "\n", newline="")
    return load_rows(path, plan, "ada")


def walk(plan, rows):
    """Yield every question of a run over these rows alone, noise and clipping declared, none drawn."""
    recipe = build_recipe(plan.to_json(), NAMES, 2)
    state = recipe.begin()
    while isinstance(question := recipe.ask(state), Question):
        yield recipe, question
        state = recipe.learn(state, recipe.answer(question, rows), NAMES)


@pytest.mark.parametrize("plan", [BY_ROW, BY_PERSON], ids=["row", "person"])
@settings(max_examples=40)
@given(cells=LINES, which=st.integers(0, 99))
def test_an_emptied_unit_moves_no_answer_of_a_run_further_than_declared(tmp_path_factory, plan, cells, which):
    file = tmp_path_factory.mktemp("tables") / "ada.csv"
    lines = [",".join(cell) for cell in cells]
    gone = which % len(cells)
    is_gone = [
        index == gone if plan is BY_ROW else cell[3] == cells[gone][3] for index, cell in enumerate(cells)
    ]
    if all(is_gone):
        return  # a file without rows is refused
    whole = load(file, lines, plan)
    rest = load(file, ["" if out else line for out, line in zip(is_gone, lines, strict=True)], plan)
    touched = set()
    for recipe, question in walk(plan, whole):
        moved = np.linalg.norm(recipe.answer(question, whole) - recipe.answer(question, rest))
        assert moved <= question.noise.sensitivity, question.name
        if moved:
            touched.add(question.noise.part)
    assert len(touched) <= 1  # so it pays for the training rows or for the test rows, never for both


def test_a_deleted_line_shifts_the_rows_behind_it_and_an_emptied_one_does_not(tmp_path):
    lines = [f"no,{number / 100},,," for number in range(400)]

    def find_tests(lines):
        return set(load(tmp_path / "ada.csv", lines, BY_ROW).test.numbers["amount"].tolist())

    whole = find_tests(lines)
    assert find_tests(["", *lines[1:]]) == whole - {0.0}
    assert find_tests(lines[1:]) != whole - {0.0}


def test_rows_keep_their_places_across_blocks_and_parts(tmp_path):
    lines = [f"no,{number % 7},,p," for number in range(3000)]
    lines[5] = lines[1500] = ""
    rows = load(tmp_path / "ada.csv", lines, BY_ROW)
    places = sorted([*rows.train.places.tolist(), *rows.test.places.tolist()])
    assert places == [number for number in range(3000) if number not in {5, 1500}]
