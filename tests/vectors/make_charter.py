"""Make the vectors of charters: `yaml` is what people wrote; `canonical` and `digest` are what the record keeps.

A bad vector has either `yaml` with the `line` of the finding, or `canonical` alone.
"""

import hashlib
import json
from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

SMALL = """\
version: 1
name: Small
origin: small.example
purpose: Be small.
classes: {member: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 1/2, period: 1h, timelock: 0s}
"""


def rule(*majorities: tuple[str, str], **changes: object) -> dict[str, object]:
    return {
        "majorities": [
            {"by": by, "passes": passes} for by, passes in majorities or [("head", "> 1/2 of cast")]
        ],
        "quorum": "1/2",
        "veto": None,
        "weight_cap": None,
        "period_seconds": 3600,
        "timelock_seconds": 0,
        "early": False,
        **changes,
    }


def privacy(**changes: object) -> dict[str, object]:
    return {
        "minimum_cohort": 5,
        "unnoised_sums": "refused",
        "colluding": "1/3",
        "dropouts": "1/5",
        "budget": None,
        "differencing": "refused",
        **changes,
    }


def canonical(**changes: object) -> dict[str, object]:
    return {
        "version": 1,
        "name": "Small",
        "origin": "small.example",
        "purpose": "Be small.",
        "sdg": [],
        "classes": {"member": {"votes": True}},
        "decisions": {"run": rule()},
        "privacy": privacy(),
        "brake": {"hours": 72},
        "clock": {"tolerance_seconds": 300},
        "witnesses": {"cosignatures": "default"},
        "exit": {"notice_seconds": 2_592_000, "models_already_released": "keep"},
        **changes,
    }


WILDLIFE = """\
version: 1
name: Wildlife Strike Coalition
origin: strikes.example/wildlife
purpose: Learn together which wildlife strikes affect a flight, without sharing reports.
sdg: [13, 9]
classes: {airline: {votes: true}, observer: {votes: false}}
decisions:
  run:     {passes: "> 1/2 of cast", by: head, quorum: 1/2, period: 3d, timelock: 1d, early: true}
  release: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 3d}
  admit:   {passes: ">= 2/3 of eligible", veto: 1/3, quorum: 1/2, period: 14d, timelock: 1d}
  expel:   {passes: ">= 3/4 of eligible", quorum: 1/2, period: 14d, timelock: 7d}
  amend:
    majorities: [{by: head, passes: ">= 2/3 of cast"}, {by: weight, passes: ">= 2/3 of cast"}]
    weight_cap: 1/4
    quorum: 1/2
    period: 21d
    timelock: 14d
privacy: {minimum_cohort: 5, unnoised_sums: allowed}
brake: {hours: 72}
clock: {tolerance: 5m}
witnesses: {cosignatures: default}
exit: {notice: 30d, models_already_released: keep}
"""

DAY = 86_400
WILDLIFE_CANONICAL = canonical(
    name="Wildlife Strike Coalition",
    origin="strikes.example/wildlife",
    purpose="Learn together which wildlife strikes affect a flight, without sharing reports.",
    sdg=[9, 13],
    classes={"airline": {"votes": True}, "observer": {"votes": False}},
    decisions={
        "run": rule(period_seconds=3 * DAY, timelock_seconds=DAY, early=True),
        "release": rule(period_seconds=3 * DAY, timelock_seconds=3 * DAY),
        "admit": rule(
            ("head", ">= 2/3 of eligible"), veto="1/3", period_seconds=14 * DAY, timelock_seconds=DAY
        ),
        "expel": rule(("head", ">= 3/4 of eligible"), period_seconds=14 * DAY, timelock_seconds=7 * DAY),
        "amend": rule(
            ("head", ">= 2/3 of cast"),
            ("weight", ">= 2/3 of cast"),
            weight_cap="1/4",
            period_seconds=21 * DAY,
            timelock_seconds=14 * DAY,
        ),
    },
    privacy=privacy(unnoised_sums="allowed"),
)

