"""A joint model taken elsewhere: exported, opened by XGBoost, never over a file that is there."""

import json
import warnings

import numpy as np
import pytest

from hansa.learning import NumberFeature, Schema, Table
from hansa.learning.design import Design, NumberColumns
from hansa.learning.networks import Architecture, Network, write_network
from hansa.learning.trees import Branch, Forest, Leaf, Tree, write_forest
from hansa.learning.trees.bins import Bins, NumberBins
from hansa.transparency import canonical

SCHEMA = Schema((NumberFeature("speed", 0.0, 300.0, missing=True),))
TREE = Tree((Branch(0, (1, 2), (1, 2), 3.0), Leaf(-0.5), Leaf(0.25)))
FOREST = Forest(Bins(SCHEMA, (NumberBins("speed", (142.5,), missing=True),)), -1.0, (TREE,), 1.0)


def open_model(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports in passing warns of its own future
        import xgboost
    booster = xgboost.Booster()
    booster.load_model(path)
    return xgboost, booster


@pytest.fixture
def model(desk):
    path = desk / "model.json"
    path.write_bytes(canonical.encode(write_forest(FOREST)))
    return path


def test_an_exported_model_is_opened_and_says_the_same(hansa, model, desk):
    answer = hansa("model", "export", str(model), "--to", "xgboost", "--json")
    assert answer.code == 0, answer.err
    assert answer.json == {
        "to": "xgboost",
        "model": "model.xgboost.json",
        "columns": "model.xgboost.columns.json",
        "trees": 1,
        "organisation_offsets": True,
    }
    xgboost, booster = open_model(desk / "model.xgboost.json")
    speeds = np.array([0.0, 142.0, 142.5, 300.0, np.nan])
    table = Table(SCHEMA, {"speed": speeds}, {}, np.zeros(5, np.int8))
    data = xgboost.DMatrix(speeds[:, None], feature_names=["speed"], feature_types=["float"])
    assert (booster.predict(data, output_margin=True) == FOREST.predict(table)).all()
    columns = json.loads((desk / "model.xgboost.columns.json").read_text())
    assert columns["columns"] == [{"feature": "speed", "name": "speed", "type": "number"}]
    assert not list(desk.glob(".*unfinished"))


def test_it_is_told_where_the_files_are_and_what_is_not_in_them(hansa, model, desk):
    answer = hansa("model", "export", str(model), "--to", "xgboost", "--output", str(desk / "out.json"))
    assert answer.code == 0, answer.err
    text = " ".join(answer.out.split())
    assert "XGBoost opens the model" in text
    assert "offsets stay with the organisations" in text
    assert (desk / "out.columns.json").is_file()


@pytest.mark.parametrize("there", ["model.xgboost.json", "model.xgboost.columns.json"])
def test_a_file_that_is_there_stays_as_it_is(hansa, model, desk, there):
    (desk / there).write_text("mine")
    answer = hansa("model", "export", str(model), "--to", "xgboost")
    assert (answer.code, answer.err.split("[")[-1].strip()) == (4, "export.exists]")
    assert (desk / there).read_text() == "mine"
    assert len(list(desk.glob("model.xgboost.*"))) == 1


@pytest.mark.parametrize(
    ("content", "code", "rule"),
    [
        (b'{"format":"hansa/v1/logistic"}', 4, "export.recipe"),
        (b"[]", 4, "export.recipe"),
        (b'{"format":"hansa/v1/trees"}', 3, "model.form"),
        (b"{", 3, "canonical-json.syntax"),
    ],
    ids=["logistic", "list", "fields", "syntax"],
)
def test_what_is_no_forest_is_refused_by_its_rule(hansa, desk, content, code, rule):
    (desk / "other.json").write_bytes(content)
    answer = hansa("model", "export", "other.json", "--to", "xgboost", "--json")
    assert (answer.code, answer.json["error"]["rule"]) == (code, rule)
    assert not list(desk.glob("*.xgboost.*"))


def test_a_file_that_is_not_there_a_name_without_its_ending_and_no_program_are_said_so(hansa, model):
    assert hansa("model", "export", "nowhere.json", "--to", "xgboost").code == 5
    for tokens in (("--to", "xgboost", "--output", "model.ubj"), ("--to", "lightgbm"), ()):
        assert hansa("model", "export", str(model), *tokens).code == 2


@pytest.fixture
def network(desk):
    schema = Schema((NumberFeature("speed", 0.0, 300.0, missing=False),))
    design = Design(schema, (NumberColumns("speed", 100.0, 50.0, indicator=False),), ())
    parameters = np.array([0.5, -1.0])
    path = desk / "net.json"
    path.write_bytes(canonical.encode(write_network(Network(design, Architecture(()), parameters))))
    return path


def test_a_network_is_exported_for_both_programs_side_by_side(hansa, network, desk):
    answer = hansa("model", "export", str(network), "--to", "safetensors", "--json")
    assert answer.code == 0, answer.err
    assert answer.json == {
        "to": "safetensors",
        "model": "net.safetensors",
        "columns": "net.safetensors.columns.json",
        "parameters": 2,
    }
    library = pytest.importorskip(
        "safetensors.numpy", reason="safetensors is not installed: NO EXPORT IS OPENED"
    )
    assert library.load_file(desk / "net.safetensors")["head.weight"].tolist() == [[0.5]]
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: NO EXPORT IS OPENED")
    answer = hansa("model", "export", str(network), "--to", "onnx")
    assert answer.code == 0, answer.err
    session = runtime.InferenceSession(desk / "net.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"numbers": np.array([[200.0]], np.float32)})
    assert logits.tolist() == [[0.0]]


def test_each_program_is_given_what_it_opens(hansa, model, network):
    for path, program in ((model, "onnx"), (network, "xgboost")):
        answer = hansa("model", "export", str(path), "--to", program, "--json")
        assert answer.json["error"]["rule"] == "export.recipe"


@pytest.mark.slow
def test_a_run_is_exported_by_its_number(founded, hansa, desk):
    plan = (desk / "plan.yaml").read_text()
    trees = "{name: trees, parameters: {trees: 3, depth: 2, bins: 8, minimum_rows: 5}}"
    (desk / "grow.yaml").write_text(plan.replace("{name: logistic}", trees).replace("0.60", "0.50"))
    for tokens in (
        ("proposal", "open", "run", "grow.yaml", "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
        ("run", "start", "1", "--as", "ada"),
        ("model", "export", "1", "--to", "xgboost"),
    ):
        answer = hansa(*tokens)
        assert answer.code == 0, answer.err
    _, booster = open_model(desk / "run-1.xgboost.json")
    assert booster.num_boosted_rounds() == 4
    for blob in (founded / "blobs").iterdir():
        blob.unlink()
    answer = hansa("model", "export", "1", "--to", "xgboost", "--output", "again.json", "--json")
    assert answer.json["error"]["reasons"][0].endswith("does not lie here: the record holds its digest only")
