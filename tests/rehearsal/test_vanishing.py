"""Members vanish in a real run: it goes on without them while enough are left, and says so on the record."""

from fractions import Fraction

import pytest
from liar import Liar, approve, vanish

from hansa.coalition import Leave, audit_log
from hansa.errors import Refused
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.gathering import gather_result
from hansa.secagg import Kind
from hansa.store import read_tree

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")


@pytest.fixture
def seven(found):
    """Seven members of whom nobody colludes and three may vanish."""
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(3, 7)) as stage:
        yield stage


@pytest.fixture
def plan(cast):
    return cast.plan


class Hearing(Silent):
    """A narrator that keeps what it was told."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def doubt(self, sentence):
        self.heard.append(sentence)

    say = doubt


def replay(stage, run):
    """Return what an auditor finds about a run who has the published log and nothing else."""
    tree = read_tree(stage.log)
    audit = audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)
    assert audit.is_final
    return audit.state.runs[run.id]


def test_members_vanish_before_during_and_after_sending_and_the_record_names_them(seven, plan):
    vanish(seven, "bob", 0, "begin")
    vanish(seven, "dan", 2, Kind.DELIVERY)  # before its numbers leave
    vanish(seven, "fay", 3, Kind.SURVIVORS)  # after they left
    heard = Hearing()
    number = approve(seven, plan)
    ran = conduct_run(seven, number, "ada", heard)
    assert ran.run.status == "completed"
    assert ran.run.dropped == {"bob": 1, "dan": 2, "fay": 4}
    assert set(ran.run.seals) == {"ada", "cyd", "eve", "gus"} == set(ran.private)
    members = ran.conducted.result.members
    assert members["survey"] == ("ada", "cyd", "dan", "eve", "fay", "gus")
    assert members["fit"] == members["evaluation"] == ("ada", "cyd", "eve", "gus")
    assert replay(seven, ran.run) == seven.state.runs[ran.run.id]
    for line in ("round 1: `bob`", "round 2: `dan`", "round 3: `fay`"):
        assert any(line in sentence for sentence in heard.heard), heard.heard
    assert "4 of 7 sealed the same transcript" in heard.heard[-1]
    result = gather_result(seven, number, ran, [])
    assert result["lost"] == {"Bob": 1, "Dan": 2, "Fay": 4}
    assert [member["member"] for member in result["members"]] == ["ada", "cyd", "eve", "gus"]


@pytest.mark.parametrize("word", ["end", "seal"])
def test_a_member_that_vanishes_at_the_end_has_given_all_its_numbers(seven, plan, word):
    number = approve(seven, plan)
    trainer = seven.actor("gus").trainer
    receive = trainer.receive
    words = []

    def listen(message):
        answer = receive(message)
        words.append(message)
        return b"?" if f'"word":"{word}"'.encode() in message else answer

    trainer.receive = listen
    if word == "seal":  # who agreed and does not seal cannot be left out any more
        with pytest.raises(Refused, match="`gus` agreed to the result"):
            conduct_run(seven, number, "ada", Silent())
        return
    ran = conduct_run(seven, number, "ada", Silent())
    assert ran.run.dropped == {"gus": ran.conducted.result.turns + 1}
    assert "gus" in ran.conducted.result.members["evaluation"]
    assert "gus" not in ran.private
    assert replay(seven, ran.run).dropped == ran.run.dropped


def test_too_few_left_fail_closed_and_all_of_the_same_members_may_try_again(seven, plan):
    number = approve(seven, plan)
    healthy = {name: seven.actor(name).trainer.receive for name in NAMES}
    for name in ("bob", "cyd", "dan", "eve"):
        vanish(seven, name, 2, Kind.ROSTER)
    with pytest.raises(Refused) as caught:
        conduct_run(seven, number, "ada", Silent())
    assert caught.value.reasons == (
        "`bob` did not answer",
        "`cyd` did not answer",
        "`dan` did not answer",
        "`eve` did not answer",
        "3 members are left, and at least 4 must be; begin again when the others can take part",
    )
    (failed,) = seven.state.attempts(seven.state.proposal(number).id)
    assert (failed.status, dict(failed.dropped)) == ("failed", {})
    for name, receive in healthy.items():
        seven.actor(name).trainer.receive = receive
    ran = conduct_run(seven, number, "ada", Silent())
    assert (ran.run.attempt, dict(ran.run.dropped)) == (2, {})


def test_a_second_attempt_cannot_be_subtracted_from_the_first(seven, plan):
    """The first attempt summed seven surveys and failed later; six would tell the seventh's."""
    number = approve(seven, plan)
    healthy = {name: seven.actor(name).trainer.receive for name in NAMES}
    for name in ("bob", "cyd", "dan", "eve"):
        vanish(seven, name, 2, Kind.ROSTER)
    with pytest.raises(Refused):
        conduct_run(seven, number, "ada", Silent())
    for name, receive in healthy.items():
        seven.actor(name).trainer.receive = receive
    vanish(seven, "gus", 0, "begin")
    with pytest.raises(Refused) as caught:
        conduct_run(seven, number, "ada", Silent())
    assert "`ada` refused: run.differencing" in str(caught.value)
    problem = str(seven.actor("ada").trainer.problem)
    assert "the numbers of `gus`" in problem
    assert "ask again over the same members as before, or propose a plan with noise" in problem
    # The way out: the same members as before.
    seven.actor("gus").trainer.receive = healthy["gus"]
    assert conduct_run(seven, number, "ada", Silent()).run.attempt == 3


def test_a_member_that_comes_back_is_not_added_to_a_survey_that_was_made_without_it(seven, plan):
    number = approve(seven, plan)
    healthy = {name: seven.actor(name).trainer.receive for name in NAMES}
    vanish(seven, "gus", 0, "begin")
    for name in ("bob", "cyd", "dan"):
        vanish(seven, name, 2, Kind.ROSTER)
    with pytest.raises(Refused):
        conduct_run(seven, number, "ada", Silent())
    for name, receive in healthy.items():
        seven.actor(name).trainer.receive = receive
    with pytest.raises(Refused) as caught:
        conduct_run(seven, number, "ada", Silent())
    assert "run.differencing" in str(caught.value)
    vanish(seven, "gus", 0, "begin")
    assert conduct_run(seven, number, "ada", Silent()).run.dropped == {"gus": 1}


def test_where_the_charter_allows_differencing_a_smaller_cohort_may_answer_again(found, plan):
    with found(NAMES[:5], differencing="allowed") as stage:
        number = approve(stage, plan)
        Liar(stage, number).play_round()
        stage.say("dan", Leave(reason=""))
        stage.settle()
        ran = conduct_run(stage, number, "ada", Silent())
        assert ran.run.cohort == ("ada", "bob", "cyd", "eve")


def test_hub_and_members_draw_the_graph_from_the_log_before_the_run(seven, plan):
    liar = Liar(seven, approve(seven, plan))
    size = liar.run.number
    roots = {seven.actor(name).follower.root_at(size) for name in NAMES}
    assert roots == {seven.sequencer.root_at(size)}
    assert seven.sequencer.root_at(size - 1) not in roots
    for party in (seven.sequencer, seven.actor("ada").follower):
        with pytest.raises(ValueError, match="entries"):
            party.root_at(seven.state.size + 1)
