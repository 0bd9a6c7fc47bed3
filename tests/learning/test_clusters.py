import numpy as np
import pytest

from hansa.errors import Malformed, Refused
from hansa.learning import NumberFeature, Rows, Schema, Table, run_in_clear
from hansa.learning.clusters import SMALLEST, SideQuestion, SortQuestion, SpreadQuestion, find_axis
from hansa.learning.logistic import Logistic
from hansa.learning.model import parse_model
from hansa.learning.parameters import Parameters, parse_parameters

SCHEMA = Schema((NumberFeature("a", -4.0, 4.0, missing=False), NumberFeature("b", -4.0, 4.0, missing=False)))


def draw_kinds(kinds, rows=200, seed=5):
    """Members of kinds +1 and -1, whose labels rise and fall with `a`; with `b` they rise for all."""
    rng = np.random.default_rng(seed)
    members = []
    for number, kind in enumerate(kinds):
        a, b = (np.clip(rng.standard_normal(rows), -4, 4) for _ in "ab")
        labels = (rng.random(rows) < 1 / (1 + np.exp(-(1.5 * kind * a + b)))).astype(np.int8)
        table = Table(SCHEMA, {"a": a, "b": b}, {}, labels)
        parts = np.arange(rows) % 5
        members.append(
            Rows(f"m{number}", table.take(parts < 3), table.take(parts == 3), table.take(parts == 4))
        )
    return members


def make(members, **parameters):
    names = tuple(rows.member for rows in members)
    return Logistic(members[0].train.schema, Parameters(clusters=2, **parameters), names, chooses=True)


def walk(recipe, members, lost=lambda _: ()):
    """Yield each state, question, answers and total; whoever `lost` names for a question is gone from then on."""
    state, left = recipe.begin(), {rows.member: rows for rows in members}
    while isinstance(question := recipe.ask(state), object) and hasattr(question, "bounds"):
        for name in lost(question):
            left.pop(name, None)
        answers = [recipe.answer(question, rows) for rows in left.values()]
        total = np.sum(answers, axis=0)
        yield state, question, answers, total
        state = recipe.learn(state, total, tuple(left))


KINDS = (1, 1, 1, 1, -1, -1, -1)


@pytest.mark.parametrize("intercepts", [False, True])
def test_each_kind_of_members_gets_the_model_of_its_own_rows(door, intercepts):
    members = draw_kinds(KINDS)
    recipe = make(members, organisation_intercepts=intercepts)
    model = parse_model(run_in_clear(recipe, members, door).document)
    # The same recipe over the members of one kind, under the columns of all.
    for kind in (1, -1):
        own = [rows for rows, its in zip(members, KINDS, strict=True) if its == kind]
        alone = Logistic(SCHEMA, Parameters(organisation_intercepts=intercepts), tuple(r.member for r in own))
        other = parse_model(run_in_clear(alone, own).document)
        rows = members[0].test
        expected = other.predict(rows)
        found = [type(model)(model.design, side, None).predict(rows) for side in model.clusters]
        assert min(np.abs(side - expected).max() for side in found) < 0.05  # ridge is on other columns


def test_a_member_is_served_by_the_model_of_its_kind(door):
    members = draw_kinds(KINDS)
    recipe = make(members)
    result = run_in_clear(recipe, members, door)
    for rows in members:
        report = recipe.private_report(result, rows)
        options = {option.name: option for option in report.options}
        assert options["clustered"].loss < options["together"].loss
    assert result.metrics["members_trusting_clustered"] + result.metrics["members_trusting_alone"] >= 6


def test_nobody_hears_which_side_a_member_took(door):
    members = draw_kinds(KINDS)
    run_in_clear(make(members), members, door)
    sorts = [question for question in door.asked if isinstance(question, SortQuestion)]
    assert len(sorts) == 1  # taken once
    recipe = make(members)
    for _, question, answers, total in walk(recipe, members):
        if isinstance(question, SortQuestion):
            assert sorted(total.tolist()) == [3.0, 4.0]
        if isinstance(question, SideQuestion):
            # All answers have both sides' places; only the sum leaves.
            assert {len(answer) for answer in answers} == {question.length}


@pytest.mark.parametrize("kinds", [(1, 1, 1, 1, 1, -1, -1), (1, 1, 1, 1)])
def test_a_side_of_fewer_than_three_is_not_fitted(kinds):
    members = draw_kinds(kinds, rows=600)
    steps = [*walk(make(members), members)]
    totals = [total for _, question, _, total in steps if isinstance(question, SortQuestion)]
    fitted = any(isinstance(question, SideQuestion) for _, question, _, _ in steps)
    assert fitted == (totals[0].min() >= SMALLEST)
    if kinds[-1] == -1:
        assert not fitted


