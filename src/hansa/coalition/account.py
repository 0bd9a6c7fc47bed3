"""The account of a data set: what has been learned from it, by whom, for what, and what is left.

Nobody keeps it. It follows from the record alone, so everybody finds the same: every attempt at a run with noise charges
the data set of every member in its cohort what its plan says, once and for ever, whether it was completed or not,
because what was answered cannot be taken back. Charges are in rho of zero-concentrated differential privacy
(`hansa.budget`) and simply add up, whatever was asked.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hansa.budget import convert_to_epsilon, find_largest_epsilon
from hansa.coalition.combination import find_exposed
from hansa.coalition.snapshot import RunRecord, State
from hansa.errors import Refused
from hansa.governance import Budget, Earlier, Plan, Standing, choose_stricter, is_divided_otherwise


class Charge(NamedTuple):
    """One attempt at a run that a data set was part of.

    Args:
        run: the attempt.
        proposal: entry number of the proposal that approved it.
        plan: what was asked, and for what purpose.
    """

    run: RunRecord
    proposal: int
    plan: Plan

    @property
    def rho(self) -> Fraction:
        """What it costs; 0 without noise, where no number could say it."""
        return self.plan.privacy.rho

    @property
    def is_bounded(self) -> bool:
        """Whether noise bounds what was learned."""
        return self.plan.privacy.noise != "none"


class Subtraction(NamedTuple):
    """Two attempts without noise, one of whose totals less the other's are the sums of a few members.

    Args:
        earlier: entry number of the first attempt.
        later: that of the second.
        members: whose sums these are.
    """

    earlier: int
    later: int
    members: tuple[str, ...]


class Redivision(NamedTuple):
    """Two attempts without noise that divided the same rows otherwise, so that a difference of totals may be one row.

    Args:
        earlier: entry number of the first attempt.
        later: that of the second.
    """

    earlier: int
    later: int


class Account(NamedTuple):
    """What has been learned from one member's data set, by the record.

    Args:
        member: its id.
        budget: the stricter of the charter's and its own; None when there is neither.
        charges: every attempt that it was part of, in order.
        spent: rho over all charges.
        subtractions: pairs of attempts that give its sums away, alone or with a few others'.
        redivisions: pairs of attempts that may give single rows away.
        combinations: groups it is in whose sums follow from three attempts or more together, and from no two.
    """

    member: str
    budget: Budget | None
    charges: tuple[Charge, ...]
    spent: Fraction
    subtractions: tuple[Subtraction, ...]
    redivisions: tuple[Redivision, ...]
    combinations: tuple[tuple[str, ...], ...]

    @property
    def left(self) -> Fraction:
        """Rho that is left, at least 0; 0 without a budget."""
        return max(self.budget.rho - self.spent, Fraction(0)) if self.budget else Fraction(0)

    @property
    def epsilon_spent(self) -> Decimal | None:
        """All charges together as an epsilon at the budget's delta; None without a budget."""
        return convert_to_epsilon(self.spent, self.budget.delta) if self.budget else None

    @property
    def epsilon_left(self) -> Decimal | None:
        """The largest epsilon, in thousandths at the budget's delta, that one more run may ask; None without a budget."""
        return find_largest_epsilon(self.left, self.budget.delta) if self.budget else None

    @property
    def unbounded(self) -> tuple[Charge, ...]:
        """The charges without noise, for which there is no formal guarantee."""
        return tuple(charge for charge in self.charges if not charge.is_bounded)


def derive_account(state: State, member: str) -> Account:
    """Return the account of a member's data set; also of one that has left.

    Raises:
        Refused: `author.unknown`, nobody of this id is or was a member.
    """
    if member not in state.members:
        raise Refused("author.unknown", f"`{member}` is not a member; see `hansa member list`")
    charges = tuple(charge for charge in _list_charges(state) if member in charge.run.cohort)
    spent = sum((charge.rho for charge in charges), Fraction(0))
    bare = [charge for charge in _list_charges(state) if not charge.is_bounded]
    pairs = [(earlier, later) for place, later in enumerate(bare) for earlier in bare[:place]]
    subtractions = tuple(
        found
        for earlier, later in pairs
        for found in _find_subtractions(
            earlier, later, max(later.plan.cohort.minimum, state.charter.privacy.minimum_cohort)
        )
        if member in found.members
    )
    redivisions = tuple(
        Redivision(earlier.run.number, later.run.number)
        for earlier, later in pairs
        if member in {*earlier.run.cohort} & {*later.run.cohort}
        and is_divided_otherwise(earlier.plan.division, later.plan.division)
    )
    listed = {found.members for found in subtractions}
    smallest = max((charge.plan.cohort.minimum for charge in bare), default=0)
    exposed = find_exposed(
        (frozenset(charge.run.cohort) for charge in bare),
        max(smallest, state.charter.privacy.minimum_cohort),
    )
    combinations = tuple(group for group in exposed if member in group and group not in listed)
    return Account(member, budget_of(state, member), charges, spent, subtractions, redivisions, combinations)


def budget_of(state: State, member: str) -> Budget | None:
    """Return the stricter of the charter's budget and the member's own."""
    return choose_stricter(state.charter.privacy.budget, state.members[member].member.budget)


def list_standings(state: State, cohort: tuple[str, ...], *, without: str = "") -> tuple[Standing, ...]:
    """Return what has been learned from each of a cohort, and what may be.

    Args:
        state: the fold.
        cohort: known members.
        without: id of the proposal whose open attempt is not counted, because it is the one to be judged.
    """
    spent = dict.fromkeys(cohort, Fraction(0))
    for charge in _list_charges(state):
        if charge.run.proposal == without and charge.run.status == "open":
            continue
        for name in spent.keys() & set(charge.run.cohort):
            spent[name] += charge.rho
    return tuple(Standing(name, spent[name], budget_of(state, name)) for name in cohort)


def list_earlier(state: State) -> tuple[Earlier, ...]:
    """Return every attempt without noise; totals may have been formed in any of them."""
    return tuple(
        Earlier(
            f"attempt {charge.run.attempt} of proposal {charge.proposal}",
            charge.run.totals,
            charge.plan.division,
        )
        for charge in _list_charges(state)
        if not charge.is_bounded
    )


def _list_charges(state: State) -> Iterator[Charge]:
    for run in state.runs.values():
        proposal = state.find_proposal(run.proposal)
        assert proposal is not None  # only approved runs are opened
        assert proposal.plan is not None
        yield Charge(run, proposal.number, proposal.plan)


def _find_subtractions(earlier: Charge, later: Charge, smallest: int) -> Iterator[Subtraction]:
    """Yield each group, smaller than `smallest`, whose sums are one total of an attempt less one of the other."""
    differences = (one ^ other for one in later.run.totals for other in earlier.run.totals)
    for few in dict.fromkeys(tuple(sorted(difference)) for difference in differences):
        if 0 < len(few) < smallest:
            yield Subtraction(earlier.run.number, later.run.number, few)
