"""A whole play with noise: a machine falls silent, and a second run is refused."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from hansa.coalition import audit_log
from hansa.governance import Budget, parse_plan
from hansa.rehearsal import Drama, Founder, Silent, play
from hansa.store import read_tree

NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")


class Hearing(Silent):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.said, self.doubted = [], []

    def say(self, sentence):
        self.said.append(sentence)

    def doubt(self, sentence):
        self.doubted.append(sentence)


@pytest.fixture
def noised(cast, tmp_path):
    """Seven members under a budget of 8.5, and a plan of 8."""
    plan = cast.plan.to_json()
    plan["privacy"] = {"noise": "discrete-gaussian", "epsilon": "8", "delta": "0.00001", "unit": "row"}
    plan["split"] = {"kind": "rows", "seed": 0, "test": "3/10"}
    plan["bars"] = [{"metric": "auc_pooled_together", "at_least": "0.10"}]
    plan["recipe"]["parameters"] |= {"steps": 3}
    terms = {
        "unnoised_sums": "refused",
        "colluding": Fraction(0),
        "dropouts": Fraction(2, 7),
        "budget": Budget(epsilon="8.5", delta="0.00001"),
    }
    privacy = cast.charter.privacy.model_copy(update=terms)
    founders = tuple(
        Founder(name, name.title(), "bank", "NL", 1, cast.founders[number % 5].data)
        for number, name in enumerate(NAMES)
    )
    charter = cast.charter.model_copy(update={"privacy": privacy})
    return replace(cast, charter=charter, founders=founders, plan=parse_plan(plan))


def test_a_machine_falls_silent_and_a_second_run_is_refused(noised, tmp_path):
    heard = Hearing()
    drama = Drama(silent=("gus", 3), again=("bob", "4"), leaver=("fay", "enough"))
    played = play(tmp_path / "out", replace(noised, drama=drama), heard)
    assert "round 3: `gus` did not answer; it is out of this attempt" in heard.doubted
    assert any("the record names who vanished: `gus`" in line for line in heard.said)
    assert any(
        "each of the 7 data sets has spent ε = 8 of 8.5, and one more run may ask up to" in line
        for line in heard.said
    )
    assert heard.doubted[-1] == (
        "Bob proposes to ask the same data once more, at ε = 4: refused before any vote, it would pass the budgets of all 6 that "
        "are still members [run.budget]"
    )
    assert "Accounting" in {title for title, _ in heard.timings}
    tree = read_tree(played.log)
    audit = audit_log(tree.leaves, tree.note_text)
    (run,) = audit.state.runs.values()
    assert run.dropped == {"gus": 3}
    assert [p.plan is not None for p in audit.state.proposals_in_order] == [True, False]

    privacy = json.loads((tmp_path / "out" / "result.json").read_text())["privacy"]
    assert (privacy["noise"], privacy["epsilon"], privacy["unit"]) == (
        "discrete-gaussian",
        "8",
        "any one row",
    )
    assert privacy["sharing"] == {"members": 7, "required": 5, "colluders": 0, "honest": 4, "neighbours": 6}
    assert [account["name"] for account in privacy["accounts"]] == [name.title() for name in NAMES]
    assert {account["spent"]["epsilon"] for account in privacy["accounts"]} == {"8"}
    (refused,) = privacy["refused"]
    assert (refused["proposer"], refused["epsilon"], refused["rule"]) == ("Bob", "4", "run.budget")
    assert (refused["members"], len(refused["reasons"])) == (6, 6)  # of seven, one has left
    page = played.report.read_text()
    assert "Gus, not in the totals from round 3 on" in page
    assert "Bob proposed to ask the same data once more, at ε = 4" in page


def test_a_second_run_within_the_budget_is_not_refused_and_stays_open_to_the_vote(noised, tmp_path):
    heard = Hearing()
    played = play(tmp_path / "out", replace(noised, drama=Drama(again=("bob", "0.5"))), heard)
    assert played.result["privacy"]["refused"] == []
    assert played.result["decisions"][-1]["outcome"] == "open"
    assert "Bob proposes to ask the same data once more, at ε = 0.5 (entry " in heard.said[-2]


def test_who_is_silent_from_the_first_round_is_in_no_total(noised, tmp_path):
    played = play(tmp_path / "out", replace(noised, drama=Drama(silent=("bob", 1))), Hearing())
    assert played.result["lost"] == {"Bob": 1}
