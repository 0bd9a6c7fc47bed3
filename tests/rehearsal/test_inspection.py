import gzip
import random
import re
import sys

import pytest

from hansa.errors import Refused, Unavailable
from hansa.governance import load_plan
from hansa.learning.networks import parse_network_parameters
from hansa.node.data import check_file
from hansa.node.tablefile import read_columns
from hansa.rehearsal import inspection as inspection_module
from hansa.rehearsal.dependent import Beside
from hansa.rehearsal.drafting import write_plan
from hansa.rehearsal.inspection import inspect_folder

GIGABYTE = 1_000_000_000
NAMES = ("alpha", "beta", "gamma", "delta")
HEADER = "y,age,speed,sky,site,patient,when"


def make_rows(seed, count=40, **changes):
    """Return rows as dictionaries; `changes` replace columns by a text or by a function of the row number."""
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        row = {
            "y": str(int(draw.random() < 0.4)),
            "age": str(draw.randrange(18, 90)),
            "speed": f"{draw.gauss(100, 20):.2f}",
            "sky": draw.choice(["Clear", "Some Cloud", "Overcast"]),
            "site": draw.choice(["north", "south"]),
            "patient": f"p{seed}-{index // 2}",
            "when": str(1990 + index // 4),
        }
        row["y"] = "1" if index == 0 else "0" if index == 1 else row["y"]
        for name, change in changes.items():
            row[name] = change(index) if callable(change) else change
        rows.append(row)
    return rows


def write(folder, name, rows, drop=(), **renamed):
    names = [column for column in rows[0] if column not in drop]
    lines = [",".join(renamed.get(column, column) for column in names)]
    lines += [",".join(row[column] for column in names) for row in rows]
    text = "\n".join(lines) + "\n"
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    else:
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """Four organisations that agree."""
    for seed, name in enumerate(NAMES):
        write(tmp_path, f"{name}.csv", make_rows(seed))
    return tmp_path


def find(inspection, rule):
    return [finding for finding in inspection.findings if finding.rule == rule]


def find_one(inspection, rule, level="error"):
    (finding,) = find(inspection, rule)
    assert finding.level == level
    if level == "error":
        with pytest.raises(Refused) as excinfo:
            write_plan(inspection)
        assert excinfo.value.rule == inspection.errors[0].rule
        assert str(finding) in excinfo.value.reasons
    return str(finding)


def draft(inspection, name):
    (column,) = [column for column in inspection.columns if column.name == name]
    return column


def load(inspection):
    """Write the plan, load it, and see that every file meets it."""
    plan = load_plan(write_plan(inspection), "plan.yaml", recipe_digest="0" * 64)
    for organisation in inspection.organisations:
        check_file(organisation.path, plan)
    return plan


def test_a_plan_of_a_network_is_drafted_with_what_it_may_set(folder):
    plan = load_plan(write_plan(inspect_folder(folder, "y"), "network"), "plan.yaml", recipe_digest="0" * 64)
    assert plan.recipe.name == "network"
    assert "epsilon" not in write_plan(inspect_folder(folder, "y"), "network")  # noise would be refused
    assert [layer.kind for layer in plan.recipe.parameters.layers] == ["linear", "relu"]
    parse_network_parameters(plan.to_json()["recipe"]["parameters"])


def test_a_plan_of_trees_is_drafted_with_what_it_may_set(folder):
    text = write_plan(inspect_folder(folder, "y"), "trees")
    plan = load_plan(text, "plan.yaml", recipe_digest="0" * 64)
    assert plan.recipe.name == "trees"
    shown = {line.split(":")[0].strip(" #") for line in text.splitlines()}
    assert {"trees", "depth", "learning_rate", "minimum_rows", "minimum_members", "rising"} <= shown


def test_a_drafted_plan_of_trees_becomes_one_with_noise_as_its_comments_say(folder):
    text = write_plan(inspect_folder(folder, "y"), "trees")
    said = next(line for line in text.splitlines() if "discrete-gaussian" in line)
    changes = (
        ("privacy: {noise: none}", said.lstrip("# ")),
        ("kind: stratified", "kind: rows"),
        ("auc_together", "auc_pooled_together"),
        ("organisation_offsets: true", "organisation_offsets: false"),
    )
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    text = "".join(line for line in text.splitlines(keepends=True) if "members_gain" not in line)
    assert load_plan(text, "plan.yaml", recipe_digest="0" * 64).privacy.rho > 0


def test_files_that_agree_give_a_plan_that_they_meet(folder):
    inspection = inspect_folder(folder, "y")
    assert [finding.rule for finding in inspection.findings] == ["inspect.extremes"]
    assert [organisation.name for organisation in inspection.organisations] == sorted(NAMES)
    assert all(
        organisation.rows == 40 and organisation.positives > 5 for organisation in inspection.organisations
    )
    plan = load(inspection)
    assert plan.label.to_json() == {"name": "y", "positive": "1", "negative": "0"}
    assert [(feature.name, feature.type) for feature in plan.features] == [
        ("age", "number"),
        ("speed", "number"),
        ("sky", "category"),
        ("site", "category"),
        ("patient", "category"),
        ("when", "number"),
    ]
    assert plan.features[2].categories == ("Clear", "Overcast", "Some Cloud")
    assert plan.features[4].categories == "counted"
    assert plan.split.to_json() == {"kind": "stratified", "seed": 0, "test": "3/10"}
    assert plan.cohort.minimum == 4
    assert {bar.metric for bar in plan.bars} == {"auc_together", "members_gain"}


def test_the_plan_explains_itself(folder):
    text = write_plan(inspect_folder(folder, "y"))
    for words in ("# Drafted from 4 tables with 160 rows", "% of all rows have `1`", "Units are not known", "none missing", "Set it now"):  # fmt: skip
        assert words in text


def test_the_same_folder_gives_the_same_plan(folder):
    assert write_plan(inspect_folder(folder, "y")) == write_plan(inspect_folder(folder, "y"))


def test_a_group_splits_and_is_no_feature(folder):
    plan = load(inspect_folder(folder, "y", group="patient"))
    assert plan.split.kind == "group"
    assert plan.split.scope == "member"
    assert "patient" not in {feature.name for feature in plan.features}


def test_a_group_that_organisations_share_is_split_everywhere_alike(folder):
    assert load(inspect_folder(folder, "y", group="when")).split.scope == "everywhere"


def test_a_time_splits_after_seven_tenths_of_the_rows(folder):
    plan = load(inspect_folder(folder, "y", time="when"))
    assert plan.split.to_json() == {"kind": "time", "column": "when", "from": "1997"}


def test_dates_split_as_texts(folder):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, when=lambda index: f"1996-{1 + index // 4:02d}-15"))
    assert load(inspect_folder(folder, "y", time="when")).split.start == "1996-08-15"
    assert "it holds dates" in draft(inspect_folder(folder, "y"), "when").remark


