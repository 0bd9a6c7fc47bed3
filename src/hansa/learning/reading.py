"""From a plan's canonical JSON to the computation it names, and from its result to the record's metrics.

This room knows the plan as a format (docs/formats/plan.md), not as an agreement: whoever calls has
checked already that this very plan was approved.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from hansa.budget import convert_to_rho
from hansa.errors import Refused
from hansa.learning.categories import BUCKETS, FEW_BUCKETS, CategoryFeature
from hansa.learning.logistic import Logistic
from hansa.learning.parameters import parse_parameters
from hansa.learning.private import PrivateLogistic
from hansa.learning.recipe import Json, Recipe, Result
from hansa.learning.split import GroupSplit, RowSplit, Split, StratifiedSplit, TimeSplit
from hansa.learning.tables import Feature, NumberFeature, Schema
from hansa.learning.unit import Unit

Plan = Mapping[str, Any]

REPORT_FORMAT: Final = "hansa/v1/report"

RECIPES: Final = ("logistic",)
"""The closed list of recipes; a plan carries a name and a digest, never code."""


def build_recipe(plan: Plan, cohort: tuple[str, ...], honest: int | None = None) -> Recipe[Any]:
    """Return the recipe that a plan names, ready to begin: its form with noise when the plan asks for noise.

    Args:
        plan: the canonical JSON of an approved plan.
        cohort: ids of those who take part.
        honest: on how many members' noise a guarantee rests, from 1 to all; all unless told.

    Raises:
        Refused: `recipe.unknown`, no recipe of this name ships with this version; `recipe.parameter`;
            `privacy.split`, one unit's rows would decide on which side another's fall.
    """
    name = plan["recipe"]["name"]
    if name != "logistic":
        raise Refused("recipe.unknown", f"`{name}` is not one of {', '.join(RECIPES)}")
    schema, parameters = read_schema(plan), parse_parameters(plan["recipe"]["parameters"])
    rho = read_rho(plan)
    if not rho:
        return Logistic(schema, parameters, cohort)
    spread = math.sqrt(len(cohort) / (honest or len(cohort)))
    return PrivateLogistic(schema, parameters, read_unit(plan), rho, spread)


def read_rho(plan: Plan) -> Fraction:
    """Return what a plan's run may cost each privacy unit; 0 for a plan without noise, whose cost has no bound."""
    privacy = plan["privacy"]
    return Fraction(0) if privacy["noise"] == "none" else convert_to_rho(privacy["epsilon"], privacy["delta"])


def read_unit(plan: Plan) -> Unit:
    """Return what a plan's noise hides.

    Raises:
        Refused: `privacy.split`, one unit's rows would decide on which side another's fall.
    """
    unit, split = plan["privacy"]["unit"], read_split(plan)
    if isinstance(split, StratifiedSplit):
        raise Refused(
            "privacy.split", "a stratified split depends on all labels; draw by `rows`, `group` or `time`"
        )
    if unit == "row":
        return Unit()
    column = unit["column"]
    if not isinstance(split, GroupSplit) or split.column != column:
        raise Refused("privacy.split", f"the rows of one `{column}` must train or test together; split by it")
    return Unit(column, unit["rows"])


def read_schema(plan: Plan) -> Schema:
    """Return the features of a plan, in its order."""
    buckets = BUCKETS if plan["privacy"]["noise"] == "none" else FEW_BUCKETS
    return Schema(tuple(_read_feature(feature, buckets) for feature in plan["features"]))


def read_split(plan: Plan) -> Split:
    """Return the rule by which a plan holds rows out."""
    split = plan["split"]
    match split["kind"]:
        case "stratified":
            return StratifiedSplit(split["seed"], Fraction(split["test"]))
        case "rows":
            return RowSplit(split["seed"], Fraction(split["test"]))
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
    """Return what a coalition may know of a result besides the model.

    Whose numbers it holds, metrics and how far each may be off, curves, calibration, dropped columns. All of it follows from totals; numbers are decimals with six places, and an uncertainty is rounded up.
    """
    return {
        "format": REPORT_FORMAT,
        "members": {stage: [*names] for stage, names in result.members.items()},
        "metrics": {**write_metrics(result)},
        "uncertainty": {name: _spell(_round_up(value)) for name, value in result.uncertainty.items()},
        "roc": {kind: [[_spell(x), _spell(y)] for x, y in curve] for kind, curve in result.roc.items()},
        "calibration": {
            kind: [[_spell(b.predicted), _spell(b.observed), int(b.rows)] for b in bins]
            for kind, bins in result.calibration.items()
        },
        "dropped": [[dropped.column, dropped.reason] for dropped in result.dropped],
    }


def _round_up(value: float) -> float:
    return math.ceil(value * 1e6) / 1e6


def _spell(value: float) -> str:
    return f"{value:z.6f}"  # `z`: a number has one spelling, and what rounds to zero is never minus zero


def _read_feature(feature: Mapping[str, Json], buckets: int) -> Feature:
    name, missing = str(feature["name"]), feature["missing"] == "allowed"
    if feature["type"] == "number":
        return NumberFeature(name, float(str(feature["minimum"])), float(str(feature["maximum"])), missing)
    listed = feature["categories"]
    declared = tuple(map(str, listed)) if isinstance(listed, list) else None
    return CategoryFeature(name, declared, missing, buckets)
