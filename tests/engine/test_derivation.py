from fractions import Fraction
from hashlib import sha256

import numpy as np
import pytest

from hansa.engine import Derivation, derive_graph, read_total, write_total
from hansa.errors import Malformed, Refused
from hansa.learning import Logistic, NumberFeature, Parameters, Schema, StratifiedSplit, Table, divide_rows
from hansa.secagg import Party

SCHEMA = Schema((NumberFeature("x", 0.0, 1.0, missing=False),))
NAMES = ("ada", "bob", "cyd")


def rows_of(name, number):
    random = np.random.default_rng(number)
    x = random.random(200)
    labels = (random.random(200) < x).astype(np.int8)
    return divide_rows(Table(SCHEMA, {"x": x}, {}, labels), StratifiedSplit(0, Fraction(3, 10)), name)


@pytest.fixture
def recipe():
    return Logistic(SCHEMA, Parameters(), NAMES)


def derive(recipe, run="ab" * 32):
    cohort = tuple(Party(name, sha256(name.encode()).digest()) for name in NAMES)
    return Derivation(
        recipe,
        run=run,
        coalition="cd" * 32,
        cohort=cohort,
        threshold=3,
        degree=0,
        minimum_cohort=3,
        graph=bytes(32),
    )


def total_of(derivation, recipe, members):
    question = derivation.question
    return write_total(sum(derivation.quantiser.encode(recipe.answer(question, rows)) for rows in members))


def test_two_parties_that_saw_the_same_totals_ask_the_same_and_end_with_the_same_transcript(recipe):
    hub, node = derive(recipe), derive(recipe)
    members = [rows_of(name, number) for number, name in enumerate(NAMES)]
    asked = []
    while hub.question is not None:
        assert node.question_digest == hub.question_digest
        assert node.session.digest == hub.session.digest
        asked.append(hub.question_digest)
        total = total_of(hub, recipe, members)
        hub.learn(total, NAMES)
        node.learn(total, NAMES)
    assert len(set(asked)) == len(asked)
    assert hub.transcript == node.transcript
    assert hub.result.document == node.result.document


def test_another_total_is_refused_or_leads_to_another_question_and_another_transcript(recipe):
    members = [rows_of(name, number) for number, name in enumerate(NAMES)]
    hub = derive(recipe)
    total = total_of(hub, recipe, members)
    hub.learn(total, NAMES)
    questions, refused = set(), set()
    for coordinate in range(len(read_total(total))):
        node = derive(recipe)
        altered = read_total(total) + 2**45 * (np.arange(len(read_total(total))) == coordinate)
        try:
            node.learn(write_total(altered), NAMES)
        except Refused as refusal:
            refused.add(refusal.rule)
            continue
        assert hub.transcript != node.transcript
        questions.add(node.question_digest)
    assert questions - {hub.question_digest}
    assert refused == {"recipe.total"}


def test_another_run_has_another_transcript_and_other_sessions(recipe):
    assert derive(recipe).transcript != derive(recipe, run="00" * 32).transcript
    assert derive(recipe).session.digest != derive(recipe, run="00" * 32).session.digest


def test_a_total_of_another_length_is_refused(recipe):
    with pytest.raises(Malformed) as caught:
        derive(recipe).learn(b"\x00" * 8, NAMES)
    assert caught.value.rule == "run.total"


def test_a_derivation_that_has_its_result_asks_and_learns_no_more(recipe):
    hub = derive(recipe)
    members = [rows_of(name, number) for number, name in enumerate(NAMES)]
    while hub.question is not None:
        hub.learn(total_of(hub, recipe, members), NAMES)
    with pytest.raises(RuntimeError):
        _ = hub.session
    with pytest.raises(RuntimeError):
        hub.learn(b"", NAMES)


def test_totals_keep_their_sign_as_bytes():
    numbers = np.array([0, 1, -1, 2**62, -(2**62)], dtype=np.int64)
    assert read_total(write_total(numbers)).tolist() == numbers.tolist()