def test_group_and_time_together_are_refused(folder):
    assert "name one of the two" in find_one(inspect_folder(folder, "y", "patient", "when"), "inspect.split")
    assert "is the label" in find_one(inspect_folder(folder, "y", "y"), "inspect.split")


def test_compressed_csv_and_parquet_take_part(folder):
    import duckdb

    write(folder, "alpha.csv.gz", make_rows(0))
    (folder / "alpha.csv").unlink()
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{folder}/beta.csv')) to '{folder}/beta.parquet' (format parquet)"
        )
    (folder / "beta.csv").unlink()
    inspection = inspect_folder(folder, "y")
    assert [organisation.name for organisation in inspection.organisations] == sorted(NAMES)
    load(inspection)


# ---------------------------------------------------------------- files


def test_a_folder_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable):
        inspect_folder(tmp_path / "nowhere", "y")


def test_fewer_than_three_files_are_refused(folder):
    (folder / "gamma.csv").unlink()
    (folder / "delta.csv").unlink()
    assert "found 2 tables (.csv, .csv.gz, .parquet, .arrow, .feather), expected" in find_one(
        inspect_folder(folder, "y"), "inspect.few"
    )


def test_an_empty_folder_is_refused(tmp_path):
    inspection = inspect_folder(tmp_path, "y")
    assert [finding.rule for finding in inspection.errors] == ["inspect.few"]


def test_two_files_of_one_organisation_are_refused(folder):
    write(folder, "alpha.csv.gz", make_rows(9))
    write(folder, "BETA.csv.gz", make_rows(9))
    reasons = [str(finding) for finding in find(inspect_folder(folder, "y"), "inspect.twice")]
    assert any("`alpha.csv`, `alpha.csv.gz` are files of one organisation" in reason for reason in reasons)
    assert any("`BETA.csv.gz`, `beta.csv`" in reason for reason in reasons)


