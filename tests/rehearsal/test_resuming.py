"""A coordinator is killed in the middle of a real run, and another one takes the run up where it was."""

import json
from fractions import Fraction

import numpy as np
import pytest
from dying import Dying, Killed, conduct
from liar import Liar, approve, open_attempt, vanish

from hansa.engine import Frame, parse_frame
from hansa.engine.minutes import Minutes
from hansa.errors import Refused
from hansa.hub import Coordinator
from hansa.rehearsal import Silent, conduct_run
from hansa.secagg import Kind
from hansa.store import FolderPapers

NAMES = ("ada", "bob", "cyd", "dan", "eve")


@pytest.fixture
def run(stage, cast):
    return open_attempt(stage, approve(stage, cast.plan))


def test_a_run_whose_coordinator_is_killed_at_any_turn_ends_as_if_it_had_not_been(stage, cast, tmp_path):
    run = open_attempt(stage, number := approve(stage, cast.plan))
    whole, turns = conduct(stage, run, tmp_path / "whole")
    assert [*dict.fromkeys(turns)] == [
        "begin",
        "ask",
        "sum roster",
        "sum delivery",
        "sum survivors",
        "sum consents",
        "end",
        "seal",
    ]
    last = len(turns) - 1
    for turn, after in [(0, False), (1, True), (5, True), (6, False), (6, True)] + [
        (place, after) for place in (last - 1, last) for after in (False, True)
    ]:
        stage.say("ada", _fail(run))
        stage.settle()
        run = open_attempt(stage, number)
        folder = tmp_path / f"{turn}-{after}"
        assert conduct(stage, run, folder, turn, after=after)[0] is None
        resumed, _ = conduct(stage, run, folder)
        assert resumed.model == whole.model, (turn, after)
        assert resumed.metrics == whole.metrics
        assert resumed.report == whole.report
        assert not resumed.dropped
        if (turn, after) == (last, True):
            stage.sequence(resumed.seals)  # the record takes them


def _fail(run):
    from hansa.coalition import ZERO_DIGEST, RunClose

    return RunClose(
        run=run.id,
        status="failed",
        transcript=ZERO_DIGEST,
        model=ZERO_DIGEST,
        report=ZERO_DIGEST,
        metrics={},
        dropped={},
        reason="try again",
    )


def test_a_coordinator_may_be_killed_again_and_again(stage, run, tmp_path):
    ends = []
    for turn in (3, 3, 7, 9):
        assert conduct(stage, run, tmp_path / "run", turn)[0] is None
        ends.append(Minutes(FolderPapers(tmp_path / "run")).next_attempt - 1)
    conducted, turns = conduct(stage, run, tmp_path / "run")
    assert ends == [0, 1, 2, 3]
    assert turns[0] == "again"
    assert len(conducted.seals) == len(NAMES)


def test_a_member_that_vanished_before_stays_out_and_one_that_vanishes_meanwhile_is_named(
    found, cast, tmp_path
):
    names = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")
    with found(names, colluding=Fraction(0), dropouts=Fraction(3, 7)) as seven:
        run = open_attempt(seven, approve(seven, cast.plan))
        vanish(seven, "bob", 1, Kind.DELIVERY)
        engine = Dying(seven, 14)
        with pytest.raises(Killed):
            Coordinator(seven.sequencer, engine, minutes=Minutes(FolderPapers(tmp_path))).conduct(run.id)
        assert engine.turns[14] == "sum survivors"
        vanish(seven, "dan", 3, "again")
        conducted = Coordinator(
            seven.sequencer, Dying(seven), minutes=Minutes(FolderPapers(tmp_path))
        ).conduct(run.id)
        assert conducted.dropped == {"bob": 1, "dan": 3}


# -- a coordinator that has the minutes of a member -----------------------------------------------------------------


def keep_minutes(stage, folder):
    """Let members keep minutes, as a node does; return what reads those of one."""

    def read(name, run):
        return FolderPapers(folder / name / run)

    for name, actor in stage.actors.items():
        actor.trainer._minutes = lambda run, name=name: Minutes(read(name, run))
    return read


class Unheard(Dying):
    """An engine whose process dies at a certain turn, when everybody but one member has heard it."""

    def __init__(self, stage, turn, left_out):
        super().__init__(stage, turn, after=True)
        self.left_out = left_out

    def turn(self, messages):
        if len(self.turns) == self.dies_at:
            messages = {name: message for name, message in messages.items() if name != self.left_out}
        return super().turn(messages)


def test_whoever_takes_up_a_run_with_the_minutes_of_a_member_is_told_what_that_member_has_not_heard(
    stage, cast, tmp_path
):
    minutes_of = keep_minutes(stage, tmp_path)
    run = open_attempt(stage, number := approve(stage, cast.plan))
    first = Dying(stage)
    whole = Coordinator(stage.sequencer, first).conduct(run.id)
    begins = [place for place, word in enumerate(first.turns) if word == "ask"]
    last = len(first.turns) - 1
    behind = []
    for turn in (begins[1], begins[2], begins[2] + 1, begins[2] + 4, last - 1, last):
        stage.say("ada", _fail(run))
        stage.settle()
        run = open_attempt(stage, number)
        with pytest.raises(Killed):
            Coordinator(stage.sequencer, Unheard(stage, turn, "bob")).conduct(run.id)
        later = Dying(stage)
        minutes = Minutes(minutes_of("bob", run.id))
        resumed = Coordinator(stage.sequencer, later, minutes=minutes).conduct(run.id)
        assert (resumed.model, resumed.metrics, resumed.report) == (whole.model, whole.metrics, whole.report)
        assert not resumed.dropped
        behind.append(later.turns[:3].count("again"))
    assert behind == [2, 2, 1, 1, 2, 1]  # who was at the next round brought the total, once


