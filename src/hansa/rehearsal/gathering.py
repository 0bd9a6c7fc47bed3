"""The result of a rehearsed run as one JSON document: what report, summary and `--json` read.

It holds every member's private figures, because a rehearsal plays all members; between houses each member
has only its own, and the coalition has only the sums.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hansa.coalition import ProposalRecord, State, audit_log, parse_entry
from hansa.coalition.entry import Entry
from hansa.governance import Plan, judge_bars
from hansa.learning import LogisticResult, ModelResult, RegressionResult, TreesResult
from hansa.rehearsal.account import describe_privacy
from hansa.rehearsal.runner import Ran, find_run
from hansa.rehearsal.stage import Stage
from hansa.store import read_tree
from hansa.transparency import format_instant, parse_leaf


def gather_result(
    stage: Stage,
    number: int,
    ran: Ran,
    timings: Sequence[tuple[str, float]],
    refused: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Collect everything about one completed run.

    Args:
        stage: the coalition, settled.
        number: entry number of the run's proposal.
        ran: the completed run.
        timings: title and seconds of what was done, for the report.
        refused: what was asked beyond the budget, from `describe_refusal`.
    """
    _, plan = find_run(stage.state, number)
    return {
        "coalition": _describe_coalition(stage),
        "plan": {**plan.to_json(), "digest": plan.digest},
        "guarantee": plan.privacy.guarantee,
        "privacy": describe_privacy(stage.state, plan, ran, refused),
        "joint": _describe_joint(plan, ran),
        "members": [
            {
                **ran.private[name].to_json(),
                **_describe_traffic(stage, ran, name),
            }
            for name in ran.run.survivors
        ],
        "vanished": [
            {
                "rows": stage.actor(name).count_rows(plan),
                "lost_from": first,
                **_describe_traffic(stage, ran, name),
            }
            for name, first in ran.run.dropped.items()
        ],
        "lost": {stage.state.members[name].member.name: first for name, first in ran.run.dropped.items()},
        "decisions": [describe_proposal(p) for p in stage.state.proposals_in_order],
        "entries": describe_entries(stage.sequencer.leaves(), stage.state.proposals),
        "timings": [{"part": part, "seconds": round(seconds, 3)} for part, seconds in timings],
        "log": str(stage.log),
        "rehearsal": True,
    }


def _describe_coalition(stage: Stage) -> dict[str, Any]:
    tree = read_tree(stage.log)
    audit = audit_log(tree.leaves, tree.note_text)
    state = audit.state
    return {
        "name": state.charter.name,
        "id": state.coalition,
        "origin": state.charter.origin,
        "purpose": state.charter.purpose,
        "members": len(state.active_members),
        "members_called": _name_members(state),
        "charter_version": state.charter.version,
        "charter_digest": state.charter.digest,
        "log_size": state.size,
        "root": audit.root,
        "cosignatures": len(audit.cosigned_by),
        "cosignatures_needed": audit.cosignatures_needed,
    }


def _name_members(state: State) -> str:
    """Call members by their class when they are all of one that says something."""
    classes = {member.member_class for member in state.active_members}
    return f"{classes.pop()}s" if len(classes) == 1 and "member" not in classes else "organisations"


def _describe_traffic(stage: Stage, ran: Ran, name: str) -> dict[str, Any]:
    """Return who a member is and what left it, whether it stayed to the end or not."""
    return {
        "member": name,
        "name": stage.state.members[name].member.name,
        "numbers_left": ran.count_numbers(name),
        "bytes_up": ran.traffic[name].bytes_up,
        "bytes_down": ran.traffic[name].bytes_down,
    }


