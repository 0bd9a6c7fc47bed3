"""A network taken elsewhere: other people's programs open it and say the same."""

import numpy as np
import pytest

from hansa.errors import Refused
from hansa.learning import Networks, run_in_clear
from hansa.learning.networks import (
    describe_columns,
    encode_inputs,
    export_onnx,
    export_safetensors,
    find_logits,
    parse_network,
    parse_network_parameters,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed: NO NETWORK IS TRAINED IN THESE TESTS")
nn = torch.nn

EVERY = [
    {"kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1, "stride": 2},
    {"kind": "group_norm", "groups": 2},
    {"kind": "relu"},
    {"kind": "max_pool", "size": 2},
    {"kind": "dropout", "share": "0.3"},
    {"kind": "linear", "size": 6},
    {"kind": "layer_norm"},
    {"kind": "sigmoid"},
]
FLAT = [{"kind": "linear", "size": 8}, {"kind": "tanh"}]


def learn(members, **parameters):
    schema, names = members[0].train.schema, tuple(rows.member for rows in members)
    settings = parse_network_parameters({"rounds": 1, **parameters})
    return parse_network(run_in_clear(Networks(schema, settings, names), members).document)


def open_onnx(network, table):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: NO EXPORT IS OPENED")
    session = runtime.InferenceSession(export_onnx(network), providers=["CPUExecutionProvider"])
    schema = network.design.schema
    fed = {}
    if schema.numbers:
        fed["numbers"] = np.array([table.numbers[n.name] for n in schema.numbers], dtype=np.float32).T
    if schema.categories:
        fed["codes"] = np.array([table.codes[c.name] for c in schema.categories], dtype=np.int64).T
    return session.run(["logits", "probabilities"], fed)


def test_a_runtime_gives_the_same_for_numbers_and_categories_that_may_be_missing(schema, draw):
    members = draw(3, (160, 90, 120))
    network = learn(members, layers=FLAT)
    table = members[0].test
    logits, probabilities = open_onnx(network, table)
    expected = find_logits(network, encode_inputs(network.design, table))
    np.testing.assert_allclose(logits[:, 0], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(probabilities[:, 0], 1 / (1 + np.exp(-expected)), rtol=0, atol=1e-6)
    columns = describe_columns(network)["columns"]
    assert [column["feature"] for column in columns] == ["mass", "height", "fixed", "sky", "species"]
    assert columns[3]["codes"]["Overcast"] == 2
    assert columns[3]["missing"] == 4


def test_a_runtime_gives_the_same_for_images_with_every_kind_of_layer(digits):
    network = learn(digits, layers=EVERY, image={"channels": 1, "height": 8, "width": 8}, scaling="bounds")
    logits, _ = open_onnx(network, digits[0].test)
    expected = find_logits(network, encode_inputs(network.design, digits[0].test))
    np.testing.assert_allclose(logits[:, 0], expected, rtol=0, atol=1e-5)


def test_safetensors_are_loaded_into_layers_of_pytorch(schema, draw):
    library = pytest.importorskip(
        "safetensors.torch", reason="safetensors is not installed: NO EXPORT IS OPENED"
    )
    members = draw(3, (160, 90, 120))
    network = learn(members, layers=FLAT)
    module = nn.Sequential()
    inputs = encode_inputs(network.design, members[0].test)
    for name, layer in (("0", nn.Linear(inputs.shape[1], 8)), ("1", nn.Tanh()), ("head", nn.Linear(8, 1))):
        module.add_module(name, layer)
    module.load_state_dict(library.load(export_safetensors(network)))
    with torch.no_grad():
        np.testing.assert_allclose(
            module(torch.from_numpy(inputs)).numpy()[:, 0], find_logits(network, inputs), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("export", [export_onnx, export_safetensors])
def test_a_network_without_a_joint_head_is_not_exported(schema, draw, export):
    network = learn(draw(3, (160, 90, 120)), layers=FLAT, own=["head"])
    with pytest.raises(Refused, match=r"export\.own"):
        export(network)
