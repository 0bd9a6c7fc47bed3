"""Make the vectors of plans: `yaml` is what people wrote; `canonical` and `digest` are what the record keeps.

A bad vector has either `yaml` with the `line` of the finding, or `canonical` alone.
"""

import hashlib
import json
from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

RECIPE = "ab" * 32

SMALL = f"""\
version: 1
name: Small
purpose: Be small.
recipe: {{name: logistic, digest: {RECIPE}}}
label: {{name: y, positive: 1, negative: 0}}
features:
  - {{name: a, type: number, minimum: 0, maximum: 1}}
  - {{name: b, type: category, categories: [u, v]}}
cohort: {{minimum: 3}}
split: {{kind: stratified, test: 3/10}}
privacy: {{noise: none}}
bars: [{{metric: auc_together, at_least: 0.80}}]
leaves: [{{what: sums, to: members}}]
"""

PARAMETERS = {
    "ridge": "1",
    "organisation_intercepts": False,
    "correction": "10",
    "minimum_category_members": 3,
    "minimum_category_rows": 10,
    "minimum_rows_per_column": 5,
    "maximum_turns": 25,
    "clip": "3",
    "steps": 8,
}
A = {"name": "a", "type": "number", "unit": "", "minimum": "0", "maximum": "1", "missing": "refused"}
B = {"name": "b", "type": "category", "categories": ["u", "v"], "missing": "refused"}


def canonical(**changes: object) -> dict[str, object]:
    return {
        "version": 1,
        "name": "Small",
        "purpose": "Be small.",
        "recipe": {"name": "logistic", "digest": RECIPE, "parameters": PARAMETERS},
        "label": {"name": "y", "positive": "1", "negative": "0"},
        "features": [A, B],
        "cohort": {"members": "all", "minimum": 3},
        "attempts": 2,
        "split": {"kind": "stratified", "seed": 0, "test": "3/10"},
        "privacy": {"noise": "none"},
        "bars": [{"metric": "auc_together", "at_least": "0.80"}],
        "leaves": [{"what": "sums", "to": "members"}],
        **changes,
    }


STATISTICS = f"""\
version: 1
name: Small
purpose: Be small.
recipe: {{name: statistics, digest: {RECIPE}}}
features:
  - {{name: a, type: number, minimum: 0, maximum: 1}}
  - {{name: b, type: category, categories: [u, v]}}
cohort: {{minimum: 3}}
privacy: {{noise: none}}
leaves: [{{what: sums, to: members}}]
"""
TABLES = {"bins": 20, "minimum_rows": 10, "minimum_members": 3}


def canonical_statistics(parameters: dict[str, int] | None = None, **changes: object) -> dict[str, object]:
    recipe = {"name": "statistics", "digest": RECIPE, "parameters": TABLES | (parameters or {})}
    whole = canonical(recipe=recipe, **changes)
    return {name: value for name, value in whole.items() if name not in {"label", "split", "bars"}}


TREES = SMALL.replace("{name: logistic,", "{name: trees,")
"""Equal to `SMALL` but for the recipe."""
GROWN = {
    "trees": 100,
    "depth": 4,
    "learning_rate": "0.1",
    "bins": 64,
    "ridge": "1",
    "minimum_rows": 20,
    "minimum_members": 3,
    "positive_weight": "1",
    "rising": [],
    "falling": [],
    "organisation_offsets": True,
    "patience": 0,
    "features": 1,
    "organisation_rate": False,
    "correction_trees": 20,
}


NETWORK = SMALL.replace(
    f"{{name: logistic, digest: {RECIPE}}}",
    f"{{name: network, digest: {RECIPE}, parameters: {{layers: [{{kind: linear, size: 4}}, {{kind: relu}}]}}}}",
)
TRAINED = {
    "layers": [{"kind": "linear", "size": 4}, {"kind": "relu"}],
    "image": None,
    "method": "fedavg",
    "rounds": 20,
    "epochs": 1,
    "batch": 32,
    "learning_rate": "0.1",
    "server_rate": "1",
    "proximal": "0.01",
    "decay": "0.0001",
    "clip": "10",
    "resolution": "0.000001",
    "seed": 0,
    "scaling": "deviation",
    "weighting": "rows",
    "own": [],
    "own_epochs": 1,
    "correction_epochs": 2,
    "minimum_category_members": 3,
    "minimum_category_rows": 10,
}


