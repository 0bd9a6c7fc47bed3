"""Make the vectors of tallies: a rule in canonical form, an electorate, ballots, recusals, and what they come to.

`counts` has one object for each basis of the rule, with exact fractions. Outcomes and counts are written by hand here.
A bad vector is a decision rule that is refused, under the name it has in a charter.
"""

from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write


def rule(*majorities: tuple[str, str], **changes: object) -> dict[str, object]:
    return {
        "majorities": [
            {"by": by, "passes": passes} for by, passes in majorities or [("head", "> 1/2 of cast")]
        ],
        "quorum": "1/2",
        "veto": None,
        "weight_cap": None,
        "period_seconds": 259_200,
        "timelock_seconds": 86_400,
        "early": False,
        **changes,
    }


def electors(**weights: tuple[str, int]) -> list[dict[str, object]]:
    return [
        {"member": member, "member_class": member_class, "voting_weight": weight}
        for member, (member_class, weight) in weights.items()
    ]


BANK = ("bank", 1)
FOUR = electors(ada=BANK, bob=BANK, cyd=BANK, dan=BANK)
HEAVY = electors(ada=("bank", 10), bob=BANK, cyd=BANK)
MIXED = electors(ada=BANK, bob=BANK, cyd=BANK, dan=("shop", 1))
EARLY = rule(early=True)


def vote(yes: str = "", no: str = "", abstain: str = "") -> dict[str, str]:
    said = {"yes": yes, "no": no, "abstain": abstain}
    return {member: choice for choice, members in said.items() for member in members.split()}


def count(
    by: str, yes: str, no: str = "0", *, abstain: str = "0", absent: str = "0", recused: str = "0"
) -> dict[str, str]:
    return {"by": by, "yes": yes, "no": no, "abstain": abstain, "absent": absent, "recused": recused}


