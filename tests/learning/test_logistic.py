import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from hansa.errors import Refused
from hansa.learning import (
    CategoryFeature,
    Logistic,
    NumberFeature,
    Parameters,
    Question,
    Result,
    Rows,
    Schema,
    Table,
    parse_model,
    parse_parameters,
    run_in_clear,
    write_metrics,
    write_report,
)
from hansa.learning.design import encode_table
from hansa.learning.personal import score_rows

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "recipe-logistic.md"

SIZES = (90, 60, 140, 33, 8, 70)


class Foreign(Question):
    def bound(self):
        return np.ones(1)

    def publics(self):
        return ()


def names(members):
    return tuple(rows.member for rows in members)


def pooled(result, members, ridge, *, intercepts, power=0.0):
    """Scikit-learn's fit to all rows in one place, on the same columns."""
    design = parse_model(result.document).design
    columns = np.vstack([encode_table(design, rows.train).spell_out()[:, 1:] for rows in members])
    if intercepts:
        which = np.repeat(np.arange(len(members)), [len(rows.train) for rows in members])
        columns = np.hstack([columns, np.eye(len(members))[which]])
    labels = np.concatenate([rows.train.labels for rows in members])
    fit = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-13, max_iter=200)
    sizes = np.array([len(rows.train) for rows in members])
    fit.fit(columns, labels, np.repeat((sizes.mean() / sizes) ** power, sizes))
    return np.concatenate([fit.intercept_, fit.coef_[0][: len(design.names) - 1]])


@pytest.mark.parametrize("ridge", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("intercepts", [False, True])
def test_coefficients_are_those_of_a_fit_in_one_place(schema, draw, door, ridge, intercepts):
    members = draw(41, SIZES, shifts=(0, 1, -1, 0, 2, 0.5))
    recipe = Logistic(schema, Parameters(ridge=ridge, organisation_intercepts=intercepts), names(members))
    result = run_in_clear(recipe, members, door)
    found = np.array([value for _, value in result.coefficients])
    np.testing.assert_allclose(found, pooled(result, members, ridge, intercepts=intercepts), atol=1e-6)


@pytest.mark.parametrize("voice", ["root", "members"])
@pytest.mark.parametrize("intercepts", [False, True])
def test_with_another_voice_coefficients_are_those_of_rows_weighed_in_one_place(
    schema, draw, door, voice, intercepts
):
    members = draw(41, SIZES, shifts=(0, 1, -1, 0, 2, 0.5))
    recipe = Logistic(
        schema, Parameters(ridge=0.5, organisation_intercepts=intercepts, voice=voice), names(members)
    )
    result = run_in_clear(recipe, members, door)
    found = np.array([value for _, value in result.coefficients])
    power = {"root": 0.5, "members": 1.0}[voice]
    expected = pooled(result, members, 0.5, intercepts=intercepts, power=power)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - pooled(result, members, 0.5, intercepts=intercepts)).max() > 0.01


def test_coefficients_stay_exact_when_a_number_has_a_long_tail(draw, door):
    schema = Schema((NumberFeature("height", 0.0, 1e7, missing=False),))
    members = [
        Rows(
            rows.member,
            *(type(part)(schema, part.numbers, {}, part.labels) for part in (rows.train, rows.test)),
        )
        for rows in draw(42, SIZES)
    ]
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    found = np.array([value for _, value in result.coefficients])
    np.testing.assert_allclose(found, pooled(result, members, 1.0, intercepts=False), atol=1e-6)


