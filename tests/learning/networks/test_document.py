"""The file of a network: one spelling, and nothing believed that does not fit."""

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hansa.errors import Malformed
from hansa.learning import Networks, run_in_clear
from hansa.learning.networks import find_logits, parse_network, parse_network_parameters, write_network

pytest.importorskip("torch", reason="PyTorch is not installed: NO NETWORK IS TRAINED IN THESE TESTS")

PAGE = (Path(__file__).parents[3] / "docs/formats/network.md").read_text()
EXAMPLE = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])


def test_a_network_comes_back_as_it_was(schema, draw):
    members = draw(3, (160, 90, 120))
    settings = parse_network_parameters({"layers": [{"kind": "linear", "size": 4}], "rounds": 1})
    names = tuple(rows.member for rows in members)
    document = run_in_clear(Networks(schema, settings, names), members).document
    assert write_network(parse_network(document)) == document


def test_the_example_on_the_page_is_a_network_and_gives_what_it_says():
    network = parse_network(EXAMPLE)
    assert write_network(network) == EXAMPLE
    speeds = np.array([0.0, 1.5, 5.0])
    inputs = ((speeds - 1.5) / 2).astype(np.float32)[:, None]
    np.testing.assert_allclose(find_logits(network, inputs), np.maximum(inputs[:, 0], 0) - 0.5)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (("format",), "hansa/v1/trees", "model.format"),
        (("own",), ["body"], "model.form"),
        (("image",), {"channels": 1, "height": 0, "width": 1}, "model.form"),
        (("layers",), [{"kind": "code"}], "model.layers"),
        (("layers",), [{"kind": "max_pool", "size": 2}], "model.layers"),
        (("layers",), [{"kind": "conv2d", "channels": 1, "kernel": 1}], "model.layers"),
        (("features", 0, "deviation"), "0.0", "model.number"),
        (("features", 0, "mean"), "1.50", "model.number"),
        (("tensors",), [], "model.tensors"),
        (("tensors", 0, "name"), "0.weight", "model.tensors"),
        (("tensors", 0, "shape"), [1], "model.tensors"),
        (("tensors", 0, "values"), "AACAfw==", "model.tensors"),
        (("tensors", 0, "values"), "AACAPw", "model.tensors"),
        (("tensors", 0, "values"), "AAAA", "model.tensors"),
    ],
)
def test_what_does_not_fit_is_not_believed(path, value, rule):
    changed = copy.deepcopy(EXAMPLE)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Malformed) as refusal:
        parse_network(changed)
    assert refusal.value.rule == rule