def test_whoever_lost_may_leave_too_few_on_a_side_ends_the_run():
    members = draw_kinds(KINDS)
    with pytest.raises(Refused, match=r"recipe\.survivors: fewer than 3 members may be left on one side"):
        [*walk(make(members), members, lambda question: ("m0",) if question.name == "sides 2" else ())]


def test_whoever_is_lost_from_a_large_side_is_not_in_the_models():
    members = draw_kinds((1,) * 4 + (-1,) * 4)
    steps = [*walk(make(members), members, lambda question: ("m0",) if question.name == "sides 2" else ())]
    evaluating = next(state for state, question, _, _ in steps if question.name == "evaluation")
    assert evaluating.appraisal.fitted == tuple(f"m{number}" for number in range(1, 8))


@pytest.mark.parametrize(
    ("name", "place", "amount", "doubt"),
    [
        ("spread", 0, -9.0, "changes of length 1"),
        ("spread", 0, 9.0, "changes of length 1"),
        ("sort", 0, 0.5, "sides are not those"),
        ("sort", 0, 1.0, "sides are not those"),
        ("sort", 1, -9.0, "sides are not those"),
        ("sides 1", 0, -1e4, "loss is negative"),
        ("sides 1", 13, -1e4, "loss is negative"),
        ("sides 1", 7, -1e4, "diagonal is negative"),
    ],
)
def test_totals_that_no_members_have_are_refused(name, place, amount, doubt):
    members = draw_kinds(KINDS)
    recipe = make(members)
    state, question, answers, total = next(step for step in walk(recipe, members) if step[1].name == name)
    for answer in answers:
        recipe.verify_total(question, answer, total, len(members))
    total[place] += amount
    with pytest.raises(Refused, match=doubt) as excinfo:
        recipe.learn(state, total, recipe.members)
    assert excinfo.value.rule == "recipe.total"


def test_a_sort_that_leaves_out_a_members_own_side_is_seen_by_that_member():
    members = draw_kinds(KINDS)
    recipe = make(members)
    _, question, answers, _ = next(step for step in walk(recipe, members) if step[1].name == "sort")
    swapped = np.array([7.0, 0.0])
    with pytest.raises(Refused, match="cannot hold this member's own answer"):
        recipe.verify_total(question, next(answer for answer in answers if answer[1]), swapped, 7)


def test_members_without_training_rows_take_no_side():
    members = draw_kinds(KINDS)
    nobody = members[0].train.take(np.zeros(len(members[0].train), bool))
    recipe = make(members)
    for _, question, _, _ in walk(recipe, members):
        if isinstance(question, SpreadQuestion | SortQuestion):
            assert not recipe.answer(question, Rows("x", nobody, members[0].test)).any()


def test_the_axis_is_that_of_an_eigendecomposition():
    changes = np.random.default_rng(3).standard_normal((9, 5)) * (3, 1, 1, 1, 1)
    spread = changes.T @ changes
    axis = find_axis(spread, 9)
    value, vector = np.linalg.eigh(spread)
    assert np.linalg.norm(axis) == pytest.approx(np.sqrt(value[-1] / 9), rel=1e-6)
    assert abs(axis @ vector[:, -1]) == pytest.approx(np.linalg.norm(axis), rel=1e-6)
    assert find_axis(np.zeros((5, 5)), 9) is None


def test_a_model_with_clusters_is_read_as_written():
    members = draw_kinds(KINDS)
    document = run_in_clear(make(members), members).document
    model = parse_model(document)
    assert model.to_json() == document
    assert len(model.clusters) == 2
    assert model.digest != type(model)(model.design, model.coefficients, None).digest
    for wrong in ([], [document["clusters"][0]], [["0.0"], ["0.0"]], [[0.5] * 3] * 2):
        with pytest.raises(Malformed):
            parse_model({**document, "clusters": wrong})


@pytest.mark.parametrize("clusters", [0, 3, True, "2"])
def test_other_numbers_of_clusters_are_refused(clusters):
    with pytest.raises(Refused, match="`clusters` must be 1 or 2"):
        parse_parameters({"clusters": clusters})
    assert parse_parameters({"clusters": 2}).clusters == 2
