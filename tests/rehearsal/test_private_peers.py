"""The flaws of other people's differential privacy, tried on a real coalition: votes, log, restarts, members, sums."""

from fractions import Fraction

import numpy as np
import pytest
from liar import DAY, Liar, approve

from hansa.coalition import audit_log, derive_account
from hansa.errors import Refused
from hansa.governance import Budget, InvalidDocument, parse_plan
from hansa.learning import PrivateLogistic
from hansa.node import load_rows
from hansa.privacy import Meter, sample_gaussian
from hansa.rehearsal import Silent, Stage, conduct_run
from hansa.rehearsal.play import open_proposal, vote_all
from hansa.secagg import Contributor
from hansa.store import read_tree

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay")
BUDGET = Budget(epsilon="10", delta="0.00001")


@pytest.fixture
def document(cast):
    document = cast.plan.to_json()
    document["privacy"] = {"noise": "discrete-gaussian", "epsilon": "8", "delta": "0.00001", "unit": "row"}
    document["split"] = {"kind": "rows", "seed": 0, "test": "3/10"}
    document["bars"] = [{"metric": "auc_pooled_together", "at_least": "0.10"}]
    document["recipe"]["parameters"] |= {"steps": 2}
    return document


@pytest.fixture
def plan(document):
    return parse_plan(document)


@pytest.fixture
def six(found):
    """Six members of whom two may collude and one may vanish, with a budget for one run."""
    with found(NAMES, colluding=Fraction(1, 3), dropouts=Fraction(1, 5), budget=BUDGET) as stage:
        yield stage


def test_an_account_is_the_same_after_a_restart_and_for_everybody(six, plan):
    """NVFlare's accountant begins again at every job; here nobody keeps it, it follows from the record."""
    number = approve(six, plan)
    six.actor("bob").trainer.receive = lambda _: b"?"
    six.actor("cyd").trainer.receive = lambda _: b"?"
    with pytest.raises(Refused):  # four are too few; what this attempt has asked stays charged
        conduct_run(six, number, "ada", Silent())
    charged = {name: derive_account(six.state, name) for name in NAMES}
    assert {account.spent for account in charged.values()} == {plan.privacy.rho}
    folder = six.folder
    six.close()
    with Stage.open(folder) as again:
        again.settle()
        tree = read_tree(again.log)
        audited = audit_log(tree.leaves, tree.note_text, coalition=again.state.coalition).state
        for state in (again.state, audited, *(again.actor(name).follower.state for name in NAMES)):
            assert {name: derive_account(state, name) for name in NAMES} == charged
        # The same run again: refused by the record before anything is asked, though its permit still stands.
        with pytest.raises(Refused) as caught:
            conduct_run(again, number, "ada", Silent())
        assert caught.value.rule == "permit.budget"
        assert len(again.state.attempts(again.state.proposal(number).id)) == 1


def test_what_is_found_is_not_dropped_but_refuses_the_next_run(six, plan, document):
    """FedML works out an epsilon and lets go of it. Another recipe's parameters, another purpose: the same rows."""
    conduct_run(six, approve(six, plan), "ada", Silent())
    other = parse_plan(
        document
        | {
            "purpose": "Something else.",
            "features": document["features"][:1],
            "privacy": document["privacy"] | {"epsilon": "7"},
        }
    )
    with pytest.raises(Refused) as caught:
        approve(six, other)
    assert caught.value.rule == "run.budget"
    assert [reason.split(" ", 1)[0] for reason in caught.value.reasons] == [f"`{name}`" for name in NAMES]


def test_one_member_that_wants_less_stops_the_run_for_all(found, plan):
    """Fed-BioMed's members have asked for a budget of their own since 2022."""
    own = Budget(epsilon="2", delta="0.00001")
    with found(NAMES, budget=BUDGET, budgets={"eve": own}) as stage:
        assert stage.state.members["eve"].member.budget == own
        with pytest.raises(Refused) as caught:
            approve(stage, plan)
        assert caught.value.rule == "run.budget"
        assert [reason.split(" ", 1)[0] for reason in caught.value.reasons] == ["`eve`"]


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_every_member_refuses_at_whatever_question_its_budget_no_longer_bears_the_run(
    six, plan, document, asked
):
    """The coordinator's word is not needed: each member's own fold says so, before it answers the next question."""
    liar_number = approve(six, plan)
    tighter = six.state.charter.to_json()
    tighter |= {
        "version": 2,
        "privacy": tighter["privacy"] | {"budget": {"epsilon": "2", "delta": "0.00001"}},
    }
    amendment = open_proposal(six, "ada", "Less", "", {"effect": "amend", "charter": tighter})
    vote_all(six, amendment, {})
    liar = Liar(six, liar_number)
    for _ in range(asked):
        liar.play_round()
    six.forward(3 * DAY)
    six.forward(DAY)
    assert six.state.charter.privacy.budget.epsilon == "2"
    for name in NAMES:
        assert liar.ask(name).fields["rule"] == "permit.budget"
    fields = {"proposal": liar.run.proposal, "plan": plan.digest, "recipe": plan.recipe.digest}
    assert liar.send("ada", "begin", **fields).fields["rule"] == "permit.budget"


