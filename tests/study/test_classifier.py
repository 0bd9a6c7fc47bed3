"""An estimator whose fit is the whole chain."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from hansa.coalition import audit_log
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.defects import TableRefused
from hansa.rehearsal import read_plan
from hansa.store import read_tree
from hansa.study import Coalition, JointClassifier, load_model

FRAME = {"speed": [0, 100, 100], "sky": ["clear", "rain", "clear"]}


@pytest.fixture(scope="session")
def fitted(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "trial"
    classifier = JointClassifier("logistic", folder=folder, ridge=0.5)
    return classifier.fit(Coalition.from_tables(tables), "damage")


def join(tables):
    joined = {"org": []}
    for name, table in tables.items():
        joined["org"] += [name] * len(table["speed"])
        for column, values in table.items():
            joined.setdefault(column, []).extend(values)
    return joined


def test_fit_leaves_a_record_that_follows_and_a_model_that_was_released(fitted):
    tree = read_tree(fitted.record / "log")
    audit = audit_log(tree.leaves, tree.note_text)
    assert audit.is_final
    assert [release.run for release in audit.state.releases] == [*audit.state.runs]
    assert fitted.report.meets_bars
    assert fitted.model.is_released
    assert fitted.plan.recipe.parameters.ridge == "0.5"


def test_probabilities_are_those_of_the_model_that_was_sealed(fitted):
    document = fitted.model.document
    spread = {entry["name"]: entry for entry in document["features"]}
    speed = spread["speed"]
    logit = float(document["intercept"]) + float(speed["coefficient"]) * (
        (100 - float(speed["mean"])) / float(speed["deviation"])
    )
    for column in spread["sky"]["coefficients"]:
        if "rain" in column["column"]:
            logit += float(column["coefficient"])
    got = fitted.predict_proba(FRAME)
    assert got[1, 1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)
    assert got.sum(axis=1) == pytest.approx(1)
    assert fitted.predict(FRAME).tolist() == [0, 1, 1]
    assert fitted.score(FRAME, [0, 1, 0]) == pytest.approx(2 / 3)


def test_the_report_says_of_each_what_its_own_report_says(fitted):
    stated = fitted.report.members
    kept = {
        path.parent.parent.name: json.loads(path.read_text())
        for path in fitted.record.glob("members/*/reports/*.json")
    }
    assert sorted(stated["organisation"]) == sorted(kept)
    for name, alone, gain in zip(stated["organisation"], stated["alone"], stated["gain"], strict=True):
        assert alone == kept[name]["alone"]["auc"]
        assert gain == kept[name]["gain"]["value"]
    assert fitted.report.gaining == sum(gain > 0 for gain in stated["gain"])
    assert fitted.report.auc["together"] == pytest.approx(fitted.report.metrics["auc_together"])
    assert all(name in str(fitted.report) for name in kept)


def test_the_plan_can_be_taken_to_another_coalition(fitted, tmp_path):
    fitted.write_plan(tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == fitted.plan


def test_a_picture_is_a_file_of_its_own(fitted, tmp_path):
    for kind in ("gains", "roc", "calibration"):
        fitted.report.plot(kind).save(tmp_path / f"{kind}.svg")
        text = (tmp_path / f"{kind}.svg").read_text()
        assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        assert "<style>" in text
    assert "data:image/svg+xml;base64," in fitted.report.plot()._repr_html_()
    with pytest.raises(ValueError, match="no picture `pie`"):
        fitted.report.plot("pie")


def test_a_model_is_read_from_its_file_and_from_the_record(fitted, tmp_path):
    fitted.model.save(tmp_path / "model.json")
    kept, recorded = load_model(tmp_path / "model.json"), load_model(fitted.record, run=fitted.run)
    assert not kept.is_released
    assert recorded.is_released
    assert recorded.classes == (0, 1)
    for model in (kept, recorded):
        assert model.predict_proba(FRAME).tolist() == fitted.predict_proba(FRAME).tolist()


def test_what_holds_no_model_is_refused(fitted, tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "other").write_text('{"format": "hansa/v1/statistics"}')
    with pytest.raises(Malformed, match="no model file"):
        load_model(tmp_path / "text")
    with pytest.raises(Refused, match="a model of two classes"):
        load_model(tmp_path / "other").predict(FRAME)
    with pytest.raises(Unavailable, match="say which `run`"):
        load_model(fitted.record)
    with pytest.raises(Refused, match="no completed run 99"):
        load_model(fitted.record, run=99)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"speed": [1]}, "column `sky`: the model needs this column"),
        ({"speed": ["fast"], "sky": ["rain"]}, "found `fast`, expected a number"),
        ({"speed": [1], "sky": ["Rain"]}, "expected `rain`"),
        ({"speed": [None], "sky": ["rain"]}, "row 2, column `speed`"),
    ],
)
def test_a_frame_that_the_model_cannot_read_is_refused(fitted, frame, said):
    with pytest.raises(TableRefused, match=said):
        fitted.predict(frame)


def test_it_is_cloned_and_changed_as_scikit_learn_expects():
    classifier = JointClassifier("trees", organisation="org", trees=5)
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    copy.set_params(trees=9, recipe="logistic")
    assert (copy.get_params()["trees"], copy.recipe, classifier.get_params()["trees"]) == (9, "logistic", 5)
    assert repr(classifier) == "JointClassifier(organisation='org', trees=5)"
    assert is_classifier(classifier)
    with pytest.raises(NotFittedError):
        check_is_fitted(classifier)
    with pytest.raises(AttributeError, match="call `fit` first"):
        classifier.predict(FRAME)


def test_a_frame_with_a_column_of_organisations_fits_in_a_pipeline(tables):
    frame = join(tables)
    y = ["hit" if damage else "fine" for damage in frame.pop("damage")]
    pipeline = make_pipeline(JointClassifier("logistic", organisation="org")).fit(frame, y)
    assert pipeline.classes_.tolist() == ["fine", "hit"]
    assert pipeline.predict(FRAME).tolist() == ["fine", "hit", "hit"]
    folder = Path(pipeline[-1].record)
    assert folder.is_dir()
    del pipeline
    gc.collect()
    assert not folder.exists()


@pytest.mark.slow  # three coalitions
def test_it_is_cross_validated(tables):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(join(tables))
    classifier = JointClassifier("logistic", organisation="org")
    scores = cross_val_score(
        classifier, frame, frame.pop("damage"), cv=3, scoring="roc_auc", error_score="raise"
    )
    assert min(scores) > 0.7


@pytest.mark.slow  # compiles loops
def test_trees_networks_and_noise_are_a_word_each(tables):
    coalition = Coalition.from_tables(tables)
    trees = JointClassifier("trees", trees=5, depth=2).fit(coalition, "damage")
    assert trees.predict(FRAME).tolist()[:2] == [0, 1]
    network = JointClassifier("network").fit(coalition, "damage")
    assert network.predict(FRAME).tolist()[:2] == [0, 1]
    noised = JointClassifier("logistic", epsilon=3).fit(coalition, "damage")
    assert noised.plan.privacy.epsilon == "3"
    assert noised.report.scored == 3


def test_misuse_is_said_before_anything_is_played(tables, tmp_path):
    coalition = Coalition.from_tables(tables)
    with pytest.raises(TypeError, match="name of the label's column"):
        JointClassifier().fit(coalition, [0, 1])
    with pytest.raises(ValueError, match="organisation="):
        JointClassifier().fit(join(tables), "damage")
    with pytest.raises(TableRefused, match="damaged"):
        JointClassifier(folder=tmp_path / "trial").fit(coalition, "damaged")
    assert not (tmp_path / "trial" / "coalition").exists()
