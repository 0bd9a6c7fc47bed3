import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import Malformed
from hansa.governance import (
    InvalidDocument,
    load_charter,
    parse_charter,
    parse_effect,
    parse_member,
    parse_plan,
)
from hansa.transparency import canonical
from hansa.transparency.quoting import is_printable

CANONICAL = json.loads("""
{"brake": {"hours": 72}, "classes": {"member": {"votes": true}}, "clock": {"tolerance_seconds": 300},
 "decisions": {"run": {"early": false, "majorities": [{"by": "head", "passes": "> 1/2 of cast"}],
   "period_seconds": 3600, "quorum": "1/2", "timelock_seconds": 0, "veto": null, "weight_cap": null}},
 "exit": {"models_already_released": "keep", "notice_seconds": 2592000}, "name": "Small",
 "origin": "small.example", "privacy": {"minimum_cohort": 5, "unnoised_sums": "refused", "colluding": "1/3", "dropouts": "1/5",
  "budget": null, "differencing": "refused"},
 "purpose": "Be small.", "sdg": [], "version": 1, "witnesses": {"cosignatures": "default"}}
""")


def findings_of(text):
    with pytest.raises(InvalidDocument) as caught:
        load_charter(text, "charter.yaml")
    return caught.value.findings


def test_a_charter_says_what_was_written(charter):
    assert charter.name == "Wildlife Strike Coalition"
    assert charter.classes["airline"].votes
    assert not charter.classes["observer"].votes
    assert charter.decisions["run"].period_seconds == 3 * 86_400
    assert charter.decisions["amend"].bases == ("head", "weight")
    assert charter.privacy.unnoised_sums == "allowed"
    assert charter.clock.tolerance_seconds == 300


def test_a_charter_has_one_canonical_form(charter):
    assert parse_charter(charter.to_json()) == charter
    assert parse_charter(charter.to_json()).to_json() == charter.to_json()
    assert charter.digest == canonical.digest(charter.to_json())


def test_all_defaults_are_written_out():
    text = """
version: 1
name: Small
origin: small.example
purpose: Be small.
classes: {member: {votes: true}}
decisions: {run: {passes: "> 1/2 of cast", quorum: 1/2, period: 1h, timelock: 0s}}
"""
    assert load_charter(text, "charter.yaml").to_json() == CANONICAL


