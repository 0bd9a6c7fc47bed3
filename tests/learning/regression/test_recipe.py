"""What the recipe refuses, what it tells a member, and the file that carries a regression."""

import copy

import numpy as np
import pytest
from insurer import CLAIMS, COST, DAYS, GRADE, SCHEMA, draw_members

from hansa.errors import Malformed, Refused
from hansa.learning import NumberFeature, Result
from hansa.learning.design import Minimum
from hansa.learning.regression import (
    Amount,
    Classes,
    RegressionParameters,
    RegressionRecipe,
    parse_regression,
    parse_regression_parameters,
)
from hansa.learning.regression.comparison import count_pairs
from hansa.learning.regression.counting import Counted, join_steps
from hansa.learning.regression.inference import find_student_quantile, find_student_tail
from hansa.learning.regression.outcome import Target, read_target

NAMES = ("m0", "m1", "m2", "m3")


def make(outcome, family, **settings):
    return RegressionRecipe(SCHEMA, outcome, RegressionParameters(family, **settings), NAMES)


def walk(recipe, members, name):
    """Go on until a question of this name; return state, question and answers."""
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), Result):
        answers = [recipe.answer(question, rows) for rows in members]
        if question.name == name:
            return state, question, answers
        state = recipe.learn(state, np.sum(answers, axis=0), NAMES)
    raise AssertionError(f"no question `{name}`")


@pytest.mark.parametrize(
    ("outcome", "family"),
    [
        (DAYS, "linear"),
        (CLAIMS, "linear"),
        (COST, "poisson"),
        (COST, "gamma"),
        (COST, "cox"),
        (DAYS, "multinomial"),
    ],
)
def test_a_family_is_refused_for_an_outcome_that_it_does_not_explain(outcome, family):
    with pytest.raises(Refused) as excinfo:
        make(outcome, family)
    assert excinfo.value.rule == "recipe.outcome"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"family": "probit"},
        {"family": "linear", "ridge": "-1"},
        {"family": "linear", "lasso": 1},
        {"family": "linear", "minimum_rows": 0},
        {"family": "cox", "ties": "exact"},
        {"family": "cox", "colour": "red"},
    ],
)
def test_parameters_that_a_plan_cannot_set_are_refused(parameters):
    with pytest.raises(Refused) as excinfo:
        parse_regression_parameters(parameters)
    assert excinfo.value.rule == "recipe.parameter"


@pytest.mark.parametrize(
    ("outcome", "family", "name", "place", "value"),
    [
        (COST, "linear", "outcome", 0, 5.0),
        (COST, "linear", "outcome", 1, 0.5),
        (GRADE, "multinomial", "outcome", 1, -1.0),
        (COST, "linear", "newton 1", 0, 9.0),
        (COST, "linear", "newton 1", 3, -9.0),
        (COST, "linear", "newton 1", 4, 0.5),
        (DAYS, "cox", "newton 1", 1, 0.5),
        (DAYS, "cox", "newton 1", 11, -9.0),
        (DAYS, "cox", "weights 1", 0, -1e4),
        (COST, "linear", "evaluation", 0, 7.0),
        (COST, "linear", "evaluation", 2, -99.0),
        (COST, "linear", "evaluation", 8, 9.0),
        (DAYS, "cox", "evaluation", 1, -1e6),
    ],
)
def test_a_total_that_no_honest_answers_add_up_to_is_refused(outcome, family, name, place, value):
    recipe, members = make(outcome, family), draw_members()
    state, _, answers = walk(recipe, members, name)
    total = np.sum(answers, axis=0)
    recipe.learn(state, total, NAMES)
    total[place] = value
    with pytest.raises(Refused) as excinfo:
        recipe.learn(state, total, NAMES)
    assert excinfo.value.rule == "recipe.total"


@pytest.mark.parametrize("family", ["linear", "cox"])
def test_a_member_sees_a_total_without_its_own_part(family):
    recipe, members = make(COST if family == "linear" else DAYS, family), draw_members()
    _, question, answers = walk(recipe, members, "newton 1")
    recipe.verify_total(question, answers[0], np.sum(answers, axis=0), 4)
    with pytest.raises(Refused):
        recipe.verify_total(question, answers[0], np.sum(answers[1:], axis=0) - answers[0], 4)


def test_a_member_that_is_lost_between_turns_of_times_stops_the_fit_and_of_amounts_does_not():
    members = draw_members()
    times, amounts = make(DAYS, "cox"), make(COST, "linear")
    state, _, answers = walk(times, members, "newton 2")
    with pytest.raises(Refused) as excinfo:
        times.learn(state, np.sum(answers[1:], axis=0), NAMES[1:])
    assert excinfo.value.rule == "recipe.survivors"
    state, _, answers = walk(amounts, members, "newton 2")
    amounts.learn(state, np.sum(answers[1:], axis=0), NAMES[1:])


