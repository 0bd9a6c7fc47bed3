"""A lying hub against real members: each lie costs it the member it was told to, or the run."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from liar import Liar, approve, conduct_with, kind_of

from hansa.coalition import audit_log, introduce_key
from hansa.engine import Frame, parse_frame, read_total, write_total
from hansa.entropy import draw
from hansa.errors import Malformed, Refused, Unavailable
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.actor import NEXT_FILE
from hansa.secagg import Aggregator, Contributor, Kind
from hansa.secagg.message import Roster, Survivors, parse_advert, parse_survivors
from hansa.store import read_seed, read_tree, write_seed
from hansa.transparency import canonical

HUB_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()


def respell(model):
    """Spell the intercept in another way that reads as the same number."""
    return model | {"intercept": model["intercept"] + "0"}


def doubt(report):
    """Say that a metric may be further off than it is."""
    return report | {"uncertainty": report["uncertainty"] | {"auc_pooled_together": "0.100000"}}


@pytest.mark.parametrize(
    ("word", "change", "rule"),
    [
        ("begin", lambda frame: frame.fields | {"plan": "ab" * 32}, "permit.plan-digest"),
        ("begin", lambda frame: frame.fields | {"run": "ab" * 32}, "run.unknown"),
        ("begin", lambda frame: frame.fields | {"proposal": "ab" * 32}, "run.recipe"),
        ("begin", lambda frame: frame.fields | {"more": 1}, "run.field"),
        ("ask", lambda frame: frame.fields | {"round": True}, "run.field"),
        ("ask", lambda frame: frame.fields | {"question": "ab" * 32}, "run.question"),
        ("ask", lambda frame: frame.fields | {"round": 7}, "run.round"),
        ("ask", lambda frame: frame.fields | {"run": "ab" * 32}, "run.word"),
        ("sum", lambda frame: frame.fields | {"round": 7}, "run.round"),
        ("sum", lambda frame: frame.fields | {"run": "ab" * 32}, "run.word"),
        ("end", lambda frame: frame.fields | {"metrics": {"auc_together": "0.999999"}}, "run.metrics"),
        ("end", lambda frame: frame.fields | {"model": respell(frame.fields["model"])}, "run.model"),
        ("end", lambda frame: frame.fields | {"metrics": {}}, "run.metrics"),
        ("end", lambda frame: frame.fields | {"model": {}}, "run.model"),
        ("end", lambda frame: frame.fields | {"report": {}}, "run.report"),
        ("end", lambda frame: frame.fields | {"report": doubt(frame.fields["report"])}, "run.report"),
    ],
)
def test_a_lie_to_one_member_is_refused_by_it_and_costs_the_run_this_member(stage, cast, word, change, rule):
    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and frame.word == word:
            return Frame(word, change(frame), frame.body).encode()
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    ((first, name, why),) = missed
    assert (name, why) == ("dan", f"refused: {rule}")
    assert conducted.dropped == {"dan": first}
    assert len(conducted.seals) == 4


def test_a_lie_to_more_members_than_may_be_missing_ends_the_run_and_names_them(stage, cast):
    def meddle(name, message):
        frame = parse_frame(message)
        if name in {"cyd", "dan"} and frame.word == "ask":
            return Frame("ask", frame.fields | {"question": "ab" * 32}, frame.body).encode()
        return message

    with pytest.raises(Refused) as caught:
        conduct_with(stage, approve(stage, cast.plan), meddle)
    assert caught.value.rule == "run.contributor"
    assert caught.value.reasons == (
        "`cyd` refused: run.question",
        "`dan` refused: run.question",
        "3 members are left, and at least 4 must be; begin again when the others can take part",
    )


def test_a_total_altered_after_the_fact_is_noticed_when_the_question_no_longer_follows(stage, cast):
    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and frame.word == "ask" and frame.fields["round"] == 2:
            body = bytearray(frame.body)
            body[5] ^= 1
            return Frame("ask", frame.fields, bytes(body)).encode()
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    assert [(number, name) for number, name, _ in missed] == [(2, "dan")]
    assert missed[0][2] in {"refused: run.question", "refused: recipe.total"}
    assert conducted.dropped == {"dan": 2}


@pytest.fixture
def liar(stage, cast):
    return Liar(stage, approve(stage, cast.plan))


def test_members_that_were_told_different_totals_finish_no_sum_together(liar):
    total, survivors = liar.play_round()
    # A positive more somewhere is a lie that nobody sees in the total itself.
    other = liar.derive()
    one = 2 ** int(other.quantiser.bits[1])
    false = write_total(read_total(total) + (np.arange(len(total) // 8) == 1) * one)
    other.learn(false, survivors)
    assert other.question_digest != liar.derivation.question_digest
    told = {name: liar.ask(name) for name in ("ada", "bob", "cyd")}
    misled = {name: liar.ask(name, other, false) for name in ("dan", "eve")}
    assert {frame.word for frame in (*told.values(), *misled.values())} == {"sum"}
    adverts = {name: parse_advert(frame.body) for name, frame in (told | misled).items()}
    honest, lied = liar.derivation.session.digest, other.session.digest
    assert {adverts[name].session for name in told} == {honest}
    assert {adverts[name].session for name in misled} == {lied}
    # 1. Together they are not one sum.
    roster = Roster(honest, HUB_KEY, tuple(adverts[name] for name in sorted(adverts))).encode()
    assert liar.send("ada", "sum", roster, round=2).fields["rule"] == "secagg.session"
    # 2. Each group alone is too few.
    roster = Roster(honest, HUB_KEY, tuple(adverts[name] for name in told)).encode()
    assert liar.send("bob", "sum", roster, round=2).fields["rule"] == "secagg.dropout"
    roster = Roster(lied, HUB_KEY, tuple(adverts[name] for name in misled)).encode()
    assert liar.send("dan", "sum", roster, round=2).fields["rule"] == "secagg.dropout"


def test_a_false_list_of_survivors_is_not_consented_to_by_the_others(stage, cast):
    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and kind_of(frame) is Kind.SURVIVORS and frame.fields["round"] == 2:
            named = parse_survivors(frame.body)
            false = Survivors(named.session, named.survivors[1:], (*named.dropped, named.survivors[0]))
            return Frame("sum", frame.fields, false.encode()).encode()
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    assert missed == [(2, "dan", "sent a wrong message of the secure sum (secagg.set)")]
    assert conducted.dropped == {"dan": 3}  # its numbers had arrived


def test_a_round_is_neither_skipped_nor_asked_twice_nor_left_unfinished(liar):
    liar.play_round()
    assert liar.ask("ada", round=3).fields["rule"] == "run.round"
    assert liar.ask("bob").word == "sum"
    assert liar.ask("bob").fields["rule"] == "run.round"
    # Round 2 was begun and not finished; nobody signed whose total this would be.
    assert liar.ask("cyd").word == "sum"
    assert liar.ask("cyd", round=3).fields["rule"] == "run.round"
    assert liar.send("dan", "end", liar.total, round=2, metrics={}, model={}, report={}).fields["rule"] == (
        "run.question"
    )
    assert liar.send("eve", "seal", dropped={}).fields["rule"] == "run.round"


def test_a_threshold_below_the_records_is_another_sum(liar):
    weak = liar.derive(threshold=3, required=3)
    adverts = [parse_advert(liar.ask(name).body) for name in ("ada", "bob", "cyd")]
    roster = Roster(weak.session.digest, HUB_KEY, tuple(adverts)).encode()
    assert weak.session.digest != liar.derivation.session.digest
    assert liar.send("ada", "sum", roster, round=1).fields["rule"] == "secagg.session"


def test_a_dropped_member_is_not_let_in_again(liar):
    liar.play_round()
    liar.attendance._present.remove("dan")  # said to have vanished, and not told
    _, survivors = liar.play_round()
    assert survivors == ("ada", "bob", "cyd", "eve")
    # 1. Asked for the round after, it has no total of the round before that it took part in.
    assert liar.ask("dan").fields["rule"] == "run.round"
    assert liar.ask("dan").fields["rule"] == "run.word"
    # 2. Even when it is in league with the hub and makes its messages by hand, the others consent to no total with it.
    session = liar.derivation.session
    hub = Aggregator(session, draw=draw)
    dan = Contributor(session, "dan", sign=liar.stage.actor("dan").key.sign, draw=draw)
    dan.contribute(np.zeros(session.length, dtype=np.int64))
    answers = {"dan": dan.start()} | {name: liar.ask(name).body for name in survivors}
    while hub.turn is not Kind.CONSENT:
        for name, answer in answers.items():
            hub.receive(name, answer)
        messages = hub.broadcast()
        replies = {name: liar.send(name, "sum", messages[name], round=3) for name in survivors}
        answers = {name: reply.body for name, reply in replies.items()} | {
            "dan": dan.receive(messages["dan"])
        }
    assert {reply.fields["rule"] for reply in replies.values()} == {"run.survivors"}


def test_a_member_that_is_said_to_have_vanished_and_did_not_sees_it_on_the_record(stage, cast):
    """It looks like any dropout; nobody can prove otherwise. But it is named, and its own fold shows it."""
    number = approve(stage, cast.plan)
    receive, heard = stage.actor("dan").trainer.receive, []

    def silence(message):
        heard.append(receive(message))
        raise Unavailable("says the hub")

    stage.actor("dan").trainer.receive = silence
    ran = conduct_run(stage, number, "ada", Silent())
    assert parse_frame(heard[0]).word == "ready"
    assert ran.run.dropped == {"dan": 1}
    assert stage.actor("dan").follower.state.runs[ran.run.id].dropped == {"dan": 1}
    assert "dan" not in ran.private
    assert "dan" not in {name for names in ran.conducted.result.members.values() for name in names}
    tree = read_tree(stage.log)
    assert audit_log(tree.leaves, tree.note_text).state.runs[ran.run.id].dropped == {"dan": 1}


@pytest.mark.parametrize(
    "dropped",
    [
        {"dan": 1},  # not lost, or not so early
        {"dan": 99},
        {"dan": True},
        {"dan": "1"},
        {"zelkova": "rounds + 1"},
        {"dan": "rounds + 1", "eve": "rounds + 1"},  # too few would be left
        {"ada": "rounds + 1"},  # the member itself
    ],
)
def test_a_false_list_of_the_lost_is_not_sealed(stage, cast, dropped):
    def meddle(name, message):
        frame = parse_frame(message)
        if frame.word != "seal":
            return message
        rounds = stage_rounds[-1]
        false = {who: rounds + 1 if since == "rounds + 1" else since for who, since in dropped.items()}
        return Frame("seal", frame.fields | {"dropped": false}).encode()

    stage_rounds = []

    def overhear(_, answer):
        frame = parse_frame(answer)
        stage_rounds.append(frame.fields.get("round", (stage_rounds or [0])[-1]))
        return answer

    with pytest.raises(Refused) as caught:
        conduct_with(stage, approve(stage, cast.plan), meddle, overhear)
    assert "`ada` agreed to the result, and then refused: run.dropped" in caught.value.reasons


def test_a_member_seals_once_and_gives_the_same_seal_again(stage, cast):
    said = []

    def meddle(name, message):
        if name == "dan" and parse_frame(message).word in {"seal", "stop"}:
            said.append((message, stage.actor("dan").trainer.receive(message)))
        return message

    conducted, _ = conduct_with(stage, approve(stage, cast.plan), meddle)
    ((message, first),) = said
    assert canonical.encode(conducted.seals[3].to_json()) == parse_frame(first).body
    frame = parse_frame(message)
    later = max(conducted.result.turns, 1) + 1
    other = Frame("seal", frame.fields | {"dropped": {"eve": later}}).encode()
    assert parse_frame(stage.actor("dan").trainer.receive(other)).fields["rule"] == "run.dropped"


def test_a_word_about_another_run_stops_nothing_here(stage, cast):
    stopped = []

    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and frame.word == "sum" and frame.fields["round"] == 2:
            stop = Frame("stop", {"run": "ab" * 32, "reason": "of another run"})
            stopped.append(parse_frame(stage.actor("dan").trainer.receive(stop.encode())).word)
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    assert set(stopped) == {"stopped"}
    assert (dict(conducted.dropped), missed) == ({}, [])


def test_a_member_whose_main_key_changes_in_a_run_leaves_that_attempt(stage, cast):
    """Its trainer goes on with the key that it began with, as in a node that is not stopped, and refuses by its own fold."""
    dan = stage.actor("dan")

    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and frame.word == "ask" and frame.fields["round"] == 2:
            write_seed(dan.folder / NEXT_FILE)
            new = read_seed(dan.folder / NEXT_FILE)
            stage.say("dan", introduce_key(stage.state.coalition, "dan", new))
            stage.catch_up(dan)
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    assert [(number, name, why) for number, name, why in missed] == [(2, "dan", "refused: run.key")]
    assert dict(conducted.dropped) == {"dan": 2}


@pytest.mark.parametrize("off", [-1, 1, 90_000])
def test_an_end_of_another_round_is_refused(stage, cast, off):
    def meddle(name, message):
        frame = parse_frame(message)
        if name == "dan" and frame.word == "end":
            return Frame("end", frame.fields | {"round": frame.fields["round"] + off}, frame.body).encode()
        return message

    conducted, missed = conduct_with(stage, approve(stage, cast.plan), meddle)
    assert [(name, why) for _, name, why in missed] == [("dan", "refused: run.round")]
    assert conducted.dropped == {"dan": conducted.result.turns + 1}


@pytest.mark.parametrize("is_same", [True, False])
def test_an_end_is_announced_once_and_may_only_be_repeated_letter_for_letter(stage, cast, is_same):
    said, answers = {}, []

    def meddle(name, message):
        frame = parse_frame(message)
        if frame.word == "end":
            said["end"] = frame
        if name == "dan" and frame.word == "seal" and not answers:
            metrics = dict(said["end"].fields["metrics"])
            name = min(metrics)
            metrics[name] = f"{float(metrics[name]) + (0 if is_same else 1e-6):.6f}"
            again = Frame("end", said["end"].fields | {"metrics": metrics}, said["end"].body)
            answers.append(parse_frame(stage.actor("dan").trainer.receive(again.encode())))
        return message

    number = approve(stage, cast.plan)
    if is_same:
        conducted, missed = conduct_with(stage, number, meddle)
        assert answers[0].word == "agreed"
        assert (len(conducted.seals), missed) == (5, [])
        return
    with pytest.raises(Refused, match="`dan` agreed to the result, and then"):
        conduct_with(stage, number, meddle)
    assert answers[0].fields["rule"] == "run.round"


def test_a_seal_of_another_transcript_ends_the_attempt_by_name(stage, cast):
    number = approve(stage, cast.plan)
    trainer = stage.actor("dan").trainer
    receive = trainer.receive

    def listen(message):
        if parse_frame(message).word == "seal":
            trainer._job.derivation.transcript = bytes(32)
        return receive(message)

    trainer.receive = listen
    with pytest.raises(Malformed, match="`dan` sent another entry than its seal of this result") as caught:
        conduct_run(stage, number, "ada", Silent())
    assert caught.value.rule == "run.seal"


def test_a_member_that_vanishes_between_agreeing_and_sealing_ends_the_attempt_by_name(stage, cast):
    number = approve(stage, cast.plan)
    receive, calls = stage.actor("dan").trainer.receive, []

    def listen(message):
        if parse_frame(message).word == "seal":
            calls.append(message)
            raise Unavailable("dead")
        return receive(message)

    stage.actor("dan").trainer.receive = listen
    with pytest.raises(Refused, match="`dan` agreed to the result, and then did not answer"):
        conduct_run(stage, number, "ada", Silent())
    assert len(calls) == 3  # it was asked again, in case the line was bad


@pytest.mark.parametrize("is_spoilt", [False, True])
def test_a_member_that_signs_twice_is_on_the_record_however_the_run_ends(stage, cast, is_spoilt):
    number = approve(stage, cast.plan)
    trainer = stage.actor("dan").trainer
    receive = trainer.receive
    if is_spoilt:
        stage.actor("eve").trainer.receive = lambda message: b"?"

    def listen(message):
        answer = receive(message)
        if kind_of(parse_frame(message)) is not Kind.ROSTER:
            return answer
        twin = Contributor(
            trainer._job.derivation.session, "dan", sign=stage.actor("dan").key.sign, draw=draw
        )
        return Frame("sum", parse_frame(answer).fields, twin.start()).encode()

    trainer.receive = listen
    if is_spoilt:
        with pytest.raises(Refused):
            conduct_run(stage, number, "ada", Silent())
    else:
        assert conduct_run(stage, number, "ada", Silent()).run.dropped == {"dan": 1}
    ((_, _, author, run, member, kind, _),) = stage.state.evidence
    assert (author, member, kind) == ("ada", "dan", "advert")
    assert run == stage.state.attempts(stage.state.proposal(number).id)[-1].id
    tree = read_tree(stage.log)
    assert audit_log(tree.leaves, tree.note_text).state.evidence == stage.state.evidence
