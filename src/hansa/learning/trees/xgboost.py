"""The same forest for others: a model that XGBoost opens, and what its columns mean (docs/formats/xgboost.md).

XGBoost itself is not needed to write it.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np

from hansa.errors import Refused
from hansa.learning.categories import CategoryFeature, count_codes
from hansa.learning.recipe import Json
from hansa.learning.tables import Feature, NumberFeature
from hansa.learning.trees.bins import CategoryBins, NumberBins, place_codes
from hansa.learning.trees.forest import Branch, Forest, Leaf, Tree

COLUMNS: Final = "hansa/v1/xgboost-columns"

_VERSION: Final = (2, 0, 0)
"""Of XGBoost's format: the first that has categories as they are written here; later ones read it."""

_LARGEST: Final = float(np.finfo(np.float32).max)
_NO_PARENT: Final = 2**31 - 1
_SPELLINGS: Final = str.maketrans({"[": "(", "]": ")", "<": "‹"})
"""Signs that XGBoost does not allow in a feature's name."""


def export_xgboost(forest: Forest) -> dict[str, Any]:
    """Return the content of an XGBoost model file.

    Raises:
        Refused: `export.range`, a number's bounds, a leaf or the base is more than a float32 holds; `export.split`, a
            number is parted by more than one threshold, which no recipe does; `export.name`, two features would have one name.
    Guarantees:
        A row whose numbers are float32 exactly has the same leaf in every tree as by `forest`.
    """
    verify_ranges(forest)
    names = spell_names(forest)
    # XGBoost keeps a base as a probability in float32, which is too coarse near 1: a last tree of one leaf adds ours.
    trees = [*forest.trees, Tree((Leaf(forest.base),))]
    return {
        "version": [*_VERSION],
        "learner": {
            "attributes": {},
            "feature_names": [*names],
            "feature_types": [
                "float" if isinstance(column, NumberBins) else "c" for column in forest.bins.columns
            ],
            "gradient_booster": {
                "name": "gbtree",
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": [*range(len(trees) + 1)],
                    "tree_info": [0] * len(trees),
                    "trees": [_write_tree(forest, place, tree) for place, tree in enumerate(trees)],
                },
            },
            "learner_model_param": {
                "base_score": "5E-1",
                "boost_from_average": "0",
                "num_class": "0",
                "num_feature": str(len(names)),
                "num_target": "1",
            },
            "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
    }


def describe_columns(forest: Forest) -> dict[str, Json]:
    """Return what a table for the exported model must hold: its columns in order, and which code stands for which category.

    Raises:
        Refused: `export.name`.
    """
    names = spell_names(forest)
    pairs = zip(forest.bins.schema.features, forest.bins.columns, names, strict=True)
    return {"format": COLUMNS, "columns": [_describe_column(*pair) for pair in pairs]}


def spell_names(forest: Forest) -> tuple[str, ...]:
    """Return the features' names as XGBoost allows them: without square brackets and `<`.

    Raises:
        Refused: `export.name`, two would be the same.
    """
    names = tuple(column.name.translate(_SPELLINGS) for column in forest.bins.columns)
    alike = sorted({name for name in names if names.count(name) > 1})
    if alike:
        raise Refused(
            "export.name",
            [f"two features would be called `{name}`, as XGBoost allows no brackets" for name in alike],
        )
    return names


def verify_ranges(forest: Forest) -> None:
    """Check that float32 can hold all that is compared and added.

    Raises:
        Refused: `export.range`, with every finding.
    """
    findings = []
    for number, column in zip(forest.bins.schema.features, forest.bins.columns, strict=True):
        if isinstance(column, CategoryBins) or isinstance(number, CategoryFeature):
            continue
        if max(map(abs, (number.minimum, number.maximum, *column.edges))) >= _LARGEST:
            findings.append(
                f"`{number.name}` has larger values than XGBoost's numbers, which end at {_LARGEST:.4g}"
            )
    values = [forest.base, *(value for tree in forest.trees for value in tree.values.tolist())]
    if max(map(abs, values)) >= _LARGEST:
        findings.append(f"a leaf or the base is larger than XGBoost's numbers, which end at {_LARGEST:.4g}")
    if findings:
        raise Refused("export.range", findings)


