"""A network as ONNX, with what makes its inputs of a row's numbers and codes, so that any runtime gives probabilities."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hansa.errors import Unavailable
from hansa.learning.categories import CategoryFeature, count_codes
from hansa.learning.design import Design
from hansa.learning.networks.layers import (
    Activation,
    Convolution,
    GroupNorm,
    LayerNorm,
    Linear,
    MaxPool,
)
from hansa.learning.networks.network import Network
from hansa.learning.networks.safetensors import verify_whole
from hansa.learning.recipe import Json

COLUMNS: Final = "hansa/v1/onnx-columns"

_OPSET: Final = 21
_IR_VERSION: Final = 10
"""The first that knows this set of operators, so that older runtimes open it, too."""

_EPSILON: Final = 1e-5
"""What PyTorch's norms add to a variance."""

_ACTIVATIONS: Final = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def export_onnx(network: Network) -> bytes:
    """Return a model with the inputs `numbers` and `codes` and the outputs `logits` and `probabilities`.

    `numbers` are float32 of the shape (rows, numeric features), NaN where missing; `codes` int64 of the shape (rows, categorical
    features); both as `describe_columns` says. An input of no columns is left out.

    Raises:
        Refused: `export.own`.
        Unavailable: the package `onnx` is not installed.
    """
    verify_whole(network)
    try:
        import onnx
    except ImportError as error:
        raise Unavailable(
            "this export needs the package `onnx`, which is not installed; install hansa with its extra `networks`"
        ) from error
    graph = _Graph(onnx)
    design = network.design
    taken = [*_encode_numbers(graph, design), *_encode_codes(graph, design)]
    flow = graph.add("Concat", taken, axis=1)
    if network.architecture.image is not None:
        image = network.architecture.image
        shape = graph.hold(np.array([-1, image.channels, image.height, image.width], dtype=np.int64))
        flow = graph.add("Reshape", [flow, shape])
    held = {tensor.name: values.astype(np.float32) for tensor, values in network.part()}
    for place, layer in enumerate(network.architecture.layers):
        weights = [
            graph.hold(held[f"{place}.{name}"], f"{place}.{name}")
            for name in ("weight", "bias")
            if f"{place}.{name}" in held
        ]
        match layer:
            case Linear():
                flow = graph.add("Gemm", [graph.add("Flatten", [flow], axis=1), *weights], transB=1)
            case Convolution():
                around = [layer.padding] * 4
                flow = graph.add("Conv", [flow, *weights], pads=around, strides=[layer.stride] * 2)
            case MaxPool():
                sides = [layer.size] * 2
                flow = graph.add("MaxPool", [flow], kernel_shape=sides, strides=sides)
            case GroupNorm():
                flow = graph.add(
                    "GroupNormalization", [flow, *weights], num_groups=layer.groups, epsilon=_EPSILON
                )
            case LayerNorm():
                flow = graph.add("LayerNormalization", [flow, *weights], axis=-1, epsilon=_EPSILON)
            case Activation():
                flow = graph.add(_ACTIVATIONS[layer.kind], [flow])
    weights = [graph.hold(held[f"head.{name}"], f"head.{name}") for name in ("weight", "bias")]
    flow = graph.add("Gemm", [graph.add("Flatten", [flow], axis=1), *weights], transB=1)
    return graph.finish(flow)


def describe_columns(network: Network) -> dict[str, Json]:
    """Return what a table for the exported model must hold: its columns in order, and which code stands for which category."""
    columns: list[Json] = [
        {"feature": number.name, "input": "numbers", "type": "number"}
        for number in network.design.schema.numbers
    ]
    columns += [
        {
            "feature": feature.name,
            "input": "codes",
            "type": "category",
            "buckets": feature.buckets if feature.categories is None else None,
            "codes": {text: code for code, text in enumerate(feature.categories or ())},
            "missing": count_codes(feature) if feature.missing else None,
        }
        for feature in network.design.schema.categories
    ]
    return {"format": COLUMNS, "columns": columns}


class _Graph:
    """An ONNX graph while it grows."""

    def __init__(self, onnx: Any) -> None:  # noqa: ANN401 - a module of an optional package
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._held: list[Any] = []
        self._inputs: list[Any] = []

    def hold(self, values: Any, name: str = "") -> str:  # noqa: ANN401 - an array of any type
        """Keep constants, and return their name."""
        name = name or f"constant {len(self._held)}"
        self._held.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def take(self, name: str, kind: str, width: int) -> str:
        """Declare an input with rows of so many columns, and return its name."""
        element = getattr(self._onnx.TensorProto, kind)
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, element, ["rows", width]))
        return name

    def add(self, kind: str, inputs: list[str], **settings: object) -> str:
        """Add a step, and return its output's name."""
        name = f"step {len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [name], **settings))
        return name

    def finish(self, flow: str) -> bytes:
        """Name the outputs, check the model, and return its bytes."""
        helper, element = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._nodes.append(helper.make_node("Identity", [flow], ["logits"]))
        self._nodes.append(helper.make_node("Sigmoid", [flow], ["probabilities"]))
        outputs = [
            helper.make_tensor_value_info(name, element, ["rows", 1]) for name in ("logits", "probabilities")
        ]
        graph = helper.make_graph(self._nodes, "network", self._inputs, outputs, self._held)
        operators = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(
            graph, opset_imports=operators, ir_version=_IR_VERSION, producer_name="hansa"
        )
        self._onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def _encode_numbers(graph: _Graph, design: Design) -> Iterator[str]:
    """Yield the columns that come of numbers: scaled, 0 where missing, and whether they are."""
    if not design.numbers:
        return
    numbers = graph.take("numbers", "FLOAT", len(design.numbers))
    means = np.array([number.mean for number in design.numbers], dtype=np.float32)
    spreads = np.array([number.deviation or math.inf for number in design.numbers], dtype=np.float32)
    absent = graph.add("IsNaN", [numbers])
    scaled = graph.add("Div", [graph.add("Sub", [numbers, graph.hold(means)]), graph.hold(spreads)])
    filled = graph.add("Where", [absent, graph.hold(np.float32(0).reshape(1)), scaled])
    flags = graph.add("Cast", [absent], to=1)
    both = graph.add("Concat", [filled, flags], axis=1)
    places = []
    for place, number in enumerate(design.numbers):
        places += [place] * (number.deviation is not None)
        places += [place + len(design.numbers)] * number.indicator
    if places:
        yield graph.add("Gather", [both, graph.hold(np.array(places, dtype=np.int64))], axis=1)


def _encode_codes(graph: _Graph, design: Design) -> Iterator[str]:
    """Yield a column for each code that has one."""
    features: dict[str, CategoryFeature] = {feature.name: feature for feature in design.schema.categories}
    if not features:
        return
    codes = graph.take("codes", "INT64", len(features))
    for block in design.categories:
        if not block.codes:
            continue
        place = graph.hold(np.array([[*features].index(block.name)], dtype=np.int64))
        mine = graph.add("Gather", [codes, place], axis=1)
        known = graph.hold(np.array([block.codes], dtype=np.int64))
        yield graph.add("Cast", [graph.add("Equal", [mine, known])], to=1)
