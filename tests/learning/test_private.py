import math
import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hansa.errors import Refused
from hansa.learning import (
    Logistic,
    Parameters,
    PrivateLogistic,
    Question,
    Result,
    Rows,
    Table,
    Unit,
    parse_model,
    run_in_clear,
    write_metrics,
    write_report,
)
from hansa.learning.clipped import encode_grid, measure_rows
from hansa.learning.newton import squash
from hansa.learning.pricing import measure_macro
from hansa.learning.private import MOST_COLUMNS, Counting
from hansa.privacy import find_factors

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "recipe-private-logistic.md"
RHO = Fraction(112124441, 500000000)
PLENTY = Fraction(10**9)
SIZES = (900, 600, 1400, 330, 700)


class Foreign(Question):
    def bound(self):
        return np.ones(1)

    def publics(self):
        return ()


@pytest.fixture(scope="module")
def members(draw):
    return draw(77, SIZES)


def make(schema, rho=RHO, unit=None, spread=1.5, **parameters):
    return PrivateLogistic(schema, Parameters(**parameters), unit or Unit(), rho, spread)


def noisy(seed, spread=1.5):
    """Add noise as a cohort would, in one go."""
    rng = np.random.default_rng(seed)

    def add(question, answers):
        deviation = question.noise.deviation * spread
        return np.sum(answers, axis=0) + rng.normal(size=question.length) * deviation

    return add


def walk(recipe, members, add=lambda _, answers: np.sum(answers, axis=0)):
    """All questions of a run, and its result."""
    state, asked = recipe.begin(), []
    names = tuple(rows.member for rows in members)
    while not isinstance(question := recipe.ask(state), Result):
        asked.append(question)
        state = recipe.learn(state, add(question, [recipe.answer(question, rows) for rows in members]), names)
    return asked, question


@pytest.mark.parametrize("steps", [1, 3, 8])
def test_what_touches_a_row_costs_exactly_what_the_plan_declares(schema, members, steps):
    asked, _ = walk(make(schema, steps=steps), members)
    for part in ("train", "test"):
        assert sum(question.noise.rho for question in asked if question.noise.part == part) == RHO


def test_the_questions_come_in_the_documented_order(schema, members):
    asked, result = walk(make(schema, steps=3), members)
    assert [question.name for question in asked] == ["census", "gram", "step 1", "step 2", "step 3", "scores"]
    assert result.turns == len(asked)
    assert len({question.digest for question in asked}) == len(asked)


def test_the_digest_of_a_question_binds_its_noise(schema):
    first, second = (make(schema, rho).ask(Counting()) for rho in (RHO, RHO * 2))
    assert first.bounds.tolist() == second.bounds.tolist()
    assert first.digest != second.digest


def minimise_clipped(recipe, model, members):
    """The obvious version: the minimum of the clipped loss, by plain gradient descent on all rows in one place."""
    columns = np.vstack([encode_grid(model.design, rows).spell_out() for rows in members])
    norms = np.concatenate([measure_rows(encode_grid(model.design, rows)) for rows in members])
    labels = np.concatenate([rows.train.labels for rows in members]).astype(float)
    penalty = np.full(columns.shape[1], recipe.parameters.ridge)
    penalty[0] = 0.0
    bend = np.linalg.inv(0.25 * columns.T @ columns + np.diag(penalty))
    coefficients = np.zeros(columns.shape[1])
    for _ in range(4000):
        residuals = squash(columns @ coefficients)[0] - labels
        residuals *= find_factors(np.abs(residuals) * norms, recipe.parameters.clip)
        coefficients -= bend @ (columns.T @ residuals + penalty * coefficients)
    return coefficients


@pytest.mark.parametrize("clip", [1.0, 3.0, 50.0])
def test_without_noise_the_fit_is_the_minimum_of_the_clipped_loss(schema, members, clip):
    recipe = make(schema, PLENTY, clip=clip, steps=200)
    _, result = walk(recipe, members)
    model = parse_model(result.document)
    np.testing.assert_allclose(model.coefficients, minimise_clipped(recipe, model, members), atol=2e-3)


def test_without_noise_and_clipping_the_scores_are_nearly_those_of_the_recipe_without_noise(schema, members):
    plain = run_in_clear(Logistic(schema, Parameters(), tuple(r.member for r in members)), members)
    _, result = walk(make(schema, PLENTY, clip=50.0, steps=100), members)
    aucs = [measure_macro(parse_model(found.document), members) for found in (plain, result)]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.01)
    assert result.metrics["auc_pooled_together"] == pytest.approx(
        plain.metrics["auc_pooled_together"], abs=result.uncertainty["auc_pooled_together"] + 0.01
    )


def test_noise_at_epsilon_three_still_leaves_something_learnt(schema, members):
    plain = run_in_clear(Logistic(schema, Parameters(), tuple(r.member for r in members)), members)
    best = measure_macro(parse_model(plain.document), members)
    found = [
        measure_macro(parse_model(walk(make(schema), members, noisy(seed))[1].document), members)
        for seed in range(5)
    ]
    assert best > 0.7
    assert float(np.mean(found)) > best - 0.06


def test_a_run_follows_from_its_totals_alone(schema, members):
    recipe = make(schema)
    first, second = (walk(recipe, members, noisy(3))[1] for _ in range(2))
    assert first == second


def test_the_result_says_whose_rows_are_where(schema, members):
    recipe = make(schema, steps=2)
    state, remaining = recipe.begin(), list(members)
    while not isinstance(question := recipe.ask(state), Result):
        names = tuple(rows.member for rows in remaining)
        state = recipe.learn(state, np.sum([recipe.answer(question, r) for r in remaining], axis=0), names)
        if question.name in {"census", "step 2"}:
            remaining.pop()
    everybody = tuple(rows.member for rows in members)
    assert question.members == {"survey": everybody, "fit": everybody[:-1], "evaluation": everybody[:-2]}