def test_a_file_name_that_cannot_be_shown_is_refused(folder):
    write(folder, "new\nline.csv", make_rows(9))
    assert "`new\\nline.csv`" in find_one(inspect_folder(folder, "y"), "inspect.name")


def test_hidden_files_folders_and_other_files_are_passed_over(folder):
    (folder / ".hidden.csv").write_text("nonsense")
    (folder / "folder").mkdir()
    (folder / "plan.yaml").write_text("x")
    (folder / "README.md").write_text("x")
    inspection = inspect_folder(folder, "y")
    assert len(inspection.organisations) == 4
    assert [finding.rule for finding in inspection.findings] == ["inspect.extremes"]


def test_tables_in_other_formats_are_mentioned(folder):
    (folder / "epsilon.xlsx").write_bytes(b"PK\x03\x04")
    message = find_one(inspect_folder(folder, "y"), "inspect.ending", "warning")
    assert "not read: `epsilon.xlsx`; save tables as .csv" in message


def test_an_empty_file_is_refused_by_name(folder):
    (folder / "beta.csv").write_bytes(b"")
    assert find_one(inspect_folder(folder, "y"), "data.empty").startswith("beta.csv: the file is empty")


def test_a_file_with_a_header_only_is_refused_by_name(folder):
    (folder / "beta.csv").write_text(HEADER + "\n")
    assert find_one(inspect_folder(folder, "y"), "data.no-rows").startswith("beta.csv: ")


def test_a_file_of_two_gigabytes_is_refused_at_once(folder):
    with (folder / "beta.csv").open("r+b") as file:
        file.truncate(2 * GIGABYTE)
    message = find_one(inspect_folder(folder, "y", max_bytes=GIGABYTE), "data.size")
    assert message.startswith(
        "beta.csv: found 2,000,000,000 bytes, expected at most 1,000,000,000; keep only"
    )


def test_a_file_that_is_not_utf8_is_refused_with_row_and_column(folder):
    content = (folder / "beta.csv").read_bytes().replace(b"north", b"nor\xf0", 1)
    (folder / "beta.csv").write_bytes(content)
    message = find_one(inspect_folder(folder, "y"), "data.encoding")
    assert re.match(r"beta\.csv, row \d+, column `site`: found the byte 0xf0, which is not UTF-8", message)


def test_everything_that_is_wrong_with_all_files_is_said_at_once(folder):
    (folder / "alpha.csv").write_bytes(b"")
    write(folder, "beta.csv", make_rows(1, y=lambda index: "maybe" if index == 5 else str(index % 2)))
    write(folder, "gamma.csv", make_rows(2, speed=lambda index: "fast" if index == 7 else str(index)))
    write(folder, "epsilon.csv", make_rows(5), drop=["y"])
    with pytest.raises(Refused) as excinfo:
        write_plan(inspect_folder(folder, "y"))
    text = "\n".join(excinfo.value.reasons)
    for words in ("alpha.csv: the file is empty", "epsilon.csv, row 1: the file lacks the column `y`",
                  "beta.csv, row 7, column `y`: found `maybe`", "gamma.csv, row 9, column `speed`: found `fast`"):  # fmt: skip
        assert words in text


# ---------------------------------------------------------------- columns


def test_a_missing_label_column_is_refused_for_each_file(folder):
    inspection = inspect_folder(folder, "outcome")
    assert len(find(inspection, "inspect.column")) == 4
    assert (
        "beta.csv, row 1: the file lacks the column `outcome`; add it, or name another one (it has `y`, `age`"
        in "\n".join(map(str, inspection.errors))
    )


@pytest.mark.parametrize(("key", "what"), [("patient", "group"), ("when", "time")])
def test_a_missing_group_or_time_column_is_refused(folder, key, what):
    write(folder, "beta.csv", make_rows(1), drop=[key])
    message = find_one(inspect_folder(folder, "y", **{what: key}), "inspect.column")
    assert message.startswith(f"beta.csv, row 1: the file lacks the column `{key}`")


