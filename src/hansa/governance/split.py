"""Which rows train and which test, as a plan says it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hansa.governance.spelling import CellText, ProperShare
from hansa.governance.validation import Form

Seed = Annotated[int, Field(ge=0, lt=2**53)]


class StratifiedSplit(Form):
    """Test rows are drawn by row, the same share of each label."""

    kind: Literal["stratified"]
    seed: Seed = 0
    test: Annotated[ProperShare, Field(examples=["3/10"])]


class RowSplit(Form):
    """Test rows are drawn row by row, each by itself."""

    kind: Literal["rows"]
    seed: Seed = 0
    test: Annotated[ProperShare, Field(examples=["3/10"])]


class GroupSplit(Form):
    """Rows with the same value of `column` stay together; with scope `everywhere` also across members."""

    kind: Literal["group"]
    column: Annotated[CellText, Field(examples=["person"])]
    seed: Seed = 0
    test: Annotated[ProperShare, Field(examples=["3/10"])]
    scope: Literal["member", "everywhere"] = "everywhere"


class TimeSplit(Form):
    """Rows whose `column` is `start` or later are test rows; `from` in the document."""

    kind: Literal["time"]
    column: Annotated[CellText, Field(examples=["year"])]
    start: Annotated[CellText, Field(alias="from", examples=['"1996"'])]


Split: TypeAlias = StratifiedSplit | RowSplit | GroupSplit | TimeSplit
