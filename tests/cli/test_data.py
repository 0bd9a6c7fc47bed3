import shutil

import pytest

MAPPING = "version: 1\ncolumns: [{name: late, from: late}, {name: amount, from: amount}, {name: sector, from: sector}]\n"


@pytest.fixture
def stewarded(founded, hansa):
    assert hansa("member", "key", "grant", "doris", "data-steward", "--as", "ada").code == 0
    return founded


def refuse(answer):
    assert answer.code == 4, answer
    return answer.error["rule"]


def test_a_table_is_held_against_a_plan_with_no_coalition_around_it(desk, hansa):
    answer = hansa("data", "check", "plan.yaml", "--data", "ada.csv", "--json").json
    assert (answer["rows"], answer["train"] + answer["test"], answer["findings"]) == (60, 60, [])
    (desk / "m.yaml").write_text(MAPPING + "where: try_cast(amount as double) > 0\n")
    answer = hansa("data", "check", "plan.yaml", "--data", "ada.csv", "--mapping", "m.yaml", "--json").json
    assert 0 < answer["rows"] < 60
    assert len(answer["mapping"]) == 64
    (desk / "one.csv").write_text("late,amount,sector\nyes,1,farm\n")
    assert "1 warning" in hansa("data", "check", "plan.yaml", "--data", "one.csv").out
    assert hansa("data", "check", "plan.yaml", "--mapping", "m.yaml").code == 2


def test_what_does_not_meet_the_plan_is_told_all_at_once(desk, hansa):
    (desk / "bad.csv").write_text("late,amount,sector\nyes,x,farm\nperhaps,1,farm\n")
    answer = hansa("data", "check", "plan.yaml", "--data", "bad.csv", "--json")
    assert refuse(answer) == "data.number"
    assert len(answer.error["reasons"]) == 2
    (desk / "m.yaml").write_text(MAPPING + "where: now() > 0\n")
    answer = hansa("data", "check", "plan.yaml", "--data", "ada.csv", "--mapping", "m.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "mapping.expression")


def test_a_steward_gives_consent_and_takes_it_back(stewarded, hansa):
    check = ("data", "check", "plan.yaml", "--as", "ada", "--json")
    assert refuse(hansa(*check)) == "data.consent"
    assert hansa("data", "check", "plan.yaml", "--as", "bob").code == 0  # who has none needs none
    assert hansa("data", "consent", "all", "--as", "ada/doris", "--json").json["columns"] == [
        "amount",
        "late",
        "sector",
    ]
    assert hansa(*check).json["rows"] == 60
    shown = hansa("data", "show", "--as", "ada", "--json").json
    assert shown["stewards"] == ["doris"]
    assert [column["consent"] for column in shown["columns"]] == [["doris"]] * 3
    assert hansa("data", "withdraw", "amount", "--as", "ada/doris", "--json").json["columns"] == [
        "late",
        "sector",
    ]
    assert refuse(hansa(*check)) == "data.consent"


def test_another_mapping_needs_another_consent(stewarded, hansa):
    hansa("data", "consent", "all", "--as", "ada/doris")
    (stewarded / "members" / "ada" / "mapping.yaml").write_text(MAPPING)
    answer = hansa("data", "check", "plan.yaml", "--as", "ada", "--json")
    assert refuse(answer) == "data.consent"
    assert "another mapping" in answer.error["reasons"][0]
    hansa("data", "consent", "late", "--as", "ada/doris")
    assert len(hansa("data", "check", "plan.yaml", "--as", "ada", "--json").error["reasons"]) == 2


def test_only_a_steward_of_the_record_consents_with_its_own_key(stewarded, hansa):
    keys = stewarded / "members" / "ada" / "keys"
    for who in ("ada/erik", "bob/doris", "nobody/doris"):
        assert hansa("data", "consent", "late", "--as", who).code in {2, 4}
    assert refuse(hansa("data", "consent", "late", "--as", "ada/erik", "--json")) == "consent.steward"
    assert hansa("data", "consent", "late", "--as", "ada").code == 2
    assert hansa("data", "consent", "--as", "ada/doris").code == 2
    assert refuse(hansa("data", "consent", "lat", "--as", "ada/doris", "--json")) == "consent.column"
    own = shutil.move(keys / "doris", stewarded / "doris.key")
    assert hansa("data", "consent", "late", "--as", "ada/doris").code == 5
    assert hansa("data", "consent", "late", "--as", "ada/doris", "--key", own).code == 0
    other = stewarded / "members" / "bob" / "key"
    answer = hansa("data", "consent", "late", "--as", "ada/doris", "--key", other, "--json")
    assert refuse(answer) == "consent.key"


def test_founders_bring_tables_of_other_kinds_with_a_mapping(desk, hansa):
    (desk / "m.yaml").write_text(MAPPING)
    text = (desk / "members.yaml").read_text().replace("data: ada.csv", "data: ada.csv, mapping: m.yaml")
    (desk / "members.yaml").write_text(text)
    assert (
        hansa("coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "banks").code
        == 0
    )
    assert (desk / "banks" / "members" / "ada" / "mapping.yaml").read_text() == MAPPING
    (desk / "m.yaml").write_text("version: 1\n")
    answer = hansa(
        "coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "more", "--json"
    )
    assert (answer.code, answer.error["rule"]) == (3, "mapping.field-missing")
