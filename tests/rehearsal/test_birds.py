import csv
import gzip
import hashlib
import re
from importlib import resources

import pytest

from hansa.governance import Member, lint_charter, load_charter, load_plan
from hansa.node.data import check_file
from hansa.rehearsal.inspection import inspect_folder
from hansa.transparency import SigningKey

BIRDS = resources.files("hansa.rehearsal") / "birds"
PLAN = load_plan((BIRDS / "plan.yaml").read_text(encoding="utf-8"), "plan.yaml", recipe_digest="0" * 64)
CARD = (BIRDS / "card.md").read_text(encoding="utf-8")
DIGEST = "8f0d9ff02e683837c8a88fbf7bf57231a49ee8ebd1958fdfe90a696464a58f92"


@pytest.fixture(scope="module")
def rows():
    with resources.as_file(BIRDS / "data.csv.gz") as path, gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_is_the_one_that_the_card_describes():
    assert hashlib.sha256((BIRDS / "data.csv.gz").read_bytes()).hexdigest() == DIGEST


def test_the_table_meets_the_plan():
    with resources.as_file(BIRDS / "data.csv.gz") as path:
        checked = check_file(path, PLAN)
    assert checked.findings == ()
    assert (len(checked.table), checked.table.positives) == (12_644, 977)


def test_the_plan_lists_no_category_that_no_row_has(rows):
    for feature in PLAN.features:
        if feature.type == "category" and feature.categories != "counted":
            assert set(feature.categories) <= {row[feature.name] for row in rows}


def test_the_card_describes_every_column_with_its_missing_values(rows):
    described = re.findall(r"^\| `(\w+)` \|.*\| ([0-9,]+) \|$", CARD, flags=re.MULTILINE)
    missing = {name: sum(row[name] in {"", "nan"} for row in rows) for name in rows[0]}
    assert {name: int(count.replace(",", "")) for name, count in described} == missing


def test_the_figures_of_the_card_are_those_of_the_table(rows):
    sizes = {}
    for row in rows:
        sizes[row["org"]] = sizes.get(row["org"], 0) + 1
    figures = {
        f"{len(rows):,} reports": True,
        f"by {len(sizes)} airlines": True,
        f"between {min(sizes.values())} and {max(sizes.values()):,}": True,
        f"{sum(row['label'] == '1' for row in rows)} of them (7.7%)": True,
        f"{sum(row['year'] == '1999' for row in rows)} of ours, from 1999": True,
    }
    assert {figure: figure in CARD for figure in figures} == figures


def test_the_plan_asks_for_what_the_coalition_set_out_to_reach():
    assert [bar.to_json() for bar in PLAN.bars] == [{"metric": "auc_pooled_together", "at_least": "0.75"}]
    assert (PLAN.cohort.members, PLAN.cohort.minimum) == ("all", 5)


def test_the_charter_is_without_error():
    charter = load_charter((BIRDS / "charter.yaml").read_text(encoding="utf-8"), "charter.yaml")
    members = [
        Member(
            id=f"airline-{number}",
            name=f"Airline {number}",
            member_class="airline",
            country="US",
            voting_weight=1,
            key=SigningKey.from_seed(bytes([number]) * 32).public.encode(),
        )
        for number in range(33)
    ]
    assert [finding for finding in lint_charter(charter, members) if finding.level == "error"] == []
    assert charter.name == "Wildlife Strike Coalition"


def test_the_airlines_own_files_disagree_about_nothing(rows, tmp_path):
    columns = [name for name in rows[0] if name != "org"]
    files = {}
    for row in rows:
        files.setdefault(row["org"], []).append([row[name] for name in columns])
    for name, lines in files.items():
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([columns, *lines])
    inspection = inspect_folder(tmp_path, "label")
    assert [finding.rule for finding in inspection.findings] == ["inspect.extremes"]
    drafted = {column.name: column for column in inspection.columns}
    assert len(inspection.organisations) == 33
    for feature in PLAN.features:
        if feature.type == "number":
            low, high = map(float, drafted[feature.name].extremes.split(" to "))
            assert float(drafted[feature.name].minimum) <= low <= high <= float(drafted[feature.name].maximum)
            assert float(feature.minimum) <= low <= high <= float(feature.maximum)
