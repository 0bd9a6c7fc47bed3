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
    run_in_clear,
)
from hansa.learning.histogram import QUANTILES
from hansa.learning.survey import COUNTS, MOMENTS
from hansa.learning.tabulation import TabulationQuestion

SIZES = (300, 120, 500, 80)


@pytest.fixture
def members():
    random = np.random.default_rng(0)
    return members_of([draw_table(random, size) for size in SIZES])


def recipe_for(members, schema=SCHEMA, **parameters):
    return Statistics(schema, StatisticsParameters(**parameters), tuple(rows.member for rows in members))


def test_without_noise_the_figures_are_those_of_all_rows_in_one_place(members, door):
    result = run_in_clear(recipe_for(members), members, door)
    assert [question.name for question in door.asked] == ["statistics"]
    assert result.turns == 1
    summary = result.summary
    assert (summary.members, summary.rows, summary.noise) == (4, 1000, 0)
    for found in summary.numbers:
        column = pool(members, "numbers", found.number.name)
        present = column[~np.isnan(column)]
        assert found.missing == np.isnan(column).sum()
        width = found.number.maximum - found.number.minimum
        for figure, value in ((found.mean, present.mean()), (found.deviation, present.std())):
            assert figure.low <= value <= figure.high
            assert float(figure.value) == pytest.approx(value, abs=5 * width / len(present))
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
    mass, _ = run_in_clear(recipe_for(members), members_of(tables)).document["numbers"]
    assert mass["missing"] == 0


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
    assert found["histogram"] == [
        ["0", "0.01", 30],
        ["0.01", "0.29", 0],
        ["0.29", "0.3", 30],
        ["0.3", "0.58", 0],
        ["0.58", "0.59", 30],
        ["0.59", "0.99", 0],
        ["0.99", "1", 30],
    ]


def test_too_few_rows_or_members_are_refused(members):
    recipe = recipe_for(members, minimum_rows=1001)
    with pytest.raises(Refused, match=r"1000 rows, at least 1001 are told"):
        run_in_clear(recipe, members)
    with pytest.raises(Refused, match=r"recipe\.survivors: 4 members are left"):
        run_in_clear(recipe_for(members, minimum_members=5), members)


def change(total, **places):
    """A total with something added at places, counted from the end: `_21` is the last bin of rows."""
    changed = total.copy()
    for place, rows in places.items():
        changed[-int(place[1:])] += rows
    return changed


LIES = {
    "fewer rows": lambda total: np.append(total[0] - 400, total[1:]),
    "a bin too many": lambda total: change(total, _21=1),
    "rows moved to another bin": lambda total: change(total, _30=-150, _40=150),
    "members of a bin": lambda total: change(total, _10=9),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_total_that_no_rows_could_give_is_refused_by_everybody(members, lie):
    recipe = recipe_for(members)
    state = recipe.begin()
    question = recipe.ask(state)
    total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
    names = tuple(rows.member for rows in members)
    recipe.learn(state, total, names)
    with pytest.raises(Refused, match=r"recipe\.total"):
        recipe.learn(state, lie(total), names)


def test_a_member_refuses_a_total_that_lacks_its_own_part(members):
    recipe = recipe_for(members)
    question = recipe.ask(recipe.begin())
    answers = [recipe.answer(question, rows) for rows in members]
    honest = np.sum(answers, axis=0)
    recipe.verify_total(question, answers[0], honest, 4)
    # As good as an honest total to everybody else: the sum of three members, with the fourth's rows twice.
    false = honest - answers[0] + answers[3]
    with pytest.raises(Refused, match=r"cannot hold this member's own answer"):
        recipe.verify_total(question, answers[0], false, 4)


def test_an_answer_is_laid_out_as_documented():
    table = make([1.0, np.nan, 10.0], ["Clear", None, "Clear"], [-50.0, 0.0, 350.0], ["gull"] * 3)
    question = TabulationQuestion("statistics", SCHEMA, 4)
    answer = recipe_for(members_of([table])).answer(question, members_of([table])[0])
    assert answer.shape == (question.length,)
    assert answer[0] == 3
    assert answer[COUNTS : COUNTS + 3].tolist() == [2, 1, 1]
    assert answer[-16:].reshape(2, 2, 4).tolist() == [
        [[1, 0, 0, 1], [1, 0, 0, 1]],
        [[2, 0, 0, 1], [1, 0, 0, 1]],
    ]
    assert question.length == COUNTS + 2 * MOMENTS + 2 * 5 + 2 * 65536 + 16


def test_a_question_of_another_recipe_is_not_answered(members):
    recipe = recipe_for(members)
    result = run_in_clear(recipe, members)
    with pytest.raises(ValueError, match="not a question of this recipe"):
        recipe.learn(result, np.zeros(1), ("member-0",))


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
