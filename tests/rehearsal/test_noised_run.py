"""A run with noise over the whole chain: votes, secure sums, meters, seals, the account."""

import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from liar import Liar, approve, vanish

from hansa.coalition import audit_log, derive_account
from hansa.engine import read_total
from hansa.errors import Refused, Unavailable
from hansa.governance import Budget, parse_plan
from hansa.governance.recipe import TreesParameters
from hansa.learning import PrivateLogistic, build_recipe, run_in_clear
from hansa.learning.trees import parse_forest
from hansa.node import load_rows
from hansa.privacy import Meter, Noise
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.gathering import gather_result
from hansa.rehearsal.report import render_report
from hansa.secagg import Kind
from hansa.store import read_tree

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay")


@pytest.fixture
def six(found):
    """Six members of whom nobody colludes and two may vanish, with a budget for one run."""
    budget = Budget(epsilon="10", delta="0.00001")
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(1, 3), budget=budget) as stage:
        yield stage


@pytest.fixture
def plan(cast):
    document = cast.plan.to_json()
    document["privacy"] = {"noise": "discrete-gaussian", "epsilon": "8", "delta": "0.00001", "unit": "row"}
    document["split"] = {"kind": "rows", "seed": 0, "test": "3/10"}
    document["bars"] = [{"metric": "auc_pooled_together", "at_least": "0.10"}]
    document["recipe"]["parameters"] |= {"steps": 3}
    return parse_plan(document)


def test_a_run_with_noise_completes_though_members_vanish_and_is_charged(six, plan):
    vanish(six, "bob", 2, Kind.DELIVERY)
    number = approve(six, plan)
    ran = conduct_run(six, number, "ada", Silent())
    assert ran.run.status == "completed"
    assert ran.run.dropped == {"bob": 2}
    assert ran.conducted.result.turns == 6
    assert set(ran.run.metrics) >= {"auc_pooled_together", "brier_together"}
    tree = read_tree(six.log)
    assert (
        audit_log(tree.leaves, tree.note_text, coalition=six.state.coalition).state.runs[ran.run.id]
        == ran.run
    )
    for name in NAMES:
        account = derive_account(six.state, name)
        assert account.spent == plan.privacy.rho
        assert account.left < plan.privacy.rho


def test_a_run_of_trees_with_noise_completes_though_a_member_vanishes_and_is_charged(six, plan):
    document = plan.to_json()
    parameters = {**TreesParameters().model_dump(mode="json"), "trees": 8, "organisation_offsets": False}
    document["recipe"] = {**document["recipe"], "name": "trees", "parameters": parameters}
    trees = parse_plan(document)
    vanish(six, "bob", 2, Kind.DELIVERY)
    number = approve(six, trees)
    ran = conduct_run(six, number, "ada", Silent())
    assert (ran.run.status, ran.run.dropped) == ("completed", {"bob": 2})
    assert len(parse_forest(dict(ran.conducted.result.document)).trees) == 8
    assert set(ran.run.metrics) >= {"auc_pooled_together", "brier_together"}
    assert derive_account(six.state, "cyd").spent == trees.privacy.rho
    assert "(ε = 8, δ = 0.00001) for each row" in render_report(gather_result(six, number, ran, []))


def test_a_second_run_that_the_budget_cannot_bear_is_refused_before_it_starts(six, plan):
    conduct_run(six, approve(six, plan), "ada", Silent())
    with pytest.raises(Refused, match="budget"):
        approve(six, plan)


def test_noise_is_in_the_totals(six, plan):
    """The same rows, asked twice: the numbers differ, by what the noise is declared to be."""
    rows = [load_rows(six.actor(name).data, plan, name) for name in NAMES]
    recipe = build_recipe(plan.to_json(), NAMES, 3)
    question = recipe.ask(recipe.begin())
    clear = np.sum([recipe.answer(question, part) for part in rows], axis=0)
    liar = Liar(six, approve(six, plan))
    quantiser = liar.derivation.quantiser
    total, _ = liar.play_round()
    noised = quantiser.decode(read_total(total))
    off = (noised - clear) / (question.noise.deviation * np.sqrt(6 / 3))
    assert (np.abs(off) > 1e-6).all()
    assert (np.abs(off) < 8).all()


def test_without_noise_drawn_the_chain_gives_what_the_recipe_gives_in_the_clear(six, plan):
    for name in NAMES:
        six.actor(name).trainer._sample = lambda _, count: np.zeros(count, dtype=np.int64)
    ran = conduct_run(six, approve(six, plan), "ada", Silent())
    rows = [load_rows(six.actor(name).data, plan, name) for name in NAMES]
    clear = run_in_clear(build_recipe(plan.to_json(), NAMES, 3), rows)
    found, expected = (
        [value for _, value in result.coefficients] for result in (ran.conducted.result, clear)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert ran.conducted.result.metrics == pytest.approx(clear.metrics, abs=1e-5)


def test_a_member_that_cannot_draw_noise_refuses_before_anything_leaves(six, plan, monkeypatch):
    number = approve(six, plan)
    monkeypatch.setitem(sys.modules, "opendp.measurements", None)
    with pytest.raises(Refused, match="unavailable"):
        conduct_run(six, number, "ada", Silent())
    problem = six.actor("bob").trainer.problem
    assert isinstance(problem, Unavailable)
    assert "install hansa with its extra `dp`" in str(problem)


def test_a_recipe_that_would_spend_more_than_the_plan_is_refused_by_every_member(six, plan, monkeypatch):
    ask = PrivateLogistic.ask

    def greedy(self, state):
        question = ask(self, state)
        if getattr(question, "name", "") == "step 3":
            return _double(question)
        return question

    monkeypatch.setattr(PrivateLogistic, "ask", greedy)
    with pytest.raises(Refused, match=r"privacy\.budget: `step 3` would bring"):
        conduct_run(six, approve(six, plan), "ada", Silent())


def test_a_member_meters_by_itself_whatever_the_coordinator_does(six, plan, monkeypatch):
    number = approve(six, plan)
    monkeypatch.setattr("hansa.hub.rounds.Meter", lambda rho, honest: Meter(rho * 2, honest))
    ask = PrivateLogistic.ask
    monkeypatch.setattr(PrivateLogistic, "ask", lambda self, state: _double(ask(self, state)))
    with pytest.raises(Refused, match=r"refused: privacy\.budget"):
        conduct_run(six, number, "ada", Silent())


def _double(question):
    if getattr(question, "noise", None) is None:
        return question
    return replace(
        question, noise=Noise(question.noise.sensitivity, question.noise.rho * 2, question.noise.part)
    )


def test_the_report_of_a_run_with_noise_shows_its_guarantee(six, plan):
    number = approve(six, plan)
    ran = conduct_run(six, number, "ada", Silent())
    page = render_report(gather_result(six, number, ran, []))
    assert "(ε = 8, δ = 0.00001) for each row" in page
    assert "no formal guarantee" not in page
