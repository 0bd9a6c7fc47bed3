"""The closed vocabulary of layers that a plan may name; sizes of inputs follow from what comes before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hansa.errors import Refused
from hansa.learning.parameters import read_decimal
from hansa.learning.recipe import Json


@dataclass(frozen=True, slots=True)
class Linear:
    """So many weighted sums of all inputs, each with a constant."""

    size: int


@dataclass(frozen=True, slots=True)
class Convolution:
    """So many images, each summed from a square window that moves over the image before."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value of each square of `size` by `size` places."""

    size: int


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of each number alone: `relu`, `tanh` or `sigmoid`."""

    kind: str


@dataclass(frozen=True, slots=True)
class GroupNorm:
    """An image's channels in groups, each brought to mean 0 and deviation 1, then scaled and moved by channel."""

    groups: int


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """All numbers of a row brought to mean 0 and deviation 1, then scaled and moved each by its own."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """While training, this share of the numbers is set to 0 at random, and the others grow to match."""

    share: float


Layer = Linear | Convolution | MaxPool | Activation | GroupNorm | LayerNorm | Dropout

ACTIVATIONS: Final = ("relu", "tanh", "sigmoid")

_COUNTS: Final[Mapping[str, Mapping[str, tuple[int, int, int | None]]]] = {
    "linear": {"size": (1, 4096, None)},
    "conv2d": {
        "channels": (1, 512, None),
        "kernel": (1, 15, None),
        "stride": (1, 8, 1),
        "padding": (0, 7, 0),
    },
    "max_pool": {"size": (2, 8, None)},
    "group_norm": {"groups": (1, 512, None)},
    "layer_norm": {},
    "dropout": {},
    **{kind: {} for kind in ACTIVATIONS},
}
"""By kind of layer, its counts: the least, the most, and what holds where it is left out."""


def parse_layer(described: Json) -> Layer:
    """Read one layer of a plan or a model file.

    Args:
        described: such as `{"kind": "linear", "size": 32}`.

    Raises:
        Refused: `recipe.layer`, it is none of the vocabulary.
    """
    fields = dict(described) if isinstance(described, dict) else {}
    kind = fields.pop("kind", None)
    known = _COUNTS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise Refused("recipe.layer", f"`{kind}` is no kind of layer; known here: {', '.join(_COUNTS)}")
    if kind == "dropout":
        share = read_decimal(fields.pop("share", None))
        if fields or not 0.000001 <= share <= 0.9:
            raise Refused("recipe.layer", "`dropout` has a `share` from 0.000001 to 0.9, and nothing else")
        return Dropout(share)
    counts: dict[str, int] = {}
    for name, (least, most, default) in known.items():
        value = fields.pop(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Refused("recipe.layer", f"`{kind}` has a `{name}` from {least} to {most}, got `{value}`")
        counts[name] = value
    if fields:
        raise Refused("recipe.layer", f"`{kind}` has no {', '.join(f'`{name}`' for name in fields)}")
    match kind:
        case "linear":
            return Linear(**counts)
        case "conv2d":
            return Convolution(**counts)
        case "max_pool":
            return MaxPool(**counts)
        case "group_norm":
            return GroupNorm(**counts)
        case "layer_norm":
            return LayerNorm()
        case _:
            return Activation(str(kind))


def describe_layer(layer: Layer) -> dict[str, Json]:
    """Return a layer as a model file describes it.

    Guarantees:
        `parse_layer(describe_layer(layer)) == layer`.
    """
    match layer:
        case Linear():
            return {"kind": "linear", "size": layer.size}
        case Convolution():
            return {
                "kind": "conv2d",
                "channels": layer.channels,
                "kernel": layer.kernel,
                "stride": layer.stride,
                "padding": layer.padding,
            }
        case MaxPool():
            return {"kind": "max_pool", "size": layer.size}
        case Activation():
            return {"kind": layer.kind}
        case GroupNorm():
            return {"kind": "group_norm", "groups": layer.groups}
        case LayerNorm():
            return {"kind": "layer_norm"}
        case Dropout():
            return {"kind": "dropout", "share": repr(layer.share)}
