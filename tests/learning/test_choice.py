from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hansa.learning import Rows, StratifiedSplit, Table, divide_rows, run_in_clear
from hansa.learning.choice import FAMILIES, choose, share_out
from hansa.learning.contradiction import find_contradictions
from hansa.learning.evaluation import EvaluationQuestion, Trial, answer_evaluation
from hansa.learning.logistic import Logistic
from hansa.learning.model import parse_model
from hansa.learning.parameters import Parameters
from hansa.learning.personal import LogisticJudge, fit_alone
from hansa.learning.trees import Trees, TreesParameters

RULE = StratifiedSplit(0, Fraction(1, 4), Fraction(1, 4))


def flip_test(rows):
    """The same rows, whose test rows have the other label."""
    test = rows.test
    flipped = Table(test.schema, test.numbers, test.texts, (1 - test.labels).astype(np.int8))
    return Rows(rows.member, rows.train, flipped, rows.validation)


def flip_validation(rows):
    held = rows.validation
    flipped = Table(held.schema, held.numbers, held.texts, (1 - held.labels).astype(np.int8))
    return Rows(rows.member, rows.train, rows.test, flipped)


@pytest.fixture(scope="module")
def members(draw_one):
    rng = np.random.default_rng(81)
    return [divide_rows(draw_one(rng, 160), RULE, f"m{number}") for number in range(5)]


@pytest.fixture(scope="module")
def judge(schema, members):
    return LogisticJudge(fit_alone(schema, members[0], 1.0), 1.0, 10.0)


def recipes(schema, members):
    names = tuple(rows.member for rows in members)
    yield Logistic(schema, Parameters(minimum_rows_per_column=1), names)
    yield Trees(schema, TreesParameters(trees=2, patience=2, minimum_rows=5, organisation_rate=True), names)


def test_other_labels_of_test_rows_change_no_choice(schema, members):
    for recipe in recipes(schema, members):
        result = run_in_clear(recipe, members)
        for rows in members:
            report = recipe.private_report(result, rows)
            other = recipe.private_report(result, flip_test(rows))
            assert [(o.name, o.loss, o.share) for o in report.options] == [
                (o.name, o.loss, o.share) for o in other.options
            ]
            assert other.chosen.value == pytest.approx(1 - report.chosen.value)


def test_other_labels_of_validation_rows_change_the_choice_and_not_the_joint_model(schema, members):
    for recipe in recipes(schema, members):
        result = run_in_clear(recipe, members)
        changed = [flip_validation(rows) for rows in members]
        again = run_in_clear(recipe, changed)
        assert again.document == result.document
        assert (
            recipe.private_report(result, changed[1]).options
            != recipe.private_report(result, members[1]).options
        )


def test_shares_are_those_of_how_likely_each_option_makes_the_labels():
    shares = share_out({"alone": 12.0, "together": 10.0, "corrected 1": 11.0, "corrected 10": 10.5})
    likely = {
        "alone": np.exp(-12.0),
        "together": np.exp(-10.0),
        "corrected 1": np.exp(-11.0) / 2,
        "corrected 10": np.exp(-10.5) / 2,
    }
    assert shares == pytest.approx({name: value / sum(likely.values()) for name, value in likely.items()})


def test_a_loss_that_is_far_behind_has_no_share():
    assert share_out({"alone": 1e6, "together": 2.0}) == {"alone": 0.0, "together": 1.0}


def test_without_validation_rows_of_its_own_a_member_takes_each_family_alike(judge, members):
    empty = members[1].validation.take(np.zeros(len(members[1].validation), bool))
    choice = choose(judge, replace(members[1], validation=empty, _memory={}))
    assert (choice.rows, [option.loss for option in choice.options]) == (0, [None] * len(choice.options))
    held = {family: sum(o.share for o in choice.options if o.family == family) for family in FAMILIES}
    assert held == pytest.approx({**dict.fromkeys(FAMILIES, 0.25), "clustered": 0.0})


