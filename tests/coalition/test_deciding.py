import pytest

from hansa.coalition import Ballot, Leave, Propose, Recuse, Tick, Withdraw
from hansa.errors import Malformed, Refused
from hansa.governance import consent_message
from hansa.transparency import encode_base64


def ballot(proposal, choice="yes"):
    return Ballot(proposal=proposal.id, choice=choice, reason="")


@pytest.fixture
def run_proposal(chain, plan):
    return chain.propose("ada", {"effect": "run", "plan": plan.to_json()})


def refused(chain, author, body, rule, **changes):
    """Saying this is refused by this rule, and changes nothing."""
    before = chain.state
    with pytest.raises((Refused, Malformed)) as caught:
        chain.say(author, body, **changes)
    assert caught.value.rule == rule
    assert chain.state is before


def test_a_proposal_passes_when_its_period_is_over_and_takes_effect_after_the_timelock(
    chain, run_proposal, day
):
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(run_proposal))
    assert chain.look(run_proposal).outcome == "open"
    chain.at += 3 * day
    chain.say("ada", Tick())
    assert chain.look(run_proposal).outcome == "passed"
    assert chain.look(run_proposal).effect_at == chain.at + day
    chain.at += day - 1
    chain.say("ada", Tick())
    assert chain.look(run_proposal).outcome == "passed"
    chain.at += 1
    chain.say("ada", Tick())
    assert chain.look(run_proposal).outcome == "in_effect"


def test_decision_and_effect_both_fall_due_under_one_late_entry(chain, run_proposal, day):
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(run_proposal))
    chain.at += 30 * day
    chain.say("ada", Tick())
    settled = chain.look(run_proposal)
    assert (settled.outcome, settled.decided_at, settled.effect_at) == (
        "in_effect",
        run_proposal.closes_at,
        run_proposal.closes_at + day,
    )


def test_a_ballot_in_the_last_second_counts_and_one_second_later_it_is_late(chain, run_proposal):
    chain.at = run_proposal.closes_at - 1
    chain.say("ada", ballot(run_proposal))
    chain.at += 1
    refused(chain, "bob", ballot(run_proposal), "ballot.late")


def test_a_second_ballot_is_refused(chain, run_proposal):
    chain.say("ada", ballot(run_proposal))
    refused(chain, "ada", ballot(run_proposal, "no"), "ballot.double")


def test_a_ballot_from_another_coalition_is_refused(chain, new_chain, plan):
    other = new_chain(names=("ada", "bob", "eve"))
    foreign = other.propose("ada", {"effect": "run", "plan": plan.to_json()})
    envelope = other.write("bob", ballot(foreign))
    with pytest.raises(Refused) as caught:
        chain.take(envelope)
    assert caught.value.rule == "entry.coalition"


def test_a_ballot_on_a_proposal_of_another_coalition_is_refused(chain, new_chain, plan):
    foreign = new_chain(names=("ada", "bob", "eve")).propose("ada", {"effect": "run", "plan": plan.to_json()})
    refused(chain, "bob", ballot(foreign), "proposal.unknown")


def test_a_ballot_cannot_be_moved_to_another_proposal(chain, run_proposal, plan):
    envelope = chain.write("bob", ballot(run_proposal))
    chain.take(envelope)
    with pytest.raises(Malformed) as caught:
        chain.take(envelope)
    assert caught.value.rule == "chain.seq"


def test_a_recused_member_cannot_vote_and_one_that_voted_cannot_be_recused(chain, run_proposal):
    chain.say("ada", Recuse(proposal=run_proposal.id, reason="our own supplier"))
    refused(chain, "ada", ballot(run_proposal), "ballot.recused")
    refused(chain, "ada", Recuse(proposal=run_proposal.id, reason=""), "recuse.double")
    chain.say("bob", ballot(run_proposal))
    refused(chain, "bob", Recuse(proposal=run_proposal.id, reason=""), "recuse.voted")
    chain.at = run_proposal.closes_at
    refused(chain, "cyd", Recuse(proposal=run_proposal.id, reason=""), "recuse.late")


def test_the_electorate_is_frozen_when_the_proposal_is_opened(chain, members, keys, run_proposal, day):
    newcomer = members("eve")
    consent = encode_base64(keys("eve").sign(consent_message(chain.state.coalition, newcomer)))
    admission = chain.propose("ada", {"effect": "admit", "member": newcomer.to_json(), "consent": consent})
    chain.at += 1
    late_run = chain.propose("bob", chain.look(run_proposal).effect.to_json())
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(admission))
    chain.at = admission.closes_at + day
    chain.say("ada", Tick())
    assert chain.look(late_run).outcome == "no_quorum"
    chain.acknowledge("eve")
    fresh = chain.propose("eve", chain.look(run_proposal).effect.to_json())
    assert "eve" in {elector.member for elector in fresh.electorate}
    assert "eve" not in {elector.member for elector in run_proposal.electorate}


