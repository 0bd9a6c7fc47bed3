"""From a plan's canonical JSON to the computation it names, and from its result to the record's metrics.

This room knows the plan as a format (docs/formats/plan.md), not as an agreement: whoever calls has
checked already that this very plan was approved.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from hansa.errors import Refused
from hansa.learning.categories import CategoryFeature
from hansa.learning.logistic import Logistic
from hansa.learning.parameters import parse_parameters
from hansa.learning.recipe import Json, Recipe, Result
from hansa.learning.split import GroupSplit, Split, StratifiedSplit, TimeSplit
from hansa.learning.tables import Feature, NumberFeature, Schema

Plan = Mapping[str, Any]

REPORT_FORMAT: Final = "hansa/v1/report"


def build_recipe(plan: Plan, cohort: tuple[str, ...]) -> Recipe[Any]:
    """Return the recipe that a plan names, ready to begin.

    Args:
        plan: the canonical JSON of an approved plan.
        cohort: ids of those who take part.

    Raises:
        Refused: `recipe.unknown`, no recipe of this name ships with this version; `recipe.parameter`.
    """
    name = plan["recipe"]["name"]
    make = RECIPES.get(name)
    if make is None:
        raise Refused("recipe.unknown", f"`{name}` is not one of {', '.join(RECIPES)}")
    return make(plan, cohort)


def read_schema(plan: Plan) -> Schema:
    """Return the features of a plan, in its order."""
    return Schema(tuple(_read_feature(feature) for feature in plan["features"]))


def read_split(plan: Plan) -> Split:
    """Return the rule by which a plan holds rows out."""
    split = plan["split"]
    match split["kind"]:
        case "stratified":
            return StratifiedSplit(split["seed"], Fraction(split["test"]))
        case "group":
            return GroupSplit(
                split["column"],
                split["seed"],
                Fraction(split["test"]),
                everywhere=split["scope"] == "everywhere",
            )
        case _:
            return TimeSplit(split["column"], split["from"])


def write_metrics(result: Result) -> dict[str, str]:
    """Return a result's metrics as the record spells them: decimals with six places."""
    return {name: _spell(value) for name, value in result.metrics.items()}


def write_report(result: Result) -> dict[str, Json]:
    """Return what a coalition may know of a result besides the model: whose, metrics, curves, calibration, dropped columns.

    All of it follows from totals; numbers are decimals with six places.
    """
    return {
        "format": REPORT_FORMAT,
        "members": {stage: [*names] for stage, names in result.members.items()},
        "metrics": {**write_metrics(result)},
        "roc": {kind: [[_spell(x), _spell(y)] for x, y in curve] for kind, curve in result.roc.items()},
        "calibration": {
            kind: [[_spell(b.predicted), _spell(b.observed), int(b.rows)] for b in bins]
            for kind, bins in result.calibration.items()
        },
        "dropped": [[dropped.column, dropped.reason] for dropped in result.dropped],
    }


def _spell(value: float) -> str:
    return f"{value:z.6f}"  # `z`: a number has one spelling, and what rounds to zero is never minus zero


def _read_feature(feature: Mapping[str, Json]) -> Feature:
    name, missing = str(feature["name"]), feature["missing"] == "allowed"
    if feature["type"] == "number":
        return NumberFeature(name, float(str(feature["minimum"])), float(str(feature["maximum"])), missing)
    listed = feature["categories"]
    return CategoryFeature(name, tuple(map(str, listed)) if isinstance(listed, list) else None, missing)


def _make_logistic(plan: Plan, cohort: tuple[str, ...]) -> Recipe[Any]:
    return Logistic(read_schema(plan), parse_parameters(plan["recipe"]["parameters"]), cohort)


RECIPES: Final[Mapping[str, Callable[[Plan, tuple[str, ...]], Recipe[Any]]]] = MappingProxyType(
    {"logistic": _make_logistic}
)
"""The closed list of recipes; a plan carries a name and a digest, never code."""
