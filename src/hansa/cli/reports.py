"""What lies beside the record about a run: what it made, among the blobs, and each member's own report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hansa.cli.record import Record, find_proposal
from hansa.coalition import RunRecord, State
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import is_metric
from hansa.learning import verify_statistics
from hansa.learning.regression import Regression, parse_regression
from hansa.node.house import House, is_house
from hansa.rehearsal.runner import locate_private_report
from hansa.rehearsal.spelling import list_names
from hansa.store import BlobStore
from hansa.transparency import canonical
from hansa.transparency.canonical import Json


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


def read_model(record: Record, run: RunRecord) -> Json:
    """Read the model that a run made.

    Raises:
        Malformed: `blob.digest`, the file holds other bytes than the members sealed; `canonical-json.*`, they sealed no document.
        Unavailable: it does not lie beside the record, or cannot be read.
    """
    if record.blobs is None or not (store := BlobStore(record.blobs)).path(run.model).is_file():
        raise Unavailable(f"the model `{run.model}` does not lie here: the record holds its digest only")
    return canonical.parse(store.get(run.model))


def read_regression(record: Record, run: RunRecord) -> Regression | None:
    """Read the regression that a run made; None when it does not lie beside the record.

    Raises:
        Malformed: `blob.digest`, the file holds other bytes than the members sealed; `model.*`, they sealed no regression.
        Unavailable: it cannot be read.
    """
    if record.blobs is None or not BlobStore(record.blobs).path(run.model).is_file():
        return None
    return parse_regression(read_model(record, run))


def find_uncertainty(record: Record, run: RunRecord) -> Mapping[str, str] | None:
    """Return how far each metric of a run may be off, as the coalition's report says; None when the report is not here.

    Raises:
        Malformed: `blob.digest`, `report.form`, it is damaged.
        Unavailable: it cannot be read.
    """
    if record.blobs is None:
        return None
    store = BlobStore(record.blobs)
    return read_uncertainty(store.get(run.report)) if store.path(run.report).exists() else None


def read_uncertainty(report: bytes) -> Mapping[str, str]:
    """Return how far each metric may be off, by name, from a coalition's report (docs/formats/run.md).

    Raises:
        Malformed: `report.form`, these bytes are no such report.
    """
    try:
        found = json.loads(report).get("uncertainty", {})
        if all(is_metric(value) for value in found.values()):
            return dict(found)
    except (ValueError, TypeError, AttributeError):
        pass
    raise Malformed(
        "report.form", "these bytes do not say how far metrics may be off, as a coalition's report does"
    )


def read_private(folder: Path, state: State, member: str, run: RunRecord) -> dict[str, Any]:
    """Read what a member alone learnt in a run.

    Raises:
        Refused: `house.member`, it is not the member of this house; `author.unknown`, there is no such member; `report.member`, it
            took no part; `report.dropped`, the record says that it vanished.
        Unavailable: its side of this run is not in this folder.
        Malformed: `report.form`, the file is damaged.
    """
    if member not in run.cohort:
        others = f"took part in this attempt: {list_names(sorted(run.cohort))}"
        if member not in state.members:
            raise Refused("author.unknown", f"there is no member `{member}`; {others}")
        raise Refused("report.member", f"`{member}` took no part in this attempt; {others}")
    if member in run.dropped:
        raise Refused(
            "report.dropped",
            f"the record says that `{member}` vanished: its numbers are not in the totals from round "
            f"{run.dropped[member]} on, and it did not seal the result; if `{member}` was there all the time, the "
            "coordinator left it out",
        )
    path = _locate(folder, member, run.id)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unavailable(f"the report of `{member}` cannot be read: `{path}`: {error.strerror}") from error
    except ValueError as error:
        raise Malformed("report.form", f"`{path}` is damaged: {error}") from None
    if not isinstance(value, dict):
        raise Malformed("report.form", f"`{path}` does not hold a report")
    return value


def _locate(folder: Path, member: str, run: str) -> Path:
    if not is_house(folder):
        return locate_private_report(folder, member, run)
    house = House(folder)
    if member != house.member:
        raise Refused(
            "house.member", f"this is the house of `{house.member}`; what `{member}` learnt lies in its own"
        )
    return house.report(run)
