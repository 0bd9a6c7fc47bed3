"""XGBoost opens what we export, and says the same of every row."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from hansa.errors import Refused
from hansa.learning import CategoryFeature, NumberFeature, Schema, Table
from hansa.learning.categories import hash_category
from hansa.learning.trees import Branch, Forest, Leaf, Tree
from hansa.learning.trees.bins import Bins, CategoryBins, NumberBins
from hansa.learning.trees.xgboost import describe_columns, export_xgboost

SCHEMA = Schema(
    (
        NumberFeature("speed [kn]", -5.0, 5.0, missing=True),
        CategoryFeature("sky", ("Clear", "Some", "Overcast", "Never"), missing=True),
        NumberFeature("height", 0.0, 1.0, missing=False),
        CategoryFeature("species", None, missing=True),
    )
)
SPECIES = sorted(hash_category("species", f"bird {k}") for k in range(6))
BINS = Bins(
    SCHEMA,
    (
        NumberBins("speed [kn]", (-1.3, 0.0, 0.1, 2.7), missing=True),
        CategoryBins("sky", (0, 2, 4)),
        NumberBins("height", (0.3,), missing=False),
        CategoryBins("species", (*SPECIES, 2**16)),
    ),
)


def draw_right(rng, column):
    if isinstance(column, CategoryBins):
        right = np.flatnonzero(rng.random(column.width) < 0.5)
        return tuple(right.tolist()) or (0,)
    present = len(column.edges) + 1
    lacking = (present,) if column.missing and rng.random() < 0.5 else ()
    return (*range(rng.integers(1, present), present), *lacking)


def draw_tree(rng, depth):
    nodes = [Leaf(0.0)]
    opened = [0]
    for _ in range(depth):
        following = []
        for place in opened:
            if place and rng.random() < 0.2:
                continue
            feature = int(rng.integers(len(BINS.columns)))
            right = draw_right(rng, BINS.columns[feature])
            nodes[place] = Branch(feature, right, (len(nodes), len(nodes) + 1), rng.random())
            following += [len(nodes), len(nodes) + 1]
            nodes += [Leaf(rng.normal()), Leaf(rng.normal())]
        opened = following
    return Tree(
        tuple(replace(node, value=0.2 * rng.normal()) if isinstance(node, Leaf) else node for node in nodes)
    )


def draw_forest(rng, trees=30):
    return Forest(BINS, 6.0 * rng.normal(), tuple(draw_tree(rng, 4) for _ in range(trees)), None)


def draw_table(rng, rows):
    speed = np.round(rng.uniform(-5, 5, rows), 1).astype(np.float32).astype(np.float64)
    speed[rng.random(rows) < 0.2] = np.nan
    sky = rng.choice(np.array(["Clear", "Some", "Overcast", "Never", None], dtype=object), rows)
    species = rng.choice(np.array([*(f"bird {k}" for k in range(9)), None], dtype=object), rows)
    height = rng.random(rows, dtype=np.float32).astype(np.float64)
    return Table(
        SCHEMA,
        {"speed [kn]": speed, "height": height},
        {"sky": sky, "species": species},
        np.zeros(rows, np.int8),
    )


def encode(columns, table, *, is_missing_empty=False):
    """A table for XGBoost, by nothing but the document of columns."""
    made = []
    for column in columns["columns"]:
        if column["type"] == "number":
            made.append(table.numbers[column["feature"]])
            continue
        codes = []
        for text in table.texts[column["feature"]]:
            if text is None:
                codes.append(np.nan if is_missing_empty else column["missing"])
                continue
            known = (
                text
                if column["buckets"] is None
                else str(hash_category(column["feature"], text, column["buckets"]))
            )
            codes.append(column["codes"].get(known, column["other"]))
        made.append(np.array(codes, dtype=float))
    return np.column_stack(made)


@pytest.fixture(scope="module")
def xgboost():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports in passing warns of its own future
        import xgboost
    return xgboost


def read(xgboost, model):
    booster = xgboost.Booster()
    booster.load_model(bytearray(json.dumps(model).encode()))
    return booster


def predict(xgboost, model, columns, values, **more):
    names = [column["name"] for column in columns["columns"]]
    types = ["c" if column["type"] == "category" else "float" for column in columns["columns"]]
    data = xgboost.DMatrix(values, feature_names=names, feature_types=types, enable_categorical=True)
    return read(xgboost, model).predict(data, **more).astype(float)


@pytest.mark.parametrize("seed", range(8))
def test_every_row_has_the_same_leaves_and_the_same_probability(xgboost, seed):
    rng = np.random.default_rng(seed)
    forest, table = draw_forest(rng), draw_table(rng, 2_000)
    model, columns = export_xgboost(forest), describe_columns(forest)
    values = encode(columns, table, is_missing_empty=bool(seed % 2))
    logits = forest.predict(table)
    assert np.abs(predict(xgboost, model, columns, values) - 1 / (1 + np.exp(-logits))).max() < 1e-6
    assert np.abs(predict(xgboost, model, columns, values, output_margin=True) - logits).max() < 1e-5
    leaves = predict(xgboost, model, columns, values, pred_leaf=True)[:, :-1]
    places = np.zeros((len(forest.trees), len(table)), dtype=np.int32)
    for tree, place in zip(forest.trees, places, strict=True):
        tree.route(BINS.encode(table), place)
    assert (leaves == places.T).all()


def test_the_logits_of_a_few_trees_are_equal_to_a_millionth(xgboost):
    rng = np.random.default_rng(9)
    forest, table = replace(draw_forest(rng, trees=3), base=-4.75), draw_table(rng, 500)
    columns = describe_columns(forest)
    margins = predict(xgboost, export_xgboost(forest), columns, encode(columns, table), output_margin=True)
    assert np.abs(margins - forest.predict(table)).max() < 1e-6


@pytest.mark.parametrize("right", [(5,), (0, 1, 2, 3, 4), (1, 2, 3, 4, 5), (4,)], ids=str)
def test_missing_may_part_from_all_that_is_there(xgboost, right):
    tree = Tree((Branch(0, right, (1, 2)), Leaf(-1.0), Leaf(1.0)))
    forest = Forest(BINS, 0.0, (tree,), None)
    table = draw_table(np.random.default_rng(1), 200)
    columns = describe_columns(forest)
    margins = predict(xgboost, export_xgboost(forest), columns, encode(columns, table), output_margin=True)
    assert (margins == forest.predict(table)).all()


def test_a_value_on_an_edge_goes_right_although_the_edge_is_no_float32(xgboost):
    edge = 0.1  # its float32 is above it
    near = np.float32(edge)
    below, above = np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(1))
    tree = Tree((Branch(0, (3, 4), (1, 2)), Leaf(-1.0), Leaf(1.0)))
    for step in (0.0, -1e-9, 1e-9):
        column = NumberBins("x", (-1.3, 0.0, edge + step, 2.7), missing=True)
        schema = Schema((NumberFeature("x", -5.0, 5.0, missing=True),))
        forest = Forest(Bins(schema, (column,)), 0.0, (tree,), None)
        values = np.array([below, near, above, edge + step], dtype=np.float32).astype(float)
        table = Table(schema, {"x": values}, {}, np.zeros(4, np.int8))
        columns = describe_columns(forest)
        margins = predict(xgboost, export_xgboost(forest), columns, values[:, None], output_margin=True)
        assert (margins == forest.predict(table)).all()


def test_splits_gain_for_xgboost_what_they_gained_for_us(xgboost):
    forest = draw_forest(np.random.default_rng(3))
    gains = read(xgboost, export_xgboost(forest)).get_score(importance_type="total_gain")
    ours = {name.replace("[", "(").replace("]", ")"): gain for name, gain in forest.find_gains().items()}
    assert gains == pytest.approx(ours, rel=1e-5)


def test_no_leaf_says_how_many_rows_it_had():
    model = export_xgboost(draw_forest(np.random.default_rng(4)))
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    assert not any(value for tree in trees for value in tree["sum_hessian"])


def test_the_columns_say_which_code_stands_for_which_category():
    columns = describe_columns(draw_forest(np.random.default_rng(5), trees=1))["columns"]
    assert columns[0] == {"feature": "speed [kn]", "name": "speed (kn)", "type": "number"}
    assert columns[1] == {
        "feature": "sky",
        "name": "sky",
        "type": "category",
        "buckets": None,
        "codes": {"Clear": 0, "Overcast": 1},
        "missing": 2,
        "other": 3,
    }
    assert columns[3]["buckets"] == 2**16
    assert columns[3]["codes"] == {str(code): place for place, code in enumerate(SPECIES)}


def one_number(*, high=5.0, edges=(0.0, 1.0), right=(2,), value=1.0):
    schema = Schema((NumberFeature("x", -5.0, high, missing=False),))
    tree = Tree((Branch(0, right, (1, 2)), Leaf(-1.0), Leaf(value)))
    return Forest(Bins(schema, (NumberBins("x", edges, missing=False),)), 0.0, (tree,), None)


@pytest.mark.parametrize(
    ("forest", "rule", "reason"),
    [
        (one_number(high=1e39), "export.range", "`x` has larger values"),
        (one_number(edges=(0.0, 1e300)), "export.range", "`x` has larger values"),
        (one_number(value=-1e39), "export.range", "a leaf or the base"),
        (one_number(right=(1,)), "export.split", "`x` is parted by more than one threshold"),
    ],
    ids=["bounds", "edges", "leaf", "split"],
)
def test_what_xgboost_cannot_hold_is_refused(forest, rule, reason):
    with pytest.raises(Refused, match=reason) as refused:
        export_xgboost(forest)
    assert refused.value.rule == rule


def test_two_features_that_xgboost_could_not_tell_apart_are_refused():
    schema = Schema(tuple(NumberFeature(name, 0.0, 1.0, missing=False) for name in ("a[b]", "a(b)")))
    columns = tuple(NumberBins(number.name, (0.5,), missing=False) for number in schema.numbers)
    forest = Forest(Bins(schema, columns), 0.0, (), None)
    for make in (export_xgboost, describe_columns):
        with pytest.raises(Refused, match=r"`a\(b\)`") as refused:
            make(forest)
        assert refused.value.rule == "export.name"
