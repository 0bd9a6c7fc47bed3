"""The whole recipe: the same trees as from all rows in one place, whoever holds which."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss, roc_auc_score

from hansa.errors import Refused
from hansa.learning import NumberFeature, Rows, Schema, Table, Trees, TreesParameters, run_in_clear
from hansa.learning.split import RowSplit, StratifiedSplit, split_rows
from hansa.learning.survey import SurveyQuestion
from hansa.learning.trees import parse_forest
from hansa.learning.trees.bins import MOST_BINS
from hansa.learning.trees.cells import CellQuestion
from hansa.learning.trees.fitting import SEED
from hansa.learning.trees.forest import Branch
from hansa.learning.trees.growth import find_splits
from hansa.learning.trees.organisation import RATE, find_rate
from hansa.learning.trees.questions import LevelQuestion, Scale, read_loss

SIZES = (900, 600, 1400, 330, 80, 700)
FEW = TreesParameters(trees=6, depth=3, bins=16, organisation_offsets=False)


def names(members):
    return tuple(rows.member for rows in members)


def join(members, name="all"):
    """Put everybody's rows in one place."""

    def stack(tables):
        first = tables[0]
        return Table(
            first.schema,
            {key: np.concatenate([table.numbers[key] for table in tables]) for key in first.numbers},
            {key: np.concatenate([table.texts[key] for table in tables]) for key in first.texts},
            np.concatenate([table.labels for table in tables]),
        )

    return Rows(name, stack([rows.train for rows in members]), stack([rows.test for rows in members]))


def grow(schema, parameters, members, add=None):
    return run_in_clear(Trees(schema, parameters, names(members)), members, add)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"positive_weight": 3.7, "ridge": 0.3},
        {"monotone": (("mass", 1), ("height", -1))},
        {"depth": 6, "minimum_rows": 2, "bins": MOST_BINS},
    ],
)
def test_the_trees_are_those_of_all_rows_in_one_place(schema, draw, door, change):
    members = draw(5, SIZES, shifts=(0, 1, -1, 0, 2, 0.5))
    parameters = replace(FEW, minimum_members=1, **change)
    apart = grow(schema, parameters, members, door)
    together = grow(schema, parameters, [join(members)], door)
    assert apart.document == together.document


def test_members_may_be_in_any_order(schema, draw, door):
    members = draw(6, SIZES)
    assert grow(schema, FEW, members, door).document == grow(schema, FEW, members[::-1], door).document


def test_on_the_same_bins_the_splits_are_those_of_xgboost(draw, door):
    schema = Schema(
        (NumberFeature("mass", 1.0, 5.0, missing=True), NumberFeature("height", 0.0, 40000.0, missing=False))
    )
    members = [
        Rows(rows.member, *(Table(schema, part.numbers, {}, part.labels) for part in (rows.train, rows.test)))
        for rows in draw(7, SIZES)
    ]
    parameters = replace(FEW, trees=4, minimum_rows=1, minimum_members=1, learning_rate=0.3)
    forest = parse_forest(grow(schema, parameters, members, door).document)
    rows = join(members).train
    binned = forest.bins.encode(rows).astype(float)
    binned[:, 0][np.isnan(rows.numbers["mass"])] = np.nan
    booster = xgboost.train(
        {
            "tree_method": "hist",
            "objective": "binary:logistic",
            "max_depth": parameters.depth,
            "eta": parameters.learning_rate,
            "lambda": parameters.ridge,
            "min_child_weight": 0,
            "max_bin": 256,
            "base_score": 1 / (1 + np.exp(-forest.base)),
        },
        xgboost.DMatrix(binned, rows.labels),
        num_boost_round=parameters.trees,
    )
    theirs = booster.predict(xgboost.DMatrix(binned), output_margin=True)
    np.testing.assert_allclose(forest.predict(rows), theirs, atol=2e-5)


