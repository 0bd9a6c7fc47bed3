"""A cohort too large for everybody to mask with everybody, with real trainers and a real coordinator."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from crowd import Crowd
from liar import kind_of
from sklearn.linear_model import LogisticRegression

from hansa.coalition import audit_log
from hansa.engine import Frame, parse_frame
from hansa.errors import Refused, Unavailable
from hansa.learning import NumberFeature, Schema, StratifiedSplit, Table, divide_rows, parse_model
from hansa.learning.design import encode_table
from hansa.secagg import Kind
from hansa.secagg.message import parse_roster

SCHEMA = Schema((NumberFeature("x", 0.0, 1.0, missing=False),))
NAMES = tuple(f"member-{number:02}" for number in range(65))


def rows_of(name, number):
    random = np.random.default_rng(number)
    x = random.random(30)
    labels = (random.random(30) < x).astype(np.int8)
    return divide_rows(Table(SCHEMA, {"x": x}, {}, labels), StratifiedSplit(0, Fraction(3, 10)), name)


@pytest.fixture
def crowd(tmp_path):
    """65 members, of whom 4 may collude and 3 vanish: 16 neighbours each."""
    rows = {name: rows_of(name, number) for number, name in enumerate(NAMES)}
    crowd = Crowd(tmp_path, rows, colluding="1/20", dropouts="1/20")
    yield crowd
    crowd.store.close()


def vanish(crowd, name, round_number, kind):
    """Let a member vanish for good when a message of a round arrives."""
    receive, gone = crowd.trainers[name].receive, []

    def listen(message):
        frame = parse_frame(message)
        if gone or (frame.fields.get("round", 0) == round_number and kind in {frame.word, kind_of(frame)}):
            gone.append(name)
            raise Unavailable("the line is dead")
        return receive(message)

    crowd.trainers[name].receive = listen


def pooled(result, rows):
    """Scikit-learn's fit to all rows in one place, on the same columns."""
    design = parse_model(result.document).design
    columns = np.vstack([encode_table(design, part.train).spell_out()[:, 1:] for part in rows])
    labels = np.concatenate([part.train.labels for part in rows])
    fit = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-13, max_iter=200)
    fit.fit(columns, labels)
    return np.concatenate([fit.intercept_, fit.coef_[0]])


def test_members_vanish_from_a_sparse_cohort_and_the_rest_have_the_fit_of_their_rows(crowd):
    assert crowd.run.sharing == (65, 4, 11, 16, 62, 4)
    vanish(crowd, NAMES[9], 0, "begin")
    vanish(crowd, NAMES[20], 1, Kind.DELIVERY)
    vanish(crowd, NAMES[64], 2, Kind.SURVIVORS)
    conducted = crowd.conduct()
    assert conducted.dropped == {NAMES[9]: 1, NAMES[20]: 1, NAMES[64]: 3}
    left = [name for name in NAMES if name not in conducted.dropped]
    assert conducted.result.members["fit"] == tuple(left)
    found = [value for _, value in conducted.result.coefficients]
    np.testing.assert_allclose(
        found, pooled(conducted.result, [crowd.rows[name] for name in left]), atol=1e-6
    )
    note = crowd.close(conducted)
    audit = audit_log(tuple(crowd.store.leaves()), note, coalition=crowd.state.coalition)
    run = audit.state.runs[crowd.run.id]
    assert (run.status, run.survivors, dict(run.dropped)) == ("completed", tuple(left), conducted.dropped)
    assert {*run.seals} == {*left}


def test_one_more_than_may_vanish_ends_the_attempt_and_says_how_many_must_stay(crowd):
    for name in NAMES[10:14]:
        vanish(crowd, name, 1, Kind.ROSTER)
    with pytest.raises(Refused) as caught:
        crowd.conduct()
    assert caught.value.reasons == (
        *(f"`{name}` did not answer" for name in NAMES[10:14]),
        "61 members are left, and at least 62 must be; begin again when the others can take part",
    )


def test_a_hub_that_draws_the_graph_from_its_own_seed_is_refused_by_everybody(crowd, monkeypatch):
    monkeypatch.setattr("hansa.hub.rounds.derive_graph", lambda run, root: bytes(32))
    with pytest.raises(Refused) as caught:
        crowd.conduct()
    # What members advertise is of the session with the log's graph, and fits no other.
    whys = {reason.split("` ", 1)[1] for reason in caught.value.reasons[:65]}
    assert whys == {"sent a wrong message of the secure sum (secagg.session)"}


def test_a_hub_that_shows_a_member_other_neighbours_than_the_graphs_loses_it(crowd):
    everybody = {}

    class Swapping:
        """Shows one member a stranger in the place of a neighbour."""

        def __init__(self, engine):
            self.engine = engine

        def turn(self, messages):
            first = {name: parse_frame(message) for name, message in messages.items()}
            if kind_of(first.get(NAMES[5], Frame("stop"))) is Kind.ROSTER and not everybody:
                for frame in first.values():
                    everybody.update({a.sender: a for a in parse_roster(frame.body).adverts})
                roster = parse_roster(first[NAMES[5]].body)
                near = {advert.sender for advert in roster.adverts}
                assert 14 <= len(near) <= 17  # three have vanished, neighbours or not
                stranger = min({*everybody} - near)
                gone = max(near - {5})
                chosen = sorted((near - {gone}) | {stranger})
                false = replace(roster, adverts=tuple(everybody[sender] for sender in chosen))
                messages = messages | {
                    NAMES[5]: Frame("sum", first[NAMES[5]].fields, false.encode()).encode()
                }
            return self.engine.turn(messages)

        def tell(self, messages):
            self.engine.tell(messages)

    # Three more vanish, so that the one that refuses ends the attempt and is named.
    for name in NAMES[10:13]:
        vanish(crowd, name, 0, "begin")
    with pytest.raises(Refused) as caught:
        crowd.conduct(Swapping)
    assert f"`{NAMES[5]}` refused: secagg.cohort" in caught.value.reasons
