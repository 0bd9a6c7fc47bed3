import re

import pytest
from liar import approve, conduct_with

from hansa.coalition import Ballot, Brake, Leave, Tick, audit_log, parse_entry
from hansa.engine import Frame, parse_frame
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import parse_charter
from hansa.rehearsal import Founder, Silent, Stage, conduct_run, play
from hansa.rehearsal.play import open_proposal
from hansa.rehearsal.stage import verify_founding_fits
from hansa.store import LogStore, read_tree
from hansa.transparency import canonical, parse_leaf

DAY = 86_400


class Doubting(Silent):
    """A narrator that keeps what it was told to doubt."""

    def __init__(self):
        super().__init__()
        self.doubts = []

    def doubt(self, text):
        self.doubts.append(text)


def audit(stage):
    tree = read_tree(stage.log)
    return audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)


def test_the_whole_chain_plays_and_anyone_can_verify_it(tmp_path, cast):
    played = play(tmp_path / "played", cast, Silent())
    assert played.report.is_file()
    assert [d["outcome"] for d in played.result["decisions"]] == ["in_effect", "in_effect"]
    assert played.result["joint"]["bars"][0]["met"]
    tree = read_tree(played.log)
    checked = audit_log(tree.leaves, tree.note_text)
    assert checked.is_final
    assert checked.kinds["run_seal"] == 5


def test_every_member_reaches_the_hubs_state_alone(stage, cast):
    approve(stage, cast.plan)
    assert {actor.follower.state.digest for actor in stage.active} == {stage.state.digest}


def test_a_stage_is_opened_again_where_it_was(stage, cast, tmp_path):
    number = approve(stage, cast.plan)
    before = stage.state.digest
    stage.close()
    with Stage.open(tmp_path / "coalition") as again:
        assert again.state.digest == before
        ran = conduct_run(again, number, "ada", Silent())
        assert ran.run.status == "completed"
        assert audit(again).is_final


def test_a_folder_in_use_or_not_a_coalition_is_said_to_be_so(stage, tmp_path, cast):
    with pytest.raises(Unavailable):
        Stage.open(tmp_path / "coalition")
    with pytest.raises(Unavailable):
        Stage.open(tmp_path)
    with pytest.raises(Refused) as caught:
        Stage.found(tmp_path / "coalition", cast.charter, cast.founders, "ada")
    assert caught.value.rule == "stage.exists"


def test_a_founding_that_is_refused_leaves_nothing_behind(tmp_path, cast):
    with pytest.raises(Refused) as caught:
        Stage.found(tmp_path / "new", cast.charter, cast.founders[:1], "ada")
    assert caught.value.rule == "found.members"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there_before", [True, False])
def test_a_founding_that_is_interrupted_at_its_end_leaves_nothing_behind(
    tmp_path, cast, monkeypatch, there_before
):
    def interrupt(_):
        raise KeyboardInterrupt

    folder = tmp_path / "new"
    if there_before:
        folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Stage, "settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Stage.found(folder, cast.charter, cast.founders, "ada")
    assert folder.exists() == there_before
    Stage.found(folder, cast.charter, cast.founders, "ada").close()


def test_a_founding_in_a_linked_folder_that_is_refused_leaves_the_link_and_the_empty_folder(tmp_path, cast):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(Refused):
        Stage.found(tmp_path / "link", cast.charter, cast.founders[:1], "ada")
    assert list((tmp_path / "link").iterdir()) == []


def test_a_half_founded_coalition_is_said_to_be_one(stage, tmp_path):
    stage.close()
    (tmp_path / "coalition" / "stage.json").unlink()
    with pytest.raises(Unavailable, match=r"founding .* was interrupted; remove the folder"):
        Stage.open(tmp_path / "coalition")


def test_a_coalition_whose_log_holds_nothing_is_half_founded(stage, tmp_path):
    stage.close()
    path = tmp_path / "coalition" / "hub" / "log.sqlite"
    path.unlink()
    LogStore.create(path).close()
    with pytest.raises(Unavailable, match="was interrupted"):
        Stage.open(tmp_path / "coalition")
    LogStore.open(path).close()  # nobody holds it


def test_too_many_founders_are_refused_before_anything_is_made_and_told_how_many_fit(tmp_path, cast):
    many = [Founder(f"bank-{n}", f"Bank {n}", "bank", "NL", 1, None) for n in range(400)]
    with pytest.raises(Refused) as caught:
        Stage.found(tmp_path / "new", cast.charter, many, "bank-0")
    assert caught.value.rule == "found.size"
    assert not (tmp_path / "new").exists()
    fit = int(re.search(r"about (\d+) fit", str(caught.value))[1])
    verify_founding_fits(cast.charter, many[: fit - 3])
    with pytest.raises(Refused):
        verify_founding_fits(cast.charter, many[: fit + 4])


