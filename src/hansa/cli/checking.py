"""What can be known before anything is founded: tables, plan and charter held against one another."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from hansa.governance import Finding, choose_stricter, lint_charter
from hansa.governance.feature import NumberFeature
from hansa.governance.label import Label

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hansa.governance import Plan
    from hansa.learning import Rows, Table
    from hansa.rehearsal import Cast, Founder

SLOW_FROM: Final = 100
"""Organisations from which on a run is slow: each masks against each other, so work grows with the square."""

NARROW: Final = 1_000
"""A column whose values fill less than one part in so many of its declared range deserves a second look."""


def check_cast(cast: Cast, charter: Path) -> tuple[Finding, ...]:
    """Hold every member's table and the charter against the plan before anything is founded.

    Args:
        cast: who and what.
        charter: the file in which the charter stands, to be named where it must change.

    Returns:
        Warnings about the tables; those about the charter are told when it is signed.

    Raises:
        TableRefused: every finding of every file, and what of plan and charter would stop the run.
    """
    from hansa.cli.memberfile import draw_members
    from hansa.node.defects import TableRefused

    if cast.plan.label is None:
        message = (
            "a rehearsal is of a model and what each organisation gains; for statistics found the coalition, and propose "
            "the plan: `hansa proposal open run`"
        )
        raise TableRefused([Finding("error", "rehearsal.recipe", message, "plan")])
    linted = lint_charter(cast.charter, draw_members(cast.founders))
    findings = [
        *_check_cohort(cast, charter),
        *_check_size(cast),
        *(finding for finding in linted if finding.level == "error"),
    ]
    warnings: list[Finding] = list(_warn_slow(cast))
    tally = _Tally(cast.plan)
    for founder in cast.founders:
        warnings += _check_table(founder, cast.plan, tally, findings)
    if findings:
        raise TableRefused(findings)
    errors = list(tally.find_errors())
    if errors:
        raise TableRefused(errors)
    return (*warnings, *tally.find_warnings())


def _check_table(founder: Founder, plan: Plan, tally: _Tally, findings: list[Finding]) -> tuple[Finding, ...]:
    """Read one table, add its errors to `findings`, count its rows, and return its warnings."""
    from hansa.errors import Refused
    from hansa.learning import divide_rows, read_split
    from hansa.node.data import check_file
    from hansa.node.defects import TableRefused

    assert founder.data is not None  # a cast from a folder has a table for each
    try:
        checked = check_file(founder.data, plan)
        if plan.cohort.members == "all" or founder.id in plan.cohort.members:
            tally.add(checked.table, divide_rows(checked.table, read_split(plan.to_json()), founder.id))
    except TableRefused as refusal:
        findings += refusal.findings
    except Refused as refusal:
        findings += [Finding("error", refusal.rule, reason, founder.data.name) for reason in refusal.reasons]
    else:
        return checked.findings
    return ()


class _Tally:
    """Counts over all tables what no single table shows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._train = [0, 0]
        self._test = [0, 0]
        self._ranges: dict[str, tuple[float, float]] = {}

    def _lacks_one(self, negatives: int, positives: int) -> bool:
        """Whether rows do not have what the label needs of them: the event, and of two values the other one too."""
        label = self._plan.label
        if label is None or label.event is None:
            return False
        return not positives or (isinstance(label, Label) and not negatives)

    def add(self, table: Table, rows: Rows) -> None:
        """Count one member's rows, negative and positive, and widen the ranges of its numbers."""
        import numpy as np

        for counts, part in ((self._train, rows.train), (self._test, rows.test)):
            counts[0] += len(part) - part.positives
            counts[1] += part.positives
        for name, values in table.numbers.items():
            present = values[~np.isnan(values)]
            if len(present):
                low, high = self._ranges.get(name, (np.inf, -np.inf))
                self._ranges[name] = min(low, float(present.min())), max(high, float(present.max()))

    def find_errors(self) -> Iterator[Finding]:
        """Say what would stop the training."""
        negatives, positives = self._train
        if self._lacks_one(negatives, positives):
            needed = "both" if isinstance(self._plan.label, Label) else "the event"
            message = (
                f"the split leaves {positives} rows with the event and {negatives} without it for training, over all "
                f"organisations; {needed} must occur: let fewer rows test, or split otherwise"
            )
            yield Finding("error", "rehearsal.training-rows", message, "plan, `split`")

    def find_warnings(self) -> Iterator[Finding]:
        """Say what deserves a second look."""
        negatives, positives = self._test
        if self._lacks_one(negatives, positives):
            message = (
                f"the split leaves {positives} rows with the event and {negatives} without it for testing, over all "
                "organisations; nobody can be scored, so no bar can be met: let more rows test"
            )
            yield Finding("warning", "rehearsal.test-rows", message, "plan, `split`")
        for feature in self._plan.features:
            if not isinstance(feature, NumberFeature) or feature.name not in self._ranges:
                continue
            low, high = self._ranges[feature.name]
            declared = Fraction(feature.maximum) - Fraction(feature.minimum)
            if 0 < (Fraction(high) - Fraction(low)) * NARROW < declared:
                message = (
                    f"all values lie within less than 1/{NARROW:,} of the declared range; the sums resolve them badly, "
                    "and the column may be dropped: bring `minimum` and `maximum` closer"
                )
                yield Finding("warning", "rehearsal.bounds", message, f"plan, column `{feature.name}`")


