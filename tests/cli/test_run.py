import json
import os
import signal
import subprocess
import sys

import pytest

from hansa.cli.reports import read_uncertainty
from hansa.errors import Malformed


def test_a_run_starts_only_after_vote_and_timelock(proposed, hansa):
    answer = hansa("run", "start", "1", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "permit.not-passed")
    hansa("proposal", "vote", "1", "yes", "--as", "all")
    answer = hansa("run", "start", "1", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "permit.timelock")
    hansa("log", "tick", "--forward", "2d")
    answer = hansa("run", "start", "1", "--as", "ada")
    assert answer.code == 0, answer.err
    assert "only" not in answer.err
    assert "Every bar set before the run is met." in answer.out
    assert "next: hansa proposal open release 1 --as ada" in answer.out
    answer = hansa("run", "start", "1", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "permit.closed")


def test_what_is_no_run_cannot_be_started_or_reported(ran, hansa):
    hansa("proposal", "open", "expel", "dan", "--as", "ada")
    number = hansa("proposal", "list", "--json").json["proposals"][-1]["entry"]
    for verb, rule in (("start", "permit.not-run"), ("report", "permit.not-run")):
        tokens = ("--as", "ada") if verb == "start" else ()
        answer = hansa("run", verb, number, *tokens, "--json")
        assert (answer.code, answer.error["rule"]) == (4, rule)
    assert hansa("run", "start", "0", "--as", "ada", "--json").error["rule"] == "permit.unknown-proposal"
    assert hansa("run", "report", "0", "--json").error["rule"] == "proposal.unknown"


def test_runs_are_listed_with_their_attempts(ran, founded_runs, hansa):
    (run,) = hansa("run", "list", "--json").json["runs"]
    assert [attempt["status"] for attempt in run["attempts"]] == ["completed"]
    assert "1 completed" in hansa("run", "list").out
    assert founded_runs.out == "No run was proposed yet.\n"


@pytest.fixture
def founded_runs(played, hansa):
    return hansa("run", "list", "--folder", played / "founded")


def test_the_coalition_is_told_only_what_is_joint(ran, hansa):
    report = hansa("run", "report", "1", "--json").json
    assert report["bars"][0]["met"]
    assert report["guarantee"] == "no formal guarantee"
    assert report["report"]
    assert "advice" not in json.dumps(report)
    text = hansa("run", "report", "1").out
    assert "mean ROC-AUC of the scored members" in text
    assert "not yet" in text


def test_a_member_reads_its_own_report_in_its_own_folder(ran, hansa):
    report = hansa("run", "report", "1", "--as", "bob", "--json").json
    assert report["member"] == "bob"
    assert report["advice"]
    text = hansa("run", "report", "1", "--as", "bob").out
    assert "for bob alone" in text
    assert "advice" in text
    (path,) = (ran / "members" / "bob" / "reports").iterdir()
    assert json.loads(path.read_text()) == report
    assert not list((ran / "blobs").glob("*bob*"))


def test_a_member_reads_what_serves_it_where_the_plan_has_rows_to_choose_by(ran, hansa):
    assert "as you chose" not in hansa("run", "report", "1", "--as", "bob").out
    (path,) = (ran / "members" / "bob" / "reports").iterdir()
    report = json.loads(path.read_text())
    option = {
        "name": "mixed 1/2",
        "loss": 0.5,
        "share": 0.75,
        "auc": {"auc": 0.8, "low": 0.7, "high": 0.9},
        "gain": None,
    }
    report |= {"options": [option], "chosen_gain": {"value": 0.05, "low": -0.01, "high": 0.11}}
    path.write_text(json.dumps(report))
    text = " ".join(hansa("run", "report", "1", "--as", "bob").out.split())
    assert "mixed 1/2 75% of your choice; AUC 0.800, 95% interval 0.700 to 0.900; gain –" in text
    assert "gain as you chose +0.050, 95% interval -0.010 to +0.110" in text.replace("−", "-")


def test_a_private_report_that_is_elsewhere_or_damaged_is_said_to_be_so(ran, hansa):
    (path,) = (ran / "members" / "bob" / "reports").iterdir()
    for text in ("{", "[]"):
        path.write_text(text)
        answer = hansa("run", "report", "1", "--as", "bob", "--json")
        assert (answer.code, answer.error["rule"]) == (3, "report.form")
    path.unlink()
    assert hansa("run", "report", "1", "--as", "bob").code == 5


