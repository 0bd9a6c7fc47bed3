"""Accounts as documents: what `hansa account` and the report of a run say of what has been learnt from a data set.

The account itself follows from the record (`hansa.coalition.derive_account`); here it is put into words and texts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hansa.coalition import Account, Charge, State, derive_account, format_epsilon, minimum_cohort
from hansa.errors import Refused
from hansa.governance import BareSums, NoisedSums, Plan, format_rho
from hansa.rehearsal.runner import Ran
from hansa.transparency import format_instant


def describe_account(found: Account, state: State) -> dict[str, Any]:
    """Return one data set's account: budget, spent, left, and every charge."""
    budget = found.budget
    return {
        "member": found.member,
        "budget": None
        if budget is None
        else {"epsilon": budget.epsilon, "delta": budget.delta, "rho": format_rho(budget.rho)},
        "spent": {"rho": format_rho(found.spent), "epsilon": format_epsilon(found.epsilon_spent)},
        "left": {"rho": format_rho(found.left), "epsilon": format_epsilon(found.epsilon_left)},
        "charges": [_describe_charge(charge) for charge in found.charges],
        "without_bound": len(found.unbounded),
        "subtractions": [
            {"earlier": pair.earlier, "later": pair.later, "members": list(pair.members)}
            for pair in found.subtractions
        ],
        "redivisions": [{"earlier": pair.earlier, "later": pair.later} for pair in found.redivisions],
        "combinations": [list(group) for group in found.combinations],
        "differencing": state.charter.privacy.differencing,
    }


def describe_privacy(
    state: State, plan: Plan, ran: Ran, refused: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what a run's sums bore and promised, and the account of every data set since.

    Args:
        state: the fold after the run.
        plan: of the run.
        ran: the run.
        refused: what was asked beyond the budget and refused, from `describe_refusal`.
    """
    sharing = ran.run.sharing
    required = max(sharing.required, min(sharing.members, minimum_cohort(state, plan)))
    return {
        **_describe_guarantee(plan.privacy),
        "sharing": {
            "members": sharing.members,
            "required": required,
            "colluders": sharing.colluders,
            "honest": sharing.count_honest(required),
            "neighbours": sharing.degree or sharing.members - 1,
        },
        "accounts": [
            describe_account(derive_account(state, name), state) | {"name": member.member.name}
            for name, member in sorted(state.members.items())
        ],
        "refused": [dict(found) for found in refused],
    }


def describe_refusal(plan: Plan, proposer: str, members: int, refusal: Refused) -> dict[str, Any]:
    """Return what somebody asked for that the account does not bear.

    Args:
        plan: it adds noise.
        proposer: whose proposal it was, by name.
        members: how many there still are.
        refusal: what every fold says to it.
    """
    assert plan.privacy.noise != "none"  # a plan without noise asks no epsilon
    return {
        "name": plan.name,
        "proposer": proposer,
        "epsilon": plan.privacy.epsilon,
        "delta": plan.privacy.delta,
        "rule": refusal.rule,
        "members": members,
        "reasons": list(refusal.reasons),
    }


def _describe_charge(charge: Charge) -> dict[str, Any]:
    run = charge.run
    return {
        "proposal": charge.proposal,
        "attempt": run.attempt,
        "entry": run.number,
        "at": format_instant(run.opened_at),
        "name": charge.plan.name,
        "purpose": charge.plan.purpose,
        "coordinator": run.coordinator,
        "cohort": list(run.cohort),
        "status": run.status,
        "dropped": dict(run.dropped),
        "guarantee": charge.plan.privacy.guarantee,
        "rho": format_rho(charge.rho) if charge.is_bounded else None,
    }


def _describe_guarantee(privacy: BareSums | NoisedSums) -> dict[str, str]:
    if privacy.noise == "none":
        return {"noise": privacy.noise}
    if isinstance(privacy.unit, str):
        unit = "any one row"
    else:
        column, most = privacy.unit.column, privacy.unit.rows
        unit = f"all rows of any one `{column}` at a member (more than {most} count like {most})"
    return {"noise": privacy.noise, "epsilon": privacy.epsilon, "delta": privacy.delta, "unit": unit}
