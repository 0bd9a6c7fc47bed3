import pytest

from hansa.coalition import Tick, parse_entry, read_handover
from hansa.errors import Refused
from hansa.rehearsal import Stage
from hansa.rehearsal.succession import draft_succession, sign_succession, succeed
from hansa.transparency import parse_leaf

ADDRESS = "https://second.example:8443"


@pytest.fixture
def folder(tmp_path, cast):
    with Stage.found(tmp_path / "stage", cast.charter, cast.founders, cast.founders[0].id):
        return tmp_path / "stage"


def names_of(stage):
    return [actor.member for actor in stage.active]


def test_another_hub_takes_over_and_everybody_goes_on(folder):
    with Stage.open(folder) as stage:
        first, *others = names_of(stage)
        handover = sign_succession(stage, draft_succession(stage, first, [ADDRESS]), others)
    number = succeed(folder, handover)
    with Stage.open(folder) as stage:
        assert stage.state.tenures[-1].first == number + 1
        assert stage.state.log_key.encode() == read_handover(handover).key
        stage.say(first, Tick())
        stage.settle()
        assert stage.actor(first).follower.final_size == stage.state.size
    assert (folder / f"hub.before-{number}" / "key").is_file()


def test_what_the_old_hub_took_after_the_handover_was_signed_is_never_final_and_then_gone(folder):
    with Stage.open(folder) as stage:
        first, *others = names_of(stage)
        handover = sign_succession(stage, draft_succession(stage, first, []), others)
        stage.say(others[0], Tick())
        with pytest.raises(Refused) as caught:
            stage.settle()
        assert caught.value.rule == "witness.pledged"
    size = succeed(folder, handover)
    with Stage.open(folder) as stage:
        assert stage.state.size == size + 1
        assert parse_entry(parse_leaf(stage.sequencer.leaves(size)[0]).envelope).kind == "handover"
        assert stage.actor(others[0]).follower.state.members[others[0]].next_seq == 0


def test_too_few_signatures_leave_the_hub_as_it_was(folder):
    with Stage.open(folder) as stage:
        handover = draft_succession(stage, names_of(stage)[0], [])
        key = stage.state.log_key
    with pytest.raises(Refused) as caught:
        succeed(folder, handover)
    assert caught.value.rule == "handover.signers"
    with Stage.open(folder) as stage:
        assert stage.state.log_key == key


def test_a_succession_that_was_interrupted_between_its_two_steps_is_finished(folder):
    with Stage.open(folder) as stage:
        first, *others = names_of(stage)
        handover = sign_succession(stage, draft_succession(stage, first, []), others)
    succeed(folder, handover)
    (folder / "hub").rename(folder / "hub.next")
    with Stage.open(folder) as stage:
        assert stage.state.log_key.encode() == read_handover(handover).key