@pytest.mark.parametrize("seed", [43, 44, 45])
def test_metrics_are_those_of_all_test_rows_in_one_place(schema, draw, door, seed):
    members = draw(seed, SIZES)
    parameters = Parameters(correction=3.0)
    recipe = Logistic(schema, parameters, names(members))
    result = run_in_clear(recipe, members, door)
    scores = [score_rows(parse_model(result.document), rows, 1.0, 3.0) for rows in members]
    labels = np.concatenate([score.labels for score in scores])
    for kind in ("alone", "together", "corrected"):
        logits = np.concatenate([getattr(score, kind) for score in scores])
        probability = 1 / (1 + np.exp(-logits))
        false, true, _ = roc_curve(labels, logits, drop_intermediate=False)
        interval = np.minimum((probability * 20).astype(int), 19)
        gaps = np.abs(np.bincount(interval, probability - labels, 20)).sum() / len(labels)
        exact = {
            "auc_pooled": roc_auc_score(labels, logits),
            "average_precision": average_precision_score(labels, logits),
            "recall_at_5_percent": true[false <= 0.05].max(),
            "brier": brier_score_loss(labels, probability),
            "calibration_error": gaps,
        }
        for name, value in exact.items():
            assert result.metrics[f"{name}_{kind}"] == pytest.approx(value, abs=0.002), (name, kind)
        assert sum(row.rows for row in result.calibration[kind]) == len(labels)
    reports = [recipe.private_report(result, rows) for rows in members]
    scored = [report for report in reports if report.scored]
    assert result.metrics["members_scored"] == len(scored) > 2
    gains = np.array([report.gain.value for report in scored])
    assert result.metrics["gain_mean"] == pytest.approx(gains.mean(), abs=1e-9)
    assert result.metrics["members_gain"] == pytest.approx((gains > 0).mean())
    assert result.metrics["auc_corrected"] == pytest.approx(
        np.mean([report.corrected.value for report in scored]), abs=1e-9
    )


def test_a_counted_feature_gives_the_same_model_as_a_declared_one(schema, draw, door):
    members = draw(46, SIZES)
    species = tuple(f"bird {k}" for k in range(12))
    declared = Schema(
        tuple(
            CategoryFeature("species", species, missing=True) if feature.name == "species" else feature
            for feature in schema.features
        )
    )
    listed = [
        Rows(
            rows.member,
            *(
                type(part)(declared, part.numbers, part.texts, part.labels)
                for part in (rows.train, rows.test)
            ),
        )
        for rows in members
    ]
    counted = run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    known = run_in_clear(Logistic(declared, Parameters(), names(members)), listed, door)
    assert len(counted.coefficients) == len(known.coefficients)
    np.testing.assert_allclose(
        sorted(value for _, value in counted.coefficients),
        sorted(value for _, value in known.coefficients),
        atol=1e-9,
    )


def test_every_party_walks_through_the_same_questions(schema, draw, door):
    members = draw(47, SIZES)
    run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    first = [(question.name, question.digest) for question in door.asked]
    door.asked.clear()
    run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    assert [(question.name, question.digest) for question in door.asked] == first
    assert len({digest for _, digest in first}) == len(first)
    assert len({name for name, _ in first}) == len(first)


def test_a_state_can_be_asked_again_and_is_not_used_up(schema, draw):
    members = draw(48, SIZES)
    recipe = Logistic(schema, Parameters(), names(members))
    state = recipe.begin()
    for _ in range(3):
        question = recipe.ask(state)
        assert recipe.ask(state).digest == question.digest
        total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
        twins = [recipe.learn(state, total, recipe.members) for _ in range(2)]
        assert recipe.ask(twins[0]).digest == recipe.ask(twins[1]).digest
        state = twins[0]


def test_a_member_without_rows_changes_nothing(schema, draw, door):
    members = draw(49, SIZES)
    empty = members[0].train.take(np.zeros(len(members[0].train), bool))
    recipe = Logistic(schema, Parameters(), names(members))
    without = run_in_clear(recipe, members)
    recipe = Logistic(schema, Parameters(), (*names(members), "nobody"))
    with_it = run_in_clear(recipe, [*members, Rows("nobody", empty, empty)], door)
    np.testing.assert_allclose(
        [value for _, value in with_it.coefficients], [value for _, value in without.coefficients], atol=1e-9
    )
    report = recipe.private_report(with_it, Rows("nobody", empty, empty))
    assert not report.scored


def test_without_test_rows_no_metric_is_made_up(schema, draw, door):
    members = [
        Rows(rows.member, rows.train, rows.test.take(np.zeros(len(rows.test), bool)))
        for rows in draw(50, SIZES)
    ]
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    assert result.metrics == {"members_scored": 0.0}
    assert result.roc == {}
    assert result.calibration == {"alone": (), "together": (), "corrected": ()}


