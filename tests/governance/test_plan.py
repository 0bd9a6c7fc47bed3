import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.budget import convert_to_rho
from hansa.governance import (
    METRICS,
    GroupSplit,
    InvalidDocument,
    TimeSplit,
    judge_bars,
    load_plan,
    parse_plan,
)
from hansa.governance.bar import list_metrics
from hansa.transparency import canonical

DIGEST = "ab" * 32


def findings_of(text, **options):
    with pytest.raises(InvalidDocument) as caught:
        load_plan(text, "plan.yaml", **options)
    return caught.value.findings


def test_a_plan_says_what_was_written(plan):
    assert plan.label.positive == "1"
    assert [feature.name for feature in plan.features] == ["mass", "sky", "species"]
    assert plan.features[1].categories == ("No Cloud", "Some Cloud", "Overcast")
    assert plan.features[2].categories == "counted"
    assert plan.features[2].missing == "refused"
    assert plan.cohort.members == "all"
    assert str(plan.split.test) == "3/10"
    assert plan.privacy.guarantee == "no formal guarantee"
    assert plan.columns == ("damage", "mass", "sky", "species")


def test_a_plan_has_one_canonical_form(plan):
    assert parse_plan(plan.to_json()) == plan
    assert plan.digest == canonical.digest(plan.to_json())


def test_all_defaults_are_written_out(plan):
    value = plan.to_json()
    assert value["recipe"] == {
        "name": "logistic",
        "digest": DIGEST,
        "parameters": {
            "ridge": "1",
            "organisation_intercepts": False,
            "correction": "10",
            "minimum_category_members": 3,
            "minimum_category_rows": 10,
            "minimum_rows_per_column": 5,
            "maximum_turns": 25,
            "clip": "3",
            "steps": 8,
        },
    }
    assert value["features"][2] == {
        "name": "species",
        "type": "category",
        "categories": "counted",
        "missing": "refused",
    }
    assert value["bars"] == [
        {"metric": "auc_together", "at_least": "0.80"},
        {"metric": "members_gain", "at_least": "2/3"},
    ]


def test_a_digest_left_out_is_filled_in_by_the_tool(plan, plan_text):
    without = plan_text.replace(f", digest: {DIGEST}", "")
    assert load_plan(without, "plan.yaml", recipe_digest=DIGEST) == plan
    assert [finding.rule for finding in findings_of(without)] == ["plan.field-missing"]


def test_a_digest_that_is_given_is_kept(plan, plan_text):
    assert load_plan(plan_text, "plan.yaml", recipe_digest="cd" * 32) == plan


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('positive: "1"', "positive: 1"),
        ("minimum: 1,", 'minimum: "1",'),
        ("test: 3/10", "test: 0.3"),
        ("at_least: 2/3", "at_least: 4/6"),
        ("at_least: 0.80", 'at_least: "0.80"'),
        ("seed: 0, ", ""),
        ("members: all, ", ""),
        ("[No Cloud, Some Cloud, Overcast]", "[\"No Cloud\",\n   'Some Cloud', Overcast]"),
    ],
)
def test_different_ways_to_write_the_same_have_the_same_digest(plan, plan_text, old, new):
    assert old in plan_text
    assert load_plan(plan_text.replace(old, new), "plan.yaml").digest == plan.digest


def test_rows_can_be_split_by_group_or_by_time(plan_text):
    old = "split: {kind: stratified, seed: 0, test: 3/10}"
    group = load_plan(plan_text.replace(old, "split: {kind: group, column: person, test: 1/4}"), "plan.yaml")
    assert group.split == GroupSplit(kind="group", column="person", seed=0, test="1/4", scope="everywhere")
    assert group.columns[-1] == "person"
    time = load_plan(plan_text.replace(old, "split: {kind: time, column: year, from: 1996}"), "plan.yaml")
    assert time.split == TimeSplit.model_validate({"kind": "time", "column": "year", "from": "1996"})
    assert time.to_json()["split"] == {"kind": "time", "column": "year", "from": "1996"}
    assert parse_plan(time.to_json()) == time


def test_a_column_of_time_may_also_be_a_feature(plan_text):
    old = "split: {kind: stratified, seed: 0, test: 3/10}"
    plan = load_plan(plan_text.replace(old, "split: {kind: time, column: mass, from: 3}"), "plan.yaml")
    assert plan.columns == ("damage", "mass", "sky", "species")