def test_a_feature_that_some_lack_is_left_out_with_a_warning(folder):
    write(folder, "beta.csv", make_rows(1), drop=["speed"])
    inspection = inspect_folder(folder, "y")
    message = find_one(inspection, "inspect.column-lacking", "warning")
    assert message == "column `speed`: beta.csv lacks this column, so it is left out; add it there to use it"
    assert "speed" not in {feature.name for feature in load(inspection).features}


def test_a_column_with_the_same_name_but_for_case_or_spaces_is_an_error(folder):
    write(folder, "beta.csv", make_rows(1), speed="Speed ")
    inspection = inspect_folder(folder, "y")
    message = find_one(inspection, "inspect.column-name")
    assert message == (
        "beta.csv, row 1, column `Speed `: found `Speed `, expected `speed` as in 3 other files; give the column one name"
    )
    assert not find(inspection, "inspect.column-lacking")


def test_a_column_with_a_name_of_its_own_is_no_error(folder):
    for name, year in (("alpha", "1999"), ("beta", "2000")):
        write(folder, f"{name}.csv", make_rows(1), speed=f"speed_{year}")
    inspection = inspect_folder(folder, "y")
    assert {finding.rule for finding in inspection.findings} == {"inspect.column-lacking", "inspect.extremes"}
    assert len(inspection.findings) == 4


def test_the_label_may_be_named_in_another_case_than_the_files_have(folder):
    message = str(find(inspect_folder(folder, "Y"), "inspect.column-name")[0])
    assert (
        message
        == "alpha.csv, row 1, column `y`: found `y`, expected `Y` as you named it; give the column one name"
    )


def test_a_label_that_no_plan_can_hold_is_refused(folder):
    assert "has control characters" in str(find(inspect_folder(folder, "a\nb"), "inspect.column")[0])


def test_parquet_without_duckdb_is_named_with_what_to_install(folder, monkeypatch):
    (folder / "beta.csv").unlink()
    (folder / "beta.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(
        Unavailable, match=r"`beta\.parquet` needs the packages duckdb and pyarrow: install `hansa\[data\]`"
    ):
        inspect_folder(folder, "y")


def test_files_that_cannot_be_opened_are_unavailable_and_all_named(folder, monkeypatch):
    def refuse(path, **_):
        if path.name in {"beta.csv", "delta.csv"}:
            raise Unavailable(f"`{path.name}` cannot be read: no permission")
        return read_columns(path)

    monkeypatch.setattr(inspection_module, "read_columns", refuse)
    with pytest.raises(Unavailable, match=r"`beta\.csv` cannot be read.*`delta\.csv` cannot be read"):
        inspect_folder(folder, "y")


def test_what_is_called_like_a_table_and_is_no_file_is_mentioned(folder):
    (folder / "epsilon.csv").mkdir()
    (folder / "zeta.csv").symlink_to(folder / "nowhere.csv")
    message = find_one(inspect_folder(folder, "y"), "inspect.no-file", "warning")
    assert "passed over `epsilon.csv`, `zeta.csv`: called like a table" in message


def test_a_column_to_leave_out_that_no_file_has_is_mentioned(folder):
    inspection = inspect_folder(folder, "y", leave_out=["Speed", "when"])
    message = find_one(inspection, "inspect.leave-out", "warning")
    assert message == "no file has the column `Speed` that is to be left out; did you mean `speed`?"


def test_tables_that_are_the_same_byte_for_byte_are_a_warning(folder):
    (folder / "delta.csv").write_bytes((folder / "alpha.csv").read_bytes())
    message = find_one(inspect_folder(folder, "y"), "inspect.identical", "warning")
    assert "`alpha.csv`, `delta.csv` are the same, byte for byte" in message


def test_a_column_called_like_the_label_is_suspected_of_being_a_copy(folder):
    for seed, name in enumerate(NAMES):
        rows = [{**row, "Y": row["y"]} for row in make_rows(seed)]
        write(folder, f"{name}.csv", rows)
    message = find_one(inspect_folder(folder, "y"), "inspect.twin", "warning")
    assert message.startswith("column `Y`: alpha.csv, beta.csv, delta.csv")
    assert message.endswith(
        "have it beside `y`, and it is called nearly the same; if it is a copy, leave it out"
    )


