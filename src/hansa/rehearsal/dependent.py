"""What a regression is to explain, worked out from what the organisations' files hold: a number, a class, or a time."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final, Literal, NamedTuple

from hansa.governance import Finding
from hansa.governance.label import MAXIMUM_CLASSES
from hansa.node.likeness import enumerate_some, show
from hansa.rehearsal.comparison import Profiles, compare_numbers, is_numeric, sort_categories
from hansa.rehearsal.draft import fits_plan, round_out
from hansa.rehearsal.target import LabelDraft, draft_label, inspect_label

_STEPS: Final = 20
"""Of time, about so many are drafted."""


class Beside(NamedTuple):
    """The columns that stand beside the label of a regression.

    Args:
        event: says whether a time ended with the event.
        exposure: says over what a count came about.
    """

    event: str | None = None
    exposure: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(name for name in self if name is not None)


class Bounds(NamedTuple):
    """A column of numbers, and decimal texts around what it holds."""

    name: str
    minimum: str
    maximum: str


@dataclass(frozen=True, slots=True)
class OutcomeDraft:
    """What the plan will say about the label of a regression.

    Args:
        name: the column.
        kind: the type of the label.
        family: that is tried first.
        remark: what was seen.
        bounds: of a number.
        exposure: of a count.
        categories: of classes.
        step: of a time, a decimal text.
        steps: of a time, how many.
        event: of a time.
        positives: rows with the event, by file; 0 of other labels.
    """

    name: str
    kind: Literal["number", "category", "time"]
    family: str
    remark: str
    bounds: Bounds | None = None
    exposure: Bounds | None = None
    categories: tuple[str, ...] = ()
    step: str = ""
    steps: int = 0
    event: LabelDraft | None = None

    @property
    def positives(self) -> Mapping[str, int]:
        """Rows with the event, by file; empty unless the label is a time."""
        return {} if self.event is None else self.event.positives


def draft_outcome(name: str, beside: Beside, profiles: Mapping[str, Profiles]) -> OutcomeDraft | None:
    """Decide what the label of a regression is, or return None where `inspect_outcome` finds errors.

    Args:
        name: the label.
        beside: the columns beside it.
        profiles: of all these columns, by name.
    """
    own = profiles[name]
    if not is_numeric(own):
        texts = _count_texts(own)
        remark = f"{len(texts)} classes; the others are compared with the first"
        return OutcomeDraft(
            name, "category", "multinomial", remark, categories=tuple(sort_categories(tuple(texts)))
        )
    if beside.event is not None:
        event = draft_label(beside.event, profiles[beside.event])
        step, steps = _divide(max(profile.high for profile in own.values()))
        remark = "a step is what may be told apart: coarse ones tell less, and need fewer rows in each"
        return (
            None
            if event is None
            else OutcomeDraft(name, "time", "cox", remark, step=step, steps=steps, event=event)
        )
    bounds = _bound(name, own)
    if beside.exposure is not None:
        exposure = _bound(beside.exposure, profiles[beside.exposure], above_zero=True)
        if bounds is None or exposure is None:
            return None
        return OutcomeDraft(name, "number", "poisson", "a count over an exposure", bounds, exposure)
    remark = "a number; of counts try `family: poisson`, of amounts above 0 `family: gamma`"
    return None if bounds is None else OutcomeDraft(name, "number", "linear", remark, bounds)


def inspect_outcome(name: str, beside: Beside, profiles: Mapping[str, Profiles]) -> Iterator[Finding]:
    """Yield what is wrong with the label of a regression, and with what stands beside it."""
    own = profiles[name]
    for column in (name, beside.exposure):
        if column is not None:
            yield from _inspect_missing(column, profiles[column])
    if not is_numeric(own):
        yield from _inspect_classes(name, own)
        if beside.columns:
            message = f"{show(name)} holds texts, and an event or an exposure stands beside numbers"
            yield Finding("error", "inspect.outcome", message, f"column {show(name)}")
        return
    yield from compare_numbers(name, own)
    low, high = min(p.low for p in own.values()), max(p.high for p in own.values())
    if low == high:
        message = "it is the same in every row; there is nothing to learn"
        yield Finding("error", "inspect.outcome", message, f"column {show(name)}")
    elif _bound(name, own) is None or max(abs(low), abs(high)) >= 10**9:
        message = "its numbers are too large, or too close together; use another unit"
        yield Finding("error", "inspect.outcome", message, f"column {show(name)}")
    if low < 0 and beside.columns:
        message = "a time, or a count over an exposure, is never below 0; mend it"
        yield Finding("error", "inspect.outcome", message, f"column {show(name)}")
    if beside.event is not None:
        yield from inspect_label(beside.event, profiles[beside.event])
    if beside.exposure is not None:
        exposures = profiles[beside.exposure]
        if not is_numeric(exposures) or min(p.low for p in exposures.values()) <= 0:
            message = "an exposure is a number above 0 in every row; mend it, or remove such rows"
            yield Finding("error", "inspect.outcome", message, f"column {show(beside.exposure)}")


def _inspect_missing(name: str, profiles: Profiles) -> Iterator[Finding]:
    for file, profile in profiles.items():
        if profile.missing:
            message = f"{profile.missing:,} rows have no value here; fill it in or remove the row"
            place = f"{file}, row {profile.first_missing}, column {show(name)}"
            yield Finding("error", "inspect.label-missing", message, place)


def _inspect_classes(name: str, profiles: Profiles) -> Iterator[Finding]:
    texts = _count_texts(profiles)
    if not 2 <= len(texts) <= MAXIMUM_CLASSES or any(profile.is_open for profile in profiles.values()):
        message = f"a label of texts has 2 to {MAXIMUM_CLASSES} classes, and this has {len(texts)} or more; put rare ones together"
        yield Finding("error", "inspect.outcome", message, f"column {show(name)}")
    strange = [text for text in texts if not fits_plan(text)]
    if strange:
        message = f"{enumerate_some(map(show, strange), 3)} cannot stand in a plan; recode it"
        yield Finding("error", "inspect.outcome", message, f"column {show(name)}")


def _count_texts(profiles: Profiles) -> Counter[str]:
    totals: Counter[str] = Counter()
    for profile in profiles.values():
        totals.update(profile.counts)
    return totals


def _bound(name: str, profiles: Profiles, *, above_zero: bool = False) -> Bounds | None:
    low, high = min(p.low for p in profiles.values()), max(p.high for p in profiles.values())
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    bounds = round_out(low, high, whole=all(profile.is_whole for profile in profiles.values()))
    if bounds is None:
        return None
    minimum, maximum = bounds
    if above_zero and Decimal(minimum) <= 0 < low:
        # The power of ten below what was seen.
        minimum = f"{Decimal(1).scaleb(Decimal(repr(low)).adjusted()):f}"
    return Bounds(name, minimum, maximum)


def _divide(latest: float) -> tuple[str, int]:
    """Return a step of time in one digit, and how many of it there are until the latest time."""
    last = Decimal(repr(max(latest, 1e-6)))
    least = last / _STEPS
    exponent = least.adjusted()
    step = next(
        Decimal(digit).scaleb(exponent) for digit in (1, 2, 5, 10) if Decimal(digit).scaleb(exponent) >= least
    )
    return f"{step.normalize():f}", int((last / step).to_integral_value(ROUND_CEILING))
