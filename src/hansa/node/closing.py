"""The end of a run on the record: what the hub says came of it, held against what this member sealed itself."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from hansa.coalition import ZERO_DIGEST, Evidence, RunClose, RunRecord, result_digest
from hansa.errors import Malformed, Refused


class Outcome(NamedTuple):
    """What a hub says came of a run: how to close it, and what members signed twice."""

    close: RunClose
    evidence: tuple[Evidence, ...]


def read_outcome(run: str, said: Mapping[str, Any]) -> Outcome:
    """Read what a hub says came of a run.

    Raises:
        Malformed: `run.outcome`, it is not in the form of `docs/formats/wire.md`.
    """
    fields = {name: said[name] for name in RunClose.model_fields.keys() & said.keys()}
    try:
        close = RunClose.model_validate({**fields, "run": run, "reason": str(said.get("reason", ""))[:1_000]})
        evidence = tuple(Evidence.model_validate(found) for found in said.get("evidence", ()))
    except (ValidationError, TypeError) as error:
        raise Malformed(
            "run.outcome", f"the hub's account of the run cannot be read: {type(error).__name__}"
        ) from None
    if any(found.run != run for found in evidence):
        raise Malformed("run.outcome", "the hub brings evidence of another run")
    return Outcome(close, evidence)


def verify_sealed(run: RunRecord, close: RunClose, member: str) -> None:
    """Check that a completed run is closed as this member sealed it; that the others did, the fold checks.

    Args:
        run: as this member's own fold has it, with the seals.
        close: the entry that it is about to write.
        member: this member's id.

    Raises:
        Refused: `run.outcome`, it sealed another result, or none though it is said to have stayed to the end.
    """
    if member in close.dropped:
        return
    sealed = run.seals.get(member)
    told = (close.transcript, result_digest(close.model, close.report, close.metrics, close.dropped))
    if sealed is None:
        raise Refused("run.outcome", f"the hub says that `{member}` sealed the result, and it did not")
    if sealed != told:
        raise Refused("run.outcome", "the hub tells another result than the one that was sealed here")


def write_failure(run: str, reason: str) -> RunClose:
    """Return the entry that says that a run failed."""
    return RunClose(
        run=run,
        status="failed",
        transcript=ZERO_DIGEST,
        model=ZERO_DIGEST,
        report=ZERO_DIGEST,
        metrics={},
        dropped={},
        reason=reason[:1_000] or "no reason was given",
    )
