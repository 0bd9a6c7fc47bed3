"""Release: an effect that the fold refuses unless the bars set before the run are met."""

from hansa.coalition import snapshot
from hansa.coalition.snapshot import RunRecord, State
from hansa.errors import Refused
from hansa.governance import Release, judge_bars


def verify_release(state: State, effect: Release) -> RunRecord:
    """Return the completed attempt that `effect` would release.

    Raises:
        Refused: `release.run` (nothing completed), `release.model` (another model), `release.report`, `release.bars` (a bar is
            missed), `release.again`.
    """
    proposal = state.proposal(effect.run)
    attempts = state.attempts(proposal.id) if proposal is not None else ()
    run = next((attempt for attempt in attempts if attempt.status == "completed"), None)
    if proposal is None or proposal.plan is None or run is None:
        raise Refused("release.run", f"no run approved as proposal {effect.run} was completed")
    if run.model != effect.model:
        raise Refused("release.model", f"run {effect.run} made the model `{run.model}`, not `{effect.model}`")
    if run.report != effect.report:
        raise Refused(
            "release.report",
            f"run {effect.run} was sealed with the report `{run.report}`, not `{effect.report}`",
        )
    missed = [
        f"`{verdict.metric}` {_spell(verdict.value)}, and the bar set before the run is {verdict.bar}"
        for verdict in judge_bars(proposal.plan, run.metrics)
        if not verdict.met
    ]
    if missed:
        raise Refused("release.bars", missed)
    if any(release.model == effect.model for release in state.releases):
        raise Refused("release.again", "this model is released already")
    return run


def _spell(value: str) -> str:
    if value:
        return f"is {value}"
    return "could not be computed, because too few members can be scored or all test rows have one label"


def put_release(state: State, effect: Release, proposal_id: str) -> State:
    """Release the model."""
    run = verify_release(state, effect)
    release = snapshot.Release(proposal_id, run.id, effect.model, effect.report, state.at)
    return state._replace(releases=(*state.releases, release))
