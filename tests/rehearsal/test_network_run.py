"""Networks over the whole chain: votes, masked sums of every round in 32-bit integers, seals, a killed coordinator, a lost member."""

import json
from fractions import Fraction

import numpy as np
import pytest
from dying import conduct
from liar import approve, open_attempt, vanish

from hansa.governance import load_plan
from hansa.learning import recipe_digest, run_in_clear
from hansa.learning.networks import FORMAT, parse_network
from hansa.learning.reading import build_recipe
from hansa.node import load_rows
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.runner import locate_private_report
from hansa.secagg import Kind

pytest.importorskip("torch", reason="PyTorch is not installed: NO NETWORK IS TRAINED IN THESE TESTS")

NAMES = ("ada", "bob", "cyd", "dan", "eve")
PLAN = """
version: 1
name: Who pays late
purpose: Know it before.
recipe:
  name: network
  parameters:
    layers: [{kind: linear, size: 8}, {kind: layer_norm}, {kind: tanh}, {kind: dropout, share: 0.1}]
    method: scaffold
    rounds: 3
    batch: 16
    learning_rate: 0.2
    resolution: 0.000001
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


def test_masked_sums_give_the_network_of_plain_ones_and_everybody_seals_it(stage, plan):
    ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
    assert ran.run.status == "completed"
    assert set(ran.run.seals) == {*NAMES}
    document = json.loads(stage.blobs.get(ran.model))
    assert document["format"] == FORMAT
    rows = [load_rows(stage.actor(name).data, plan, name) for name in NAMES]
    plain = run_in_clear(build_recipe(plan.to_json(), NAMES), rows)
    masked, clear = parse_network(document).parameters, parse_network(plain.document).parameters
    np.testing.assert_allclose(masked, clear, rtol=0, atol=1e-5)
    assert len(json.loads(stage.blobs.get(ran.run.report))["losses"]) == 3
    for name in NAMES:
        kept = json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text())
        assert kept["member"] == name


@pytest.mark.slow
def test_a_round_goes_through_the_door_in_half_the_bytes_where_that_is_fine_enough(stage, plan):
    coarse = load_plan(
        PLAN.replace("resolution:", "clip: 1000000\n    resolution:"), "", recipe_digest=recipe_digest()
    )
    few, many = (
        conduct_run(stage, approve(stage, asked), "ada", Silent()).traffic["bob"] for asked in (plan, coarse)
    )
    network = 5 * 8 + 8 + 16 + 9
    assert (many.bytes_up - few.bytes_up) // (3 * 4) == 2 * network + 3


def test_a_run_survives_coordinators_that_are_killed_between_and_amid_rounds(stage, plan, tmp_path):
    run = open_attempt(stage, approve(stage, plan))
    for turn in (8, 3, 7, 4):
        assert conduct(stage, run, tmp_path / "run", turn)[0] is None
    conducted, turns = conduct(stage, run, tmp_path / "run")
    assert turns[0] == "again"
    document = json.loads(conducted.model)
    rows = [load_rows(stage.actor(name).data, plan, name) for name in NAMES]
    plain = run_in_clear(build_recipe(plan.to_json(), NAMES), rows)
    masked, clear = parse_network(document).parameters, parse_network(plain.document).parameters
    np.testing.assert_allclose(masked, clear, rtol=0, atol=1e-5)
    assert len(conducted.seals) == len(NAMES)


@pytest.mark.slow
def test_rounds_go_on_without_a_member_that_vanishes(found, plan):
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(1, 5)) as stage:
        vanish(stage, "bob", 3, Kind.DELIVERY)
        ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
        assert ran.run.status == "completed"
        assert ran.run.dropped == {"bob": 3}
        report = json.loads(stage.blobs.get(ran.run.report))
        assert report["members"]["fit"] == [name for name in NAMES if name != "bob"]
