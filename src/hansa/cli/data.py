"""`hansa data`: a member's own table, before any plan and against one, and what its data stewards consent to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hansa.cli.options import HERE, AsJson, Folder, Speaker, stop
from hansa.cli.printing import make_facts, make_table, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.coalition import State
    from hansa.node.owntable import Home, OwnTable
    from hansa.transparency import SigningKey

app = App(name="data", help="Look at a member's own table, and say which columns plans may have.")

Steward = Annotated[
    str | None,
    Parameter(
        name="--as", metavar="STEWARD", show_default=False, help="Data steward who says so: `MEMBER/NAME`."
    ),
]
Columns = Annotated[
    str,
    Parameter(
        name="COLUMNS",
        allow_leading_hyphen=True,
        help="Columns by the names that plans use, or `all` of the table.",
    ),
]
KeyFile = Annotated[
    Path | None,
    Parameter(
        name="--key",
        metavar="FILE",
        help="The steward's key, where it was handed out; else that in the member's folder.",
    ),
]


@app.command
def check(
    plan_path: Annotated[Path, Parameter(name="PLAN", help="The plan, YAML.")],
    /,
    *,
    data: Annotated[
        Path | None, Parameter(metavar="TABLE", help="A table, instead of that of the member's folder.")
    ] = None,
    mapping: Annotated[
        Path | None, Parameter(metavar="FILE", help="How that table becomes the columns of the plan, YAML.")
    ] = None,
    speaker: Speaker = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold a member's table against a plan as its node will: mapping, consent, every cell, the split.

    Nothing is written, and nothing leaves the machine. Exit code 4 when the node would refuse, with all that is wrong.
    """
    from hansa.cli.coalition import describe_finding, list_findings
    from hansa.learning import divide_rows, read_split
    from hansa.node.consent import verify_consent
    from hansa.node.data import check_file
    from hansa.rehearsal import read_plan
    from hansa.rehearsal.spelling import pluralise

    plan = read_plan(plan_path)
    if data is None and mapping is None:
        home, state = _find_home(folder, speaker)
        own = _find_table(home)
        if state is not None:
            verify_consent(home, state, plan.columns, own.digest)
        member = home.member
    else:
        own = _name_table(data, mapping)
        member = "" if speaker is None else speaker
    checked = check_file(own.path, plan, own.mapping)
    rows = divide_rows(checked.table, read_split(plan.to_json()), member)
    counts = {"rows": len(checked.table), "train": len(rows.train), "test": len(rows.test)}
    document = {
        "plan": plan.digest,
        "table": _name(own),
        "mapping": own.digest,
        "columns": list(plan.columns),
        **counts,
        "findings": [describe_finding(finding) for finding in checked.findings],
    }
    facts = make_facts(
        [
            ("table", _name(own)),
            ("mapping", own.digest or "none: the columns are those of the table"),
            ("columns", ", ".join(plan.columns)),
            ("rows", f"{counts['rows']:,}: {counts['train']:,} train, {counts['test']:,} test"),
        ]
    )
    head = f"The table meets {plan.name}" + (
        f", with {pluralise(len(checked.findings), 'warning')}." if checked.findings else "."
    )
    show(document, head, facts, *list_findings(checked.findings), as_json=as_json)


