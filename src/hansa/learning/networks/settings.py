"""What a plan may set of the recipe `network`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hansa.errors import Refused
from hansa.learning.networks.architecture import Architecture, Image
from hansa.learning.networks.layers import Layer, parse_layer
from hansa.learning.parameters import read_decimal
from hansa.learning.recipe import Json

METHODS: Final = ("fedavg", "fedprox", "fedadam", "fedyogi", "scaffold")
OWN_PARTS: Final = ("head", "norms")

_COUNTS: Final = {
    "rounds": (1, 1_000),
    "epochs": (1, 100),
    "batch": (1, 10**6),
    "own_epochs": (1, 100),
    "correction_epochs": (0, 1_000),
    "minimum_category_members": (1, 10**5),
    "minimum_category_rows": (1, 10**6),
}
_DECIMALS: Final = {
    "learning_rate": 100.0,
    "server_rate": 100.0,
    "proximal": 1e6,
    "decay": 1.0,
    "clip": 1e6,
    "resolution": 1.0,
}
_CHOICES: Final = {
    "method": METHODS,
    "scaling": ("deviation", "bounds"),
    "weighting": ("rows", "members"),
}
_SEEDS: Final = (0, 2**53 - 1)
_MOST_LAYERS: Final = 50
_SIDES: Final = {"channels": 64, "height": 1_000, "width": 1_000}


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """What a plan may set.

    Args:
        layers: what comes before the head.
        image: how a row's numbers make an image; None when they make none.
        method: `fedavg`, `fedprox`, `fedadam`, `fedyogi` or `scaffold`.
        rounds: how many updates are added up, one after another.
        epochs: how often a member goes through its rows in a round.
        batch: rows of a step.
        learning_rate: > 0, of a member's steps.
        server_rate: > 0, of the step that follows from a total.
        proximal: > 0, with `fedprox`: how strongly a member's steps are pulled to the joint parameters.
        decay: > 0, on half the square of each parameter, in a member's steps.
        clip: > 0, the largest L2 norm of an update.
        resolution: > 0, how coarse the numbers of an update may be at most.
        seed: from which parameters, orders and dropouts are drawn.
        scaling: how numbers come in: `deviation`, as standard scores; `bounds`, from -1 to 1 by the plan's bounds.
        weighting: `rows`, a member counts by its rows; `members`, each the same.
        own: the parts that every member fits for itself.
        own_epochs: how often a member goes through its rows for these, at the beginning of each round.
        correction_epochs: how often for the corrected scores.
        minimum_category_members: what fewer members have gets no column.
        minimum_category_rows: what fewer rows have gets no column.
    """

    layers: tuple[Layer, ...]
    image: Image | None = None
    method: str = "fedavg"
    rounds: int = 20
    epochs: int = 1
    batch: int = 32
    learning_rate: float = 0.1
    server_rate: float = 1.0
    proximal: float = 0.01
    decay: float = 0.0001
    clip: float = 10.0
    resolution: float = 0.000001
    seed: int = 0
    scaling: str = "deviation"
    weighting: str = "rows"
    own: tuple[str, ...] = ()
    own_epochs: int = 1
    correction_epochs: int = 2
    minimum_category_members: int = 3
    minimum_category_rows: int = 10

    @property
    def architecture(self) -> Architecture:
        """What the network looks like."""
        return Architecture(self.layers, self.image)


def parse_network_parameters(parameters: Mapping[str, Json]) -> NetworkParameters:
    """Read a plan's parameters; what is left out has its default.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings: list[str] = []
    values: dict[str, object] = {}
    for name, value in parameters.items():
        try:
            values[name] = _read(name, value)
        except Refused as refusal:
            findings += refusal.reasons
    if "layers" not in parameters:
        findings.append("`layers` is missing")
    if findings:
        raise Refused("recipe.parameter", findings)
    return NetworkParameters(**values)  # type: ignore[arg-type]  # each was read as what its field is


def _read(name: str, value: Json) -> object:
    if (reader := _READERS.get(name)) is not None:
        return reader(value)
    if name in _COUNTS:
        return _read_count(name, value, *_COUNTS[name])
    if name in _DECIMALS:
        decimal, most = read_decimal(value), _DECIMALS[name]
        if not 1e-6 <= decimal <= most:
            raise _refuse(f"`{name}` must be a decimal text from 0.000001 to {most:.0f}, got `{value}`")
        return decimal
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise _refuse(f"`{name}` must be one of {', '.join(_CHOICES[name])}, got `{value}`")
        return value
    raise _refuse(f"unknown parameter `{name}`")


def _read_count(name: str, value: Json, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise _refuse(f"`{name}` must be a whole number from {least} to {most}, got `{value}`")


def _read_layers(value: Json) -> tuple[Layer, ...]:
    if not isinstance(value, list) or len(value) > _MOST_LAYERS:
        raise _refuse(f"`layers` must list at most {_MOST_LAYERS} layers")
    return tuple(parse_layer(described) for described in value)


def _read_image(value: Json) -> Image | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != _SIDES.keys():
        raise _refuse(f"`image` has {', '.join(_SIDES)}, and nothing else")
    return Image(
        **{name: _read_count(f"image.{name}", value[name], 1, most) for name, most in _SIDES.items()}
    )


def _read_own(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or value != [part for part in OWN_PARTS if part in value]:
        raise _refuse(
            f"`own` lists parts out of {', '.join(OWN_PARTS)}, in this order, each once; got `{value}`"
        )
    return tuple(map(str, value))


def _read_seed(value: Json) -> int:
    return _read_count("seed", value, *_SEEDS)


def _refuse(reason: str) -> Refused:
    return Refused("recipe.parameter", reason)


_READERS: Final[Mapping[str, Callable[[Json], object]]] = {
    "layers": _read_layers,
    "image": _read_image,
    "own": _read_own,
    "seed": _read_seed,
}
