"""What lies beside the record about a run: the coalition's report among the blobs, and each member's own."""

import json
from pathlib import Path
from typing import Any

from hansa.cli.record import find_proposal
from hansa.coalition import RunRecord, State
from hansa.errors import Malformed, Refused, Unavailable
from hansa.rehearsal import Stage
from hansa.rehearsal.runner import locate_private_report


def find_completed(state: State, number: int) -> RunRecord:
    """Return the completed attempt at the run with this number.

    Raises:
        Refused: `proposal.unknown`, `permit.not-run`, `run.not-completed`.
    """
    proposal = find_proposal(state, number)
    if proposal.plan is None:
        raise Refused("permit.not-run", f"proposal {number} is about `{proposal.effect.effect}`, not a run")
    for run in state.attempts(proposal.id):
        if run.status == "completed":
            return run
    raise Refused("run.not-completed", f"no attempt at run {number} was completed; see `hansa run list`")


def find_report(stage: Stage, number: int) -> tuple[str, str]:
    """Return the digests of a run's model and of the coalition's report about it.

    Raises:
        Refused: as `find_completed`.
        Unavailable: the report is not among this coalition's blobs.
    """
    run = find_completed(stage.state, number)
    digest = search_report(stage.folder / "blobs", run)
    if digest is None:
        raise Unavailable(f"the report of run {number} is not among the blobs of `{stage.folder}`")
    return run.model, digest


def search_report(blobs: Path, run: RunRecord) -> str | None:
    """Find the report of an attempt among blobs: the document that names this attempt and its model."""
    for path in sorted(blobs.iterdir()) if blobs.is_dir() else ():
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(value, dict) and (value.get("run"), value.get("model")) == (run.id, run.model):
            return path.name
    return None


def read_private(folder: Path, member: str, run: RunRecord) -> dict[str, Any]:
    """Read what a member alone learnt in a run.

    Raises:
        Refused: `report.member`, it took no part.
        Unavailable: its side of this run is not in this folder.
        Malformed: `report.form`, the file is damaged.
    """
    if member not in run.cohort:
        raise Refused("report.member", f"`{member}` took no part in this attempt")
    path = locate_private_report(folder, member, run.id)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unavailable(f"the report of `{member}` cannot be read: `{path}`: {error.strerror}") from error
    except ValueError as error:
        raise Malformed("report.form", f"`{path}` is damaged: {error}") from None
    if not isinstance(value, dict):
        raise Malformed("report.form", f"`{path}` does not hold a report")
    return value