def canonical_network(**parameters: object) -> dict[str, object]:
    return canonical(recipe={"name": "network", "digest": RECIPE, "parameters": TRAINED | parameters})


def canonical_trees(**parameters: object) -> dict[str, object]:
    return canonical(recipe={"name": "trees", "digest": RECIPE, "parameters": GROWN | parameters})


LABELLED = SMALL.replace("auc_together", "members_gain")


def explain(family: str, label: str) -> str:
    """Return the small plan as one of a regression."""
    recipe = f"{{name: regression, digest: {RECIPE}, parameters: {{family: {family}}}}}"
    plan = LABELLED.replace(f"{{name: logistic, digest: {RECIPE}}}", recipe)
    return plan.replace("{name: y, positive: 1, negative: 0}", label)


def canonical_regression(family: str, label: dict[str, object]) -> dict[str, object]:
    parameters = {
        "family": family,
        "ridge": "0",
        "lasso": "0",
        "ties": "efron",
        "correction": "10",
        "minimum_rows": 10,
        "minimum_members": 3,
        "minimum_rows_per_column": 5,
        "maximum_turns": 50,
    }
    return canonical(
        recipe={"name": "regression", "digest": RECIPE, "parameters": parameters},
        label=label,
        bars=[{"metric": "members_gain", "at_least": "0.80"}],
    )


COST = "{name: y, type: number, minimum: -1, maximum: 9}"
CLAIMS = "{name: y, type: number, minimum: 0, maximum: 9, exposure: {name: t, unit: years, minimum: 0.1, maximum: 1}}"
GRADE = "{name: y, type: category, categories: [u, v, w]}"
DEATH = (
    "{name: y, type: time, unit: days, step: 30, steps: 24, event: {name: died, positive: 1, negative: 0}}"
)
POOLED = SMALL.replace("auc_together", "auc_pooled_together")
BARS = [{"metric": "auc_pooled_together", "at_least": "0.80"}]
ROWS = POOLED.replace("stratified", "rows")
NOISE = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001}"
PERSONS = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001, unit: {column: person, rows: 4}}"
NOISED = {"noise": "discrete-gaussian", "epsilon": "3", "delta": "0.00001", "unit": "row"}
SPLIT = "{kind: stratified, test: 3/10}"
GROUP = {"kind": "group", "column": "person", "seed": 7, "test": "1/4", "scope": "everywhere"}
TIME = {"kind": "time", "column": "year", "from": "1996"}

