"""`hansa coalition`: found one, judge a charter, look at what was agreed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hansa.cli.options import FOLDER_VARIABLE, HERE, AsJson, Folder, stop
from hansa.cli.passphrase import PassphraseFile, ask_passphrase, choose_passphrase
from hansa.cli.printing import make_facts, make_table, narrate, show, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from hansa.governance import Charter, DecisionRule, EffectName, Finding
    from hansa.governance.privacy import CharterPrivacy
    from hansa.rehearsal import Founder

app = App(name="coalition", help="Found a coalition, judge a charter, see what was agreed.")

CharterPath = Annotated[Path, Parameter(name="CHARTER", help="The charter, YAML.")]
LEVELS = {"error": "red", "warning": "yellow", "note": "dim"}


@app.command
def found(
    charter: CharterPath,
    /,
    *,
    members: Annotated[
        Path, Parameter(help="The founders, YAML: a list of id, name, country, class, weight, data.")
    ],
    folder: Annotated[
        Path | None,
        Parameter(name="--folder", env_var=FOLDER_VARIABLE, help="New folder for the coalition."),
    ] = None,
    hub: Annotated[
        Path | None, Parameter(help="Folder of the hub where members on machines of their own will meet.")
    ] = None,
    invitations: Annotated[
        Path | None, Parameter(help="New folder for the invitations; with `--hub`.")
    ] = None,
    lead: Annotated[
        str | None,
        Parameter(metavar="MEMBER", help="Founder who writes the first entry; the first in the list."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Found a coalition: every founder signs the charter.

    With `--folder` all keys, and copies of the founders' data, lie in the new folder: the form for one machine. With
    `--hub` each founder gets an invitation, makes its key and signs on its own machine (`hansa coalition join`).
    """
    from hansa.cli.memberfile import read_agreement
    from hansa.errors import Refused

    agreed, founders = read_agreement(charter, members)
    if lead is not None and lead not in {founder.id for founder in founders}:
        raise Refused(
            "found.lead", f"`{lead}` is not in `{members}`; there are {_list(f.id for f in founders)}"
        )
    lead = lead or founders[0].id
    if hub is not None:
        if invitations is None:
            stop("with `--hub`, `--invitations` says where the invitations go")
        _invite(agreed, founders, lead, hub, invitations, as_json=as_json)
    elif folder is None or invitations is not None:
        stop("name `--folder`, for one machine, or `--hub` and `--invitations`, for members on their own")
    else:
        _found_stage(agreed, founders, lead, folder, as_json=as_json)


def _invite(
    agreed: Charter, founders: Sequence[Founder], lead: str, hub: Path, invitations: Path, *, as_json: bool
) -> None:
    """Begin a founding at a hub, and write an invitation for each founder."""
    from hansa.cli.memberfile import draw_members
    from hansa.errors import Refused
    from hansa.hub import HubFolder, describe_member, open_lobby
    from hansa.hub.folder import write_private
    from hansa.transparency import canonical

    opened = HubFolder(hub)
    if invitations.exists() and any(invitations.iterdir()):
        raise Refused("invitations.exist", f"`{invitations}` is not empty; name a new folder")
    invitations.mkdir(parents=True, exist_ok=True, mode=0o700)
    described = [describe_member(member) for member in draw_members(founders)]
    written = open_lobby(opened, agreed, described, lead)
    for name, invitation in written.items():
        write_private(invitations / f"{name}.json", canonical.encode(invitation))
    document = {
        "name": agreed.name,
        "charter_digest": agreed.digest,
        "members": list(written),
        "hub": str(hub),
        "log_key": opened.key.public.fingerprint,
        "invitations": {name: str(invitations / f"{name}.json") for name in written},
    }
    facts = make_facts(
        [
            ("charter", agreed.digest),
            ("members", _list(written)),
            ("log key", opened.key.public.fingerprint),
            ("invitations", invitations),
        ]
    )
    show(
        document,
        f"{len(written)} organisations are invited to found {agreed.name}. Hand each its own invitation, as you would a key.",
        facts,
        suggest(f"hub up {hub}"),
        as_json=as_json,
    )


