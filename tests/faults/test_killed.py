"""Processes that are killed. The hub in each phase of a run: `tests/web/test_runs.py`; a node at each moment of signing: `tests/node/test_outbox.py`."""

import signal
import time

import pytest


@pytest.mark.parametrize("when", ["after", pytest.param("before", marks=pytest.mark.slow)])
def test_a_node_killed_around_an_answer_drops_out_and_is_back_at_once(outage, tell, when):
    outage.found(absent_seconds=2).doom("dan", when, 9)
    outage.up().approve_run()
    under_way = outage.begin("run", "start", 1, "--folder", "ada", "--json")
    outage.nodes["dan"].process.wait(40)
    killed_at = time.monotonic()
    outage.revive("dan")
    outage.settle("dan")
    back = time.monotonic() - killed_at
    said = outage.end(under_way)
    assert said.code == 0, said.err + outage.journals()
    assert list(said.json["dropped"]) == ["dan"]
    outage.settle()
    assert {outage.last_run(name).model for name in outage.nodes} == {said.json["model"]}
    tell(
        f"a node is killed {when} an answer of a run has left",
        "`dropped` names it and the round; the run ends without it; it follows and cosigns again",
        back,
    )
    outage.verify_nothing_lost()


def test_a_hub_killed_while_everybody_speaks_loses_nothing_that_was_signed(outage, tell):
    outage.found(("ada", "bob", "cyd")).up()
    with outage.everybody_speaking(12):
        for _ in range(3):
            time.sleep(0.4)
            outage.hub.stop(signal.SIGKILL)
            outage.hub.start()
    began = time.monotonic()
    outage.settle()
    tell(
        "the hub is killed three times while every node speaks",
        "commands wait, or say `signed and kept`; nodes send it again when the hub is back",
        time.monotonic() - began,
    )
    outage.verify_nothing_lost()