def test_exact_extremes_are_told_to_whoever_has_the_files_and_not_in_the_plan(folder):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, age=lambda index: str(13 + 77 * (index == 7))))
    inspection = inspect_folder(folder, "y")
    plan = write_plan(inspection)
    assert "`age` 13 to 90, `speed` 42.53 to 153.11" in find_one(inspection, "inspect.extremes", "note")
    assert "13" not in plan
    assert not {"42.53", "153.11"} & set(re.findall(r"[0-9.]+", plan))
    load(inspection)


def test_a_cell_beyond_all_measure_leaves_its_column_out_and_names_the_file(folder):
    write(
        folder, "beta.csv", make_rows(1, speed=lambda index: "1e300" if index == 5 else f"-1e{300 - index}")
    )
    inspection = inspect_folder(folder, "y")
    message = find_one(inspection, "inspect.left-out", "warning")
    assert message.startswith("column `speed`: left out: it reaches 1,000,000,000,000 or more in beta.csv;")
    assert "e+300" not in write_plan(inspection)


def test_columns_that_nobody_needs_can_be_left_out(folder):
    write(folder, "beta.csv", make_rows(1, speed="fast"))
    assert inspect_folder(folder, "y").errors
    assert not inspect_folder(folder, "y", leave_out=["speed", "y"]).errors


def test_a_text_in_a_column_of_numbers_is_named_with_file_row_and_column(folder):
    write(folder, "beta.csv", make_rows(1, speed=lambda index: "120 kt" if index == 10 else str(index)))
    message = find_one(inspect_folder(folder, "y"), "inspect.text-in-numbers")
    assert message == (
        "beta.csv, row 12, column `speed`: found `120 kt` in a column of numbers; write the number alone, in the unit of the plan"
    )


def test_a_column_of_numbers_here_and_of_texts_there_is_an_error(folder):
    write(folder, "beta.csv", make_rows(1, speed=lambda index: ("fast", "slow")[index % 2]))
    message = find_one(inspect_folder(folder, "y"), "inspect.type")
    assert message.startswith(
        "beta.csv, row 2, column `speed`: found texts such as `fast` where other organisations have numbers;"
    )


def test_categories_of_which_some_are_digits_are_no_disagreement(folder):
    values = ["1", "2-10", "11-100", "Over 100"]
    for seed, name in enumerate(NAMES):
        few = 1 if name == "beta" else 4
        write(folder, f"{name}.csv", make_rows(seed, sky=lambda index, few=few: values[index % few]))
    inspection = inspect_folder(folder, "y")
    assert [finding.rule for finding in inspection.findings] == ["inspect.extremes"]
    assert draft(inspection, "sky").categories == ("1", "2-10", "11-100", "Over 100")


def test_a_category_spelt_in_two_ways_is_named_with_its_row(folder):
    write(folder, "beta.csv", make_rows(1, sky=lambda index: "Some cloud" if index == 3 else "Clear"))
    message = find_one(inspect_folder(folder, "y"), "inspect.spelling")
    assert message == (
        "beta.csv, row 5, column `sky`: found `Some cloud`, and `Some Cloud` elsewhere; spell the category in one way"
    )


def test_a_counted_category_spelt_in_two_ways_is_a_warning(folder):
    for seed, name in enumerate(NAMES):
        rows = make_rows(seed, sky=lambda index, seed=seed: f"kind {seed} {index % 20}")
        rows[0]["sky"] = "Kind 0 1"
        write(folder, f"{name}.csv", rows)
    inspection = inspect_folder(folder, "y")
    assert draft(inspection, "sky").categories == ()
    find_one(inspection, "inspect.spelling", "warning")
    load(inspection)


def test_ten_organisations_with_ten_encodings_are_all_named(tmp_path):
    codings = [
        "M F",
        "m f",
        "male female",
        "Male Female",
        "1 2",
        "0 1",
        "man woman",
        "H F",
        "MALE FEMALE",
        "M W",
    ]
    for seed, coding in enumerate(codings):
        write(
            tmp_path,
            f"org{seed}.csv",
            make_rows(seed, site=lambda index, values=coding: values.split()[index % 2]),
        )
    inspection = inspect_folder(tmp_path, "y")
    message = find_one(inspection, "inspect.encodings")
    assert message.startswith(
        "org0.csv and others, from row 2, column `site`: organisations encode this column in different ways ("
    )
    for number in range(10):
        assert f"org{number}.csv: " in message
    assert "org4.csv: `1`, `2`" in message
    assert message.endswith("agree on one list of categories and recode, or leave the column out")
    assert [finding.rule for finding in inspection.errors] == ["inspect.encodings"]