GOOD = [
    ("small", "everything that has a default is left out", SMALL, canonical()),
    ("decimal-share", "the test share as a decimal", SMALL.replace("3/10", "0.30"), canonical()),
    (
        "validation",
        "a fifth of the rows by which members choose",
        SMALL.replace(SPLIT, "{kind: stratified, test: 3/10, validation: 0.2}"),
        canonical(split={"kind": "stratified", "seed": 0, "test": "3/10", "validation": "1/5"}),
    ),
    (
        "time-validation",
        "a time from which members choose",
        SMALL.replace(SPLIT, "{kind: time, column: year, from: 1996, validation: 1994}"),
        canonical(split={**TIME, "validation": "1994"}),
    ),
    (
        "voice",
        "each member's rows together count alike",
        SMALL.replace(RECIPE, RECIPE + ", parameters: {voice: members}"),
        canonical(
            recipe={"name": "logistic", "digest": RECIPE, "parameters": {**PARAMETERS, "voice": "members"}}
        ),
    ),
    (
        "clusters",
        "two further models",
        SMALL.replace(RECIPE, RECIPE + ", parameters: {clusters: 2}"),
        canonical(recipe={"name": "logistic", "digest": RECIPE, "parameters": {**PARAMETERS, "clusters": 2}}),
    ),
    (
        "usual-voice",
        "the usual voice and one model are left out of the canonical form",
        SMALL.replace(RECIPE, RECIPE + ", parameters: {voice: rows, clusters: 1}"),
        canonical(),
    ),
    (
        "listed-cohort",
        "members listed out of order",
        SMALL.replace("{minimum: 3}", "{members: [cyd, ada, bob], minimum: 3}"),
        canonical(cohort={"members": ["ada", "bob", "cyd"], "minimum": 3}),
    ),
    (
        "group-split",
        "rows of one person stay together",
        SMALL.replace(SPLIT, "{kind: group, column: person, seed: 7, test: 0.25}"),
        canonical(split=GROUP),
    ),
    (
        "row-split",
        "rows are drawn one by one",
        ROWS,
        canonical(split={"kind": "rows", "seed": 0, "test": "3/10"}, bars=BARS),
    ),
    (
        "noise",
        "noise that protects each row",
        ROWS.replace("{noise: none}", NOISE),
        canonical(split={"kind": "rows", "seed": 0, "test": "3/10"}, privacy=NOISED, bars=BARS),
    ),
    (
        "noise-for-persons",
        "noise that protects a person, whose rows stay together",
        POOLED.replace("{noise: none}", PERSONS).replace(
            SPLIT, "{kind: group, column: person, seed: 7, test: 0.25}"
        ),
        canonical(split=GROUP, privacy={**NOISED, "unit": {"column": "person", "rows": 4}}, bars=BARS),
    ),
    (
        "time-split",
        "rows from one year on are test rows",
        SMALL.replace(SPLIT, "{kind: time, column: year, from: 1996}"),
        canonical(split=TIME),
    ),
    (
        "counted",
        "categories are counted",
        SMALL.replace("[u, v]", "counted"),
        canonical(features=[A, {**B, "categories": "counted"}]),
    ),
    (
        "texts-as-typed",
        "texts that look like something else",
        SMALL.replace("[u, v]", "[NO, 007, 1, true, 1.0, 1996-01-01]"),
        canonical(features=[A, {**B, "categories": ["NO", "007", "1", "true", "1.0", "1996-01-01"]}]),
    ),
    (
        "attempts",
        "an approval that allows one attempt",
        SMALL + "attempts: 1\n",
        canonical(attempts=1),
    ),
    (
        "fraction-bar",
        "a bar as a fraction, and one from above",
        SMALL.replace("at_least: 0.80}", "at_least: 4/6}, {metric: brier_together, at_most: 0.1}"),
        canonical(
            bars=[
                {"metric": "auc_together", "at_least": "2/3"},
                {"metric": "brier_together", "at_most": "0.1"},
            ]
        ),
    ),
    ("trees", "trees with every default", TREES, canonical_trees()),
    (
        "rising-trees",
        "two trees that may only rise with a number",
        TREES.replace(RECIPE, RECIPE + ", parameters: {trees: 2, rising: [a], learning_rate: 0.50}"),
        canonical_trees(trees=2, rising=["a"], learning_rate="0.50"),
    ),
    (
        "linear",
        "a linear model of a number",
        explain("linear", COST),
        canonical_regression(
            "linear",
            {"name": "y", "type": "number", "unit": "", "minimum": "-1", "maximum": "9", "exposure": None},
        ),
    ),
    (
        "poisson",
        "a Poisson model of a count over an exposure",
        explain("poisson", CLAIMS),
        canonical_regression(
            "poisson",
            {
                "name": "y",
                "type": "number",
                "unit": "",
                "minimum": "0",
                "maximum": "9",
                "exposure": {"name": "t", "unit": "years", "minimum": "0.1", "maximum": "1"},
            },
        ),
    ),
    (
        "multinomial",
        "a model of three classes",
        explain("multinomial", GRADE),
        canonical_regression("multinomial", {"name": "y", "type": "category", "categories": ["u", "v", "w"]}),
    ),
    (
        "cox",
        "a Cox model of the time until an event",
        explain("cox", DEATH),
        canonical_regression(
            "cox",
            {
                "name": "y",
                "type": "time",
                "unit": "days",
                "step": "30",
                "steps": 24,
                "event": {"name": "died", "positive": "1", "negative": "0"},
            },
        ),
    ),
    ("network", "a network with every default", NETWORK, canonical_network()),
    (
        "image-network",
        "a network over an image, with every kind of layer, whose norms and head are each member's own",
        NETWORK.replace(
            "[{kind: linear, size: 4}, {kind: relu}]",
            "[{kind: conv2d, channels: 2, kernel: 1}, {kind: group_norm, groups: 2}, {kind: max_pool, size: 2},"
            " {kind: dropout, share: 0.20}, {kind: linear, size: 3}, {kind: layer_norm}, {kind: tanh}],"
            " image: {height: 2, width: 2}, own: [norms, head], method: fedyogi",
        ),
        canonical_network(
            layers=[
                {"kind": "conv2d", "channels": 2, "kernel": 1, "stride": 1, "padding": 0},
                {"kind": "group_norm", "groups": 2},
                {"kind": "max_pool", "size": 2},
                {"kind": "dropout", "share": "0.20"},
                {"kind": "linear", "size": 3},
                {"kind": "layer_norm"},
                {"kind": "tanh"},
            ],
            image={"channels": 1, "height": 2, "width": 2},
            own=["head", "norms"],
            method="fedyogi",
        ),
    ),
    ("statistics", "how the rows are, and no model", STATISTICS, canonical_statistics()),
    (
        "coarse-statistics",
        "statistics in five bins",
        STATISTICS.replace(RECIPE, RECIPE + ", parameters: {bins: 5, minimum_members: 4}"),
        canonical_statistics({"bins": 5, "minimum_members": 4}),
    ),
    (
        "noised-statistics",
        "statistics with noise that protects a person, without a split",
        STATISTICS.replace("{noise: none}", PERSONS),
        canonical_statistics(privacy={**NOISED, "unit": {"column": "person", "rows": 4}}),
    ),
]