def test_what_is_not_listed_cannot_be_decided(charter_text):
    charter = load_charter(re.sub(r"  expel:.*\n", "", charter_text), "charter.yaml")
    assert "expel" not in charter.decisions
    assert "expel" not in charter.to_json()["decisions"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("quorum: 1/2", "quorum: 2/4"),
        ("quorum: 1/2", "quorum: 0.5"),
        ("period: 3d", "period: 72h"),
        ('passes: "> 1/2 of cast", by: head', 'majorities: [{passes: "> 1/2 of cast"}]'),
        ("tolerance: 5m", "tolerance_seconds: 300"),
        ("by: head, quorum", "quorum"),
        ("sdg: [9]", "sdg:\n  - 9"),
        ("name: Wildlife Strike Coalition", "name: '  Wildlife Strike Coalition '"),
        (
            "purpose: Learn together which wildlife strikes affect a flight, without sharing reports.",
            "purpose: >\n  Learn together which wildlife strikes\n  affect a flight, without sharing reports.\n",
        ),
        ("brake: {hours: 72}\n", ""),
        ("witnesses: {cosignatures: default}\n", ""),
    ],
)
def test_different_ways_to_write_the_same_have_the_same_digest(charter, charter_text, old, new):
    assert old in charter_text
    assert load_charter(charter_text.replace(old, new), "charter.yaml").digest == charter.digest


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("charter.field-missing", "version: 1\n", ""),
        ("charter.field-missing", "classes: {airline: {votes: true}, observer: {votes: false}}\n", ""),
        ("charter.field-missing", "airline: {votes: true}", "airline: {}"),
        ("charter.field-unknown", "version: 1\n", "version: 1\nvresion: 2\n"),
        ("charter.field-unknown", "brake: {hours: 72}", "brake: {hours: 72, members: 2}"),
        ("charter.value", "version: 1", "version: 0"),
        ("charter.value", "version: 1", "version: one"),
        ("charter.value", "version: 1", "version: 1.0"),
        ("charter.value", "name: Wildlife Strike Coalition", "name:"),
        ("charter.value", "name: Wildlife Strike Coalition", "name: [a]"),
        ("charter.text", "name: Wildlife Strike Coalition", 'name: "a\\u0007"'),
        ("charter.text", "purpose: Learn", 'purpose: "a\\u0007"\nsdg: []\n#'),
        ("charter.origin", "origin: strikes.example/wildlife", "origin: https://strikes.example"),
        ("charter.origin", "origin: strikes.example/wildlife", "origin: Strikes.example"),
        ("charter.origin", "origin: strikes.example/wildlife", "origin: strikes example"),
        ("charter.origin", "origin: strikes.example/wildlife", "origin: strikes.example/"),
        ("charter.origin", "origin: strikes.example/wildlife", "origin: strikes.example/a+b"),
        ("charter.value", "sdg: [9]", "sdg: [0]"),
        ("charter.value", "sdg: [9]", "sdg: 9"),
        ("charter.sdg", "sdg: [9]", "sdg: [9, 9]"),
        ("charter.slug", "airline: {", "Airline: {"),
        ("charter.value", "classes: {airline: {votes: true}, observer: {votes: false}}", "classes: {}"),
        ("charter.value", "{votes: true}", "{votes: yes}"),
        ("charter.value", "  expel:", "  dismiss:"),
        ("charter.passes", '"> 1/2 of cast", by: head', "most, by: head"),
        ("charter.fraction", "veto: 1/3", "veto: 0"),
        ("charter.duration", "period: 14d", "period: a fortnight"),
        ("charter.majorities", "by: weight", "by: head"),
        ("charter.weight-cap", "by: head, quorum", "weight_cap: 1/4, quorum"),
        ("charter.value", "minimum_cohort: 5", "minimum_cohort: 0"),
        ("charter.value", "unnoised_sums: allowed", "unnoised_sums: true"),
        ("charter.value", "hours: 72", "hours: 3d"),
        ("charter.duration", "tolerance: 5m", "tolerance: short"),
        ("charter.value", "tolerance: 5m", "tolerance: 0s"),
        ("charter.cosignatures", "cosignatures: default", "cosignatures: 0"),
        ("charter.cosignatures", "cosignatures: default", "cosignatures: most"),
        ("charter.cosignatures", "cosignatures: default", "cosignatures: true"),
        ("charter.value", "models_already_released: keep", "models_already_released: burn"),
        ("yaml.duplicate-name", "version: 1\n", "version: 1\nversion: 1\n"),
    ],
)
def test_a_wrong_charter_is_refused_with_its_line(charter_text, rule, old, new):
    assert old in charter_text
    (*_, finding) = findings = findings_of(charter_text.replace(old, new, 1))
    assert rule in {finding.rule for finding in findings}
    assert all(re.fullmatch(r"charter\.yaml:[0-9]+", finding.place) for finding in findings)
    assert finding.message.isprintable()


def test_every_finding_comes_at_once_with_file_line_and_remedy():
    text = """\
version: 1
name: Strikes
origin: https://strikes.example
purpose: Learn.
classes: {airline: {votes: yes}}
decisions:
  run:
    pases: "> 1/2 of cast"
    quorum: 3/2
    period: 3 days
  dismiss: {}
brake: 72
version: 2
"""
    assert [f"{finding.rule} {finding}" for finding in findings_of(text)] == [
        "charter.origin charter.yaml:3: `origin`: expected an address without `https://`, such as `strikes.example/wildlife`, got `https://strikes.example`",
        "charter.value charter.yaml:5: `classes.airline.votes`: expected `true` or `false`, got `yes`",
        'charter.field-missing charter.yaml:7: `decisions.run.passes` is missing; add it, for example `passes: "> 1/2 of cast"`',
        "charter.field-missing charter.yaml:7: `decisions.run.timelock` is missing; add it, for example `timelock: 1d`",
        "charter.field-unknown charter.yaml:8: `decisions.run.pases` is not a known field; did you mean `passes`?",
        "charter.fraction charter.yaml:9: `decisions.run.quorum`: expected a fraction from 0 to 1, got `3/2`",
        "charter.duration charter.yaml:10: `decisions.run.period`: expected a duration such as `5m`, `72h` or `14d`, got `3 days`",
        "charter.value charter.yaml:11: `decisions.dismiss`: expected `run`, `release`, `admit`, `expel` or `amend`, got `dismiss`",
        "charter.value charter.yaml:12: `brake`: expected a mapping of names to values, got `72`",
        "yaml.duplicate-name charter.yaml:13: `version` stands here twice; keep one of the two",
    ]


@pytest.mark.parametrize("text", ["- a\n", "hello\n", "3\n", "~\n"])
def test_something_else_than_a_mapping_is_refused(text):
    assert [finding.rule for finding in findings_of(text)] == ["charter.value"]


