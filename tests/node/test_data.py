import csv
import io
import sys

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa import learning
from hansa.errors import Refused, Unavailable
from hansa.governance.plan import load_plan
from hansa.learning.regression import read_outcome_of
from hansa.learning.regression.outcome import read_target
from hansa.node.data import TableRefused, check_file, load_rows, load_table

PLAN = """
version: 1
name: Which strikes affect the flight
purpose: Learn together.
recipe: {{name: logistic}}
label: {{name: hurt, positive: "1", negative: "0"}}
features:
  - {{name: speed, type: number, unit: knots, minimum: 0, maximum: "500.5", missing: allowed}}
  - {{name: mass, type: number, minimum: 1, maximum: 5}}
  - {{name: sky, type: category, categories: [No Cloud, Some Cloud, Overcast, None], missing: refused}}
  - {{name: species, type: category, categories: counted, missing: allowed}}
cohort: {{members: all, minimum: 3}}
split: {split}
privacy: {{noise: none}}
bars: [{{metric: auc_together, at_least: "0.80"}}]
leaves: [{{what: sums, to: members}}]
"""
SPLITS = {
    "stratified": "{kind: stratified, seed: 4, test: 3/10}",
    "group": "{kind: group, column: person, seed: 4, test: 3/10, scope: member}",
    "everywhere": "{kind: group, column: person, seed: 4, test: 3/10, scope: everywhere}",
    "time": '{kind: time, column: year, from: "1996"}',
    "date": '{kind: time, column: year, from: "2020-06-01"}',
    "odd time": '{kind: time, column: year, from: "Q3"}',
}
PLANS = {
    kind: load_plan(PLAN.format(split=split), "plan.yaml", recipe_digest="0" * 64)
    for kind, split in SPLITS.items()
}
HEADER = "hurt,speed,mass,sky,species,person,year"
GOOD = "0,120,4,No Cloud,gull,p1,1990\n1,,2.5,Overcast,,p2,1997\n"


@pytest.fixture
def write(tmp_path):
    def write(rows, header=HEADER, name="alpha.csv"):
        path = tmp_path / name
        path.write_text(f"{header}\n{rows}", newline="")
        return path

    return write


def refuse(path, kind="stratified"):
    with pytest.raises(TableRefused) as excinfo:
        load_table(path, PLANS[kind])
    return excinfo.value


def refuse_row(write, row, kind="stratified"):
    """Refuse a file whose row 4 is the only bad one, and return what is said of it."""
    refusal = refuse(write(GOOD + row + "\n"), kind)
    assert refusal.rule == refusal.findings[0].rule
    assert len(refusal.reasons) == 1, refusal.reasons
    return refusal.rule, refusal.reasons[0]


def test_a_good_file_becomes_a_table(write):
    checked = check_file(write(GOOD), PLANS["stratified"])
    table = checked.table
    assert checked.findings == ()
    assert table.labels.tolist() == [0, 1]
    assert table.labels.dtype == np.int8
    np.testing.assert_array_equal(table.numbers["speed"], [120, np.nan])
    np.testing.assert_array_equal(table.numbers["mass"], [4, 2.5])
    assert table.texts["sky"].tolist() == ["No Cloud", "Overcast"]
    assert table.texts["species"].tolist() == ["gull", None]
    assert table.keys == {}


@pytest.mark.parametrize(("kind", "keys"), [("group", ["p1", "p2"]), ("time", ["1990", "1997"])])
def test_the_column_of_the_split_comes_along_as_it_stands(write, kind, keys):
    table = load_table(write(GOOD), PLANS[kind])
    (column,) = table.keys.values()
    assert column.tolist() == keys


def test_the_table_is_one_that_the_computation_accepts(write):
    rows = load_rows(write(GOOD * 10), PLANS["time"], "alpha")
    assert (len(rows.train), len(rows.test)) == (10, 10)
    assert rows.member == "alpha"


def test_extra_columns_are_not_looked_at(write):
    rows = GOOD.replace("\n", ",anything\n")
    assert len(load_table(write(rows, HEADER + ",note"), PLANS["stratified"])) == 2