def test_every_question_is_priced_and_all_of_them_cost_what_the_plan_says(six, plan, monkeypatch):
    """The survey of categories, the curvature, each step and the evaluation: none is on the side."""
    asked, charge = {}, Meter.charge

    def note(self, name, noise):
        asked[name] = noise
        charge(self, name, noise)

    monkeypatch.setattr(Meter, "charge", note)
    ran = conduct_run(six, approve(six, plan), "ada", Silent())
    assert [*asked] == ["census", "gram", "step 1", "step 2", "scores"]
    assert ran.conducted.result.turns == len(asked)
    for part in ("train", "test"):
        cost = sum(noise.rho for noise in asked.values() if noise.part == part)
        assert cost == plan.privacy.rho


def test_a_recipe_that_asks_one_question_more_is_refused(six, plan, monkeypatch):
    ask, census = PrivateLogistic.ask, []

    def curious(self, state):
        question = ask(self, state)
        if getattr(question, "name", "") == "census":
            census.append(question)
        return census[0] if getattr(question, "name", "") == "scores" else question

    monkeypatch.setattr(PrivateLogistic, "ask", curious)
    with pytest.raises(Refused, match=r"privacy\.budget: `census` would bring what the train rows have paid"):
        conduct_run(six, approve(six, plan), "ada", Silent())


def test_what_leaves_a_member_has_its_own_noise_before_any_mask(six, plan, monkeypatch):
    """Flower's server adds the noise: until then it holds the answers. Here no vector without noise meets the door."""
    contribute, sent, drawn = Contributor.contribute, [], []

    def note(self, vector):
        sent.append(vector.copy())
        contribute(self, vector)

    def sample(deviation, count):
        drawn.append(sample_gaussian(deviation, count))
        return drawn[-1]

    monkeypatch.setattr(Contributor, "contribute", note)
    liar = Liar(six, approve(six, plan))
    question, quantiser = liar.derivation.question, liar.derivation.quantiser
    six.actor("dan").trainer._sample = sample
    liar.ask("dan")
    clear = liar.derivation._recipe.answer(question, load_rows(six.actor("dan").data, plan, "dan"))
    (vector,) = sent
    assert vector.dtype == np.int64
    noise = vector - quantiser.encode(clear)
    assert (noise != 0).all()  # a share is hundreds of integers wide at the least
    scale = question.noise.deviation / np.sqrt(5 - 2) * 2.0 ** quantiser.bits.astype(float)
    assert np.abs(noise / scale).max() < 8
    assert sorted(noise.tolist()) == sorted(np.concatenate(drawn).tolist())


def test_where_nobody_is_assumed_to_collude_a_member_still_cannot_take_enough_noise_off(found, plan):
    """It reads every total, and knows its own share; noise for the hub's eyes alone would be too little for its own."""
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(1, 3), budget=BUDGET) as stage:
        liar = Liar(stage, approve(stage, plan))
        question, bits = liar.derivation.question, liar.derivation.quantiser.bits
        deviations = set()

        def sample(deviation, count):
            deviations.add(deviation)
            return sample_gaussian(deviation, count)

        stage.actor("dan").trainer._sample = sample
        assert liar.ask("dan").word == "sum"
    required = liar.derivation.minimum_cohort
    assert required == 4
    (wide, deviation) = (2.0 ** int(bits.max()), max(deviations))
    left = (required - 1) * (deviation / wide) ** 2
    assert left >= question.noise.deviation**2
    assert left == pytest.approx(question.noise.deviation**2, rel=1e-3)


def test_an_answer_beyond_what_its_clipping_allows_does_not_leave(six, plan, monkeypatch):
    """Local noise without a bound on what it hides protects nothing."""
    answer = PrivateLogistic.answer
    monkeypatch.setattr(
        PrivateLogistic, "answer", lambda self, question, rows: answer(self, question, rows) * 1e6
    )
    liar = Liar(six, approve(six, plan))
    assert {liar.ask(name).fields["rule"] for name in NAMES} == {"secagg.range"}


@pytest.mark.parametrize("epsilon", ["70333", "100.1", "0", "-1", "inf"])
def test_an_epsilon_that_says_nothing_is_refused_in_a_plan_and_in_a_charter(six, document, epsilon):
    """A stock filter was measured at an epsilon of 70,333 a round."""
    document["privacy"] |= {"epsilon": epsilon}
    with pytest.raises(InvalidDocument):
        parse_plan(document)
    charter = six.state.charter.to_json()
    charter |= {
        "version": 2,
        "privacy": charter["privacy"] | {"budget": {"epsilon": epsilon, "delta": "0.00001"}},
    }
    with pytest.raises(InvalidDocument):
        open_proposal(six, "ada", "More", "", {"effect": "amend", "charter": charter})


@pytest.mark.parametrize("noise", ["svt", "percentile", "laplace", "gaussian"])
def test_what_only_looks_like_a_guarantee_has_no_name_here(document, noise):
    """NVFlare's percentile filter is a heuristic, and its sparse-vector filter all but free of noise."""
    document["privacy"] |= {"noise": noise}
    with pytest.raises(InvalidDocument):
        parse_plan(document)
