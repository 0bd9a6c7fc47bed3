"""How an approved run is started: on a stage it is conducted here, in a house the nodes and the hub take it from the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hansa.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hansa.cli.desk import Desk
    from hansa.coalition import RunRecord
    from hansa.rehearsal import Narrator


def start_on_stage(
    desk: Desk, number: int, member: str, narrator: Narrator
) -> tuple[RunRecord, Mapping[str, Any]]:
    """Open an attempt and conduct it in this process; see `conduct_run`."""
    from hansa.rehearsal import Stage, conduct_run

    assert isinstance(desk, Stage)
    try:
        ran = conduct_run(desk, number, member, narrator)
    except KeyboardInterrupt as interruption:
        interruption.add_note("the attempt is closed as failed; the same command begins a new one")
        raise
    traffic = {
        "numbers_left": ran.numbers,
        "bytes_up": {name: traffic.bytes_up for name, traffic in ran.traffic.items()},
    }
    return ran.run, traffic


def start_in_house(
    desk: Desk, number: int, member: str, narrator: Narrator
) -> tuple[RunRecord, Mapping[str, Any]]:
    """Open an attempt, or go on watching the one that this member opened, and return when it is closed on the record.

    Raises:
        Refused: `permit.*` before anything is opened; `run.failed`, with what the record says of it.
        Unavailable: the node is not running any more. The run goes on without this command.
    """
    from hansa.cli.desk import HouseDesk
    from hansa.rehearsal.lookout import watch_run
    from hansa.rehearsal.runner import find_run, write_opening

    assert isinstance(desk, HouseDesk)
    state = desk.state
    proposal, plan = find_run(state, number)
    under_way = next((run for run in state.attempts(proposal.id) if run.status == "open"), None)
    if under_way is None:
        opened = write_opening(state, proposal, plan)
        entry = desk.say(member, opened)
        run = desk.state.attempts(proposal.id)[-1]
        narrator.say(
            f"attempt {run.attempt} is open on the record as entry {entry}, with {len(run.cohort)} members"
        )
    else:
        run = under_way
        narrator.say(f"attempt {run.attempt}, entry {run.number}, is under way already")
    try:
        watch_run(desk.node, run.id, narrator)
    except KeyboardInterrupt as interruption:
        interruption.add_note("the run goes on: the nodes take part by themselves; `hansa run list` shows it")
        raise
    run = desk.state.runs[run.id]
    if run.status != "completed":
        raise Refused("run.failed", _find_reason(desk, run.id))
    narrator.say(f"{len(run.survivors)} of {len(run.cohort)} sealed the same transcript")
    return run, {}


def _find_reason(desk: Desk, run_id: str) -> str:
    """Return what the record says about the end of an attempt."""
    from hansa.cli.record import read_record
    from hansa.coalition import RunClose, parse_entry
    from hansa.transparency import parse_leaf

    for leaf in reversed(read_record(desk.folder).leaves):
        body = parse_entry(parse_leaf(leaf).envelope).body
        if isinstance(body, RunClose) and body.run == run_id:
            return body.reason
    raise Unavailable("the record does not show how the attempt ended")