def _describe_column(feature: Feature, column: NumberBins | CategoryBins, name: str) -> Json:
    known: dict[str, Json] = {"feature": feature.name, "name": name}
    if isinstance(feature, NumberFeature) or isinstance(column, NumberBins):
        return {**known, "type": "number"}
    missing = count_codes(feature)
    return {
        **known,
        "type": "category",
        "buckets": feature.buckets if feature.categories is None else None,
        "codes": {
            _name_category(feature, code): place for place, code in enumerate(column.codes) if code != missing
        },
        "missing": _place_missing(feature, column),
        "other": len(column.codes),
    }


def _name_category(feature: CategoryFeature, code: int) -> str:
    return str(code) if feature.categories is None else feature.categories[code]


def _place_missing(feature: Feature, column: NumberBins | CategoryBins) -> int:
    """Return the bin of a row that lacks the feature."""
    if isinstance(column, CategoryBins):
        assert isinstance(feature, CategoryFeature)  # as its bins are
        return int(place_codes(column, np.array([count_codes(feature)]))[0])
    return column.width - 1


def _write_tree(forest: Forest, place: int, tree: Tree) -> dict[str, Any]:
    count = len(tree.nodes)
    children, parents = [[-1] * count, [-1] * count], [_NO_PARENT] * count
    splits, types, lefts = [0] * count, [0] * count, [0] * count
    conditions, gains = [0.0] * count, [0.0] * count
    categories: dict[int, tuple[int, ...]] = {}
    for node_place, node in enumerate(tree.nodes):
        if isinstance(node, Leaf):
            conditions[node_place] = _shorten(node.value)
            continue
        for side, child in enumerate(node.children):
            children[side][node_place] = child
            parents[child] = node_place
        feature, column = forest.bins.schema.features[node.feature], forest.bins.columns[node.feature]
        splits[node_place] = node.feature
        gains[node_place] = _shorten(min(max(node.gain, 0.0), _LARGEST))
        lefts[node_place] = int(_place_missing(feature, column) not in node.right)
        if isinstance(column, CategoryBins):
            types[node_place] = 1
            categories[node_place] = node.right
        else:
            conditions[node_place] = _find_threshold(column, node)
    sizes = [len(right) for right in categories.values()]
    return {
        "id": place,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(len(forest.bins.columns)),
            "num_nodes": str(count),
            "size_leaf_vector": "1",
        },
        "left_children": children[0],
        "right_children": children[1],
        "parents": parents,
        "split_indices": splits,
        "split_conditions": conditions,
        "split_type": types,
        "default_left": lefts,
        "categories": [code for right in categories.values() for code in right],
        "categories_nodes": [*categories],
        "categories_segments": [*accumulate(sizes[:-1], initial=0)] if sizes else [],
        "categories_sizes": sizes,
        "base_weights": [_shorten(value) for value in tree.values.tolist()],
        "loss_changes": gains,
        "sum_hessian": [0.0] * count,  # never published: a leaf's would be nearly its number of rows
    }


def _find_threshold(column: NumberBins, branch: Branch) -> float:
    """Return the float32 from which on values go right.

    Raises:
        Refused: `export.split`, there is none.
    """
    present = range(len(column.edges) + 1)
    right: Sequence[int] = [bin_ for bin_ in branch.right if bin_ in present]
    if [*right] != [*present[len(present) - len(right) :]]:
        raise Refused("export.split", f"`{column.name}` is parted by more than one threshold")
    if not right:
        return _shorten(_LARGEST)
    if len(right) == len(present):
        return _shorten(-_LARGEST)
    edge = column.edges[right[0] - 1]
    near = np.float32(edge)
    # The first float32 that is not below the edge, so that a float32 is on the same side of both.
    return _shorten(float(near) if float(near) >= edge else float(np.nextafter(near, np.float32(np.inf))))


def _shorten(value: float) -> float:
    """Return the float whose text is the shortest that reads back as the same float32."""
    return float(str(np.float32(value)))