def test_an_organisation_with_a_few_categories_of_its_own_is_no_error(folder):
    write(folder, "beta.csv", make_rows(1, sky=lambda index: ("Fog", "Clear")[index % 2]))
    assert load(inspect_folder(folder, "y")).features[2].categories == (
        "Clear",
        "Fog",
        "Overcast",
        "Some Cloud",
    )


def test_two_numbers_that_are_other_ones_elsewhere_are_a_warning(folder):
    for seed, name in enumerate(NAMES):
        low = 0 if name == "beta" else 1
        write(folder, f"{name}.csv", make_rows(seed, site=lambda index, low=low: str(low + index % 2)))
    message = find_one(inspect_folder(folder, "y"), "inspect.codes", "warning")
    assert "beta.csv: `0`, `1`" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda speed: speed * 1000, "1,000 times as large or small (thousands and ones?)"),
        (lambda speed: speed * 0.3048, "(feet and metres?)"),
        (lambda speed: speed + 500, "check that all use the same unit"),
    ],
)
def test_other_units_are_suspected_when_mean_and_deviation_are_far_off(folder, change, words):
    for seed, name in enumerate(NAMES):
        draw = random.Random(seed)
        numbers = [draw.gauss(100, 20) for _ in range(400)]
        numbers = [change(number) if name == "beta" else number for number in numbers]
        write(
            folder,
            f"{name}.csv",
            make_rows(seed, 400, speed=lambda index, numbers=numbers: str(numbers[index])),
        )
    message = find_one(inspect_folder(folder, "y"), "inspect.scale", "warning")
    assert message.startswith("beta.csv, column `speed`: the mean is ")
    assert words in message


def test_a_column_without_any_value_at_one_organisation_is_a_warning(folder):
    write(folder, "beta.csv", make_rows(1, speed="NA"))
    inspection = inspect_folder(folder, "y")
    assert "beta.csv has no value" in find_one(inspection, "inspect.all-missing", "warning")
    assert load(inspection).features[1].missing == "allowed"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda seed, index: str(1000 * seed + index), "as if it were an identifier"),
        (lambda seed, index: f"{seed:04x}-{index * 7919:06x}", "as if it were an identifier"),
        (
            lambda seed, index: "a sentence that somebody wrote about the case of number " + str(index % 9),
            "free text",
        ),
        (lambda seed, index: "same", "the same in every row"),
        (lambda seed, index: "3", "the same in every row"),
        (lambda seed, index: f"org {seed}", "tells organisations apart"),
        (lambda seed, index: "NA", "no value in any row"),
        (lambda seed, index: f"1996-01-{index % 28 + 1:02d}", "dates"),
        (lambda seed, index: str(10**15 + 1000 * index % 7), "use a larger unit"),
        (lambda seed, index: f"1.{index % 5:016d}", "use a smaller unit"),
    ],
)
def test_a_column_that_cannot_be_learned_from_is_left_out_with_a_reason(folder, change, reason):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, site=lambda index, seed=seed: change(seed, index)))
    inspection = inspect_folder(folder, "y")
    assert draft(inspection, "site").kind == "left out"
    level = "warning" if "unit" in reason else "note"
    assert reason in find_one(inspection, "inspect.left-out", level)
    assert f"#   site: {draft(inspection, 'site').remark[:100]}"[:60] in write_plan(inspection)
    load(inspection)