def test_who_is_no_member_is_told_apart_from_who_took_no_part(desk, hansa):
    plan = desk / "plan.yaml"
    plan.write_text(plan.read_text().replace("members: all", "members: [ada, bob, cyd]"))
    folder = desk / "three"
    for tokens in (
        ("coalition", "found", desk / "charter.yaml", "--members", desk / "members.yaml"),
        ("proposal", "open", "run", plan, "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
        ("run", "start", "1", "--as", "ada"),
    ):
        assert hansa(*tokens, "--folder", folder).code == 0
    took_part = "took part in this attempt: ada, bob and cyd"
    for name, rule, text in (
        ("zoe", "author.unknown", f"there is no member `zoe`; {took_part}"),
        ("dan", "report.member", f"`dan` took no part in this attempt; {took_part}"),
    ):
        answer = hansa("run", "report", "1", "--as", name, "--folder", folder, "--json")
        assert (answer.code, answer.error["rule"], answer.error["reasons"]) == (4, rule, [text])


def test_a_run_without_noise_has_figures_without_a_doubt_and_its_json_says_how_small_that_is(ran, hansa):
    assert "±" not in hansa("run", "report", "1").out
    report = hansa("run", "report", "1", "--json").json
    assert report["uncertainty"]["auc_pooled_together"] == "0.000000"
    assert report["uncertainty"].keys() < report["metrics"].keys()


@pytest.fixture
def noised(desk, hansa, monkeypatch):
    """A completed run with noise, in the folder that is named."""
    plan, charter = desk / "plan.yaml", desk / "charter.yaml"
    text = plan.read_text().replace("stratified", "rows").replace("auc_together", "auc_pooled_together")
    noise = "{noise: discrete-gaussian, epsilon: 50, delta: 0.00001}"
    plan.write_text(text.replace("{noise: none}", noise).replace("0.60", "0.10"))
    budget = "privacy: {budget: {epsilon: 50, delta: 0.00001}, "
    charter.write_text(charter.read_text().replace("privacy: {", budget))
    monkeypatch.setenv("HANSA_FOLDER", "noised")
    for tokens in (
        ("coalition", "found", charter, "--members", desk / "members.yaml"),
        ("proposal", "open", "run", plan, "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
    ):
        assert hansa(*tokens).code == 0
    return desk / "noised"


def test_a_run_with_noise_says_how_far_each_figure_may_be_off(noised, hansa):
    started = hansa("run", "start", "1", "--as", "ada")
    assert started.code == 0, started.err
    report = hansa("run", "report", "1", "--json").json
    assert report["uncertainty"].keys() == report["metrics"].keys()
    name = "auc_pooled_together"
    figure = f"{float(report['metrics'][name]):.3f} ± {float(report['uncertainty'][name]):.3f}"
    for answer in (started, hansa("run", "report", "1")):
        text = " ".join(answer.out.split())
        assert f"✓ met: ROC-AUC over all test rows, together {figure}, at least 0.100 asked" in text
        assert "± how far noise (two standard deviations) and the binning of scores may have moved" in text
    assert f"ROC-AUC over all test rows {figure}" in text


def test_a_report_that_is_elsewhere_or_damaged_is_said_to_be_so(noised, hansa):
    assert hansa("run", "start", "1", "--as", "ada").code == 0
    path = noised / "blobs" / hansa("run", "report", "1", "--json").json["report"]
    data = path.read_bytes()
    path.write_bytes(data + b" ")
    answer = hansa("run", "report", "1", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "blob.digest")
    path.unlink()
    assert hansa("run", "report", "1", "--json").json["uncertainty"] is None
    text = " ".join(hansa("run", "report", "1").out.split())
    assert "which does not lie here" in text
    assert "±" not in text


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"uncertainty": []}',
        '{"uncertainty": {"brier": "0.1"}}',
        '{"uncertainty": {"brier": 0}}',
    ],
)
def test_bytes_that_are_no_report_are_malformed(text):
    with pytest.raises(Malformed, match=r"report\.form"):
        read_uncertainty(text.encode())


def test_a_brake_stops_a_run_for_the_charters_time(approved, hansa):
    assert hansa("run", "brake", "1", "--as", "dan").code == 2  # a reason is owed
    answer = hansa("run", "brake", "1", "--as", "dan", "--reason", "our data are wrong")
    assert "`dan` brakes run 1" in answer.out
    answer = hansa("run", "start", "1", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "permit.braked")
    assert hansa("run", "list", "--json").json["runs"][0]["braked_until"]
    answer = hansa("run", "brake", "1", "--as", "dan", "--reason", "again", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "brake.used")
    hansa("run", "brake", "1", "--as", "ada", "--reason", "I agree")
    assert "stopped for good" in hansa("run", "brake", "1", "--as", "bob", "--reason", "so do I").out
    hansa("log", "tick", "--forward", "30d")
    assert hansa("run", "start", "1", "--as", "ada", "--json").error["rule"] == "permit.braked"