def test_a_listed_category_is_one_even_if_it_spells_a_missing_value(write):
    table = load_table(write(GOOD + "0,1,1,None,None,p,1990\n"), PLANS["stratified"])
    assert table.texts["sky"].tolist()[-1] == "None"
    assert table.texts["species"].tolist()[-1] is None


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "NaN", "null", "NONE", " "])
def test_every_spelling_of_a_missing_value_is_understood(write, missing):
    table = load_table(write(GOOD + f"0,{missing},1,Overcast,{missing},p,1990\n"), PLANS["stratified"])
    assert np.isnan(table.numbers["speed"][-1])
    assert table.texts["species"][-1] is None


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        (
            "0,fast,1,Overcast,,p,1990",
            "data.number",
            (
                "alpha.csv, row 4, column `speed`: found `fast`, expected a number (knots); "
                "write a number, or leave the cell empty if the value is missing"
            ),
        ),
        (
            "0,inf,1,Overcast,,p,1990",
            "data.number",
            (
                "alpha.csv, row 4, column `speed`: found `inf`, expected a number (knots); "
                "write a finite number, or leave the cell empty"
            ),
        ),
        (
            "0,500.6,1,Overcast,,p,1990",
            "data.range",
            (
                "alpha.csv, row 4, column `speed`: found `500.6`, expected 0 to 500.5 (knots); "
                "correct it, leave it empty, or propose a plan with wider bounds"
            ),
        ),
        (
            "0,1,0.5,Overcast,,p,1990",
            "data.range",
            (
                "alpha.csv, row 4, column `mass`: found `0.5`, expected 1 to 5; "
                "correct it or propose a plan with wider bounds"
            ),
        ),
        (
            "0,1,NA,Overcast,,p,1990",
            "data.missing",
            (
                "alpha.csv, row 4, column `mass`: found no value, expected a number; "
                "fill it in, remove the row, or propose a plan that says `missing: allowed`"
            ),
        ),
        (
            "0,1,1,,,p,1990",
            "data.missing",
            (
                "alpha.csv, row 4, column `sky`: found no value, expected a category; "
                "fill it in, remove the row, or propose a plan that says `missing: allowed`"
            ),
        ),
        (
            "0,1,1,Some cloud,,p,1990",
            "data.category",
            (
                "alpha.csv, row 4, column `sky`: found `Some cloud`, expected `Some Cloud` as the plan spells it; "
                "they differ in capital letters"
            ),
        ),
        (
            "0,1,1,Some Cloud ,,p,1990",
            "data.category",
            (
                "alpha.csv, row 4, column `sky`: found `Some Cloud `, expected `Some Cloud` as the plan spells it; "
                "they differ in spaces"
            ),
        ),
        (
            "0,1,1,Overcást,,p,1990",
            "data.category",
            (
                "alpha.csv, row 4, column `sky`: found `Overcást`, expected `Overcast` as the plan spells it; "
                "they differ in case, spaces, hyphens or accents"
            ),
        ),
        (
            "0,1,1,Hail,,p,1990",
            "data.category",
            (
                "alpha.csv, row 4, column `sky`: found `Hail`, expected one of `No Cloud`, `Some Cloud`, `Overcast`, "
                "`None`; recode it or propose a plan that lists it"
            ),
        ),
        (
            "2,1,1,Overcast,,p,1990",
            "data.label",
            (
                "alpha.csv, row 4, column `hurt`: found `2`, expected `0` or `1`; "
                "recode it or remove the row, as a label has two values"
            ),
        ),
        (
            "1.0,1,1,Overcast,,p,1990",
            "data.label",
            "alpha.csv, row 4, column `hurt`: found `1.0`, expected `0` or `1`; write it as `1`",
        ),
        (
            "nan,1,1,Overcast,,p,1990",
            "data.label-missing",
            "alpha.csv, row 4, column `hurt`: found no value, expected `0` or `1`; fill it in or remove the row",
        ),
        (
            "0,1,1,Overcast",
            "data.fields",
            "alpha.csv, row 4: found 4 fields, expected 7 as in the header; add what is missing",
        ),
    ],
)
def test_a_bad_cell_is_named_with_what_is_expected_and_what_to_do(write, row, rule, reason):
    assert refuse_row(write, row) == (rule, reason)


