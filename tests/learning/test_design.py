import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table, hash_category
from hansa.learning.design import Matrix, Minimum, count_support, encode_table, make_design
from hansa.learning.omission import list_dropped
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey


@pytest.fixture
def surveyed(schema, draw, door):
    members = draw(3, (60, 50, 40, 9))
    answers = [answer_survey(schema, rows) for rows in members]
    return members, read_survey(schema, door(SurveyQuestion("survey", schema), answers))


def test_columns_come_in_the_documented_order(schema, surveyed):
    _, survey = surveyed
    names = make_design(schema, survey, Minimum(1, 1)).names
    assert names[:4] == ("intercept", "mass", "mass missing", "height")
    assert names[4:8] == ("sky = Clear", "sky = Some", "sky = Overcast", "sky missing")
    species = sorted(hash_category("species", f"bird {number}") for number in range(12))
    assert names[8:] == (*(f"species = #{code:04x}" for code in species), "species missing")


def test_a_constant_number_and_a_category_nobody_has_get_no_column(schema, surveyed):
    _, survey = surveyed
    names = make_design(schema, survey, Minimum(1, 1)).names
    assert "fixed" not in names
    assert "sky = Never" not in names


def test_rare_categories_are_dropped_by_members_and_by_rows(schema, surveyed):
    members, survey = surveyed
    counts = {}
    for rows in members:
        for code in rows.train.codes["species"]:
            counts.setdefault(int(code), []).append(rows.member)
    for least_members, least_rows in ((4, 1), (1, 12), (3, 10)):
        kept = make_design(schema, survey, Minimum(least_members, least_rows)).categories[1].codes
        common = {
            c: len(who)
            for c, who in counts.items()
            if len(set(who)) >= least_members and len(who) >= least_rows
        }
        left = [who for c, who in counts.items() if c not in common]
        if left and (sum(map(len, left)) < least_rows or max(len(set(who)) for who in left) < least_members):
            common.pop(min(common, key=lambda c: (common[c], c)))
        assert kept == tuple(sorted(common))


def design_of(schema, parts, minimum):
    """The design and the omissions over members with one categorical feature, given their texts."""
    tables = []
    for texts in parts:
        column = np.array(texts, dtype=object)
        tables.append(Table(schema, {}, {"sky": column}, np.zeros(len(column), np.int8)))
    answers = [answer_survey(schema, Rows(str(place), table, table)) for place, table in enumerate(tables)]
    survey = read_survey(schema, np.sum(answers, axis=0))
    design = make_design(schema, survey, minimum)
    return design.names[1:], dict(list_dropped(design, survey, minimum))


SKIES = Schema((CategoryFeature("sky", ("Clear", "Cloud", "Fog", "Hail"), missing=False),))


def test_what_is_left_over_is_nothing_or_as_common_as_a_column():
    parts = [["Clear"] * 9 + ["Cloud"] * 5] * 3
    assert design_of(SKIES, parts, Minimum(3, 10))[0] == ("sky = Clear", "sky = Cloud")
    alone = [*parts[:2], [*parts[2], "Hail"]]
    names, reasons = design_of(SKIES, alone, Minimum(3, 10))
    assert names == ("sky = Clear",)
    assert reasons["sky = Cloud"] == "without it, rarer ones would show as what the other columns leave over"
    assert reasons["sky = Hail"] == "fewer than 10 training rows or 3 members have it"


def test_a_category_that_all_but_a_few_rows_have_gets_no_column():
    names, _ = design_of(SKIES, [["Clear"] * 9, ["Clear"] * 9, ["Clear"] * 9 + ["Fog"]], Minimum(3, 10))
    assert names == ()


def test_many_rows_of_few_members_are_not_left_over_either():
    parts = [["Clear"] * 9 + ["Cloud"] * 5 + ["Fog"] * 8, ["Clear"] * 9 + ["Cloud"] * 5 + ["Hail"] * 8]
    parts.append(["Clear"] * 9 + ["Cloud"] * 5)
    assert design_of(SKIES, parts, Minimum(3, 10))[0] == ("sky = Clear",)
    assert design_of(SKIES, parts, Minimum(1, 10))[0] == ("sky = Clear", "sky = Cloud")