GOOD = [
    ("small", "everything that has a default is left out", SMALL, canonical()),
    ("wildlife", "everything is written", WILDLIFE, WILDLIFE_CANONICAL),
    (
        "unreduced",
        "a fraction that is not in lowest terms",
        SMALL.replace("1/2, period", "2/4, period"),
        canonical(),
    ),
    ("decimal", "a fraction as a decimal", SMALL.replace("1/2, period", "0.50, period"), canonical()),
    ("minutes", "the same duration in another unit", SMALL.replace("1h", "60m"), canonical()),
    ("spaces", "a name with spaces around it", SMALL.replace("name: Small", 'name: "  Small "'), canonical()),
    (
        "norway",
        "a name that older YAML takes for false",
        SMALL.replace("name: Small", "name: NO"),
        canonical(name="NO"),
    ),
    ("digits", "a name of digits", SMALL.replace("name: Small", "name: 007"), canonical(name="007")),
    (
        "no-decisions",
        "nothing can be decided",
        SMALL[: SMALL.index("decisions")] + "decisions: {}\n",
        canonical(decisions={}),
    ),
    (
        "fixed-witnesses",
        "a number of cosignatures",
        SMALL + "witnesses: {cosignatures: 4}\n",
        canonical(witnesses={"cosignatures": 4}),
    ),
    (
        "assumptions",
        "other colluders and dropouts, differencing allowed",
        SMALL + "privacy: {colluding: 0.1, dropouts: 0, differencing: allowed}\n",
        canonical(privacy=privacy(colluding="1/10", dropouts="0", differencing="allowed")),
    ),
    (
        "budget",
        "a budget, as typed",
        SMALL + "privacy: {budget: {epsilon: 3, delta: 0.00001}}\n",
        canonical(privacy=privacy(budget={"epsilon": "3", "delta": "0.00001"})),
    ),
]

BAD_YAML = [
    ("charter.field-missing", "no-name", "the name is missing", SMALL.replace("name: Small\n", ""), 1),
    ("charter.field-unknown", "quorom", "a field that is not known", SMALL.replace("quorum", "quorom"), 7),
    (
        "charter.value",
        "version-text",
        "a version that is not a number",
        SMALL.replace("version: 1", "version: one"),
        1,
    ),
    ("charter.value", "votes-yes", "`yes` is not `true`", SMALL.replace("votes: true", "votes: yes"), 5),
    ("charter.value", "dismiss", "a decision that does not exist", SMALL.replace("run:", "dismiss:"), 7),
    ("charter.value", "no-classes", "no class", SMALL.replace("{member: {votes: true}}", "{}"), 5),
    ("charter.text", "bell", "a control character in the name", SMALL.replace("Small", '"a\\u0007"'), 2),
    ("charter.slug", "capital", "a class with a capital letter", SMALL.replace("member:", "Member:"), 5),
    (
        "charter.origin",
        "https",
        "an origin with a scheme",
        SMALL.replace("small.example", "https://small.example"),
        3,
    ),
    ("charter.sdg", "goal-twice", "a goal named twice", SMALL + "sdg: [9, 9]\n", 8),
    ("charter.passes", "most", "a majority in words", SMALL.replace("> 1/2 of cast", "most"), 7),
    ("charter.passes", "more-than-all", "more than all", SMALL.replace("> 1/2 of cast", "> 1 of cast"), 7),
    (
        "charter.fraction",
        "quorum-above-1",
        "a quorum above 1",
        SMALL.replace("quorum: 1/2", "quorum: 3/2"),
        7,
    ),
    ("charter.fraction", "percent", "a percentage", SMALL.replace("quorum: 1/2", "quorum: 50%"), 7),
    ("charter.duration", "fortnight", "a duration in words", SMALL.replace("1h", "a fortnight"), 7),
    (
        "charter.weight-cap",
        "idle-cap",
        "a cap where nothing counts by weight",
        SMALL.replace("1h", "1h, weight_cap: 1/4"),
        7,
    ),
    (
        "charter.majorities",
        "twice-by-head",
        "two majorities that count the same",
        SMALL.replace(
            'passes: "> 1/2 of cast"', 'majorities: [{passes: "> 1/2 of cast"}, {passes: "> 2/3 of cast"}]'
        ),
        7,
    ),
    (
        "charter.cosignatures",
        "no-witness",
        "no cosignature at all",
        SMALL + "witnesses: {cosignatures: 0}\n",
        8,
    ),
    (
        "charter.fraction",
        "all-collude",
        "everybody colludes",
        SMALL + "privacy: {colluding: 1}\n",
        8,
    ),
    (
        "charter.fraction",
        "negative-dropouts",
        "fewer dropouts than none",
        SMALL + "privacy: {dropouts: -1/5}\n",
        8,
    ),
    (
        "charter.budget",
        "no-epsilon",
        "a budget of nothing",
        SMALL + "privacy: {budget: {epsilon: 0, delta: 0.00001}}\n",
        8,
    ),
    (
        "charter.budget",
        "huge-epsilon",
        "a budget that says nothing",
        SMALL + "privacy: {budget: {epsilon: 100.5, delta: 0.00001}}\n",
        8,
    ),
    (
        "charter.budget",
        "likely-failure",
        "a guarantee that fails often",
        SMALL + "privacy: {budget: {epsilon: 3, delta: 0.02}}\n",
        8,
    ),
    (
        "charter.field-missing",
        "half-budget",
        "a budget without a delta",
        SMALL + "privacy: {budget: {epsilon: 3}}\n",
        8,
    ),
    ("yaml.duplicate-name", "name-twice", "a name given twice", SMALL + "name: Other\n", 8),
    ("yaml.alias", "alias", "an alias", SMALL + "brake: *b\n", 8),
    ("yaml.anchor", "anchor", "an anchor", SMALL.replace("name: Small", "name: &n Small"), 2),
    ("yaml.tag", "tag", "a tag", SMALL.replace("name: Small", "name: !!str Small"), 2),
    ("yaml.directive", "directive", "a directive", "%YAML 1.1\n---\n" + SMALL, 1),
    ("yaml.documents", "two-documents", "two documents", SMALL + "---\n" + SMALL, 8),
    ("yaml.empty", "empty", "nothing but a comment", "# later\n", 1),
    ("yaml.name", "list-as-name", "a list as a name", SMALL + "? [a]\n: 1\n", 8),
    ("yaml.depth", "deep", "lists in lists in lists", SMALL + "sdg: " + "[" * 20 + "]" * 20 + "\n", 8),
    ("yaml.syntax", "open-quote", "a quotation mark that is not closed", SMALL + "sdg: 'x\n", 9),
]