def test_fits_of_too_few_rows_events_or_rare_classes_are_refused():
    rules = {}
    for outcome, family, settings in (
        (COST, "linear", {"minimum_rows_per_column": 200}),
        (DAYS, "cox", {"minimum_rows_per_column": 200}),
        (DAYS, "cox", {"minimum_rows": 550}),
        (GRADE, "multinomial", {"minimum_rows": 300}),
        (Amount(NumberFeature("claims", 0.0, 40.0, missing=False)), "poisson", {"maximum_turns": 1}),
    ):
        with pytest.raises(Refused) as excinfo:
            walk(make(outcome, family, **settings), draw_members(), "nothing")
        rules[outcome, tuple(settings)] = excinfo.value.rule
    assert [*rules.values()] == [
        "recipe.few-rows",
        "recipe.few-rows",
        "recipe.few-events",
        "recipe.rare-class",
        "recipe.not-converged",
    ]


@pytest.mark.parametrize(
    "outcome",
    [Amount(NumberFeature("cost", -40.0, 5.0, missing=False)), Classes("grade", ("a", "b"))],
)
def test_rows_whose_outcome_the_plan_does_not_allow_are_refused(outcome):
    with pytest.raises(Refused) as excinfo:
        read_target(outcome, draw_members()[0].train)
    assert excinfo.value.rule == "table.outcome"


def test_joined_steps_hold_enough_events_and_none_or_enough_others():
    events = np.array([3, 9, 0, 5, 5, 1, 10, 2], dtype=float)
    others = np.array([0, 0, 1, 9, 0, 0, 0, 1], dtype=float)
    rows = np.vstack([events, others])
    starts = join_steps(Counted(4, 0.0, rows, np.minimum(rows, 4)), Minimum(3, 10))
    assert starts == (0, 2)  # the last 1 would show, so all after the second step are together
    assert join_steps(Counted(4, 0.0, rows, np.minimum(rows, 2)), Minimum(3, 10)) == ()


def test_pairs_are_counted_as_by_comparing_each_with_each():
    rng = np.random.default_rng(3)
    steps, events = rng.integers(0, 6, 80).astype(float), rng.random(80) < 0.6
    hazards = rng.integers(0, 9, 80).astype(float)
    pairs = right = 0.0
    for one in np.flatnonzero(events):
        for other in range(80):
            if steps[other] > steps[one] or (steps[other] == steps[one] and not events[other]):
                pairs += 1
                right += (hazards[one] > hazards[other]) + 0.5 * (hazards[one] == hazards[other])
    target = Target(steps, np.zeros(80, dtype=int), np.zeros(80), events)
    assert count_pairs(target, hazards) == (pairs, right)


@pytest.mark.parametrize("freedom", [1, 4, 30, 1000, 90_000])
def test_students_distribution_is_that_of_scipy(freedom):
    from scipy import stats

    for statistic in (0.0, 0.3, 1.0, 2.5, -7.0):
        expected = 2 * stats.t.sf(abs(statistic), freedom)
        assert find_student_tail(statistic, freedom) == pytest.approx(expected, rel=1e-9)
    assert find_student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


@pytest.mark.parametrize(("outcome", "family"), [(COST, "linear"), (GRADE, "multinomial"), (DAYS, "cox")])
def test_a_file_reads_as_the_model_that_wrote_it_and_a_damaged_one_is_refused(fit, outcome, family):
    document = fit(outcome, family).result.document
    assert parse_regression(copy.deepcopy(document)).to_json() == document
    for damage in (
        lambda d: d.update(format="hansa/v1/logistic"),
        lambda d: d.update(family="probit"),
        lambda d: d["equations"].clear(),
        lambda d: d["equations"][0]["columns"].pop(),
        lambda d: d["equations"][0]["columns"][0].update(coefficient="1.50"),
        lambda d: d["fit"].update(rows=-1),
        lambda d: d["features"][0].update(deviation="-1.0"),
        lambda d: d["features"][2].update(codes=[[7, "x"]]),
        lambda d: d["outcome"].update(type="ordinal"),
    ):
        damaged = copy.deepcopy(document)
        damage(damaged)
        with pytest.raises(Malformed):
            parse_regression(damaged)


@pytest.mark.parametrize(
    ("outcome", "family", "measure"), [(CLAIMS, "poisson", "explained"), (DAYS, "cox", "concordance")]
)
def test_each_member_learns_from_its_own_rows_what_it_gains(outcome, family, measure):
    recipe, members = make(outcome, family), draw_members((500, 300, 260, 60))
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), Result):
        state = recipe.learn(
            state, np.sum([recipe.answer(question, rows) for rows in members], axis=0), NAMES
        )
    reports = [recipe.private_report(question, rows) for rows in members]
    assert question.metrics["members_scored"] == sum(report.scored for report in reports)
    scored = [report for report in reports if report.scored]
    better = [r.together > r.alone for r in scored]
    assert question.metrics["members_gain"] == pytest.approx(sum(better) / len(scored))
    for report in scored:
        assert report.measure == measure
        assert report.gain.low <= report.gain.value <= report.gain.high
        assert report.to_json()["gain"]["value"] == report.gain.value
