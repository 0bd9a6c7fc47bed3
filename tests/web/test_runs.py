import json
import re
import signal
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hubmembers import HubCoalition
from hubreader import read_log, wait_for

from hansa.coalition import RunClose, replay
from hansa.coalition.run import result_digest


@pytest.fixture
def coalition(hubs, tmp_path):
    def make(**limits):
        hub = hubs(limits=limits)
        return HubCoalition(hub, tmp_path)

    return make


def close(coalition, run, outcome):
    """Close a run as its opener's node does."""
    fields = {name: outcome[name] for name in RunClose.model_fields if name != "run"}
    number = coalition.lead.say(RunClose(run=run, **fields))
    coalition.settle(number + 1)
    return coalition.lead.follower.state.runs[run]


def test_members_take_part_over_the_wire_and_the_run_is_sealed_and_closed(coalition):
    three = coalition()
    run = three.open_run()
    outcome = three.play(run)
    assert outcome["status"] == "completed", outcome
    assert (outcome["dropped"], outcome["evidence"]) == ({}, [])
    # The seals stand on the log, brought by the hub.
    wait_for(three.hub, three.lead.follower.size + 3)
    three.lead.follow()
    state = three.lead.follower.state
    sealed = result_digest(outcome["model"], outcome["report"], outcome["metrics"], {})
    assert {seal[1] for seal in state.runs[run].seals.values()} == {sealed}
    assert len(state.runs[run].seals) == 3
    three.settle(state.size)
    assert close(three, run, outcome).status == "completed"
    for name in ("model", "report"):
        blob = three.lead.ask("GET", f"/v1/blobs/{outcome[name]}").body
        assert sha256(blob).hexdigest() == outcome[name]
    said = three.lead.ask("GET", f"/v1/runs/{run}").json()
    assert (said["turn"], said["outcome"]) == (None, outcome)
    page = (Path(__file__).parents[2] / "docs" / "formats" / "wire.md").read_text()
    shown = [json.loads(each) for each in re.findall(r"```json\n(.+?)```", page, re.DOTALL)]
    assert [each.keys() for each in shown] == [said.keys(), outcome.keys()]
    assert not list((three.hub.path / "spool").iterdir())
    late = three.lead.ask("GET", f"/v1/runs/{run}/0/turns/99")
    assert (late.status, late.rule) == (410, "run.over")


def test_a_member_that_is_gone_is_given_up_and_the_opener_learns_why(coalition):
    three = coalition(absent_seconds=1, turn_seconds=5)
    run = three.open_run()
    outcome = three.play(run, cyd=lambda frame: frame.fields.get("round") == 1)
    assert outcome["status"] == "failed"
    assert "`cyd` did not answer" in outcome["reason"]
    assert three.lead.ask("GET", f"/v1/runs/{run}").json()["gone"] == {"cyd": "did not answer"}
    # Whoever comes back hears that it is over.
    three.members["cyd"].play(run)
    assert three.members["cyd"].error is None
    number = three.lead.follower.size
    three.settle(number)
    assert close(three, run, outcome).status == "failed"
    # The next attempt is started by itself.
    again = three.open_run()
    assert three.lead.ask("GET", f"/v1/runs/{again}").json()["turn"] == 1


def test_an_answer_counts_once_and_only_the_one_that_came_first(coalition):
    three = coalition()
    run = three.open_run()
    ada, bob = three.members["ada"], three.members["bob"]
    path = f"/v1/runs/{run}/0/turns"
    first = ada.ask("GET", f"{path}/1", Prefer="wait=20")
    assert first.status == 200
    assert ada.ask("GET", f"{path}/2").status == 204
    early = ada.ask("PUT", f"{path}/2", b"early")
    assert (early.status, early.rule) == (409, "turn.order")
    answer = ada.trainer.receive(first.body)
    assert ada.ask("PUT", f"{path}/1", answer).status == 204
    assert ada.ask("PUT", f"{path}/1", answer).status == 204
    other = ada.ask("PUT", f"{path}/1", answer + b"!")
    assert (other.status, other.rule) == (409, "turn.answered")
    again = ada.ask("GET", f"{path}/1")
    assert (again.status, again.rule) == (409, "turn.answered")
    assert ada.ask("GET", f"/v1/runs/{run}").json()["turn"] == 2
    carriage = bob.ask("GET", f"/v1/runs/{run}/1/turns/1")
    assert (carriage.status, carriage.rule) == (409, "turn.carriage")
    for wrong in (f"{path}/0", f"{path}/01", f"{path}/x", f"/v1/runs/{run}/00/turns/1"):
        assert bob.ask("GET", wrong).status == 404
    unknown = bob.ask("GET", f"/v1/runs/{'0' * 64}/0/turns/1")
    assert (unknown.status, unknown.rule) == (404, "run.unknown")
    assert bob.ask("GET", f"/v1/runs/{'0' * 64}").rule == "run.unknown"


# The helper hangs up in one thread while members in others open connections anew: one of theirs may be left behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("word", "number", "how"),
    [
        ("sum", 2, signal.SIGKILL),
        pytest.param("end", None, signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param("seal", None, signal.SIGKILL, marks=pytest.mark.slow),
        ("ask", 2, signal.SIGTERM),
    ],
)
def test_a_hub_that_is_stopped_amid_a_run_takes_it_up_again(coalition, word, number, how):
    three = coalition()
    run = three.open_run()
    killed = threading.Event()

    def kill(frame):
        if frame.word == word and number in {frame.fields.get("round", 0), None} and not killed.is_set():
            killed.set()
            threading.Thread(target=restart).start()
        return False

    def restart():
        three.hub.stop(how)
        three.hub.start()

    outcome = three.play(run, bob=kill)
    assert killed.is_set()
    assert outcome["status"] == "completed", outcome
    assert outcome["dropped"] == {}
    assert three.lead.ask("GET", f"/v1/runs/{run}").json()["outcome"] == outcome
    assert not (three.hub.path / "runs" / run).exists()


def test_damaged_minutes_end_the_attempt_with_a_reason(coalition):
    three = coalition()
    run = three.open_run()
    assert three.lead.ask("GET", f"/v1/runs/{run}/0/turns/1", Prefer="wait=20").status == 200
    began = time.monotonic()
    three.hub.stop()
    assert time.monotonic() - began < 8
    (three.hub.path / "runs" / run / "attempt").write_text("?")
    three.hub.start()
    outcome = three.wait_for_outcome(run)
    assert outcome["status"] == "failed"
    assert "minutes.form" in outcome["reason"]


def test_a_run_that_is_closed_on_the_record_ends_at_the_hub(coalition):
    three = coalition()
    run = three.open_run()
    assert three.lead.ask("GET", f"/v1/runs/{run}/0/turns/1", Prefer="wait=20").status == 200
    outcome = {
        **dict.fromkeys(("transcript", "model", "report"), "0" * 64),
        "metrics": {},
        "dropped": {},
        "status": "failed",
        "reason": "we thought better of it",
    }
    assert close(three, run, outcome).status == "failed"
    answer = three.members["bob"].ask("GET", f"/v1/runs/{run}/0/turns/1")
    assert (answer.status, answer.rule) == (410, "run.over")
    assert replay(read_log(three.hub, three.lead.follower.size)).runs[run].status == "failed"