def test_hub_and_node_each_refuse_a_run_that_was_not_approved(stage, cast):
    number = open_proposal(stage, "ada", "A run", "", {"effect": "run", "plan": cast.plan.to_json()})
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert caught.value.rule == "permit.not-passed"
    with pytest.raises(Refused) as caught:
        conduct_run(stage, 0, "ada", Silent())
    assert caught.value.rule == "permit.unknown-proposal"


def test_a_brake_in_the_middle_stops_the_run_at_the_next_round_and_is_on_the_record(stage, cast):
    number = approve(stage, cast.plan)
    proposal = stage.state.proposal(number)

    class BrakeAtRoundThree(Silent):
        def step(self, text):
            if text.startswith("round 3"):
                stage.say("dan", Brake(proposal=proposal.id, reason="stop"))
                stage.settle()

    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", BrakeAtRoundThree())
    assert "permit.braked" in str(caught.value)
    (run,) = stage.state.attempts(proposal.id)
    assert run.status == "failed"
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert caught.value.rule == "permit.braked"
    stage.forward(3 * DAY)
    assert conduct_run(stage, number, "ada", Silent()).run.attempt == 2


def test_a_run_that_most_have_braked_is_said_to_be_stopped_for_good(stage, cast):
    number = approve(stage, cast.plan)
    proposal = stage.state.proposal(number)
    for member in ("bob", "cyd", "dan"):
        stage.say(member, Brake(proposal=proposal.id, reason="stop"))
    stage.settle()
    with pytest.raises(Refused, match="stopped for good") as caught:
        conduct_run(stage, number, "ada", Silent())
    assert caught.value.rule == "permit.braked"


def test_a_member_that_leaves_is_not_used_from_the_next_round_on(stage, cast):
    number = approve(stage, cast.plan)

    class LeaveAtRoundThree(Silent):
        def step(self, text):
            if text.startswith("round 3"):
                stage.say("dan", Leave(reason=""))
                stage.settle()

    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", LeaveAtRoundThree())
    assert "permit.expelled" in str(caught.value)
    # Two rounds had their totals: the same ones without the leaver would show what it gave.
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert caught.value.rule == "permit.differencing"
    assert "differs by `dan` only" in str(caught.value)


def test_where_the_charter_allows_it_a_run_goes_on_without_who_left(tmp_path, cast):
    charter = cast.charter.to_json()
    charter |= {"privacy": charter["privacy"] | {"differencing": "allowed"}}
    with Stage.found(tmp_path / "open", parse_charter(charter), cast.founders, "ada") as stage:
        number = approve(stage, cast.plan)
        conduct_run(stage, number, "ada", Silent())
        stage.say("dan", Leave(reason=""))
        stage.settle()
        ran = conduct_run(stage, approve(stage, cast.plan), "ada", Silent())
    assert ran.run.cohort == ("ada", "bob", "cyd", "eve")


def test_a_member_whose_data_do_not_meet_the_plan_refuses_before_anything_leaves(stage, cast):
    number = approve(stage, cast.plan)
    data = stage.actor("bob").data
    data.write_text(data.read_text().replace("shop", "Shop", 1))
    heard = Doubting()
    assert conduct_run(stage, number, "ada", heard).run.dropped == {"bob": 1}
    (doubt,) = heard.doubts
    assert "round 1: `bob` refused: data.category" in doubt
    assert "`Shop`" in str(stage.actor("bob").trainer.problem)


def test_no_cell_of_a_members_table_leaves_it_even_in_a_refusal(stage, cast):
    number = approve(stage, cast.plan)
    data = stage.actor("bob").data
    data.write_text(data.read_text().replace("shop", "Jane Doe HIV positive", 1))
    seen = []
    receive = stage.actor("bob").trainer.receive
    stage.actor("bob").trainer.receive = lambda message: seen.append(receive(message)) or seen[-1]
    stage.actor("eve").trainer.receive = lambda message: b"?"  # one member more than may be missing
    with pytest.raises(Refused):
        conduct_run(stage, number, "ada", Silent())
    assert seen
    assert not any(b"Jane" in frame for frame in seen)
    assert not any(
        b"Jane" in canonical.parse(leaf)["entry"]["payload"].encode() for leaf in stage.sequencer.leaves()
    )
    (run,) = stage.state.attempts(stage.state.proposal(number).id)
    last = parse_entry(parse_leaf(stage.sequencer.leaves()[-1]).envelope)
    assert run.status == "failed"
    assert "Jane" not in last.body.reason
    assert "`bob` refused: data.category" in last.body.reason