@app.command(name="show")
def show_table(*, speaker: Speaker = None, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List the columns that plans may name, and who consented to each. No row is read."""
    from hansa.node.consent import find_stewards, read_consents

    home, state = _find_home(folder, speaker)
    own = _find_table(home)
    stewards = [] if state is None else sorted(find_stewards(state, home.member))
    consents = {} if state is None else read_consents(home, state)
    columns = [
        {
            "name": name,
            "consent": [
                steward
                for steward, consent in consents.items()
                if name in consent.columns and consent.mapping == own.digest
            ],
        }
        for name in _open(own)
    ]
    document = {
        "member": home.member,
        "table": _name(own),
        "mapping": own.digest,
        "stewards": stewards,
        "columns": columns,
    }
    facts = make_facts(
        [
            ("table", _name(own)),
            ("mapping", own.digest or "none: the columns are those of the table"),
            (
                "stewards",
                ", ".join(f"{home.member}/{name}" for name in stewards)
                or "none: plans may have every column that they name",
            ),
        ]
    )
    rows = [
        (str(column["name"]), ", ".join(column["consent"]) or ("nobody" if stewards else "–"))
        for column in columns
    ]
    show(document, facts, "", make_table(("column", "consent of"), rows), as_json=as_json)


@app.command
def consent(
    *columns: Columns,
    steward: Steward = None,
    key: KeyFile = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let plans have columns, in a data steward's name, beside those they may have already.

    It holds for the mapping as it is now. Where the mapping has changed, the steward consents anew.
    """
    _change(columns, steward, key, folder, is_given=True, as_json=as_json)


@app.command
def withdraw(
    *columns: Columns,
    steward: Steward = None,
    key: KeyFile = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take a data steward's consent to columns back, for every run that has not begun."""
    _change(columns, steward, key, folder, is_given=False, as_json=as_json)


def _change(
    columns: Sequence[str],
    steward: str | None,
    key: Path | None,
    folder: Path,
    *,
    is_given: bool,
    as_json: bool,
) -> None:
    from hansa.errors import Refused
    from hansa.node.consent import Consent, find_stewards, keep_consent, read_consents

    member, _, name = (steward or "").partition("/")
    if not name:
        stop("`--as MEMBER/NAME` is missing: a data steward consents, with a key of its own")
    if not columns:
        stop("`COLUMNS` is missing: name the columns, or say `all`")
    home, state = _find_home(folder, member)
    if state is None or name not in find_stewards(state, member):
        raise Refused(
            "consent.steward",
            f"`{member}/{name}` is no data steward on the record; `hansa member key grant {name} data-steward` makes one",
        )
    signing = _read_key(home, name, key, state)
    own = _find_table(home)
    known = set(_open(own))
    chosen = known if "all" in columns and "all" not in known else set(columns)
    if is_given and chosen - known:
        raise Refused(
            "consent.column",
            [
                f"the table has no column `{column}`; `hansa data show` lists them"
                for column in sorted(chosen - known)
            ],
        )
    last = read_consents(home, state).get(name)
    given = set(last.columns) if last is not None and last.mapping == own.digest else set()
    now = given | chosen if is_given else given - chosen
    made = Consent(
        coalition=state.coalition, member=member, name=name, mapping=own.digest, columns=tuple(sorted(now))
    )
    path = keep_consent(home, made, signing)
    text = ", ".join(sorted(now)) or "no column"
    show(made.to_json() | {"file": str(path)}, f"`{steward}` lets plans have: {text}", as_json=as_json)


def _read_key(home: Home, name: str, path: Path | None, state: State) -> SigningKey:
    from hansa.errors import Refused
    from hansa.store import read_seed

    key = read_seed(path or home.folder / "keys" / name)
    if key.public != state.members[home.member].delegates[name].key:
        raise Refused("consent.key", f"this is not the key that `{home.member}/{name}` has on the record")
    return key


def _find_home(folder: Path, speaker: str | None) -> tuple[Home, State | None]:
    """Return a member's folder and the record as it lies there, if there is one yet."""
    from hansa.cli.record import read_state
    from hansa.node.house import House, is_house
    from hansa.node.owntable import PlainHome

    if is_house(folder):
        house = House(folder)
        if speaker not in {None, house.member}:
            stop(f"this is the house of `{house.member}`; `{speaker}` looks on its own machine")
        return house, read_state(folder)[1] if (house.log / "checkpoint").is_file() else None
    state = read_state(folder)[1]
    if speaker is None or speaker not in state.members:
        stop(
            f"`--as MEMBER` is missing or names nobody: all members of `{folder}` are here, so say whose table"
        )
    return PlainHome(speaker, folder / "members" / speaker), state


def _find_table(home: Home) -> OwnTable:
    from hansa.node.owntable import find_table

    return find_table(home)


def _name_table(data: Path | None, mapping: Path | None) -> OwnTable:
    from hansa.node.mapping import load_mapping
    from hansa.node.owntable import OwnTable

    read = None if mapping is None else load_mapping(mapping)
    if data is None and (read is None or read.database is None):
        stop("`--data TABLE` is missing: the mapping names no server")
    return OwnTable(data, read)


def _open(own: OwnTable) -> tuple[str, ...]:
    """Return the columns that plans may name."""
    from hansa.node.tablefile import open_table

    return open_table(own.path, own.mapping).names


def _name(own: OwnTable) -> str:
    from hansa.node.postgresql import name_server

    if own.path is not None:
        return str(own.path)
    assert own.mapping is not None  # what is in no file is on the server that a mapping names
    assert own.mapping.database is not None
    return f"table {own.mapping.table} at {name_server(own.mapping.database)}"