def test_a_row_without_its_group_is_refused(write):
    rule, reason = refuse_row(write, "0,1,1,Overcast,,,1990", "group")
    assert rule == "data.missing"
    assert "column `person`: found no value, and this column says which rows belong together" in reason


def test_a_time_that_is_not_a_number_is_refused_when_the_plan_compares_numbers(write):
    rule, reason = refuse_row(write, "0,1,1,Overcast,,p,1990-05-01", "time")
    assert rule == "data.time"
    assert "found `1990-05-01`, expected a plain number, because the plan tests from `1996`" in reason


@pytest.mark.parametrize("when", ["12/1/2021", "2020-06", "20200601", "2020-06-02T10:00:00Z", " 2020-06-02"])
def test_a_date_in_another_form_than_the_plans_is_refused(write, when):
    good = GOOD.replace("1990", "2019-01-01").replace("1997", "2021-01-01")
    assert len(load_table(write(good), PLANS["date"])) == 2
    refusal = refuse(write(good + f"0,1,1,Overcast,,p,{when}\n"), "date")
    assert refusal.reasons == (
        (
            f"alpha.csv, row 4, column `year`: found `{when}`, expected `YYYY-MM-DD`, because the plan tests from"
            " `2020-06-01`; write all times this way"
        ),
    )
    assert refusal.rule == "data.time"


def test_a_plan_that_tests_from_no_time_at_all_is_refused_once(write):
    refusal = refuse(write(GOOD * 2000), "odd time")
    assert refusal.rule == "data.time"
    assert len(refusal.reasons) == 1
    assert "the plan tests from `Q3`, with which no row can be compared" in refusal.reasons[0]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("7", " 7"), "no space at the beginning or the end"),
        (("7", "7\u00a0"), "no space at the beginning or the end"),
        (("7", "7\u200b"), "cannot be seen"),
        (("Jose\u0301", "Ana"), "Unicode NFC"),
        (("7", "7.0"), "and `7` in another row; if they are one group"),
        (("7", "07"), "and `7` in another row"),
        (("7.50", "7.5"), "and `7.50` in another row"),
        (("p-1", "P 1"), "and `p-1` in another row"),
        (("Müller", "Muller"), "and `Müller` in another row"),
    ],
)
def test_a_group_that_may_be_written_in_two_ways_is_refused(write, keys, words):
    refusal = refuse(write("".join(f"0,1,1,Overcast,,{key},1990\n" for key in keys)), "group")
    assert refusal.rule == "data.key"
    assert len(refusal.reasons) == 1
    assert words in refusal.reasons[0]
    assert "column `person`: found" in refusal.reasons[0]


@pytest.mark.parametrize(
    "keys",
    [
        ("p1001", "p1002"), ("person-001", "person-002"), ("7.0", "8.0"), ("007", "008"), ("1e5", "100000"),
        ("9007199254740993", "9007199254740992"), ("A+", "A-"), ("-1", "1"),
    ],
)  # fmt: skip
def test_groups_that_differ_are_not_taken_for_one(write, keys):
    rows = "".join(f"0,1,1,Overcast,,{key},1990\n" for key in keys * 2)
    assert load_table(write(rows), PLANS["group"]).keys["person"].tolist() == [*keys, *keys]


def test_two_spellings_of_a_group_are_found_however_far_apart(write):
    rows = "".join(f"0,1,1,Overcast,,{number},1990\n" for number in range(5000))
    refusal = refuse(write(rows + "0,1,1,Overcast,,42.0,1990\n" * 2), "group")
    assert refusal.findings[0].place == "alpha.csv, row 5002, column `person`"
    assert "(the same in 1 more row: 5003)" in refusal.reasons[0]


@pytest.mark.parametrize("key", ["7.0", "+7", "7."])
def test_a_whole_number_has_one_spelling_where_groups_are_the_same_everywhere(write, key):
    refusal = refuse(write(f"0,1,1,Overcast,,{key},1990\n"), "everywhere")
    assert refusal.rule == "data.key"
    assert f"found `{key}`, expected a whole number as `7`" in refusal.reasons[0]
    assert (
        len(load_table(write("0,1,1,Overcast,,7,1990\n0,1,1,Overcast,,-8,1990\n"), PLANS["everywhere"])) == 2
    )