BAD_YAML = [
    (
        "plan.field-missing",
        "no-bars",
        "no bars",
        SMALL.replace("bars: [{metric: auc_together, at_least: 0.80}]\n", ""),
        1,
    ),
    (
        "plan.field-missing",
        "no-label",
        "a model of no label",
        SMALL.replace("label: {name: y, positive: 1, negative: 0}\n", ""),
        1,
    ),
    (
        "plan.field-missing",
        "no-split",
        "a model without test rows",
        SMALL.replace(f"split: {SPLIT}\n", ""),
        1,
    ),
    (
        "plan.direction",
        "trees-rising-with-a-category",
        "trees that shall rise with a category",
        TREES.replace(RECIPE, RECIPE + ", parameters: {rising: [b]}"),
        4,
    ),
    (
        "plan.direction",
        "trees-both-ways",
        "trees that shall rise and fall with one number",
        TREES.replace(RECIPE, RECIPE + ", parameters: {rising: [a], falling: [a]}"),
        4,
    ),
    (
        "plan.privacy-trees",
        "noised-trees",
        "trees with noise whose members would learn offsets without it",
        TREES.replace("auc_together", "auc_pooled_together")
        .replace("stratified", "rows")
        .replace("{noise: none}", NOISE),
        4,
    ),
    (
        "plan.label-type",
        "logistic-of-a-number",
        "a logistic model of a number",
        LABELLED.replace("{name: y, positive: 1, negative: 0}", COST),
        5,
    ),
    (
        "plan.label-type",
        "poisson-below-zero",
        "a Poisson model of a number that may be negative",
        explain("poisson", COST),
        5,
    ),
    (
        "plan.label-type",
        "gamma-with-exposure",
        "a gamma model of an amount over an exposure",
        explain("gamma", CLAIMS.replace("minimum: 0,", "minimum: 1,")),
        5,
    ),
    ("plan.label-type", "cox-of-classes", "a Cox model of classes", explain("cox", GRADE), 5),
    (
        "plan.label",
        "one-column-for-time-and-event",
        "a time and its event in one column",
        explain("cox", DEATH.replace("died", "y")),
        5,
    ),
    (
        "plan.bounds",
        "exposure-of-nothing",
        "an exposure that may be 0",
        explain("poisson", CLAIMS.replace("0.1", "0")),
        5,
    ),
    (
        "plan.bounds",
        "time-that-stands-still",
        "a step of time of 0",
        explain("cox", DEATH.replace("step: 30", "step: 0")),
        5,
    ),
    (
        "plan.categories",
        "one-class",
        "a single class",
        explain("multinomial", GRADE.replace("u, v, w", "u")),
        5,
    ),
    (
        "plan.bar-metric",
        "auc-of-a-number",
        "a bar on a ROC-AUC, of a number",
        explain("linear", COST).replace("members_gain", "auc_together"),
        12,
    ),
    (
        "plan.bar-metric",
        "concordance-of-two-values",
        "a bar on a concordance, of two values",
        SMALL.replace("auc_together", "concordance_together"),
        12,
    ),
    (
        "plan.privacy-regression",
        "noised-regression",
        "a regression with noise",
        explain("linear", COST)
        .replace("members_gain", "auc_pooled_together")
        .replace("stratified", "rows")
        .replace("{noise: none}", NOISE),
        11,
    ),
    (
        "plan.privacy-network",
        "noised-network",
        "a network with noise",
        NETWORK.replace("auc_together", "auc_pooled_together")
        .replace("stratified", "rows")
        .replace("{noise: none}", NOISE),
        11,
    ),
    (
        "plan.value",
        "network-with-two-heads",
        "a part of a network that is listed twice",
        NETWORK.replace("relu}]", "relu}], own: [head, head]"),
        4,
    ),
    (
        "plan.value",
        "network-of-code",
        "a layer that is none of the vocabulary",
        NETWORK.replace("{kind: relu}", "{kind: code, entry: net.py}"),
        4,
    ),
    (
        "plan.statistics",
        "statistics-of-a-label",
        "statistics beside a label",
        STATISTICS + "label: {name: y, positive: 1, negative: 0}\n",
        11,
    ),
    (
        "plan.statistics",
        "statistics-of-training-rows",
        "statistics beside a split",
        STATISTICS + f"split: {SPLIT}\n",
        11,
    ),
    (
        "plan.statistics",
        "statistics-with-bars",
        "statistics beside a bar, for which there is no metric",
        STATISTICS + "bars: [{metric: auc_together, at_least: 0.80}]\n",
        11,
    ),
    (
        "plan.field-unknown",
        "statistics-with-ridge",
        "a parameter of another recipe",
        STATISTICS.replace(RECIPE, RECIPE + ", parameters: {ridge: 1}"),
        4,
    ),
    (
        "plan.value",
        "one-bin",
        "a histogram of one bin",
        STATISTICS.replace(RECIPE, RECIPE + ", parameters: {bins: 1}"),
        4,
    ),
    (
        "plan.value",
        "two-rows-hide-each-other",
        "a cell of two rows that would be told",
        STATISTICS.replace(RECIPE, RECIPE + ", parameters: {minimum_rows: 2}"),
        4,
    ),
    (
        "plan.unit-column",
        "statistics-of-persons",
        "the unit of privacy is counted",
        STATISTICS.replace("{noise: none}", PERSONS.replace("person", "b")),
        9,
    ),
    ("plan.field-unknown", "code", "a plan that carries code", SMALL + "code: run.py\n", 14),
    (
        "plan.value",
        "unknown-recipe",
        "a recipe that does not exist",
        SMALL.replace("name: logistic", "name: forest"),
        4,
    ),
    (
        "plan.value",
        "unknown-metric",
        "a metric that does not exist",
        SMALL.replace("auc_together", "accuracy"),
        12,
    ),
    ("plan.value", "two-members", "a cohort of two", SMALL.replace("minimum: 3", "minimum: 2"), 9),
    (
        "plan.value",
        "unknown-noise",
        "noise that does not exist",
        SMALL.replace("noise: none", "noise: gaussian"),
        11,
    ),
    (
        "plan.value",
        "noise-for-people",
        "a unit in words",
        ROWS.replace("{noise: none}", NOISE.replace("}", ", unit: people}")),
        11,
    ),
    (
        "plan.value",
        "no-rows-of-a-person",
        "a person that counts nothing",
        ROWS.replace("{noise: none}", PERSONS.replace("rows: 4", "rows: 0")),
        11,
    ),
    (
        "plan.field-missing",
        "no-delta",
        "noise without a delta",
        ROWS.replace("{noise: none}", NOISE.replace(", delta: 0.00001", "")),
        11,
    ),
    (
        "plan.field-unknown",
        "epsilon-of-no-noise",
        "an epsilon without noise",
        SMALL.replace("{noise: none}", "{noise: none, epsilon: 3}"),
        11,
    ),
    (
        "plan.budget",
        "free-noise",
        "an epsilon of nothing",
        ROWS.replace("{noise: none}", NOISE.replace("epsilon: 3", "epsilon: 0")),
        11,
    ),
    (
        "plan.budget",
        "likely-failure",
        "a guarantee that fails often",
        ROWS.replace("{noise: none}", NOISE.replace("0.00001", "0.1")),
        11,
    ),
    (
        "plan.privacy-split",
        "noise-by-label",
        "with noise, a split by the labels of all rows",
        POOLED.replace("{noise: none}", NOISE),
        10,
    ),
    (
        "plan.privacy-split",
        "person-on-both-sides",
        "a person whose rows may train and test",
        ROWS.replace("{noise: none}", PERSONS),
        10,
    ),
    (
        "plan.privacy-split",
        "other-group",
        "persons are protected, and days stay together",
        POOLED.replace("{noise: none}", PERSONS).replace(SPLIT, "{kind: group, column: day, test: 1/4}"),
        10,
    ),
    (
        "plan.privacy-intercepts",
        "noise-and-intercepts",
        "an intercept of each member's own beside noise",
        ROWS.replace("{noise: none}", NOISE).replace(
            RECIPE, RECIPE + ", parameters: {organisation_intercepts: true}"
        ),
        4,
    ),
    (
        "plan.privacy-clusters",
        "noise-and-clusters",
        "models that members take by their own rows, beside noise",
        ROWS.replace("{noise: none}", NOISE).replace(RECIPE, RECIPE + ", parameters: {clusters: 2}"),
        4,
    ),
    (
        "plan.privacy-voice",
        "noise-and-voice",
        "rows that count differently beside noise",
        ROWS.replace("{noise: none}", NOISE).replace(RECIPE, RECIPE + ", parameters: {voice: members}"),
        4,
    ),
    (
        "plan.privacy-bar",
        "noise-and-mean-over-members",
        "a bar on what noise would drown, beside noise",
        ROWS.replace("{noise: none}", NOISE).replace("auc_pooled_together", "auc_together"),
        12,
    ),
    (
        "plan.decimal",
        "wide-clip",
        "a clip norm beyond what is computed with",
        SMALL.replace(RECIPE, RECIPE + ", parameters: {clip: 101}"),
        4,
    ),
    (
        "plan.unit-column",
        "unit-is-a-feature",
        "the unit of privacy is learned from",
        ROWS.replace("{noise: none}", PERSONS.replace("person", "b")),
        11,
    ),
    (
        "plan.unit-column",
        "unit-is-the-label",
        "the unit of privacy is the label",
        ROWS.replace("{noise: none}", PERSONS.replace("person", "y")),
        11,
    ),
    ("plan.value", "no-attempt", "an approval that allows no attempt", SMALL + "attempts: 0\n", 14),
    ("plan.value", "many-attempts", "an approval that allows eleven attempts", SMALL + "attempts: 11\n", 14),
    ("plan.digest", "recipe-by-name", "a recipe digest that is none", SMALL.replace(RECIPE, "latest"), 4),
    ("plan.decimal", "exponent", "a number with an exponent", SMALL.replace("maximum: 1", "maximum: 1e3"), 7),
    (
        "plan.decimal",
        "no-ridge",
        "a ridge of nothing",
        SMALL.replace(RECIPE, RECIPE + ", parameters: {ridge: 0}"),
        4,
    ),
    (
        "plan.text",
        "tab",
        "a control character in a column's name",
        SMALL.replace("name: y", 'name: "a\\tb"'),
        5,
    ),
    ("plan.label", "one-label", "both labels are the same", SMALL.replace("negative: 0", "negative: 1"), 5),
    (
        "plan.bounds",
        "bounds",
        "a maximum that is not above the minimum",
        SMALL.replace("maximum: 1", "maximum: 0"),
        7,
    ),
    ("plan.categories", "category-twice", "a category listed twice", SMALL.replace("[u, v]", "[u, v, u]"), 8),
    ("plan.categories", "no-category", "no category", SMALL.replace("[u, v]", "[]"), 8),
    ("plan.feature-twice", "feature-twice", "a feature listed twice", SMALL.replace("name: b", "name: a"), 8),
    (
        "plan.label-feature",
        "label-feature",
        "the label among the features",
        SMALL.replace("name: b", "name: y"),
        8,
    ),
    (
        "plan.cohort",
        "small-list",
        "fewer members than the minimum",
        SMALL.replace("{minimum: 3}", "{members: [ada, bob], minimum: 3}"),
        9,
    ),
    ("plan.fraction", "all-test", "all rows are test rows", SMALL.replace("3/10", "1"), 10),
    (
        "plan.split-validation",
        "nothing-trains",
        "all rows test or validate",
        SMALL.replace(SPLIT, "{kind: rows, test: 3/10, validation: 7/10}"),
        10,
    ),
    (
        "plan.split-column",
        "group-feature",
        "the group is a feature",
        SMALL.replace(SPLIT, "{kind: group, column: b, test: 1/4}"),
        10,
    ),
    (
        "plan.split-column",
        "time-label",
        "the time is the label",
        SMALL.replace(SPLIT, "{kind: time, column: y, from: 1}"),
        10,
    ),
    ("plan.bar", "two-limits", "a bar from both sides", SMALL.replace("0.80", "0.80, at_most: 0.9"), 12),
    ("plan.bar", "high", "a bar in words", SMALL.replace("0.80", "high"), 12),
    (
        "plan.bar-twice",
        "bar-twice",
        "two bars of one kind",
        SMALL.replace("0.80}", "0.80}, {metric: auc_together, at_least: 0.9}"),
        12,
    ),
]