def test_listed_members_are_sorted(plan_text):
    plan = load_plan(
        plan_text.replace("members: all, minimum: 5", "members: [cyd, ada, bob], minimum: 3"), "plan.yaml"
    )
    assert plan.cohort.members == ("ada", "bob", "cyd")
    assert parse_plan(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("plan.field-missing", "purpose: Know at once which strikes need an inspection.\n", ""),
        ("plan.field-missing", "unit: class, minimum: 1", "unit: class"),
        ("plan.field-missing", "leaves: [{what: sums over the cohort, to: members of the cohort}]\n", ""),
        ("plan.field-unknown", "missing: allowed", "mising: allowed"),
        ("plan.field-unknown", "version: 1\n", "version: 1\ncode: run.py\n"),
        ("plan.value", "version: 1", "version: 2"),
        ("plan.value", "name: logistic", "name: forest"),
        ("plan.digest", f"digest: {DIGEST}", "digest: latest"),
        ("plan.digest", f"digest: {DIGEST}", "digest: " + "AB" * 32),
        ("plan.decimal", f"digest: {DIGEST}", f"digest: {DIGEST}, parameters: {{ridge: 0}}"),
        ("plan.decimal", f"digest: {DIGEST}", f"digest: {DIGEST}, parameters: {{ridge: 1e3}}"),
        ("plan.decimal", f"digest: {DIGEST}", f"digest: {DIGEST}, parameters: {{correction: -1}}"),
        ("plan.value", f"digest: {DIGEST}", f"digest: {DIGEST}, parameters: {{maximum_turns: 0}}"),
        ("plan.value", f"digest: {DIGEST}", f"digest: {DIGEST}, parameters: {{organisation_intercepts: 1}}"),
        ("plan.label", 'negative: "0"', 'negative: "1"'),
        ("plan.value", 'negative: "0"', "negative: ~"),
        ("plan.value", "name: damage", "name: ''"),
        ("plan.text", "name: damage", 'name: "a\\tb"'),
        ("plan.value", "type: number", "type: text"),
        ("plan.value", "type: number, ", ""),
        ("plan.bounds", "maximum: 5", "maximum: 1"),
        ("plan.decimal", "maximum: 5", "maximum: five"),
        ("plan.value", "missing: allowed", "missing: true"),
        ("plan.categories", "categories: counted", "categories: guessed"),
        ("plan.categories", "categories: counted", "categories: []"),
        ("plan.categories", "categories: counted", "categories: [a, b, a]"),
        ("plan.categories", "categories: counted", "categories: [1, '1']"),
        ("plan.categories", "categories: counted", "categories: [a, ~]"),
        ("plan.categories", "categories: counted", "categories: [a, [b]]"),
        ("plan.categories", "categories: counted", "categories: [a, '']"),
        ("plan.text", "categories: counted", 'categories: ["a\\u0000"]'),
        ("plan.value", "features:\n", "features: []\nunused:\n"),
        ("plan.feature-twice", "name: sky", "name: mass"),
        ("plan.label-feature", "name: sky", "name: damage"),
        ("plan.value", "minimum: 5}", "minimum: 2}"),
        ("plan.cohort", "members: all", "members: [ada, bob, cyd]"),
        ("plan.cohort", "members: all", "members: [ada, ada, bob, cyd, dan]"),
        ("plan.cohort", "members: all", "members: [Ada]"),
        ("plan.cohort", "members: all", "members: some"),
        ("plan.value", "kind: stratified", "kind: random"),
        ("plan.value", "seed: 0", "seed: -1"),
        ("plan.fraction", "test: 3/10", "test: 1"),
        ("plan.fraction", "test: 3/10", "test: 0"),
        ("plan.fraction", "test: 3/10", "test: some"),
        (
            "plan.split-column",
            "kind: stratified, seed: 0, test: 3/10",
            "kind: group, column: sky, test: 3/10",
        ),
        (
            "plan.split-column",
            "kind: stratified, seed: 0, test: 3/10",
            "kind: group, column: damage, test: 3/10",
        ),
        ("plan.split-column", "kind: stratified, seed: 0, test: 3/10", "kind: time, column: damage, from: 1"),
        ("plan.field-missing", "kind: stratified, seed: 0, test: 3/10", "kind: time, column: year"),
        ("plan.value", "noise: none", "noise: gaussian"),
        ("plan.value", "auc_together", "accuracy"),
        ("plan.bar", ", at_least: 0.80", ""),
        ("plan.bar", "at_least: 0.80", "at_least: 0.80, at_most: 0.90"),
        ("plan.bar", "at_least: 0.80", "at_least: high"),
        ("plan.bar", "at_least: 0.80", "at_least: true"),
        ("plan.bar-twice", "metric: members_gain", "metric: auc_together"),
        ("plan.value", "leaves: [{what: sums over the cohort, to: members of the cohort}]", "leaves: []"),
        ("yaml.alias", "version: 1", "version: *one"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_line(plan_text, rule, old, new):
    assert old in plan_text
    findings = findings_of(plan_text.replace(old, new, 1))
    assert rule in {finding.rule for finding in findings}
    assert all(re.fullmatch(r"plan\.yaml:[0-9]+", finding.place) for finding in findings)
    assert all(finding.message.isprintable() for finding in findings)


def test_every_finding_comes_at_once_with_file_line_and_remedy():
    text = """\
version: 1
name: Strikes
purpose: Know.
recipe: {name: logistic, digest: DIGEST}
label: {name: sky, positive: 1, negative: 1}
features:
  - {name: mass, type: number, minimum: 5, maximum: 1}
  - {name: sky, type: category, categories: counted}
  - {name: mass, type: colour}
cohort: {members: [ada, bob], minimum: 3}
split: {kind: group, column: mass, seed: 0, tset: 3/10}
privacy: {noise: some}
bars:
  - {metric: auc_together, at_least: 0.8}
  - {metric: auc_together, at_least: 0.9}
leaves: []
"""
    assert [f"{f.rule} {f}" for f in findings_of(text.replace("DIGEST", DIGEST))] == [
        "plan.label plan.yaml:5: `label.negative`: positive and negative are both `1`; they must differ",
        "plan.bounds plan.yaml:7: `features[0].maximum`: the maximum `1` is not above the minimum `5`",
        "plan.label-feature plan.yaml:8: `features[1].name`: `sky` is the label; remove it from the features",
        "plan.feature-twice plan.yaml:9: `features[2].name`: `mass` is listed above already",
        "plan.value plan.yaml:9: `features[2]`: expected `type` to be one of `number`, `category`, got `colour`",
        "plan.cohort plan.yaml:10: `cohort.minimum`: 2 members are listed, and at least 3 must take part",
        "plan.split-column plan.yaml:11: `split.column`: a model that sees `mass` learns whose rows they are; remove it from the features",
        "plan.field-missing plan.yaml:11: `split.test` is missing; add it, for example `test: 3/10`",
        "plan.field-unknown plan.yaml:11: `split.tset` is not a known field; did you mean `test`?",
        "plan.value plan.yaml:12: `privacy`: expected `noise` to be one of `none`, `discrete-gaussian`, got `some`",
        "plan.bar-twice plan.yaml:15: `bars[1].at_least`: `auc_together` has an `at_least` above already; keep one of the two",
        "plan.value plan.yaml:16: `leaves`: expected at least 1, got 0",
    ]


def changed(value, path, part):
    copy = json.loads(json.dumps(value))
    target = copy
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = part
    return copy


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (["split", "test"], "0.3"),
        (["split", "test"], "6/20"),
        (["bars", 1, "at_least"], "4/6"),
        (["bars", 0, "at_least"], 1),
        (["bars", 0], {"metric": "auc_together", "at_least": "0.80", "at_most": None}),
        (["label", "positive"], 2),
        (["features", 0, "minimum"], 1),
        (["name"], " Which strikes affect the flight"),
        (["cohort", "members"], ["cyd", "ada", "bob", "dan", "eve"]),
        (["recipe"], {"name": "logistic", "digest": DIGEST}),
    ],
)
def test_only_the_canonical_spelling_is_read_from_the_record(plan, path, part):
    with pytest.raises(InvalidDocument) as caught:
        parse_plan(changed(plan.to_json(), path, part))
    assert caught.value.rule == "plan.not-canonical"


