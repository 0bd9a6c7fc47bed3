"""A process that is killed in the middle of a run: the folder opens, verifies, and the run goes on."""

import signal
import subprocess
import sys
import textwrap

from hansa.coalition import audit_log
from hansa.rehearsal import Silent, Stage, conduct_run
from hansa.rehearsal.play import open_proposal, vote_all
from hansa.store import read_tree

DAY = 86_400

CONDUCT = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from hansa.rehearsal import Silent, Stage, conduct_run

    class Killed(Silent):
        def step(self, text):
            if text.startswith(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)

    with Stage.open(Path(sys.argv[1])) as stage:
        conduct_run(stage, int(sys.argv[2]), "ada", Killed())
    """
)


def test_a_run_whose_process_was_killed_is_closed_and_begun_again(stage, cast, tmp_path):
    number = open_proposal(stage, "ada", "A run", "", {"effect": "run", "plan": cast.plan.to_json()})
    vote_all(stage, number, {})
    stage.forward(3 * DAY)
    stage.forward(DAY)
    stage.close()
    folder = tmp_path / "coalition"
    command = [sys.executable, "-c", CONDUCT, str(folder), str(number), "round 3"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    tree = read_tree(folder / "log")
    assert audit_log(tree.leaves, tree.note_text).is_final
    with Stage.open(folder) as again:
        ran = conduct_run(again, number, "ada", Silent())
        first, second = again.state.attempts(ran.run.proposal)
        assert (first.status, second.status) == ("failed", "completed")