def test_a_folder_without_features_is_refused(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.csv").write_text("y,a\n0,same\n1,same\n")
    message = find_one(inspect_folder(tmp_path, "y"), "inspect.no-features")
    assert message.endswith("no column is left to learn from (`a`: it is the same in every row)")


def test_names_and_categories_that_yaml_would_misread_are_quoted(tmp_path):
    odd = [
        "no",
        "true",
        "null",
        "~",
        "1.0",
        "0x1",
        "- x",
        "a: b",
        "#c",
        "é, ü",
        '"',
        "'",
        "a\u00a0b",
        "x\u2028y",
    ]
    for seed, name in enumerate(NAMES):
        lines = ['"y ""so""","c: d",null']
        lines += [f'{index % 2},"{odd[index % len(odd)].replace(chr(34), chr(34) * 2)}",{index + seed}.5' for index in range(42)]  # fmt: skip
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    inspection = inspect_folder(tmp_path, 'y "so"')
    plan = load(inspection)
    assert plan.label.name == 'y "so"'
    assert [feature.name for feature in plan.features] == ["c: d", "null"]
    # `null` spells a missing value
    assert set(plan.features[0].categories) == set(odd) - {"null"}


# ---------------------------------------------------------------- label, group and time


def test_a_label_with_three_values_is_named_with_file_row_and_column(folder):
    write(folder, "beta.csv", make_rows(1, y=lambda index: "2" if index in {4, 9} else str(index % 2)))
    message = find_one(inspect_folder(folder, "y"), "inspect.label-values")
    assert message == (
        "beta.csv, row 6, column `y`: found `2` in 2 rows, expected `0` and `1` as in most files; "
        "recode it or remove the rows, as a label has two values"
    )


def test_a_label_with_three_values_in_most_files_is_said_once_with_what_to_derive(folder):
    for seed, name in enumerate(NAMES[:3]):
        write(folder, f"{name}.csv", make_rows(seed, y=lambda index: str(index % 3)))
    message = find_one(inspect_folder(folder, "y"), "inspect.label-values")
    assert message == (
        "column `y`: most files have 3 values of the label (`0`, `1`, `2`); hansa learns labels with two, so derive a "
        "column in every file, such as `0` against all others"
    )


def test_a_label_written_in_another_way_is_named_with_what_the_others_write(folder):
    write(folder, "beta.csv", make_rows(1, y=lambda index: ("no", "yes")[index % 2]))
    message = find_one(inspect_folder(folder, "y"), "inspect.label-encodings")
    assert message == (
        "beta.csv, from row 2, column `y`: the label is written as `no`, `yes`, and as `0` and `1` elsewhere; "
        "write it in one way"
    )


def test_a_missing_label_is_named_with_its_row(folder):
    write(folder, "beta.csv", make_rows(1, y=lambda index: "" if index == 6 else str(index % 2)))
    message = find_one(inspect_folder(folder, "y"), "inspect.label-missing")
    assert message == "beta.csv, row 8, column `y`: 1 row has no label; fill it in or remove the row"


def test_an_organisation_with_one_class_is_a_warning(folder):
    write(folder, "beta.csv", make_rows(1, y="0"))
    inspection = inspect_folder(folder, "y")
    message = find_one(inspection, "inspect.one-class", "warning")
    assert message.startswith(
        "beta.csv, column `y`: every row has the label `0`; this organisation contributes, and"
    )
    load(inspection)


def test_a_label_with_one_value_everywhere_is_refused(folder):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, y="0"))
    assert "there is nothing to learn" in find_one(inspect_folder(folder, "y"), "inspect.label-constant")


def test_a_quantity_is_no_label(folder):
    assert "derive one, such as 1 above a limit" in find_one(
        inspect_folder(folder, "speed"), "inspect.label-values"
    )


@pytest.mark.parametrize(
    ("values", "positive", "sure"),
    [
        (("yes", "no"), "yes", True),
        (("N", "Y"), "Y", True),
        (("1.0", "0.0"), "1.0", True),
        (("FALSE", "TRUE"), "TRUE", True),
        (("sick", "well"), "sick", False),
    ],
)
def test_the_event_is_told_from_its_name_or_from_being_rarer(folder, values, positive, sure):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, y=lambda index: values[index % 3 > 0]))
    inspection = inspect_folder(folder, "y")
    plan = load(inspection)
    assert plan.label.positive == positive
    assert ("so check" in write_plan(inspection)) is not sure


def test_a_row_without_group_or_time_is_named(folder):
    write(folder, "beta.csv", make_rows(1, patient=lambda index: "" if index == 3 else f"p{index}"))
    message = find_one(inspect_folder(folder, "y", group="patient"), "inspect.key-missing")
    assert message.startswith(
        "beta.csv, row 5, column `patient`: 1 row has no group, which decides which rows test"
    )


def test_groups_that_do_not_group_are_a_warning(folder):
    write(folder, "alpha.csv", make_rows(0, patient="one"))
    write(folder, "beta.csv", make_rows(1, patient=lambda index: f"p{index}"))
    messages = [
        str(finding) for finding in find(inspect_folder(folder, "y", group="patient"), "inspect.group")
    ]
    assert messages[0].startswith("alpha.csv, column `patient`: every row is of one group")
    assert messages[1].startswith("beta.csv, column `patient`: no two rows share a group")