@pytest.mark.parametrize("kind", ["tinyint", "integer", "bigint", "ubigint", "decimal(9, 0)"])
def test_whole_numbers_are_the_same_groups_in_parquet_and_csv(write, tmp_path, kind):
    path = write("".join(f"0,1,1,Overcast,,{number},1990\n" for number in range(5)))
    other = tmp_path / "beta.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (person::{kind} as person) from read_csv('{path}')) to '{other}' (format parquet)"
        )
    one, two = (load_table(file, PLANS["everywhere"]).keys["person"].tolist() for file in (path, other))
    assert one == two == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("header", "kind", "remedy"),
    [
        (HEADER.replace("speed", "Speed "), "stratified", "rename `Speed ` to `speed`"),
        (
            HEADER.replace("speed", "velocity"),
            "stratified",
            "add it, or propose a plan without it (the file has",
        ),
        (HEADER.replace("person", "who"), "group", "add it"),
        (HEADER.replace("year", "when"), "time", "add it"),
        (HEADER.replace("hurt", "HURT"), "stratified", "rename `HURT` to `hurt`"),
    ],
)
def test_a_missing_column_is_refused_with_the_name_that_was_probably_meant(write, header, kind, remedy):
    refusal = refuse(write(GOOD, header), kind)
    assert refusal.rule == "data.column"
    assert len(refusal.reasons) == 1
    assert remedy in refusal.reasons[0]


def test_everything_is_said_at_once_in_order_of_rows(write):
    rows = (
        GOOD
        + "0,fast,9,Some cloud,,p,1990\n"  # row 4: three cells
        + "3,1,,Overcast,,p,1990\n"  # row 5: two cells
        + "0,1\n"  # row 6: too short
    )
    refusal = refuse(write(rows, HEADER.replace("species", "kind")))
    assert [(finding.rule, finding.place) for finding in refusal.findings] == [
        ("data.column", "alpha.csv, column `species`"),
        ("data.fields", "alpha.csv, row 6"),
        ("data.number", "alpha.csv, row 4, column `speed`"),
        ("data.range", "alpha.csv, row 4, column `mass`"),
        ("data.category", "alpha.csv, row 4, column `sky`"),
        ("data.label", "alpha.csv, row 5, column `hurt`"),
        ("data.missing", "alpha.csv, row 5, column `mass`"),
    ]


def test_the_same_wrong_text_is_one_finding_with_its_rows_counted(write):
    refusal = refuse(write(GOOD + "0,1,1,cloudy,,p,1990\n" * 5000 + "0,1,1,Hail,,p,1990\n" * 2))
    assert refusal.reasons[0].endswith("(the same in 4,999 more rows: 5, 6, 7, …)")
    assert refusal.reasons[1].endswith("(the same in 1 more row: 5005)")
    assert len(refusal.reasons) == 2


def test_a_column_of_wrong_texts_does_not_bury_the_other_columns(write):
    rows = GOOD + "".join(f"0,x{n},1,Overcast,,p,1990\n" for n in range(3000)) + "7,1,1,Overcast,,p,1990\n"
    refusal = refuse(write(rows))
    assert [finding.rule for finding in refusal.findings] == ["data.number"] * 6 + ["data.label"]
    assert refusal.reasons[5] == (
        "alpha.csv, from row 9, column `speed`: 2,995 more cells with other texts that are wrong in the same way"
    )


def test_a_long_list_of_findings_is_cut_and_counted(write):
    names = [f"n{index}" for index in range(60)]
    features = "".join(f"  - {{name: {name}, type: number, minimum: 0, maximum: 1}}\n" for name in names)
    text = PLAN.format(split=SPLITS["stratified"]).replace("features:\n", "features:\n" + features)
    plan = load_plan(text, "plan.yaml", recipe_digest="0" * 64)
    with pytest.raises(TableRefused) as excinfo:
        load_table(write(GOOD), plan)
    assert len(excinfo.value.findings) == 60
    assert len(excinfo.value.reasons) == 51
    assert excinfo.value.reasons[-1] == "and 10 more findings; mend these first"


