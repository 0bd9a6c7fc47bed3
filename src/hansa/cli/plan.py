"""`hansa plan`: what a plan would cost, before anybody votes on it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder
from hansa.cli.printing import make_facts, make_table, merge_reasons, show, suggest

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hansa.coalition import Account, State
    from hansa.governance import NoisedSums, Plan

LITTLE: Final = 10_000
"""A guarantee that lets odds change by such a factor is worth a warning; it is that of an epsilon of 9.2."""

app = App(name="plan", help="Say what a plan would cost, before anybody votes on it.")


@app.command
def price(
    plan_path: Annotated[Path, Parameter(name="PLAN", help="The plan, YAML.")],
    /,
    *,
    rehearse: Annotated[
        Path | None,
        Parameter(
            metavar="TABLES",
            help="Folder with one table per organisation; says what the plan's noise does to accuracy there.",
        ),
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> int:
    """Say what a run by this plan would cost each data set, what its sums would bear, and whether it could start.

    Nothing is written. Exit code 4 when the coalition, as it stands now, would refuse the plan.
    """
    from hansa.cli.failure import EXIT_CODES
    from hansa.cli.record import read_state
    from hansa.cli.targets import count_sums, spell_sums
    from hansa.coalition import approved_cohort, derive_account
    from hansa.governance import format_rho
    from hansa.learning import recipe_digest
    from hansa.rehearsal import read_plan
    from hansa.rehearsal.spelling import pluralise

    _, state = read_state(folder)
    plan = read_plan(plan_path)
    cohort = tuple(name for name in approved_cohort(state, plan) if name in state.members)
    priced = [_price(derive_account(state, name), plan) for name in cohort]
    refusals = _list_refusals(state, plan)
    bare = plan.privacy.noise == "none"
    cost = None if bare else format_rho(plan.privacy.rho)
    most = None if bare else format_rho(plan.privacy.rho * plan.attempts)
    sums = count_sums(state, plan)
    installed = recipe_digest()
    accuracy = None if rehearse is None else _price_accuracy(rehearse, plan, state)
    document = {
        "name": plan.name,
        "plan": plan.digest,
        "recipe_installed": plan.recipe.digest == installed,
        "guarantee": plan.privacy.guarantee,
        "rho": cost,
        "attempts": plan.attempts,
        "rho_at_most": most,
        "sums": sums,
        "data": priced,
        "accuracy": accuracy,
        "refused": refusals,
    }
    facts = make_facts(
        [
            ("plan", plan.digest),
            *([] if plan.recipe.digest == installed else [("recipe", _warn_recipe(plan, installed))]),
            ("privacy", plan.privacy.guarantee),
            *([] if plan.privacy.noise == "none" else [("means", _spell_guarantee(plan.privacy))]),
            (
                "cost",
                "not bounded: without noise no number limits what is shown"
                if cost is None
                else f"rho {cost} an attempt, to each data set; {pluralise(plan.attempts, 'attempt')} may be made, so at most "
                f"rho {most} in all",
            ),
            ("sums", spell_sums(sums)),
            *([] if accuracy is None else [("accuracy", _spell_accuracy(accuracy))]),
        ]
    )
    columns = ("member", "budget", "spent", "after", "left", "verdict")
    rows = [tuple(p[name] or "–" for name in columns) for p in priced]
    verdict = (
        make_facts(
            ("refused", f"{message} [{rule}]")
            for rule, message in merge_reasons((reason["rule"], reason["message"]) for reason in refusals)
        )
        if refusals
        else suggest(f"proposal open run {plan_path} --as MEMBER", folder)
    )
    show(document, plan.name, facts, "", _tabulate(rows), "", verdict, as_json=as_json)
    return EXIT_CODES["refused"] if refusals else 0


def _spell_guarantee(privacy: NoisedSums) -> str:
    """Say what an epsilon is worth, as in `docs/privacy.md`."""
    from hansa.rehearsal.spelling import format_factor

    factor = math.exp(float(privacy.epsilon))
    whose = "one row" if isinstance(privacy.unit, str) else "one person's rows"
    most = f"at most {format_factor(factor)}" if factor < LITTLE else f"more than {LITTLE:,}"
    words = (
        f"whatever anybody thinks of {whose}, all answers together may change its odds by a factor of {most}, "
        f"but for a chance of {privacy.delta}"
    )
    return words if factor < LITTLE else f"{words}. WARNING: this bounds next to nothing; ask for a smaller ε"


def _warn_recipe(plan: Plan, installed: str) -> str:
    return (
        f"WARNING: the plan asks for the code `{plan.recipe.digest}`, and `{installed}` is installed here, so no member with "
        "this version could take part; leave `recipe.digest` out for the installed one, or install the other"
    )


def _price(account: Account, plan: Plan) -> dict[str, Any]:
    """Say what one data set would have spent after the run, and what would be left of its budget."""
    from hansa.coalition import format_epsilon

    budget = account.budget
    if plan.privacy.noise == "none":
        verdict, after = "no formal guarantee", None
    else:
        after = account._replace(spent=account.spent + plan.privacy.rho)
        over = budget is not None and after.spent > budget.rho
        verdict = "refused: no budget" if budget is None else "refused: over budget" if over else "fits"
    return {
        "member": account.member,
        "budget": None if budget is None else f"ε = {budget.epsilon}, δ = {budget.delta}",
        "spent": format_epsilon(account.epsilon_spent),
        "after": None if after is None else format_epsilon(after.epsilon_spent),
        "left": None if after is None else format_epsilon(after.epsilon_left),
        "verdict": verdict,
    }


def _tabulate(rows: list[tuple[str, ...]]) -> RenderableType:
    """Return a line for each data set; one for all when there are several, all alike."""
    numbers = ("spent ε", "after ε", "then left ε")
    if len(rows) > 1 and len({row[1:] for row in rows}) == 1:
        rows = [(f"all {len(rows)} data sets", *rows[0][1:])]
    return make_table(("data of", "budget", *numbers, "verdict"), rows, right=numbers, whole=("data of",))


def _price_accuracy(tables: Path, plan: Plan, state: State) -> dict[str, str]:
    """Return mean AUCs over the organisations that can be scored and how many rows clipping cuts, or errors of figures."""
    from hansa.learning import Price
    from hansa.rehearsal import price_accuracy

    price = price_accuracy(tables, plan, state.charter)
    if isinstance(price, Price):
        return {
            "auc_without_noise": f"{price.unclipped:.3f}",
            "auc_clipped": f"{price.clipped:.3f}",
            "auc_with_noise": f"{price.split:.3f}",
            "deviation": f"{price.deviation:.3f}",
            "rows_clipped": f"{price.cut:.3f}",
        }
    return {
        "noise": f"{price.noise:.2f}",
        "mean_error": f"{price.mean:.4f}",
        "deviation_error": f"{price.deviation:.4f}",
        "quantile_error": f"{price.quantile:.4f}",
        "values_told": f"{price.told:.1f}",
        "values": str(price.values),
    }


def _spell_accuracy(accuracy: dict[str, str]) -> str:
    from hansa.learning.advice import BITES

    if "mean_error" in accuracy:
        return _spell_errors(accuracy)
    share = float(accuracy["rows_clipped"])
    words = (
        f"mean AUC {accuracy['auc_without_noise']} without noise, {accuracy['auc_clipped']} with clipping alone, "
        f"{accuracy['auc_with_noise']} ± {accuracy['deviation']} with noise; {share:.1%} of the training rows are clipped"
    )
    return f"{words}. WARNING: clipping bites; consider a larger `clip`" if share > BITES else words


def _spell_errors(accuracy: dict[str, str]) -> str:
    """Say how far statistics with noise are from those of all rows; figures in standard deviations of their number."""
    parts = [f"a count is off by {float(accuracy['noise']):.0f} rows or so"]
    if accuracy["mean_error"] != "nan":
        mean, deviation, quantile = (
            f"{float(accuracy[name]):.1%}" for name in ("mean_error", "deviation_error", "quantile_error")
        )
        parts.append(
            f"of a number's standard deviation a mean is off by {mean}, that deviation itself by {deviation}, a quantile, "
            f"of which the bins leave something open, too, by {quantile}"
        )
    if int(accuracy["values"]):
        told = float(accuracy["values_told"])
        parts.append(
            f"of {accuracy['values']} values of counted features {told:.0f} are seen through the noise"
        )
    return "; ".join(parts)


def _list_refusals(state: State, plan: Plan) -> list[dict[str, str]]:
    """Return why the coalition would refuse the plan as it stands now, if it would."""
    from hansa.coalition import verify_plan
    from hansa.errors import Refused

    try:
        verify_plan(state, plan)
    except Refused as refusal:
        return [{"rule": refusal.rule, "message": reason} for reason in refusal.reasons]
    return []
