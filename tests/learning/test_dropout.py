"""Members are lost in the middle of a run: what comes out is that of those who are left, and says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from hansa.errors import Refused
from hansa.learning import Logistic, Parameters, Result, Rows, parse_model, write_report
from hansa.learning.design import encode_table
from hansa.learning.personal import score_rows

SIZES = (160, 240, 180, 200, 170, 220, 190)


def walk(recipe, members, losses, add=None):
    """Take a recipe to its result while members are lost.

    Args:
        losses: by round, from 0, who is not in its total and in none after it.
        add: adds up answers to a question.

    Returns:
        The states and questions in turn, and the result.
    """
    left = {rows.member: rows for rows in members}
    state, steps = recipe.begin(), []
    while not isinstance(question := recipe.ask(state), Result):
        for name in losses.get(len(steps), ()):
            left.pop(name, None)
        answers = [recipe.answer(question, rows) for rows in left.values()]
        total = np.sum(answers, axis=0) if add is None else add(question, answers)
        for answer in answers:
            recipe.verify_total(question, answer, total, len(answers))
        steps.append((state, question, total, tuple(left)))
        state = recipe.learn(state, total, tuple(left))
    return steps, question


def pooled(result, members, recipe):
    """Scikit-learn's fit to the rows of the members of the fit, on the model's columns."""
    design = parse_model(result.document).design
    fitted = [rows for rows in members if rows.member in result.members["fit"]]
    columns = np.vstack([encode_table(design, rows.train).spell_out()[:, 1:] for rows in fitted])
    if recipe.parameters.organisation_intercepts:
        which = np.repeat(np.arange(len(fitted)), [len(rows.train) for rows in fitted])
        columns = np.hstack([columns, np.eye(len(fitted))[which]])
    labels = np.concatenate([rows.train.labels for rows in fitted])
    fit = LogisticRegression(C=1 / recipe.parameters.ridge, solver="newton-cholesky", tol=1e-13, max_iter=200)
    fit.fit(columns, labels)
    return np.concatenate([fit.intercept_, fit.coef_[0][: len(design.names) - 1]])


def lose(number, at, members):
    """Let `number` members be lost, one at each of the rounds `at`."""
    losses = {}
    for name, place in zip([rows.member for rows in members][:number], at, strict=False):
        losses.setdefault(place, []).append(name)
    return losses


def make(members, **parameters):
    return Logistic(members[0].train.schema, Parameters(**parameters), tuple(rows.member for rows in members))


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    at=st.lists(st.integers(0, 9), max_size=3),
    intercepts=st.booleans(),
)
def test_whoever_is_lost_whenever_the_fit_is_that_of_the_rows_left_in_one_place(
    draw, open_door, seed, at, intercepts
):
    members = draw(seed, SIZES)
    recipe = make(members, organisation_intercepts=intercepts)
    _, result = walk(recipe, members, lose(3, at, members), open_door())
    found = np.array([value for _, value in result.coefficients])
    np.testing.assert_allclose(found, pooled(result, members, recipe), atol=1e-6)


@pytest.mark.parametrize("place", range(1, 6))
def test_a_member_lost_in_any_turn_of_the_fit_is_not_in_it(draw, door, place):
    members = draw(81, SIZES)
    recipe = make(members)
    steps, result = walk(recipe, members, {place: ["member-2"]}, door)
    everybody = tuple(rows.member for rows in members)
    assert result.members["survey"] == everybody
    is_fitted = any(question.name.startswith("newton") for _, question, _, _ in steps[place:])
    assert ("member-2" not in result.members["fit"]) == is_fitted
    assert result.members["evaluation"] == tuple(name for name in everybody if name != "member-2")
    found = np.array([value for _, value in result.coefficients])
    np.testing.assert_allclose(found, pooled(result, members, recipe), atol=1e-6)


def test_no_question_is_asked_twice_when_somebody_is_lost(draw, door):
    members = draw(82, SIZES)
    steps, _ = walk(make(members), members, {3: ["member-0"], 4: ["member-1"]}, door)
    points = [tuple(question.coefficients) for _, question, _, _ in steps if "newton" in question.name]
    assert len(set(points)) == len(points)


def test_metrics_are_over_the_rows_that_were_scored_and_not_over_those_that_were_surveyed(draw, door):
    members = draw(81, SIZES)
    recipe = make(members)
    _, whole = walk(recipe, members, {}, door)
    last = whole.turns - 1 - sum("zoom" in question.name for question in door.asked)
    _, result = walk(recipe, members, {last: ["member-2", "member-5"]}, door)
    assert result.members["fit"] == whole.members["fit"]
    assert result.coefficients == whole.coefficients
    left = [rows for rows in members if rows.member in result.members["evaluation"]]
    assert len(left) == len(members) - 2
    scores = [score_rows(parse_model(result.document), rows, 1.0, 10.0) for rows in left]
    labels = np.concatenate([score.labels for score in scores])
    logits = np.concatenate([score.together for score in scores])
    brier = np.mean((1 / (1 + np.exp(-logits)) - labels) ** 2)
    assert result.metrics["brier_together"] == pytest.approx(brier, abs=1e-9)
    gains = [report.gain.value for rows in left if (report := recipe.private_report(result, rows)).scored]
    assert result.metrics["members_scored"] == len(gains)
    assert result.metrics["gain_mean"] == pytest.approx(np.mean(gains), abs=1e-9)
    assert result.metrics["gain_mean"] != whole.metrics["gain_mean"]


def test_a_closer_look_without_a_member_of_the_evaluation_is_not_mixed_into_it(draw, door):
    members = draw(81, SIZES)
    recipe = make(members)
    steps, whole = walk(recipe, members, {}, door)
    zooms = [place for place, (_, question, _, _) in enumerate(steps) if "zoom" in question.name]
    assert zooms
    _, result = walk(recipe, members, {zooms[0]: ["member-2"]}, door)
    assert result.members["evaluation"] == whole.members["evaluation"]
    assert result.turns == zooms[0] + 1
    assert sum(row.rows for row in result.calibration["alone"]) == sum(len(rows.test) for rows in members)
    for name, doubt in result.uncertainty.items():
        assert abs(result.metrics[name] - whole.metrics[name]) <= doubt + whole.uncertainty[name] + 1e-12
    assert max(result.uncertainty.values()) > max(whole.uncertainty.values())


def test_a_report_says_over_whom_each_stage_is(draw):
    members = draw(84, SIZES)
    _, result = walk(make(members), members, {0: ["member-6"], 2: ["member-0"]})
    assert write_report(result)["members"] == {
        "survey": [f"member-{number}" for number in range(6)],
        "fit": [f"member-{number}" for number in range(1, 6)],
        "evaluation": [f"member-{number}" for number in range(1, 6)],
    }


def cut(members, scored):
    """Leave test rows only to as many members as are to be scored."""
    return [
        rows
        if number < scored
        else Rows(rows.member, rows.train, rows.test.take(np.arange(len(rows.test)) < 5))
        for number, rows in enumerate(members)
    ]


def test_sums_over_members_are_not_asked_for_when_too_few_of_the_scored_may_be_left(draw, door):
    members = cut(draw(85, SIZES), 3)
    _, whole = walk(make(members), members, {})
    assert "auc_together" in whole.metrics
    # Nobody says who can be scored, so whoever is lost counts as one of them.
    _, result = walk(make(members), members, {2: ["member-6"]}, door)
    assert {question.length for question in door.asked if question.name == "evaluation"} == {3 * 16445}
    assert not any(name.startswith(("gain", "members", "auc_together")) for name in result.metrics)


def test_a_total_of_the_evaluation_that_could_be_over_two_scored_members_is_refused(draw):
    members = cut(draw(86, SIZES), 3)
    recipe = make(members)
    steps, _ = walk(recipe, members, {})
    (state, question, total, everybody), *_ = [step for step in steps if step[1].name == "evaluation"]
    recipe.verify_survivors(question, len(everybody))
    for check in (
        lambda: recipe.verify_survivors(question, len(everybody) - 1),
        lambda: recipe.learn(state, total, everybody[:-1]),
    ):
        with pytest.raises(Refused) as caught:
            check()
        assert caught.value.rule == "recipe.survivors"


@pytest.fixture
def thinned(draw):
    """An evaluation and a zoom that one member is missing from."""
    members = draw(81, SIZES)
    recipe = make(members)
    steps, _ = walk(recipe, members, {})
    found = {}
    for state, question, _, everybody in steps:
        left = [rows for rows in members if rows.member != "member-2"]
        total = np.sum([recipe.answer(question, rows) for rows in left], axis=0)
        found[question.name] = (state, total, tuple(name for name in everybody if name != "member-2"))
    return recipe, found


@pytest.mark.parametrize(
    ("name", "places"),
    [("evaluation", (8192, 16385)), ("zoom 1", (0,))],
)
def test_with_members_lost_a_total_holds_at_most_what_was_counted_before(thinned, name, places):
    recipe, found = thinned
    state, total, left = found[name]
    recipe.learn(state, total, left)
    total = total.copy()
    for place in places:  # more rows than ever were, everywhere alike
        total[place::16445] += 400
    with pytest.raises(Refused) as caught:
        recipe.learn(state, total, left)
    assert caught.value.rule == "recipe.total"


def test_with_members_lost_no_more_are_scored_than_were_counted_and_no_fewer_than_can_be_missing(thinned):
    recipe, found = thinned
    state, total, left = found["evaluation"]
    for scored in (total[-6] + 2, total[-6] - 1):
        false = total.copy()
        false[-6] = scored
        with pytest.raises(Refused, match="the members scored"):
            recipe.learn(state, false, left)


def test_a_total_over_somebody_from_outside_is_our_own_mistake(thinned):
    recipe, found = thinned
    state, total, left = found["survey"]
    with pytest.raises(ValueError, match="outside the cohort"):
        recipe.learn(state, total, (*left, "zelkova"))
