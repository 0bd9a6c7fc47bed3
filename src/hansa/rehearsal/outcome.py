"""The result of a run as values: what the report and the terminal summary read; `part` says how."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field, ValidationError

from hansa.errors import Malformed
from hansa.rehearsal.guarantee import Privacy
from hansa.rehearsal.part import Count, Curve, Measure, Moment, Numbers, Part, Size, Words
from hansa.rehearsal.yardstick import Yardstick, find_yardstick


class Coalition(Part):
    """Who ran, and the head of their log."""

    name: Words
    id: Words
    origin: Words = ""
    purpose: Words = ""
    members: Count
    members_called: Words = "organisations"
    charter_version: int = 1
    charter_digest: Words = ""
    log_size: Size = 0
    root: Words = ""
    cosignatures: Count = 0
    cosignatures_needed: Size = 0


class Recipe(Part):
    """The recipe of a plan, by name."""

    name: Words = ""


class Label(Part):
    """What the plan learns to tell, and of which type it is; of two values, none."""

    name: Words = ""
    type: Words = ""


class Split(Part):
    """How rows were held out."""

    kind: Words = ""
    test: Words | None = None
    seed: int | None = None


class Feature(Part):
    """A column that the plan offers to the model."""

    name: Words
    type: Words = ""


class Plan(Part):
    """What the report shows of a plan."""

    name: Words = ""
    purpose: Words = ""
    digest: Words = ""
    recipe: Recipe = Recipe()
    label: Label = Label()
    features: tuple[Feature, ...] = ()
    split: Split = Split()


class BarVerdict(Part):
    """One bar set before the run, and whether it was met."""

    metric: Words
    at_least: Words | float | None = None
    at_most: Words | float | None = None
    value: Words | Measure = None
    met: bool


class CalibrationBin(Part):
    """One bin of predictions: their mean, the share that came true, and how many."""

    predicted: Measure = None
    observed: Measure = None
    rows: Size = 0


class Curves(Part):
    """ROC curves as points (share of false alarms, share found)."""

    alone: Curve = ()
    together: Curve = ()
    corrected: Curve = ()


class Calibration(Part):
    """Calibration bins of each way to learn."""

    alone: tuple[CalibrationBin, ...] = ()
    together: tuple[CalibrationBin, ...] = ()


class Coefficient(Part):
    """One coefficient of the joint model."""

    name: Words
    value: Measure = None


class Estimate(Part):
    """One line of a regression's table, in the units of label and feature; None where there is no standard error."""

    equation: Words | None = None
    column: Words
    estimate: Measure = None
    standard_error: Measure = None
    p_value: Measure = None
    low: Measure = None
    high: Measure = None


class FeatureGain(Part):
    """By how much the splits by one feature lowered the loss together, in trees."""

    name: Words
    value: Measure = None


class Dropped(Part):
    """What the plan offers and the model does not use, and why."""

    column: Words
    reason: Words = ""