def paths(value, path=()):
    yield path
    for key, part in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from paths(part, (*path, key))


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=12)
    | st.sampled_from(
        ["1/2", "2/4", "1", "0.5", "all", "counted", "number", "category", "group", "time", "auc_alone"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "type", "kind", "from", "metric", "at_most"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.data())
def test_whatever_is_accepted_is_written_again_byte_for_byte(data):
    value = load_plan(PLAN, "plan.yaml").to_json()
    path = data.draw(st.sampled_from([path for path in paths(value) if path]))
    document = changed(value, path, data.draw(junk))
    try:
        plan = parse_plan(document)
    except InvalidDocument:
        return
    assert canonical.encode(plan.to_json()) == canonical.encode(document)


PLAN = json.dumps(
    {
        "version": 1,
        "name": "P",
        "purpose": "P.",
        "recipe": {"name": "logistic", "digest": DIGEST},
        "label": {"name": "y", "positive": "1", "negative": "0"},
        "features": [
            {"name": "a", "type": "number", "minimum": "0", "maximum": "1"},
            {"name": "b", "type": "category", "categories": ["u", "v"]},
        ],
        "cohort": {"minimum": 3},
        "split": {"kind": "group", "column": "g", "test": "1/2"},
        "privacy": {"noise": "none"},
        "bars": [{"metric": "auc_together", "at_least": "0.5"}],
        "leaves": [{"what": "sums", "to": "members"}],
    }
)


def test_bars_are_judged_in_the_order_of_the_plan(plan):
    verdicts = judge_bars(plan, {"members_gain": "0.666667", "auc_together": "0.799999"})
    assert [(verdict.metric, verdict.bar, verdict.value, verdict.met) for verdict in verdicts] == [
        ("auc_together", "at least 0.80", "0.799999", False),
        ("members_gain", "at least 2/3", "0.666667", True),
    ]


def test_each_metric_is_of_some_label():
    listed = [list_metrics(label) for label in ("binary", "number", "category", "time")]
    assert {metric for metrics in listed for metric in metrics} == {*METRICS}
    assert all(metrics[-1] in METRICS and "members_scored" in metrics for metrics in listed)


@pytest.mark.parametrize("metric", list_metrics("binary"))
def test_each_metric_can_have_a_bar(plan_text, metric):
    text = plan_text.replace("metric: auc_together, at_least: 0.80", f"metric: {metric}, at_most: 0.5")
    plan = load_plan(text, "plan.yaml")
    assert judge_bars(plan, {metric: "0.500000"})[0].met
    assert not judge_bars(plan, {metric: "0.500001"})[0].met


def test_long_plans_are_read_in_good_time(plan_text):
    names = ", ".join(f"c{n}" for n in range(12_000))
    long = plan_text.replace("No Cloud, Some Cloud, Overcast", names)
    assert len(load_plan(long, "plan.yaml").features[1].categories) == 12_000
    with pytest.raises(InvalidDocument) as caught:
        load_plan(plan_text.replace("No Cloud, Some Cloud, Overcast", f"{names}, c7, c3"), "plan.yaml")
    assert "listed twice: `c3`, `c7`" in caught.value.message
    features = "".join(f"  - {{name: f{n}}}\n" for n in range(4_000))
    with pytest.raises(InvalidDocument) as caught:
        load_plan(plan_text.replace("cohort:", f"{features}cohort:"), "plan.yaml")
    assert caught.value.rule == "plan.value"
    features = "".join(f"  - {{name: f{n % 2_000}}}\n" for n in range(4_000))
    with pytest.raises(InvalidDocument) as caught:
        load_plan(plan_text.replace("cohort:", f"{features}cohort:"), "plan.yaml")
    assert [finding.rule for finding in caught.value.findings].count("plan.feature-twice") == 2_000


@pytest.mark.parametrize("turned", ["\u202e", "\u2066", "\x1b", "\ud800"])
def test_a_column_that_turns_the_line_around_is_refused(plan, turned):
    value = plan.to_json()
    value["label"]["name"] = f"a{turned}b"
    with pytest.raises(InvalidDocument) as caught:
        parse_plan(value)
    assert caught.value.rule in {"plan.text", "plan.value"}


NOISE = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001}"
PERSONS = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001, unit: {column: person, rows: 4}}"


