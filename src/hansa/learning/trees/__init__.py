"""Gradient-boosted trees over sums (docs/formats/recipe-trees.md).

Histograms of slope and curvature are summed, splits follow from the totals, and the trees are those that all rows in one place would give.
"""

from hansa.learning.trees.document import FORMAT, parse_forest, write_forest
from hansa.learning.trees.forest import Branch, Forest, Leaf, Tree
from hansa.learning.trees.private import PrivateTrees, PrivateTreesState
from hansa.learning.trees.recipe import Trees, TreesState
from hansa.learning.trees.settings import TreesParameters, parse_trees_parameters
from hansa.learning.trees.xgboost import describe_columns, export_xgboost

__all__ = [
    "FORMAT",
    "Branch",
    "Forest",
    "Leaf",
    "PrivateTrees",
    "PrivateTreesState",
    "Tree",
    "Trees",
    "TreesParameters",
    "TreesState",
    "describe_columns",
    "export_xgboost",
    "parse_forest",
    "parse_trees_parameters",
    "write_forest",
]
