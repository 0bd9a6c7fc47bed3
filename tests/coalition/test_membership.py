import pytest

from hansa.coalition import (
    Ballot,
    Leave,
    Propose,
    Tick,
    approved_cohort,
    cosignatures_needed,
    replay,
    write_acknowledgement,
)
from hansa.errors import Refused


@pytest.fixture
def joined(chain, members):
    """A coalition of four that has admitted a fifth."""
    chain.admit(members("eve"))
    return chain


def refused(rule, call, *arguments, **options):
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    assert caught.value.rule == rule


def test_founders_are_active_at_once(chain):
    assert {record.status for record in chain.state.members.values()} == {"active"}


def test_a_newcomer_counts_nowhere_until_it_has_acknowledged_the_state(joined, plan):
    before = joined.state
    assert before.members["eve"].status == "admitted"
    assert "eve" not in {m.id for m in (*before.active_members, *before.voting_members)}
    assert "eve" not in approved_cohort(before, plan)
    assert cosignatures_needed(before) == 3
    proposal = joined.propose("ada", {"effect": "run", "plan": plan.to_json()})
    assert "eve" not in {elector.member for elector in proposal.electorate}
    joined.acknowledge("eve")
    after = joined.state
    assert after.members["eve"].is_active
    assert "eve" in approved_cohort(after, plan)
    assert cosignatures_needed(after) == 4
    assert not after.newcomers


def test_a_newcomer_says_nothing_before_it_has_acknowledged_but_may_leave(joined):
    refused("author.admitted", joined.say, "eve", Tick())
    effect = {"effect": "expel", "member": "dan"}
    refused("author.admitted", joined.say, "eve", Propose(title="Out", reason="", effect=effect))
    joined.say("eve", Leave(reason="on second thoughts"))
    assert joined.state.members["eve"].status == "left"
    refused("author.left", joined.say, "eve", Leave(reason=""))


def test_entries_that_arrive_meanwhile_do_not_make_it_impossible(joined):
    written = write_acknowledgement(joined.state, "eve")
    for name in ("ada", "bob", "cyd", "dan"):
        joined.say(name, Tick())
    assert write_acknowledgement(joined.state, "eve") == written
    joined.say("eve", written)
    assert joined.state.members["eve"].is_active


def test_what_is_acknowledged_is_what_anybody_finds_who_replays_to_that_size(joined):
    written = write_acknowledgement(joined.state, "eve")
    assert replay(joined.leaves[: written.size]).digest == written.state
    assert replay(joined.leaves[: written.size]).members["eve"].status == "admitted"


def test_another_state_or_size_is_refused(joined):
    size = write_acknowledgement(joined.state, "eve").size
    refused("acknowledge.state", joined.acknowledge, "eve", state="ab" * 32)
    refused("acknowledge.size", joined.acknowledge, "eve", size=size - 1)
    joined.say("ada", Tick())
    refused("acknowledge.size", joined.acknowledge, "eve", size=joined.state.size, state=joined.state.digest)


def test_nobody_acknowledges_twice_or_without_having_been_admitted(joined):
    written = write_acknowledgement(joined.state, "eve")
    refused("acknowledge.known", joined.say, "ada", written)
    joined.say("eve", written)
    refused("acknowledge.known", joined.say, "eve", written)


def test_who_has_not_acknowledged_can_be_expelled_and_then_cannot(joined):
    expulsion = joined.propose("ada", {"effect": "expel", "member": "eve"})
    for name in ("ada", "bob", "cyd"):
        joined.say(name, Ballot(proposal=expulsion.id, choice="yes", reason=""))
    written = write_acknowledgement(joined.state, "eve")
    joined.at = expulsion.closes_at + 86_400
    joined.say("ada", Tick())
    refused("author.expelled", joined.say, "eve", written)
    refused(
        "expel.unknown",
        joined.say,
        "ada",
        Propose(title="Again", reason="", effect={"effect": "expel", "member": "eve"}),
    )


def test_a_new_charter_keeps_the_class_of_who_is_about_to_join(chain, members):
    chain.admit(members("eve", member_class="observer"))
    charter = chain.state.charter.to_json() | {"version": 2, "classes": {"bank": {"votes": True}}}
    effect = {"effect": "amend", "charter": charter}
    refused("amend.classes", chain.say, "ada", Propose(title="Amend", reason="", effect=effect))


def test_states_after_different_entries_differ_even_if_nothing_else_does(chain):
    one = chain.write("ada", Tick())
    again = replay(chain.leaves)
    chain.take(one)
    at, chain.at = chain.at, chain.at + 5
    chain.say("bob", Tick())
    later = chain.state
    chain.state, chain.at = again, at
    chain.take(one, at=at + 5)
    chain.at += 5
    chain.say("bob", Tick())
    assert chain.state.at == later.at
    assert chain.state.digest != later.digest
