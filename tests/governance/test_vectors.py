"""The vectors on the disk are those of their makers, say what the room says, and together show each rule of it."""

import importlib
import re
from fractions import Fraction
from pathlib import Path

import obvious_tally as obvious
import pytest
from vectorfiles import VECTORS, read, spell

import hansa.governance
from hansa.governance import (
    DecisionRule,
    Elector,
    InvalidDocument,
    load_charter,
    load_plan,
    parse_charter,
    parse_plan,
    tally,
)
from hansa.governance.validation import parse_model

TOPICS = ["charter", "plan", "tally"]
FORMATS = Path(__file__).parents[2] / "docs" / "formats"
SOURCES = {path.stem: path.read_text() for path in Path(hansa.governance.__file__).parent.glob("*.py")}
# A file too long for a vector, and the parts of a member or an effect, which have no file of their own.
IN_TESTS = {"yaml.too-long", "member.country", "member.key", "effect.consent", "effect.unknown"}


def cases_of(topic, *, good):
    return [
        pytest.param(rule, case, id=name)
        for name, (rule, case) in read(topic).items()
        if (rule is None) == good
    ]


@pytest.mark.parametrize("topic", TOPICS)
def test_vectors_are_fresh(topic):
    made = {name: spell(case) for name, case in importlib.import_module(f"make_{topic}").cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / topic).glob("*.json")}
    assert made == kept, f"run `python tests/vectors/make_{topic}.py`"


@pytest.mark.parametrize(("_rule", "case"), cases_of("charter", good=True))
def test_good_charters_have_their_canonical_form_and_digest(_rule, case):
    charter = load_charter(case["yaml"], "charter.yaml")
    assert charter.to_json() == case["canonical"]
    assert charter.digest == case["digest"]
    assert parse_charter(case["canonical"]) == charter


@pytest.mark.parametrize(("_rule", "case"), cases_of("plan", good=True))
def test_good_plans_have_their_canonical_form_and_digest(_rule, case):
    plan = load_plan(case["yaml"], "plan.yaml")
    assert plan.to_json() == case["canonical"]
    assert plan.digest == case["digest"]
    assert parse_plan(case["canonical"]) == plan


@pytest.mark.parametrize(("rule", "case"), cases_of("charter", good=False))
def test_bad_charters_are_refused_by_name_and_line(rule, case):
    check_refusal(load_charter, parse_charter, rule, case)


@pytest.mark.parametrize(("rule", "case"), cases_of("plan", good=False))
def test_bad_plans_are_refused_by_name_and_line(rule, case):
    check_refusal(load_plan, parse_plan, rule, case)


def check_refusal(load, parse, rule, case):
    with pytest.raises(InvalidDocument) as caught:
        load(case["yaml"], "file") if "yaml" in case else parse(case["canonical"])
    findings = caught.value.findings
    assert rule in {finding.rule for finding in findings}
    if "yaml" in case:
        assert [f.place for f in findings if f.rule == rule] == [f"file:{case['line']}"]


def electors_of(case):
    return [(e["member"], e["member_class"], e["voting_weight"]) for e in case["electorate"]]


@pytest.mark.parametrize(("_rule", "case"), cases_of("tally", good=True))
def test_good_tallies_come_out_as_written_in_both_counts(_rule, case):
    electorate = electors_of(case)
    result = tally(
        DecisionRule.model_validate(case["decision_rule"]),
        [Elector(*elector) for elector in electorate],
        case["ballots"],
        case["recused"],
        closed=case["closed"],
    )
    assert result.outcome == case["outcome"]
    for counted, expected in zip(result.counts, case["counts"], strict=True):
        assert counted.by == expected.pop("by")
        for name, value in expected.items():
            assert getattr(counted, name) == Fraction(value)
    again = obvious.outcome(
        case["decision_rule"], electorate, case["ballots"], case["recused"], closed=case["closed"]
    )
    assert again == case["outcome"]


@pytest.mark.parametrize(("rule", "case"), cases_of("tally", good=False))
def test_bad_rules_are_refused_by_name(rule, case):
    with pytest.raises(InvalidDocument) as caught:
        parse_model(DecisionRule, case["decision_rule"], "charter")
    assert caught.value.rule == rule


def rules_in_source():
    """The rules of documents, each under the kind of document that it belongs to."""
    rules = {
        f"{kind}.{rule}"
        for kind in ("charter", "plan")
        for rule in ("value", "field-missing", "field-unknown")
    }
    rules |= {"charter.not-canonical", "plan.not-canonical"}
    rules |= set(re.findall(r'"(yaml\.[a-z-]+)"', SOURCES["document"]))
    kinds = {
        "charter": "charter",
        "decision": "charter",
        "plan": "plan",
        "feature": "plan",
        "label": "plan",
        "split": "plan",
        "bar": "plan",
        "member": "member",
    }
    for module, kind in (kinds | {"proposal": "effect"}).items():
        rules |= {f"{kind}.{rule}" for rule in re.findall(r'fault\(\s*"([a-z-]+)"', SOURCES[module])}
    for module in ("plan", "label"):
        rules |= {
            f"plan.{rule}" for rule in re.findall(r'\),\s*"([a-z-]+)",\s*(?:f"|message)', SOURCES[module])
        }
    shared = re.findall(r'fault\(\s*"([a-z-]+)"', SOURCES["privacy"])
    rules |= {f"{kind}.{rule}" for kind in ("charter", "plan") for rule in shared}
    rules |= set(re.findall(r'Malformed\(\s*"([a-z.-]+)"', SOURCES["proposal"])) - {"admit.consent"}
    return rules


def test_each_rule_has_a_vector_that_it_refuses():
    shown = {rule for topic in TOPICS for rule, _ in read(topic).values() if rule}
    rules = rules_in_source()
    assert len(rules) > 35
    assert rules - shown == IN_TESTS
    spelt = {
        f"{kind}.{rule}"
        for kind in ("charter", "plan")
        for rule in re.findall(r'fault\(\s*"([a-z-]+)"', SOURCES["spelling"])
    }
    assert shown - rules <= spelt


@pytest.mark.parametrize(("page", "rules"), [("charter.md", "charter|yaml|lint"), ("plan.md", "plan|permit")])
def test_each_rule_is_documented(page, rules):
    text = (FORMATS / page).read_text()
    documented = set(re.findall(rf"`((?:{rules})\.(?!yaml)[a-z-]+)`", text))
    source = {rule for rule in rules_in_source() if re.match(rf"(?:{rules})\.", rule)}
    if page == "charter.md":
        source |= {
            f"lint.{rule}"
            for rule in re.findall(
                r'(?:_error|_warning|_note)\(\s*"([a-z-]+)"|"lint\.([a-z-]+)"|"([a-z]+-alone)"',
                SOURCES["lint"] + SOURCES["assumption"],
            )
            for rule in rule
            if rule
        }
    else:
        source |= set(re.findall(r'"(permit\.[a-z-]+)"', SOURCES["permit"]))
    assert source <= documented
    kinds = {
        f"{page.removesuffix('.md')}.{rule}"
        for rule in re.findall(r'fault\(\s*"([a-z-]+)"', SOURCES["spelling"])
    }
    assert documented - source <= kinds
