"""`hansa run`: start an approved run, stop it, see what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder, ProposalNumber, Speaker, limit_text
from hansa.cli.printing import make_facts, make_table, narrate, show, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from hansa.cli.record import Record
    from hansa.coalition import ProposalRecord, RunRecord, State
    from hansa.governance import BarVerdict, Plan

FOR_GOOD = "for good"

app = App(name="run", help="Start an approved run, stop it, see what came of it.")


@app.command
def start(
    number: ProposalNumber, /, *, speaker: Speaker = None, folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Start an approved run and take it to its end.

    It is refused unless the log proves that exactly this plan passed, is in effect and is not braked; every
    member checks that for itself, again at every round. Only sums leave the members.
    """
    from hansa.cli.desk import HouseDesk, name_speaker, open_desk, spell_speaker
    from hansa.cli.record import read_record
    from hansa.cli.reports import find_uncertainty
    from hansa.cli.starting import start_in_house, start_on_stage
    from hansa.governance import judge_bars
    from hansa.rehearsal.runner import find_run

    narrator = narrate(as_json=as_json)
    with open_desk(folder) as desk:
        name = name_speaker(desk, speaker)
        _, plan = find_run(desk.state, number)
        with narrator.part(plan.name):
            start_here = start_in_house if isinstance(desk, HouseDesk) else start_on_stage
            run, traffic = start_here(desk, number, name, narrator)
    uncertainty = find_uncertainty(read_record(folder), run)
    verdicts = judge_bars(plan, run.metrics)
    document = {
        "proposal": number,
        "attempt": run.attempt,
        "entry": run.number,
        "run": run.id,
        "cohort": list(run.cohort),
        "dropped": dict(run.dropped),
        "metrics": dict(run.metrics),
        "uncertainty": None if uncertainty is None else dict(uncertainty),
        "bars": _list_bars(verdicts),
        "model": run.model,
        "report": run.report,
        "guarantee": plan.privacy.guarantee,
        **traffic,
    }
    met = all(verdict.met for verdict in verdicts)
    facts = make_facts(
        [
            *_spell_bars(verdicts, _choose_doubts(plan, uncertainty)),
            *_spell_dropped(run),
            (_name_product(plan), run.model),
            ("report", run.report),
            ("both in", desk.folder / "blobs"),
        ]
    )
    if plan.bars:
        verdict = (
            "Every bar set before the run is met."
            if met
            else "A bar is missed: this model cannot be released."
        )
    else:
        verdict = "The statistics are there. No bar was set, so a vote alone decides on their release."
    is_releasable = met and plan.bars
    step = (
        f"proposal open release {number}{spell_speaker(desk, name)}"
        if is_releasable
        else f"run report {number}"
    )
    show(document, "", verdict, facts, suggest(step, folder), as_json=as_json)


