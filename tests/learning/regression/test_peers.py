"""Every family against the programme that analysts would have used on all rows in one place."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from insurer import BILL, CLAIMS, COST, DAYS, GRADE
from lifelines import CoxPHFitter
from sklearn.linear_model import ElasticNet, LogisticRegression

from hansa.learning.regression import list_estimates
from hansa.learning.regression.outcome import read_target
from hansa.learning.regression.risk import Clock

CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def test_least_squares_give_the_table_of_statsmodels(fit):
    ran = fit(COST, "linear")
    peer = sm.OLS(ran.pooled.numbers["cost"], ran.matrix).fit()
    lines = list_estimates(ran.model)
    np.testing.assert_allclose([line.estimate for line in lines], ran.untangle(peer.params), **CLOSE)
    for place in (1, 2, 3, 4):  # columns that are scaled by themselves, so that these do not change
        assert lines[place].statistic == pytest.approx(peer.tvalues[place], rel=1e-6)
        assert lines[place].p_value == pytest.approx(peer.pvalues[place], rel=1e-6, abs=1e-12)
    indicator = next(place for place, line in enumerate(lines) if line.column == "dose missing")
    np.testing.assert_allclose(lines[indicator][6:], peer.conf_int()[indicator], rtol=1e-6)
    fitness = ran.model.fitness
    assert (fitness.rows, fitness.freedom) == (len(ran.pooled), peer.df_resid)
    np.testing.assert_allclose(
        [fitness.deviance, fitness.null_deviance, fitness.dispersion],
        [peer.ssr, peer.centered_tss, peer.scale],
        rtol=1e-8,
    )


@pytest.mark.parametrize(
    ("outcome", "family", "peer_family"),
    [
        (CLAIMS, "poisson", sm.families.Poisson()),
        (BILL, "gamma", sm.families.Gamma(sm.families.links.Log())),
    ],
)
def test_counts_and_positive_amounts_give_the_table_of_statsmodels(fit, outcome, family, peer_family):
    ran = fit(outcome, family)
    offset = np.log(ran.pooled.numbers["years"]) if outcome.exposure else None
    values = ran.pooled.numbers[outcome.column.name]
    peer = sm.GLM(values, ran.matrix, peer_family, offset=offset).fit(tol=1e-14, maxiter=200)
    lines = list_estimates(ran.model)
    np.testing.assert_allclose([line.estimate for line in lines], ran.untangle(peer.params), **CLOSE)
    np.testing.assert_allclose([line.statistic for line in lines][1:], peer.tvalues[1:], rtol=1e-6)
    np.testing.assert_allclose([line.p_value for line in lines][1:], peer.pvalues[1:], rtol=1e-6, atol=1e-12)
    fitness = ran.model.fitness
    assert fitness.deviance == pytest.approx(peer.deviance, rel=1e-8)
    assert fitness.null_deviance == pytest.approx(peer.null_deviance, rel=1e-8)
    if family == "gamma":
        assert fitness.dispersion == pytest.approx(peer.scale, rel=1e-6)


def test_the_standard_error_of_an_intercept_is_that_of_columns_in_their_own_units(fit):
    ran = fit(COST, "linear")
    matrix = ran.matrix
    place = 1
    for number in ran.model.design.numbers:
        matrix[:, place] = matrix[:, place] * number.deviation + number.mean
        place += 1 + number.indicator
    peer = sm.OLS(ran.pooled.numbers["cost"], matrix).fit()
    errors = [line.standard_error for line in list_estimates(ran.model)]
    np.testing.assert_allclose(errors, peer.bse, rtol=1e-6)


def test_classes_give_the_table_of_statsmodels(fit):
    ran = fit(GRADE, "multinomial")
    codes = pd.Categorical(ran.pooled.texts["grade"]).codes
    peer = sm.MNLogit(codes, ran.matrix).fit(method="newton", disp=0)
    np.testing.assert_allclose(ran.model.coefficients.T, peer.params, **CLOSE)
    statistics = np.array([line.statistic for line in list_estimates(ran.model)]).reshape(2, -1)
    np.testing.assert_allclose(statistics[:, 1:], peer.tvalues.T[:, 1:], rtol=1e-5)
    assert ran.model.fitness.deviance == pytest.approx(-2 * peer.llf, rel=1e-9)


def test_classes_with_a_ridge_are_those_of_scikit_learn_whichever_class_is_the_first(fit):
    ran = fit(GRADE, "multinomial", ridge=3.0)
    peer = LogisticRegression(C=1 / 3, tol=1e-12, max_iter=10_000).fit(
        ran.matrix[:, 1:], ran.pooled.texts["grade"].astype(str)
    )
    expected = np.column_stack([peer.intercept_, peer.coef_])
    np.testing.assert_allclose(ran.model.coefficients, expected[1:] - expected[0], atol=1e-5)
    assert all(line.standard_error is None for line in list_estimates(ran.model))


def _steps(ran, ties="efron"):
    clock = Clock(
        DAYS, tuple(round(until / DAYS.step) for until, _ in (((0.0, 0.0), *ran.model.baseline)))[:-1], ties
    )
    return clock.place(read_target(DAYS, ran.pooled)) + 1.0


@pytest.mark.parametrize("least", [{}, {"minimum_rows": 1, "minimum_members": 1}])
def test_times_by_efron_are_those_of_lifelines_on_the_same_steps(fit, least):
    ran = fit(DAYS, "cox", **least)
    steps = _steps(ran)
    assert len(set(steps)) > (10 if not least else 40)
    frame = pd.DataFrame(ran.matrix[:, 1:], columns=ran.model.design.names[1:])
    frame = frame.assign(step=steps, event=ran.pooled.labels)
    peer = CoxPHFitter().fit(frame, "step", "event", fit_options={"precision": 1e-12})
    np.testing.assert_allclose(ran.model.coefficients[0, 1:], peer.params_, **CLOSE)
    lines = list_estimates(ran.model)
    np.testing.assert_allclose([line.statistic for line in lines], peer.summary["z"], rtol=1e-6)
    np.testing.assert_allclose([line.p_value for line in lines], peer.summary["p"], rtol=1e-5, atol=1e-12)
    assert ran.model.fitness.deviance == pytest.approx(-2 * peer.log_likelihood_, rel=1e-9)


def test_times_by_breslow_are_those_of_statsmodels(fit):
    ran = fit(DAYS, "cox", ties="breslow")
    peer = sm.PHReg(_steps(ran, "breslow"), ran.matrix[:, 1:], ran.pooled.labels, ties="breslow").fit()
    np.testing.assert_allclose(ran.model.coefficients[0, 1:], peer.params, **CLOSE)
    np.testing.assert_allclose(
        [line.statistic for line in list_estimates(ran.model)], peer.tvalues, rtol=1e-6
    )


@pytest.mark.parametrize(("ridge", "lasso"), [(0.0, 150.0), (50.0, 400.0), (80.0, 0.0)])
def test_an_elastic_net_is_that_of_scikit_learn(fit, ridge, lasso):
    ran = fit(COST, "linear", ridge=ridge, lasso=lasso)
    count = len(ran.pooled)
    peer = ElasticNet(
        alpha=(ridge + lasso) / count, l1_ratio=lasso / (ridge + lasso), tol=1e-14, max_iter=100_000
    ).fit(ran.matrix[:, 1:], ran.pooled.numbers["cost"])
    np.testing.assert_allclose(100.0 * ran.model.coefficients[0, 1:], peer.coef_, atol=1e-6)
    assert {*np.flatnonzero(peer.coef_ == 0)} == {*np.flatnonzero(ran.model.coefficients[0, 1:] == 0)}


@pytest.mark.parametrize(
    ("outcome", "family"), [(CLAIMS, "poisson"), (BILL, "gamma"), (GRADE, "multinomial"), (DAYS, "cox")]
)
def test_an_elastic_net_of_any_family_stands_where_no_coefficient_wants_to_move(fit, outcome, family):
    free, ran = fit(outcome, family), fit(outcome, family, ridge=5.0, lasso=60.0)
    assert 0 < np.count_nonzero(ran.model.coefficients) < np.count_nonzero(free.model.coefficients)
    # The optimum's own conditions, by differences of the loss of the pooled rows.
    best = _objective(ran, ran.model.coefficients, 5.0, 60.0)
    for place in np.ndindex(ran.model.coefficients.shape):
        for move in (-1e-4, 1e-4):
            moved = ran.model.coefficients.copy()
            if family == "cox" and place[1] == 0:
                continue
            moved[place] += move
            assert _objective(ran, moved, 5.0, 60.0) > best


def _objective(ran, coefficients, ridge, lasso):
    matrix, family = ran.matrix, ran.model.family
    linear = matrix @ coefficients.T
    held = coefficients[:, 1:]
    if family == "multinomial":
        whole = np.vstack([np.zeros(held.shape[1]), held])
        square = ((whole - whole.mean(axis=0)) ** 2).sum()
    else:
        square = (held**2).sum()
    charge = ridge / 2 * square + lasso * np.abs(held).sum()
    if family == "poisson":
        logs = linear[:, 0] + np.log(ran.pooled.numbers["years"])
        return (np.exp(logs) - ran.pooled.numbers["claims"] * logs).sum() + charge
    if family == "gamma":
        return (ran.pooled.numbers["bill"] * np.exp(-linear[:, 0]) + linear[:, 0]).sum() + charge
    if family == "multinomial":
        codes = pd.Categorical(ran.pooled.texts["grade"]).codes
        logits = np.column_stack([np.zeros(len(codes)), linear])
        return (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(codes)), codes]).sum() + charge
    steps, loss = _steps(ran), 0.0
    for step in np.unique(steps):
        here = (steps == step) & (ran.pooled.labels == 1)
        at_risk, tied = np.exp(linear[steps >= step, 0]).sum(), np.exp(linear[here, 0]).sum()
        count = here.sum()
        loss += sum(np.log(at_risk - place / count * tied) for place in range(count)) - linear[here, 0].sum()
    return loss + charge
