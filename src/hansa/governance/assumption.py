"""What a charter assumes of members and allows to be learned, where it goes so far that a guarantee says little."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from hansa.governance.finding import Finding
from hansa.governance.privacy import CharterPrivacy

LARGE: Final = 10
"""A budget's epsilon above this changes odds by a factor of more than 22,026."""


def lint_assumptions(privacy: CharterPrivacy) -> Iterator[Finding]:
    """Warn of what a charter assumes or allows so far out that its guarantee says little."""
    if privacy.colluding == 0:
        yield Finding(
            "warning",
            "lint.colluding-none",
            "`privacy.colluding` is 0: the guarantee holds against nobody who helps the hub",
        )
    if privacy.budget is not None and Decimal(privacy.budget.epsilon) > LARGE:
        factor = int(Decimal(privacy.budget.epsilon).exp())
        yield Finding(
            "warning",
            "lint.budget-large",
            f"`privacy.budget` is ε = {privacy.budget.epsilon}: odds may change by a factor of {factor:,}, which bounds next "
            "to nothing",
        )
    if privacy.dropouts > Fraction(1, 2):
        yield Finding(
            "warning",
            "lint.dropouts-many",
            f"`privacy.dropouts` is {privacy.dropouts}: a sum over less than half of a run's members still counts as theirs",
        )
