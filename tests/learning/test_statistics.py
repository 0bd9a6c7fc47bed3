import numpy as np
import pytest
from observations import SCHEMA, draw_table, make, members_of, pool

from hansa.errors import Refused
from hansa.learning import (
    NumberFeature,
    Schema,
    Statistics,
    StatisticsParameters,
    Table,
    Unit,
    run_in_clear,
)
from hansa.learning.histogram import QUANTILES
from hansa.learning.sketch import SketchQuestion
from hansa.learning.tabulation import CountQuestion, MomentQuestion, answer_counts, answer_moments

SIZES = (300, 120, 500, 80)


@pytest.fixture
def members():
    random = np.random.default_rng(0)
    return members_of([draw_table(random, size) for size in SIZES])


def recipe_for(members, schema=SCHEMA, **parameters):
    return Statistics(schema, StatisticsParameters(**parameters), tuple(rows.member for rows in members))


def test_without_noise_the_figures_are_those_of_all_rows_in_one_place(members, door):
    result = run_in_clear(recipe_for(members), members, door)
    assert [question.name for question in door.asked] == ["counts", "moments"]
    assert result.turns == 2
    summary = result.summary
    assert (summary.members, summary.rows, summary.noise) == (4, 1000, 0)
    for found in summary.numbers:
        column = pool(members, "numbers", found.number.name)
        present = column[~np.isnan(column)]
        assert found.missing == np.isnan(column).sum()
        width = found.number.maximum - found.number.minimum
        for figure, value in ((found.mean, present.mean()), (found.deviation, present.std())):
            assert figure.low <= value <= figure.high
        # All but the rows of a run of several bins are told exactly, but for rounding.
        several = sum(run.rows * (run.end - run.start) for run in found.histogram if run.end - run.start > 1)
        assert float(found.mean.high - found.mean.low) <= (several / 20 + 5) * width / len(present)
        assert float(found.mean.value) == pytest.approx(present.mean(), abs=0.03 * present.std())
        assert float(found.deviation.value) == pytest.approx(present.std(), rel=0.08)
        for share, figure in zip(QUANTILES, found.quantiles, strict=True):
            value = np.quantile(present, float(share), method="inverted_cdf")
            assert figure.low <= value <= figure.high
            assert float(figure.value) == pytest.approx(value, abs=float(figure.high - figure.low))
        assert sum(run.rows for run in found.histogram) == len(present)
        edges = [float(found.number.minimum + width * run.start / 20) for run in found.histogram] + [
            found.number.maximum
        ]
        assert np.histogram(present, edges)[0].tolist() == [run.rows for run in found.histogram]
    sky, species = summary.categories
    texts = pool(members, "texts", "sky")
    told = enumerate(("Clear", "Some", "Overcast", "Never", None))
    assert dict(sky.counts) == {code: int(np.sum(texts == text)) for code, text in told}
    assert sky.other is None
    _, held = np.unique(pool(members, "texts", "species").astype(str), return_counts=True)
    assert sorted(rows for _, rows in species.counts) == sorted(held)
    assert result.metrics == {}


def test_a_cell_of_one_row_or_one_member_is_in_no_part_of_the_document(members):
    tables = [rows.train for rows in members]
    lone = make(
        [9.9] + [1.0] * 60, [*["Overcast"] * 60, "Never"], [349.0] + [100.0] * 60, ["heron"] + ["owl"] * 60
    )
    members = members_of([*tables, lone])
    result = run_in_clear(recipe_for(members), members)
    document = result.document
    by_name = {part["name"]: part for part in [*document["numbers"], *document["categories"]]}
    sky = dict(by_name["sky"]["counts"])
    assert "Never" not in sky
    assert "Overcast" not in sky or by_name["sky"]["missing"] is None  # another one hides it
    assert by_name["sky"]["other"] >= 20
    assert sum(sky.values()) + (by_name["sky"]["missing"] or 0) + by_name["sky"]["other"] == 1061
    species = [rows for _, rows in by_name["species"]["counts"]]
    assert not {1, 60} & {*species}
    assert sum(species) + by_name["species"]["other"] == 1061
    assert all(rows >= 10 or not rows for _, _, rows in by_name["speed"]["histogram"])
    assert by_name["speed"]["histogram"][-1][1] == "350"
    assert {column for column, _ in result.dropped} == {"sky", "species"}


def test_few_rows_without_a_value_are_told_with_the_first_bins_only():
    random = np.random.default_rng(1)
    tables = [draw_table(random, 100) for _ in range(4)]
    for table in tables:
        table.numbers["mass"][:] = np.where(np.isnan(table.numbers["mass"]), 2.0, table.numbers["mass"])
    tables[0].numbers["mass"][:2] = np.nan
    members = members_of(tables)
    mass, _ = run_in_clear(recipe_for(members), members).document["numbers"]
    assert mass["missing"] is None
    assert sum(rows for *_, rows in mass["histogram"]) == 400
    tables[0].numbers["mass"][:2] = 2.0
    mass, speed = run_in_clear(recipe_for(members), members_of(tables)).document["numbers"]
    assert mass["missing"] == speed["missing"] == 0


