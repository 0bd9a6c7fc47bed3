"""`hansa account`: what has been learnt from whom, for what, and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder
from hansa.cli.printing import make_facts, make_table, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from hansa.coalition import Account

SUMS: Final = "epsilons do not simply add: what adds up is rho, and the ε that is left follows from it"

SECOND: Final = (
    "by dp-accounting; it may be lower than ours, which is exact and rounded up; the record decides by ours"
)

app = App(name="account", help="What has been learnt from whom, for what, and what is left.")


@app.default
def account(
    member: Annotated[
        str | None, Parameter(name="MEMBER", help="Whose data; all members' when left out.")
    ] = None,
    /,
    *,
    second_opinion: Annotated[
        bool,
        Parameter(
            name="--second-opinion",
            negative="",
            show_default=False,
            help="Have dp-accounting add the same charges up, and print its epsilon beside.",
        ),
    ] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what has been learnt from a member's data: by whom, for what, when, at what cost, and what is left.

    Nobody keeps this account. It follows from the record, so every member finds the same, and no run that
    would pass a budget starts at any of them.
    """
    from hansa.cli.record import read_state
    from hansa.coalition import derive_account
    from hansa.rehearsal.account import describe_account
    from hansa.transparency import format_instant

    _, state = read_state(folder)
    at = format_instant(state.at)
    names = tuple(sorted(state.members)) if member is None else (member,)
    accounts = [derive_account(state, name) for name in names]
    documents = [describe_account(found, state) for found in accounts]
    if second_opinion:
        for found, document in zip(accounts, documents, strict=True):
            document["second_opinion"] = _ask_second(found)
    if member is None:
        parts = _tabulate(documents, at, second_opinion=second_opinion)
        show({"at": at, "accounts": documents}, *parts, as_json=as_json)
    else:
        show({"at": at, **documents[0]}, *_tell(accounts[0], documents[0], at), as_json=as_json)


def _ask_second(found: Account) -> float | None:
    """Return dp-accounting's epsilon over the charges with noise, at the budget's delta; None without a budget."""
    from hansa.privacy.accounting import compose

    if found.budget is None:
        return None
    return compose(
        [float(charge.rho) for charge in found.charges if charge.is_bounded], float(found.budget.delta)
    )


def _tabulate(documents: list[dict[str, Any]], at: str, *, second_opinion: bool) -> list[RenderableType]:
    """Return the accounts as a table; what is the same for all stands below it, once."""
    deltas = {document["budget"]["delta"] for document in documents if document["budget"]}
    columns: dict[str, list[str]] = {
        "data of": [document["member"] for document in documents],
        "attempts": [str(len(document["charges"])) for document in documents],
    }
    if any(document["without_bound"] for document in documents):
        columns["attempts without noise"] = [str(document["without_bound"]) for document in documents]
    columns["budget ε"] = [_spell_budget(document, with_delta=len(deltas) > 1) for document in documents]
    columns["spent ε"] = [document["spent"]["epsilon"] or "–" for document in documents]
    if second_opinion:
        columns["second opinion"] = [_spell_second(document) for document in documents]
    columns["one more run ε"] = [document["left"]["epsilon"] or "–" for document in documents]
    names = tuple(columns)
    below = f"\nas of {at}, the log's newest entry"
    if len(deltas) == 1:
        below += f"; every ε at δ = {deltas.pop()}"
    if any(document["budget"] for document in documents):
        below += f"\n{SUMS}"
    if second_opinion:
        below += f"\nsecond opinion: {SECOND}"
    return [
        make_table(names, list(zip(*columns.values(), strict=True)), right=names[1:], whole=names[:1]),
        below,
    ]


def _tell(found: Account, document: dict[str, Any], at: str) -> Iterator[RenderableType]:
    from hansa.rehearsal.spelling import list_names, pluralise

    yield f"What has been learnt from the data of `{found.member}`, as of {at}"
    if found.budget is None:
        facts = [("budget", "none")]
    else:
        facts = [
            (
                "budget",
                f"ε = {found.budget.epsilon}, δ = {found.budget.delta} (rho {document['budget']['rho']})",
            )
        ]
        spent, left = document["spent"], document["left"]
        facts += [
            ("spent", f"ε = {spent['epsilon']} (rho {spent['rho']})"),
            ("left", f"rho {left['rho']}: one more run of up to ε = {left['epsilon']}"),
        ]
    if "second_opinion" in document:
        facts.append(("second opinion", f"ε = {_spell_second(document)}, {SECOND}"))
    yield make_facts(facts)
    if found.budget is not None:
        yield SUMS
    yield ""
    if not found.charges:
        yield "Nothing yet: no attempt at a run had it in its cohort."
        return
    rows = [
        (
            f"{charge['proposal']}.{charge['attempt']}",
            charge["at"],
            _spell_charge(charge, found.member),
            charge["guarantee"] + (f", rho {charge['rho']}" if charge["rho"] else ""),
        )
        for charge in document["charges"]
    ]
    yield make_table(("run", "at", "learnt", "cost"), rows)
    yield "\nrun: proposal.attempt"
    if found.unbounded:
        yield (
            f"\n{pluralise(len(found.unbounded), 'attempt')} without noise: only sums could be read, and no number bounds "
            "what they show."
        )
    for pair in found.subtractions:
        whose = "this member" if len(pair.members) == 1 else list_names(list(pair.members), limit=12)
        yield (
            f"\nTotals of entries {pair.earlier} and {pair.later} differ by {whose} only: whoever has the totals of "
            "both can subtract one from the other and read what that gave."
        )
    for group in found.combinations:
        whose = "this member" if len(group) == 1 else list_names(list(group), limit=12)
        yield (
            f"\nThe cohorts of several attempts without noise, added and subtracted, leave {whose} only: whoever has the "
            "totals of all of them can read what that gave."
        )
    for redivision in found.redivisions:
        yield (
            f"\nEntries {redivision.earlier} and {redivision.later} took different rows of the same members, as training rows or as all: "
            "whoever has the totals of both can subtract one from the other and may read single rows."
        )


def _spell_charge(charge: dict[str, Any], member: str) -> str:
    ended = {"open": "under way", "completed": "completed", "failed": "failed, and charged all the same"}
    dropped = charge["dropped"].get(member)
    without = "" if dropped is None else f", without this member from round {dropped} on"
    return (
        f"{charge['name']}: {charge['purpose']} By {charge['coordinator']}, over {len(charge['cohort'])} members; "
        f"{ended[charge['status']]}{without}"
    )


def _spell_budget(document: dict[str, Any], *, with_delta: bool) -> str:
    budget = document["budget"]
    if budget is None:
        return "none"
    return f"{budget['epsilon']} at δ = {budget['delta']}" if with_delta else str(budget["epsilon"])


def _spell_second(document: dict[str, Any]) -> str:
    epsilon = document["second_opinion"]
    return "–" if epsilon is None else f"{epsilon:.3f}"
