"""The flaws of other people's secure aggregation, tried on real members in a real run.

`tests/secagg/test_peers.py` holds one test for each flaw against the machines; here a lying hub stands between the
coordinator and members that read their own log.
"""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from liar import Liar, approve, conduct_with, kind_of

from hansa.coalition import ZERO_DIGEST, RunClose, RunOpen
from hansa.engine import Frame, parse_frame
from hansa.errors import Refused
from hansa.rehearsal import Silent, Stage, conduct_run
from hansa.secagg import Kind
from hansa.secagg.message import Roster, Survivors, parse_roster, parse_survivors
from hansa.secagg.statement import parse_advert
from hansa.transparency import SigningKey

HUBS = X25519PrivateKey.from_private_bytes(b"h" * 32).public_key().public_bytes_raw()


def rewriting(kind, rewrite):
    """A hub that says something else in one kind of message, to everybody."""

    def meddle(_name, message):
        frame = parse_frame(message)
        if kind_of(frame) is not kind:
            return message
        return Frame("sum", frame.fields, rewrite(frame.body)).encode()

    return meddle


def listening(heard):
    """Keep the kinds of what members sent."""

    def overhear(_name, answer):
        heard.append(kind_of(parse_frame(answer)))
        return answer

    return overhear


def refusals(caught):
    return {reason.split(": ", 1)[1] for reason in caught.value.reasons if "refused: " in reason}


@pytest.mark.parametrize("field", ["mask_key", "channel_key"])
def test_a_hub_that_puts_its_own_key_in_the_place_of_a_members_gets_no_shares(stage, cast, field):
    """Six of the eight take whatever keys the server hands out."""
    signer = SigningKey.from_seed(b"h" * 32)

    def rewrite(body):
        roster = parse_roster(body)
        swapped = replace(roster.adverts[3], **{field: HUBS})
        swapped = replace(swapped, signature=signer.sign(swapped.statement.signed_bytes))
        return replace(roster, adverts=(*roster.adverts[:3], swapped, roster.adverts[4])).encode()

    heard = []
    with pytest.raises(Refused) as caught:
        conduct_with(stage, approve(stage, cast.plan), rewriting(Kind.ROSTER, rewrite), listening(heard))
    assert refusals(caught) == {"secagg.signature", "secagg.own"}
    assert Kind.SHARES not in heard


def test_a_hub_that_asks_for_both_secrets_of_a_member_gets_neither(stage, cast):
    """Flower's client answers for a node that is in both lists."""

    def rewrite(body):
        named = parse_survivors(body)
        return Survivors(named.session, named.survivors, (*named.dropped, 3)).encode()

    heard = []
    with pytest.raises(Refused) as caught:
        conduct_with(stage, approve(stage, cast.plan), rewriting(Kind.SURVIVORS, rewrite), listening(heard))
    assert refusals(caught) == {"secagg.set"}
    assert Kind.MASKED in heard
    assert not {Kind.CONSENT, Kind.REVEAL} & {*heard}


def test_a_hub_that_asks_some_for_one_secret_and_some_for_the_other_gets_neither(stage, cast):
    def meddle(name, message):
        frame = parse_frame(message)
        if kind_of(frame) is not Kind.SURVIVORS or name in {"ada", "bob"}:
            return message
        named = parse_survivors(frame.body)
        told = Survivors(named.session, (0, 1, 2, 4), (3,)).encode()
        return Frame("sum", frame.fields, told).encode()

    heard = []
    with pytest.raises(Refused):
        conduct_with(stage, approve(stage, cast.plan), meddle, listening(heard))
    assert Kind.CONSENT in heard
    assert Kind.REVEAL not in heard


def test_a_hub_that_chooses_the_cohort_is_refused_by_the_record(stage, cast):
    """Flower's server samples whom it likes; here the plan says who, and everybody's own fold holds it."""
    number = approve(stage, cast.plan)
    proposal = stage.state.proposal(number)
    body = RunOpen(
        proposal=proposal.id,
        plan=proposal.plan.digest,
        recipe=proposal.plan.recipe.digest,
        attempt=1,
        cohort=["ada", "bob", "cyd", "dan"],
        threshold=4,
    )
    with pytest.raises(Refused) as caught:
        stage.say("ada", body)
    assert caught.value.rule == "permit.cohort"


