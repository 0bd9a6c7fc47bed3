"""A network: which inputs it takes, its layers, and its parameters as one vector."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hansa.learning.design import CategoryColumns, Design, NumberColumns, encode_table
from hansa.learning.networks.architecture import Architecture, Tensor
from hansa.learning.networks.drawing import draw_uniform
from hansa.learning.tables import Mask, Schema, Table, Vector

Inputs = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its parameters.

    Args:
        design: which columns a row's inputs are; its intercept is none of them.
        architecture: the layers.
        parameters: shape (n_parameters,), float64, finite, read-only: tensor after tensor, each line by line. Whoever computes
            with them rounds them to float32.
        own: the parts that every member fits for itself; what stands for them here is where it begins.
    """

    design: Design
    architecture: Architecture
    parameters: Vector = field(repr=False)
    own: tuple[str, ...] = ()

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """The parameters' names and shapes, in order."""
        return self.architecture.list_tensors(count_inputs(self.design))

    @cached_property
    def activations(self) -> int:
        """How many numbers of a row are held while steps are taken."""
        return self.architecture.count_activations(count_inputs(self.design))

    @cached_property
    def multiplications(self) -> int:
        """How many a row takes."""
        return self.architecture.count_multiplications(count_inputs(self.design))

    @cached_property
    def shared(self) -> Mask:
        """Which parameters are learned together, the others being each member's own: shape (n_parameters,)."""
        return mask_parts(self.tensors, {"body", "norms", "head"} - {*self.own})

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over all that a logit depends on besides the row."""
        described = repr((self.design, self.architecture, self.own)).encode()
        return hashlib.sha256(described + b"\0" + self.parameters.tobytes()).hexdigest()

    def part(self) -> Iterator[tuple[Tensor, Vector]]:
        """Yield each tensor and its numbers, in its shape."""
        start = 0
        for tensor in self.tensors:
            yield tensor, self.parameters[start : start + tensor.size].reshape(tensor.shape)
            start += tensor.size


def count_inputs(design: Design) -> int:
    """Return how many numbers a row has."""
    return len(design.names) - 1


def encode_inputs(design: Design, table: Table) -> Inputs:
    """Return rows as a network takes them: shape (n, n_inputs)."""
    return encode_table(design, table).spell_out()[:, 1:].astype(np.float32)


def mask_parts(tensors: tuple[Tensor, ...], parts: Collection[str]) -> Mask:
    """Return which parameters belong to some parts: shape (n_parameters,)."""
    return np.repeat([tensor.part in parts for tensor in tensors], [tensor.size for tensor in tensors])


def draw_parameters(tensors: tuple[Tensor, ...], seed: int, centre: float) -> Vector:
    """Return the parameters that a network begins with: shape (n_parameters,), read-only.

    Args:
        tensors: what they are for.
        seed: the plan's.
        centre: the head's constant: a logit of which all rows begin near.

    Guarantees:
        They follow from the arguments to the last bit, on every machine.
    Source: the ranges are those of PyTorch's layers, from -1/√inputs to 1/√inputs.
    """
    parts = []
    for tensor in tensors:
        if tensor.name == "head.bias":
            parts.append(np.full(1, centre))
        elif tensor.reach is None:
            parts.append(np.full(tensor.size, tensor.start))
        else:
            drawn = draw_uniform(f"parameters\n{seed}\n{tensor.name}", tensor.size)
            parts.append((2.0 * drawn - 1.0) * tensor.reach)
    parameters = np.concatenate(parts)
    parameters.setflags(write=False)
    return parameters


def scale_by_bounds(schema: Schema, categories: tuple[CategoryColumns, ...]) -> Design:
    """Return the design in which each number goes from -1 to 1 by the plan's bounds, whatever anybody's rows hold."""
    numbers = tuple(
        NumberColumns(
            number.name,
            (number.minimum + number.maximum) / 2,
            (number.maximum - number.minimum) / 2,
            number.missing,
        )
        for number in schema.numbers
    )
    return Design(schema, numbers, categories)
