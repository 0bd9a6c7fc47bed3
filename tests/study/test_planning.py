"""Settings in place of drafted parameters."""

import pytest

from hansa.errors import Malformed
from hansa.node.defects import TableRefused
from hansa.rehearsal.inspection import inspect_folder
from hansa.study import Coalition
from hansa.study.planning import draft_charter, draft_plan


@pytest.fixture
def inspection(tmp_path, tables):
    return inspect_folder(Coalition.from_tables(tables).lay_out(tmp_path / "tables"), "damage")


def test_settings_take_the_place_of_what_is_drafted_and_keep_its_comment(inspection):
    drafted = draft_plan(inspection, "trees", {"trees": 7, "learning_rate": 0.00001, "rising": ["speed"]})
    parameters = drafted.plan.recipe.parameters
    assert (parameters.trees, parameters.learning_rate, parameters.rising) == (7, "0.00001", ("speed",))
    assert "trees: 7                  # more learn more" in drafted.text


def test_noise_brings_its_split_and_its_bar(inspection):
    plan = draft_plan(inspection, "logistic", {}, "3").plan
    assert (plan.privacy.epsilon, plan.split.kind) == ("3", "rows")
    assert [bar.metric for bar in plan.bars] == ["auc_pooled_together"]
    assert draft_charter("A trial", "3").privacy.budget.epsilon == "3"
    assert draft_charter("A trial").privacy.budget is None


def test_what_a_plan_does_not_know_is_refused(inspection):
    with pytest.raises(ValueError, match="no recipe `forest`"):
        draft_plan(inspection, "forest", {})
    with pytest.raises(Malformed, match="leaves"):
        draft_plan(inspection, "trees", {"leaves": 3})
    with pytest.raises(Malformed, match="depth"):
        draft_plan(inspection, "trees", {"depth": 99})
    with pytest.raises(TypeError, match="a setting is"):
        draft_plan(inspection, "trees", {"depth": {}})


def test_a_label_of_one_class_is_refused(tmp_path, tables):
    one = {name: {**table, "damage": [0] * 100} for name, table in tables.items()}
    found = inspect_folder(Coalition.from_tables(one).lay_out(tmp_path / "one"), "damage")
    with pytest.raises(TableRefused, match="damage"):
        draft_plan(found, "logistic", {})