def test_with_one_member_to_score_its_auc_does_not_become_a_metric(schema, draw, door):
    members = draw(50, SIZES)
    few = [
        rows if number == 2 else Rows(rows.member, rows.train, rows.test.take(np.arange(len(rows.test)) < 3))
        for number, rows in enumerate(members)
    ]
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), few, door)
    assert result.metrics["members_scored"] == 1
    members_only = {"auc_alone", "auc_together", "auc_corrected", "gain_mean", "corrected_gain_mean"}
    assert not (members_only | {"members_gain", "members_gain_corrected"}) & result.metrics.keys()
    asked = {question.name: question.length for question in door.asked}
    assert asked["evaluation"] == 3 * 16445


def test_a_result_says_what_it_has_no_column_for(schema, draw):
    members = draw(57, SIZES)
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    reasons = dict(result.dropped)
    assert {"fixed", "sky = Never"} <= reasons.keys()
    assert not reasons.keys() & {name for name, _ in result.coefficients}
    report = write_report(result)
    assert report["dropped"] == [list(entry) for entry in result.dropped]
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize("value", [-0.0, -1e-9, -4.9e-7, 0.0])
def test_what_rounds_to_zero_is_never_minus_zero(schema, draw, value):
    members = draw(58, SIZES)
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    result = replace(result, metrics={"gain_mean": value}, roc={"alone": ((value, value),)}, calibration={})
    assert write_metrics(result) == {"gain_mean": "0.000000"}
    assert "-0.000000" not in json.dumps(write_report(result))
    assert write_metrics(replace(result, metrics={"gain_mean": -6e-7})) == {"gain_mean": "-0.000001"}


@pytest.mark.parametrize(("value", "text"), [(0.0, "0.000000"), (1e-12, "0.000001"), (0.071, "0.071000")])
def test_a_report_never_says_that_a_metric_is_surer_than_it_is(schema, draw, value, text):
    members = draw(58, SIZES)
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    assert write_report(result)["uncertainty"].keys() == result.uncertainty.keys()
    result = replace(result, uncertainty={"auc_pooled_together": value})
    assert write_report(result)["uncertainty"] == {"auc_pooled_together": text}


@pytest.mark.parametrize("label", [0, 1])
def test_a_cohort_with_one_label_is_refused(schema, draw_one, label):
    table = draw_one(np.random.default_rng(0), 30, positive=label)
    members = [Rows("a", table, table), Rows("b", table, table), Rows("c", table, table)]
    with pytest.raises(Refused) as excinfo:
        run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    assert excinfo.value.rule == "recipe.one-class"


