"""One approved run on a stage: opened on the record, conducted through the door, sealed, closed, reported."""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hansa.coalition import (
    Evidence,
    ProposalRecord,
    RunClose,
    RunOpen,
    RunRecord,
    State,
    approved_cohort,
    sharing_for,
)
from hansa.engine import LocalEngine, Traffic
from hansa.errors import HansaError, Refused, Unavailable
from hansa.governance import Plan
from hansa.hub import Conducted, Coordinator
from hansa.learning import PrivateReport
from hansa.node.closing import write_failure
from hansa.rehearsal.narration import Narrator
from hansa.rehearsal.spelling import list_names, pluralise
from hansa.rehearsal.stage import Stage


@dataclass(frozen=True, slots=True)
class Ran:
    """A completed run.

    Args:
        run: the attempt, as it stands on the record.
        conducted: the result and what was sealed.
        model: hex digest of the model document, which lies in the stage's blobs.
        private: by member, what that member alone learns; a rehearsal holds all of them because it plays
            all members.
        lengths: of each round, how many integers each member answered.
        traffic: bytes to and from each member.
    """

    run: RunRecord
    conducted: Conducted
    model: str
    private: Mapping[str, PrivateReport]
    lengths: tuple[int, ...]
    traffic: Mapping[str, Traffic]

    @property
    def numbers(self) -> int:
        """Return how many integers each member answered that stayed to the end."""
        return sum(self.lengths)

    def count_numbers(self, member: str) -> int:
        """Return how many integers of a member are in the totals: all, or those before it was lost."""
        return sum(self.lengths[: self.run.dropped.get(member, len(self.lengths) + 1) - 1])


def find_run(state: State, number: int) -> tuple[ProposalRecord, Plan]:
    """Return the run proposal with this number and its plan.

    Raises:
        Refused: `permit.unknown-proposal`, `permit.not-run`.
    """
    proposal = state.proposal(number)
    if proposal is None:
        raise Refused(
            "permit.unknown-proposal", f"entry {number} is not a proposal; see `hansa proposal list`"
        )
    if proposal.plan is None:
        raise Refused("permit.not-run", f"proposal {number} is about `{proposal.effect.effect}`, not a run")
    return proposal, proposal.plan


def write_opening(state: State, proposal: ProposalRecord, plan: Plan) -> RunOpen:
    """Return what opens the next attempt at a run, with every approved member that is active now."""
    active = {member.id for member in state.active_members}
    cohort = [name for name in approved_cohort(state, plan) if name in active]
    return RunOpen(
        proposal=proposal.id,
        plan=plan.digest,
        recipe=plan.recipe.digest,
        attempt=len(state.attempts(proposal.id)) + 1,
        cohort=cohort,
        threshold=sharing_for(state, len(cohort)).threshold,
    )


