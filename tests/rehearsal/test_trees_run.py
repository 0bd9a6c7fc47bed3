"""Trees over the whole chain: votes, masked sums of every level, seals, a member that vanishes, the model among the blobs."""

import json
from fractions import Fraction

import pytest
from liar import approve, vanish

from hansa.governance import load_plan
from hansa.learning import recipe_digest, run_in_clear
from hansa.learning.reading import build_recipe
from hansa.learning.trees import FORMAT, parse_forest
from hansa.node import load_rows
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.runner import locate_private_report
from hansa.secagg import Kind

NAMES = ("ada", "bob", "cyd", "dan", "eve")
PLAN = """
version: 1
name: Who pays late
purpose: Know it before.
recipe: {name: trees, parameters: {trees: 3, depth: 2, bins: 8, minimum_rows: 10, rising: [amount]}}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
split: {kind: rows, test: 3/10}
privacy: {noise: none}
bars: [{metric: auc_together, at_least: "0.6"}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""


@pytest.fixture
def plan():
    return load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())


def test_masked_sums_give_the_trees_of_plain_ones_and_everybody_seals_them(stage, plan):
    ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
    assert ran.run.status == "completed"
    assert set(ran.run.seals) == {*NAMES}
    document = json.loads(stage.blobs.get(ran.model))
    assert document["format"] == FORMAT
    rows = [load_rows(stage.actor(name).data, plan, name) for name in NAMES]
    plain = run_in_clear(build_recipe(plan.to_json(), NAMES), rows)
    assert document == plain.document
    assert len(parse_forest(document).trees) == 3
    assert ran.run.metrics["auc_together"] == f"{plain.metrics['auc_together']:.6f}"
    for name in NAMES:
        kept = json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text())
        assert kept["member"] == name


def test_where_a_plan_has_validation_rows_each_member_reads_in_private_what_serves_it(stage):
    text = PLAN.replace("{kind: rows, test: 3/10}", "{kind: rows, test: 3/10, validation: 1/5}")
    plan = load_plan(text, "plan.yaml", recipe_digest=recipe_digest())
    ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
    assert ran.run.status == "completed"
    for name in NAMES:
        rows = load_rows(stage.actor(name).data, plan, name)
        kept = json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text())
        assert kept["validation_rows"] == len(rows.validation) > 0
        assert kept["rows"] == len(rows.train) + len(rows.test) + len(rows.validation)
        assert {option["name"].split()[0] for option in kept["options"]} == {
            "alone",
            "together",
            "corrected",
            "mixed",
        }
        assert sum(option["share"] for option in kept["options"]) == pytest.approx(1.0)
        assert kept["chosen_gain"]["low"] <= kept["chosen_gain"]["value"] <= kept["chosen_gain"]["high"]
    kept = [json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text()) for name in NAMES]
    scored = [report for report in kept if report["scored"]]
    gains = [report["chosen_gain"]["value"] for report in scored]
    metrics = {name: float(value) for name, value in ran.run.metrics.items()}
    assert metrics["members_gain_chosen"] == pytest.approx(
        sum(gain > 0 for gain in gains) / len(scored), abs=1e-6
    )
    assert metrics["chosen_gain_mean"] == pytest.approx(sum(gains) / len(gains), abs=1e-6)
    trusted = [value for name, value in metrics.items() if name.startswith("members_trusting_")]
    assert (len(trusted), sum(trusted)) == (5, len(scored))


def test_a_member_that_vanishes_in_the_middle_of_a_tree_is_named(found, plan):
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(1, 5)) as stage:
        vanish(stage, "bob", 7, Kind.DELIVERY)
        ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
        assert ran.run.status == "completed"
        assert ran.run.dropped == {"bob": 7}
        assert len(json.loads(stage.blobs.get(ran.model))["trees"]) == 3
        report = json.loads(stage.blobs.get(ran.run.report))
        assert report["members"]["survey"] == [*NAMES]
        assert report["members"]["fit"] == [name for name in NAMES if name != "bob"]
