"""The count again, from docs/formats/tally.md and nothing else: slow, plain, sharing no code with the room.

A rule is the canonical JSON of a decision rule. While ballots are taken, every way in which the outstanding
electors might still behave is tried.
"""

import itertools
from fractions import Fraction


def weights(by, rule, electorate):
    """What each elector counts in one basis: member -> Fraction. `electorate` is a list of (member, class, weight)."""
    if by == "head":
        return {member: Fraction(1) for member, _, _ in electorate}
    if by == "class":
        classes = [member_class for _, member_class, _ in electorate]
        return {member: Fraction(1, classes.count(member_class)) for member, member_class, _ in electorate}
    most = Fraction(rule["weight_cap"] or 1) * sum(weight for _, _, weight in electorate)
    return {member: min(Fraction(weight), most) for member, _, weight in electorate}


def count(by, rule, electorate, standing):
    """Sum what the electors of each standing count: yes, no, abstain, absent, recused."""
    counts = dict.fromkeys(("yes", "no", "abstain", "absent", "recused"), Fraction(0))
    for member, weight in weights(by, rule, electorate).items():
        counts[standing[member]] += weight
    return counts


def outcome_when_closed(rule, electorate, standing):
    quorum_everywhere, passes_everywhere = True, True
    for majority in rule["majorities"]:
        c = count(majority["by"], rule, electorate, standing)
        cast = c["yes"] + c["no"]
        present = cast + c["abstain"]
        eligible = present + c["absent"]
        if eligible == 0:
            return "no_quorum"
        if rule["veto"] is not None and c["no"] / eligible >= Fraction(rule["veto"]):
            return "vetoed"
        if present / eligible < Fraction(rule["quorum"]):
            quorum_everywhere = False
        comparison, share, _, of = majority["passes"].split()
        base = {"cast": cast, "present": present, "eligible": eligible}[of]
        needed = Fraction(share) * base
        enough = c["yes"] > needed if comparison == ">" else c["yes"] >= needed
        if not enough or c["yes"] <= c["no"]:
            passes_everywhere = False
    # A veto in the second basis also comes before a missing quorum in the first.
    if not quorum_everywhere:
        return "no_quorum"
    return "passed" if passes_everywhere else "failed"


def outcome(rule, electorate, ballots, recused, *, closed):
    standing = {}
    for member, _, _ in electorate:
        standing[member] = "recused" if member in recused else ballots.get(member, "absent")
    now = outcome_when_closed(rule, electorate, standing)
    if closed or now == "vetoed":
        return now
    if not rule["early"]:
        return "open"
    outstanding = [member for member, what in standing.items() if what == "absent"]
    ends = set()
    for behaviour in itertools.product(
        ("yes", "no", "abstain", "absent", "recused"), repeat=len(outstanding)
    ):
        completed = standing | dict(zip(outstanding, behaviour, strict=True))
        ends.add(outcome_when_closed(rule, electorate, completed))
    if ends == {"passed"}:
        return "passed"
    if ends == {"no_quorum"}:
        return "no_quorum"
    return "open" if "passed" in ends else "failed"
