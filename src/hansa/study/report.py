"""What a try says: whom learning together would help, and by how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hansa.rehearsal.outcome import Member, Outcome, Score, read_outcome
from hansa.rehearsal.spelling import format_gain, format_measure
from hansa.rehearsal.wording import find_mean_score, write_headline
from hansa.study.picture import Picture, draw_picture


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run, on test rows that nobody trained on.

    A rehearsal plays all organisations, so it may show what each would see of itself alone; between houses everybody
    sees its own line and the sums.

    Args:
        outcome: all of it.
    """

    outcome: Outcome

    @property
    def auc(self) -> Mapping[str, float | None]:
        """The mean ROC-AUC over the organisations that can be scored: `alone`, `together`, `corrected`."""
        return {way: find_mean_score(self.outcome, way) for way in ("alone", "together", "corrected")}

    @property
    def scored(self) -> int:
        """How many organisations can be scored."""
        return len(self.outcome.scored)

    @property
    def gaining(self) -> int:
        """How many of them do better together than alone."""
        return sum((member.gain_value or 0.0) > 0 for member in self.outcome.scored)

    @property
    def meets_bars(self) -> bool:
        """Whether every bar of the plan is met, so that the model was released."""
        return all(bar.met for bar in self.outcome.joint.bars)

    @property
    def metrics(self) -> Mapping[str, float]:
        """What the coalition sees, from sums."""
        return dict(self.outcome.joint.metrics)

    @property
    def members(self) -> dict[str, list[Any]]:
        """One row for each organisation, as a dict of columns; `pandas.DataFrame(report.members)` takes it."""
        ranked = self.outcome.ranked
        return {
            "organisation": [member.name for member in ranked],
            "rows": [member.rows for member in ranked],
            "test_rows": [member.test_rows for member in ranked],
            "alone": [_auc(member.alone) for member in ranked],
            "together": [_auc(member.together) for member in ranked],
            "corrected": [_auc(member.corrected) for member in ranked],
            "gain": [member.gain_value for member in ranked],
            "low": [_bound(member, "low") for member in ranked],
            "high": [_bound(member, "high") for member in ranked],
            "advice": [member.advice for member in ranked],
        }

    def plot(self, kind: str = "gains") -> Picture:
        """Draw `gains`, `roc` or `calibration`.

        Raises:
            ValueError, Refused: as `draw_picture`.
        """
        return draw_picture(self.outcome, kind)

    def __str__(self) -> str:
        """Return the headline, and one line for each organisation."""
        members = self.outcome.ranked
        width = max((len(member.name) for member in members), default=0)
        lines = [write_headline(self.outcome)]
        for member in members:
            if member.gain_value is None:
                lines.append(f"  {member.name:{width}}  not scored: {member.advice}")
                continue
            alone, together = (format_measure(_auc(score)) for score in (member.alone, member.together))
            lines.append(f"  {member.name:{width}}  {alone} → {together}  {format_gain(member.gain_value)}")
        return "\n".join(lines)


def read_report(result: Mapping[str, Any]) -> Report:
    """Read a rehearsal's `result.json`.

    Raises:
        Malformed: `result.form`.
    """
    return Report(read_outcome(result))


def _auc(score: Score | None) -> float | None:
    return None if score is None else score.auc


def _bound(member: Member, side: str) -> float | None:
    return None if member.gain is None else getattr(member.gain, side)
