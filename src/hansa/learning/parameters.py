"""What a plan may set of each recipe."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hansa.errors import Refused
from hansa.learning.recipe import Json
from hansa.learning.slope import VOICES

_DECIMALS = {"ridge": 1e9, "correction": 1e9, "clip": 100.0}
_COUNTS = {
    "minimum_category_members": 10**6,
    "minimum_category_rows": 10**6,
    "minimum_rows_per_column": 10**6,
    "maximum_turns": 10**6,
    "steps": 200,
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a plan may set.

    Args:
        ridge: > 0, the penalty on half the square of each coefficient; scikit-learn's 1/C.
        organisation_intercepts: whether each member's logit has an intercept of its own, penalised as
            any coefficient, which never leaves the member.
        correction: > 0, how strongly a member's corrected coefficients are pulled to the joint ones.
        minimum_category_members: what fewer members have gets no column.
        minimum_category_rows: what fewer rows have gets no column.
        minimum_rows_per_column: without noise: fewer training rows for each column are not fitted.
        maximum_turns: at most this many Newton turns.
        clip: > 0, with noise: the most that a row may pull at the coefficients, as the L2 norm of its gradient.
        steps: with noise: how many noised gradients the fit takes.
        voice: how much a member's rows count in the fit, one of the `VOICES`; without noise.
        clusters: 1, or 2 for two further models, each for the members that take it; without noise.
    """

    ridge: float = 1.0
    organisation_intercepts: bool = False
    correction: float = 10.0
    minimum_category_members: int = 3
    minimum_category_rows: int = 10
    minimum_rows_per_column: int = 5
    maximum_turns: int = 25
    clip: float = 3.0
    steps: int = 8
    voice: str = "rows"
    clusters: int = 1


def parse_parameters(parameters: Mapping[str, Json]) -> Parameters:
    """Read a plan's parameters; what is left out has its default.

    Args:
        parameters: decimals as texts (`"0.5"`), counts as integers.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings: list[str] = []
    decimals: dict[str, float] = {}
    counts: dict[str, int] = {}
    flag: Json = parameters.get("organisation_intercepts", False)
    for name, value in parameters.items():
        if name in _DECIMALS:
            decimals[name] = read_decimal(value)
            if not 1e-6 <= decimals[name] <= _DECIMALS[name]:
                findings.append(
                    f"`{name}` must be a decimal text from 0.000001 to {_DECIMALS[name]:.0f}, got `{value}`"
                )
        elif name in _COUNTS:
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _COUNTS[name]:
                counts[name] = value
            else:
                findings.append(f"`{name}` must be a whole number from 1 to {_COUNTS[name]}, got `{value}`")
        elif name not in {"organisation_intercepts", "voice", "clusters"}:
            findings.append(f"unknown parameter `{name}`")
    if not isinstance(flag, bool):
        findings.append(f"`organisation_intercepts` must be true or false, got `{flag}`")
    voice = parameters.get("voice", "rows")
    if not (isinstance(voice, str) and voice in VOICES):
        findings.append(f"`voice` must be one of {', '.join(VOICES)}, got `{voice}`")
    clusters = parameters.get("clusters", 1)
    if not (isinstance(clusters, int) and not isinstance(clusters, bool) and clusters in {1, 2}):
        findings.append(f"`clusters` must be 1 or 2, got `{clusters}`")
    if findings:
        raise Refused("recipe.parameter", findings)
    known = Parameters()
    return Parameters(
        decimals.get("ridge", known.ridge),
        flag is True,
        decimals.get("correction", known.correction),
        counts.get("minimum_category_members", known.minimum_category_members),
        counts.get("minimum_category_rows", known.minimum_category_rows),
        counts.get("minimum_rows_per_column", known.minimum_rows_per_column),
        counts.get("maximum_turns", known.maximum_turns),
        decimals.get("clip", known.clip),
        counts.get("steps", known.steps),
        str(voice),
        2 if clusters == 2 else 1,
    )


def read_decimal(value: Json) -> float:
    """Return what a decimal text says; NaN where there is none."""
    if not isinstance(value, str):
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan


_TABLES = {"bins": (2, 100), "minimum_rows": (3, 10**6), "minimum_members": (3, 10**5)}


@dataclass(frozen=True, slots=True)
class StatisticsParameters:
    """What a plan may set of the recipe `statistics`.

    Args:
        bins: into how many equal parts a number's declared range is divided.
        minimum_rows: what fewer rows have is not told alone.
        minimum_members: without noise: neither is what fewer members have.
    """

    bins: int = 20
    minimum_rows: int = 10
    minimum_members: int = 3


def parse_statistics_parameters(parameters: Mapping[str, Json]) -> StatisticsParameters:
    """Read a plan's parameters; what is left out has its default.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings, counts = [], {}
    for name, value in parameters.items():
        if name not in _TABLES:
            findings.append(f"unknown parameter `{name}`")
            continue
        least, most = _TABLES[name]
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            counts[name] = value
        else:
            findings.append(f"`{name}` must be a whole number from {least} to {most}, got `{value}`")
    if findings:
        raise Refused("recipe.parameter", findings)
    return StatisticsParameters(**counts)
