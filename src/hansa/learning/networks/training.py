"""What a member computes by itself: steps down its own loss, gradients, and logits. The one place that needs PyTorch.

Nobody else computes these numbers again, so they need not be the same on two machines; what follows from totals is numpy's.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np

from hansa.errors import Refused, Unavailable
from hansa.learning.networks.architecture import Architecture
from hansa.learning.networks.drawing import draw_order, draw_seed
from hansa.learning.networks.fedprox import pull_back
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
from hansa.learning.networks.network import Inputs, Network, count_inputs, encode_inputs
from hansa.learning.networks.scaffold import Controls, correct
from hansa.learning.networks.settings import NetworkParameters
from hansa.learning.tables import Rows, Vector

_HELD: Final = 2**26
"""Numbers that are held at once: 256 MiB, and as much again for gradients. More rows are gone through slice by slice."""

_THREADS_PAY: Final = 2**24
"""Multiplications of a step; below, threads wait for each other longer than they work."""


@cache
def load_torch() -> Any:  # noqa: ANN401 - a module of an optional package
    """Return PyTorch.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise Unavailable(
            "networks need the package `torch`, which is not installed; install hansa with its extra `networks`"
        ) from error
    return torch


@dataclass(frozen=True, slots=True)
class Course:
    """How a member goes.

    Args:
        network: where it begins.
        settings: the plan's.
        name: whose course and which one; orders and dropouts are drawn from it and the plan's seed.
        epochs: how often through the rows, with all parameters.
        is_pulled: whether the method's pulls and corrections apply: in rounds, not in a member's own fits.
    """

    network: Network
    settings: NetworkParameters
    name: str
    epochs: int
    is_pulled: bool = True


class Went(NamedTuple):
    """Where a course led.

    Args:
        update: how far the shared parameters went, shape (n_shared,), float64.
        parameters: all parameters at the end, shape (n_parameters,), float64.
        loss: the mean loss of the training rows before the first step.
    """

    update: Vector
    parameters: Vector
    loss: float


def train(course: Course, rows: Rows, controls: Controls | None = None) -> Went:
    """Go a member's own steps from the joint parameters.

    Parts of a member's own, if there are any, are fitted first, while the others rest.

    Args:
        course: how.
        rows: the member's, of which some train.
        controls: what is public of SCAFFOLD's corrections; none in the first round.

    Raises:
        Refused: `recipe.diverged`, the steps ran off to no finite numbers.
    Guarantees:
        Twice the same on one machine, as long as PyTorch's own results are.
    Source: for own parts Collins, Hassani, Mokhtari and Shakkottai 2021, "Exploiting shared representations for personalized federated
        learning", Algorithm 1, but that a member's own parts begin anew each round, so that nothing need be remembered.
    """
    torch = load_torch()
    network, settings = course.network, course.settings
    walk = _Walk(network, settings, _take_inputs(network, rows), rows.train.labels)
    before = walk.read()
    if course.is_pulled and settings.method == "fedprox":
        walk.joint = walk.clone()
    if course.is_pulled and controls is not None:
        own = measure_gradient(replace(network, parameters=controls.parameters), settings, rows)
        shift = np.zeros(len(network.parameters))
        shift[network.shared] = correct(own, controls.mean)
        walk.shift = walk.divide(shift)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw_seed(f"dropout\n{settings.seed}\n{course.name}"))
        loss = walk.measure()
        if network.own:
            walk.go(
                f"{settings.seed}\n{course.name}\nown",
                settings.own_epochs,
                network.own,
            )
        walk.go(f"{settings.seed}\n{course.name}", course.epochs)
    after = walk.read()
    _verify_finite(np.append(after, loss))
    return Went((after - before)[network.shared], after, loss)


def measure_gradient(network: Network, settings: NetworkParameters, rows: Rows) -> Vector:
    """Return the gradient of the mean loss of a member's training rows by the shared parameters: shape (n_shared,), float64.

    Raises:
        Refused: `recipe.diverged`, it is not finite.
    """
    walk = _Walk(network, settings, _take_inputs(network, rows), rows.train.labels)
    gradient = walk.measure_gradient()[network.shared]
    _verify_finite(gradient)
    return gradient


