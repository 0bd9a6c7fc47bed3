"""Two further models and another voice over the whole chain: masked sums, seals, the model among the blobs."""

import json

from liar import approve

from hansa.governance import load_plan
from hansa.learning import parse_model, recipe_digest, run_in_clear
from hansa.learning.reading import build_recipe
from hansa.node import load_rows
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.runner import locate_private_report

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")
PLAN = """
version: 1
name: Who pays late
purpose: Know it before.
recipe: {name: logistic, parameters: {clusters: 2, voice: root, organisation_intercepts: true}}
label: {name: late, positive: "yes", negative: "no"}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
cohort: {members: all, minimum: 3}
split: {kind: rows, test: 3/10, validation: 1/5}
privacy: {noise: none}
bars: [{metric: members_trusting_clustered, at_least: 0}]
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""


def test_masked_sums_give_both_sides_their_models_and_each_member_reads_what_its_own_is_worth(found):
    plan = load_plan(PLAN, "plan.yaml", recipe_digest=recipe_digest())
    with found(NAMES) as stage:
        ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
        assert ran.run.status == "completed"
        assert set(ran.run.seals) == {*NAMES}
        document = json.loads(stage.blobs.get(ran.model))
        rows = [load_rows(stage.actor(name).data, plan, name) for name in NAMES]
        plain = run_in_clear(build_recipe(plan.to_json(), NAMES), rows)
        sides, expected = parse_model(document).clusters, parse_model(plain.document).clusters
        assert len(sides) == 2
        for side, other in zip(sides, expected, strict=True):
            assert max(abs(side - other)) < 1e-6
        for name in NAMES:
            kept = json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text())
            assert "clustered" in {option["name"] for option in kept["options"]}
