"""Accounts in few words, the same wherever somebody asks how data sets stand."""

from collections.abc import Sequence
from decimal import Decimal


def format_epsilon(epsilon: Decimal | None) -> str | None:
    """Return an epsilon without zeros that say nothing, such as `1.58`; None stays None."""
    return None if epsilon is None else f"{epsilon.normalize():f}"


def spell_standings(standings: Sequence[tuple[str, str, str]]) -> str:
    """Return how data sets stand with their budgets, in one clause.

    Args:
        standings: budget, spent and left of each, as epsilons; at least one.
    """
    budgets, spent, left = zip(*(tuple(map(Decimal, found)) for found in standings), strict=True)
    count = len(standings)
    if len({*standings}) == 1:
        of = "the data set" if count == 1 else f"each of the {count} data sets"
        had = f"{of} has spent ε = {format_epsilon(spent[0])} of {format_epsilon(budgets[0])}"
        return f"{had}, and one more run may ask up to {format_epsilon(left[0])}"
    return (
        f"the {count} data sets have spent ε = {_spell_range(spent)} of {_spell_range(budgets)}, and one more run over all of "
        f"them may ask up to {format_epsilon(min(left))}"
    )


def _spell_range(numbers: Sequence[Decimal]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{format_epsilon(low)}" if low == high else f"{format_epsilon(low)} to {format_epsilon(high)}"
