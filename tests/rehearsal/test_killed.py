"""Real kills: whatever the moment, a member does nothing twice that it may do once, and believes no half of a note."""

import signal
import subprocess
import sys

import killing
import pytest
from liar import approve

from hansa.engine import Frame, parse_frame
from hansa.errors import Refused
from hansa.rehearsal import Silent, Stage, conduct_run


def kill(stage, number, what, when):
    """Play the run in another process until it is killed, and open the coalition again."""
    stage.close()
    done = subprocess.run(
        [sys.executable, killing.__file__, str(stage.folder), str(number), "dan", what, when],
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL
    return Stage.open(stage.folder)


def begin(stage, run):
    """Ask `dan` to begin an attempt; return its answer."""
    stage.settle()
    plan = stage.state.proposals[run.proposal].plan
    fields = {"run": run.id, "proposal": run.proposal, "plan": plan.digest, "recipe": plan.recipe.digest}
    return parse_frame(stage.actor("dan").trainer.receive(Frame("begin", fields).encode()))


@pytest.mark.parametrize(("when", "answer"), [("before", "ready"), ("amid", "refused"), ("after", "refused")])
def test_an_attempt_is_begun_once_whenever_the_node_is_killed(stage, cast, when, answer):
    number = approve(stage, cast.plan)
    with kill(stage, number, "runs", when) as again:
        (run,) = again.state.attempts(again.state.proposal(number).id)
        assert run.status == "open"  # as it was when the kill came
        frame = begin(again, run)
        assert frame.word == answer
        assert frame.fields.get("rule") == ("run.again" if answer == "refused" else None)
        assert conduct_run(again, number, "ada", Silent()).run.attempt == 2


@pytest.mark.parametrize("when", ["before", "amid", "after"])
def test_a_consent_that_was_written_down_holds_though_it_never_left(stage, cast, when):
    number = approve(stage, cast.plan)
    with kill(stage, number, "totals", when) as again:
        # 1. The same run, round and attempt are over for good.
        (run,) = again.state.attempts(again.state.proposal(number).id)
        assert begin(again, run).fields["rule"] == "run.again"
        trainer = again.actor("dan").trainer
        # 2. A total without one of them would tell its numbers, and is refused if the first one was written down.
        receive, listen, heard = again.actor("eve").trainer.receive, trainer.receive, []
        again.actor("eve").trainer.receive = lambda message: b"?"
        trainer.receive = lambda message: heard.append(listen(message)) or heard[-1]
        with pytest.raises(Refused, match=r"`ada` refused: run\.differencing"):
            conduct_run(again, number, "ada", Silent())
        rules = {parse_frame(answer).fields.get("rule") for answer in heard}
        assert ("run.differencing" in rules) == (when == "after")
        # 3. The same members as before may try again, if none of them has joined the smaller total: who has, keeps
        # out of this one, and without it the others would form what the first attempt can be subtracted from.
        again.actor("eve").trainer.receive, trainer.receive = receive, listen
        if when == "after":
            assert conduct_run(again, number, "ada", Silent()).run.dropped == {}
            return
        with pytest.raises(Refused, match=r"`dan` refused: run\.differencing"):
            conduct_run(again, number, "ada", Silent())