@pytest.mark.parametrize("label", ["0", "1"])
def test_one_class_only_is_a_warning(write, label):
    checked = check_file(write(f"{label},120,4,Overcast,gull,p1,1990\n" * 3), PLANS["stratified"])
    (finding,) = checked.findings
    assert (finding.level, finding.rule) == ("warning", "data.one-class")
    assert str(finding) == (
        f"alpha.csv, column `hurt`: all 3 rows have the label `{label}`; they contribute to the joint model, "
        "but this member cannot be scored on its own rows"
    )


def test_a_header_without_rows_is_refused(write):
    refusal = refuse(write("\n\n"))
    assert (refusal.rule, refusal.reasons) == (
        "data.no-rows",
        ("alpha.csv: the file has a header and no rows; add the rows",),
    )


def test_a_refused_table_is_a_refusal_and_a_missing_file_is_not(write, tmp_path):
    assert isinstance(refuse(write("")), Refused)
    with pytest.raises(Unavailable):
        load_table(tmp_path / "none.csv", PLANS["stratified"])


def test_parquet_and_csv_of_the_same_rows_give_the_same_table(write, tmp_path):
    path = write(GOOD * 3)
    other = tmp_path / "alpha.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy (from read_csv('{path}')) to '{other}' (format parquet)")
    one, two = load_table(path, PLANS["group"]), load_table(other, PLANS["group"])
    assert one.labels.tolist() == two.labels.tolist()
    np.testing.assert_array_equal(one.numbers["mass"], two.numbers["mass"])
    assert one.texts["species"].tolist() == two.texts["species"].tolist()
    assert one.keys["person"].tolist() == two.keys["person"].tolist()


def test_parquet_that_lacks_every_column_is_refused_for_that(tmp_path):
    path = tmp_path / "alpha.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 1 as other) to '{path}' (format parquet)")
    assert {finding.rule for finding in refuse(path).findings} == {"data.column"}


def test_parquet_without_duckdb_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "alpha.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Unavailable, match=r"hansa\[data\]"):
        load_table(path, PLANS["stratified"])


cell_texts = st.one_of(
    st.sampled_from(
        ["0", "1", "", "NA", "4", "2.5", "1e3", "Overcast", "overcast", "None", "-1", "x,y", "1,5"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
)


@given(st.lists(st.tuples(*[cell_texts] * 7), min_size=1, max_size=4), st.sampled_from(list(PLANS)))
def test_a_file_is_either_refused_with_findings_or_accepted_by_the_computation(tmp_path_factory, rows, kind):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER.split(","), *rows])
    path = tmp_path_factory.mktemp("table") / "alpha.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    plan = PLANS[kind]
    findings = ()
    try:
        table = load_table(path, plan)
    except TableRefused as refusal:
        findings = refusal.findings
    else:
        learning.verify_table(table)
        learning.split_rows(table, learning.read_split(plan.to_json()), "alpha")
    assert all(finding.level == "error" and finding.place for finding in findings)
    assert all("\n" not in str(finding) for finding in findings)


STATISTICS = """
version: 1
name: What there is
purpose: See what there is.
recipe: {{name: statistics}}
features:
  - {{name: mass, type: number, minimum: 1, maximum: 5}}
  - {{name: sky, type: category, categories: [No Cloud, Overcast]}}
cohort: {{members: all, minimum: 3}}
privacy: {privacy}
leaves: [{{what: sums, to: members}}]
"""
PERSONS = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001, unit: {column: person, rows: 2}}"


def test_a_plan_of_statistics_takes_all_rows_and_asks_for_no_label(write):
    plan = load_plan(STATISTICS.format(privacy="{noise: none}"), "plan.yaml", recipe_digest="0" * 64)
    path = write("4,No Cloud\n2,Overcast\n", header="mass,sky")
    assert check_file(path, plan).findings == ()
    rows = load_rows(path, plan, "alpha")
    assert (len(rows.train), len(rows.test)) == (2, 0)
    assert rows.train.numbers["mass"].tolist() == [4, 2]


