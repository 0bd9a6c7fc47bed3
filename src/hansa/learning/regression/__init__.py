"""Regressions over sums (docs/formats/recipe-regression.md).

Gradients and Hessians are summed, and the estimates, standard errors and deviances are those that all rows in one place would give.
"""

from hansa.learning.regression.inference import Estimate, list_estimates
from hansa.learning.regression.model import FORMAT, Regression, parse_regression
from hansa.learning.regression.outcome import Amount, Classes, Outcome, Survival
from hansa.learning.regression.recipe import RegressionRecipe, RegressionResult, RegressionState
from hansa.learning.regression.settings import (
    FAMILIES,
    RegressionParameters,
    parse_regression_parameters,
    read_outcome_of,
)

__all__ = [
    "FAMILIES",
    "FORMAT",
    "Amount",
    "Classes",
    "Estimate",
    "Outcome",
    "Regression",
    "RegressionParameters",
    "RegressionRecipe",
    "RegressionResult",
    "RegressionState",
    "Survival",
    "list_estimates",
    "parse_regression",
    "parse_regression_parameters",
    "read_outcome_of",
]