BAD_CANONICAL = [
    (
        "plan.not-canonical",
        "record-number",
        "a number where text is kept",
        canonical(features=[{**A, "minimum": 0}, B]),
    ),
    (
        "plan.not-canonical",
        "record-decimal-share",
        "a share as a decimal",
        canonical(split={"kind": "stratified", "seed": 0, "test": "0.3"}),
    ),
    (
        "plan.not-canonical",
        "record-unsorted-cohort",
        "members out of order",
        canonical(cohort={"members": ["cyd", "ada", "bob"], "minimum": 3}),
    ),
    (
        "plan.not-canonical",
        "record-null-limit",
        "a limit that is null",
        canonical(bars=[{"metric": "auc_together", "at_least": "0.80", "at_most": None}]),
    ),
    (
        "plan.not-canonical",
        "record-default-left-out",
        "a default left out",
        canonical(recipe={"name": "logistic", "digest": RECIPE}),
    ),
    (
        "plan.not-canonical",
        "record-unit-left-out",
        "noise whose unit is left out",
        canonical(
            split={"kind": "rows", "seed": 0, "test": "3/10"},
            bars=BARS,
            privacy={name: value for name, value in NOISED.items() if name != "unit"},
        ),
    ),
    (
        "plan.not-canonical",
        "record-epsilon-number",
        "an epsilon that is no text",
        canonical(
            split={"kind": "rows", "seed": 0, "test": "3/10"},
            bars=BARS,
            privacy={**NOISED, "epsilon": 3},
        ),
    ),
    (
        "plan.statistics",
        "record-statistics-without-bars",
        "an empty list of bars where there are none",
        {**canonical_statistics(), "bars": []},
    ),
    (
        "plan.value",
        "record-no-label",
        "a label that is nothing",
        canonical(label=None),
    ),
    ("plan.value", "record-version-2", "a version that does not exist", canonical(version=2)),
    ("plan.value", "record-text", "a text", "plan"),
]


def cases() -> Iterator[Case]:
    for name, what, text, form in GOOD:
        spelling = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(spelling.encode()).hexdigest()
        yield valid(name, what, yaml=text, canonical=form, digest=digest)
    for rule, name, what, text, line in BAD_YAML:
        yield bad(rule, name, what, yaml=text, line=line)
    for rule, name, what, form in BAD_CANONICAL:
        yield bad(rule, name, what, canonical=form)


if __name__ == "__main__":
    write("plan", cases())