def test_fewer_rows_than_the_plan_asks_for_each_column_are_refused(schema, draw):
    members = draw(51, SIZES)
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    rows, columns = sum(len(part.train) for part in members), len(result.coefficients)
    enough = Parameters(minimum_rows_per_column=rows // columns)
    assert run_in_clear(Logistic(schema, enough, names(members)), members) == result
    short = Parameters(minimum_rows_per_column=rows // columns + 1)
    with pytest.raises(Refused, match=f"{rows} training rows .* each of {columns} columns") as excinfo:
        run_in_clear(Logistic(schema, short, names(members)), members)
    assert excinfo.value.rule == "recipe.few-rows"


def test_turns_that_are_used_up_are_refused(schema, draw):
    members = draw(51, SIZES)
    with pytest.raises(Refused) as excinfo:
        run_in_clear(Logistic(schema, Parameters(maximum_turns=2), names(members)), members)
    assert excinfo.value.rule == "recipe.not-converged"


def test_a_total_that_does_not_fit_is_our_own_mistake(schema, draw):
    members = draw(52, SIZES)
    recipe = Logistic(schema, Parameters(), names(members))
    question = recipe.ask(recipe.begin())
    with pytest.raises(ValueError, match="finite numbers"):
        recipe.learn(recipe.begin(), np.zeros(question.length - 1), recipe.members)
    with pytest.raises(ValueError, match="finite numbers"):
        recipe.learn(recipe.begin(), np.full(question.length, np.nan), recipe.members)


def test_a_result_has_nothing_more_to_learn(schema, draw):
    members = draw(53, SIZES)
    recipe = Logistic(schema, Parameters(), names(members))
    states = [recipe.begin()]
    while not isinstance(question := recipe.ask(states[-1]), Result):
        total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
        states.append(recipe.learn(states[-1], total, recipe.members))
    with pytest.raises(ValueError, match="result already"):
        recipe.learn(states[-1], np.zeros(1), recipe.members)
    assert question.turns == len(states) - 1
    with pytest.raises(ValueError, match="not a question"):
        recipe.answer(Foreign("other"), members[0])


def test_plan_parameters_are_read_and_defaults_filled_in():
    assert parse_parameters({}) == Parameters()
    assert parse_parameters(
        {
            "ridge": "0.5",
            "organisation_intercepts": True,
            "correction": "2",
            "minimum_category_members": 4,
            "minimum_category_rows": 1,
            "minimum_rows_per_column": 7,
            "maximum_turns": 9,
            "voice": "root",
        }
    ) == Parameters(0.5, True, 2.0, 4, 1, 7, 9, voice="root")


@pytest.mark.parametrize(
    "parameters",
    [
        {"ridge": "0"},
        {"ridge": "-1"},
        {"ridge": "nan"},
        {"ridge": "much"},
        {"ridge": 1},
        {"correction": "0"},
        {"maximum_turns": 0},
        {"maximum_turns": "9"},
        {"maximum_turns": True},
        {"organisation_intercepts": "yes"},
        {"voice": "loud"},
        {"voice": 1},
        {"learning_rate": "1"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(parameters):
    with pytest.raises(Refused) as excinfo:
        parse_parameters(parameters)
    assert excinfo.value.rule == "recipe.parameter"
    assert next(iter(parameters)) in str(excinfo.value)


def test_all_wrong_parameters_are_reported_at_once():
    with pytest.raises(Refused) as excinfo:
        parse_parameters({"ridge": "0", "maximum_turns": 0, "speed": 1})
    assert len(excinfo.value.reasons) == 3


def test_the_page_counts_the_numbers_of_its_example_rightly(door):
    rng = np.random.default_rng(0)
    schema = Schema(
        (
            NumberFeature("mass", 1.0, 5.0, missing=True),
            CategoryFeature("sky", ("Clear", "Cloud"), missing=False),
        )
    )
    members = []
    for number in range(5):
        mass = rng.integers(1, 6, 40).astype(float)
        mass[rng.random(40) < 0.3] = np.nan
        sky = rng.choice(np.array(["Clear", "Cloud"], dtype=object), 40)
        labels = (rng.random(40) < 0.3).astype(np.int8)
        table = Table(schema, {"mass": mass}, {"sky": sky}, labels)
        members.append(Rows(f"m{number}", table, table))
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members, door)
    page = PAGE.read_text()
    rows = dict(re.findall(r"^\| `(survey|newton 1|evaluation)` \| ([\d,]+) \|", page, re.MULTILINE))
    asked = {question.name: question.length for question in door.asked}
    assert {name: int(count.replace(",", "")) for name, count in rows.items()} == {
        name: asked[name] for name in rows
    }
    columns = ", ".join(f"`{name}`" for name, _ in result.coefficients)
    assert f"The five columns are {columns}." in page


def test_the_page_names_every_parameter_and_every_metric(schema, draw):
    members = draw(54, SIZES)
    result = run_in_clear(Logistic(schema, Parameters(), names(members)), members)
    page = PAGE.read_text()
    for name in Parameters.__dataclass_fields__:
        assert f"| `{name}` |" in page
    for name in result.metrics:
        stem = re.sub(r"_(alone|together|corrected)$", "_…", name)
        assert f"`{name}`" in page or f"`{stem}`" in page, name


def test_the_objective_falls_from_turn_to_turn(schema, draw):
    members = draw(55, SIZES)
    recipe = Logistic(schema, Parameters(), names(members))
    state, losses = recipe.begin(), []
    while (question := recipe.ask(state)).name != "evaluation":
        total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
        if question.name != "survey":
            losses.append(total[0] + 0.5 * float(question.coefficients[1:] @ question.coefficients[1:]))
        state = recipe.learn(state, total, recipe.members)
    assert all(after < before + 1e-9 for before, after in pairwise(losses))


def test_the_search_starts_at_the_rounded_base_rate(schema, draw):
    members = draw(56, SIZES)
    recipe = Logistic(schema, Parameters(), names(members))
    total = np.sum([recipe.answer(recipe.ask(recipe.begin()), rows) for rows in members], axis=0)
    start = recipe.ask(recipe.learn(recipe.begin(), total, recipe.members)).coefficients
    assert start[0] == round(np.log(total[1] / (total[0] - total[1])) * 1024) / 1024
    assert not start[1:].any()
