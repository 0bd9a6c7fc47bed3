"""`hansa rehearse` and `hansa run report`, of a regression."""

import pytest


@pytest.fixture
def tables(desk):
    folder = desk / "tables"
    folder.mkdir()
    for path in desk.glob("*.csv"):
        path.rename(folder / path.name)
    return folder


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (("--event", "late"), "go with `--recipe regression`"),
        (("--recipe", "trees", "--exposure", "late"), "go with `--recipe regression`"),
        (("--recipe", "regression", "--event", "late", "--exposure", "sector"), "name one of the two"),
    ],
)
def test_what_stands_beside_no_such_label_is_refused(tables, hansa, tokens, words):
    answer = hansa("rehearse", "--init", "tables", "--label", "amount", *tokens)
    assert answer.code == 2
    assert words in " ".join(answer.err.split())
    assert not (tables / "plan.yaml").exists()


def test_an_event_goes_with_a_draft_only(tables, hansa):
    assert hansa("rehearse", "tables", "--event", "late").code == 2


@pytest.mark.slow
def test_a_regression_is_reported_with_its_coefficients_as_long_as_they_lie_here(tables, hansa):
    tokens = ("--init", "tables", "--label", "amount", "--recipe", "regression", "--json")
    answer = hansa("rehearse", *tokens)
    assert answer.code == 0, answer.err
    assert hansa("rehearse", "tables").code == 0
    folder = ("--folder", "tables/rehearsal")
    lines = hansa("run", "report", "1", *folder, "--json").json["estimates"]
    assert {line["column"] for line in lines} >= {"intercept", "late = yes"}
    assert all(line["low"] < line["estimate"] < line["high"] for line in lines)
    assert "standard error" in hansa("run", "report", "1", *folder).out
    private = hansa("run", "report", "1", "--as", "ada", *folder, "--json").json
    assert private["measure"] == "explained"
    for blob in (tables / "rehearsal" / "blobs").iterdir():
        blob.unlink()
    assert hansa("run", "report", "1", *folder, "--json").json["estimates"] is None
    assert "The coefficients do not lie here" in hansa("run", "report", "1", *folder).out