def test_the_unit_of_privacy_is_read_where_there_is_no_split(write):
    plan = load_plan(STATISTICS.format(privacy=PERSONS), "plan.yaml", recipe_digest="0" * 64)
    assert plan.columns == ("mass", "sky", "person")
    rows = load_rows(write("4,No Cloud,p1\n2,Overcast,p1\n", header="mass,sky,person"), plan, "alpha")
    assert rows.train.keys["person"].tolist() == ["p1", "p1"]
    with pytest.raises(TableRefused, match="the plan names this column and the file lacks it"):
        load_rows(write("4,No Cloud\n", header="mass,sky", name="beta.csv"), plan, "beta")
    with pytest.raises(TableRefused, match="this column says which rows belong together"):
        load_rows(write("4,No Cloud,\n", header="mass,sky,person", name="gamma.csv"), plan, "gamma")


# -- labels of regressions ---------------------------------------------------------------------------------------

REGRESSIONS = {
    "number": (
        "poisson",
        "{name: hits, type: number, minimum: 0, maximum: 9, exposure: {name: hours, unit: h, minimum: 0.5, maximum: 8}}",
    ),
    "category": ("multinomial", "{name: part, type: category, categories: [wing, nose, tail]}"),
    "time": (
        "cox",
        "{name: days, type: time, step: 0.57, steps: 100, event: {name: broke, positive: 'yes', negative: 'no'}}",
    ),
}


def plan_of(kind):
    family, label = REGRESSIONS[kind]
    text = PLAN.format(split=SPLITS["stratified"]).replace("auc_together", "members_gain")
    text = text.replace("{name: logistic}", f"{{name: regression, parameters: {{family: {family}}}}}")
    text = text.replace('{name: hurt, positive: "1", negative: "0"}', label)
    return load_plan(text, "plan.yaml", recipe_digest="0" * 64)


@pytest.mark.parametrize(
    ("kind", "header", "cells"),
    [
        ("number", "hits,hours", ("3,0.5", "0,8")),
        ("category", "part", ("wing", "tail")),
        ("time", "days,broke", ("57,yes", "0.1,no")),
    ],
)
def test_the_columns_of_a_label_come_along_as_numbers_texts_and_events(write, kind, header, cells):
    rest = "120,4,No Cloud,gull"
    path = write(
        "".join(f"{cell},{rest}\n" for cell in cells), header=f"{header},speed,mass,sky,species", name="b.csv"
    )
    plan = plan_of(kind)
    table = check_file(path, plan).table
    target = read_target(read_outcome_of(plan.to_json()["label"]), table)
    match kind:
        case "number":
            assert target.values.tolist() == [3, 0]
            assert np.exp(target.exposures).tolist() == pytest.approx([0.5, 8])
        case "category":
            assert target.codes.tolist() == [0, 2]
        case _:
            assert target.values.tolist() == [99, 0]  # the last moment of the last step, and the first step
            assert target.events.tolist() == [True, False]


@pytest.mark.parametrize(("event", "warned"), [("yes", 0), ("no", 1)])
def test_times_that_all_end_with_the_event_are_fine_and_none_is_a_warning(write, event, warned):
    path = write(f"5,{event},120,4,No Cloud,gull\n", header="days,broke,speed,mass,sky,species", name="b.csv")
    assert len(check_file(path, plan_of("time")).findings) == warned


@pytest.mark.parametrize(
    ("kind", "header", "cell", "refusal"),
    [
        ("number", "hits,hours", "10,1", ("data.range", "expected 0 to 9")),
        ("number", "hits,hours", ",1", ("data.missing", "expected a number")),
        ("number", "hits,hours", "1,0.1", ("data.range", "expected 0.5 to 8 (h)")),
        ("category", "part", "wings", ("data.category", "expected `wing`")),
        ("category", "part", "", ("data.missing", "expected a category")),
        ("time", "days,broke", "58,yes", ("data.range", "expected 0 to 57.00")),
        ("time", "days,broke", "5,maybe", ("data.label", "expected `no` or `yes`")),
        ("number", "hits", "1", ("data.column", "`hours`")),
    ],
)
def test_a_cell_that_is_no_such_label_is_named(write, kind, header, cell, refusal):
    path = write(f"{cell},120,4,No Cloud,gull\n", header=f"{header},speed,mass,sky,species", name="b.csv")
    with pytest.raises(TableRefused) as caught:
        check_file(path, plan_of(kind))
    rule, words = refusal
    assert caught.value.rule == rule
    assert words in str(caught.value)