def test_other_survivors_of_the_same_total_make_another_transcript_and_another_question():
    class Echo:
        """A recipe that asks the same for ever and looks at nothing."""

        def begin(self):
            return 0

        def ask(self, state):
            return Logistic(SCHEMA, Parameters(), NAMES).ask(Logistic(SCHEMA, Parameters(), NAMES).begin())

        def learn(self, state, total, survivors):
            return state

    parties = [derive_five(Echo()) for _ in range(3)]
    total = bytes(8 * parties[0].question.length)
    for party, survivors in zip(parties, (FIVE, FIVE, FIVE[1:]), strict=True):
        party.learn(total, survivors)
    assert parties[0].transcript == parties[1].transcript != parties[2].transcript
    assert parties[0].session.digest == parties[1].session.digest != parties[2].session.digest
    assert parties[0].question_digest != parties[2].question_digest
    # A question that is asked again in a later round is another one, too.
    before = parties[0].question_digest
    parties[0].learn(total, FIVE)
    assert parties[0].question_digest != before
    assert (dict(parties[0].lost), dict(parties[2].lost)) == ({}, {"ada": 1})
    assert parties[2].cohort == FIVE[1:]
    assert tuple(party.id for party in parties[2].session.cohort) == FIVE


FIVE = ("ada", "bob", "cyd", "dan", "eve")


def derive_five(recipe):
    cohort = tuple(Party(name, sha256(name.encode()).digest()) for name in FIVE)
    return Derivation(
        recipe,
        run="ab" * 32,
        coalition="cd" * 32,
        cohort=cohort,
        threshold=4,
        degree=0,
        minimum_cohort=4,
        graph=bytes(32),
    )


@pytest.mark.parametrize(
    "survivors",
    [
        FIVE[:3],  # too few
        (*FIVE[:4], "zed"),  # a stranger
        FIVE[::-1],
        (*FIVE, "eve"),
        ("ada", "ada", "bob", "cyd"),
        (),
    ],
)
def test_survivors_are_enough_of_the_rounds_cohort_in_order(survivors):
    recipe = Logistic(SCHEMA, Parameters(), FIVE)
    party = derive_five(recipe)
    total = write_total(
        sum(party.quantiser.encode(recipe.answer(party.question, rows_of(name, 0))) for name in FIVE)
    )
    with pytest.raises(Refused) as caught:
        party.learn(total, survivors)
    assert caught.value.rule == "run.survivors"
    assert party.round == 1


def test_who_is_in_no_total_any_more_is_not_let_in_again():
    recipe = Logistic(SCHEMA, Parameters(), FIVE)
    party = derive_five(recipe)
    rows = {name: rows_of(name, number) for number, name in enumerate(FIVE)}

    def total(names):
        return write_total(
            sum(party.quantiser.encode(recipe.answer(party.question, rows[name])) for name in names)
        )

    party.learn(total(FIVE[1:]), FIVE[1:])
    with pytest.raises(Refused) as caught:
        party.learn(total(FIVE), FIVE)
    assert caught.value.rule == "run.survivors"


def test_a_graph_has_a_seed_of_its_own_for_each_run_and_each_log():
    seeds = {derive_graph(run * 32, root) for run in ("ab", "cd") for root in (bytes(32), bytes([1]) * 32)}
    assert len(seeds) == 4


def test_every_round_has_the_whole_cohorts_threshold_degree_and_graph():
    names = [f"member-{number:02}" for number in range(70)]
    rows = {name: rows_of(name, number) for number, name in enumerate(names)}
    recipe = Logistic(SCHEMA, Parameters(), tuple(names))
    party = Derivation(
        recipe,
        run="ab" * 32,
        coalition="cd" * 32,
        cohort=tuple(Party(name, sha256(name.encode()).digest()) for name in names),
        threshold=17,
        degree=28,
        minimum_cohort=63,
        graph=bytes(range(32)),
    )
    left = names[7:]
    total = sum(party.quantiser.encode(recipe.answer(party.question, rows[name])) for name in left)
    first = party.session
    party.learn(write_total(total), left)
    assert party.cohort == tuple(left)
    for session in (first, party.session):
        assert (session.threshold, session.degree, session.graph) == (17, 28, bytes(range(32)))
        assert len(session.cohort) == 70
        assert session.required == 63