def with_noise(plan_text, noise=NOISE, split="{kind: rows, test: 3/10}"):
    text = plan_text.replace("{noise: none}", noise)
    text = text.replace("auc_together", "auc_pooled_together").replace("members_gain", "brier_together")
    return text.replace("{kind: stratified, seed: 0, test: 3/10}", split)


def test_a_plan_with_noise_says_its_guarantee_and_its_cost(plan_text):
    privacy = load_plan(with_noise(plan_text), "plan.yaml").privacy
    assert privacy.guarantee == "(ε = 3, δ = 0.00001) for each row"
    assert privacy.rho == convert_to_rho("3", "0.00001")


def test_a_plan_without_noise_costs_nothing_and_guarantees_nothing(plan):
    assert (plan.privacy.guarantee, plan.privacy.rho) == ("no formal guarantee", 0)


def test_a_plan_may_protect_all_rows_of_a_person(plan_text):
    split = "{kind: group, column: person, test: 1/4}"
    plan = load_plan(with_noise(plan_text, PERSONS, split), "plan.yaml")
    assert plan.privacy.guarantee == "(ε = 3, δ = 0.00001) for all rows of one `person`"
    assert plan.columns == ("damage", "mass", "sky", "species", "person")
    assert parse_plan(plan.to_json()) == plan


