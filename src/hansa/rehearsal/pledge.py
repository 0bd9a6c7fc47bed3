"""The sentences about privacy: what a run promised to whom, what its sums bore, what has been spent and what is left."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from hansa.coalition import spell_standings
from hansa.rehearsal.guarantee import Account, Charge, Privacy, Refusal
from hansa.rehearsal.outcome import Outcome
from hansa.rehearsal.spelling import (
    format_count,
    format_factor,
    list_names,
    pluralise,
    shorten,
    write_quotes,
)

UNCOVERED: Final = (
    "what is true of everybody, whether or not one’s rows are in it; that a member takes part, and roughly how long its table "
    "is; what a member works out for itself in its private report, should it publish it; more colluders than the charter "
    "assumes, and members that leave out their share of noise, which nobody can see (docs/privacy.md says more)"
)
"""What a guarantee does not cover, as docs/privacy.md says it at length."""

_ADDS: Final = "epsilons do not simply add: what adds up is rho"

_ENDED: Final = {"open": "under way", "completed": "completed", "failed": "failed, and charged all the same"}


def explain_guarantee(privacy: Privacy) -> str:
    """Return the guarantee in words: whose privacy, how much, towards whom; or that there is none."""
    sharing = privacy.sharing
    towards = f"the hub and up to {sharing.colluders} of the {sharing.members} members that may help it"
    if not privacy.is_noised:
        against = f", also {towards}," if sharing.members else ""
        return (
            f"The sums were masked and carried no noise. Nobody{against} could read more than totals; how much these reveal of a "
            "member or a row is not bounded by any number."
        )
    return (
        f"Whatever left the members could nearly as well have left them if {write_quotes(privacy.unit)} had been empty. Nearly is "
        f"measured: whatever anybody thinks of the result, its odds change by at most a factor of {_spell_factor(privacy.epsilon)} "
        f"(e to the power of ε = {privacy.epsilon}), but for a chance of δ = {privacy.delta}. This holds for all answers of the run "
        f"together, towards {towards}, whatever else they know, whoever vanishes, and for ever."
    )


def list_protections(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Return what the sums bore and what the accounts say: (short name, words) each."""
    privacy = outcome.privacy
    return (
        *_list_sharing(outcome),
        *_list_account(privacy),
        *_list_refused(privacy.refused),
        *_list_limits(privacy),
    )


def say_account(privacy: Privacy) -> str:
    """Return how the data sets stand, in one clause; empty when there are none."""
    standings = [account.standing for account in privacy.accounts if account.standing is not None]
    without = len(privacy.accounts) - len(standings)
    parts = [f"{spell_standings(standings)} ({_ADDS})"] if standings else []
    if without:
        parts.append(f"{pluralise(without, 'data set')} {'has' if without == 1 else 'have'} no budget")
    return "; ".join(parts)


def say_refusal(refusal: Refusal) -> str:
    """Return what was asked and why not, in one clause."""
    over = count_overdrawn(len(refusal.reasons), refusal.members)
    return (
        f"{shorten(refusal.proposer)} proposed to ask the same data once more, at ε = {refusal.epsilon}; it would have passed the "
        f"budgets of {over}, so every member’s own fold refused it before any vote"
    )


def count_overdrawn(overdrawn: int, members: int) -> str:
    """Return whose budgets a run would have passed, out of those it could still ask: whoever has left is asked no more."""
    share = "all" if overdrawn == members else f"{format_count(overdrawn)} of the"
    return f"{share} {format_count(members)} that are still members"


def are_alike(accounts: Sequence[Account]) -> bool:
    """Return whether all data sets stand the same, so that one line says it."""
    return len({(account.standing, account.charges, account.subtractions) for account in accounts}) <= 1


def spell_charge(charge: Charge) -> str:
    """Return which run charged a data set, and what it cost."""
    ended = _ENDED.get(charge.status, charge.status)
    return f"run {charge.proposal}, attempt {charge.attempt} ({ended}): {charge.name}; {charge.guarantee}"


def _list_sharing(outcome: Outcome) -> Iterator[tuple[str, str]]:
    sharing = outcome.privacy.sharing
    if sharing.members:
        yield (
            "may collude",
            (
                f"the hub and up to {sharing.colluders} of {sharing.members} members; with that many, still nobody reads more than "
                "totals"
            ),
        )
        if outcome.privacy.is_noised:
            each = "each member adds its share before its numbers are masked"
            yield "noise", f"{each}; the shares of {sharing.honest} members suffice for the guarantee"
        yield (
            "may vanish",
            (
                f"up to {sharing.dropouts} of {sharing.members}, at any moment; without {sharing.required} that stay there is no "
                "total"
            ),
        )
    if outcome.lost:
        lost = [
            f"{shorten(name)}, not in the totals from round {first} on"
            for name, first in outcome.lost.items()
        ]
        yield "vanished", "; ".join(lost)
    elif sharing.members:
        yield "vanished", "nobody"


def _list_account(privacy: Privacy) -> Iterator[tuple[str, str]]:
    said = say_account(privacy)
    if said:
        yield "account", f"{said}; so says the record, to everybody the same"
    charges = dict.fromkeys(charge for account in privacy.accounts for charge in account.charges)
    if charges:
        shown = [spell_charge(charge) for charge in list(charges)[:8]]
        more = f"; and {format_count(len(charges) - 8)} more" if len(charges) > 8 else ""
        yield "charged by", "; ".join(shown) + more
    pairs = dict.fromkeys(pair for account in privacy.accounts for pair in account.subtractions)
    if pairs:
        told = [
            f"the cohorts of entries {pair.earlier} and {pair.later} differ by {list_names(pair.members)} only"
            for pair in pairs
        ]
        yield "differences", f"{'; '.join(told)}: one total less the other is what these gave"


def _list_refused(refused: Sequence[Refusal]) -> Iterator[tuple[str, str]]:
    for refusal in refused:
        yield "refused", say_refusal(refusal)


def _list_limits(privacy: Privacy) -> Iterator[tuple[str, str]]:
    if privacy.is_noised:
        yield "not covered", UNCOVERED


def _spell_factor(epsilon: str) -> str:
    factor = math.exp(float(epsilon))
    if factor >= 1_000_000:
        return "more than a million, which says little,"
    return format_factor(factor)
