"""Privacy in documents: what a charter assumes and allows, what a data set may ever spend, what a plan adds to its sums."""

from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from hansa.budget import convert_to_rho
from hansa.governance.spelling import CellText, DecimalText, PartialShare, fault
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote

NO_GUARANTEE: Final = "no formal guarantee"
"""The label of a result over sums without noise."""

MAX_EPSILON: Final = "100"
"""Beyond it a guarantee says nothing."""

MAX_DELTA: Final = "0.01"
"""A delta is a chance of no guarantee at all."""


def _at_most(most: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not 0 < Fraction(value) <= Fraction(most):
            raise fault("budget", f"expected a decimal above 0 and at most {most}, got {quote(value)}")
        return value

    return check


EpsilonText = Annotated[DecimalText, AfterValidator(_at_most(MAX_EPSILON))]
"""How far any one answer may shift the odds of anything that is learned, as a decimal."""

DeltaText = Annotated[DecimalText, AfterValidator(_at_most(MAX_DELTA))]
"""The chance that the guarantee fails, as a decimal."""


class Budget(Form):
    """What may ever be learned from one data set, over all runs."""

    epsilon: Annotated[EpsilonText, Field(examples=['"3"'])]
    delta: Annotated[DeltaText, Field(examples=['"0.00001"'])]

    @property
    def rho(self) -> Fraction:
        """The same in zero-concentrated differential privacy, rounded down."""
        return convert_to_rho(self.epsilon, self.delta)


class Unit(Form):
    """Whose privacy it is: that of whoever a value of `column` stands for, with at most `rows` rows at a member.

    Rows beyond count less, so that all of them together count as `rows`.
    """

    column: Annotated[CellText, Field(examples=["person"])]
    rows: Annotated[int, Field(ge=1, le=1_000, examples=[4])]


class BareSums(Form):
    """Sums are masked and leave without noise."""

    noise: Annotated[Literal["none"], Field(examples=["none"])]

    @property
    def guarantee(self) -> str:
        """The label that goes wherever a result is shown."""
        return NO_GUARANTEE

    @property
    def rho(self) -> Fraction:
        """Nothing can be charged for what has no bound."""
        return Fraction(0)


class NoisedSums(Form):
    """Sums leave with noise, so that all of a run's answers together are (epsilon, delta)-private for each unit."""

    noise: Annotated[Literal["discrete-gaussian"], Field(examples=["discrete-gaussian"])]
    epsilon: Annotated[EpsilonText, Field(examples=['"3"'])]
    delta: Annotated[DeltaText, Field(examples=['"0.00001"'])]
    unit: Annotated[
        Annotated[Literal["row"], Tag("each row")] | Annotated[Unit, Tag("rows by column")],
        Discriminator(lambda value: "each row" if isinstance(value, str) else "rows by column"),
    ] = "row"

    @property
    def guarantee(self) -> str:
        """The label that goes wherever a result is shown."""
        whose = "each row" if isinstance(self.unit, str) else f"all rows of one {quote(self.unit.column)}"
        return f"(ε = {self.epsilon}, δ = {self.delta}) for {whose}"

    @property
    def rho(self) -> Fraction:
        """What an attempt at the run costs each data set, in zero-concentrated differential privacy."""
        return convert_to_rho(self.epsilon, self.delta)


class CharterPrivacy(Form):
    """The floor for every run, and what its secure sums must bear.

    `colluding` and `dropouts` are shares of a cohort: of members that may help the hub, and that may vanish.
    """

    minimum_cohort: Annotated[int, Field(ge=1, le=100_000)] = 5
    unnoised_sums: Literal["allowed", "refused"] = "refused"
    colluding: PartialShare = Fraction(1, 3)
    dropouts: PartialShare = Fraction(1, 5)
    budget: Budget | None = None
    differencing: Literal["allowed", "refused"] = "refused"