def test_trees_find_what_a_line_cannot(draw_one):
    schema = Schema(
        (NumberFeature("a", 0.0, 1.0, missing=False), NumberFeature("b", 0.0, 1.0, missing=False))
    )
    rng = np.random.default_rng(8)

    def make(name, count):
        a, b = rng.random((2, count))
        labels = ((a > 0.5) ^ (b > 0.5)).astype(np.int8)
        table = Table(schema, {"a": a, "b": b}, {}, labels)
        test = np.arange(count) % 4 == 0
        return Rows(name, table.take(~test), table.take(test))

    members = [make(f"member-{number}", 400) for number in range(4)]
    result = grow(schema, replace(FEW, trees=20), members)
    assert result.metrics["auc_together"] > 0.98
    assert [name for name, _ in sorted(result.gains)] == ["a", "b"]
    assert result.metrics["members_scored"] == 4


def test_a_direction_is_kept_everywhere(schema, draw):
    members = draw(9, SIZES)
    parameters = replace(FEW, trees=20, monotone=(("height", 1),))  # the rows say the opposite
    forest = parse_forest(grow(schema, parameters, members).document)
    table = join(members).test
    before = forest.predict(table)
    for height in (0.0, 10.0, 100.0, 1_000.0, 40_000.0):
        raised = replace(
            table, numbers={**table.numbers, "height": np.maximum(table.numbers["height"], height)}
        )
        assert (forest.predict(raised) >= before).all()
    free = parse_forest(grow(schema, replace(parameters, monotone=()), members).document)
    highest = replace(table, numbers={**table.numbers, "height": np.full(len(table), 40_000.0)})
    assert (free.predict(highest) < free.predict(table)).any()


def test_each_side_of_a_split_has_enough_rows_at_enough_members(schema, draw, monkeypatch):
    members = draw(10, SIZES)
    seen = []

    def watch(bins, sums, ranges, rules):
        found = find_splits(bins, sums, ranges, rules)
        joint = [
            node for node, split in enumerate(found) if split is not None and rules.members == 4
        ]  # not members' own
        seen.extend((bins, sums, node, found[node], rules) for node in joint)
        return found

    monkeypatch.setattr("hansa.learning.trees.fitting.find_splits", watch)
    grow(schema, replace(FEW, minimum_rows=70, minimum_members=4), members)
    assert seen
    for bins, sums, node, split, rules in seen:
        start = bins.offsets[split.feature]
        right = [start + place for place in split.right]
        left = [*set(range(start, bins.offsets[split.feature + 1])) - {*right}]
        for side in (left, right):
            assert sums.rows[node, side].sum() >= rules.rows == 70
            assert sums.members[node, side].max() >= rules.members == 4


def test_a_bin_has_enough_rows_at_enough_members(schema, draw):
    members = draw(11, SIZES)
    forest = parse_forest(grow(schema, replace(FEW, minimum_rows=100, minimum_members=5), members).document)
    codes = [forest.bins.encode(rows.train) for rows in members]
    for place, column in enumerate(forest.bins.columns[:1] + forest.bins.columns[2:3]):
        feature = forest.bins.columns.index(column)
        for number in range(len(column.edges) + 1):
            held = [int((code[:, feature] == number).sum()) for code in codes]
            assert sum(held) >= 100
            assert sum(count > 0 for count in held) >= 5, place


def test_an_offset_of_its_own_never_leaves_a_member(schema, draw, door):
    members = draw(12, SIZES, shifts=(0, 3, -3, 0, 2, -2))
    parameters = replace(FEW, trees=20, organisation_offsets=True)
    result = grow(schema, parameters, members, door)
    plain = grow(schema, replace(parameters, organisation_offsets=False), members)
    assert result.metrics["brier_together"] < plain.metrics["brier_together"]
    document = result.document
    assert document["organisation_offset_penalty"] == "1.0"
    assert set(document) == {"format", "base", "organisation_offset_penalty", "features", "trees"}


def test_the_report_to_a_member_says_what_its_own_rows_say(schema, draw):
    members = draw(13, SIZES, shifts=(0, 1, -1, 0, 2, 0.5))
    recipe = Trees(schema, replace(FEW, organisation_offsets=True), names(members))
    result = run_in_clear(recipe, members)
    reports = [recipe.private_report(result, rows) for rows in members]
    scored = [report for report in reports if report.scored]
    for way in ("alone", "together", "corrected"):
        mean = np.mean([getattr(report, way).value for report in scored])
        assert mean == pytest.approx(result.metrics[f"auc_{way}"], abs=1e-12)
    plain = replace(recipe, parameters=FEW)
    forest = parse_forest(run_in_clear(plain, members).document)
    best = roc_auc_score(members[2].test.labels, forest.predict(members[2].test))
    assert plain.private_report(run_in_clear(plain, members), members[2]).together.value == pytest.approx(
        best
    )