@pytest.mark.parametrize(
    "split", ["{kind: time, column: year, from: 1996}", "{kind: group, column: day, test: 1/4}"]
)
def test_noise_for_each_row_goes_with_a_split_that_asks_each_row_alone(plan_text, split):
    assert load_plan(with_noise(plan_text, split=split), "plan.yaml").privacy.unit == "row"


def test_without_noise_any_split_will_do(plan_text):
    assert load_plan(with_noise(plan_text, "{noise: none}"), "plan.yaml").split.kind == "rows"


# -- trees -----------------------------------------------------------------------------------------------------


def with_trees(text, parameters="{}"):
    return re.sub(
        r"recipe:.*?\n(?=\w)",
        f"recipe: {{name: trees, digest: {DIGEST}, parameters: {parameters}}}\n",
        text,
        flags=re.DOTALL,
    )


def test_trees_have_defaults_that_are_written_out(plan_text):
    plan = load_plan(with_trees(plan_text, "{trees: 20, rising: [mass]}"), "plan.yaml")
    assert plan.to_json()["recipe"]["parameters"] == {
        "trees": 20,
        "depth": 4,
        "learning_rate": "0.1",
        "bins": 64,
        "ridge": "1",
        "minimum_rows": 20,
        "minimum_members": 3,
        "positive_weight": "1",
        "rising": ["mass"],
        "falling": [],
        "patience": 0,
        "features": 1,
        "organisation_offsets": True,
        "organisation_rate": False,
        "correction_trees": 20,
    }
    assert parse_plan(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ("{depth: 9}", "plan.value"),
        ("{learning_rate: 1.5}", "plan.decimal"),
        ("{minimum_rows: 0}", "plan.value"),
        ("{maximum_turns: 25}", "plan.field-unknown"),
        ("{rising: [sky]}", "plan.direction"),
        ("{rising: [mass], falling: [mass]}", "plan.direction"),
        ("{falling: [nothing]}", "plan.direction"),
    ],
)
def test_trees_that_cannot_grow_so_are_refused(plan_text, parameters, rule):
    assert rule in {finding.rule for finding in findings_of(with_trees(plan_text, parameters))}


def test_trees_need_what_every_model_needs(plan_text):
    without = re.sub(r"bars:.*?\n(?=\w)", "", with_trees(plan_text), flags=re.DOTALL)
    assert {finding.rule for finding in findings_of(without)} == {"plan.field-missing"}
    noised = with_noise(with_trees(plan_text, "{organisation_offsets: false}"))
    assert load_plan(noised, "plan.yaml").privacy.rho > 0


@pytest.mark.parametrize(
    "parameters",
    [
        "{}",
        "{organisation_offsets: true}",
        "{organisation_offsets: false, organisation_rate: true}",
        "{organisation_offsets: false, patience: 5}",
        "{organisation_offsets: false, positive_weight: 2}",
        "{organisation_offsets: false, rising: [a]}",
    ],
)
def test_of_trees_with_noise_everything_is_off_that_noise_does_not_protect(plan_text, parameters):
    noised = with_noise(with_trees(plan_text, parameters))
    assert "plan.privacy-trees" in {finding.rule for finding in findings_of(noised)}


# -- regressions -----------------------------------------------------------------------------------------------

COST = "{name: cost, type: number, unit: EUR, minimum: -5, maximum: 90}"
CLAIMS = (
    "{name: claims, type: number, minimum: 0, maximum: 9, exposure: {name: years, minimum: 0.1, maximum: 1}}"
)
GRADE = "{name: grade, type: category, categories: [low, mid, high]}"
DEATH = "{name: days, type: time, step: 30, steps: 24, event: {name: died, positive: 1, negative: 0}}"


def with_regression(text, family, label, bar="{metric: members_gain, at_least: 2/3}"):
    recipe = f"recipe: {{name: regression, digest: {DIGEST}, parameters: {{family: {family}}}}}\n"
    for start, line in (("recipe", recipe), ("label", f"label: {label}\n"), ("bars", f"bars: [{bar}]\n")):
        text = re.sub(rf"{start}:.*?\n(?=\w)", line, text, flags=re.DOTALL)
    return text


