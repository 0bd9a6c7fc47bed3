"""`hansa demo` and `hansa rehearse`, with small casts."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from hansa.cli.checking import check_cast
from hansa.errors import Refused
from hansa.governance import load_charter
from hansa.rehearsal import Cast, Drama, Founder, Stage, cast_folder, read_plan


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


def refuse(*_):
    raise Refused("run.contributor", "somebody stopped")


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_rehearsal_that_another_process_has_open_is_not_replaced(few_birds, desk, hansa):
    first = hansa("demo", "--json").json
    with Stage.open(desk / "demo"):
        answer = hansa("demo", "--again")
    assert answer.code == 5
    assert f"process {os.getpid()}" in answer.err
    assert hansa("verify", "demo", "--json").json["coalition"] == first["coalition"]


@pytest.mark.parametrize("stop", [refuse, interrupt])
def test_the_earlier_rehearsal_comes_back_when_the_new_one_does_not_succeed(
    few_birds, desk, hansa, monkeypatch, stop
):
    first = hansa("demo", "--json").json
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["hansa.rehearsal.play"], "conduct_run", stop)
        answer = hansa("demo", "--again")
    assert answer.code == (4 if stop is refuse else 130)
    assert "note: the earlier rehearsal is back in `demo`" in answer.err
    assert hansa("verify", "demo", "--json").json["coalition"] == first["coalition"]
    assert [path.name for path in desk.iterdir() if "demo" in path.name] == ["demo"]


def test_what_was_played_before_ctrl_c_stays_and_how_to_go_on_is_said(few_birds, desk, hansa, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["hansa.rehearsal.play"], "conduct_run", interrupt)
        answer = hansa("demo")
    assert answer.code == 130
    assert "stays in `demo`; `--again` plays it anew" in answer.err
    assert (desk / "demo" / "README.txt").is_file()


@pytest.mark.parametrize(
    "moment",
    [
        "_sequence_found",
        pytest.param("settle", marks=pytest.mark.slow),
        pytest.param("forward", marks=pytest.mark.slow),
    ],
)
def test_a_demo_that_was_killed_can_be_played_again_and_keeps_an_earlier_one(desk, tmp_path, hansa, moment):
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from hansa.cli.playing import make_room
        from hansa.governance import load_charter
        from hansa.rehearsal import Cast, Founder, Silent, Stage, play, read_plan

        def cast():
            charter = load_charter(Path("charter.yaml").read_text(), "charter.yaml")
            names = ("ada", "bob", "cyd", "dan")
            founders = [Founder(n, n.title(), "bank", "NL", 1, Path(n + ".csv")) for n in names]
            return Cast(charter, tuple(founders), read_plan(Path("plan.yaml")), "ada")

        def kill(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        if sys.argv[1] == "kill":
            setattr(Stage, {moment!r}, kill)
        with make_room(Path("demo"), again=True):
            play(Path("demo"), cast(), Silent())
        """
    )

    def run(how):
        return subprocess.run([sys.executable, "-c", script, how], check=False).returncode

    assert run("kill") == -signal.SIGKILL
    assert hansa("demo", "--json").error["rule"] == "rehearsal.exists"
    assert run("live") == 0
    first = hansa("verify", "demo", "--json").json["coalition"]
    assert run("kill") == -signal.SIGKILL
    # Merely asking for room puts the finished one back.
    assert hansa("demo", "--json").error["rule"] == "rehearsal.exists"
    assert hansa("verify", "demo", "--json").json["coalition"] == first
    assert [path.name for path in desk.iterdir() if "demo" in path.name] == ["demo"]


def test_a_rehearsal_that_cannot_be_moved_stays_as_it_is(few_birds, desk, hansa, monkeypatch):
    first = hansa("demo", "--json").json

    def fail(*_):
        raise PermissionError(13, "Permission denied", "demo")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.rename", fail)
        answer = hansa("demo", "--again")
    assert answer.code == 5
    assert answer.err == "unavailable: `demo` cannot be replaced: Permission denied (`demo`) [unavailable]\n"
    assert hansa("verify", "demo", "--json").json["coalition"] == first["coalition"]


def test_nobody_replaces_the_folder_in_which_one_stands(few_birds, desk, hansa, monkeypatch):
    hansa("demo")
    monkeypatch.chdir(desk / "demo" / "log")
    answer = hansa("demo", "--folder", "..", "--again", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "rehearsal.inside")


def test_a_linked_folder_is_played_in_again_and_stays_a_link(few_birds, desk, hansa):
    (desk / "real").mkdir()
    (desk / "link").symlink_to("real")
    assert hansa("demo", "--folder", "link").code == 0
    answer = hansa("demo", "--folder", "link", "--again")
    assert answer.code == 0, answer.err
    assert (desk / "link").is_symlink()
    assert (desk / "real" / "report.html").is_file()


def test_lines_that_are_piped_have_no_blanks_at_their_ends(few_birds, hansa):
    lines = hansa("demo").out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_what_is_refused_has_another_mark_than_what_is_done(few_birds, hansa):
    text = hansa("demo").out
    assert "– an early start is refused: the run takes effect in 1 day of log time" in text
    assert "dan leaves" not in text
    assert "Dan leaves (entry" in text
    assert "): enough; nobody" in text