def measure_losses(recipe, members, seen):
    """Note every total of losses that a run asks for: by how many trees there were, the mean."""

    def add(question, answers):
        total = np.sum(answers, axis=0)
        if isinstance(question, LevelQuestion) and (loss := read_loss(question, total)) is not None:
            seen[len(question.forest.trees)] = loss
        return total

    return run_in_clear(recipe, members, add)


def test_trees_end_where_rows_set_aside_say_so(schema, draw):
    members, seen = draw(21, SIZES), {}
    parameters = replace(FEW, trees=60, learning_rate=0.5, patience=4)
    recipe = Trees(schema, parameters, names(members), StratifiedSplit(5, Fraction(1, 4)))
    forest = parse_forest(measure_losses(recipe, members, seen).document)
    best = min(seen, key=lambda count: (seen[count], count))
    assert len(forest.trees) == best < 60
    assert max(seen) == best + 4
    # The obvious version: the rows set aside, scored by the trees so far in one place.
    aside = [split_rows(rows.train, recipe.validation, rows.member) for rows in members]
    held = [rows.train.take(mask) for rows, mask in zip(members, aside, strict=True)]
    logits = np.concatenate([forest.predict(table) for table in held])
    labels = np.concatenate([table.labels for table in held])
    assert seen[best] == pytest.approx(log_loss(labels, 1 / (1 + np.exp(-logits))), abs=1e-6)
    # And the trees are those of the other rows.
    rest = [
        Rows(rows.member, rows.train.take(~mask), rows.test)
        for rows, mask in zip(members, aside, strict=True)
    ]
    root = next(node for node in forest.trees[0].nodes if isinstance(node, Branch))
    codes = np.concatenate([forest.bins.encode(rows.train) for rows in rest])
    question = LevelQuestion(
        "root", replace(forest, trees=()), SEED, (0,), (), Scale(10_000, 1.0), recipe.validation
    )
    total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
    counted = question.part(total)[0][0][2]
    start = forest.bins.offsets[root.feature]
    width = forest.bins.columns[root.feature].width
    np.testing.assert_array_equal(
        counted[start : start + width], np.bincount(codes[:, root.feature], minlength=width)
    )


def test_with_patience_for_all_trees_the_last_is_measured_too(schema, draw):
    members, seen = draw(22, SIZES), {}
    parameters = replace(FEW, trees=3, patience=10)
    result = measure_losses(Trees(schema, parameters, names(members)), members, seen)
    assert [*seen] == [0, 1, 2, 3]
    assert len(result.document["trees"]) == min(seen, key=seen.get)


def test_labels_of_rows_set_aside_change_no_tree_but_where_they_end(schema, draw):
    members, rule = draw(23, SIZES), RowSplit(1, Fraction(1, 10))
    parameters = replace(FEW, trees=12, patience=12, learning_rate=0.5)

    def turn(rows):
        labels = rows.train.labels.copy()
        aside = split_rows(rows.train, rule, rows.member)
        labels[aside] = labels[aside][::-1]  # as many of each, so the base stays
        return Rows(rows.member, replace(rows.train, labels=labels), rows.test)

    turned = [turn(rows) for rows in members]
    forests = [
        parse_forest(run_in_clear(Trees(schema, parameters, names(held), rule), held).document)
        for held in (members, turned)
    ]
    short = min(len(forest.trees) for forest in forests)
    assert forests[0].trees[:short] == forests[1].trees[:short]


def test_impossible_losses_are_refused(schema, draw):
    members = draw(24, SIZES)
    recipe = Trees(schema, replace(FEW, patience=3), names(members))
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), LevelQuestion):
        state = recipe.learn(
            state, np.sum([recipe.answer(question, rows) for rows in members], axis=0), names(members)
        )
    answers = [recipe.answer(question, rows) for rows in members]
    total = np.sum(answers, axis=0)
    for place, by in ((-3, -1e6), (-3, 1e6), (-2, 0.5), (-1, -1e4)):
        wrong = total.copy()
        wrong[place] += by
        with pytest.raises(Refused, match=r"recipe\.total"):
            recipe.learn(state, wrong, names(members))
    hidden = total.copy()
    hidden[-3] = 0.0  # less than this member's own rows lose
    with pytest.raises(Refused, match=r"cannot hold this member's own answer"):
        recipe.verify_total(question, answers[2], hidden, len(members))