@pytest.mark.parametrize(
    ("family", "label", "columns"),
    [
        ("linear", COST, ("cost",)),
        ("poisson", CLAIMS, ("claims", "years")),
        ("gamma", COST.replace("-5", "1"), ("cost",)),
        ("multinomial", GRADE, ("grade",)),
        ("cox", DEATH, ("days", "died")),
    ],
)
def test_a_regression_has_a_label_of_the_type_that_its_family_explains(plan_text, family, label, columns):
    plan = load_plan(with_regression(plan_text, family, label), "plan.yaml")
    assert plan.columns[: len(columns)] == columns
    assert parse_plan(plan.to_json()) == plan


def test_rows_are_divided_alike_unless_what_they_are_stratified_by_differs(plan_text):
    stratified = {
        name: load_plan(with_regression(plan_text, family, label), "plan.yaml").division
        for name, family, label in (
            ("cost", "linear", COST),
            ("grade", "multinomial", GRADE),
            ("death", "cox", DEATH),
            ("coarse death", "cox", DEATH.replace("30", "90")),
        )
    }
    assert (
        stratified["cost"] == stratified["grade"]
    )  # neither is a label of two values, by which rows were drawn
    assert stratified["death"] == stratified["coarse death"] != stratified["cost"]


@pytest.mark.parametrize(
    ("family", "label", "rule"),
    [
        ("linear", CLAIMS, "plan.label-type"),
        ("linear", "{name: damage, positive: 1, negative: 0}", "plan.label-type"),
        ("poisson", COST, "plan.label-type"),
        ("gamma", CLAIMS, "plan.label-type"),
        ("multinomial", COST, "plan.label-type"),
        ("cox", GRADE, "plan.label-type"),
        ("logit", COST, "plan.value"),
        ("linear", "{name: cost, type: count}", "plan.value"),
        ("linear", "{name: mass, type: number, minimum: 0, maximum: 1}", "plan.label-feature"),
        ("poisson", CLAIMS.replace("years", "mass"), "plan.label-feature"),
        ("poisson", CLAIMS.replace("years", "claims"), "plan.label"),
        ("poisson", CLAIMS.replace("0.1", "2"), "plan.bounds"),
        ("linear", COST.replace("90", "-6"), "plan.bounds"),
        ("multinomial", GRADE.replace("mid", "low"), "plan.categories"),
        ("multinomial", GRADE.replace("[low, mid, high]", "counted"), "plan.categories"),
        ("cox", DEATH.replace("24", "1001"), "plan.value"),
        ("cox", DEATH.replace("negative: 0", "negative: 1"), "plan.label"),
        ("cox", DEATH.replace(", event: {name: died, positive: 1, negative: 0}", ""), "plan.field-missing"),
    ],
)
def test_a_label_that_cannot_be_explained_so_is_refused(plan_text, family, label, rule):
    assert rule in {finding.rule for finding in findings_of(with_regression(plan_text, family, label))}


def test_a_regression_names_its_family_and_has_no_form_with_noise(plan_text):
    text = with_regression(plan_text, "linear", COST)
    without = text.replace(", parameters: {family: linear}", "")
    assert [finding.rule for finding in findings_of(without)] == ["plan.field-missing"]
    assert "plan.privacy-regression" in {finding.rule for finding in findings_of(with_noise(text))}


def test_a_regression_sets_no_rows_aside_by_which_nobody_chooses(plan_text):
    text = with_regression(plan_text, "linear", COST).replace("test: 3/10", "test: 3/10, validation: 1/5")
    assert [finding.rule for finding in findings_of(text)] == ["plan.split-validation"]


@pytest.mark.parametrize(
    ("family", "label", "good", "bad"),
    [
        ("linear", COST, "explained_together", "accuracy_together"),
        ("multinomial", GRADE, "accuracy_corrected", "absolute_error_together"),
        ("cox", DEATH, "concordance_together", "explained_together"),
        ("cox", DEATH, "members_scored", "auc_together"),
    ],
)
def test_a_bar_is_set_on_a_metric_that_the_label_has(plan_text, family, label, good, bad):
    def write(metric):
        return with_regression(plan_text, family, label, f"{{metric: {metric}, at_least: 0.5}}")

    assert load_plan(write(good), "plan.yaml").bars[0].metric == good
    assert [finding.rule for finding in findings_of(write(bad))] == ["plan.bar-metric"]
