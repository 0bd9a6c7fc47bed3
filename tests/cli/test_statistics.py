"""Statistics on the command line: proposed, run, shown to all and to one member, in lines that fit a terminal."""

import io
import json

import pytest
from rich.console import Console

from hansa.cli.statistics import draw_histogram, show_statistics

PLAN = """
version: 1
name: What the banks hold
purpose: See what there is.
recipe: {name: statistics}
features:
  - {name: amount, type: number, minimum: -6, maximum: 6}
  - {name: sector, type: category, categories: [farm, shop, mill, bank]}
  - {name: late, type: category, categories: counted}
cohort: {members: all, minimum: 3}
privacy: {noise: none}
leaves: [{what: sums over the cohort, to: members of the cohort}]
"""
NOISE = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001}"


@pytest.fixture
def described(founded, hansa, desk):
    """A coalition in which a run of statistics was completed."""
    (desk / "tables.yaml").write_text(PLAN)
    for tokens in (
        ("proposal", "open", "run", "tables.yaml", "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
        ("run", "start", "1", "--as", "ada"),
    ):
        answer = hansa(*tokens)
        assert answer.code == 0, answer.err
    return answer


def test_a_finished_run_says_that_a_vote_alone_decides_on_release(described):
    assert "No bar was set, so a vote alone decides on their release" in " ".join(described.out.split())
    assert "next: hansa run report 1" in described.out


def test_everybody_is_shown_figures_counts_and_a_histogram(described, hansa):
    text = hansa("run", "report", "1").out
    assert "240 rows of 4 members" in text
    assert "standard deviation" in text
    assert "histogram" in text
    assert "█" in text
    assert "shop" in text
    assert "no formal guarantee" in text
    report = hansa("run", "report", "1", "--json").json
    assert report["metrics"] == {}
    assert report["bars"] == []
    document = report["statistics"]
    assert document["format"] == "hansa/v1/statistics"
    assert sum(rows for *_, rows in document["numbers"][0]["histogram"]) == 240
    assert "advice" not in json.dumps(report)


def test_a_member_reads_in_its_own_folder_how_its_rows_differ(described, hansa):
    report = hansa("run", "report", "1", "--as", "bob", "--json").json
    assert (report["member"], report["rows"], report["all_rows"]) == ("bob", 60, 240)
    assert [found["name"] for found in report["differences"]] == ["amount", "sector", "late"]
    text = hansa("run", "report", "1", "--as", "bob").out
    assert "for bob alone" in text
    assert "your rows" in text
    # A counted value has its name in the member's own report only.
    assert "yes" in text
    assert "yes" not in hansa("run", "report", "1").out


@pytest.mark.parametrize("arguments", [(), ("--as", "bob")])
def test_reports_fit_a_terminal_of_80_columns(described, hansa, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    lines = hansa("run", "report", "1", *arguments).out.splitlines()
    assert lines
    assert max(map(len, lines)) <= 80


def test_figures_that_do_not_lie_here_are_said_not_to(described, founded, hansa):
    for path in (founded / "blobs").iterdir():
        path.unlink()
    answer = hansa("run", "report", "1")
    assert answer.code == 0
    assert "do not lie here" in answer.out
    assert hansa("run", "report", "1", "--json").json["statistics"] is None


def test_figures_that_somebody_changed_are_refused(described, founded, hansa):
    digest = hansa("run", "report", "1", "--json").json["model"]
    path = founded / "blobs" / digest
    path.write_bytes(path.read_bytes().replace(b'"rows":240', b'"rows":241'))
    answer = hansa("run", "report", "1", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "blob.digest")


def test_statistics_are_released_like_a_model(described, hansa):
    answer = hansa("proposal", "open", "release", "1", "--as", "ada")
    assert "Release the statistics of run 1" in answer.out
    assert hansa("verify", "banks/log").code == 0


def test_a_proposal_of_statistics_says_that_it_has_no_bars(founded, hansa, desk):
    (desk / "tables.yaml").write_text(PLAN)
    hansa("proposal", "open", "run", "tables.yaml", "--as", "ada")
    assert "none: these are statistics, of all rows" in hansa("proposal", "show", "1").out


def test_a_plan_of_statistics_with_noise_is_priced_with_what_noise_does_to_figures(founded, hansa, desk):
    (desk / "tables.yaml").write_text(PLAN.replace("{noise: none}", NOISE))
    tables = desk / "tables"
    tables.mkdir()
    for name in ("ada", "bob", "cyd"):
        (tables / f"{name}.csv").write_text((desk / f"{name}.csv").read_text())
    priced = hansa("plan", "price", "tables.yaml", "--rehearse", "tables", "--json").json
    assert priced["rho"] == "0.224248882"
    accuracy = priced["accuracy"]
    assert 0 < float(accuracy["mean_error"]) < 1
    assert float(accuracy["noise"]) > 3
    assert accuracy["values"] == "2"
    text = " ".join(hansa("plan", "price", "tables.yaml", "--rehearse", "tables").out.split())
    assert "a count is off by" in text
    assert "values of counted features" in text


def test_a_rehearsal_of_statistics_is_refused_with_the_way_to_go(hansa, desk):
    (desk / "tables.yaml").write_text(PLAN)
    answer = hansa("rehearse", ".", "--plan", "tables.yaml", "--out", "out", "--json")
    assert answer.code != 0
    assert "a rehearsal is of a model" in answer.out


def test_a_histogram_is_drawn_by_rows_over_the_declared_range():
    runs = [["0", "5", 10], ["5", "9", 0], ["9", "10", 4]]
    assert draw_histogram(runs, "0", "10") == "▅" * 10 + " " * 8 + "██"


def test_missing_counts_that_are_not_told_and_noise_are_said_in_words():
    document = {
        "rows": 100,
        "members": 5,
        "noise": "2.5",
        "numbers": [
            {
                "name": "amount",
                "minimum": "0",
                "maximum": "10",
                "missing": None,
                "mean": ["5.1", "4.6", "5.6"],
                "deviation": ["2", "1.9", "2.1"],
                "quantiles": [["0.5", "5", "4", "6"]],
                "histogram": [["0", "10", 100]],
            }
        ],
        "categories": [
            {"name": "sky", "categories": "counted", "counts": [["00ff", 60]], "missing": None, "other": 40}
        ],
    }
    lines = _print(show_statistics(document))
    assert "within ± 5 in 95 of 100 runs" in lines
    assert "a few" in lines
    assert "5.1 ± 0.5" in lines
    assert "#00ff" in lines
    assert "all others, or missing" in lines


def _print(parts):
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()
