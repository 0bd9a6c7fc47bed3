"""The permit of a run: what must be true, and stay true, for a run to start and go on.

The facts come from the fold of whoever asks, never from the hub. Hub and node ask before a run and again at each
of its rounds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from hansa.budget import RHO_PLACES, convert_to_epsilon, find_largest_epsilon
from hansa.errors import Refused
from hansa.governance.plan import MINIMUM_COHORT
from hansa.governance.privacy import Budget
from hansa.governance.spelling import MAX_SECONDS
from hansa.governance.split import Division, is_divided_otherwise

IN_EFFECT: Final = "in_effect"
"""The outcome of a proposal that passed and whose timelock has ended."""

_SHOWN: Final = 8
"""How many members without a budget are named."""


class Standing(NamedTuple):
    """What has been learned from one data set, and what may be.

    Args:
        member: whose it is.
        spent: rho over all runs with noise, without the attempt that the facts are about.
        budget: the stricter of the charter's and the member's own; None when there is neither.
    """

    member: str
    spent: Fraction
    budget: Budget | None


class Earlier(NamedTuple):
    """An earlier attempt at a run without noise.

    Args:
        name: what to call it, such as `attempt 1 of proposal 4`.
        totals: the sets of members that its totals were formed over: the cohort, then who was left after each loss.
        division: what its plan draws the test rows by.
    """

    name: str
    totals: tuple[frozenset[str], ...]
    division: Division


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a fold knows about one run at one moment.

    Args:
        exists: whether the proposal is on the record.
        is_run: whether its effect is a run.
        approved_plan: the digest of the plan that was voted on.
        plan: the digest of the plan that is about to be used.
        outcome: of the proposal, as the fold computes it.
        effect_at: when it takes or took effect, Unix seconds.
        braked_until: until when a brake holds, Unix seconds; 0 for none. Beyond all durations: for good.
        completed: whether an attempt at it was completed.
        cohort: the members about to take part.
        approved_cohort: the members that the approved plan lets take part.
        active: the members that are active now.
        minimum_cohort: the larger of the plan's and the charter's.
        noise: what the plan adds to sums; `none` for nothing.
        unnoised_sums: `allowed` or `refused`, as the charter says.
        cost: rho of an attempt at the plan; 0 without noise.
        standings: of every member of the cohort.
        division: what the approved plan draws the test rows by.
        earlier: the attempts without noise so far, of any run.
        differencing: `allowed` or `refused`, as the charter says.
        now: log time, Unix seconds.
    """

    exists: bool
    is_run: bool
    approved_plan: str
    plan: str
    outcome: str
    effect_at: int
    braked_until: int
    completed: bool
    cohort: tuple[str, ...]
    approved_cohort: tuple[str, ...]
    active: frozenset[str]
    minimum_cohort: int
    noise: str
    unnoised_sums: str
    cost: Fraction
    standings: tuple[Standing, ...]
    division: Division
    earlier: tuple[Earlier, ...]
    differencing: str
    now: int


def verify_permit(facts: RunFacts) -> None:
    """Refuse a run unless everything holds. The order of the steps is part of the rule.

    Raises:
        Refused: the first step that fails: `permit.unknown-proposal`, `permit.not-run`, `permit.plan-digest`,
            `permit.not-passed`, `permit.timelock`, `permit.braked`, `permit.closed`, `permit.expelled`,
            `permit.cohort`, `permit.minimum-cohort`, `permit.noise`, `permit.budget`, `permit.differencing`.
    """
    # 1. There is a proposal, and
    if not facts.exists:
        raise Refused("permit.unknown-proposal", "no such proposal is on the record")
    # 2. it is about a run, and
    if not facts.is_run:
        raise Refused("permit.not-run", "the proposal is not about a run")
    # 3. about exactly this plan.
    if facts.plan != facts.approved_plan:
        raise Refused(
            "permit.plan-digest",
            f"the plan that was voted on is `{facts.approved_plan}`, and this is `{facts.plan}`",
        )
    # 4. It passed, and
    if facts.outcome not in {"passed", IN_EFFECT}:
        raise Refused("permit.not-passed", f"the proposal is {facts.outcome.replace('_', ' ')}, not passed")
    # 5. its timelock is over.
    if facts.outcome != IN_EFFECT or facts.now < facts.effect_at:
        wait = max(facts.effect_at - facts.now, 0)
        raise Refused("permit.timelock", f"the run takes effect {wait} seconds from now, in log time")
    # 6. Nobody holds the brake.
    if facts.braked_until - facts.now > MAX_SECONDS:
        raise Refused(
            "permit.braked", "more than half of the members have braked the run; it is stopped for good"
        )
    if facts.now < facts.braked_until:
        raise Refused(
            "permit.braked",
            f"the run is braked for another {facts.braked_until - facts.now} seconds of log time",
        )
    # 7. It was not completed before: one approval, one result.
    if facts.completed:
        raise Refused("permit.closed", "the run was completed; another one needs another proposal")
    # 8. Whoever takes part is a member now.
    gone = sorted(set(facts.cohort) - facts.active)
    if gone:
        raise Refused("permit.expelled", [f"`{name}` is not an active member" for name in gone])
    # 9. The cohort is who the plan lets take part and is still there: nobody is added, nobody left out, so that
    #    a hub cannot single members out.
    expected = set(facts.approved_cohort) & facts.active
    if set(facts.cohort) != expected or len(facts.cohort) != len(expected):
        extra = [f"`{name}` is not in the approved cohort" for name in sorted(set(facts.cohort) - expected)]
        left_out = [f"`{name}` is left out" for name in sorted(expected - set(facts.cohort))]
        raise Refused("permit.cohort", extra + left_out or "a member stands in the cohort twice")
    # 10. It is large enough for a sum to hide each one's part.
    smallest = max(facts.minimum_cohort, MINIMUM_COHORT)
    if len(facts.cohort) < smallest:
        raise Refused(
            "permit.minimum-cohort", f"{len(facts.cohort)} members take part, and at least {smallest} must"
        )
    # 11. Sums without noise leave only where the charter allows it.
    if facts.noise == "none" and facts.unnoised_sums != "allowed":
        raise Refused("permit.noise", "the charter refuses sums without noise, and the plan adds none")
    # 12. Nothing is learned from a data set beyond its budget.
    overdrafts = list(find_overdrafts(facts.cost, facts.standings)) if facts.noise != "none" else []
    if overdrafts:
        raise Refused("permit.budget", overdrafts)
    # 13. No few members' sums, nor a few rows', can be had by subtracting one run's totals from another's.
    if facts.noise == "none" and facts.differencing != "allowed":
        subtractions = list(find_subtractions(facts.cohort, facts.division, facts.earlier, smallest))
        if subtractions:
            raise Refused("permit.differencing", subtractions)


