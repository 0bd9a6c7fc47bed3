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
from hansa.learning.networks import Networks, parse_network_parameters
from hansa.learning.parameters import parse_parameters, parse_statistics_parameters
from hansa.learning.private import PrivateLogistic
from hansa.learning.private_statistics import PrivateStatistics
from hansa.learning.recipe import Json, Recipe, Result, spell
from hansa.learning.regression import RegressionRecipe, parse_regression_parameters, read_outcome_of
from hansa.learning.split import GroupSplit, RowSplit, Split, StratifiedSplit, TimeSplit, find_validation
from hansa.learning.statistics import Statistics
from hansa.learning.tables import Feature, NumberFeature, Schema
from hansa.learning.trees import PrivateTrees, Trees, parse_trees_parameters
from hansa.learning.unit import Unit

Plan = Mapping[str, Any]

REPORT_FORMAT: Final = "hansa/v1/report"

RECIPES: Final = ("logistic", "network", "regression", "statistics", "trees")
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
        Unavailable: a package that the recipe needs is not installed.
    """
    name = plan["recipe"]["name"]
    schema, rho = read_schema(plan), read_rho(plan)
    split = read_split(plan)
    chooses = split is not None and split.validation is not None
    spread = math.sqrt(len(cohort) / (honest or len(cohort)))
    match name:
        case "logistic":
            parameters = parse_parameters(plan["recipe"]["parameters"])
            if not rho:
                return Logistic(schema, parameters, cohort, chooses)
            return PrivateLogistic(schema, parameters, read_unit(plan), rho, spread)
        case "network":
            if rho:
                raise Refused("recipe.noise", "`network` has no form with noise yet")
            settings = parse_network_parameters(plan["recipe"]["parameters"])
            return Networks(schema, settings, cohort, chooses)
        case "statistics":
            tables = parse_statistics_parameters(plan["recipe"]["parameters"])
            if not rho:
                return Statistics(schema, tables, cohort)
            return PrivateStatistics(schema, tables, read_unit(plan), rho, spread)
        case "trees":
            trees = parse_trees_parameters(plan["recipe"]["parameters"], schema)
            if rho:
                return PrivateTrees(schema, trees, read_unit(plan), rho, spread)
            return Trees(schema, trees, cohort, find_validation(split), chooses=chooses)
        case "regression":
            if rho:
                raise Refused("recipe.noise", "`regression` has no form with noise yet")
            regression = parse_regression_parameters(plan["recipe"]["parameters"])
            return RegressionRecipe(schema, read_outcome_of(plan["label"]), regression, cohort)
        case _:
            raise Refused("recipe.unknown", f"`{name}` is not one of {', '.join(RECIPES)}")


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
    if split is not None and not (isinstance(split, GroupSplit) and split.column == column):
        raise Refused("privacy.split", f"the rows of one `{column}` must train or test together; split by it")
    return Unit(column, unit["rows"])


def read_schema(plan: Plan) -> Schema:
    """Return the features of a plan, in its order."""
    buckets = BUCKETS if plan["privacy"]["noise"] == "none" else FEW_BUCKETS
    return Schema(tuple(_read_feature(feature, buckets) for feature in plan["features"]))


def read_split(plan: Plan) -> Split | None:
    """Return the rule by which a plan holds rows out; None for a plan that holds none out."""
    split = plan.get("split")
    if split is None:
        return None
    if split["kind"] == "time":
        return TimeSplit(split["column"], split["from"], split.get("validation"))
    validation = Fraction(split["validation"]) if "validation" in split else None
    match split["kind"]:
        case "stratified":
            return StratifiedSplit(split["seed"], Fraction(split["test"]), validation)
        case "rows":
            return RowSplit(split["seed"], Fraction(split["test"]), validation)
        case _:
            return GroupSplit(
                split["column"],
                split["seed"],
                Fraction(split["test"]),
                everywhere=split["scope"] == "everywhere",
                validation=validation,
            )


def write_metrics(result: Result) -> dict[str, str]:
    """Return a result's metrics as the record spells them: decimals with six places."""
    return {name: spell(value) for name, value in result.metrics.items()}


def write_report(result: Result) -> dict[str, Json]:
    """Return what a coalition may know of a result besides its document: whose, metrics, dropped columns, and what the recipe adds.

    All of it follows from totals; numbers are decimals with six places.
    """
    return {
        "format": REPORT_FORMAT,
        "members": {stage: [*names] for stage, names in result.members.items()},
        "metrics": {**write_metrics(result)},
        **result.describe(),
        "dropped": [[dropped.column, dropped.reason] for dropped in result.dropped],
    }


def _read_feature(feature: Mapping[str, Json], buckets: int) -> Feature:
    name, missing = str(feature["name"]), feature["missing"] == "allowed"
    if feature["type"] == "number":
        return NumberFeature(name, float(str(feature["minimum"])), float(str(feature["maximum"])), missing)
    listed = feature["categories"]
    declared = tuple(map(str, listed)) if isinstance(listed, list) else None
    return CategoryFeature(name, declared, missing, buckets)