def test_an_attempt_is_begun_once_at_a_member_restarts_included(stage, cast, tmp_path):
    number = approve(stage, cast.plan)

    def begin_twice(name, message):
        if name == "dan" and parse_frame(message).word == "begin":
            assert parse_frame(stage.actor("dan").trainer.receive(message)).word == "ready"
            stage.actors["dan"].trainer._job = None  # as after a restart
        return message

    _, missed = conduct_with(stage, number, begin_twice)
    assert missed == [(1, "dan", "refused: run.again")]


def test_a_member_answers_no_run_that_too_few_have_cosigned(stage, cast):
    number = approve(stage, cast.plan)
    keep = stage.sequencer.keep
    stage.sequencer.keep = lambda note, cosignatures: keep(note, cosignatures[:2])
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert "witness.not-final" in str(caught.value)


def test_a_contributor_that_names_no_rule_is_not_quoted(stage, cast):
    number = approve(stage, cast.plan)
    stage.actor("dan").trainer.receive = lambda message: Frame("refused", {"rule": "Jane Doe"}).encode()
    stage.actor("eve").trainer.receive = lambda message: Frame("Jane Doe").encode()
    stage.actor("cyd").trainer.receive = lambda message: b"?"
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert "Jane" not in str(caught.value)
    assert caught.value.reasons == (
        "`cyd` sent something else than a frame (frame.length)",
        "`dan` refused: for a reason it does not name",
        "`eve` answered with another word than `ready`",
        "2 members are left, and at least 4 must be; begin again when the others can take part",
    )


def test_another_version_of_the_recipe_is_refused_by_every_node(stage, cast):
    other = cast.plan.model_copy(update={"recipe": cast.plan.recipe.model_copy(update={"digest": "ab" * 32})})
    number = approve(stage, other)
    with pytest.raises(Refused) as caught:
        conduct_run(stage, number, "ada", Silent())
    assert "run.recipe" in str(caught.value)


def test_log_time_only_moves_forward(stage):
    before = stage.state.at
    stage.forward(10 * DAY)
    assert stage.state.at >= before + 10 * DAY
    with pytest.raises(ValueError, match="forward"):
        stage.forward(-1)
    with pytest.raises(Refused) as caught:
        stage.forward(10**12)
    assert caught.value.rule == "stage.clock"
    stage.forward(DAY)


def test_a_coalition_that_everybody_has_left_can_still_be_read(stage):
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        stage.say(name, Leave(reason=""))
    stage.settle()
    stage.forward(DAY)
    assert not stage.state.active_members


def test_a_ballot_is_written_on_the_members_own_fold(stage, cast):
    number = open_proposal(stage, "ada", "A run", "", {"effect": "run", "plan": cast.plan.to_json()})
    proposal = stage.state.proposal(number)
    stage.say("bob", Ballot(proposal=proposal.id, choice="yes", reason=""))
    stage.say("bob", Tick())
    assert stage.state.members["bob"].next_seq == 2


def test_an_audit_counts_only_who_is_a_member_now(stage):
    stage.say("eve", Leave(reason=""))
    stage.settle()
    checked = audit(stage)
    assert checked.cosigned_by == ("ada", "bob", "cyd", "dan")
    assert checked.is_final


def test_an_audit_refuses_another_coalition_and_a_note_without_the_logs_signature(stage):
    tree = read_tree(stage.log)
    with pytest.raises(Refused) as caught:
        audit_log(tree.leaves, tree.note_text, coalition="ab" * 32)
    assert caught.value.rule == "audit.coalition"
    lines = tree.note_text.splitlines(keepends=True)
    headless = "".join(line for line in lines if not line.startswith("— five.example/banks "))
    with pytest.raises(Malformed) as caught:
        audit_log(tree.leaves, headless)
    assert caught.value.rule == "note.unsigned"
    with pytest.raises(Malformed) as caught:
        audit_log(tree.leaves, tree.note_text.replace("five.example/banks/eve", "five.example/banks/eva"))
    assert caught.value.rule == "note.unknown-signer"


def test_an_audit_refuses_a_checkpoint_over_fewer_entries(stage):
    tree = read_tree(stage.log)
    stage.say("ada", Tick())
    stage.settle()
    longer = read_tree(stage.log)
    with pytest.raises(Malformed) as caught:
        audit_log(longer.leaves, tree.note_text)
    assert caught.value.rule == "checkpoint.size"