@app.command(name="list")
def list_runs(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List the runs that were proposed, and their attempts."""
    from hansa.cli.record import read_state

    _, state = read_state(folder)
    runs = [_describe(proposal, state) for proposal in state.proposals_in_order if proposal.plan is not None]
    rows = [
        (
            run["entry"],
            run["outcome"].replace("_", " "),
            ", ".join(f"{attempt['attempt']} {attempt['status']}" for attempt in run["attempts"]) or "–",
            run["braked_until"] or "–",
            run["title"],
        )
        for run in runs
    ]
    table = make_table(("entry", "proposal", "attempts", "braked until", "title"), rows, right=("entry",))
    show({"runs": runs}, table if rows else "No run was proposed yet.", as_json=as_json)


@app.command
def report(
    number: ProposalNumber,
    /,
    *,
    member: Annotated[
        str | None,
        Parameter(
            name="--as", metavar="MEMBER", help="Show this member's private report, out of its own folder."
        ),
    ] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Report a run: what the coalition may know, or with --as what one member alone does.

    Of a model its measures, of statistics the figures themselves.
    """
    from hansa.cli.record import read_state
    from hansa.cli.reports import find_completed, read_private

    record, state = read_state(folder)
    run = find_completed(state, number)
    if member is not None:
        private = read_private(folder, state, member, run)
        show(private, *_show_private(number, private), as_json=as_json)
        return
    document, parts = _report_jointly(number, run, state, record)
    show(document, *parts, as_json=as_json)


@app.command
def brake(
    number: ProposalNumber,
    /,
    *,
    reason: Annotated[
        str, Parameter(validator=limit_text(1_000, shortest=1), metavar="TEXT", help="Why, for the others.")
    ],
    speaker: Speaker = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Stop a run at once, for as long as the charter lets one member alone.

    Each member has one brake per run; once more than half have used theirs, the run is stopped for good.
    """
    from hansa.cli.desk import name_speaker, open_desk
    from hansa.cli.record import find_proposal
    from hansa.coalition import Brake

    with open_desk(folder) as desk:
        name = name_speaker(desk, speaker)
        proposal = find_proposal(desk.state, number)
        entry = desk.say(name, Brake(proposal=proposal.id, reason=reason))
        desk.settle()
        until = _spell_brake(find_proposal(desk.state, number))
    document = {"proposal": number, "entry": entry, "member": name, "braked_until": until}
    how_long = "for good" if until == FOR_GOOD else f"until {until}"
    text = f"`{name}` brakes run {number} (entry {entry}); it is stopped {how_long}."
    show(document, text, as_json=as_json)


def _describe(proposal: ProposalRecord, state: State) -> dict[str, Any]:
    return {
        "entry": proposal.number,
        "title": proposal.title,
        "outcome": proposal.outcome,
        "plan": proposal.plan.digest if proposal.plan is not None else None,
        "braked_until": _spell_brake(proposal) if proposal.braked_until > state.at else None,
        "attempts": [
            {
                "attempt": run.attempt,
                "entry": run.number,
                "status": run.status,
                "coordinator": run.coordinator,
                "cohort": list(run.cohort),
                "dropped": dict(run.dropped),
            }
            for run in state.attempts(proposal.id)
        ],
    }


def _spell_brake(proposal: ProposalRecord) -> str:
    from hansa.coalition import STOPPED_FOR_GOOD
    from hansa.transparency import format_instant

    return FOR_GOOD if proposal.braked_until == STOPPED_FOR_GOOD else format_instant(proposal.braked_until)


def _list_bars(verdicts: Sequence[BarVerdict]) -> list[dict[str, Any]]:
    return [{"metric": v.metric, v.direction: v.limit, "value": v.value, "met": v.met} for v in verdicts]


def _choose_doubts(plan: Plan, uncertainty: Mapping[str, str] | None) -> dict[str, float]:
    """Return by how much each metric may be off where noise blurs it; without noise that is next to nothing."""
    if plan.privacy.noise == "none" or uncertainty is None:
        return {}
    return {name: float(value) for name, value in uncertainty.items()}


def _spell_bars(verdicts: Sequence[BarVerdict], doubts: Mapping[str, float]) -> list[tuple[str, str]]:
    from hansa.rehearsal.spelling import DOUBT, describe_metric, format_metric

    lines = []
    for v in verdicts:
        reached = f"{describe_metric(v.metric)} {format_metric(v.metric, v.value, doubts.get(v.metric))}"
        asked = f"{v.direction.replace('_', ' ')} {format_metric(v.metric, v.limit)}"
        lines.append(("bar", f"{'✓ met' if v.met else '✗ not met'}: {reached}, {asked} asked"))
    return [*lines, ("±", DOUBT)] if doubts else lines


def _spell_dropped(run: RunRecord) -> list[tuple[str, str]]:
    return [
        ("vanished", f"{name}: not in the totals from round {first} on")
        for name, first in run.dropped.items()
    ]


def _report_jointly(
    number: int, run: RunRecord, state: State, record: Record
) -> tuple[dict[str, Any], list[RenderableType]]:
    from hansa.cli.record import find_proposal
    from hansa.cli.reports import find_uncertainty
    from hansa.governance import judge_bars
    from hansa.rehearsal.spelling import drop_empty, list_choices, tabulate_metrics

    plan = find_proposal(state, number).plan
    assert plan is not None  # `find_completed` refuses what is not a run
    verdicts = judge_bars(plan, run.metrics)
    uncertainty = find_uncertainty(record, run)
    doubts = _choose_doubts(plan, uncertainty)
    released = any(release.model == run.model for release in state.releases)
    document = {
        "proposal": number,
        "attempt": run.attempt,
        "run": run.id,
        "name": plan.name,
        "plan": plan.digest,
        "guarantee": plan.privacy.guarantee,
        "cohort": list(run.cohort),
        "dropped": dict(run.dropped),
        "metrics": dict(run.metrics),
        "uncertainty": None if uncertainty is None else dict(uncertainty),
        "bars": _list_bars(verdicts),
        "model": run.model,
        "report": run.report,
        "released": released,
    }
    metrics = {name: float(value) for name, value in run.metrics.items()}
    if plan.label is None:
        document["statistics"], figures = _show_figures(run, record)
    else:
        rows = tabulate_metrics(metrics, doubts)
        columns, rows = drop_empty(("over the cohort", "alone", "together", "corrected"), rows)
        figures = [make_table(columns, rows, right=columns[1:])]
    if plan.recipe.name == "regression":
        document["estimates"], table = _show_estimates(run, record)
        figures += ["", table]
    facts = make_facts(
        [
            *_spell_bars(verdicts, doubts),
            *list_choices(metrics),
            *_spell_dropped(run),
            ("privacy", plan.privacy.guarantee),
            (_name_product(plan), run.model),
            ("report", run.report if uncertainty is not None else f"{run.report}, which does not lie here"),
            ("released", "yes" if released else "not yet"),
        ]
    )
    head = f"Run {number}, attempt {run.attempt}: {plan.name}, {len(run.cohort)} members"
    return document, [head, "", *figures, "", facts]


def _show_figures(run: RunRecord, record: Record) -> tuple[dict[str, Any] | None, list[RenderableType]]:
    """Return the statistics that a run made, which lie among the blobs, and how they are shown."""
    from hansa.cli.reports import read_statistics
    from hansa.cli.statistics import show_statistics

    document = read_statistics(record, run)
    if document is None:
        return None, ["The figures do not lie here: the record holds their digest only."]
    return document, show_statistics(document)


def _show_estimates(run: RunRecord, record: Record) -> tuple[list[dict[str, Any]] | None, RenderableType]:
    """Return the table of a regression's coefficients, which lies among the blobs, and how it is shown."""
    from hansa.cli.reports import read_regression
    from hansa.learning.regression import list_estimates
    from hansa.rehearsal.outcome import Estimate
    from hansa.rehearsal.spelling import spell_estimate

    model = read_regression(record, run)
    if model is None:
        return None, "The coefficients do not lie here: the record holds their digest only."
    lines = [line._asdict() for line in list_estimates(model)]
    columns = ("class", "column", "estimate", "standard error", "95% interval", "p")
    rows = [
        (line["equation"] or "", line["column"], *spell_estimate(Estimate.model_validate(line)))
        for line in lines
    ]
    skipped = 0 if any(line["equation"] for line in lines) else 1
    return lines, make_table(columns[skipped:], [row[skipped:] for row in rows], right=columns[2:])


def _name_product(plan: Plan) -> str:
    return "statistics" if plan.label is None else "model"


def _show_private(number: int, private: Mapping[str, Any]) -> list[RenderableType]:
    from hansa.cli.statistics import show_comparison
    from hansa.rehearsal.spelling import format_gain, format_measure

    if "differences" in private:
        return show_comparison(number, private)

    def spell(name: str, held: Mapping[str, Any] = private) -> str:
        value = held.get(name)
        if not isinstance(value, dict):
            return "–"
        if "low" not in value:
            return format_measure(value["value"])
        if "auc" in value:
            low, high = format_measure(value["low"]), format_measure(value["high"])
            return f"{format_measure(value['auc'])}, 95% interval {low} to {high}"
        low, high = format_gain(value["low"]), format_gain(value["high"])
        return f"{format_gain(value['value'])}, 95% interval {low} to {high}"

    measure = {"explained": "deviance explained", "concordance": "concordance"}.get(
        private.get("measure", ""), "AUC"
    )
    names = {
        "alone": f"{measure} alone",
        "together": f"{measure} together",
        "corrected": f"{measure} with local correction",
        "gain": "gain together",
        "corrected_gain": "gain with correction",
    }
    if private.get("options"):
        names |= {"chosen": "AUC as you chose", "chosen_gain": "gain as you chose"}
    rows = f"{private['rows']:,}, {private['test_rows']:,} of them tested"
    if private.get("measure") != "explained":
        rows += f", {private['test_positives']:,} with the event"
    facts = [
        ("rows", rows),
        *((title, spell(name)) for name, title in names.items()),
        *(
            (
                option["name"],
                f"{option['share']:.0%} of your choice; AUC {spell('auc', option)}; gain {spell('gain', option)}",
            )
            for option in private.get("options", [])
        ),
        ("advice", private["advice"]),
    ]
    return [f"Run {number}, for {private['member']} alone", make_facts(facts)]