def find_logits(network: Network, inputs: Inputs) -> Vector:
    """Return each row's logit: shape (n,), float64, for inputs of shape (n, n_inputs).

    Raises:
        Refused: `recipe.diverged`, a logit is no finite number.
    """
    torch = _start_torch(network, len(inputs))
    module = build_module(network)
    with torch.no_grad():
        found = [module(part).squeeze(1).numpy() for part in torch.from_numpy(inputs).split(_slice(network))]
    logits = np.concatenate([np.zeros(0), *found])
    _verify_finite(logits)
    return logits


def _slice(network: Network) -> int:
    """Return how many rows are gone through at once."""
    return max(_HELD // (network.activations + count_inputs(network.design)), 1)


def _verify_finite(numbers: Vector) -> None:
    if not np.isfinite(numbers).all():
        raise Refused(
            "recipe.diverged", "a member's steps ran off to no finite numbers; plan a smaller `learning_rate`"
        )


def build_module(network: Network) -> Any:  # noqa: ANN401 - of an optional package
    """Return the network as a `torch.nn.Sequential` whose parameters are called as `Network.tensors` says, not training."""
    torch = load_torch()
    module = torch.nn.Sequential()
    if network.architecture.image is not None:
        image = network.architecture.image
        module.add_module("image", torch.nn.Unflatten(1, (image.channels, image.height, image.width)))
    shapes = {tensor.name: tensor.shape for tensor in network.tensors}
    for name, made in _make_modules(network.architecture, shapes):
        module.add_module(name, made)
    vector = torch.from_numpy(network.parameters.astype(np.float32))
    torch.nn.utils.vector_to_parameters(vector, module.parameters())
    return module.eval()


def _start_torch(network: Network, rows: int) -> Any:  # noqa: ANN401 - a module of an optional package
    """Return PyTorch, with as many threads as pay for steps of so many rows."""
    torch = load_torch()
    is_small = network.multiplications * rows < _THREADS_PAY
    torch.set_num_threads(1 if is_small else os.cpu_count() or 1)
    return torch


def _make_modules(
    architecture: Architecture, shapes: dict[str, tuple[int, ...]]
) -> Iterator[tuple[str, Any]]:
    torch = load_torch()
    is_flat = architecture.image is None
    for place, layer in enumerate(architecture.layers):
        if isinstance(layer, Linear) and not is_flat:
            yield f"{place} flatten", torch.nn.Flatten()
            is_flat = True
        yield str(place), _make_module(layer, shapes.get(f"{place}.weight", ()))
    if not is_flat:
        yield "head flatten", torch.nn.Flatten()
    yield "head", torch.nn.Linear(shapes["head.weight"][1], 1)


def _make_module(layer: Layer, shape: Sequence[int]) -> Any:  # noqa: ANN401 - of an optional package
    nn = load_torch().nn
    match layer:
        case Linear():
            return nn.Linear(shape[1], shape[0])
        case Convolution():
            return nn.Conv2d(shape[1], shape[0], layer.kernel, layer.stride, layer.padding)
        case MaxPool():
            return nn.MaxPool2d(layer.size)
        case GroupNorm():
            return nn.GroupNorm(layer.groups, shape[0])
        case LayerNorm():
            return nn.LayerNorm(shape[0])
        case Dropout():
            return nn.Dropout(layer.share)
        case Activation():
            return {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[layer.kind]()


def _take_inputs(network: Network, rows: Rows) -> Inputs:
    """Return the training rows as the network takes them, encoded once."""
    design = network.design
    return rows.remember("network inputs", design.digest, lambda: encode_inputs(design, rows.train))


class _Walk:
    """A module on its way through one member's training rows."""

    def __init__(self, network: Network, settings: NetworkParameters, inputs: Inputs, labels: Any) -> None:  # noqa: ANN401 - any numbers
        self._torch = _start_torch(network, min(settings.batch, len(inputs)))
        self._settings = settings
        self._slice = _slice(network)
        self._tensors = network.tensors
        self._module = build_module(network)
        self._parameters = list(self._module.parameters())
        self._inputs = self._torch.from_numpy(inputs)
        self._labels = self._torch.from_numpy(labels.astype(np.float32))
        self._rows = self._torch.arange(len(labels))
        self.joint: list[Any] | None = None
        """What FedProx pulls to."""
        self.shift: list[Any] | None = None
        """What SCAFFOLD adds to each gradient."""

    def read(self) -> Vector:
        """Return the parameters: shape (n_parameters,)."""
        with self._torch.no_grad():
            vector = self._torch.nn.utils.parameters_to_vector(self._parameters)
        return np.asarray(vector.numpy().astype(np.float64))

    def clone(self) -> list[Any]:
        """Return the parameters as they are now, tensor by tensor."""
        return [parameter.detach().clone() for parameter in self._parameters]

    def divide(self, vector: Vector) -> list[Any]:
        """Return a vector as tensors in the parameters' shapes."""
        sizes = [parameter.numel() for parameter in self._parameters]
        parts = self._torch.from_numpy(vector.astype(np.float32)).split(sizes)
        return [part.view_as(parameter) for part, parameter in zip(parts, self._parameters, strict=True)]

    def measure(self) -> float:
        """Return the mean loss of all rows."""
        self._module.eval()
        with self._torch.no_grad():
            losses = [float(self._find_loss(part, "sum")) for part in self._rows.split(self._slice)]
        return sum(losses) / len(self._labels)

    def measure_gradient(self) -> Vector:
        """Return the gradient of the mean loss of all rows: shape (n_parameters,)."""
        self._module.eval()
        total = np.zeros(sum(parameter.numel() for parameter in self._parameters))
        for part in self._rows.split(self._slice):
            gradients = self._torch.autograd.grad(self._find_loss(part, "sum"), self._parameters)
            total += self._torch.cat([gradient.reshape(-1) for gradient in gradients]).numpy()
        return np.asarray(total / len(self._labels))

    def go(self, name: str, epochs: int, parts: Collection[str] = ("body", "norms", "head")) -> None:
        """Take a step for each batch, so many times through all rows in orders drawn from the name; only these parts move."""
        moving = [place for place, tensor in enumerate(self._tensors) if tensor.part in parts]
        self._module.train()
        for epoch in range(epochs):
            order = self._torch.from_numpy(draw_order(f"order\n{name}\n{epoch}", len(self._labels)))
            for part in order.split(self._settings.batch):
                self._step(part, moving)
        self._module.eval()

    def _step(self, part: Any, moving: list[int]) -> None:  # noqa: ANN401 - of an optional package
        settings = self._settings
        parameters = [self._parameters[place] for place in moving]
        gradients = self._find_slopes(part, parameters)
        with self._torch.no_grad():
            for place, parameter, gradient in zip(moving, parameters, gradients, strict=True):
                slope = gradient + settings.decay * parameter
                if self.joint is not None:
                    slope += pull_back(parameter, self.joint[place], proximal=settings.proximal)
                if self.shift is not None:
                    slope += self.shift[place]
                parameter.sub_(slope, alpha=settings.learning_rate)

    def _find_slopes(self, part: Any, parameters: list[Any]) -> Sequence[Any]:  # noqa: ANN401 - of an optional package
        """Return the gradient of the mean loss, of no more rows at once than memory has room for."""
        if len(part) <= self._slice:
            return tuple(self._torch.autograd.grad(self._find_loss(part, "mean"), parameters))
        sums = [self._torch.zeros_like(parameter) for parameter in parameters]
        for piece in part.split(self._slice):
            for total, slope in zip(
                sums, self._torch.autograd.grad(self._find_loss(piece, "sum"), parameters), strict=True
            ):
                total.add_(slope, alpha=1 / len(part))
        return sums

    def _find_loss(self, part: Any, reduction: str) -> Any:  # noqa: ANN401 - of an optional package
        logits = self._module(self._inputs[part]).squeeze(1)
        return self._torch.nn.functional.binary_cross_entropy_with_logits(
            logits, self._labels[part], reduction=reduction
        )
