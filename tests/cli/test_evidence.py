"""A member that signs two different things in one secure sum: it is found, shown, and the others decide."""

from dataclasses import replace

import pytest

from hansa.engine import Frame, parse_frame
from hansa.node import Trainer
from hansa.secagg import Kind
from hansa.secagg.statement import parse_consent, parse_masked


def sign_again(trainer, body):
    """Sign other content of the kind of a message that was just sent; return the message."""
    if Kind(body[5]) is Kind.MASKED:
        other = parse_masked(body, 64)
        other = replace(other, tag=bytes(16))
    else:
        other = replace(parse_consent(body), survivors=bytes(32))
    return replace(other, signature=trainer._key.sign(other.statement.signed_bytes)).encode()


@pytest.fixture(params=["masked", "consent"])
def two_faced(request, monkeypatch):
    """Let `dan` sign twice: for its numbers, or for who survived."""
    receive, kept = Trainer.receive, []

    def lie(self, message):
        answer = receive(self, message)
        frame = parse_frame(answer)
        if self._member != "dan" or frame.word != "sum":
            return answer
        if kept:  # the hub takes one message a turn, so the second comes in the place of the next
            return Frame("sum", frame.fields, kept[0]).encode()
        if Kind(frame.body[5]).name.lower() == request.param:
            kept.append(sign_again(self, frame.body))
        return answer

    monkeypatch.setattr(Trainer, "receive", lie)
    return request.param


def test_two_statements_of_a_member_are_shown_and_expel_nobody_until_the_others_vote(
    approved, two_faced, hansa
):
    started = hansa("run", "start", "1", "--as", "ada", "--json")
    assert (started.code, started.error["rule"]) == (4, "run.contributor")  # of four nobody may be missing
    said = [entry["text"] for entry in hansa("log", "show", "--json").json["entries"]]
    shown = f"shows that dan signed two {two_faced}s that cannot both be honest"
    assert said.count(shown) == 1
    assert shown in " ".join(hansa("log", "show").out.split())
    (evidence,) = hansa("member", "show", "dan", "--json").json["evidence"]
    assert (evidence["kind"], evidence["by"], evidence["entry"]) == (two_faced, "ada", said.index(shown))
    assert f"it signed two {two_faced}s" in " ".join(hansa("member", "show", "dan").out.split())
    assert hansa("member", "show", "bob", "--json").json["evidence"] == []
    # Anybody who verifies the published log finds the same, and nothing has happened to the member by itself.
    assert hansa("verify", approved).code == 0
    assert standing(hansa, "dan") == "active"
    assert hansa("proposal", "open", "expel", "dan", "--as", "bob", "--reason", shown).code == 0
    number = hansa("proposal", "list", "--json").json["proposals"][-1]["entry"]
    for name in ("ada", "bob"):  # two of the three that are asked are enough; `dan` is not
        assert hansa("proposal", "vote", number, "yes", "--as", name).code == 0
    hansa("log", "tick", "--forward", "2d")
    assert standing(hansa, "dan") == "expelled"
    assert hansa("member", "show", "dan", "--json").json["evidence"] == [evidence]


def standing(hansa, name):
    return {m["id"]: m["status"] for m in hansa("member", "list", "--json").json["members"]}[name]


def test_an_honest_member_whose_run_is_begun_again_has_signed_nothing_twice(approved, hansa, monkeypatch):
    """A cut line, a failed attempt, a second attempt: other sums, other statements."""
    receive, broken = Trainer.receive, []

    def cut(self, message):
        answer = receive(self, message)
        frame = parse_frame(answer)
        if (
            self._member == "dan"
            and frame.word == "sum"
            and not broken
            and Kind(frame.body[5]) is Kind.CONSENT
        ):
            broken.append(True)
            return b"?"
        return answer

    monkeypatch.setattr(Trainer, "receive", cut)
    assert hansa("run", "start", "1", "--as", "ada").code == 4
    assert hansa("run", "start", "1", "--as", "ada").code == 0
    for name in ("ada", "bob", "cyd", "dan"):
        assert hansa("member", "show", name, "--json").json["evidence"] == []