def conduct_run(stage: Stage, number: int, coordinator: str, narrator: Narrator) -> Ran:
    """Start the next attempt at a run and take it to its end.

    Args:
        stage: the coalition.
        number: entry number of the run's proposal.
        coordinator: the member that opens and closes the attempt.
        narrator: told about every round.

    Raises:
        Refused: `permit.*` before anything is opened; or whatever ended the attempt, which is then on the
            record as `failed` with this reason.
    Guarantees:
        An attempt that was interrupted, or whose process was killed, does not stand in the way of the next one.
        Each member's private report lies in its own folder and nowhere else, see `locate_private_report`.
    """
    proposal, plan = find_run(stage.state, number)
    _close_interrupted(stage, proposal, coordinator, narrator)
    opening = write_opening(stage.state, proposal, plan)
    attempt, cohort = opening.attempt, opening.cohort
    stage.say(coordinator, opening)
    stage.settle()
    run = stage.state.attempts(proposal.id)[-1]
    narrator.say(f"attempt {attempt} is open on the record as entry {run.number}, with {len(cohort)} members")
    engine = LocalEngine({name: stage.actor(name).receive for name in cohort})
    asked: list[int] = []
    begun = time.perf_counter()

    def follow(round_number: int, name: str, length: int) -> None:
        passed = time.perf_counter() - begun
        pace = f"; {passed / len(asked):.0f} s a round so far" if asked and passed / len(asked) >= 1 else ""
        asked.append(length)
        narrator.step(
            f"round {round_number}: {name}, {length:,} numbers from each member, only their sum is seen{pace}"
        )

    def miss(round_number: int, name: str, why: str) -> None:
        # A rehearsal plays all members, so it may show what each would see in its own house.
        problem = stage.actor(name).trainer.problem
        told = f"; it says, to its own people only: {problem}" if problem is not None else ""
        narrator.doubt(f"round {round_number}: `{name}` {why}; it is out of this attempt{told}")

    conductor = Coordinator(stage.sequencer, engine, follow, miss)
    try:
        conducted = conductor.conduct(run.id)
    except HansaError as error:
        _bring_evidence(stage, coordinator, conductor.evidence, narrator)
        _close_failed(stage, coordinator, run.id, str(error))
        problems = [(name, stage.actor(name).trainer.problem) for name in cohort]
        told = [f"{who} told: {problem}" for problem, who in _group(problems).items()]
        if not told:
            raise
        raise Refused("run.contributor", [str(error), *told]) from error
    except BaseException:
        with contextlib.suppress(HansaError):  # what interrupted it matters more than what that broke
            _close_failed(stage, coordinator, run.id, "it was interrupted")
        raise
    stage.sequence(conducted.seals)
    model = stage.blobs.put(conducted.model)
    close = RunClose(
        run=run.id,
        status="completed",
        transcript=conducted.transcript,
        model=model,
        report=stage.blobs.put(conducted.report),
        metrics=dict(conducted.metrics),
        dropped=dict(conducted.dropped),
        reason="",
    )
    stage.say(coordinator, close)
    # After the seals: the coordinator's own continues its chain of entries as it was when it signed.
    _bring_evidence(stage, coordinator, conductor.evidence, narrator)
    stage.settle()
    private = {}
    sealed = [name for name in cohort if name not in conducted.dropped]
    for name in sealed:
        report = stage.actor(name).trainer.private_report
        assert report is not None  # who has sealed has its report
        private[name] = report
        _keep_private_report(stage, run.id, report)
    if conducted.dropped:
        lost = list_names([f"`{name}`" for name in conducted.dropped])
        who = f"{len(sealed)} of {len(cohort)} sealed the same transcript, and the record names who vanished: {lost}"
    else:
        who = f"all {len(cohort)} sealed the same transcript"
    narrator.say(f"{pluralise(len(asked), 'round')}, {sum(asked):,} numbers from each member; {who}")
    return Ran(stage.state.runs[run.id], conducted, model, private, tuple(asked), engine.traffic)


def _bring_evidence(stage: Stage, coordinator: str, evidence: Sequence[Evidence], narrator: Narrator) -> None:
    """Put on the record what members signed twice, if the coordinator is still there to bring it."""
    for found in evidence:
        if stage.state.members[coordinator].is_active:
            entry = stage.say(coordinator, found)
            narrator.doubt(
                f"`{found.member}` signed two {found.kind}s in one sum; entry {entry} holds both as evidence"
            )


def _group(problems: Sequence[tuple[str, HansaError | None]]) -> Mapping[str, str]:
    """Return who says so for each problem that members told to their own people only."""
    said: dict[str, list[str]] = {}
    for name, problem in problems:
        if problem is not None:
            said.setdefault(str(problem), []).append(f"`{name}`")
    return {problem: f"the people of {', '.join(names)} alone are" for problem, names in said.items()}


def locate_private_report(folder: Path, member: str, run_id: str) -> Path:
    """Return where a member's own report of a run lies, in the coalition of a folder."""
    return folder / "members" / member / "reports" / f"{run_id}.json"


def _keep_private_report(stage: Stage, run_id: str, report: PrivateReport) -> None:
    path = locate_private_report(stage.folder, report.member, run_id)
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(exist_ok=True)
        new.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise Unavailable(f"the report `{path}` cannot be written: {error.strerror}") from error


def _close_interrupted(stage: Stage, proposal: ProposalRecord, coordinator: str, narrator: Narrator) -> None:
    """Close an attempt that an earlier process left open: nothing of it is under way any more."""
    for run in stage.state.attempts(proposal.id):
        # A rehearsal plays all members, so whoever opened it can say so, unless it has left.
        closer = run.coordinator if stage.state.members[run.coordinator].is_active else coordinator
        if run.status == "open" and closer in {run.coordinator, *run.cohort}:
            _close_failed(stage, closer, run.id, "interrupted: the process that conducted it ended")
            narrator.doubt(
                f"attempt {run.attempt} was interrupted earlier; it is closed as failed, and a new one begins"
            )


def _close_failed(stage: Stage, coordinator: str, run_id: str, reason: str) -> None:
    """Write on the record that an attempt failed, if its coordinator is still there to say so."""
    if not stage.state.members[coordinator].is_active or stage.state.runs[run_id].status != "open":
        return
    stage.say(coordinator, write_failure(run_id, reason))
    stage.settle()