def _describe_joint(plan: Plan, ran: Ran) -> dict[str, Any]:
    result = ran.conducted.result
    return {
        "metrics": dict(result.metrics),
        **(_describe_curves(result) if isinstance(result, ModelResult) else {}),
        "bars": [
            {"metric": v.metric, v.direction: v.limit, "value": v.value, "met": v.met}
            for v in judge_bars(plan, ran.run.metrics)
        ],
        "dropped": [dropped._asdict() for dropped in result.dropped],
        "coefficients": _list_pairs(result.coefficients if isinstance(result, LogisticResult) else ()),
        "estimates": [line._asdict() for line in result.estimates]
        if isinstance(result, RegressionResult)
        else [],
        "gains": _list_pairs(result.gains if isinstance(result, TreesResult) else ()),
        "rounds": result.turns,
        "model": ran.model,
    }


def _describe_curves(result: ModelResult) -> dict[str, Any]:
    return {
        "uncertainty": dict(result.uncertainty),
        "roc": {name: [list(point) for point in curve] for name, curve in result.roc.items()},
        "calibration": {name: [b._asdict() for b in bins] for name, bins in result.calibration.items()},
    }


def _list_pairs(pairs: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in pairs]


def describe_proposal(proposal: ProposalRecord) -> dict[str, Any]:
    """Return one proposal and what became of it, counted by head."""
    votes = list(proposal.ballots.values())
    voices = len(votes) + len(proposal.recused - proposal.ballots.keys())
    return {
        "entry": proposal.number,
        "effect": proposal.effect.effect,
        "title": proposal.title,
        "proposer": proposal.author,
        "outcome": proposal.outcome,
        "yes": votes.count("yes"),
        "no": votes.count("no"),
        "abstain": votes.count("abstain"),
        "recused": len(proposal.recused),
        "absent": len(proposal.electorate) - voices,
        "opened_at": format_instant(proposal.opened_at),
        "closes_at": format_instant(proposal.closes_at),
        "decided_at": format_instant(proposal.decided_at) if proposal.decided_at else None,
        "effect_at": format_instant(proposal.effect_at) if proposal.effect_at else None,
    }


def describe_entries(
    leaves: Sequence[bytes], proposals: Mapping[str, ProposalRecord]
) -> list[dict[str, Any]]:
    """Return one line about each entry."""
    numbers = {p.id: p.number for p in proposals.values()}
    lines = []
    for index, data in enumerate(leaves):
        leaf = parse_leaf(data)
        entry = parse_entry(leaf.envelope)
        lines.append(
            {
                "index": index,
                "at": format_instant(leaf.at),
                "kind": entry.kind,
                "author": entry.author,
                "id": entry.id,
                "text": describe_entry(entry, numbers),
            }
        )
    return lines


def _describe_key(body: Mapping[str, str]) -> str:
    match body["act"]:
        case "grant":
            return f"makes the key {body['name']} a {body['role']}'s"
        case "revoke":
            return f"revokes the key {body['name']}"
        case _:
            return "changes its main key"


def describe_entry(entry: Entry, numbers: dict[str, int]) -> str:
    """Say in a few words what an entry does."""
    body = entry.body.model_dump(mode="json")
    about = f"proposal {numbers.get(body.get('proposal', ''), '?')}"
    match entry.kind:
        case "found":
            return f"founds `{body['charter'].get('name', '')}` with {len(body['members'])} members"
        case "tick":
            return "moves the clock"
        case "acknowledge":
            return f"acknowledges the state after {body['size']} entries"
        case "key":
            return _describe_key(body)
        case "propose":
            return f"proposes to {body['effect'].get('effect', '')}: {body['title']}"
        case "ballot":
            return f"votes {body['choice']} on {about}"
        case "withdraw":
            return f"withdraws {about}"
        case "recuse":
            return f"is recused from {about}"
        case "brake":
            return f"brakes the run of {about}"
        case "leave":
            return "leaves"
        case "run_open":
            return f"opens attempt {body['attempt']} of {about} with {len(body['cohort'])} members"
        case "run_seal":
            return "seals its transcript and the result"
        case "handover":
            return f"hands the log over to another hub after {body['size']} entries"
        case "evidence":
            return f"shows that {body['member']} signed two {body['kind']}s that cannot both be honest"
        case _:
            without = f", without {', '.join(sorted(body['dropped']))}" if body["dropped"] else ""
            return f"closes the run: {body['status']}{without}"