def test_a_number_that_few_members_fill_in_is_left_out():
    random = np.random.default_rng(2)
    tables = [draw_table(random, 100) for _ in range(4)]
    for table in tables[1:]:
        table.numbers["mass"][:] = np.nan
    members = members_of(tables)
    result = run_in_clear(recipe_for(members), members)
    assert [part["name"] for part in result.document["numbers"]] == ["speed"]
    assert [column for column, _ in result.dropped][:1] == ["mass"]


def test_values_on_an_edge_are_in_the_bin_above():
    schema = Schema((NumberFeature("share", 0.0, 1.0, missing=False),))
    values = np.repeat([0.0, 0.29, 0.58, 1.0], 10)
    tables = [Table(schema, {"share": values}, {}, np.zeros(40, np.int8)) for _ in range(3)]
    members = members_of(tables)
    (found,) = run_in_clear(recipe_for(members, schema, bins=100), members).document["numbers"]
    assert [run for run in found["histogram"] if run[-1]] == [
        ["0", "0.01", 30],
        ["0.29", "0.3", 30],
        ["0.58", "0.59", 30],
        ["0.99", "1", 30],
    ]
    assert found["mean"] == ["0.468", "0.467", "0.468"]


def test_too_few_rows_or_members_are_refused(members):
    recipe = recipe_for(members, minimum_rows=1001)
    with pytest.raises(Refused, match=r"1000 rows, at least 1001 are told"):
        run_in_clear(recipe, members)
    with pytest.raises(Refused, match=r"recipe\.survivors: 4 members are left"):
        run_in_clear(recipe_for(members, minimum_members=5), members)


def walk(recipe, members):
    """The two questions of a run with their answers and totals."""
    state, steps = recipe.begin(), []
    names = tuple(rows.member for rows in members)
    for _ in range(2):
        question = recipe.ask(state)
        answers = [recipe.answer(question, rows) for rows in members]
        total = np.sum(answers, axis=0)
        steps.append((state, question, answers, total))
        state = recipe.learn(state, total, names)
    return steps, names


def change(total, changes):
    changed = total.copy()
    for place, amount in changes.items():
        changed[place] += amount
    return changed


# Behind all rows: 21 cells of mass, rows and then members; 20 of speed; 5 of sky; and 65,536 of species.
LIES = {
    "fewer rows": (0, {0: -400}),
    "a row of a bin too many": (0, {5: 1}),
    "a row in a half": (0, {5: 0.5, 6: -0.5}),
    "rows where nobody has any": (0, {43: 9, 50: -9}),
    "more members in a bin than there are": (0, {27: 9}),
    "moments of other rows": (1, {0: -1}),
    "a mean beyond the bounds": (1, {1: 10_000}),
    "a spread that no values have": (1, {3: -100}),
    "a remainder of more than one a member": (1, {2: 5, 1: -5}),
}


@pytest.mark.parametrize(("step", "changes"), LIES.values(), ids=LIES.keys())
def test_a_total_that_no_rows_could_give_is_refused_by_everybody(members, step, changes):
    recipe = recipe_for(members)
    steps, names = walk(recipe, members)
    state, _, _, total = steps[step]
    with pytest.raises(Refused, match=r"recipe\.total"):
        recipe.learn(state, change(total, changes), names)


@pytest.mark.parametrize("step", [0, 1])
def test_a_member_refuses_a_total_that_lacks_its_own_part(members, step):
    """What is announced could be the total of four small members, to all but the one whose rows were left out."""
    recipe = recipe_for(members)
    steps, _ = walk(recipe, members)
    _, question, answers, honest = steps[step]
    recipe.verify_total(question, answers[2], honest, 4)
    with pytest.raises(Refused, match=r"cannot hold this member's own answer"):
        recipe.verify_total(question, answers[2], answers[1] + answers[3], 4)


def test_answers_are_laid_out_as_documented():
    table = make([1.0, np.nan, 10.0], ["Clear", None, "Clear"], [-50.0, 0.0, 350.0], ["gull"] * 3)
    (rows,) = members_of([table])
    question = CountQuestion("counts", SCHEMA, 4)
    answer = answer_counts(question, rows)
    assert answer.shape == (question.length,) == (1 + 2 * (5 + 4 + 5 + 65536),)
    assert answer[:11].tolist() == [3, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1]
    assert answer[11:19].tolist() == [2, 0, 0, 1, 1, 0, 0, 1]
    assert answer[19:29].tolist() == [2, 0, 0, 0, 1, 1, 0, 0, 0, 1]
    question = MomentQuestion("moments", SCHEMA, 4, ((0, 3), (0,)))
    answer = answer_moments(question, rows)
    assert answer.shape == (question.length,)
    # Of mass 0.1 and 1, whose squares add up to 1.01; of speed 0 and 0.125.
    assert answer.tolist() == pytest.approx([2, 1, 0.1, 1, 0.01, 2, 0, 0.125, 0, 0.125**2])


