"""Members vanish in a real run: it goes on without them while enough are left, and says so on the record."""

from fractions import Fraction

import pytest
from liar import DAY, Liar, approve, vanish

from hansa.coalition import Leave, audit_log
from hansa.errors import Refused
from hansa.governance import parse_plan
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.gathering import gather_result
from hansa.rehearsal.play import open_proposal, vote_all
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
    assert [(found["member"], found["lost_from"]) for found in result["vanished"]] == [
        ("bob", 1),
        ("dan", 2),
        ("fay", 4),
    ]
    bob, dan, fay = (found["numbers_left"] for found in result["vanished"])
    assert (
        bob == 0 < dan == ran.lengths[0] < fay == sum(ran.lengths[:3]) < result["members"][0]["numbers_left"]
    )
    assert all(found["rows"] for found in result["vanished"])
    seven.actor("bob").data.write_text("no table")
    assert gather_result(seven, number, ran, [])["vanished"][0]["rows"] == 0


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


def fail_without(stage, number, name):
    """Open an attempt that forms a total without a member, and then fails."""
    healthy = {member: actor.trainer.receive for member, actor in stage.actors.items()}
    vanish(stage, name, 0, "begin")
    for other in [member for member in stage.actors if member != name][:2]:
        vanish(stage, other, 2, Kind.ROSTER)
    with pytest.raises(Refused, match="members are left, and at least"):
        conduct_run(stage, number, "ada", Silent())
    for member, receive in healthy.items():
        stage.actor(member).trainer.receive = receive


@pytest.fixture
def reworded(plan):
    """A plan with the same columns in another order: its questions are others, their numbers nearly the same."""
    document = plan.to_json()
    return parse_plan(document | {"features": document["features"][::-1], "name": "Who pays late, again"})


def test_a_run_of_another_plan_cannot_be_subtracted_from_one_with_everybody(stage, plan, reworded):
    assert conduct_run(stage, approve(stage, plan), "ada", Silent()).run.dropped == {}
    number = approve(stage, reworded)
    vanish(stage, "dan", 1, Kind.ROSTER)
    with pytest.raises(Refused, match=r"`ada` refused: run\.differencing"):
        conduct_run(stage, number, "ada", Silent())
    assert "the numbers of `dan`" in str(stage.actor("ada").trainer.problem)


def test_a_run_of_another_plan_cannot_be_subtracted_from_an_attempt_that_lacked_somebody(
    stage, plan, reworded
):
    """Who was lost in an attempt that failed is not on the record, so only the members can know."""
    fail_without(stage, approve(stage, plan), "dan")
    with pytest.raises(Refused, match=r"`ada` refused: run\.differencing"):
        conduct_run(stage, approve(stage, reworded), "ada", Silent())
    assert "the numbers of `dan`" in str(stage.actor("ada").trainer.problem)


def test_totals_that_were_formed_while_the_charter_allowed_it_are_not_forgotten(found, plan, reworded):
    with found(NAMES[:5], differencing="allowed") as stage:
        conduct_run(stage, approve(stage, plan), "ada", Silent())
        charter = stage.state.charter.to_json()
        charter["version"] += 1
        charter["privacy"]["differencing"] = "refused"
        amending = open_proposal(stage, "ada", "Refuse", "", {"effect": "amend", "charter": charter})
        vote_all(stage, amending, {})
        stage.forward(4 * DAY)
        stage.forward(DAY)
        assert stage.state.charter.privacy.differencing == "refused"
        number = approve(stage, reworded)
        vanish(stage, "dan", 1, Kind.ROSTER)
        with pytest.raises(Refused, match=r"`ada` refused: run\.differencing"):
            conduct_run(stage, number, "ada", Silent())


def test_where_the_charter_allows_differencing_a_run_may_lack_somebody_that_an_earlier_one_had(
    found, plan, reworded
):
    with found(NAMES[:5], differencing="allowed") as stage:
        conduct_run(stage, approve(stage, plan), "ada", Silent())
        number = approve(stage, reworded)
        vanish(stage, "dan", 1, Kind.ROSTER)
        assert conduct_run(stage, number, "ada", Silent()).run.dropped == {"dan": 1}


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
