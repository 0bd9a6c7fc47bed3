"""What a network looks like: layers one after another, and one number at the end, the logit.

Which numbers a network has follows from its layers and from how many inputs there are; nobody runs code of the plan's.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from hansa.errors import Refused
from hansa.learning.networks.layers import (
    Activation,
    Convolution,
    Dropout,
    GroupNorm,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
)

MOST_PARAMETERS: Final = 2**24
"""Of a network: 64 MiB on their way in 32-bit integers."""

MOST_ACTIVATIONS: Final = 2**20
"""Of a row, between all layers: what a member's memory holds of each row of a step."""

MOST_MULTIPLICATIONS: Final = 2**28
"""Of a row: no plan keeps a member's machine busy for long with a few windows over a large image."""

Part = Literal["body", "norms", "head"]


@dataclass(frozen=True, slots=True)
class Image:
    """How a row's numbers, in the order of the plan's features, make an image: channel by channel, line by line."""

    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True)
class Tensor:
    """Some of a network's parameters.

    Args:
        name: as PyTorch calls it in a sequence of these layers, such as `0.weight`, `head.bias`.
        shape: its sizes.
        reach: they begin anywhere from -reach to reach; None for those that begin at `start`.
        start: where the others begin.
        part: what it belongs to.
    """

    name: str
    shape: tuple[int, ...]
    reach: float | None
    start: float
    part: Part

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network's layers; a linear layer with one output, the head, comes after the last.

    Args:
        layers: in order, at most 50.
        image: what the inputs are, if the first layers work on images.
    """

    layers: tuple[Layer, ...]
    image: Image | None = None

    def list_tensors(self, inputs: int) -> tuple[Tensor, ...]:
        """Return the parameters, in the order of the layers, each layer's weight before its bias.

        Args:
            inputs: how many numbers a row has.

        Raises:
            Refused: `recipe.layers`, the layers do not fit one another or the inputs, or ask for too much: parameters, or
                a row's memory or work.
        """
        return tuple(tensor for place in self._follow(inputs) for tensor in place.tensors)

    def count_activations(self, inputs: int) -> int:
        """Return how many numbers of a row are held while steps are taken. Raises as `list_tensors`."""
        return sum(place.outputs for place in self._follow(inputs))

    def count_multiplications(self, inputs: int) -> int:
        """Return how many a row takes from the inputs to the logit. Raises as `list_tensors`."""
        return sum(place.multiplications for place in self._follow(inputs))

    def _follow(self, inputs: int) -> tuple["_Place", ...]:
        if not inputs:
            raise Refused("recipe.layers", "no column is left that a network could learn from")
        if self.image is not None and self.image.size != inputs:
            raise Refused(
                "recipe.layers",
                f"an image of {self.image.channels} × {self.image.height} × {self.image.width} has {self.image.size} "
                f"numbers, and a row has {inputs} inputs",
            )
        places: list[_Place] = []
        for place in self._list(inputs):
            places.append(place)
            # At each layer, before the next ones make more of it.
            for name, most, asked in (
                (
                    "parameters",
                    MOST_PARAMETERS,
                    sum(tensor.size for known in places for tensor in known.tensors),
                ),
                ("numbers of a row between layers", MOST_ACTIVATIONS, sum(known.outputs for known in places)),
                (
                    "multiplications a row",
                    MOST_MULTIPLICATIONS,
                    sum(known.multiplications for known in places),
                ),
            ):
                if asked > most:
                    raise Refused("recipe.layers", f"{asked:,} {name}, at most {most:,} are taken on")
        return tuple(places)

    def _list(self, inputs: int) -> Iterator["_Place"]:
        image, width = self.image, inputs
        for place, layer in enumerate(self.layers):
            tensors: tuple[Tensor, ...] = ()
            match layer:
                case Convolution():
                    image = _require_image(image, place, "conv2d")
                    shape = (layer.channels, image.channels, layer.kernel, layer.kernel)
                    tensors = _make_sums(str(place), shape, "body")
                    image = _slide(image, layer, place)
                case MaxPool():
                    image = _require_image(image, place, "max_pool")
                    moved = Convolution(image.channels, layer.size, stride=layer.size)
                    image = _slide(image, moved, place)
                case GroupNorm():
                    image = _require_image(image, place, "group_norm")
                    if image.channels % layer.groups:
                        raise Refused(
                            "recipe.layers",
                            f"layer {place}: {image.channels} channels are not divided by {layer.groups} groups",
                        )
                    tensors = _make_norm(str(place), (image.channels,))
                case LayerNorm():
                    if image is not None:
                        raise Refused(
                            "recipe.layers", f"layer {place}: an image is brought to size by `group_norm`"
                        )
                    tensors = _make_norm(str(place), (width,))
                case Linear():
                    width = width if image is None else image.size
                    tensors = _make_sums(str(place), (layer.size, width), "body")
                    image, width = None, layer.size
                case Activation() | Dropout():
                    pass
            yield _Place(tensors, width if image is None else image.size)
        yield _Place(_make_sums("head", (1, width if image is None else image.size), "head"), 1)


class _Place(NamedTuple):
    """What a layer has, and how many numbers come out of it."""

    tensors: tuple[Tensor, ...]
    outputs: int

    @property
    def multiplications(self) -> int:
        """How many a row takes: each output is a sum over one line of the weight, or a few operations."""
        weights = [tensor.size // tensor.shape[0] for tensor in self.tensors if len(tensor.shape) > 1]
        return self.outputs * max(weights, default=1)


def _require_image(image: Image | None, place: int, kind: str) -> Image:
    if image is None:
        raise Refused("recipe.layers", f"layer {place}: `{kind}` works on an image, and none comes in")
    return image


def _slide(image: Image, layer: Convolution, place: int) -> Image:
    """Return the image that a moving window leaves."""
    kernel, around = layer.kernel, 2 * layer.padding
    height, width = ((side + around - kernel) // layer.stride + 1 for side in (image.height, image.width))
    if min(height, width) < 1 or layer.padding >= kernel:
        raise Refused(
            "recipe.layers",
            f"layer {place}: a window of {kernel} does not fit an image of {image.height} × {image.width}",
        )
    return Image(layer.channels, height, width)


def _make_sums(name: str, shape: tuple[int, ...], part: Part) -> tuple[Tensor, ...]:
    reach = 1.0 / math.sqrt(math.prod(shape[1:]))
    return (
        Tensor(f"{name}.weight", shape, reach, 0.0, part),
        Tensor(f"{name}.bias", shape[:1], reach, 0.0, part),
    )


def _make_norm(name: str, shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    return (
        Tensor(f"{name}.weight", shape, None, 1.0, "norms"),
        Tensor(f"{name}.bias", shape, None, 0.0, "norms"),
    )