BAD_CANONICAL = [
    (
        "charter.not-canonical",
        "record-unreduced",
        "2/4 on the record",
        canonical(decisions={"run": rule(quorum="2/4")}),
    ),
    (
        "charter.not-canonical",
        "record-decimal",
        "0.5 on the record",
        canonical(decisions={"run": rule(quorum="0.5")}),
    ),
    (
        "charter.not-canonical",
        "record-duration",
        "a duration on the record",
        canonical(clock={"tolerance_seconds": "5m"}),
    ),
    (
        "charter.field-unknown",
        "record-short-name",
        "two names for one field",
        canonical(clock={"tolerance": "5m", "tolerance_seconds": 300}),
    ),
    (
        "charter.not-canonical",
        "record-default-left-out",
        "a default left out",
        {name: value for name, value in canonical().items() if name != "brake"},
    ),
    ("charter.not-canonical", "record-unsorted-goals", "goals out of order", canonical(sdg=[13, 9])),
    ("charter.not-canonical", "record-number-as-name", "a number as a name", canonical(name=7)),
    ("charter.not-canonical", "record-space", "a space after the name", canonical(name="Small ")),
    (
        "charter.not-canonical",
        "record-colluding-decimal",
        "a share as a decimal on the record",
        canonical(privacy=privacy(colluding="0.5")),
    ),
    ("charter.value", "record-list", "a list", [canonical()]),
    ("charter.value", "record-votes-1", "1 for true", canonical(classes={"member": {"votes": 1}})),
]


def cases() -> Iterator[Case]:
    for name, what, text, form in GOOD:
        spelling = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(spelling.encode()).hexdigest()
        yield valid(name, what, yaml=text, canonical=form, digest=digest)
    for rule_name, name, what, text, line in BAD_YAML:
        yield bad(rule_name, name, what, yaml=text, line=line)
    for rule_name, name, what, form in BAD_CANONICAL:
        yield bad(rule_name, name, what, canonical=form)


if __name__ == "__main__":
    write("charter", cases())