def _found_stage(
    agreed: Charter, founders: Sequence[Founder], lead: str, folder: Path, *, as_json: bool
) -> None:
    """Found a coalition in one folder."""
    from hansa.governance import lint_charter
    from hansa.rehearsal import Stage
    from hansa.rehearsal.spelling import pluralise

    with Stage.found(folder, agreed, founders, lead) as stage:
        state = stage.state
        findings = lint_charter(agreed, state.active_members)
    warnings = [finding for finding in findings if finding.level != "note"]
    notes = len(findings) - len(warnings)
    names = [member.id for member in state.active_members]
    document = {
        "coalition": state.coalition,
        "name": agreed.name,
        "folder": str(folder),
        "log": str(stage.log),
        "members": names,
        "charter_digest": agreed.digest,
        "findings": [describe_finding(finding) for finding in findings],
    }
    facts = make_facts(
        [
            ("coalition", state.coalition),
            ("charter", agreed.digest),
            ("members", _list(names)),
            ("folder", folder),
        ]
    )
    show(
        document,
        f"{agreed.name} is founded: {len(founders)} members signed its charter.",
        facts,
        *list_findings(warnings),
        *([f"`hansa coalition lint` has {pluralise(notes, 'note')} on the charter."] if notes else []),
        suggest(
            f"proposal open run PLAN --as {lead}" if "run" in agreed.decisions else "coalition show",
            folder,
        ),
        as_json=as_json,
    )


