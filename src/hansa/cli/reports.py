"""What lies beside the record about a run: what it made, among the blobs, and each member's own report."""

import json
from pathlib import Path
from typing import Any

from hansa.cli.record import Record, find_proposal
from hansa.coalition import RunRecord, State
from hansa.errors import Malformed, Refused, Unavailable
from hansa.learning import verify_statistics
from hansa.rehearsal.runner import locate_private_report
from hansa.store import BlobStore
from hansa.transparency import canonical


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


def read_statistics(record: Record, run: RunRecord) -> dict[str, Any] | None:
    """Read the statistics that a run made; None when they do not lie beside the record.

    Raises:
        Malformed: `blob.digest`, the file holds other bytes than the members sealed; `statistics.*`, they sealed no
            statistics.
        Unavailable: it cannot be read.
    """
    if record.blobs is None or not (store := BlobStore(record.blobs)).path(run.model).is_file():
        return None
    document = canonical.parse(store.get(run.model))
    verify_statistics(document)
    assert isinstance(document, dict)  # it has the fields of one
    return document


def read_private(folder: Path, member: str, run: RunRecord) -> dict[str, Any]:
    """Read what a member alone learnt in a run.

    Raises:
        Refused: `report.member`, it took no part; `report.dropped`, the record says that it vanished.
        Unavailable: its side of this run is not in this folder.
        Malformed: `report.form`, the file is damaged.
    """
    if member not in run.cohort:
        raise Refused("report.member", f"`{member}` took no part in this attempt")
    if member in run.dropped:
        raise Refused(
            "report.dropped",
            f"the record says that `{member}` vanished: its numbers are not in the totals from round "
            f"{run.dropped[member]} on, and it did not seal the result; if `{member}` was there all the time, the "
            "coordinator left it out",
        )
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