def test_times_written_in_two_ways_are_refused(folder):
    write(folder, "beta.csv", make_rows(1, when=lambda index: f"{index % 28 + 1}.5.1996"))
    message = find_one(inspect_folder(folder, "y", time="when"), "inspect.time")
    assert message == (
        "beta.csv, row 2, column `when`: found `1.5.1996`, expected a number as in most rows; write all times in one way"
    )


def test_an_organisation_whose_rows_all_train_or_all_test_is_a_warning(folder):
    write(folder, "beta.csv", make_rows(1, when="1990"))
    write(folder, "gamma.csv", make_rows(2, when="1999"))
    messages = [str(finding) for finding in find(inspect_folder(folder, "y", time="when"), "inspect.time")]
    assert "beta.csv, column `when`: all rows are before `199" in messages[0]
    assert "gamma.csv, column `when`: all rows are from `199" in messages[1]


def test_a_time_that_is_the_same_everywhere_is_refused(folder):
    for seed, name in enumerate(NAMES):
        write(folder, f"{name}.csv", make_rows(seed, when="1990"))
    assert "split by another column" in find_one(inspect_folder(folder, "y", time="when"), "inspect.time")


# -- regressions -------------------------------------------------------------------------------------------------


def draft_regression(folder, label, **beside):
    inspection = inspect_folder(folder, label, beside=Beside(**beside))
    assert not inspection.errors, inspection.errors
    plan = load_plan(write_plan(inspection, "regression"), "plan.yaml", recipe_digest="0" * 64)
    for organisation in inspection.organisations:
        check_file(organisation.path, plan)
    return plan


def test_a_number_is_explained_by_a_linear_model_and_split_by_rows(folder):
    plan = draft_regression(folder, "speed")
    assert (plan.recipe.parameters.family, plan.label.type, plan.split.kind) == ("linear", "number", "rows")
    assert "speed" not in {feature.name for feature in plan.features}
    assert {bar.metric for bar in plan.bars} == {"explained_together", "members_gain"}


def test_a_count_over_an_exposure_is_explained_by_a_poisson_model(folder):
    plan = draft_regression(folder, "age", exposure="speed")
    assert plan.recipe.parameters.family == "poisson"
    assert float(plan.label.exposure.minimum) > 0
    assert not {"age", "speed"} & {feature.name for feature in plan.features}


def test_texts_are_explained_by_a_multinomial_model(folder):
    plan = draft_regression(folder, "sky")
    assert plan.recipe.parameters.family == "multinomial"
    assert plan.label.categories == ("Clear", "Overcast", "Some Cloud")


def test_a_time_until_an_event_is_explained_by_a_cox_model_in_some_twenty_steps(folder):
    plan = draft_regression(folder, "age", event="y")
    assert (plan.recipe.parameters.family, plan.label.event.positive) == ("cox", "1")
    assert 8 <= plan.label.steps <= 20
    assert {bar.metric for bar in plan.bars} == {"concordance_together", "members_gain"}


@pytest.mark.parametrize(
    ("label", "beside", "words"),
    [
        ("patient", {}, "a label of texts has 2 to 50 classes"),
        ("sky", {"event": "y"}, "`sky` holds texts"),
        ("age", {"event": "age"}, "a column of its own"),
        ("age", {"exposure": "sky"}, "an exposure is a number above 0"),
        ("age", {"exposure": "nowhere"}, "lacks the column `nowhere`"),
        ("age", {"event": "sky"}, "values of the label"),
    ],
)
def test_what_no_regression_explains_is_said_so(folder, label, beside, words):
    inspection = inspect_folder(folder, label, beside=Beside(**beside))
    assert any(words in finding.message for finding in inspection.errors), inspection.errors
    with pytest.raises(Refused):
        write_plan(inspection, "regression")


def test_a_missing_outcome_is_named(folder):
    path = min(folder.glob("*.csv"))
    lines = path.read_text().splitlines()
    place = lines[0].split(",").index("speed")
    cells = lines[1].split(",")
    cells[place] = ""
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    (finding,) = inspect_folder(folder, "speed", beside=Beside()).errors
    assert (finding.rule, "row 2" in finding.place) == ("inspect.label-missing", True)
