"""What a plan may set of the recipe `trees`."""

from collections.abc import Mapping
from dataclasses import dataclass

from hansa.errors import Refused
from hansa.learning.parameters import read_decimal
from hansa.learning.recipe import Json
from hansa.learning.tables import Schema
from hansa.learning.trees.bins import MOST_BINS

_DIRECTIONS = {"rising": 1, "falling": -1}
_COUNTS = {
    "trees": (1, 1_000),
    "depth": (1, 8),
    "bins": (2, MOST_BINS),
    "minimum_rows": (1, 10**6),
    "minimum_members": (1, 10**5),
    "patience": (0, 1_000),
    "features": (1, 8),
    "correction_trees": (0, 1_000),
}
_FLAGS = {"organisation_offsets": True, "organisation_rate": False}
_DECIMALS = {"learning_rate": 1.0, "ridge": 1e9, "positive_weight": 1e3}


@dataclass(frozen=True, slots=True)
class TreesParameters:
    """What a plan may set.

    Args:
        trees: how many.
        depth: splits from a root to a leaf, at most.
        learning_rate: > 0, by which each leaf's value is multiplied.
        bins: of each number, at most.
        ridge: > 0, on half the square of each leaf's value.
        minimum_rows: on each side of a split, and in each bin.
        minimum_members: that have rows in some bin on each side of a split, and in some cell of each bin.
        positive_weight: what a row with label 1 counts.
        monotone: by feature, +1 where the logit may only rise with it, -1 where it may only fall.
        patience: trees end when so many have not lowered the loss of rows set aside for it; 0 when none are set aside.
        organisation_offsets: whether each member adds an offset of its own, which never leaves it.
        organisation_rate: whether each member's rate of label 1, in coarse steps, is one more feature.
        features: with noise: of how many features each tree's levels are.
        correction_trees: of its own, that each member adds to the joint ones for the corrected scores.
    """

    trees: int = 100
    depth: int = 4
    learning_rate: float = 0.1
    bins: int = 64
    ridge: float = 1.0
    minimum_rows: int = 20
    minimum_members: int = 3
    positive_weight: float = 1.0
    monotone: tuple[tuple[str, int], ...] = ()
    patience: int = 0
    features: int = 1
    organisation_offsets: bool = True
    organisation_rate: bool = False
    correction_trees: int = 20


def parse_trees_parameters(parameters: Mapping[str, Json], schema: Schema) -> TreesParameters:
    """Read a plan's parameters; what is left out has its default.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings: list[str] = []
    counts: dict[str, int] = {}
    decimals: dict[str, float] = {}
    for name, value in parameters.items():
        if name in _COUNTS:
            least, most = _COUNTS[name]
            if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
                counts[name] = value
            else:
                findings.append(f"`{name}` must be a whole number from {least} to {most}, got `{value}`")
        elif name in _DECIMALS:
            decimals[name] = read_decimal(value)
            if not 1e-6 <= decimals[name] <= _DECIMALS[name]:
                findings.append(
                    f"`{name}` must be a decimal text from 0.000001 to {_DECIMALS[name]:.0f}, got `{value}`"
                )
        elif name not in {*_DIRECTIONS, *_FLAGS}:
            findings.append(f"unknown parameter `{name}`")
    flags: dict[str, bool] = {}
    for name, default in _FLAGS.items():
        flag = parameters.get(name, default)
        flags[name] = flag is True
        if not isinstance(flag, bool):
            findings.append(f"`{name}` must be true or false, got `{flag}`")
    numbers = {number.name for number in schema.numbers}
    directions: dict[str, int] = {}
    for name, direction in _DIRECTIONS.items():
        listed = parameters.get(name, [])
        features = (
            [feature for feature in listed if isinstance(feature, str)] if isinstance(listed, list) else []
        )
        if features != listed or not {*features} <= numbers - {*directions}:
            findings.append(f"`{name}` must list numeric features, each of them once, got `{listed}`")
        directions |= dict.fromkeys(features, direction)
    if findings:
        raise Refused("recipe.parameter", findings)
    known = TreesParameters()
    return TreesParameters(
        **counts,
        learning_rate=decimals.get("learning_rate", known.learning_rate),
        ridge=decimals.get("ridge", known.ridge),
        positive_weight=decimals.get("positive_weight", known.positive_weight),
        monotone=tuple(sorted(directions.items())),
        organisation_offsets=flags["organisation_offsets"],
        organisation_rate=flags["organisation_rate"],
    )


def list_unfit_for_noise(parameters: TreesParameters) -> list[str]:
    """Return the names of what is set and cannot be learnt, or has no meaning, with noise."""
    plain = TreesParameters()
    unfit = [name for name in ("organisation_offsets", "organisation_rate") if getattr(parameters, name)]
    unfit += [
        name for name in ("patience", "positive_weight") if getattr(parameters, name) != getattr(plain, name)
    ]
    directions = {1: "rising", -1: "falling"}
    return unfit + sorted({directions[direction] for _, direction in parameters.monotone})
