import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from hansa.learning import Rows
from hansa.learning.design import encode_table
from hansa.learning.model import Model
from hansa.learning.personal import fit_alone, score_rows


@pytest.fixture(scope="module")
def joint(schema, draw):
    return fit_alone(schema, draw(21, (300,))[0], 1.0)


def test_alone_is_scikit_learns_fit_to_the_members_own_rows(schema, draw):
    rows = draw(22, (150,))[0]
    model = fit_alone(schema, rows, 2.0)
    columns = encode_table(model.design, rows.train).spell_out()[:, 1:]
    own = LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-12).fit(columns, rows.train.labels)
    np.testing.assert_allclose(model.coefficients, [*own.intercept_, *own.coef_[0]], atol=1e-7)


@pytest.mark.parametrize(("label", "logit"), [(0, np.log(0.5 / 30.5)), (1, np.log(30.5 / 0.5))])
def test_a_member_with_one_label_gives_every_row_the_same_rate(schema, draw_one, label, logit):
    table = draw_one(np.random.default_rng(0), 30, positive=label)
    model = fit_alone(schema, Rows("a", table, table), 1.0)
    np.testing.assert_allclose(model.predict(table), logit)


def test_a_member_without_rows_still_scores(schema, draw_one, joint):
    table = draw_one(np.random.default_rng(0), 30)
    nothing = table.take(np.zeros(30, bool))
    scores = score_rows(joint, Rows("a", nothing, table), 1.0, 10.0)
    assert (scores.alone == 0).all()
    assert (scores.corrected == scores.together).all()
    assert score_rows(joint, Rows("b", table, nothing), 1.0, 10.0).alone.shape == (0,)


def test_the_correction_minimises_its_penalised_loss(joint, draw):
    rows = draw(23, (80,), shifts=(1.5,))[0]
    train, test = (encode_table(joint.design, part).spell_out() for part in (rows.train, rows.test))
    base, sign = train @ joint.coefficients, 2.0 * rows.train.labels - 1

    def objective(shift):
        loss = np.logaddexp(0, -sign * (base + train @ shift)).sum()
        return loss + 2.0 * shift[1:] @ shift[1:] + 0.05 * shift[0] ** 2

    best = minimize(objective, np.zeros(train.shape[1]), method="BFGS", options={"gtol": 1e-4})
    scores = score_rows(joint, rows, 1.0, 4.0)
    np.testing.assert_allclose(scores.corrected - scores.together, test @ best.x, atol=1e-3)


def test_the_stronger_the_pull_the_nearer_to_the_joint_model(joint, draw):
    rows = draw(24, (90,), shifts=(0.0,))[0]
    moved = []
    for strength in (1.0, 100.0, 1e8):
        scores = score_rows(joint, rows, 1.0, strength)
        moved.append(float(np.std(scores.corrected - scores.together)))
    assert moved[0] > moved[1] > moved[2]
    assert moved[2] < 1e-6


def test_a_members_own_intercept_is_part_of_together(joint, draw):
    rows = draw(25, (90,), shifts=(2.0,))[0]
    plain = score_rows(joint, rows, 1.0, 10.0)
    own = score_rows(Model(joint.design, joint.coefficients, 1.0), rows, 1.0, 10.0)
    shift = own.together - plain.together
    assert np.ptp(shift) < 1e-12
    assert shift[0] > 0.5


def test_scores_are_worked_out_once(joint, draw):
    rows = draw(26, (40,))[0]
    first = score_rows(joint, rows, 1.0, 10.0)
    assert score_rows(joint, rows, 1.0, 10.0) is first
    assert score_rows(joint, rows, 1.0, 11.0) is not first
