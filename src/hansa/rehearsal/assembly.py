"""What the members of a street do together: propose the plan, vote, run it. Each speaks through the node of its own house."""

import time
from collections.abc import Callable
from typing import Any, Final

from hansa.coalition import Ballot, Body, ProposalRecord, Propose, RunRecord, State, replay
from hansa.errors import Refused, Unavailable
from hansa.node.house import House
from hansa.node.intercom import Intercom
from hansa.rehearsal.lookout import watch_run
from hansa.rehearsal.narration import Narrator
from hansa.rehearsal.runner import write_opening
from hansa.rehearsal.spelling import pluralise
from hansa.rehearsal.street import Street
from hansa.store import read_tree
from hansa.store.lock import held_still

_PASSED: Final = frozenset({"passed", "in_effect"})
_LOOK_SECONDS: Final = 0.1
_SEEN_SECONDS: Final = 120.0


class Window:
    """The record as one house has it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.node = Intercom(house)
        self._state: State | None = None

    @property
    def state(self) -> State:
        """The mirror as it is now, folded here.

        Raises:
            Unavailable: it holds nothing yet.
            Malformed, Refused: it is damaged.
        """
        with held_still(self._house.log):
            leaves = read_tree(self._house.log).leaves
        state = replay(leaves[0 if self._state is None else self._state.size :], self._state)
        assert state is not None  # a published log has an entry
        self._state = state
        return state

    def say(self, body: Body) -> int:
        """Let the node sign an entry, and return its number."""
        return self.node.say([body])[0]

    def wait_until(self, is_so: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the node's status satisfies the caller.

        Raises:
            Unavailable: it does not for a long time, or the node does not run.
        """
        end = time.monotonic() + _SEEN_SECONDS
        while not is_so(found := dict(self.node.status())):
            if time.monotonic() > end:
                said = found["hub_problem"] or found["outbox_problem"] or "it does not say why"
                raise Unavailable(f"the node of `{self._house.member}` does not come along: {said}")
            time.sleep(_LOOK_SECONDS)


def find_run_proposal(state: State, street: Street) -> ProposalRecord | None:
    """Return the newest proposal of the street's plan that has not come to nothing."""
    asked = [
        proposal
        for proposal in state.proposals_in_order
        if proposal.plan is not None
        and proposal.plan.digest == street.plan.digest
        and proposal.outcome in {"open", *_PASSED}
    ]
    return asked[-1] if asked else None


def find_completed(state: State, street: Street) -> RunRecord | None:
    """Return the completed run of the street's plan, if there is one."""
    proposal = find_run_proposal(state, street)
    runs = () if proposal is None else state.attempts(proposal.id)
    return next((run for run in runs if run.status == "completed"), None)


def approve_plan(street: Street, narrator: Narrator) -> int:
    """Let the lead propose the plan and the members vote until it is settled; what was done before is not done again.

    Returns:
        The number of the proposal.

    Raises:
        Refused: `rehearsal.outcome`, it has not passed; or what the fold says.
        Unavailable: the lead's node or the hub has ended.
    """
    windows = {name: Window(house) for name, house in street.houses.items()}
    lead = windows[street.lead]
    lead.wait_until(lambda found: found["entries"] > 0)
    proposal = find_run_proposal(lead.state, street)
    if proposal is None:
        plan = street.plan
        effect = {"effect": "run", "plan": plan.to_json()}
        number = lead.say(Propose(title=plan.name, reason=plan.purpose, effect=effect))
        lead.wait_until(lambda found: found["entries"] > number)
        narrator.say(
            f"entry {number}: `{street.lead}` proposes the run; plan {plan.digest[:16]}…, in its own house"
        )
    else:
        number = proposal.number
    for name in sorted(windows):
        found = _find_proposal(lead, number)
        if found.outcome != "open":
            break
        if name in found.ballots:
            continue
        street.verify_alive()
        try:
            narrator.step(f"`{name}` votes")
            windows[name].wait_until(lambda status: status["entries"] > number)
            entry = windows[name].say(Ballot(proposal=found.id, choice="yes", reason=""))
        except Unavailable as error:
            narrator.doubt(f"`{name}` does not vote: {error}")
            continue
        # Its ballot may be the last one that it takes; whoever proposed has to know before the next one speaks.
        lead.wait_until(lambda status, entry=entry: status["entries"] > entry)  # type: ignore[misc]  # bound here
    found = _find_proposal(lead, number)
    yes = list(found.ballots.values()).count("yes")
    if found.outcome not in _PASSED:
        raise Refused(
            "rehearsal.outcome", f"proposal {number} was not passed: {found.outcome.replace('_', ' ')}"
        )
    narrator.say(
        f"{yes} of {len(found.electorate)} have voted yes, each in its own house; no other ballot could change it, so "
        f"entry {number} has passed"
    )
    return number


def run_plan(street: Street, number: int, narrator: Narrator) -> RunRecord:
    """Let the lead open the run, and watch it to its end; one that is under way is gone on with.

    Raises:
        Refused: `permit.*`, `run.failed`.
        Unavailable: the lead's node has ended.
    """
    lead = Window(street.houses[street.lead])
    state = lead.state
    proposal = _find_proposal(lead, number)
    run = next((run for run in state.attempts(proposal.id) if run.status in {"open", "completed"}), None)
    if run is None:
        entry = lead.say(write_opening(state, proposal, street.plan))
        lead.wait_until(lambda found: found["entries"] > entry)
        run = lead.state.attempts(proposal.id)[-1]
        narrator.say(
            f"attempt {run.attempt} is open on the record as entry {entry}, with {len(run.cohort)} members"
        )
    watch_run(lead.node, run.id, narrator)
    lead.wait_until(lambda found: found["final"] == found["entries"])
    run = lead.state.runs[run.id]
    if run.status != "completed":
        raise Refused(
            "run.failed",
            f"attempt {run.attempt} has failed; `hansa log show --folder {street.houses[street.lead].folder}` shows why",
        )
    sealed = len(run.survivors)
    narrator.say(
        f"{sealed} of {pluralise(len(run.cohort), 'machine')} sealed the same transcript, and the record says so"
    )
    return run


def await_figures(street: Street, run: RunRecord) -> None:
    """Wait until every node that runs has folded the run's end and fetched what it made.

    Raises:
        Unavailable: one does not for a long time.
    """
    for name, house in street.houses.items():
        if street.nodes[name].is_alive:
            Window(house).wait_until(
                lambda _, house=house: all((house.blobs / d).is_file() for d in (run.model, run.report))  # type: ignore[misc]  # bound here
            )


def _find_proposal(window: Window, number: int) -> ProposalRecord:
    proposal = window.state.proposal(number)
    if proposal is None:
        raise Unavailable(f"the lead's house does not show entry {number} yet")
    return proposal
