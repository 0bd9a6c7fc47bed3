"""Whole coalitions of real processes: what members on machines of their own live through."""

import pytest
from machines import NAMES, Machines

from hansa.cli.record import read_state


@pytest.fixture
def machines(tmp_path):
    made = Machines(tmp_path)
    yield made
    made.stop()


def run_of(machines, name):
    _, state = read_state(machines.path / name)
    return next(iter(state.runs.values()))


def test_four_organisations_found_vote_and_train_each_on_its_own_machine(machines):
    machines.found().start().approve_run()
    said = machines.hansa("run", "start", 1, "--folder", "bob", "--json").json
    assert said["cohort"] == [*NAMES]
    assert said["dropped"] == {}
    for name in NAMES:
        node = machines.nodes[name]
        node.wait_until(lambda found: found["final"] == found["entries"])
        run = run_of(machines, name)
        assert (run.status, run.model, run.coordinator) == ("completed", said["model"], "bob")
        private = machines.hansa("run", "report", 1, "--as", name, "--folder", name, "--json").json
        assert private["member"] == name
        assert machines.hansa("verify", name).code == 0
        assert (machines.path / name / "blobs" / said["model"]).is_file()
    # Nobody has anybody else's private report, and the hub has none.
    assert len(list(machines.path.rglob("reports/*.json"))) == len(NAMES)
    assert machines.hansa("run", "report", 1, "--as", "cyd", "--folder", "ada", code=4).err


def test_a_node_killed_in_the_middle_of_a_run_is_named_and_the_others_finish(machines):
    machines.found()
    slow = machines.nodes["dan"]
    slow.program = (str(_support("leavingnode.py")), "12")
    machines.start().approve_run()
    under_way = machines.begin("run", "start", 1, "--folder", "ada", "--json")
    slow.process.wait(40)  # it kills itself in the middle of the twelfth turn
    slow.stop()
    slow.program = ("-m", "hansa")
    slow.start()  # and comes back while the others are still at it
    said = machines.end(under_way, 60)
    assert said.code == 0, said.err + machines.journals()
    assert list(said.json["dropped"]) == ["dan"]
    slow.wait_until(lambda found: found["final"] == found["entries"])
    assert run_of(machines, "dan").status == "completed"
    assert machines.hansa("run", "report", 1, "--as", "dan", "--folder", "dan", code=4).err
    assert machines.hansa("verify", "dan").code == 0


def _support(name):
    from pathlib import Path

    return Path(__file__).parents[1] / "support" / name
