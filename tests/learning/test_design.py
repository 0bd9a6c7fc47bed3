import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.learning import CategoryFeature, NumberFeature, Rows, Schema, Table, hash_category
from hansa.learning.design import Matrix, count_support, encode_table, list_dropped, make_design
from hansa.learning.survey import SurveyQuestion, answer_survey, read_survey


@pytest.fixture
def surveyed(schema, draw, door):
    members = draw(3, (60, 50, 40, 9))
    answers = [answer_survey(schema, rows) for rows in members]
    return members, read_survey(schema, door(SurveyQuestion("survey", schema), answers))


def test_columns_come_in_the_documented_order(schema, surveyed):
    _, survey = surveyed
    names = make_design(schema, survey, 1, 1).names
    assert names[:4] == ("intercept", "mass", "mass missing", "height")
    assert names[4:8] == ("sky = Clear", "sky = Some", "sky = Overcast", "sky missing")
    species = sorted(hash_category("species", f"bird {number}") for number in range(12))
    assert names[8:] == (*(f"species = #{code:04x}" for code in species), "species missing")


def test_a_constant_number_and_a_category_nobody_has_get_no_column(schema, surveyed):
    _, survey = surveyed
    names = make_design(schema, survey, 1, 1).names
    assert "fixed" not in names
    assert "sky = Never" not in names


def test_rare_categories_are_dropped_by_members_and_by_rows(schema, surveyed):
    members, survey = surveyed
    counts = {}
    for rows in members:
        for code in rows.train.codes["species"]:
            counts.setdefault(int(code), []).append(rows.member)
    for least_members, least_rows in ((4, 1), (1, 12), (3, 10)):
        kept = make_design(schema, survey, least_members, least_rows).categories[1].codes
        assert kept == tuple(
            sorted(
                c for c, who in counts.items() if len(set(who)) >= least_members and len(who) >= least_rows
            )
        )


def test_what_is_dropped_is_said_in_the_plans_order(schema, surveyed):
    _, survey = surveyed
    design = make_design(schema, survey, 3, 60)
    dropped = list_dropped(design, survey, 3, 60)
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
    assert list_dropped(make_design(schema, survey, 1, 1), survey, 1, 1) == (
        ("x", "no training row has a value"),
        ("sky = Cloud", "every training row has it"),
        ("sky = Clear", "no training row has it"),
    )


def test_a_number_in_too_wide_bounds_is_not_dropped_silently():
    schema = Schema((NumberFeature("x", 0.0, 1e9, missing=False),))
    table = Table(schema, {"x": np.arange(20.0)}, {}, np.zeros(20, np.int8))
    survey = read_survey(schema, answer_survey(schema, Rows("a", table, table)))
    ((column, reason),) = list_dropped(make_design(schema, survey, 1, 1), survey, 1, 1)
    assert column == "x"
    assert reason.endswith("narrow the bounds")


def test_standard_scores_have_mean_zero_and_missing_sits_there(schema, surveyed):
    members, survey = surveyed
    design = make_design(schema, survey, 1, 1)
    full = np.vstack([encode_table(design, rows.train).spell_out() for rows in members])
    mass, absent = full[:, 1], full[:, 2] == 1
    assert mass[~absent].mean() == pytest.approx(0, abs=1e-12)
    assert mass[~absent].std() == pytest.approx(1, abs=1e-12)
    assert (mass[absent] == 0).all()
    assert full[:, 4:8].sum(axis=1).tolist() == [1.0] * len(full)


def test_no_element_exceeds_its_reach_and_no_column_its_support(schema, surveyed):
    members, survey = surveyed
    design = make_design(schema, survey, 1, 1)
    full = np.vstack([encode_table(design, rows.train).spell_out() for rows in members])
    assert (np.abs(full).max(axis=0) <= design.reach).all()
    assert ((full != 0).sum(axis=0) <= count_support(design, survey)).all()


@pytest.fixture(scope="module")
def encoded(schema, draw):
    members = draw(5, (90,))
    design = make_design(schema, read_survey(schema, answer_survey(schema, members[0])), 1, 1)
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