class Joint(Part):
    """What the cohort learnt, from totals only."""

    metrics: Numbers = Field(default_factory=dict)
    uncertainty: Numbers = Field(default_factory=dict)
    roc: Curves = Curves()
    calibration: Calibration = Calibration()
    bars: tuple[BarVerdict, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    gains: tuple[FeatureGain, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    rounds: Size = 0


class Score(Part):
    """A ROC-AUC with its 95% interval, or the value of another yardstick."""

    auc: Measure = None
    value: Measure = None
    low: Measure = None
    high: Measure = None

    @property
    def figure(self) -> float | None:
        """Return the ROC-AUC, or the value."""
        return self.value if self.auc is None else self.auc


class Gain(Part):
    """The figure together minus alone, on the same rows, with its 95% interval."""

    value: Measure = None
    low: Measure = None
    high: Measure = None


class Standing(StrEnum):
    """How a member does together, compared with alone, in the words that tables show."""

    CLEAR = "clear gain"
    UNSURE = "gain, not certain"
    FULL = "no room to gain"
    NONE = "no gain"
    LOSS = "clear loss"
    UNSCORED = "not scored"
    VANISHED = "vanished"


class Member(Part):
    """One member's figures, on its own rows."""

    member: Words
    name: Words = ""
    rows: Size = 0
    train_rows: Size = 0
    test_rows: Size = 0
    test_positives: Size = 0
    scored: bool = False
    alone: Score | None = None
    together: Score | None = None
    corrected: Score | None = None
    gain: Gain | None = None
    corrected_gain: Gain | None = None
    advice: Words = ""
    numbers_left: Size = 0
    bytes_up: Size = 0
    bytes_down: Size = 0
    lost_from: Size | None = None

    @property
    def gain_value(self) -> float | None:
        """Return the gain, or `None` when the member cannot be scored."""
        if not self.scored:
            return None
        if self.gain is not None and self.gain.value is not None:
            return self.gain.value
        return _difference(self.together, self.alone)

    @property
    def corrected_gain_value(self) -> float | None:
        """Return what the joint model with a local correction gains over alone, or `None`."""
        if not self.scored:
            return None
        if self.corrected_gain is not None and self.corrected_gain.value is not None:
            return self.corrected_gain.value
        return _difference(self.corrected, self.alone)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95% interval of the gain, or `None` when it is unknown."""
        if self.gain_value is None or self.gain is None or self.gain.low is None or self.gain.high is None:
            return None
        return self.gain.low, self.gain.high

    @property
    def standing(self) -> Standing:
        """Return how the member does; clear means that the whole interval is on one side of zero."""
        gain, interval = self.gain_value, self.interval
        if self.lost_from is not None:
            return Standing.VANISHED
        if gain is None:
            return Standing.UNSCORED
        if gain > 0:
            return Standing.CLEAR if interval is not None and interval[0] > 0 else Standing.UNSURE
        if gain == 0 and self.alone is not None and self.alone.figure == 1:
            return Standing.FULL
        return Standing.LOSS if interval is not None and interval[1] < 0 else Standing.NONE


class Decision(Part):
    """One proposal and what became of it."""

    entry: Size
    effect: Words
    title: Words = ""
    proposer: Words = ""
    outcome: Words = "open"
    yes: Count = 0
    no: Count = 0
    abstain: Count = 0
    recused: Count = 0
    absent: Count = 0
    opened_at: Moment = None
    closes_at: Moment = None
    decided_at: Moment = None
    effect_at: Moment = None

    @property
    def is_unfinished(self) -> bool:
        """Return whether electors could still have voted: it is open, or was settled before its time."""
        if self.outcome == "open":
            return True
        return self.decided_at is not None and self.closes_at is not None and self.decided_at < self.closes_at


class Entry(Part):
    """One entry of the log, in words."""

    index: Size
    at: Moment = None
    kind: Words
    author: Words = ""
    text: Words = ""


class Timing(Part):
    """How long one part took."""

    part: Words
    seconds: Measure = None


class Outcome(Part):
    """The whole result of a run."""

    coalition: Coalition
    plan: Plan = Plan()
    guarantee: Words = "no formal guarantee"
    privacy: Privacy = Privacy()
    joint: Joint = Joint()
    members: tuple[Member, ...] = ()
    vanished: tuple[Member, ...] = ()
    lost: Mapping[Words, Size] = Field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    entries: tuple[Entry, ...] = ()
    timings: tuple[Timing, ...] = ()
    log: Words = ""
    rehearsal: bool = True

    @property
    def names(self) -> Mapping[str, str]:
        """Return the names of members by id, also of those that vanished on the way."""
        everybody = {account.member: account.name for account in self.privacy.accounts if account.name}
        return everybody | {member.member: member.name for member in self.cohort}

    @property
    def yardstick(self) -> Yardstick:
        """Return what members are compared by."""
        return find_yardstick(self.plan.label.type)

    @property
    def doubts(self) -> Mapping[str, float]:
        """Return by how much each measure may be off where noise blurs it; empty without noise, where it is next to nothing."""
        return self.joint.uncertainty if self.privacy.is_noised else {}

    @property
    def unused(self) -> tuple[Dropped, ...]:
        """Return the numeric columns of the plan that the model does not use at all: worth a warning."""
        numbers = {feature.name for feature in self.plan.features if feature.type == "number"}
        return tuple(dropped for dropped in self.joint.dropped if dropped.column in numbers)

    @property
    def cohort(self) -> tuple[Member, ...]:
        """Return the members that stayed, then those that vanished on the way and sent numbers until then."""
        return (*self.members, *self.vanished)

    @property
    def ranked(self) -> tuple[Member, ...]:
        """Return the scored members by falling gain, then the others by name."""
        return tuple(sorted(self.members, key=_rank))

    @property
    def scored(self) -> tuple[Member, ...]:
        """Return the scored members by falling gain."""
        return tuple(member for member in self.ranked if member.gain_value is not None)

    @property
    def unscored(self) -> tuple[Member, ...]:
        """Return the members that cannot be scored, by name."""
        return tuple(member for member in self.ranked if member.gain_value is None)


def read_outcome(result: Mapping[str, Any]) -> Outcome:
    """Read a `result.json` structure.

    Raises:
        Malformed: `result.form`, naming every place that does not fit.
    """
    try:
        return _with_distinct_names(Outcome.model_validate(result))
    except ValidationError as error:
        findings = (
            f"`{'.'.join(map(str, found['loc']))}` {found['msg'].lower()}" for found in error.errors()
        )
        raise Malformed("result.form", "; ".join(findings)) from error


def _with_distinct_names(outcome: Outcome) -> Outcome:
    """Give every member a name to show: its own, or with its id where two share one or it has none."""
    names = [member.name for member in outcome.cohort]
    members = tuple(
        member
        if member.name and names.count(member.name) == 1
        else member.model_copy(
            update={"name": f"{member.name} ({member.member})" if member.name else member.member}
        )
        for member in outcome.cohort
    )
    stayed = len(outcome.members)
    return outcome.model_copy(update={"members": members[:stayed], "vanished": members[stayed:]})


def _rank(member: Member) -> tuple[bool, float, str]:
    gain = member.gain_value
    return (gain is None, -(gain or 0.0), member.name.casefold())


def _difference(better: Score | None, worse: Score | None) -> float | None:
    if better is None or worse is None or better.figure is None or worse.figure is None:
        return None
    return better.figure - worse.figure