def _check_cohort(cast: Cast, charter: Path) -> Iterator[Finding]:
    known = {founder.id for founder in cast.founders}
    cohort = known if cast.plan.cohort.members == "all" else set(cast.plan.cohort.members)
    if cohort - known:
        names = ", ".join(sorted(cohort - known))
        message = f"`cohort.members` names {names}, and there is no such table; there are {', '.join(sorted(known))}"
        yield Finding("error", "rehearsal.cohort", message, "plan")
    floor = max(cast.plan.cohort.minimum, cast.charter.privacy.minimum_cohort)
    if len(cohort) < floor:
        message = f"{len(cohort)} organisations can take part, and plan and charter want at least {floor}"
        yield Finding("error", "rehearsal.minimum-cohort", message, "plan")
    if cast.plan.privacy.noise == "none" and cast.charter.privacy.unnoised_sums != "allowed":
        message = "`privacy.unnoised_sums` is refused, and the plan adds no noise; write `allowed`, or a plan with noise"
        yield Finding("error", "rehearsal.noise", message, "charter")
    if cast.plan.privacy.noise != "none":
        yield from _check_budgets(cast, cohort & known, charter)


def _check_budgets(cast: Cast, cohort: set[str], charter: Path) -> Iterator[Finding]:
    """Find what would stop a run with noise as soon as it is proposed."""
    agreed = cast.charter.privacy.budget
    for founder in cast.founders:
        if founder.id not in cohort:
            continue
        budget = choose_stricter(agreed, founder.budget)
        if budget is None:
            message = (
                "the plan adds noise, and no budget says how much may be learned: uncomment `budget` under `privacy` in "
                f"`{charter}`, or write it there"
            )
            yield Finding("error", "rehearsal.budget", message, "charter")
            return
        if cast.plan.privacy.rho > budget.rho:
            message = (
                f"the plan asks {cast.plan.privacy.guarantee}, and all that may ever be learned from `{founder.id}` is "
                f"(ε = {budget.epsilon}, δ = {budget.delta}): ask for less, or allow more"
            )
            yield Finding("error", "rehearsal.budget", message, "plan, `privacy`")


def _check_size(cast: Cast) -> Iterator[Finding]:
    from hansa.errors import Refused
    from hansa.rehearsal.stage import verify_founding_fits

    try:
        verify_founding_fits(cast.charter, cast.founders)
    except Refused as refusal:
        yield from (Finding("error", refusal.rule, reason) for reason in refusal.reasons)


def _warn_slow(cast: Cast) -> Iterator[Finding]:
    if len(cast.founders) >= SLOW_FROM:
        message = (
            f"{len(cast.founders)} organisations: each masks its answer against each other one, so this may take many "
            "minutes; Ctrl-C stops it"
        )
        yield Finding("warning", "rehearsal.slow", message)
