"""The logs on the disk fold as their verdicts say, and are those of their maker."""

import make_fold
import pytest
from vectorfiles import VECTORS, read, spell

from hansa.coalition import replay
from hansa.errors import Malformed, Refused

CASES = read("fold")


def test_vectors_are_fresh():
    made = {name: spell(case) for name, case in make_fold.cases()}
    kept = {path.name: path.read_text(encoding="ascii") for path in (VECTORS / "fold").glob("*.json")}
    assert made == kept, "run `python tests/vectors/make_fold.py`"


@pytest.mark.parametrize("name", CASES)
def test_a_log_folds_as_its_verdict_says(name):
    rule, case = CASES[name]
    leaves = [leaf.encode() for leaf in case["leaves"]]
    before = replay(leaves[:-1])
    if rule is None:
        assert replay(leaves).digest == case["state"] != before.digest
        return
    with pytest.raises((Refused, Malformed)) as caught:
        replay(leaves)
    assert caught.value.rule == rule
    assert f"entry {len(leaves) - 1}" in str(caught.value)


def test_each_rule_of_keys_newcomers_and_handovers_has_a_log_that_it_refuses():
    shown = {rule for rule, _ in CASES.values() if rule}
    assert {rule for rule in shown if rule.split(".")[0] in {"acknowledge", "key", "handover"}} == {
        "acknowledge.known",
        "acknowledge.size",
        "acknowledge.state",
        "handover.author",
        "handover.key",
        "handover.root",
        "handover.signers",
        "handover.size",
        "key.known",
        "key.proof",
        "key.revoked",
        "key.role",
        "key.unknown",
        "key.used",
    }
