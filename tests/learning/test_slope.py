import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.learning.design import Matrix, Minimum, count_support, make_design
from hansa.learning.newton import minimise
from hansa.learning.slope import SlopeQuestion, answer_slope, encode_train, fit_intercept, read_slope
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey


@pytest.fixture(scope="module")
def asked(schema, draw):
    members = draw(7, (60, 44, 30), shifts=(0.0, 1.5, -1.0))
    total = np.sum([answer_survey(schema, rows) for rows in members], axis=0)
    assert total.shape == (SurveyQuestion("survey", schema).length,)
    survey = read_survey(schema, total)
    design = make_design(schema, survey, Minimum(1, 1))

    def ask(coefficients, penalty=None):
        return SlopeQuestion("newton 1", design, count_support(design, survey), coefficients, penalty)

    return members, design, ask


def full_slope(members, design, coefficients):
    columns = np.vstack([encode_train(design, rows).spell_out() for rows in members])
    labels = np.concatenate([rows.train.labels for rows in members])
    logits = columns @ coefficients
    probability = 1 / (1 + np.exp(-logits))
    loss = -(labels * np.log(probability) + (1 - labels) * np.log(1 - probability)).sum()
    weights = probability * (1 - probability)
    return loss, columns.T @ (probability - labels), columns.T @ (columns * weights[:, None])


def test_the_total_is_the_slope_of_all_rows_in_one_place(asked):
    members, design, ask = asked
    point = np.random.default_rng(0).normal(size=len(design.names)) / 3
    question = ask(point)
    total = np.sum([answer_slope(question, rows) for rows in members], axis=0)
    slope, (loss, gradient, curvature) = read_slope(question, total), full_slope(members, design, point)
    assert slope.loss == pytest.approx(loss)
    np.testing.assert_allclose(slope.gradient, gradient, atol=1e-10)
    np.testing.assert_allclose(slope.curvature, curvature, atol=1e-10)


def test_what_no_row_can_have_is_not_sent(asked):
    _, design, ask = asked
    width = len(design.names)
    apart = sum(k * (k - 1) // 2 for k in (len(block.codes) for block in design.categories))
    point = np.zeros(width)
    assert ask(point).length == 1 + 2 * width + width * (width + 1) // 2 - apart
    assert ask(point, 1.0).length == 1 + 2 * width + width * (width + 1) // 2


@given(seed=st.integers(0, 10**6), scale=st.floats(0, 50), penalty=st.sampled_from([None, 0.1, 10.0]))
@settings(max_examples=30, deadline=None)
def test_no_answer_exceeds_its_bounds(asked, seed, scale, penalty):
    members, design, ask = asked
    question = ask(np.random.default_rng(seed).normal(size=len(design.names)) * scale, penalty)
    for rows in members:
        assert (np.abs(answer_slope(question, rows)) <= question.bounds).all()


def test_an_organisations_intercept_minimises_its_penalised_loss():
    rng = np.random.default_rng(3)
    for scale in (1, 30):
        logits, labels = rng.normal(size=50) * scale, rng.integers(0, 2, 50).astype(float)
        for penalty in (0.01, 1.0, 100.0):
            matrix = Matrix(np.ones((50, 1)), (), ())
            exact = minimise(matrix, labels, np.array([penalty]), 100, offset=logits)[0]
            assert fit_intercept(logits, labels, penalty) == pytest.approx(exact, abs=1e-7)
    assert fit_intercept(np.zeros(0), np.zeros(0), 1.0) == 0
    assert fit_intercept(np.full(9, -700.0), np.ones(9), 1e-3) == pytest.approx(702.46, abs=0.02)


def test_the_question_binds_its_point_and_its_penalty(asked):
    _, design, ask = asked
    point = np.zeros(len(design.names))
    digests = {ask(point).digest, ask(point, 1.0).digest, ask(point + 1e-15).digest, ask(point).digest}
    assert len(digests) == 3


def test_bounds_cannot_be_changed(asked):
    _, design, ask = asked
    with pytest.raises(ValueError, match="read-only"):
        ask(np.zeros(len(design.names))).bounds[0] = 1
