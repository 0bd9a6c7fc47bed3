"""`hansa up` and `hansa down`: a whole coalition as processes of their own on one machine."""

from __future__ import annotations

import shlex
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from hansa.cli.options import AsJson
from hansa.cli.printing import make_facts, make_table, narrate, show, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hansa.coalition import RunRecord
    from hansa.rehearsal import Narrator
    from hansa.rehearsal.server import DatabaseKind
    from hansa.rehearsal.street import Street

app = App(name="up", help="See the demo's coalition as separate processes on this machine.")
down_app = App(name="down", help="Stop the processes that `hansa up` began.")

UpFolder = Annotated[Path, Parameter(name="--folder", help="Where the coalition lives.")]
PLACE = Path("coalition")
PORT: Final = 8443
ALL: Final = 33


@app.default
def up(
    *,
    folder: UpFolder = PLACE,
    members: Annotated[
        int | None,
        Parameter(
            metavar="N",
            validator=Number(gte=2, lte=ALL),
            help="How many airlines, those with most data; all 33 when left out.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        Parameter(
            metavar="PORT",
            validator=Number(gte=1, lte=65_535),
            help=f"Of the hub, at 127.0.0.1; {PORT} when left out.",
        ),
    ] = None,
    database: Annotated[
        Literal["sqlite", "postgresql"] | None,
        Parameter(
            metavar="KIND",
            help="Where the log lies; when left out, in a PostgreSQL server of its own where one can be had, else in SQLite.",
        ),
    ] = None,
    without_noise: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Vote on exact sums: the figures are then the same each time, to the last digit.",
        ),
    ] = False,
    status: Annotated[
        bool, Parameter(negative="", show_default=False, help="Only say which processes run.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """See the demo's coalition as separate processes on this machine: a hub, and a node for each airline.

    Founded with invitations, each airline in a house of its own; proposed, voted on and run through the hub, over HTTPS. In
    the same folder again it begins what was stopped, and goes on; what was founded stays as it is. Keys are not encrypted here.
    When it fails or is interrupted, nothing is left running. `hansa down` stops everything.
    """
    from hansa.rehearsal.street import Street, StreetLock, is_built, stop_street

    if status:
        _show_status(Street(folder), as_json=as_json)
        return
    narrator = narrate(as_json=as_json)
    with StreetLock(folder):
        if is_built(folder):
            Street(folder).verify_same(
                members=members, port=port, database=database, without_noise=without_noise
            )
        try:
            with _ending_when_told():
                if not is_built(folder):
                    _build(
                        folder,
                        narrator,
                        members=members,
                        port=port or PORT,
                        database=database,
                        without_noise=without_noise,
                    )
                street = Street(folder)
                run = _go_on(street, narrator)
        except BaseException as error:
            stopped = stop_street(folder)
            if stopped:
                error.add_note(f"its {stopped} processes are stopped; the same command begins them again")
            raise
    _show_run(street, run, as_json=as_json)


@down_app.default
def down(*, folder: UpFolder = PLACE, as_json: AsJson = False) -> None:
    """Stop the processes that `hansa up` began in a folder; what they signed and learnt stays there."""
    from hansa.errors import Unavailable
    from hansa.rehearsal.street import StreetLock, is_street, stop_street

    if not is_street(folder):
        raise Unavailable(f"`{folder}` holds no coalition that `hansa up` has made")
    with StreetLock(folder):
        stopped = stop_street(folder)
    document = {"folder": str(folder), "stopped": stopped}
    text = f"{stopped} processes are stopped." if stopped else "Nothing was running."
    show(document, text, suggest(_spell_up("up", folder)), as_json=as_json)


@contextmanager
def _ending_when_told() -> Iterator[None]:
    """Let a request to end (SIGTERM, a closed terminal) do what Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _build(
    folder: Path,
    narrator: Narrator,
    *,
    members: int | None,
    port: int,
    database: DatabaseKind | None,
    without_noise: bool,
) -> None:
    import tempfile

    from hansa.rehearsal import cast_birds
    from hansa.rehearsal.building import build_street, choose_database
    from hansa.rehearsal.recasting import hasten, keep_largest, take_noise_away

    with narrator.part("Founding"), tempfile.TemporaryDirectory() as tables:
        cast = hasten(cast_birds(Path(tables)))
        if members is not None:
            cast = keep_largest(cast, members)
        if without_noise:
            cast = take_noise_away(cast)
        kind, why = choose_database(folder, database)
        street = build_street(folder, cast, port, kind)
        narrator.say(f"the hub is up at {street.address}; it ordered the first entry, and can forge none")
        narrator.say(why)
        narrator.say(
            f"{len(street.houses)} airlines came with invitations, made their keys in their own houses, and signed"
        )


def _go_on(street: Street, narrator: Narrator) -> RunRecord:
    from hansa.rehearsal.assembly import Window, approve_plan, await_figures, find_completed, run_plan

    with narrator.part("Beginning"):
        begun = street.begin()
        narrator.say(f"{begun} processes were begun; {len(street.processes)} run, each with a journal")
    lead = Window(street.houses[street.lead])
    lead.wait_until(lambda found: found["entries"] > 0)
    run = find_completed(lead.state, street)
    if run is None:
        with narrator.part("Deciding"):
            number = approve_plan(street, narrator)
        with narrator.part("Training"):
            run = run_plan(street, number, narrator)
            await_figures(street, run)
    return run


def _show_status(street: Street, *, as_json: bool) -> None:
    described = _describe_processes(street)
    rows = [(p["name"], p["pid"] or "stopped", _spell_memory(p["memory_bytes"])) for p in described]
    running = sum(p["pid"] is not None for p in described)
    table = make_table(("process", "number", "memory"), rows, right=("number", "memory"))
    document = {
        "folder": str(street.folder),
        "hub": street.address,
        "database": street.database_kind,
        "processes": described,
    }
    show(document, table, f"\n{running} of {len(described)} run; hub {street.address}", as_json=as_json)


def _show_run(street: Street, run: RunRecord, *, as_json: bool) -> None:
    from hansa.governance import judge_bars
    from hansa.rehearsal.assembly import Window

    verdicts = judge_bars(street.plan, run.metrics)
    processes = _describe_processes(street)
    memory = sum(p["memory_bytes"] or 0 for p in processes)
    state = Window(street.houses[street.lead]).state
    number = next(p.number for p in state.proposals_in_order if p.id == run.proposal)
    document = {
        "folder": str(street.folder),
        "hub": street.address,
        "database": street.database_kind,
        "coalition": state.coalition,
        "lead": street.lead,
        "proposal": number,
        "run": run.id,
        "guarantee": street.plan.privacy.guarantee,
        "metrics": dict(run.metrics),
        "dropped": dict(run.dropped),
        "model": run.model,
        "report": run.report,
        "memory_bytes": memory,
        "processes": processes,
    }
    facts = make_facts(
        [
            *((v.metric, f"{v.value}, {v.direction.replace('_', ' ')} {v.limit} asked") for v in verdicts),
            ("privacy", street.plan.privacy.guarantee),
            ("model", run.model),
            ("report", run.report),
            ("memory", f"{_spell_memory(memory)} in {len(processes)} processes"),
            ("houses", street.folder / "houses"),
            ("journals", street.folder / "processes"),
        ]
    )
    is_met = all(verdict.met for verdict in verdicts)
    document["bars_met"] = is_met
    verdict = (
        "Every bar set before the run is met."
        if is_met
        else "A bar is missed: this model cannot be released. The fewer the members, the more the noise weighs."
    )
    commands = _list_commands(street, number, is_releasable=is_met)
    show(document, "", verdict, facts, "", *commands, as_json=as_json)


def _list_commands(street: Street, number: int, *, is_releasable: bool) -> Iterator[str]:
    """Yield what one could type now, in the house of the lead, in another one, in all."""
    houses = street.folder / "houses"
    lead = shlex.quote(str(houses / street.lead))
    name = next(name for name in street.houses if name != street.lead)
    other = shlex.quote(str(houses / name))
    yield f"What `{name}` alone learnt, and how its node does:"
    yield f"  hansa run report {number} --as {name} --folder {other}"
    yield f"  hansa node status --folder {other}"
    if is_releasable:
        yield f"`{street.lead}` may propose the release; then each votes in its own house, until it has passed:"
        yield f"  hansa proposal open release {number} --folder {lead}"
        yield f"  for house in {shlex.quote(str(houses))}/*; do hansa proposal vote N yes --folder $house; done"
    yield "Everything replayed, offline, from one member's mirror:"
    yield f"  hansa verify {other}"
    yield "Which processes run, and the end of them:"
    yield f"  hansa {_spell_up('up --status', street.folder)}"
    yield f"  hansa {_spell_up('down', street.folder)}"


def _spell_up(command: str, folder: Path) -> str:
    return command if folder == PLACE else f"{command} --folder {shlex.quote(str(folder))}"


def _describe_processes(street: Street) -> list[dict[str, Any]]:
    return [
        {"name": p.name, "pid": p.pid, "memory_bytes": p.measure_memory(), "journal": str(p.journal)}
        for p in street.processes
    ]


def _spell_memory(size: int | None) -> str:
    from hansa.rehearsal.spelling import format_bytes

    return "–" if size is None else format_bytes(size)
