"""The examples in the documents are read, and come out as the documents say."""

import json
import re
from fractions import Fraction
from pathlib import Path

from hansa.governance import METRICS, DecisionRule, Elector, load_charter, load_plan, tally
from hansa.governance.charter import Charter
from hansa.governance.label import TimeLabel
from hansa.governance.plan import Plan
from hansa.governance.recipe import LogisticParameters, StatisticsParameters

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (FORMATS / page).read_text(), re.DOTALL)


def test_the_charter_in_the_document_is_a_charter():
    charter = load_charter(blocks("charter.md", "yaml")[0], "charter.md")
    assert charter.to_json()["decisions"]["run"] == json.loads(blocks("charter.md", "json")[0])


def test_the_plan_in_the_document_is_a_plan():
    plan = load_plan(blocks("plan.md", "yaml")[0], "plan.md", recipe_digest="ab" * 32)
    split, feature = map(json.loads, blocks("plan.md", "json")[0].splitlines())
    assert plan.to_json()["split"] == split
    assert plan.to_json()["features"][0] == feature
    statistics = load_plan(blocks("plan.md", "yaml")[1], "plan.md", recipe_digest="ab" * 32)
    assert statistics.to_json().keys() == plan.to_json().keys() - {"label", "split", "bars"}
    regression = load_plan(blocks("plan.md", "yaml")[2], "plan.md", recipe_digest="ab" * 32)
    assert regression.label.exposure.name == "years"
    event = json.loads(blocks("plan.md", "json")[2])
    assert TimeLabel.model_validate(event).to_json() == event


def test_the_tally_in_the_document_comes_out_as_it_says():
    rule = DecisionRule.model_validate(json.loads(blocks("tally.md", "json")[0]))
    electorate = [
        Elector(name, "m", weight) for name, weight in (("ada", 60), ("bob", 20), ("cyd", 10), ("dan", 10))
    ]
    result = tally(rule, electorate, {"ada": "yes", "bob": "yes", "cyd": "no"}, [], closed=True)
    assert result.outcome == "passed"
    assert [(count.yes, count.cast, count.eligible) for count in result.counts] == [
        (2, 3, 4),
        (45, 55, Fraction(65)),
    ]


def test_every_field_is_documented():
    charter, plan = ((FORMATS / page).read_text() for page in ("charter.md", "plan.md"))
    for model, text in (
        (Charter, charter),
        (DecisionRule, charter),
        (Plan, plan),
        (LogisticParameters, plan),
        (StatisticsParameters, plan),
    ):
        for name in model.model_fields:
            assert f"`{name.removesuffix('_seconds')}" in text, name
    for metric in METRICS:
        assert f"`{metric}`" in plan
