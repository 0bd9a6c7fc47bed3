"""`hansa verify`: replay a log alone, offline, and say what was checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from hansa.cli.options import AsJson, check_identity
from hansa.cli.printing import make_facts, open_console, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from hansa.cli.record import Record
    from hansa.coalition import Audit, ProposalRecord, RunRecord, State

app = App(name="verify", help="Replay everything, alone and offline, and say what was checked.")


@app.default
def verify(
    path: Annotated[
        Path,
        Parameter(
            name="PATH",
            help="A published log, a coalition's folder (then its log), a file log.sqlite, or evidence of a fork.",
        ),
    ],
    /,
    *,
    coalition: Annotated[
        str | None,
        Parameter(
            validator=check_identity, metavar="ID", help="The coalition you expect, 64 hexadecimal digits."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Replay everything, alone and offline, and say what was checked.

    Nothing is believed: signatures, chains, the clock, each decision, each permit, each bar and the checkpoint are
    recomputed from the bytes. What is wrong is named with the number of the first wrong entry. Exit code 0: all of
    it holds and the head is final. 3: bytes or signatures are wrong. 4: an entry breaks a rule, the log is
    another coalition's, or too few members cosigned.
    """
    from hansa.cli.failure import EXIT_CODES, Failure, Reason
    from hansa.cli.forked import is_fork, verify_evidence
    from hansa.cli.record import read_record
    from hansa.coalition import audit_log, replay
    from hansa.errors import Malformed

    if is_fork(path):
        return verify_evidence(path, expected=coalition, as_json=as_json)
    record = read_record(path)
    try:
        audit = audit_log(record.leaves, record.note_text, coalition=coalition)
    except Malformed as error:
        raise Malformed(error.rule, error.message + _name_signer(error.message, record)) from None
    replay(record.beyond, audit.state)
    blobs = _check_blobs(record, audit.state)
    document = _describe(record, audit, blobs)
    failure = None
    if not audit.is_final:
        reason = (
            f"cosigned by {_count_witnesses(audit)}, and {audit.cosignatures_needed} are needed: another history with "
            "the same beginning may exist"
        )
        failure = Failure("refused", (Reason("audit.not-final", reason),))
        document |= failure.to_json()
    show(document, *_tell(record, audit, blobs, expected=coalition), as_json=as_json)
    if failure is not None and not as_json:
        failure.print(open_console(stderr=True))
    return 0 if failure is None else EXIT_CODES["refused"]


def _name_signer(message: str, record: Record) -> str:
    """Return whose signature under the checkpoint does not verify, if that is what a message says of a key."""
    from hansa.coalition import replay
    from hansa.transparency import parse_public_key

    found = re.match(r"checkpoint: the signature by the key `([0-9a-f]+)", message)
    state = replay(record.leaves) if found is not None else None
    if found is None or state is None:
        return ""
    for member in (listed.member for listed in state.members.values()):
        if parse_public_key(member.key).fingerprint.startswith(found[1]):
            return f"; it is the line of `{member.id}`"
    return "; it is the log's own line"


def _check_blobs(record: Record, state: State) -> dict[str, Any]:
    """Hold every blob beside the log against its digest.

    Raises:
        Malformed: `blob.digest`, `blob.name`, naming the entry that is about it.
    """
    from hansa.errors import Malformed
    from hansa.store import BlobStore

    named = _name_blobs(state)
    if record.blobs is None:
        return {"checked": [], "absent": sorted(named), "others": []}
    store = BlobStore(record.blobs)
    present = sorted(path.name for path in record.blobs.iterdir() if not path.name.startswith("."))
    for name in present:
        try:
            store.get(name)
        except Malformed as error:
            what = named.get(name, f"`{name}`, which no entry names")
            raise Malformed(error.rule, f"{what}: {error.message}") from None
    return {
        "checked": [name for name in present if name in named],
        "absent": sorted(named.keys() - set(present)),
        "others": [name for name in present if name not in named],
    }


def _name_blobs(state: State) -> Mapping[str, str]:
    """Return what each digest on the record stands for."""
    return {
        digest: f"the {what} of attempt {run.attempt} (entry {run.number})"
        for run in state.runs.values()
        if run.status == "completed"
        for what, digest in (("model", run.model), ("report", run.report))
    }


def _describe(record: Record, audit: Audit, blobs: Mapping[str, Any]) -> dict[str, Any]:
    from hansa.cli.counting import count_votes
    from hansa.transparency import format_instant, parse_leaf

    state = audit.state
    return {
        "path": str(record.path),
        "coalition": state.coalition,
        "name": state.charter.name,
        "origin": state.charter.origin,
        "entries": state.size,
        "beyond_checkpoint": len(record.beyond),
        "kinds": dict(audit.kinds),
        "signatures": _count_signatures(record),
        "from": format_instant(parse_leaf(record.leaves[0]).at),
        "to": format_instant(state.at),
        "state": state.digest,
        "root": audit.root,
        "decisions": [
            {
                "entry": proposal.number,
                "effect": proposal.effect.effect,
                "title": proposal.title,
                "proposer": proposal.author,
                "outcome": proposal.outcome,
                "counts": count_votes(proposal),
            }
            for proposal in state.proposals_in_order
        ],
        "runs": [_describe_run(run, state) for run in state.runs.values()],
        "blobs": dict(blobs),
        "cosigned_by": list(audit.cosigned_by),
        "cosignatures_needed": audit.cosignatures_needed,
        "final": audit.is_final,
    }


