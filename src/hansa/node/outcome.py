"""The end of a run, as a member checks it: the announced result, and who is said to have been lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hansa.coalition import RunSeal, result_digest
from hansa.engine import Derivation
from hansa.errors import Refused
from hansa.governance import is_metric
from hansa.learning import Result, write_metrics, write_report
from hansa.transparency import canonical

TOLERANCE: Final = Decimal("0.000002")
"""How far a metric may be from the one recomputed here: twice its last decimal place."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result that was announced and found right.

    Args:
        result: as it follows from the totals here.
        model: hex digest of the model document.
        report: hex digest of the coalition's report, as announced.
        metrics: as announced.
    """

    result: Result
    model: str
    report: str
    metrics: Mapping[str, str]

    def write_seal(self, run: str, transcript: bytes, lost: Mapping[str, int]) -> RunSeal:
        """Return the entry that vouches for this result and for who was lost on the way to it."""
        result = result_digest(self.model, self.report, self.metrics, lost)
        return RunSeal(run=run, transcript=transcript.hex(), result=result)


def verify_outcome(announced: Mapping[str, canonical.Json], result: Result) -> Outcome:
    """Check `metrics`, `model` and `report` as announced against the result that follows here.

    Raises:
        Refused: `run.model`, another model, be it by one letter; `run.metrics`, `run.report`, a number that
            differs by more than the last bits of a floating-point number can.
    """
    metrics, model, report = (announced[name] for name in ("metrics", "model", "report"))
    if model != result.document:
        raise Refused("run.model", "the coordinator's model is not the one that follows from the totals")
    _verify_close("run.metrics", metrics, {**write_metrics(result)})
    _verify_close("run.report", report, write_report(result))
    assert isinstance(metrics, dict)  # it is close to one
    spelt = {name: str(value) for name, value in metrics.items()}
    return Outcome(result, canonical.digest(model), canonical.digest(report), spelt)


def verify_lost(
    announced: Mapping[str, canonical.Json], derivation: Derivation, member: str
) -> dict[str, int]:
    """Check a list of who was lost, and since which round, against what this member has signed.

    Args:
        announced: first round without its numbers, by member.
        derivation: this member's, at its result.
        member: the id of this member.

    Returns:
        The list, sorted by member.

    Raises:
        Refused: `run.dropped`, who is missing from a total is not said to be missing from that one on; this
            member, or somebody who took no part, is called lost; or too few are left. That somebody who is
            in all totals has vanished since nobody else can know.
    """
    rounds = derivation.round - 1
    since = {name: number for name, number in announced.items() if type(number) is int}
    after = {name for name, number in since.items() if number == rounds + 1}
    if len(since) != len(announced) or {n: r for n, r in since.items() if n not in after} != derivation.lost:
        raise Refused("run.dropped", "the members said to be lost are not those that the totals are without")
    if member in after:
        raise Refused("run.dropped", f"`{member}` is said to be lost, and is here")
    if not after < {*derivation.cohort} or len(derivation.cohort) - len(after) < derivation.minimum_cohort:
        raise Refused("run.dropped", f"fewer than {derivation.minimum_cohort} members are left to seal")
    return {name: since[name] for name in sorted(since)}


def _verify_close(rule: str, theirs: canonical.Json, ours: canonical.Json, *, place: str = "") -> None:
    """Refuse two JSON values that differ by more than the last bits of numbers spelt with six places."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for name, value in ours.items():
            _verify_close(rule, theirs[name], value, place=f"{place}.{name}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, value in enumerate(ours):
            _verify_close(rule, theirs[index], value, place=f"{place}[{index}]")
    elif theirs != ours and not _is_close(theirs, ours):
        raise Refused(rule, f"`{place.lstrip('.')}` is not what follows from the totals")


def _is_close(theirs: canonical.Json, ours: canonical.Json) -> bool:
    if not (isinstance(theirs, str) and isinstance(ours, str) and is_metric(theirs) and is_metric(ours)):
        return False
    return abs(Decimal(theirs) - Decimal(ours)) <= TOLERANCE