def test_a_member_admitted_during_a_vote_is_no_elector_of_it(chain, members, keys, plan, day):
    newcomer = members("eve")
    consent = encode_base64(keys("eve").sign(consent_message(chain.state.coalition, newcomer)))
    admission = chain.propose("ada", {"effect": "admit", "member": newcomer.to_json(), "consent": consent})
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(admission))
    chain.at = admission.closes_at + day - 1
    open_before = chain.propose("ada", {"effect": "run", "plan": plan.to_json()})
    chain.at += 1
    chain.say("ada", Tick())
    chain.acknowledge("eve")
    refused(chain, "eve", ballot(open_before), "ballot.elector")


def test_an_admission_needs_the_newcomers_own_signature(chain, members, keys):
    newcomer = members("eve")
    stolen = encode_base64(keys("ada").sign(consent_message(chain.state.coalition, newcomer)))
    effect = {"effect": "admit", "member": newcomer.to_json(), "consent": stolen}
    refused(chain, "ada", Propose(title="Admit", reason="", effect=effect), "admit.consent")


def test_ids_and_keys_of_members_are_never_used_again(chain, members, keys):
    chain.say("dan", Leave(reason=""))
    again = members("dan")
    consent = encode_base64(keys("dan").sign(consent_message(chain.state.coalition, again)))
    effect = {"effect": "admit", "member": again.to_json(), "consent": consent}
    refused(chain, "ada", Propose(title="Admit", reason="", effect=effect), "admit.known")
    renamed = again.model_copy(update={"id": "dana"})
    consent = encode_base64(keys("dan").sign(consent_message(chain.state.coalition, renamed)))
    effect = {"effect": "admit", "member": renamed.to_json(), "consent": consent}
    refused(chain, "ada", Propose(title="Admit", reason="", effect=effect), "admit.key")


def test_an_expelled_member_can_say_nothing_and_could_not_vote_on_it(chain, run_proposal, day):
    expulsion = chain.propose("ada", {"effect": "expel", "member": "dan"})
    refused(chain, "dan", ballot(expulsion, "no"), "ballot.recused")
    for name in ("ada", "bob"):
        chain.say(name, ballot(expulsion))
    chain.at = expulsion.closes_at + day
    chain.say("ada", Tick())
    assert chain.state.members["dan"].status == "expelled"
    refused(chain, "dan", Tick(), "author.expelled")
    refused(chain, "dan", ballot(run_proposal), "author.expelled")


def test_leaving_needs_nobodys_consent_and_is_final(chain):
    chain.say("dan", Leave(reason="we have our own model"))
    assert chain.state.members["dan"].status == "left"
    refused(chain, "dan", Tick(), "author.left")


def test_an_expulsion_whose_member_has_left_is_void(chain, day):
    expulsion = chain.propose("ada", {"effect": "expel", "member": "dan"})
    for name in ("ada", "bob"):
        chain.say(name, ballot(expulsion))
    chain.say("dan", Leave(reason=""))
    chain.at = expulsion.closes_at + day
    chain.say("ada", Tick())
    assert chain.look(expulsion).outcome == "void"
    assert chain.state.members["dan"].status == "left"


def test_only_the_proposer_withdraws_and_only_while_it_is_open(chain, run_proposal):
    refused(chain, "bob", Withdraw(proposal=run_proposal.id), "withdraw.author")
    chain.say("ada", Withdraw(proposal=run_proposal.id))
    assert chain.look(run_proposal).outcome == "withdrawn"
    refused(chain, "ada", Withdraw(proposal=run_proposal.id), "proposal.closed")
    refused(chain, "bob", ballot(run_proposal), "ballot.late")


def amended(chain, **changes):
    return {"effect": "amend", "charter": chain.state.charter.to_json() | changes}


def test_an_amended_charter_has_the_next_version_and_the_same_log(chain):
    for version in (1, 3):
        body = Propose(title="Amend", reason="", effect=amended(chain, version=version))
        refused(chain, "ada", body, "amend.version")
    elsewhere = amended(chain, version=2, origin="other.example/log")
    refused(chain, "ada", Propose(title="Amend", reason="", effect=elsewhere), "amend.origin")


