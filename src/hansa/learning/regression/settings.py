"""What a plan may set of the recipe `regression`, and what it says of the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from hansa.errors import Refused
from hansa.learning.parameters import read_decimal
from hansa.learning.recipe import Json
from hansa.learning.regression.family import Family, Gamma, Linear, Multinomial, Poisson
from hansa.learning.regression.outcome import Amount, Classes, Outcome, Survival
from hansa.learning.regression.risk import Ties
from hansa.learning.tables import NumberFeature

FamilyName = Literal["linear", "poisson", "gamma", "multinomial", "cox"]

FAMILIES: Final[tuple[str, ...]] = get_args(FamilyName)

_COUNTS: Final = {
    "minimum_rows": 10**6,
    "minimum_members": 10**5,
    "minimum_rows_per_column": 10**6,
    "maximum_turns": 10**3,
}
_DECIMALS: Final = {"ridge": 0.0, "lasso": 0.0, "correction": 1e-6}


@dataclass(frozen=True, slots=True)
class RegressionParameters:
    """What a plan may set.

    Args:
        family: how the outcome hangs together with the columns.
        ridge: >= 0, on half the square of each coefficient.
        lasso: >= 0, on the magnitude of each coefficient.
        ties: of times, how rows are treated that end in the same step.
        correction: > 0, how strongly a member's corrected coefficients are pulled to the joint ones.
        minimum_rows: what fewer rows have gets no column; and of times, joined steps in which fewer end are joined further.
        minimum_members: the same for members.
        minimum_rows_per_column: fewer training rows for each coefficient are not fitted; of times, fewer events.
        maximum_turns: at most this many points are tried.
    """

    family: FamilyName
    ridge: float = 0.0
    lasso: float = 0.0
    ties: Ties = "efron"
    correction: float = 10.0
    minimum_rows: int = 10
    minimum_members: int = 3
    minimum_rows_per_column: int = 5
    maximum_turns: int = 50


def parse_regression_parameters(parameters: Mapping[str, Json]) -> RegressionParameters:
    """Read a plan's parameters; what is left out has its default, but for the family.

    Raises:
        Refused: `recipe.parameter`, with every finding.
    """
    findings: list[str] = []
    read: dict[str, Any] = {}
    choices = {"family": FAMILIES, "ties": get_args(Ties)}
    for name, value in parameters.items():
        if name in choices:
            read[name] = value
            if value not in choices[name]:
                findings.append(f"`{name}` must be one of {', '.join(choices[name])}, got `{value}`")
        elif name in _COUNTS:
            read[name] = value
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _COUNTS[name]:
                findings.append(f"`{name}` must be a whole number from 1 to {_COUNTS[name]}, got `{value}`")
        elif name in _DECIMALS:
            read[name] = read_decimal(value)
            if not _DECIMALS[name] <= read[name] <= 1e9:
                findings.append(
                    f"`{name}` must be a decimal text from {_DECIMALS[name]:.6g} to 1000000000, got `{value}`"
                )
        else:
            findings.append(f"unknown parameter `{name}`")
    if "family" not in parameters:
        findings.append(f"`family` must be one of {', '.join(FAMILIES)}")
    if findings:
        raise Refused("recipe.parameter", findings)
    return RegressionParameters(**read)


def read_outcome_of(label: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a plan's label declares."""
    match label["type"]:
        case "number":
            exposure = label.get("exposure")
            return Amount(_read_bounds(label), None if exposure is None else _read_bounds(exposure))
        case "category":
            return Classes(label["name"], tuple(label["categories"]))
        case _:
            return Survival(label["name"], float(label["step"]), int(label["steps"]))


def make_family(name: FamilyName, outcome: Outcome) -> Family | None:
    """Return the family of a name for an outcome; None for `cox`, whose rows cannot be weighed one by one.

    Raises:
        Refused: `recipe.outcome`, the family explains outcomes of another kind.
    """
    match name, outcome:
        case "linear", Amount(exposure=None):
            return Linear(outcome)
        case "poisson", Amount() if outcome.column.minimum >= 0:
            return Poisson(outcome)
        case "gamma", Amount(exposure=None) if outcome.column.minimum > 0:
            return Gamma(outcome)
        case "multinomial", Classes():
            return Multinomial(outcome)
        case "cox", Survival():
            return None
        case _:
            raise Refused("recipe.outcome", f"`{name}` explains {_EXPLAINS[name]}")


_EXPLAINS: Final = {
    "linear": "a label of the type `number`, without exposure",
    "poisson": "a label of the type `number`, with a minimum of 0 or more",
    "gamma": "a label of the type `number`, with a minimum above 0 and without exposure",
    "multinomial": "a label of the type `category`",
    "cox": "a label of the type `time`",
}


def _read_bounds(entry: Mapping[str, Any]) -> NumberFeature:
    name = cast("str", entry["name"])
    return NumberFeature(name, float(entry["minimum"]), float(entry["maximum"]), missing=False)
