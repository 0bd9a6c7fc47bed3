"""Statistics over the whole chain: votes, one secure sum, seals, the document among the blobs, release, the account."""

import json
from fractions import Fraction

import numpy as np
import pytest
from liar import approve, conduct_with, vanish

from hansa.coalition import audit_log, derive_account
from hansa.engine import parse_frame, read_total, write_total
from hansa.errors import Refused
from hansa.governance import Budget, load_plan, parse_plan
from hansa.learning import STATISTICS_FORMAT, recipe_digest
from hansa.node import load_rows
from hansa.rehearsal import Silent, conduct_run
from hansa.rehearsal.play import open_proposal, vote_all
from hansa.rehearsal.runner import locate_private_report
from hansa.secagg import Kind
from hansa.store import read_tree
from hansa.transparency import canonical

NAMES = ("ada", "bob", "cyd", "dan", "eve")
PLAN = """
version: 1
name: How much is paid late
purpose: See what there is.
recipe: {name: statistics, parameters: {bins: 10}}
features:
  - {name: amount, type: number, minimum: -10, maximum: 10, missing: allowed}
  - {name: sector, type: category, categories: [farm, shop, mill]}
  - {name: late, type: category, categories: counted}
cohort: {members: all, minimum: 3}
privacy: {noise: none}
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""
NOISE = "{noise: discrete-gaussian, epsilon: 8, delta: 0.00001}"


def plan_of(text):
    return load_plan(text, "plan.yaml", recipe_digest=recipe_digest())


@pytest.fixture
def plan():
    return plan_of(PLAN)


@pytest.fixture
def noised():
    return plan_of(PLAN.replace("{noise: none}", NOISE))


@pytest.fixture
def budgeted(found):
    budget = Budget(epsilon="10", delta="0.00001")
    with found(NAMES, colluding=Fraction(0), dropouts=Fraction(1, 5), budget=budget) as stage:
        yield stage


def read_document(stage, ran):
    return json.loads(stage.blobs.get(ran.model))


def amounts(stage, plan, names=NAMES):
    rows = [load_rows(stage.actor(name).data, plan, name) for name in names]
    return np.concatenate([part.train.numbers["amount"] for part in rows])


def test_a_run_without_noise_gives_the_pooled_figures_and_everybody_seals_them(stage, plan):
    number = approve(stage, plan)
    ran = conduct_run(stage, number, "ada", Silent())
    assert ran.run.status == "completed"
    assert set(ran.run.seals) == {*NAMES}
    assert ran.run.metrics == {}
    assert ran.conducted.result.turns == 2
    document = read_document(stage, ran)
    assert document["format"] == STATISTICS_FORMAT
    assert document["rows"] == 400
    (amount,) = document["numbers"]
    column = amounts(stage, plan)
    assert amount["missing"] == np.isnan(column).sum()
    value, low, high = map(float, amount["mean"])
    assert low <= np.nanmean(column) <= high
    assert value == pytest.approx(np.nanmean(column), abs=0.2)
    sector, late = document["categories"]
    assert [name for name, _ in sector["counts"]] == ["farm", "shop", "mill"]
    assert sum(rows for _, rows in sector["counts"]) == sum(rows for _, rows in late["counts"]) == 400
    report = json.loads(stage.blobs.get(ran.run.report))
    assert report == {
        "format": "hansa/v1/report",
        "members": {"counts": [*NAMES], "moments": [*NAMES]},
        "metrics": {},
        "dropped": [],
    }
    for name in NAMES:
        kept = json.loads(locate_private_report(stage.folder, name, ran.run.id).read_text())
        assert kept["member"] == name
        assert kept["rows"] == 80
        assert [found["name"] for found in kept["differences"]] == ["amount", "sector", "late"]
    tree = read_tree(stage.log)
    audited = audit_log(tree.leaves, tree.note_text, coalition=stage.state.coalition)
    assert audited.state.runs[ran.run.id] == ran.run


def test_statistics_are_released_by_vote_as_there_is_no_bar(stage, plan):
    number = approve(stage, plan)
    ran = conduct_run(stage, number, "ada", Silent())
    effect = {"effect": "release", "run": number, "model": ran.model, "report": ran.run.report}
    release = open_proposal(stage, "ada", "Release", "", effect)
    vote_all(stage, release, {})
    stage.forward(3 * 86_400)
    stage.forward(86_400)
    assert [found.model for found in stage.state.releases] == [ran.model]


def test_a_run_with_noise_is_charged_once_and_tells_figures_near_the_pooled_ones(budgeted, noised):
    vanish(budgeted, "bob", 1, Kind.DELIVERY)
    ran = conduct_run(budgeted, approve(budgeted, noised), "ada", Silent())
    assert ran.run.dropped == {"bob": 1}
    document = read_document(budgeted, ran)
    noise = float(document["noise"])
    assert noise > 0
    assert abs(document["rows"] - 320) < 6 * noise
    (amount,) = document["numbers"]
    column = amounts(budgeted, noised, [name for name in NAMES if name != "bob"])
    value, low, high = map(float, amount["mean"])
    assert abs(value - np.nanmean(column)) < 3 * (high - low)
    for name in NAMES:
        account = derive_account(budgeted.state, name)
        assert account.spent == noised.privacy.rho
        assert account.unbounded == ()


def test_a_second_run_that_the_budget_cannot_bear_is_refused(budgeted, noised):
    conduct_run(budgeted, approve(budgeted, noised), "ada", Silent())
    with pytest.raises(Refused, match="budget"):
        approve(budgeted, noised)


def test_a_person_is_protected_by_a_column_that_only_tells_rows_apart(budgeted, noised):
    privacy = {**noised.privacy.to_json(), "unit": {"column": "person", "rows": 2}}
    plan = parse_plan(noised.to_json() | {"privacy": privacy})
    for actor in budgeted.actors.values():
        lines = actor.data.read_text().splitlines()
        named = [f"{line},p{number // 4}" for number, line in enumerate(lines[1:])]
        actor.data.write_text("\n".join([f"{lines[0]},person", *named]) + "\n")
    ran = conduct_run(budgeted, approve(budgeted, plan), "ada", Silent())
    document = read_document(budgeted, ran)
    # Four rows of each person count like two.
    assert abs(document["rows"] - 200) < 6 * float(document["noise"])


def test_a_member_refuses_a_total_that_cannot_hold_its_rows(stage, plan):
    """The coordinator announces, to one member, a total without as many rows as that member alone has."""
    number = approve(stage, plan)

    def meddle(name, message):
        frame = parse_frame(message)
        if frame.word != "end" or name != "bob":
            return message
        numbers = read_total(frame.body).copy()
        numbers[0] //= 10
        return type(frame)(frame.word, frame.fields, write_total(numbers)).encode()

    conducted, missed = conduct_with(stage, number, meddle)
    assert [(name, "recipe.total" in why) for _, name, why in missed] == [("bob", True)]
    assert "bob" in conducted.dropped
    assert "cannot hold this member's own answer" in str(stage.actor("bob").trainer.problem)


def test_everybody_refuses_another_document_be_it_by_one_row(stage, plan):
    number = approve(stage, plan)

    def meddle(_, message):
        frame = parse_frame(message)
        if frame.word != "end":
            return message
        model = {**frame.fields["model"], "rows": frame.fields["model"]["rows"] + 1}
        return type(frame)(frame.word, {**frame.fields, "model": model}, frame.body).encode()

    with pytest.raises(Refused, match=r"run\.model"):
        conduct_with(stage, number, meddle)


def test_all_rows_may_be_described_beside_a_model_whose_test_rows_are_many(stage, cast, plan):
    conduct_run(stage, approve(stage, cast.plan), "ada", Silent())
    conduct_run(stage, approve(stage, plan), "ada", Silent())
    assert derive_account(stage.state, "ada").redivisions == ()


def test_not_beside_a_model_whose_test_rows_may_be_one(stage, cast, plan):
    for actor in stage.actors.values():
        lines = actor.data.read_text().splitlines()
        actor.data.write_text("\n".join([f"{lines[0]},year", *(f"{line},1990" for line in lines[1:])]) + "\n")
    split = {"kind": "time", "column": "year", "from": "1991"}
    conduct_run(stage, approve(stage, parse_plan(cast.plan.to_json() | {"split": split})), "ada", Silent())
    with pytest.raises(
        Refused, match=r"run\.differencing: .*one all of them and the other perhaps all but one"
    ):
        approve(stage, plan)


def test_the_document_is_canonical_json_without_floats(stage, plan):
    ran = conduct_run(stage, approve(stage, plan), "ada", Silent())
    data = stage.blobs.get(ran.model)
    assert canonical.encode(canonical.parse(data)) == data
