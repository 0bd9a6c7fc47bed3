"""Which rows train and which test, as a plan says it."""

from fractions import Fraction
from typing import Annotated, Final, Literal, NamedTuple, Self, TypeAlias

from pydantic import Field, model_validator

from hansa.governance.spelling import CellText, ProperShare, fault
from hansa.governance.validation import Form

Seed = Annotated[int, Field(ge=0, lt=2**53)]


def _is_absent(value: object) -> bool:
    return value is None


ValidationShare = Annotated[ProperShare | None, Field(examples=["1/5"], exclude_if=_is_absent)]
"""Of rows by which each member chooses for itself; left out of the canonical form where there is none."""


class _Drawn(Form):
    """What the draws have in common: test and validation rows, whose shares leave some to train."""

    test: Annotated[ProperShare, Field(examples=["3/10"])]
    validation: ValidationShare = None

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.validation is not None and Fraction(self.test) + Fraction(self.validation) >= 1:
            raise fault(
                "split-validation", "no rows are left to train: `test` and `validation` add up to 1 or more"
            )
        return self


class StratifiedSplit(_Drawn):
    """Test rows are drawn by row, the same share of each label."""

    kind: Literal["stratified"]
    seed: Seed = 0


class RowSplit(_Drawn):
    """Test rows are drawn row by row, each by itself."""

    kind: Literal["rows"]
    seed: Seed = 0


class GroupSplit(_Drawn):
    """Rows with the same value of `column` stay together; with scope `everywhere` also across members."""

    kind: Literal["group"]
    column: Annotated[CellText, Field(examples=["person"])]
    seed: Seed = 0
    scope: Literal["member", "everywhere"] = "everywhere"


class TimeSplit(Form):
    """Rows whose `column` is `start` or later are test rows; `from` in the document."""

    kind: Literal["time"]
    column: Annotated[CellText, Field(examples=["year"])]
    start: Annotated[CellText, Field(alias="from", examples=['"1996"'])]
    validation: Annotated[CellText | None, Field(examples=['"1994"'], exclude_if=_is_absent)] = None
    """Rows from here on that are no test rows are validation rows."""


Split: TypeAlias = StratifiedSplit | RowSplit | GroupSplit | TimeSplit

SMALLEST_PART: Final = Fraction(1, 20)
"""Of the rows: training and test rows that are at least so many may be told apart by a difference of totals."""


class Division(NamedTuple):
    """How a plan divides rows into those that train and those that test.

    Args:
        rule: a digest of all that decides it; empty when all rows are taken together.
        has_large_parts: whether both parts are sure to be a good share of everybody's rows; so when there is one part.
    """

    rule: str = ""
    has_large_parts: bool = True


def has_large_parts(split: Split) -> bool:
    """Say whether training rows and test rows are each about a twentieth of everybody's rows, at least.

    A group or a time may set aside a single row, whatever the plan's share: nobody knows before the run.
    """
    if not isinstance(split, StratifiedSplit | RowSplit):
        return False
    test, validation = Fraction(split.test), Fraction(split.validation or 0)
    parts = [test, 1 - test - validation, *([validation] if validation else [])]
    return min(parts) >= SMALLEST_PART


def is_divided_otherwise(one: Division, other: Division) -> bool:
    """Say whether a total of one plan less one of the other may be of a few rows.

    All rows less the training rows are the test rows: too many to show one, where a division has large parts.
    """
    if one.rule == other.rule:
        return False
    if not one.rule or not other.rule:
        return not (one.has_large_parts and other.has_large_parts)
    return True