def changed(path, value):
    copy = json.loads(json.dumps(CANONICAL))
    target = copy
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    "value",
    [
        changed(["decisions", "run", "quorum"], "2/4"),
        changed(["decisions", "run", "quorum"], "0.5"),
        changed(["decisions", "run", "quorum"], 1),
        changed(["decisions", "run", "period_seconds"], "1h"),
        changed(["decisions", "run", "majorities", 0, "passes"], ">  1/2 of cast"),
        changed(["name"], "Small "),
        changed(["name"], 1),
        {name: part for name, part in CANONICAL.items() if name != "brake"},
        changed(["exit"], {}),
        changed(["sdg"], [9, 3]),
    ],
)
def test_only_the_canonical_spelling_is_read_from_the_record(value):
    with pytest.raises(InvalidDocument) as caught:
        parse_charter(value)
    assert caught.value.rule == "charter.not-canonical"


def test_the_canonical_spelling_is_read_from_the_record():
    assert parse_charter(CANONICAL).to_json() == CANONICAL


def test_the_refusal_of_a_second_spelling_says_where():
    with pytest.raises(
        InvalidDocument, match=r"`decisions\.run\.majorities\[0\]\.passes` is not in its canonical"
    ):
        parse_charter(changed(["decisions", "run", "majorities", 0, "passes"], ">= 0.5 of cast"))


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from paths(part, (*path, name))
    if isinstance(value, list):
        for index, part in enumerate(value):
            yield from paths(part, (*path, index))


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=12)
    | st.sampled_from(["1/2", "2/4", "1", "> 1/2 of cast", "default", "3d", "keep", "weight"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["run", "votes", "by", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.sampled_from([path for path in paths(CANONICAL) if path]), junk)
def test_whatever_is_accepted_is_written_again_byte_for_byte(path, value):
    document = changed(path, value)
    try:
        charter = parse_charter(document)
    except InvalidDocument:
        return
    assert canonical.encode(charter.to_json()) == canonical.encode(document)


@settings(deadline=None)
@given(st.sampled_from([path for path in paths(CANONICAL) if path]), junk)
def test_whatever_people_write_gets_findings_or_a_charter_with_a_canonical_form(path, value):
    document = changed(path, value)
    try:
        charter = load_charter(json.dumps(document, ensure_ascii=False), "charter.yaml")
    except InvalidDocument as error:
        findings = error.findings
    else:
        findings = ()
        assert parse_charter(charter.to_json()) == charter
    assert all(finding.place for finding in findings)


def test_a_charter_cannot_be_changed(charter):
    with pytest.raises(ValueError, match="frozen"):
        charter.name = "Other"
    with pytest.raises(TypeError):
        charter.decisions["run"] = None


def test_the_witness_rule_is_the_default_or_a_number(charter, charter_text):
    assert [charter.witnesses.threshold(members) for members in (1, 3, 4, 10)] == [1, 3, 3, 7]
    fixed = load_charter(charter_text.replace("cosignatures: default", "cosignatures: 2"), "charter.yaml")
    assert fixed.witnesses.threshold(10) == 2


def _nested(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return value


STRANGE = {
    "deep": _nested(50),
    "deeper": _nested(100_000),
    "large": 10**5_000,
    "less": -(10**400),
    "infinite": float("inf"),
    "half": "\ud800",
    "number-as-name": {1: 2},
    "name-not-ascii": {"é": 1},
    "bytes": b"x",
}
HUGE = {
    "exponent": "1e400",
    "digits": "9" * 100_000,
    "minus": "-" + "9" * 5_000,
    "long-exponent": "1e" + "9" * 1_000,
    "lists": "[" * 100_000,
    "mappings": "{a: " * 15 + "1" + "}" * 15,
    "infinite": ".inf",
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("parse", [parse_charter, parse_plan, parse_member])
def test_what_canonical_json_cannot_hold_is_refused_and_nothing_else_happens(parse, strange, charter):
    part = STRANGE[strange]
    for value in (part, {"version": part}, {**charter.to_json(), "name": part}):
        with pytest.raises(InvalidDocument) as caught:
            parse(value)
        assert caught.value.rule.endswith(".value")
        assert is_printable(caught.value.message)


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("effect", ["admit", "expel", "amend", "run", "release", None])
def test_what_canonical_json_cannot_hold_is_no_effect(effect, strange):
    part = STRANGE[strange]
    for value in (part, {"effect": effect, "plan": {"x": part}}, {"effect": part}):
        with pytest.raises(Malformed):
            parse_effect(value)


@pytest.mark.parametrize("text", HUGE)
@pytest.mark.parametrize("field", ["version", "name", "sdg", "classes", "brake"])
def test_numbers_and_nesting_of_any_size_are_refused_in_a_file(charter_text, field, text):
    lines = [line for line in charter_text.splitlines() if not line.startswith(field)]
    with pytest.raises(InvalidDocument):
        load_charter("\n".join([*lines, f"{field}: {HUGE[text]}", "more: 1"]), "charter.yaml")