def test_a_hub_that_chooses_the_cohort_past_the_record_is_refused_by_every_member(stage, cast):
    liar = Liar(stage, approve(stage, cast.plan))
    few = liar.run.cohort[:4]
    session = liar.coordinator._derive(liar.run._replace(cohort=few), liar.plan).session
    adverts = {name: parse_advert(liar.ask(name).body) for name in few}
    assert {advert.session for advert in adverts.values()} == {liar.derivation.session.digest}
    assert session.digest != liar.derivation.session.digest
    mine = tuple(replace(adverts[name], session=session.digest) for name in few)
    for name in few:
        answer = liar.send(name, "sum", Roster(session.digest, HUBS, mine).encode(), round=1)
        assert answer.fields["rule"] == "secagg.session"


def test_the_same_round_is_not_answered_again_after_a_restart(stage, cast):
    """Fed-BioMed's node masks the same round again with the same mask, and keeps no note of it."""
    number = approve(stage, cast.plan)
    liar = Liar(stage, number)
    liar.play_round()
    assert liar.ask("dan").word == "sum"
    folder = stage.folder
    stage.close()
    with Stage.open(folder) as again:
        again.settle()
        liar.stage = again
        proposal = again.state.proposal(number)
        fields = {"proposal": proposal.id, "plan": liar.plan.digest, "recipe": liar.plan.recipe.digest}
        for name in liar.run.cohort:
            assert liar.ask(name).fields["rule"] == "run.word"  # nothing of this run is under way any more
            assert liar.send(name, "begin", **fields).fields["rule"] == "run.again"
        # A new attempt is another run, with other keys and another transcript.
        ran = conduct_run(again, number, "ada", Silent())
        assert (ran.run.attempt, ran.run.status) == (2, "completed")


@pytest.mark.parametrize("kind", [Kind.ADVERT, Kind.SHARES, Kind.MASKED, Kind.CONSENT, Kind.REVEAL])
def test_what_was_sent_in_one_attempt_is_worth_nothing_in_the_next(found, cast, kind):
    """OpenFL makes its masks once for all rounds; here a message is of one sum of one attempt."""
    old = {}

    def keep(name, answer):
        frame = parse_frame(answer)
        if name == "dan" and frame.fields.get("round") == 1:
            old.setdefault(kind_of(frame), frame.body)
        return answer

    def stop(_name, message):
        return b"?" if parse_frame(message).fields.get("round") == 2 else message

    def replay(name, answer):
        frame = parse_frame(answer)
        if name == "dan" and kind_of(frame) is kind and frame.fields["round"] == 1:
            return Frame("sum", frame.fields, old[kind]).encode()
        return answer

    # Where differencing is refused, members do not even let the second total be one without `dan`.
    with found(("ada", "bob", "cyd", "dan", "eve"), differencing="allowed") as stage:
        number = approve(stage, cast.plan)
        with pytest.raises(Refused):
            conduct_with(stage, number, stop, keep)
        close_attempt(stage, number)
        conducted, missed = conduct_with(stage, number, lambda _, message: message, replay)
    assert missed == [(1, "dan", "sent a wrong message of the secure sum (secagg.session)")]
    # Once its numbers have arrived it is in the first total all the same.
    assert conducted.dropped == {"dan": 2 if kind in {Kind.CONSENT, Kind.REVEAL} else 1}


def close_attempt(stage, number):
    """Write on the record that the open attempt failed."""
    run = stage.state.attempts(stage.state.proposal(number).id)[-1]
    nothing = dict.fromkeys(("transcript", "model", "report"), ZERO_DIGEST)
    body = RunClose(run=run.id, status="failed", metrics={}, dropped={}, reason="stopped", **nothing)
    stage.say("ada", body)
    stage.settle()