@pytest.mark.parametrize("alone", [False, True])
def test_a_member_that_tells_a_total_that_was_not_is_outvoted_or_out(found, cast, tmp_path, alone):
    names = ("ada", "bob", "cyd", "dan", "eve")
    with found(names) as stage:
        minutes_of = keep_minutes(stage, tmp_path / "minutes")
        run = open_attempt(stage, approve(stage, cast.plan))
        with pytest.raises(Killed):
            Coordinator(stage.sequencer, (engine := Unheard(stage, 11, "bob"))).conduct(run.id)
        assert engine.turns[-1] == "ask"
        liar = stage.actor("eve").trainer
        receive = liar.receive

        def lie(message):
            answer = parse_frame(receive(message))
            body = bytes(answer.body)
            return Frame(answer.word, answer.fields, body[8:] if answer.word == "ahead" else body).encode()

        liar.receive = lie
        if alone:
            for name in ("ada", "cyd", "dan"):
                minutes_of(name, run.id).discard()
        coordinator = Coordinator(stage.sequencer, Dying(stage), minutes=Minutes(minutes_of("bob", run.id)))
        if not alone:
            assert not coordinator.conduct(run.id).dropped
            return
        with pytest.raises(Refused) as caught:
            coordinator.conduct(run.id)
        assert "`eve` said a total that does not follow (run.total)" in caught.value.reasons


# -- what a lying coordinator would gain ----------------------------------------------------------------------


@pytest.fixture
def liar(stage, cast):
    return Liar(stage, approve(stage, cast.plan))


def begin_round(liar, silent=()):
    """Carry a sum up to the consents, which stay with the liar; return its machine and the members' answers."""
    from hansa.entropy import draw
    from hansa.secagg import Aggregator

    machine = Aggregator(liar.derivation.session, draw=draw)
    answers = {name: liar.ask(name) for name in liar.run.cohort if name not in silent}
    for _ in range(3):
        for name, answer in answers.items():
            machine.receive(name, answer.body)
        answers = {
            name: liar.send(name, "sum", body, round=liar.derivation.round)
            for name, body in machine.broadcast().items()
        }
    return answers


def again(liar, attempt, name=None, round_number=None):
    liar.derivation.attempt = attempt
    fields = {"attempt": attempt, "round": liar.derivation.round if round_number is None else round_number}
    names = [name] if name else liar.run.cohort
    return {name: liar.send(name, "again", **fields) for name in names}


def test_who_consented_to_a_total_consents_to_none_over_others(liar):
    assert {answer.word for answer in begin_round(liar).values()} == {"sum"}
    assert {answer.word for answer in again(liar, 1).values()} == {"ready"}
    answers = begin_round(liar, silent=["eve"])
    assert {(answer.word, answer.fields["rule"]) for answer in answers.values()} == {
        ("refused", "run.survivors")
    }


def test_the_same_total_may_be_formed_again_and_carries_the_same_numbers(liar):
    begin_round(liar)
    jobs = {name: liar.stage.actor(name).trainer._job for name in liar.run.cohort}
    before = {name: job.vector for name, job in jobs.items()}
    again(liar, 1)
    assert {answer.word for answer in begin_round(liar).values()} == {"sum"}
    for name, job in jobs.items():
        assert job.vector is before[name]
        assert np.array_equal(job.vector, before[name])


@pytest.mark.parametrize("attempt", [0, -1, 1])
def test_an_attempt_is_not_made_twice(liar, attempt):
    again(liar, 1)
    assert again(liar, attempt, "ada")["ada"].fields["rule"] == "run.attempt"


@pytest.mark.parametrize("number", [0, 2, 7])
def test_no_round_is_skipped_or_taken_back(liar, number):
    assert again(liar, 1, "ada", number)["ada"].fields["rule"] == "run.round"


def test_a_round_whose_total_was_learned_is_over(liar):
    liar.play_round()
    assert liar.ask("ada").word == "sum"
    assert again(liar, 1, "ada", 1)["ada"].fields["rule"] == "run.round"


def test_after_beginning_again_another_total_is_refused(liar):
    liar.play_round()
    assert liar.ask("ada").word == "sum"
    again(liar, 1, "ada")
    numbers = np.frombuffer(liar.total, "<i8").copy()
    numbers[0] += 1
    assert liar.ask("ada", None, numbers.tobytes()).fields["rule"] == "run.total"


def test_a_run_begun_here_is_begun_again_in_the_same_words_only(liar):
    proposal = liar.stage.state.proposals[liar.run.proposal]
    fields = {"proposal": proposal.id, "plan": liar.plan.digest, "recipe": liar.plan.recipe.digest}
    assert liar.send("ada", "begin", **fields).word == "ready"
    assert liar.send("ada", "begin", **{**fields, "recipe": "0" * 64}).fields["rule"] == "run.recipe"


def test_a_damaged_journal_is_not_believed(stage, run, tmp_path):
    assert conduct(stage, run, tmp_path, 9)[0] is None
    path = tmp_path / "1.total"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Exception, match=r"minutes\.form"):
        conduct(stage, run, tmp_path)


def test_a_run_without_a_journal_ends_with_its_process(stage, cast):
    number = approve(stage, cast.plan)
    assert json.loads(conduct_run(stage, number, "ada", Silent()).conducted.model)
    with pytest.raises(Refused, match=r"permit\.closed"):
        conduct_run(stage, number, "ada", Silent())