def test_a_release_is_voted_on_when_the_bars_are_met(ran, hansa):
    number = hansa("proposal", "open", "release", "1", "--as", "ada", "--json").json["entry"]
    assert "release the model" in hansa("proposal", "show", number).out
    hansa("proposal", "vote", number, "yes", "--as", "all")
    hansa("log", "tick", "--forward", "4d")
    assert hansa("run", "report", "1", "--json").json["released"]
    assert len(hansa("coalition", "show", "--json").json["releases"]) == 1


def test_a_missed_bar_leaves_nothing_to_release(founded, hansa):
    path = founded.parent / "plan.yaml"
    path.write_text(path.read_text().replace('"0.60"', '"0.999"'))
    hansa("proposal", "open", "run", path, "--as", "ada")
    hansa("proposal", "vote", "1", "yes", "--as", "all")
    hansa("log", "tick", "--forward", "2d")
    answer = hansa("run", "start", "1", "--as", "ada")
    assert answer.code == 0
    assert "A bar is missed" in answer.out
    answer = hansa("proposal", "open", "release", "1", "--as", "ada", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "release.bars")


def test_data_that_do_not_meet_the_plan_fail_the_run_with_file_row_and_column(approved, hansa):
    path = approved / "members" / "cyd" / "data.csv"
    lines = path.read_text().splitlines()
    lines[4] = "maybe,0.5,farm"
    path.write_text("\n".join(lines) + "\n")
    answer = hansa("run", "start", "1", "--as", "ada")
    assert answer.code == 4
    text = " ".join(answer.err.split())
    assert "row 5, column `late`" in text
    assert "`cyd`" in text
    assert hansa("run", "list", "--json").json["runs"][0]["attempts"][0]["status"] == "failed"


def test_a_run_goes_on_without_a_member_whose_data_do_not_meet_the_plan_and_everybody_can_see_it(desk, hansa):
    charter = desk / "charter.yaml"
    terms = 'privacy: {colluding: "0", dropouts: 1/4, '
    charter.write_text(charter.read_text().replace("privacy: {", terms))
    folder = desk / "brave"
    assert (
        hansa("coalition", "found", charter, "--members", desk / "members.yaml", "--folder", folder).code == 0
    )
    for tokens in (
        ("proposal", "open", "run", desk / "plan.yaml", "--as", "ada"),
        ("proposal", "vote", "1", "yes", "--as", "all"),
        ("log", "tick", "--forward", "2d"),
    ):
        assert hansa(*tokens, "--folder", folder).code == 0
    path = folder / "members" / "cyd" / "data.csv"
    path.write_text(path.read_text().replace("farm", "barn", 1))
    answer = hansa("run", "start", "1", "--as", "ada", "--folder", folder)
    assert answer.code == 0, answer.err
    assert "`cyd` refused: data.category; it is out of this attempt" in " ".join(answer.out.split())
    for shown in (answer, hansa("run", "report", "1", "--folder", folder)):
        assert "cyd: not in the totals from round 1 on" in shown.out
    said = hansa("log", "show", "--folder", folder).out
    assert "closes the run: completed, without cyd from round 1 on" in " ".join(said.split())
    (run,) = hansa("run", "list", "--folder", folder, "--json").json["runs"]
    assert [attempt["dropped"] for attempt in run["attempts"]] == [{"cyd": 1}]
    told = hansa("run", "report", "1", "--as", "cyd", "--folder", folder, "--json")
    assert (told.code, told.error["rule"]) == (4, "report.dropped")
    assert "the coordinator left it out" in str(told.error)


INTERRUPTED = """
import os, signal, sys
from hansa.cli import main
from hansa.rehearsal.narration import Spoken

def step(self, text):
    if text.startswith("round 2"):
        os.kill(os.getpid(), signal.SIGINT)

Spoken.step = step
sys.exit(main(["run", "start", "1", "--as", "ada"]))
"""


def test_ctrl_c_in_the_middle_of_a_run_closes_the_attempt_and_the_next_one_works(approved, hansa):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 130
    assert done.stderr == (
        "interrupted: stopped by Ctrl-C [interrupted]\n"
        "note: the attempt is closed as failed; the same command begins a new one\n"
    )
    statuses = [a["status"] for a in hansa("run", "list", "--json").json["runs"][0]["attempts"]]
    assert statuses == ["failed"]
    assert hansa("run", "start", "1", "--as", "ada", "--json").json["attempt"] == 2