def test_members_that_vanish_before_the_moments_leave_the_counts_as_they_were(members):
    recipe = recipe_for(members)
    steps, names = walk(recipe, members)
    state, _, answers, _ = steps[1]
    result = recipe.learn(state, np.sum(answers[:3], axis=0), names[:3])
    assert result.summary.rows == 1000
    assert result.members == {"counts": names, "moments": names[:3]}
    speed = pool(members[:3], "numbers", "speed")
    assert float(result.summary.numbers[1].mean.value) == pytest.approx(speed.mean(), abs=2.0)


@pytest.mark.parametrize("shift", [0.0, 30.0, 99.0])
def test_figures_lie_within_their_bounds_though_who_vanished_had_other_values(shift):
    schema = Schema((NumberFeature("speed", 0.0, 400.0, missing=False),))
    columns = [np.repeat([100.0, 200.0, 300.0], 20)] * 3 + [np.repeat([100.0, 200.0, 300.0], 60) + shift]
    tables = [Table(schema, {"speed": column}, {}, np.zeros(len(column), np.int8)) for column in columns]
    members = members_of(tables)
    recipe = recipe_for(members, schema, bins=4)
    steps, names = walk(recipe, members)
    state, _, answers, _ = steps[1]
    whole = np.concatenate(columns)
    for left in (4, 3):
        number = recipe.learn(state, np.sum(answers[:left], axis=0), names[:left]).summary.numbers[0]
        assert number.mean.low <= whole.mean() <= number.mean.high
        assert number.deviation.low <= whole.std() <= number.deviation.high
        assert (number.mean.high - number.mean.low > 50) is (left == 3)


def test_figures_have_bounds_though_nobody_is_left_whose_values_were_asked_for():
    schema = Schema((NumberFeature("speed", 0.0, 400.0, missing=True),))
    columns = [np.full(4, np.nan)] * 3 + [np.repeat([130.0, 390.0], 10)] * 3
    tables = [Table(schema, {"speed": column}, {}, np.zeros(len(column), np.int8)) for column in columns]
    members = members_of(tables)
    recipe = recipe_for(members, schema, bins=4)
    steps, names = walk(recipe, members)
    state, _, answers, _ = steps[1]
    (number,) = recipe.learn(state, np.sum(answers[:3], axis=0), names[:3]).summary.numbers
    assert tuple(map(float, number.mean)) == (250.0, 100.0, 400.0)
    assert number.deviation.low == 0


def test_without_a_bin_that_is_told_alone_there_is_one_question():
    schema = Schema((NumberFeature("share", 0.0, 1.0, missing=False),))
    tables = [Table(schema, {"share": np.full(30, 0.5)}, {}, np.zeros(30, np.int8)) for _ in range(3)]
    members = members_of(tables)
    result = run_in_clear(recipe_for(members, schema, bins=4), members)
    assert result.turns == 1
    assert result.document["numbers"][0]["mean"] == ["0.62", "0.5", "1"]


def test_a_question_of_another_recipe_is_not_answered(members):
    recipe = recipe_for(members)
    result = run_in_clear(recipe, members)
    with pytest.raises(ValueError, match="has its result already"):
        recipe.learn(result, np.zeros(1), ("member-0",))
    with pytest.raises(ValueError, match="not a question of this recipe"):
        recipe.answer(SketchQuestion("sketch", SCHEMA, Unit(), 4), members[0])


def test_a_member_is_told_how_its_rows_differ(members):
    tables = [rows.train for rows in members]
    tables[1].numbers["speed"][:] = tables[1].numbers["speed"] + 60
    members = members_of([table.take(np.ones(len(table), bool)) for table in tables])
    recipe = recipe_for(members)
    result = run_in_clear(recipe, members)
    alike, other = (recipe.private_report(result, members[k]) for k in (2, 1))
    assert alike.advice == "your rows are like all rows, as far as they can tell"
    assert "`speed` (mean 19" in other.advice
    (difference,) = (found for found in other.differences if found.name == "speed")
    assert difference.mean == pytest.approx(members[1].train.numbers["speed"].mean())
    assert difference.median == pytest.approx(np.median(members[1].train.numbers["speed"]))
    assert difference.is_clear
    assert other.to_json()["differences"][0]["name"] == "mass"