def _describe_run(run: RunRecord, state: State) -> dict[str, Any]:
    from hansa.governance import judge_bars

    plan = state.proposals[run.proposal].plan
    bars = judge_bars(plan, run.metrics) if plan is not None and run.status == "completed" else ()
    return {
        "entry": run.number,
        "proposal": state.proposals[run.proposal].number,
        "attempt": run.attempt,
        "status": run.status,
        "cohort": len(run.cohort),
        "seals": len(run.seals),
        "bars": [{"metric": v.metric, v.direction: v.limit, "value": v.value, "met": v.met} for v in bars],
    }


def _count_signatures(record: Record) -> int:
    """Every founder signed the first entry, many a handover, its author every other; each was verified."""
    from hansa.transparency import parse_leaf

    return sum(len(parse_leaf(leaf).envelope.signatures) for leaf in record.leaves)


def _tell(
    record: Record, audit: Audit, blobs: Mapping[str, Any], *, expected: str | None
) -> list[RenderableType]:
    """Say step by step what was checked."""
    from hansa.transparency import format_instant, parse_leaf

    state = audit.state
    kinds = ", ".join(f"{count} {kind}" for kind, count in audit.kinds.items())
    begun = format_instant(parse_leaf(record.leaves[0]).at)
    files = (
        "every file and every byte accounted for" if record.form == "folder" else "the hub's file, rebuilt"
    )
    steps: list[tuple[str, object]] = [
        ("files", files),
        ("entries", f"{state.size}: {kinds}"),
        (
            "signatures",
            f"{_count_signatures(record)}, each by its author's key, the first by every founder's",
        ),
        ("chains", f"of {len(state.members)} authors: nothing missing, repeated or reordered"),
        ("clock", f"{begun} to {format_instant(state.at)}, never back"),
        *(("decision", _tell_decision(proposal)) for proposal in state.proposals_in_order),
        *(("run", line) for run in state.runs.values() for line in _tell_run(run, state)),
        *(("account", line) for line in _tell_accounts(state)),
        *(
            ("handover", f"entry {tenure.first - 1}: signed by enough members; another log key from there on")
            for tenure in state.tenures[1:]
        ),
        ("checkpoint", "signed by the log, over exactly these entries"),
        ("cosigned", _tell_cosignatures(audit)),
        *_tell_blobs(blobs),
    ]
    unchecked = []
    if blobs["absent"]:
        unchecked.append(
            ("blobs", f"{len(blobs['absent'])} named on the record do not lie here, and were not checked")
        )
    if record.beyond:
        unchecked.append(
            ("beyond", f"entries after the checkpoint, which nobody has cosigned yet: {len(record.beyond)}")
        )
    hint = "as expected" if expected is not None else "Compare this id with the one that you were given."
    return [
        f"{state.charter.name}: {record.path}",
        make_facts(
            [
                *((f"✓ {title}", text) for title, text in steps),
                *((f"– {title}", text) for title, text in unchecked),
            ]
        ),
        "",
        make_facts([("root", audit.root), ("coalition", state.coalition)]),
        hint,
    ]


def _count_witnesses(audit: Audit) -> str:
    return f"{len(audit.cosigned_by)} of {len(audit.state.active_members)} members"


def _tell_cosignatures(audit: Audit) -> str:
    return f"by {_count_witnesses(audit)}, {audit.cosignatures_needed} needed: {'final' if audit.is_final else 'NOT final'}"


def _tell_decision(proposal: ProposalRecord) -> str:
    from hansa.cli.counting import count_votes, describe_counts

    counts = "; ".join(describe_counts(count_votes(proposal)))
    return (
        f"entry {proposal.number}, {proposal.effect.effect}: {proposal.outcome.replace('_', ' ')} ({counts})"
    )


def _tell_run(run: RunRecord, state: State) -> list[str]:
    from hansa.governance import judge_bars

    proposal = state.proposals[run.proposal]
    head = f"entry {run.number}, attempt {run.attempt} of proposal {proposal.number}: the permit held"
    if run.status != "completed":
        return [f"{head}; {run.status}"]
    assert proposal.plan is not None  # the fold opens attempts at runs only
    bars = [
        f"{v.metric} {v.value}, {v.bar}: {'met' if v.met else 'NOT met'}"
        for v in judge_bars(proposal.plan, run.metrics)
    ]
    return [f"{head}; {len(run.seals)} of {len(run.cohort)} contributors sealed the same result", *bars]


def _tell_accounts(state: State) -> Iterator[str]:
    """Say how the data sets stand: the fold has refused every run that would have passed a budget."""
    from hansa.coalition import derive_account, spell_standings

    accounts = [derive_account(state, name) for name in state.members if name not in state.newcomers]
    standings = [
        (found.budget.epsilon, str(found.epsilon_spent), str(found.epsilon_left))
        for found in accounts
        if found.budget is not None
    ]
    if standings:
        yield f"no run passed a budget: {spell_standings(standings)}"
    bare = {charge.run.id for found in accounts for charge in found.unbounded}
    if bare:
        yield f"{len(bare)} {'attempt' if len(bare) == 1 else 'attempts'} without noise: no formal guarantee"


def _tell_blobs(blobs: Mapping[str, Any]) -> list[tuple[str, object]]:
    checked, absent, others = (len(blobs[name]) for name in ("checked", "absent", "others"))
    parts = []
    if checked:
        parts.append(f"{checked} of {checked + absent} named on the record lie here, with their digests")
    if others:
        parts.append(f"{others} more, which no entry names, with theirs")
    return [("blobs", "; ".join(parts))] if parts else []