@given(seed=st.integers(0, 10**6), least_members=st.integers(1, 4), least_rows=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_no_feature_leaves_over_few_rows_or_few_members(schema, draw, seed, least_members, least_rows):
    members = draw(seed, (80, 40, 30, 9))
    survey = read_survey(schema, np.sum([answer_survey(schema, rows) for rows in members], axis=0))
    design = make_design(schema, survey, Minimum(least_members, least_rows))
    spelt = [encode_table(design, rows.train).spell_out() for rows in members]
    for block in design.blocks:
        left = [int((part[:, block].sum(axis=1) == 0).sum()) for part in spelt]
        enough = sum(left) >= least_rows and np.count_nonzero(left) >= least_members
        assert enough or sum(left) in {0, survey.rows}


@pytest.mark.parametrize(
    ("held", "columns"),
    [
        ((20, 20, 20), ("x",)),
        ((16, 16, 16), ("x", "x missing")),
        ((20, 19, 19), ("x",)),  # missing in 2 rows
        ((8, 20, 20), ("x",)),  # missing at 1 member only
        ((20, 0, 0), ()),  # present at 1 member only
        ((1, 1, 2), ()),  # present in 4 rows
    ],
)
def test_a_number_and_its_being_missing_have_columns_only_where_they_are_common(held, columns):
    schema = Schema((NumberFeature("x", 0.0, 1.0, missing=True),))
    answers = []
    for count in held:
        values = np.linspace(0.0, 1.0, 20)
        values[count:] = np.nan
        table = Table(schema, {"x": values}, {}, np.zeros(20, np.int8))
        answers.append(answer_survey(schema, Rows("m", table, table)))
    survey = read_survey(schema, np.sum(answers, axis=0))
    design = make_design(schema, survey, Minimum(3, 10))
    assert design.names == ("intercept", *columns)
    dropped = dict(list_dropped(design, survey, Minimum(3, 10)))
    if not columns:
        assert dropped == {"x": "fewer than 10 training rows or 3 members have a value"}
    elif "x missing" not in columns and sum(held) < 60:
        assert dropped == {"x missing": "fewer than 10 training rows or 3 members lack the value"}
    else:
        assert dropped == {}


def test_what_is_dropped_is_said_in_the_plans_order(schema, surveyed):
    _, survey = surveyed
    design = make_design(schema, survey, Minimum(3, 60))
    dropped = list_dropped(design, survey, Minimum(3, 60))
    reasons = dict(dropped)
    assert [entry.column for entry in dropped if entry.column in {"sky = Never", "species", "fixed"}] == [
        "sky = Never", "species", "fixed",
    ]  # fmt: skip
    assert "at most a millionth of the declared range" in reasons["fixed"]
    assert reasons["sky = Never"] == "no training row has it"
    assert reasons["sky missing"] == "fewer than 60 training rows or 3 members have it"
    assert reasons["species"] == "13 of 13 values: fewer than 60 training rows or 3 members have each"
    assert not {"mass", "height"} & reasons.keys()
    assert not set(reasons) & set(design.names)


def test_a_number_nobody_has_and_a_category_all_have_are_dropped_for_that():
    schema = Schema(
        (NumberFeature("x", 0.0, 1.0, missing=True), CategoryFeature("sky", ("Clear", "Cloud"), missing=True))
    )
    table = Table(
        schema, {"x": np.full(20, np.nan)}, {"sky": np.full(20, "Cloud", object)}, np.zeros(20, np.int8)
    )
    survey = read_survey(schema, answer_survey(schema, Rows("a", table, table)))
    assert list_dropped(make_design(schema, survey, Minimum(1, 1)), survey, Minimum(1, 1)) == (
        ("x", "no training row has a value"),
        ("sky = Cloud", "every training row has it"),
        ("sky = Clear", "no training row has it"),
    )


def test_a_number_in_too_wide_bounds_is_not_dropped_silently():
    schema = Schema((NumberFeature("x", 0.0, 1e9, missing=False),))
    table = Table(schema, {"x": np.arange(20.0)}, {}, np.zeros(20, np.int8))
    survey = read_survey(schema, answer_survey(schema, Rows("a", table, table)))
    ((column, reason),) = list_dropped(make_design(schema, survey, Minimum(1, 1)), survey, Minimum(1, 1))
    assert column == "x"
    assert reason.endswith("narrow the bounds")


def test_standard_scores_have_mean_zero_and_missing_sits_there(schema, surveyed):
    members, survey = surveyed
    design = make_design(schema, survey, Minimum(1, 1))
    full = np.vstack([encode_table(design, rows.train).spell_out() for rows in members])
    mass, absent = full[:, 1], full[:, 2] == 1
    assert mass[~absent].mean() == pytest.approx(0, abs=1e-12)
    assert mass[~absent].std() == pytest.approx(1, abs=1e-12)
    assert (mass[absent] == 0).all()
    assert full[:, 4:8].sum(axis=1).tolist() == [1.0] * len(full)


def test_no_element_exceeds_its_reach_and_no_column_its_support(schema, surveyed):
    members, survey = surveyed
    design = make_design(schema, survey, Minimum(1, 1))
    full = np.vstack([encode_table(design, rows.train).spell_out() for rows in members])
    assert (np.abs(full).max(axis=0) <= design.reach).all()
    assert ((full != 0).sum(axis=0) <= count_support(design, survey)).all()


@pytest.fixture(scope="module")
def encoded(schema, draw):
    members = draw(5, (90,))
    design = make_design(schema, read_survey(schema, answer_survey(schema, members[0])), Minimum(1, 1))
    return design, encode_table(design, members[0].train)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_no_logit_exceeds_its_bound(encoded, seed):
    design, matrix = encoded
    coefficients = np.random.default_rng(seed).normal(size=len(design.names))
    assert np.abs(matrix.predict(coefficients)).max() <= design.bound_logit(coefficients) * (1 + 1e-12)


@given(
    rows=st.integers(0, 40),
    dense=st.integers(1, 4),
    widths=st.lists(st.integers(0, 5), max_size=3),
    seed=st.integers(0, 10**6),
)
def test_the_small_form_multiplies_as_the_full_matrix_does(rows, dense, widths, seed):
    rng = np.random.default_rng(seed)
    codes = tuple(rng.integers(0, width + 1, rows).astype(np.intp) for width in widths)
    columns = np.asfortranarray(rng.normal(size=(rows, dense)))
    columns[:, 0] = 1.0
    matrix = Matrix(columns, codes, tuple(widths))
    full = matrix.spell_out()
    weights, coefficients = rng.random(rows), rng.normal(size=matrix.columns)
    assert full.shape == (rows, matrix.columns)
    np.testing.assert_allclose(matrix.predict(coefficients), full @ coefficients, atol=1e-12)
    np.testing.assert_allclose(matrix.project(weights), full.T @ weights, atol=1e-12)
    np.testing.assert_allclose(matrix.weigh(weights), full.T @ (full * weights[:, None]), atol=1e-12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hansa.learning.design._DENSE", -1)
        np.testing.assert_allclose(matrix.weigh(weights), full.T @ (full * weights[:, None]), atol=1e-12)


def test_slices_are_the_rows_in_order(encoded, monkeypatch):
    _, matrix = encoded
    monkeypatch.setattr("hansa.learning.design.SLICE", 25)
    parts = list(matrix.slices())
    assert [len(part) for part in parts] == [25, 25, 17]
    assert (np.vstack([part.spell_out() for part in parts]) == matrix.spell_out()).all()