def test_a_plan_without_validation_leaves_nothing_to_choose(judge, members):
    assert choose(judge, replace(members[1], validation=None, _memory={})) is None


def test_what_is_chosen_is_scored_by_models_of_training_and_validation_rows(schema, judge, members):
    choice = choose(judge, members[2])
    whole = Rows("whole", members[2].train.join(members[2].validation), members[2].test)
    alone = next(option for option in choice.options if option.name == "alone")
    np.testing.assert_array_equal(alone.logits, fit_alone(schema, whole, 1.0).predict(whole.test))
    np.testing.assert_array_equal(judge.score(members[2]).alone, alone.logits)
    blended = sum(option.share * option.logits for option in choice.options)
    np.testing.assert_array_equal(choice.logits, blended)


def test_a_mixture_lies_between_alone_and_together(judge, members):
    options = {option.name: option.logits for option in choose(judge, members[3]).options}
    np.testing.assert_allclose(options["mixed 1/2"], (options["alone"] + options["together"]) / 2)


def test_a_member_unlike_the_others_trusts_its_own_model(schema, draw_one):
    rng = np.random.default_rng(82)
    alike = [divide_rows(draw_one(rng, 300), RULE, f"m{number}") for number in range(4)]
    table = draw_one(rng, 900)
    other = divide_rows(
        Table(table.schema, table.numbers, table.texts, (1 - table.labels).astype(np.int8)), RULE, "other"
    )
    recipe = next(recipes(schema, [*alike, other]))
    model = run_in_clear(recipe, [*alike, other])
    report = recipe.private_report(model, other)
    shares = {option.name: option.share for option in report.options}
    assert shares["together"] < 0.01
    assert report.chosen_gain.value > report.gain.value
    assert "validation rows trust" in report.advice
    assert report.rows == 900


def test_the_coalition_learns_how_many_gain_and_how_many_trust_what(schema, members, door):
    recipe = Logistic(
        schema, Parameters(minimum_rows_per_column=1), tuple(rows.member for rows in members), True
    )
    result = run_in_clear(recipe, members, door)
    reports = [recipe.private_report(result, rows) for rows in members]
    assert all(report.scored for report in reports)
    gains = np.array([report.chosen_gain.value for report in reports])
    assert result.metrics["members_gain_chosen"] == pytest.approx((gains > 0).mean())
    assert result.metrics["chosen_gain_mean"] == pytest.approx(gains.mean(), abs=1e-9)
    assert result.metrics["auc_chosen"] == pytest.approx(np.mean([r.chosen.value for r in reports]), abs=1e-9)
    judge = LogisticJudge(parse_model(dict(result.document)), 1.0, 10.0)
    families = [choose(judge, rows).family for rows in members]
    for family in FAMILIES:
        assert result.metrics[f"members_trusting_{family}"] == families.count(family)


def test_with_fewer_than_three_to_score_nothing_is_asked_of_choices(judge):
    for scorable, sums in ((3, 13), (2, 0)):
        trial = Trial(judge, 0.0, 50, 50, scorable, 3, 3, chooses=True)
        assert EvaluationQuestion("evaluation", trial).length == 3 * 16445 + sums


@pytest.mark.parametrize(
    ("place", "change", "doubt"),
    [
        (-4, 1.0, "do not each trust one option most"),
        (-3, 0.5, "count of members"),
        (-7, 5.0, "sum of an AUC"),
        (-6, 5.0, "do not fit the gain"),
    ],
)
def test_choices_that_no_members_have_are_doubted(judge, members, place, change, doubt):
    positives = sum(rows.test.positives for rows in members)
    negatives = sum(len(rows.test) for rows in members) - positives
    question = EvaluationQuestion(
        "evaluation", Trial(judge, 0.0, positives, negatives, 5, 5, 5, chooses=True)
    )
    total = np.sum([answer_evaluation(question, rows) for rows in members], axis=0)
    assert not [*find_contradictions(question, total, 5)]
    total[place] += change
    assert any(doubt in found for found in find_contradictions(question, total, 5))