def test_totals_that_are_nothing_but_noise_end_in_a_result(schema):
    """A refusal at this point would waste what the rows have paid."""
    for seed in range(8):
        rng, recipe = np.random.default_rng(seed), make(schema, RHO / 1000)
        state = recipe.begin()
        while not isinstance(question := recipe.ask(state), Result):
            noise = rng.normal(size=question.length) * question.noise.deviation * 2
            state = recipe.learn(state, noise, ("alder", "birch", "cedar"))
        assert np.isfinite([value for _, value in question.coefficients]).all()
        assert all(re.fullmatch(r"-?[0-9]+\.[0-9]{6}", text) for text in write_metrics(question).values())


def test_metrics_and_report_are_written_as_of_any_recipe(schema, members):
    _, result = walk(make(schema), members, noisy(1))
    assert set(write_metrics(result)) == {
        "auc_pooled_together",
        "average_precision_together",
        "recall_at_5_percent_together",
        "brier_together",
    }
    assert set(result.uncertainty) == set(result.metrics)
    report = write_report(result)
    assert report["uncertainty"].keys() == report["metrics"].keys()
    assert all(Decimal(report["uncertainty"][name]) >= value for name, value in result.uncertainty.items())
    assert set(report["roc"]) == {"together"}
    assert report["roc"]["together"][0] == ["0.000000", "0.000000"]


def test_what_noise_hides_is_said_to_have_no_column(schema, members):
    _, result = walk(make(schema, RHO / 400), members, noisy(2))
    columns = dict(result.dropped)
    assert "species" in columns
    assert "through the noise" in columns["species"]
    assert "sky = Never" in columns


def test_persons_are_protected_by_more_noise_and_lighter_rows(schema, members):
    def name_persons(table):
        keys = {"person": np.array([f"p{row // 5}" for row in range(len(table))], dtype=object)}
        return Table(table.schema, table.numbers, table.texts, table.labels, keys)

    named = [Rows(rows.member, name_persons(rows.train), name_persons(rows.test)) for rows in members]
    alone, _ = walk(make(schema), members)
    asked, result = walk(make(schema, unit=Unit("person", 2)), named, noisy(4))
    for first, second in zip(alone, asked, strict=True):
        assert second.noise.deviation == pytest.approx(2 * first.noise.deviation)
    counts = make(schema, unit=Unit("person", 2)).answer(asked[0], named[0])[:2]
    assert counts.sum() == pytest.approx(len(named[0].train) * 2 / 5, rel=0.01)
    assert "auc_pooled_together" in result.metrics


def test_rows_that_count_for_more_than_one_are_refused(schema):
    with pytest.raises(Refused, match=r"recipe\.parameter: under noise every row counts alike"):
        make(schema, voice="members")


def test_clusters_are_refused(schema):
    with pytest.raises(Refused, match=r"recipe\.parameter: `clusters` have no form with noise"):
        make(schema, clusters=2)


def test_organisation_intercepts_are_refused(schema):
    with pytest.raises(Refused, match=r"recipe\.parameter: `organisation_intercepts`"):
        make(schema, organisation_intercepts=True)


def test_a_foreign_question_and_totals_that_do_not_fit_are_mistakes(schema, members):
    recipe = make(schema)
    question = recipe.ask(recipe.begin())
    with pytest.raises(ValueError, match="not a question"):
        recipe.answer(Foreign("foreign"), members[0])
    for total in (np.zeros(3), np.full(question.length, math.nan)):
        with pytest.raises(ValueError, match="finite numbers"):
            recipe.learn(recipe.begin(), total, ("alder",))
        with pytest.raises(ValueError, match="finite numbers"):
            recipe.verify_total(question, np.zeros(question.length), total, 3)
    _, result = walk(recipe, members)
    with pytest.raises(ValueError, match="has its result"):
        recipe.learn(result, np.zeros(1), ("alder",))


def test_no_total_contradicts_an_answer_under_noise(schema, members):
    recipe = make(schema)
    question = recipe.ask(recipe.begin())
    answer = recipe.answer(question, members[0])
    recipe.verify_total(question, answer, -answer, 5)
    recipe.verify_survivors(question, 1)


def test_more_columns_than_a_gram_matrix_can_have_are_refused(schema, members):
    recipe = make(schema, PLENTY, minimum_category_rows=1)
    question = recipe.ask(recipe.begin())
    total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
    total[-MOST_COLUMNS - 10 :] = 50.0
    with pytest.raises(Refused, match=r"recipe\.columns: .* raise `minimum_category_rows`"):
        recipe.learn(recipe.begin(), total, ("alder",))


def test_a_member_is_warned_where_clipping_bites_and_only_there(schema, members):
    for clip, bites in ((0.05, True), (50.0, False)):
        recipe = make(schema, clip=clip)
        _, result = walk(recipe, members)
        report = recipe.private_report(result, members[0])
        assert report.scored
        assert ("WARNING: clipping cut" in report.advice) is bites


def test_the_page_lists_the_questions_and_the_shares(schema, members):
    text = PAGE.read_text(encoding="utf-8")
    asked, _ = walk(make(schema, steps=2), members)
    for question in asked:
        assert f"`{question.name.split()[0]}" in text
    shares = [question.noise.rho / RHO for question in asked]
    assert shares[0] == Fraction(3, 20)
    assert all(first == second for first, second in pairwise(shares[2:-1]))
    for share in ("3/20", "17/200", "153/200"):
        assert share in text
    assert (shares[1], sum(shares[2:-1])) == (Fraction(17, 200), Fraction(153, 200))