def lose(recipe, members, lost, when):
    """Run a recipe of which one member vanishes at a question."""
    state, present = recipe.begin(), list(members)
    while True:
        question = recipe.ask(state)
        if not hasattr(question, "bounds"):
            return question, state
        if question.name == when:
            present = [rows for rows in members if rows.member != lost]
        total = np.sum([recipe.answer(question, rows) for rows in present], axis=0)
        state = recipe.learn(state, total, names(present))


@pytest.mark.parametrize(
    "when", ["cells 2", "tree 2 level 1", "tree 2 level 2", "tree 3 level 3", "evaluation"]
)
def test_a_run_goes_on_without_who_vanishes(schema, draw, when):
    members = draw(14, SIZES)
    recipe = Trees(schema, FEW, names(members))
    result, _ = lose(recipe, members, "member-1", when)
    without = tuple(name for name in names(members) if name != "member-1")
    assert result.members["survey"] == names(members)
    assert result.members["evaluation"] == without
    assert result.members["fit"] == (names(members) if when == "evaluation" else without)
    assert len(result.document["trees"]) == FEW.trees
    if when == "tree 2 level 2":
        # Of the root's children, the one that was not counted stays a leaf: its rows would be those of the lost member too.
        nodes = parse_forest(result.document).trees[1].nodes
        assert sum(isinstance(nodes[child], Branch) for child in nodes[0].children) <= 1


def test_a_level_is_not_asked_of_too_few(schema, draw):
    members = draw(15, (900, 600, 1400))
    recipe = Trees(schema, replace(FEW, minimum_members=3), names(members))
    with pytest.raises(Refused, match=r"recipe\.survivors: 2 members are left"):
        lose(recipe, members, "member-1", "tree 2 level 1")


def test_rows_of_one_label_and_rows_that_nothing_parts_are_refused(schema, draw, draw_one):
    rng = np.random.default_rng(16)
    same = [
        Rows(f"member-{number}", draw_one(rng, 100, positive=1), draw_one(rng, 20, positive=1))
        for number in range(3)
    ]
    with pytest.raises(Refused, match=r"recipe\.one-class"):
        grow(schema, FEW, same)
    with pytest.raises(Refused, match=r"recipe\.no-split"):
        grow(schema, replace(FEW, minimum_rows=10**6), draw(16, SIZES))


def tamper(total, question, what):
    """Change a total in one way that no honest answers could."""
    total = total.copy()
    bins = question.forest.bins.total
    change = {
        "rows": (2 * bins, 1.0),
        "part of a row": (2 * bins, 0.5),
        "slope": (0, 1e4),
        "a little slope": (0, question.scale.unit),
        "curvature": (bins, -1.0),
        "members": (3 * bins, 7.0),
    }
    place, by = change[what]
    total[place] += by
    return total


@pytest.mark.parametrize("what", ["rows", "part of a row", "slope", "a little slope", "curvature", "members"])
def test_a_total_that_cannot_be_is_refused(schema, draw, what):
    members = draw(17, SIZES)
    recipe = Trees(schema, FEW, names(members))
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), LevelQuestion):
        total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
        state = recipe.learn(state, total, names(members))
    answers = [recipe.answer(question, rows) for rows in members]
    total = tamper(np.sum(answers, axis=0), question, what)
    with pytest.raises(Refused, match=r"recipe\.total"):
        recipe.learn(state, total, names(members))


def test_a_sister_that_would_hold_less_than_nothing_is_refused(schema, draw):
    members = draw(18, SIZES)
    recipe = Trees(schema, FEW, names(members))
    state = recipe.begin()
    while not (isinstance(question := recipe.ask(state), LevelQuestion) and question.derived):
        total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
        state = recipe.learn(state, total, names(members))
    total = np.sum([recipe.answer(question, rows) for rows in members], axis=0)
    bins = question.forest.bins
    for start in bins.offsets[:-1]:
        total[2 * bins.total + start] += 10_000  # more rows than the mother's bin has, in every feature alike
    with pytest.raises(Refused, match="the same bin of the node above"):
        recipe.learn(state, total, names(members))


