"""Learning over sums: recipes that a coalition can run without showing anybody's rows.

A recipe is written as *question → answers → total*: every member answers on its own rows, and only the
total of the answers is ever read. This room knows the computation and nothing else. It never opens a
file or a socket, never draws randomness, never reads the clock, and knows no charter, no vote and no
mask; the hub and the node bring these together.

Fit a joint model to three members' rows, here in the clear:

>>> import numpy as np
>>> from fractions import Fraction
>>> from hansa.learning import (
...     Logistic, NumberFeature, Parameters, Schema, StratifiedSplit, Table, divide_rows, run_in_clear
... )
>>> schema = Schema((NumberFeature("speed", 0.0, 100.0, missing=False),))
>>> split = StratifiedSplit(seed=0, test=Fraction(1, 4))
>>> def member(name, speeds):
...     speeds = np.array(speeds, dtype=float)
...     labels = ((speeds * 7) % 100 < speeds).astype(np.int8)
...     return divide_rows(Table(schema, {"speed": speeds}, {}, labels), split, name)
>>> members = [member("a", range(1, 99, 2)), member("b", range(1, 99, 3)), member("c", range(2, 99, 3))]
>>> recipe = Logistic(schema, Parameters(), ("a", "b", "c"))
>>> result = run_in_clear(recipe, members)
>>> [name for name, value in result.coefficients]
['intercept', 'speed']
>>> round(result.metrics["members_scored"])
3
"""

from hansa.learning.accuracy import Accuracy, rehearse_statistics
from hansa.learning.advice import MemberReport
from hansa.learning.categories import BUCKETS, FEW_BUCKETS, CategoryFeature, hash_category
from hansa.learning.comparison import StatisticsReport
from hansa.learning.document import verify_statistics
from hansa.learning.evaluation import KINDS
from hansa.learning.interval import Interval, bound_auc, bound_gain
from hansa.learning.logistic import Logistic, LogisticState
from hansa.learning.model import Model, parse_model
from hansa.learning.moment import FORMS, Moment, read_moment
from hansa.learning.networks import NetworkParameters, Networks
from hansa.learning.parameters import Parameters, StatisticsParameters, parse_parameters
from hansa.learning.pricing import Price, rehearse_price
from hansa.learning.private import PrivateLogistic, PrivateState
from hansa.learning.private_statistics import PrivateStatistics
from hansa.learning.reading import (
    build_recipe,
    read_rho,
    read_schema,
    read_split,
    read_unit,
    write_metrics,
    write_report,
)
from hansa.learning.recipe import (
    CalibrationBin,
    Dropped,
    LogisticResult,
    ModelResult,
    NetworkResult,
    PrivateReport,
    Question,
    Recipe,
    Result,
    TreesResult,
    recipe_digest,
    run_in_clear,
)
from hansa.learning.regression import RegressionRecipe, RegressionResult
from hansa.learning.split import (
    GroupSplit,
    RowSplit,
    Split,
    StratifiedSplit,
    TimeSplit,
    divide_rows,
    split_rows,
)
from hansa.learning.statistics import Statistics
from hansa.learning.summary import STATISTICS_FORMAT, StatisticsResult
from hansa.learning.tables import (
    MAX_ROWS,
    Feature,
    NumberFeature,
    Rows,
    Schema,
    Table,
    Vector,
    verify_table,
)
from hansa.learning.trees import Trees, TreesParameters
from hansa.learning.unit import Unit

__all__ = [
    "BUCKETS",
    "FEW_BUCKETS",
    "FORMS",
    "KINDS",
    "MAX_ROWS",
    "STATISTICS_FORMAT",
    "Accuracy",
    "CalibrationBin",
    "CategoryFeature",
    "Dropped",
    "Feature",
    "GroupSplit",
    "Interval",
    "Logistic",
    "LogisticResult",
    "LogisticState",
    "MemberReport",
    "Model",
    "ModelResult",
    "Moment",
    "NetworkParameters",
    "NetworkResult",
    "Networks",
    "NumberFeature",
    "Parameters",
    "Price",
    "PrivateLogistic",
    "PrivateReport",
    "PrivateState",
    "PrivateStatistics",
    "Question",
    "Recipe",
    "RegressionRecipe",
    "RegressionResult",
    "Result",
    "RowSplit",
    "Rows",
    "Schema",
    "Split",
    "Statistics",
    "StatisticsParameters",
    "StatisticsReport",
    "StatisticsResult",
    "StratifiedSplit",
    "Table",
    "TimeSplit",
    "Trees",
    "TreesParameters",
    "TreesResult",
    "Unit",
    "Vector",
    "bound_auc",
    "bound_gain",
    "build_recipe",
    "divide_rows",
    "hash_category",
    "parse_model",
    "parse_parameters",
    "read_moment",
    "read_rho",
    "read_schema",
    "read_split",
    "read_unit",
    "recipe_digest",
    "rehearse_price",
    "rehearse_statistics",
    "run_in_clear",
    "split_rows",
    "verify_statistics",
    "verify_table",
    "write_metrics",
    "write_report",
]
