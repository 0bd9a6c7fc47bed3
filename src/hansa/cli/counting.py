"""The votes, listed and counted again by whoever asks."""

from collections.abc import Iterator, Sequence
from typing import Any

from hansa.coalition import Ballot, ProposalRecord, Recuse, parse_entry
from hansa.governance import tally
from hansa.transparency import parse_leaf


def count_votes(proposal: ProposalRecord) -> list[dict[str, Any]]:
    """Count a proposal's ballots under each of its rules, as if it closed now.

    Returns:
        For each majority of each rule: what it counts, what it needs, and the exact counts as fractions.
    """
    counts = []
    for rule in proposal.rules:
        told = tally(rule, proposal.electorate, proposal.ballots, proposal.recused, closed=True)
        for majority, count in zip(rule.majorities, told.counts, strict=True):
            counts.append(
                {
                    "by": majority.by,
                    "passes": majority.passes.encode(),
                    "quorum": str(rule.quorum),
                    "veto": None if rule.veto is None else str(rule.veto),
                    "yes": str(count.yes),
                    "no": str(count.no),
                    "abstain": str(count.abstain),
                    "absent": str(count.absent),
                    "recused": str(count.recused),
                }
            )
    return counts


def describe_counts(counts: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say each count in a line; the same count under the old and the new rule of an amendment is said once."""
    said = set()
    for count in counts:
        what = "" if count["by"] == "head" else f"by {count['by']}: "
        voices = " · ".join(
            f"{count[name]} {name}"
            for name in ("yes", "no", "abstain", "recused", "absent")
            if name in {"yes", "no"} or count[name] != "0"
        )
        veto = "" if count["veto"] is None else f", veto {count['veto']}"
        line = f"{what}{voices}; needs {count['passes']}, quorum {count['quorum']}{veto}"
        if line not in said:
            said.add(line)
            yield line


def list_voices(leaves: Sequence[bytes], proposal: ProposalRecord) -> list[dict[str, Any]]:
    """Return the ballots and recusals on a proposal, in order, with their entries' numbers and reasons."""
    voices = []
    for number, leaf in enumerate(leaves[proposal.number :], start=proposal.number):
        entry = parse_entry(parse_leaf(leaf).envelope)
        match entry.body:
            case Ballot(proposal=proposal.id, choice=says, reason=reason):
                voices.append({"entry": number, "member": entry.author, "says": says, "reason": reason})
            case Recuse(proposal=proposal.id, reason=reason):
                voices.append({"entry": number, "member": entry.author, "says": "recused", "reason": reason})
            case _:
                pass
    return voices