def test_the_next_step_is_written_so_that_a_shell_understands_it(tables, desk, hansa):
    tables.rename(desk / "my tables")
    answer = hansa("rehearse", "--init", "my tables", "--label", "late", "--plan", "the plan.yaml")
    assert answer.code == 0, answer.err
    assert "next: hansa rehearse 'my tables' --plan 'the plan.yaml'" in answer.out
    answer = hansa("rehearse", "my tables", "--plan", "the plan.yaml", "--json")
    assert answer.json["verify"] == "hansa verify 'my tables/rehearsal/log'"


def test_a_split_that_leaves_nothing_to_train_with_is_found_before(tables, desk, hansa):
    plan = desk / "plan.yaml"
    plan.write_text(plan.read_text().replace("test: 3/10", "test: 999/1000"))
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "rehearsal.training-rows")
    assert not (tables / "rehearsal").exists()


@pytest.mark.parametrize("parameter", ["ridge: 0.0000001", "correction: 10000000000"])
def test_a_parameter_beyond_what_the_recipe_computes_with_is_found_in_the_plan(
    tables, desk, hansa, parameter
):
    plan = desk / "plan.yaml"
    plan.write_text(
        plan.read_text().replace("name: logistic", f"name: logistic, parameters: {{{parameter}}}")
    )
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "plan.decimal")
    assert answer.error["reasons"][0].startswith("plan.yaml:5: ")
    assert "from 0.000001 to 1000000000" in answer.error["reasons"][0]


def test_a_split_that_tests_nobody_and_bounds_far_too_wide_are_warned_of(tables, desk):
    plan = (desk / "plan.yaml").read_text().replace("test: 3/10", "test: 1/1000")
    (desk / "plan.yaml").write_text(plan.replace("maximum: 10}", "maximum: 100000}"))
    charter = load_charter((desk / "charter.yaml").read_text(), "charter.yaml")
    warnings = check_cast(cast_folder(tables, read_plan(desk / "plan.yaml"), charter), desk / "charter.yaml")
    assert [finding.rule for finding in warnings] == ["rehearsal.test-rows", "rehearsal.bounds"]


def test_more_organisations_than_one_founding_holds_are_told_before_anything_is_founded(tables, desk, hansa):
    text = "\n".join((tables / "ada.csv").read_text().split("\n")[:9]) + "\n"
    for number in range(200):
        (tables / f"org{number}.csv").write_text(text)
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--charter", "charter.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (4, "found.size")
    assert "205 organisations are too many for one founding, about " in answer.error["reasons"][0]


def test_a_plan_in_another_encoding_is_malformed(tables, desk, hansa):
    (desk / "plan.yaml").write_text("version: 1", encoding="utf-16")
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--json")
    assert (answer.code, answer.error["rule"]) == (3, "file.encoding")


def test_a_folder_that_is_not_there_is_named_when_something_is_to_be_written_into_it(tables, hansa):
    answer = hansa("rehearse", "--init", "tables", "--label", "late", "--plan", "nowhere/plan.yaml")
    assert answer.code == 5
    assert answer.err == "unavailable: `nowhere/plan.yaml`: there is no folder `nowhere` [unavailable]\n"


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
    answer = hansa("rehearse", "--init", "tables")
    assert answer.code == 2
    assert "`hansa rehearse --init tables --label COLUMN`" in " ".join(answer.err.split())
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


def noised(desk, budget=""):
    plan = (desk / "plan.yaml").read_text().replace("stratified", "rows")
    plan = plan.replace("auc_together", "auc_pooled_together")
    noise = "{noise: discrete-gaussian, epsilon: 3, delta: 0.00001}"
    (desk / "plan.yaml").write_text(plan.replace("{noise: none}", noise))
    charter = (desk / "charter.yaml").read_text()
    (desk / "charter.yaml").write_text(
        charter.replace("unnoised_sums: allowed", f"unnoised_sums: refused{budget}")
    )


@pytest.mark.parametrize("budget", ["", ", budget: {epsilon: 2.9, delta: 0.00001}"])
def test_a_plan_with_noise_that_no_budget_covers_is_found_before(tables, desk, hansa, budget):
    noised(desk, budget)
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml", "--charter", "charter.yaml")
    assert answer.code == 4
    assert "[rehearsal.budget]" in answer.err
    assert ("uncomment `budget` under `privacy` in `charter.yaml`, or" in " ".join(answer.err.split())) is (
        not budget
    )


def test_the_charter_that_lacks_a_budget_is_named_as_the_user_typed_its_folder(tables, desk, hansa):
    noised(desk)
    answer = hansa("rehearse", "tables", "--plan", "plan.yaml")
    assert answer.code == 4
    assert "under `privacy` in `tables/charter.yaml`, or write it there" in " ".join(answer.err.split())
    assert "FOLDER" not in answer.err


def test_a_plan_with_noise_plays_under_its_budget(tables, desk, hansa):
    noised(desk, ", budget: {epsilon: 3, delta: 0.00001}")
    answer = hansa(
        "rehearse", "tables", "--plan", "plan.yaml", "--charter", "charter.yaml", "--out", "out", "--json"
    )
    assert answer.code == 0, answer.out
    assert answer.json["guarantee"] == "(ε = 3, δ = 0.00001) for each row"
    assert {
        found["left"]["epsilon"] for found in hansa("account", "--folder", "out", "--json").json["accounts"]
    } == {"0"}