def test_an_amendment_keeps_a_class_for_every_member(chain):
    effect = amended(chain, version=2, classes={"clinic": {"votes": True}})
    refused(chain, "ada", Propose(title="Amend", reason="", effect=effect), "amend.classes")


def test_a_charter_that_could_never_decide_again_is_refused(chain):
    effect = amended(chain, version=2, privacy=chain.charter.privacy.to_json() | {"minimum_cohort": 2})
    refused(chain, "ada", Propose(title="Amend", reason="", effect=effect), "amend.lint")


def test_an_amendment_drops_what_is_still_open_and_voids_its_rival(chain, plan, day):
    first = chain.propose("ada", amended(chain, version=2, purpose="One"))
    rival = chain.propose("bob", amended(chain, version=2, purpose="Two"))
    for proposal in (first, rival):
        for name in ("ada", "bob", "cyd"):
            chain.say(name, ballot(proposal))
    chain.at = first.closes_at + day - 1
    still_open = chain.propose("cyd", {"effect": "run", "plan": plan.to_json()})
    chain.at += 1
    chain.say("ada", Tick())
    assert chain.state.charter.version == 2
    assert chain.state.charter.purpose == "One"
    assert chain.look(first).outcome == "in_effect"
    assert chain.look(rival).outcome == "void"
    assert chain.look(still_open).outcome == "dropped"


def test_an_amendment_must_satisfy_the_old_rule_and_the_new_one(chain, day):
    decisions = chain.state.charter.to_json()["decisions"]
    stricter = decisions | {
        "amend": decisions["amend"] | {"majorities": [{"by": "head", "passes": ">= 1 of eligible"}]}
    }
    amendment = chain.propose("ada", amended(chain, version=2, decisions=stricter))
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(amendment))
    chain.at = amendment.closes_at
    chain.say("ada", Tick())
    assert chain.look(amendment).outcome == "failed"


def test_what_the_charter_does_not_list_cannot_be_decided(new_chain, charter_text):
    without = "\n".join(line for line in charter_text.splitlines() if not line.startswith("  expel"))
    chain = new_chain(charter=without)
    refused(
        chain,
        "ada",
        Propose(title="Out", reason="", effect={"effect": "expel", "member": "dan"}),
        "propose.undecidable",
    )


def test_a_class_without_a_vote_neither_proposes_nor_votes(new_chain, plan):
    chain = new_chain(observers=("olu",))
    effect = {"effect": "run", "plan": plan.to_json()}
    refused(chain, "olu", Propose(title="Run", reason="", effect=effect), "propose.vote")
    refused(chain, "olu", ballot(chain.propose("ada", effect)), "ballot.elector")


def test_a_veto_ends_a_proposal_at_once(chain, members, keys):
    newcomer = members("eve")
    consent = encode_base64(keys("eve").sign(consent_message(chain.state.coalition, newcomer)))
    admission = chain.propose("ada", {"effect": "admit", "member": newcomer.to_json(), "consent": consent})
    chain.say("bob", ballot(admission, "no"))
    assert chain.look(admission).outcome == "open"
    chain.say("cyd", ballot(admission, "no"))
    assert chain.look(admission).outcome == "vetoed"


def test_a_tie_keeps_the_status_quo(chain, run_proposal):
    chain.say("ada", ballot(run_proposal))
    chain.say("bob", ballot(run_proposal, "no"))
    chain.say("cyd", ballot(run_proposal, "abstain"))
    chain.at = run_proposal.closes_at
    chain.say("ada", Tick())
    assert chain.look(run_proposal).outcome == "failed"


def test_a_member_without_a_vote_can_be_expelled_too(new_chain, day):
    chain = new_chain(observers=("olu",))
    expulsion = chain.propose("ada", {"effect": "expel", "member": "olu"})
    for name in ("ada", "bob", "cyd"):
        chain.say(name, ballot(expulsion))
    chain.at = expulsion.closes_at + day
    chain.say("ada", Tick())
    assert chain.state.members["olu"].status == "expelled"


def test_an_early_rule_may_settle_a_proposal_the_moment_it_is_opened(new_chain, charter_text):
    text = charter_text.replace(
        'expel: {passes: ">= 2/3 of eligible", quorum: 1/2, period: 3d, timelock: 1d}',
        'expel: {passes: ">= 2/3 of eligible", quorum: 1/2, period: 3d, timelock: 1d, early: true}',
    )
    chain = new_chain(names=("ada", "bob"), charter=text, observers=("olu", "pia", "quy"))
    chain.say("bob", Leave(reason=""))
    expulsion = chain.propose("ada", {"effect": "expel", "member": "ada"})
    assert expulsion.outcome in {"failed", "no_quorum"}