# name, what, rule, electorate, ballots, recused, closed, outcome, counts
GOOD = [
    (
        "majority",
        "two of three cast",
        rule(),
        FOUR,
        vote("ada bob", "cyd"),
        [],
        True,
        "passed",
        [count("head", "2", "1", absent="1")],
    ),
    (
        "tie",
        "a tie keeps the status quo",
        rule(("head", ">= 1/2 of cast")),
        FOUR,
        vote("ada bob", "cyd dan"),
        [],
        True,
        "failed",
        [count("head", "2", "2")],
    ),
    (
        "nobody-says-yes",
        "zero is not more than zero",
        rule(("head", ">= 0 of cast"), quorum="0"),
        FOUR,
        {},
        [],
        True,
        "failed",
        [count("head", "0", absent="4")],
    ),
    (
        "abstention-is-present",
        "an abstention fills the quorum",
        rule(),
        FOUR,
        vote("ada", abstain="bob"),
        [],
        True,
        "passed",
        [count("head", "1", abstain="1", absent="2")],
    ),
    (
        "absence-is-not",
        "an absence does not",
        rule(),
        FOUR,
        vote("ada"),
        [],
        True,
        "no_quorum",
        [count("head", "1", absent="3")],
    ),
    (
        "abstention-against-present",
        "of present, an abstention weighs against",
        rule(("head", "> 1/2 of present")),
        FOUR,
        vote("ada", abstain="bob"),
        [],
        True,
        "failed",
        [count("head", "1", abstain="1", absent="2")],
    ),
    (
        "of-eligible",
        "of eligible, an absence weighs against",
        rule(("head", "> 1/2 of eligible")),
        FOUR,
        vote("ada bob"),
        [],
        True,
        "failed",
        [count("head", "2", absent="2")],
    ),
    (
        "recusal",
        "a recusal is neither above nor below the line",
        rule(("head", ">= 2/3 of eligible")),
        FOUR,
        vote("ada bob"),
        ["dan"],
        True,
        "passed",
        [count("head", "2", absent="1", recused="1")],
    ),
    (
        "recusal-after-ballot",
        "a ballot of somebody recused does not count",
        rule(),
        FOUR,
        vote("ada bob", "dan"),
        ["dan"],
        True,
        "passed",
        [count("head", "2", absent="1", recused="1")],
    ),
    (
        "all-recused",
        "nobody is left",
        rule(quorum="0"),
        FOUR,
        {},
        ["ada", "bob", "cyd", "dan"],
        True,
        "no_quorum",
        [count("head", "0", recused="4")],
    ),
    (
        "veto",
        "a quarter vetoes",
        rule(veto="1/4"),
        FOUR,
        vote("ada bob cyd", "dan"),
        [],
        True,
        "vetoed",
        [count("head", "3", "1")],
    ),
    (
        "veto-before-quorum",
        "the veto speaks first",
        rule(veto="1/4", quorum="1"),
        FOUR,
        vote(no="dan"),
        [],
        True,
        "vetoed",
        [count("head", "0", "1", absent="3")],
    ),
    (
        "veto-at-once",
        "a veto does not wait for the end",
        rule(veto="1/4"),
        FOUR,
        vote(no="dan"),
        [],
        False,
        "vetoed",
        [count("head", "0", "1", absent="3")],
    ),
    (
        "veto-in-second-basis",
        "a veto in any basis",
        rule(("head", "> 1/2 of cast"), ("weight", "> 1/2 of cast"), veto="1/2"),
        HEAVY,
        vote("bob cyd", "ada"),
        [],
        True,
        "vetoed",
        [count("head", "2", "1"), count("weight", "2", "10")],
    ),
    (
        "quorum-in-each-basis",
        "the quorum holds by head and not by weight",
        rule(("head", "> 1/2 of cast"), ("weight", "> 1/2 of cast")),
        HEAVY,
        vote("bob cyd"),
        [],
        True,
        "no_quorum",
        [count("head", "2", absent="1"), count("weight", "2", absent="10")],
    ),
    (
        "double-majority",
        "heads say yes and weight says no",
        rule(("head", "> 1/2 of cast"), ("weight", "> 1/2 of cast"), quorum="0"),
        HEAVY,
        vote("bob cyd", "ada"),
        [],
        True,
        "failed",
        [count("head", "2", "1"), count("weight", "2", "10")],
    ),
    (
        "weight-cap",
        "a cap takes the majority away",
        rule(("weight", "> 1/2 of cast"), weight_cap="1/8"),
        HEAVY,
        vote("ada", "bob cyd"),
        [],
        True,
        "failed",
        [count("weight", "3/2", "2")],
    ),
    (
        "cap-with-recusal",
        "the cap is a share of the whole electorate, recused or not",
        rule(("weight", "> 1/2 of cast"), weight_cap="1/8"),
        HEAVY,
        vote("ada", "bob"),
        ["cyd"],
        True,
        "passed",
        [count("weight", "3/2", "1", recused="1")],
    ),
    (
        "class",
        "each class counts one",
        rule(("class", "> 1/2 of cast")),
        MIXED,
        vote("dan", "ada bob"),
        [],
        True,
        "passed",
        [count("class", "1", "2/3", absent="1/3")],
    ),
    (
        "class-with-recusal",
        "who steps aside takes its part of the class along",
        rule(("class", "> 1/2 of cast")),
        MIXED,
        vote("dan", "ada bob"),
        ["cyd"],
        True,
        "passed",
        [count("class", "1", "2/3", recused="1/3")],
    ),
    (
        "class-tie",
        "class against class",
        rule(("class", ">= 1/2 of cast")),
        MIXED,
        vote("dan", "ada bob cyd"),
        [],
        True,
        "failed",
        [count("class", "1", "1")],
    ),
    (
        "open",
        "without early settlement a vote runs to its end",
        rule(),
        FOUR,
        vote("ada bob cyd dan"),
        [],
        False,
        "open",
        [count("head", "4")],
    ),
    (
        "early-open",
        "one ballot could still make a tie",
        EARLY,
        FOUR,
        vote("ada bob"),
        [],
        False,
        "open",
        [count("head", "2", absent="2")],
    ),
    (
        "early-passed",
        "no ballot can change it",
        EARLY,
        FOUR,
        vote("ada bob cyd"),
        [],
        False,
        "passed",
        [count("head", "3", absent="1")],
    ),
    (
        "early-failed",
        "a tie at best",
        EARLY,
        FOUR,
        vote(no="ada bob"),
        [],
        False,
        "failed",
        [count("head", "0", "2", absent="2")],
    ),
    (
        "early-waits-for-quorum",
        "the others could still stay away",
        rule(("head", "> 1/2 of eligible"), quorum="1", early=True),
        FOUR,
        vote("ada bob cyd"),
        [],
        False,
        "open",
        [count("head", "3", absent="1")],
    ),
    (
        "early-waits-for-veto",
        "one could still veto",
        rule(veto="1/4", early=True),
        FOUR,
        vote("ada bob cyd"),
        [],
        False,
        "open",
        [count("head", "3", absent="1")],
    ),
    (
        "early-all-recused",
        "nobody is left to wait for",
        EARLY,
        FOUR,
        {},
        ["ada", "bob", "cyd", "dan"],
        False,
        "no_quorum",
        [count("head", "0", recused="4")],
    ),
]

BAD = [
    ("charter.passes", "no-share", "a majority without a share", rule(("head", "> of cast"))),
    ("charter.passes", "more-than-all", "more than all", rule(("head", "> 1 of eligible"))),
    ("charter.fraction", "quorum-above-1", "a quorum above 1", rule(quorum="5/4")),
    ("charter.fraction", "veto-of-nothing", "a veto of nothing", rule(veto="0")),
    ("charter.weight-cap", "idle-cap", "a cap that caps nothing", rule(weight_cap="1/4")),
    (
        "charter.majorities",
        "same-basis",
        "two majorities by head",
        rule(("head", "> 1/2 of cast"), ("head", ">= 1 of cast")),
    ),
    (
        "charter.value",
        "three-majorities",
        "three majorities",
        rule(("head", "> 1/2 of cast"), ("class", "> 1/2 of cast"), ("weight", "> 1/2 of cast")),
    ),
    ("charter.value", "no-period", "no time to vote", rule(period_seconds=0)),
]


def cases() -> Iterator[Case]:
    for name, what, how, electorate, ballots, recused, closed, outcome, counts in GOOD:
        yield valid(
            name, what, decision_rule=how, electorate=electorate, ballots=ballots, recused=recused, closed=closed,
            outcome=outcome, counts=counts,
        )  # fmt: skip
    for rule_name, name, what, how in BAD:
        yield bad(rule_name, name, what, decision_rule=how)


if __name__ == "__main__":
    write("tally", cases())
