"""A hundred members on a stage, every one with a fold, a vote and a trainer of its own."""

from fractions import Fraction

import numpy as np
import pytest
from liar import approve, vanish
from sklearn.linear_model import LogisticRegression

from hansa.coalition import audit_log
from hansa.learning import parse_model
from hansa.learning.design import encode_table
from hansa.node import load_rows
from hansa.rehearsal import Silent, conduct_run
from hansa.secagg import Kind
from hansa.store import read_tree

NAMES = tuple(f"member-{number:03}" for number in range(100))


@pytest.mark.slow
def test_a_hundred_members_of_whom_some_vanish_complete_a_run_that_an_auditor_accepts(found, cast):
    with found(NAMES, rows=20, colluding=Fraction(1, 5), dropouts=Fraction(1, 10)) as stage:
        number = approve(stage, cast.plan, lead=NAMES[0])
        for name, round_number, when in (
            (NAMES[3], 0, "begin"),
            (NAMES[30], 1, Kind.ROSTER),
            (NAMES[10], 2, Kind.DELIVERY),
            (NAMES[20], 3, Kind.SURVIVORS),
            (NAMES[99], 3, Kind.CONSENTS),
        ):
            vanish(stage, name, round_number, when)
        ran = conduct_run(stage, number, NAMES[0], Silent())
        assert ran.run.sharing == (100, 20, 39, 58, 90)
        assert ran.run.status == "completed"
        assert ran.run.dropped == {NAMES[3]: 1, NAMES[10]: 2, NAMES[20]: 4, NAMES[30]: 1, NAMES[99]: 4}
        left = tuple(name for name in NAMES if name not in ran.run.dropped)
        assert (*ran.run.seals,) == left
        tree = read_tree(stage.log)
        audit = audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)
        assert audit.is_final
        assert audit.state.runs[ran.run.id] == ran.run
        result = ran.conducted.result
        assert result.members["fit"] == left
        design = parse_model(result.document).design
        rows = [load_rows(stage.actor(name).data, cast.plan, name).train for name in left]
    columns = np.vstack([encode_table(design, part).spell_out()[:, 1:] for part in rows])
    fit = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=200)
    fit.fit(columns, np.concatenate([part.labels for part in rows]))
    expected = np.concatenate([fit.intercept_, fit.coef_[0]])
    np.testing.assert_allclose([value for _, value in result.coefficients], expected, atol=1e-6)