@pytest.mark.parametrize("kind", [SurveyQuestion, CellQuestion, LevelQuestion])
def test_a_member_sees_that_its_own_part_is_missing(schema, draw, kind):
    members = draw(19, SIZES)
    recipe = Trees(schema, FEW, names(members))
    state = recipe.begin()
    while not isinstance(question := recipe.ask(state), kind):
        state = recipe.learn(
            state, np.sum([recipe.answer(question, rows) for rows in members], axis=0), names(members)
        )
    answers = [recipe.answer(question, rows) for rows in members]
    recipe.verify_total(question, answers[2], np.sum(answers, axis=0), len(members))
    with pytest.raises(Refused, match=r"cannot hold this member's own answer"):
        recipe.verify_total(question, answers[2], answers[4], len(members))


def test_a_member_that_begins_in_the_middle_answers_the_same(schema, draw):
    """What a member remembers of its rows changes nothing: after a restart it works everything out again."""
    members = draw(20, SIZES)
    recipe = Trees(schema, replace(FEW, organisation_offsets=True), names(members))
    state = recipe.begin()
    for _ in range(12):
        question = recipe.ask(state)
        state = recipe.learn(
            state, np.sum([recipe.answer(question, rows) for rows in members], axis=0), names(members)
        )
    question = recipe.ask(state)
    assert isinstance(question, LevelQuestion)
    for rows in members:
        fresh = Rows(rows.member, rows.train, rows.test)
        answer = recipe.answer(question, rows)
        np.testing.assert_array_equal(answer, recipe.answer(question, fresh))
        np.testing.assert_array_equal(answer, recipe.answer(question, rows))


def test_the_rate_of_an_organisation_is_a_feature_that_members_share(schema, draw, draw_one):
    """What parts rows is another thing where label 1 is frequent: an offset cannot say that, a split by the rate can."""
    narrow = Schema((NumberFeature("height", 0.0, 1.0, missing=False),))
    rng = np.random.default_rng(25)

    def make(number):
        height = rng.random(900)
        often = number % 2
        positive = rng.random(900) < (
            np.where(height > 0.5, 0.9, 0.3) if often else np.where(height > 0.5, 0.05, 0.4)
        )
        table = Table(narrow, {"height": height}, {}, positive.astype(np.int8))
        test = np.arange(900) % 3 == 0
        return Rows(f"member-{number}", table.take(~test), table.take(test))

    members = [make(number) for number in range(8)]
    parameters = replace(FEW, trees=10, organisation_offsets=True, correction_trees=0)
    without = grow(narrow, parameters, members)
    recipe = Trees(narrow, replace(parameters, organisation_rate=True), names(members))
    told = run_in_clear(recipe, members)
    assert told.metrics["auc_together"] > without.metrics["auc_together"] + 0.1
    column = parse_forest(told.document).bins.columns[-1]
    assert column.name == RATE.name
    codes = [int(np.searchsorted(column.edges, find_rate(rows.train), side="right")) for rows in members]
    assert min(np.bincount(codes, minlength=len(column.edges) + 1)) >= 3
    report = recipe.private_report(told, members[1])
    assert report.together.value > report.alone.value - 0.05


def test_one_organisations_rate_of_its_own_has_no_bin(draw):
    narrow = Schema((NumberFeature("height", 0.0, 40000.0, missing=False),))
    members = [
        Rows(
            rows.member,
            *(
                Table(narrow, {"height": part.numbers["height"]}, {}, part.labels)
                for part in (rows.train, rows.test)
            ),
        )
        for rows in draw(26, (600, 600, 600, 600), shifts=(0, 0, 0, 4))
    ]
    result = grow(narrow, replace(FEW, organisation_rate=True), members)
    assert parse_forest(result.document).bins.columns[-1].edges == ()


def test_a_feature_named_as_the_rate_is_refused():
    named = Schema((NumberFeature(RATE.name, 0.0, 1.0, missing=False),))
    with pytest.raises(Refused, match=r"recipe\.parameter: a feature is called `organisation rate` already"):
        Trees(named, replace(FEW, organisation_rate=True), ("a", "b", "c"))
