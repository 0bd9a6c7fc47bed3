import pytest

from hansa.cli.coalition import app


def test_lint_shows_every_finding_of_a_sound_charter(desk, hansa):
    answer = hansa("coalition", "lint", "charter.yaml", "--members", "members.yaml")
    assert answer.code == 0
    assert "Four banks, version 1, for 4 members: 0 errors, 0 warnings" in answer.out
    assert "2 of 4 members can block a run together [lint.blocking-minority]" in answer.out
    assert hansa("coalition", "lint", "charter.yaml").code == 0


def test_lint_ends_with_refused_when_there_is_an_error(desk, hansa):
    text = (desk / "charter.yaml").read_text().replace("minimum_cohort: 3", "minimum_cohort: 9")
    (desk / "charter.yaml").write_text(text)
    answer = hansa("coalition", "lint", "charter.yaml", "--members", "members.yaml", "--json")
    assert answer.code == 4
    levels = {finding["rule"]: finding["level"] for finding in answer.json["findings"]}
    assert levels["lint.cohort-above-members"] == "error"


def test_lint_reports_every_finding_of_both_files_at_once(desk, hansa):
    (desk / "charter.yaml").write_text("version: 1\nname: Banks\nclases: {}\n")
    (desk / "members.yaml").write_text("- {id: ADA, name: Ada, country: NL}\n- {id: bob, country: XX}\n")
    answer = hansa("coalition", "lint", "charter.yaml", "--members", "members.yaml")
    assert answer.code == 3
    for text in (
        "charter.yaml:3",
        "`clases`",
        "members.yaml:1",
        "members.yaml:2",
        "`members[1].name` is missing",
    ):
        assert text in answer.err


def test_founding_makes_a_folder_that_can_be_shown(desk, hansa):
    answer = hansa("coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "banks")
    assert answer.code == 0, answer.err
    assert "Four banks is founded: 4 members signed its charter." in answer.out
    assert "hansa proposal open run PLAN --as ada --folder banks" in answer.out
    shown = hansa("coalition", "show", "--folder", "banks", "--json").json
    assert shown["members"] == ["ada", "bob", "cyd", "dan"]
    assert (shown["entries"], shown["final"]) == (1, True)
    assert shown["coalition"] in answer.out
    text = hansa("coalition", "show", "--folder", "banks").out
    assert "by 4 members, 3 needed" in text
    assert text.index("run ") < text.index("amend ")


def test_founding_says_who_leads_and_refuses_a_stranger(desk, hansa):
    tokens = (
        "coalition",
        "found",
        "charter.yaml",
        "--members",
        "members.yaml",
        "--folder",
        "banks",
        "--lead",
    )
    answer = hansa(*tokens, "zoe", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "found.lead")
    assert hansa(*tokens, "dan").code == 0
    assert hansa("log", "show", "--folder", "banks", "--json").json["entries"][0]["author"] == "dan"


def test_founding_twice_in_one_folder_is_refused(founded, hansa):
    answer = hansa("coalition", "found", "charter.yaml", "--members", "members.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "stage.exists")


@pytest.mark.parametrize("file", ["charter.yaml", "members.yaml"])
def test_a_file_that_is_missing_or_not_text_is_named(desk, hansa, file):
    (desk / file).write_bytes(b"\xff\xfe")
    tokens = ("coalition", "found", "charter.yaml", "--members", "members.yaml", "--folder", "banks")
    answer = hansa(*tokens, "--json")
    assert (answer.code, answer.error["rule"]) == (3, "file.encoding")
    (desk / file).unlink()
    answer = hansa(*tokens)
    assert answer.code == 5
    assert f"`{file}` cannot be read" in answer.err
    assert not (desk / "banks").exists()


def test_a_folder_without_a_coalition_is_said_to_be_so(desk, hansa):
    answer = hansa("coalition", "show")
    assert answer.code == 5
    assert "holds no coalition" in answer.err
    assert app.name == ("coalition",)