@app.command
def join(
    invitation: Annotated[Path, Parameter(name="INVITATION", help="The invitation, as it was handed over.")],
    /,
    *,
    folder: Annotated[
        Path,
        Parameter(
            name="--folder", env_var=FOLDER_VARIABLE, help="The member's folder; made if it is not there."
        ),
    ],
    data: Annotated[
        Path | None, Parameter(metavar="TABLE", help="The member's table; a copy goes into the folder.")
    ] = None,
    mapping: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="How the table becomes the columns that plans name, YAML; a copy goes into the folder.",
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[
        bool,
        Parameter(
            negative="", help="Keep the key unencrypted: whoever reads the file can speak for the member."
        ),
    ] = False,
    yes: Annotated[
        bool, Parameter(negative="", help="The fingerprints were compared, or will be; sign without asking.")
    ] = False,
    output: Annotated[
        Path | None,
        Parameter(
            metavar="FILE", help="Where a newcomer's admission goes; `admission-ID.json` when left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Join a coalition from a machine of one's own: make a key and a folder here, and sign.

    A founder's machine waits for the others: interrupted, the same command goes on. A newcomer's writes the admission that
    a member proposes. The key never leaves this machine.
    """
    from hansa.cli import joining
    from hansa.node.invitation import read_invitation

    invited = read_invitation(invitation)
    what = f"the key of `{invited.id}`"
    house, key = joining.enter_house(
        invited,
        folder,
        data,
        mapping,
        choose=lambda: None if no_passphrase else choose_passphrase(passphrase_file, what),
        ask=lambda: ask_passphrase(passphrase_file, what),
    )
    facts: list[tuple[str, object]] = [
        ("member", house.member),
        ("fingerprint", joining.spell_fingerprint(key.public)),
        ("folder", folder),
    ]
    document: dict[str, object] = {"member": house.member, "folder": str(folder), "key": key.public.encode()}
    if invited.kind == "admit":
        path = output or Path(f"admission-{house.member}.json")
        joining.write_admission_file(invited, key, path)
        document |= {"coalition": invited.coalition, "admission": str(path)}
        text = f"`{path}` is the admission that {invited.member['name']} signs; a member proposes it."
        show(document, text, make_facts(facts), suggest("node up", folder), as_json=as_json)
        return

    narrator = narrate(as_json=as_json)
    confirm = partial(joining.compare, log=invited.log, yes=yes, as_json=as_json)
    coalition = joining.found_together(house, invited, key, confirm, narrator.say)
    text = f"{invited.agreed.name} is founded."
    facts = [("coalition", coalition), *facts]
    show(
        document | {"coalition": coalition},
        text,
        make_facts(facts),
        suggest("node up", folder),
        as_json=as_json,
    )


@app.command
def lint(
    charter: CharterPath,
    /,
    *,
    members: Annotated[
        Path | None, Parameter(help="The founders, YAML; without them only the charter itself is judged.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Say what follows from a charter: who can block, decide alone, or never matters.

    Errors would stop the founding (exit code 4); warnings ask for a second look; notes inform.
    """
    from hansa.cli.failure import EXIT_CODES
    from hansa.cli.memberfile import draw_members, read_agreement
    from hansa.governance import lint_charter
    from hansa.rehearsal.spelling import pluralise

    agreed, founders = read_agreement(charter, members)
    findings = lint_charter(agreed, draw_members(founders))
    errors = [finding for finding in findings if finding.level == "error"]
    document = {
        "charter": agreed.name,
        "version": agreed.version,
        "digest": agreed.digest,
        "members": len(founders),
        "findings": [describe_finding(finding) for finding in findings],
    }
    levels = [finding.level for finding in findings]
    counts = ", ".join(pluralise(levels.count(level), level) for level in ("error", "warning", "note"))
    judged = (
        f"for {len(founders)} members"
        if members is not None
        else "by itself; name --members to judge it for them"
    )
    head = f"{agreed.name}, version {agreed.version}, {judged}: {counts}"
    show(document, head, *list_findings(findings), as_json=as_json)
    return EXIT_CODES["refused"] if errors else 0


@app.command(name="show")
def show_coalition(*, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what was agreed, how it is decided, and how far the log has come."""
    from hansa.cli.record import read_record
    from hansa.coalition import audit_log
    from hansa.rehearsal.spelling import pluralise
    from hansa.transparency import format_instant

    record = read_record(folder)
    audit = audit_log(record.leaves, record.note_text)
    state, agreed = audit.state, audit.state.charter
    document = {
        "coalition": state.coalition,
        "name": agreed.name,
        "purpose": agreed.purpose,
        "origin": agreed.origin,
        "charter": agreed.to_json(),
        "charter_digest": agreed.digest,
        "members": [member.id for member in state.active_members],
        "entries": state.size,
        "at": format_instant(state.at),
        "root": audit.root,
        "cosigned_by": list(audit.cosigned_by),
        "cosignatures_needed": audit.cosignatures_needed,
        "final": audit.is_final,
        "releases": [{"model": release.model, "report": release.report} for release in state.releases],
    }
    facts = make_facts(
        [
            ("coalition", state.coalition),
            ("purpose", agreed.purpose),
            ("charter", f"version {agreed.version}"),
            ("digest", agreed.digest),
            ("members", f"{len(state.active_members)}, of whom {len(state.voting_members)} vote"),
            ("log", f"{agreed.origin}, {pluralise(state.size, 'entry')} until {format_instant(state.at)}"),
            ("cosigned", f"by {len(audit.cosigned_by)} members, {audit.cosignatures_needed} needed"),
            ("privacy", _describe_privacy(agreed.privacy)),
            ("brake", f"any member stops a run for up to {agreed.brake.hours} hours"),
            ("released", pluralise(len(state.releases), "model")),
        ]
    )
    show(document, agreed.name, facts, "", tabulate_decisions(agreed), as_json=as_json)


def _describe_privacy(privacy: CharterPrivacy) -> str:
    budget = privacy.budget
    learned = (
        "no budget" if budget is None else f"ε = {budget.epsilon}, δ = {budget.delta} a data set for ever"
    )
    subtracted = "" if privacy.unnoised_sums == "refused" else f", differencing {privacy.differencing}"
    return (
        f"at least {privacy.minimum_cohort} members a sum; {privacy.colluding} may collude, {privacy.dropouts} vanish; sums without "
        f"noise {privacy.unnoised_sums}{subtracted}; {learned}"
    )


def tabulate_decisions(charter: Charter) -> RenderableType:
    """Lay out what can be decided, and how."""
    from hansa.governance.spelling import format_duration, format_fraction

    order: tuple[EffectName, ...] = ("run", "release", "admit", "expel", "amend")
    rows = [
        (
            name,
            _describe_majorities(rule),
            format_fraction(rule.quorum),
            format_duration(rule.period_seconds),
            format_duration(rule.timelock_seconds),
        )
        for name in order
        if (rule := charter.decisions.get(name)) is not None
    ]
    columns = ("decision", "passes with", "quorum", "period", "timelock")
    return make_table(columns, rows)


def _describe_majorities(rule: DecisionRule) -> str:
    text = " and ".join(
        majority.passes.encode() + ("" if majority.by == "head" else f" by {majority.by}")
        for majority in rule.majorities
    )
    return text if rule.veto is None else f"{text}, veto {rule.veto}"


def list_findings(findings: Sequence[Finding]) -> list[RenderableType]:
    """Return findings as lines, if there are any."""
    from rich.text import Text

    if not findings:
        return []
    return [
        make_facts(
            (finding.level, Text(str(finding)) + Text(f" [{finding.rule}]", style=LEVELS[finding.level]))
            for finding in findings
        )
    ]


def describe_finding(finding: Finding) -> dict[str, str]:
    """Return a finding as `--json` prints it."""
    return {
        "level": finding.level,
        "rule": finding.rule,
        "message": finding.message,
        "place": finding.place,
    }


def _list(names: Iterable[str]) -> str:
    from hansa.rehearsal.spelling import list_names

    return list_names(list(names), limit=12)
