import pytest

from hansa.engine import Frame, LocalEngine, parse_frame
from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub.attendance import Attendance

RUN = "ab" * 32


class Member:
    """Answers with what it is told to, one answer after the other, and keeps what it heard."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.heard = []

    def __call__(self, message):
        self.heard.append(parse_frame(message).word)
        if self.heard[-1] == "stop":
            return Frame("stopped").encode()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else answer.encode()


def attend(required=1, **members):
    told = []
    engine = LocalEngine(members)
    return Attendance(engine, RUN, sorted(members), required, lambda *what: told.append(what)), told


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Unavailable("the line is dead"), "did not answer"),
        (Malformed("frame.word", "Jane Doe"), "did not answer"),
        (b"?", "sent something else than a frame (frame.length)"),
        (Frame("Jane Doe"), "answered with another word than `ready`"),
        (Frame("refused", {"rule": "permit.braked"}), "refused: permit.braked"),
        (Frame("refused", {"rule": "Jane Doe"}), "refused: for a reason it does not name"),
        (Frame("refused", {"rule": 7}), "refused: for a reason it does not name"),
        (Frame("refused"), "refused: for a reason it does not name"),
    ],
)
def test_who_does_not_answer_as_expected_is_out_and_told_so(answer, why):
    ada, bob = Member(Frame("ready"), Frame("ready")), Member(answer)
    attendance, told = attend(ada=ada, bob=bob)
    assert set(attendance.ask_all(Frame("begin"), "ready")) == {"ada"}
    assert (attendance.present, dict(attendance.gone)) == (("ada",), {"bob": why})
    assert told == [("bob", why)]
    assert bob.heard == ["begin", "stop"]
    # 2. It is asked nothing more.
    assert set(attendance.exchange({"ada": Frame("begin"), "bob": Frame("begin")}, "ready")) == {"ada"}
    assert bob.heard == ["begin", "stop"]


def test_too_few_that_are_left_are_named_with_all_that_are_not():
    attendance, _ = attend(2, ada=Member(Frame("ready")), bob=Member(b"?"), cyd=Member(Frame("ready")))
    attendance.ask_all(Frame("begin"), "ready")
    attendance.require()
    attendance.drop("cyd", "sent a wrong message of the secure sum (secagg.form)")
    with pytest.raises(Refused) as caught:
        attendance.require()
    assert caught.value.rule == "run.contributor"
    assert caught.value.reasons == (
        "`bob` sent something else than a frame (frame.length)",
        "`cyd` sent a wrong message of the secure sum (secagg.form)",
        "1 members are left, and at least 2 must be; begin again when the others can take part",
    )


def test_only_who_did_not_answer_at_all_is_asked_again_and_only_so_often():
    late, never, wrong = (
        Member(Unavailable("dead"), Frame("sealed")),
        Member(*[Unavailable("dead")] * 3),
        Member(b"?"),
    )
    attendance, _ = attend(late=late, never=never, wrong=wrong)
    assert set(attendance.ask_all(Frame("seal"), "sealed", tries=3)) == {"late"}
    assert late.heard == ["seal", "seal"]
    assert never.heard == ["seal", "seal", "seal", "stop"]
    assert wrong.heard == ["seal", "stop"]


def test_everybody_who_is_left_hears_the_end():
    ada, bob = Member(Frame("ready")), Member(b"?")
    attendance, _ = attend(ada=ada, bob=bob)
    attendance.ask_all(Frame("begin"), "ready")
    attendance.end("that is it")
    assert ada.heard == ["begin", "stop"]
    assert bob.heard == ["begin", "stop"]


def test_a_coordinator_that_was_overtaken_stops_nobody():
    def refuse():
        raise Refused("run.superseded", "another hub has taken up this run")

    ada, bob = Member(Frame("ready")), Member(b"?")
    engine = LocalEngine({"ada": ada, "bob": bob})
    attendance = Attendance(engine, RUN, ["ada", "bob"], 1, lambda *_: None, confirm=refuse)
    with pytest.raises(Refused, match="superseded"):
        attendance.ask_all(Frame("begin"), "ready")
    with pytest.raises(Refused, match="superseded"):
        attendance.end("too few are left")
    assert "stop" not in ada.heard + bob.heard