def find_overdrafts(cost: Fraction, standings: Iterable[Standing]) -> Iterator[str]:
    """Say whose budget a run with noise would pass, one reason for each data set.

    Args:
        cost: rho of the run.
        standings: of everybody who would take part.
    """
    without = []
    for member, spent, budget in standings:
        if budget is None:
            without.append(f"`{member}`")
        elif spent + cost > budget.rho:
            left = max(budget.rho - spent, Fraction(0))
            yield (
                f"`{member}` has spent {_spell(spent, budget)} of ε = {budget.epsilon} (rho {format_rho(budget.rho)}) at "
                f"δ = {budget.delta}; the run asks {_spell(cost, budget)}, and at most {_spell_largest(left, budget)} fits"
            )
    if without:
        more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
        yield f"no budget is set for {', '.join(without[:_SHOWN])}{more}; amend the charter: `privacy.budget`"


def _spell(rho: Fraction, budget: Budget) -> str:
    """Say what a rho is worth at the budget's delta, beside the rho, because only rhos add up."""
    return f"ε = {convert_to_epsilon(rho, budget.delta).normalize():f} (rho {format_rho(rho)})"


def _spell_largest(left: Fraction, budget: Budget) -> str:
    """Say what one more run may ask: an epsilon rounded up could cost more than is left."""
    return f"ε = {find_largest_epsilon(left, budget.delta).normalize():f} (rho {format_rho(left)})"


_WAY_OUT: Final = "propose a plan with noise, or amend the charter: `privacy.differencing`"


def find_subtractions(
    cohort: Iterable[str], division: Division, earlier: Iterable[Earlier], smallest: int
) -> Iterator[str]:
    """Say from which earlier attempts' totals a run without noise would give away the sums of a few members or rows.

    Args:
        cohort: who would take part.
        division: what the plan draws the test rows by.
        earlier: the attempts without noise so far.
        smallest: how many members a sum must cover to hide each one's part.
    """
    members = frozenset(cohort)
    for name, totals, other_division in earlier:
        for few in dict.fromkeys(tuple(sorted(members ^ others)) for others in totals):
            if 0 < len(few) < smallest:
                listed = ", ".join(f"`{member}`" for member in few)
                yield (
                    f"{name} differs by {listed} only, so one total less the other would show what {len(few)} gave, and "
                    f"at least {smallest} must hide each other; {_WAY_OUT}"
                )
        if is_divided_otherwise(division, other_division) and not members.isdisjoint(totals[0]):
            if division.rule and other_division.rule:
                how, keep = (
                    "divided rows of the same members into training and test rows otherwise",
                    "keep its `split`, ",
                )
            else:
                how, keep = (
                    "and this run take the same members' rows, one all of them and the other perhaps all but one",
                    "",
                )
            yield f"{name} {how}, so one total less the other could show a single row; {keep}{_WAY_OUT}"


def format_rho(rho: Fraction) -> str:
    """Write rho as a decimal without trailing zeros; exact, because what is decided with counts in billionths."""
    whole = rho * 10**RHO_PLACES
    if whole.denominator != 1:
        raise ValueError(f"rho counts in billionths, got {rho}")
    return f"{Decimal(whole.numerator).scaleb(-RHO_PLACES).normalize():f}"
