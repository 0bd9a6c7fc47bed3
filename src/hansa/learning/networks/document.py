"""The file that carries a network (docs/formats/network.md): JSON without floats, so that a model has one spelling and one digest."""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

import numpy as np

from hansa.errors import Malformed, Refused
from hansa.learning.categories import CategoryFeature, count_codes, name_code
from hansa.learning.description import (
    describe_feature,
    parse_feature,
    read_fields,
    read_flag,
    read_number,
    read_text,
)
from hansa.learning.design import CategoryColumns, Design, NumberColumns
from hansa.learning.networks.architecture import Architecture, Image, Tensor
from hansa.learning.networks.layers import describe_layer, parse_layer
from hansa.learning.networks.network import Network, count_inputs
from hansa.learning.networks.settings import OWN_PARTS
from hansa.learning.recipe import Json
from hansa.learning.tables import NumberFeature, Schema, Vector

FORMAT: Final = "hansa/v1/network"

_FIELDS: Final = frozenset({"format", "features", "image", "layers", "own", "tensors"})
_MORE: Final = {
    "number": frozenset({"mean", "deviation", "indicator"}),
    "category": frozenset({"codes"}),
}
_IMAGE: Final = frozenset({"channels", "height", "width"})
_TENSOR: Final = frozenset({"name", "shape", "values"})


def write_network(network: Network) -> dict[str, Json]:
    """Return the model file's content.

    Guarantees:
        `parse_network(write_network(network))` has the same parameters, rounded to float32.
    """
    image = network.architecture.image
    return {
        "format": FORMAT,
        "features": [*_describe_features(network.design)],
        "image": None
        if image is None
        else {"channels": image.channels, "height": image.height, "width": image.width},
        "layers": [describe_layer(layer) for layer in network.architecture.layers],
        "own": [*network.own],
        "tensors": [
            {
                "name": tensor.name,
                "shape": [*tensor.shape],
                "values": base64.b64encode(values.astype("<f4").tobytes()).decode(),
            }
            for tensor, values in network.part()
        ],
    }


def _describe_features(design: Design) -> Iterator[dict[str, Json]]:
    numbers = {number.name: number for number in design.numbers}
    blocks = {block.name: block for block in design.categories}
    for feature in design.schema.features:
        described = describe_feature(feature)
        if isinstance(feature, NumberFeature):
            number = numbers[feature.name]
            described["mean"] = repr(number.mean)
            described["deviation"] = None if number.deviation is None else repr(number.deviation)
            described["indicator"] = number.indicator
        else:
            described["codes"] = [[code, name_code(feature, code)] for code in blocks[feature.name].codes]
        yield described


def parse_network(document: Json) -> Network:
    """Make a network from the content of a model file.

    Raises:
        Malformed: `model.format`, `model.form`, `model.number`, `model.category` as of every model; `model.layers`, the layers are
            none that a plan may name, or do not fit; `model.tensors`, the tensors are not those of the layers, or a number is not finite.
    Guarantees:
        `write_network(parse_network(document)) == document`.
    """
    if isinstance(document, dict) and document.get("format") != FORMAT:
        raise Malformed("model.format", f"expected `{FORMAT}`, got `{document.get('format')}`")
    fields = read_fields(document, _FIELDS, "the model")
    design = _parse_design(fields["features"])
    architecture = _parse_architecture(fields["layers"], fields["image"])
    try:
        tensors = architecture.list_tensors(count_inputs(design))
    except Refused as refusal:
        raise Malformed("model.layers", "; ".join(refusal.reasons)) from refusal
    listed = fields["tensors"]
    if not isinstance(listed, list) or len(listed) != len(tensors):
        raise Malformed("model.tensors", f"these layers have {len(tensors)} tensors")
    parameters = np.concatenate(
        [_parse_tensor(tensor, entry) for tensor, entry in zip(tensors, listed, strict=True)]
    )
    parameters.setflags(write=False)
    own = tuple(part for part in OWN_PARTS if isinstance(fields["own"], list) and part in fields["own"])
    if fields["own"] != [*own]:
        raise Malformed("model.form", f"`own` lists parts out of {', '.join(OWN_PARTS)}, in this order")
    return Network(design, architecture, parameters, own)


def _parse_architecture(layers: Json, image: Json) -> Architecture:
    if not isinstance(layers, list):
        raise Malformed("model.form", "`layers` must be a list")
    sides = None
    if image is not None:
        sizes = read_fields(image, _IMAGE, "the image")
        if not all(
            isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes.values()
        ):
            raise Malformed("model.form", "an image's sizes are whole numbers from 1")
        sides = Image(**sizes)  # type: ignore[arg-type]  # each was looked at
    try:
        architecture = Architecture(tuple(parse_layer(layer) for layer in layers), sides)
    except Refused as refusal:
        raise Malformed("model.layers", "; ".join(refusal.reasons)) from refusal
    if [describe_layer(layer) for layer in architecture.layers] != layers:
        raise Malformed("model.layers", "a layer leaves out what it has, or spells it in another way")
    return architecture


def _parse_tensor(tensor: Tensor, entry: Json) -> Vector:
    fields = read_fields(entry, _TENSOR, "a tensor")
    if fields["name"] != tensor.name or fields["shape"] != [*tensor.shape]:
        raise Malformed("model.tensors", f"expected `{tensor.name}` with the shape {[*tensor.shape]}")
    text = read_text(fields["values"])
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("model.tensors", f"`{tensor.name}`: {error}") from error
    if len(data) != 4 * tensor.size or base64.b64encode(data).decode() != text:
        raise Malformed("model.tensors", f"`{tensor.name}` must hold {tensor.size} numbers of 4 bytes")
    values = np.frombuffer(data, dtype="<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise Malformed("model.tensors", f"`{tensor.name}` holds what is no finite number")
    return values


def _parse_design(listed: Json) -> Design:
    if not isinstance(listed, list):
        raise Malformed("model.form", "`features` must be a list")
    features, numbers, blocks = [], [], []
    for entry in listed:
        feature, fields = parse_feature(entry, _MORE)
        features.append(feature)
        if isinstance(feature, NumberFeature):
            deviation = None if fields["deviation"] is None else read_number(fields["deviation"])
            if deviation is not None and deviation <= 0:
                raise Malformed("model.number", f"`{feature.name}` has a deviation that is not positive")
            mean, indicator = read_number(fields["mean"]), read_flag(fields["indicator"])
            numbers.append(NumberColumns(feature.name, mean, deviation, indicator))
        else:
            blocks.append(CategoryColumns(feature.name, tuple(_parse_codes(feature, fields["codes"]))))
    try:
        return Design(Schema(tuple(features)), tuple(numbers), tuple(blocks))
    except ValueError as error:
        raise Malformed("model.form", str(error)) from error


def _parse_codes(feature: CategoryFeature, listed: Json) -> Iterator[int]:
    before = -1
    if not isinstance(listed, list):
        raise Malformed("model.form", f"`{feature.name}` needs a list of codes")
    for entry in listed:
        code = entry[0] if isinstance(entry, list) and len(entry) == 2 else None
        if (
            not isinstance(code, int)
            or isinstance(code, bool)
            or not before < code < count_codes(feature) + feature.missing
            or entry != [code, name_code(feature, code)]
        ):
            raise Malformed(
                "model.category", f"`{feature.name}` has no code `{code}`, or it is misnamed or out of order"
            )
        before = code
        yield code
