"""`hansa demo` and `hansa rehearse`, with small casts."""

import json
import sys

import pytest

from hansa.errors import Refused
from hansa.governance import load_charter
from hansa.rehearsal import Cast, Drama, Founder, read_plan


@pytest.fixture
def few_birds(desk, monkeypatch):
    """The demo with four banks in the place of 33 airlines."""

    def cast(folder):
        assert folder.is_dir()
        charter = load_charter((desk / "charter.yaml").read_text(), "charter.yaml")
        founders = tuple(
            Founder(name, name.title(), "bank", "NL", 1, desk / f"{name}.csv")
            for name in ("ada", "bob", "cyd", "dan")
        )
        drama = Drama(choices={"bob": ("abstain", "[/red] no opinion")}, leaver=("dan", "enough"))
        return Cast(charter, founders, read_plan(desk / "plan.yaml"), "ada", drama)

    monkeypatch.setattr("hansa.rehearsal.cast_birds", cast)


@pytest.fixture
def tables(desk):
    folder = desk / "tables"
    folder.mkdir()
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        (desk / f"{name}.csv").rename(folder / f"{name}.csv")
    return folder


def test_the_demo_tells_its_story_leaves_what_it_names_and_opens_the_report(
    few_birds, desk, hansa, monkeypatch
):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    answer = hansa("demo", "--open")
    assert answer.code == 0, answer.err
    for text in ("Founding", "✓ ", "demo/log", "demo/report.html", "hansa verify demo/log", "of memory"):
        assert text in answer.out
    assert (desk / "demo" / "report.html").is_file()
    assert hansa("verify", "demo").code == 0
    assert "played by a rehearsal" in (desk / "demo" / "README.txt").read_text()
    assert opened == [(desk / "demo" / "report.html").as_uri()]


def test_an_earlier_demo_is_replaced_only_when_asked(few_birds, hansa):
    first = hansa("demo", "--json").json
    assert first["peak_memory_bytes"] > 10_000_000
    assert first["verify"] == "hansa verify demo/log"
    answer = hansa("demo", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "rehearsal.exists")
    assert hansa("demo", "--again", "--json").json["coalition"] != first["coalition"]


def test_a_coalition_that_is_no_rehearsal_is_never_replaced(few_birds, founded, hansa):
    answer = hansa("demo", "--folder", founded, "--again", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "rehearsal.not-ours")
    assert hansa("verify", founded).code == 0


def test_a_rehearsal_that_was_stopped_can_be_replaced(few_birds, desk, hansa, monkeypatch):
    def stop(*_):
        raise Refused("run.contributor", "somebody stopped")

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["hansa.rehearsal.play"], "conduct_run", stop)
        assert hansa("demo").code == 4
    assert (desk / "demo" / "stage.json").exists()
    assert hansa("demo", "--again").code == 0


def test_a_folder_of_tables_gets_a_plan_and_is_rehearsed(tables, hansa):
    answer = hansa("rehearse", "tables")
    assert answer.code == 5
    assert "--init" in answer.err
    answer = hansa("rehearse", "--init", "tables", "--label", "late")
    assert answer.code == 0, answer.err
    assert "next: hansa rehearse tables" in answer.out
    answer = hansa("rehearse", "tables")
    assert answer.code == 0, answer.err
    assert "a sensible one is in `tables/charter.yaml`" in answer.out
    assert (tables / "rehearsal" / "report.html").is_file()
    path = tables / "eve.csv"
    path.write_text(path.read_text().replace("yes,", "no,"))
    answer = hansa("rehearse", "tables", "--again")
    assert answer.code == 0, answer.err
    assert "a sensible one" not in answer.out
    assert "[data.one-class]" in answer.out  # a warning, which hinders nothing


def test_a_plan_is_not_overwritten_unless_asked(tables, hansa):
    hansa("rehearse", "--init", "tables", "--label", "late")
    (tables / "plan.yaml").write_text("mine")
    answer = hansa("rehearse", "--init", "tables", "--label", "late", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "rehearsal.plan-exists")
    assert (tables / "plan.yaml").read_text() == "mine"
    document = hansa("rehearse", "--init", "tables", "--label", "late", "--again", "--json").json
    assert [o["rows"] for o in document["organisations"]] == [60] * 5


def test_init_needs_a_label_and_its_options_go_with_it(tables, hansa):
    assert hansa("rehearse", "--init", "tables").code == 2
    assert hansa("rehearse", "tables", "--label", "late").code == 2


def test_init_names_every_fault_of_the_tables_and_writes_nothing(tables, hansa):
    (tables / "bob.csv").write_text("")
    text = (tables / "cyd.csv").read_text()
    (tables / "cyd.csv").write_text(text.replace("yes", "maybe", 1))
    answer = hansa("rehearse", "--init", "tables", "--label", "late")
    assert answer.code == 4
    assert "bob.csv" in answer.err
    assert "maybe" in answer.err
    assert not (tables / "plan.yaml").exists()


def test_every_table_is_checked_before_anything_is_founded(tables, hansa):
    hansa("rehearse", "--init", "tables", "--label", "late")
    for name, row in (("bob", "maybe,0.1,farm"), ("dan", "yes,much,farm")):
        path = tables / f"{name}.csv"
        path.write_text(path.read_text() + row + "\n")
    plan = tables / "plan.yaml"
    plan.write_text(plan.read_text().replace("members: all, minimum: 5", "members: all, minimum: 50"))
    answer = hansa("rehearse", "tables", "--json")
    assert answer.code == 4
    assert len(answer.error["reasons"]) == 3
    for text in ("bob.csv, row 62, column `late`", "dan.csv, row 62, column `amount`", "at least 50"):
        assert text in answer.out
    assert not (tables / "rehearsal").exists()


def test_plan_and_charter_and_place_can_be_named(tables, desk, hansa):
    answer = hansa(
        "rehearse", "tables", "--plan", "plan.yaml", "--charter", "charter.yaml", "--out", "out", "--json"
    )
    assert answer.code == 0, answer.out
    assert answer.json["folder"] == "out"
    assert not (tables / "charter.yaml").exists()
    assert json.loads((desk / "out" / "result.json").read_text())["rehearsal"]


def test_a_cohort_of_strangers_and_a_charter_without_sums_are_found_before(tables, desk, hansa):
    plan = (desk / "plan.yaml").read_text().replace("members: all", "members: [ada, bob, zoe]")
    (desk / "plan.yaml").write_text(plan)
    charter = (desk / "charter.yaml").read_text().replace("unnoised_sums: allowed", "unnoised_sums: refused")
    (desk / "charter.yaml").write_text(charter)
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--charter", "charter.yaml")
    assert answer.code == 4
    for rule in ("[rehearsal.cohort]", "[rehearsal.noise]"):
        assert rule in answer.err
