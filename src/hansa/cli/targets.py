"""What a proposal asks for: read from what was typed, and told in words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hansa.cli.memberfile import read_text
from hansa.cli.options import stop
from hansa.cli.record import find_proposal
from hansa.cli.reports import find_completed
from hansa.coalition import ProposalRecord, State, approved_cohort, minimum_cohort, sharing_for
from hansa.errors import Malformed
from hansa.governance import Admit, Amend, Expel, Plan, Release, judge_bars, load_charter, parse_effect
from hansa.rehearsal import read_plan
from hansa.transparency import digest


def read_target(state: State, effect: str, target: str) -> tuple[str, dict[str, Any]]:
    """Return a title and the effect in canonical form.

    Args:
        state: the coalition, in which a release finds its run.
        effect: `run`, `release`, `admit`, `expel` or `amend`.
        target: a file, a number or a member's id, as the effect wants.

    Raises:
        CycloptsError: the target cannot be one of this effect.
        Malformed: a document is wrong, with every finding.
        Refused: there is no completed run to release.
        Unavailable: a file cannot be read.
    """
    match effect:
        case "run":
            plan = read_plan(Path(target))
            return plan.name, {"effect": "run", "plan": plan.to_json()}
        case "release":
            if not target.isdecimal():
                stop(f"a release names the number of the run's proposal, got `{target}`")
            run = find_completed(state, int(target))
            makes = find_proposal(state, int(target)).plan
            what = "model" if makes is None or makes.label else "statistics"
            title = f"Release the {what} of run {int(target)}"
            return title, {"effect": "release", "run": int(target), "model": run.model, "report": run.report}
        case "admit":
            body = _read_admission(Path(target))
            return f"Admit {body['member']['name']}", body
        case "expel":
            return f"Expel {target}", {"effect": "expel", "member": target}
        case _:
            charter = load_charter(read_text(Path(target)), Path(target).name)
            return f"Charter version {charter.version}", {"effect": "amend", "charter": charter.to_json()}


def count_sums(state: State, plan: Plan) -> dict[str, int]:
    """Return what the secure sums of a run would bear if it began now; nothing when nobody could take part."""
    active = {member.id for member in state.active_members}
    members = len(active.intersection(approved_cohort(state, plan)))
    if not members:
        return {}
    sharing = sharing_for(state, members)
    required = max(sharing.required, minimum_cohort(state, plan))
    return {
        "members": members,
        "required": required,
        "colluders": sharing.colluders,
        "dropouts": max(members - required, 0),
        "neighbours": sharing.degree or members - 1,
    }


def spell_sums(sums: Mapping[str, int]) -> str:
    """Say in words what `count_sums` found."""
    if not sums:
        return "nobody could take part"
    neighbours = (
        f", with {sums['neighbours']} neighbours each" if sums["neighbours"] < sums["members"] - 1 else ""
    )
    return (
        f"over {sums['members']} members{neighbours}: at least {sums['required']} must stay, so {sums['dropouts']} may "
        f"vanish, and {sums['colluders']} may collude"
    )


def describe_effect(state: State, proposal: ProposalRecord) -> list[tuple[str, object]]:
    """Return what a proposal would do, as titles and facts."""
    match proposal.effect:
        case Admit(member=member):
            who = f"{member.name} (`{member.id}`, {member.member_class}, {member.country})"
            return [("newcomer", who)]
        case Expel(member=name):
            return [("member", name)]
        case Amend(charter=charter):
            return [("charter", f"version {charter['version']}"), ("digest", digest(charter))]
        case Release(run=run, model=model, report=report):
            return [("run", run), ("model", model), ("report", report)]
        case _:
            plan = proposal.plan
            assert plan is not None  # the fold keeps the plan of every run
            bars = "; ".join(f"{verdict.metric} {verdict.bar}" for verdict in judge_bars(plan, {}))
            return [
                ("plan", plan.digest),
                ("purpose", plan.purpose),
                ("bars", bars or "none: these are statistics, of all rows"),
                ("privacy", plan.privacy.guarantee),
                ("sums", spell_sums(count_sums(state, plan))),
            ]


def _read_admission(path: Path) -> dict[str, Any]:
    """Read what `hansa member enrol` wrote, in whatever layout it is by now."""
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise Malformed("admission.form", f"`{path}` is not JSON: {error}") from None
    effect = parse_effect(value)
    if not isinstance(effect, Admit):
        raise Malformed("admission.form", f"`{path}` is about `{effect.effect}`, not an admission")
    return effect.to_json()
