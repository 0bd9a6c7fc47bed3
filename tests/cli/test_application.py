import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hansa import errors
from hansa.cli.application import build_app
from hansa.cli.failure import EXIT_CODES, explain
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.governance import Finding, InvalidDocument


def list_commands(app=None, path=()):
    """Every command that does something, with its path."""
    app = app or build_app()
    verbs = [name for name in app if not name.startswith("-")]
    if not verbs:
        yield path, app
    for name in verbs:
        yield from list_commands(app[name], (*path, name))


COMMANDS = dict(list_commands())


def test_the_nouns_and_verbs_of_the_story_are_there():
    assert {" ".join(path) for path in COMMANDS} == {
        "account",
        "model export",
        "data check",
        "data consent",
        "data show",
        "data withdraw",
        "plan price",
        "demo",
        "up",
        "down",
        "rehearse",
        "coalition found",
        "coalition join",
        "coalition lint",
        "coalition show",
        "hub init",
        "hub up",
        "hub status",
        "hub handover draft",
        "hub handover sign",
        "hub handover show",
        "hub handover take",
        "node up",
        "node status",
        "member list",
        "member show",
        "member leave",
        "member enrol",
        "member invite",
        "member key grant",
        "member key revoke",
        "member key rotate",
        "member key list",
        "proposal open",
        "proposal list",
        "proposal show",
        "proposal vote",
        "proposal recuse",
        "proposal withdraw",
        "run start",
        "run list",
        "run report",
        "run brake",
        "log show",
        "log tick",
        "log proof",
        "log restore",
        "log head",
        "log compare",
        "verify",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_speaks_json_and_explains_itself(path, hansa):
    names = {name for argument in COMMANDS[path].assemble_argument_collection() for name in argument.names}
    assert "--json" in names
    answer = hansa(*path, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"hansa {' '.join(path)}")
    assert max(map(len, answer.out.splitlines())) <= 100
    undescribed = [a.name for a in COMMANDS[path].assemble_argument_collection() if not a.parameter.help]
    assert not undescribed


def test_hansa_alone_tells_the_story_and_fits_80_columns(hansa, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    answer = hansa()
    assert answer.code == 0
    places = [
        answer.out.index(f"hansa {word}") for word in ("demo", "coalition", "proposal", "run", "verify")
    ]
    assert places == sorted(places)
    assert all(len(line) <= 80 and line == line.rstrip() for line in answer.out.splitlines())
    story = hansa("--json").json["story"]
    assert story[0]["command"] == "hansa demo"


def test_the_exit_codes_are_in_the_help(hansa):
    text = " ".join(hansa("--help").out.split())
    for code in EXIT_CODES.values():
        assert f" {code} " in text


def test_every_family_of_failure_has_its_exit_code():
    families = {Malformed("r", "m"): 3, Refused("r", "m"): 4, Unavailable("m"): 5}
    assert {type(error) for error in families} == set(HansaError.__subclasses__())
    assert {explain(error).exit_code for error in families} == {3, 4, 5}
    for error, code in families.items():
        assert explain(error).exit_code == code
    assert explain(KeyboardInterrupt()).exit_code == 130
    assert explain(FileNotFoundError(2, "no such file", "x")).exit_code == 5
    assert explain(ZeroDivisionError()).exit_code == 1
    assert errors.HansaError("?").args == ("?",)


def test_each_reason_carries_the_rule_of_its_finding():
    findings = [Finding("error", "yaml.tag", "one", "a:1"), Finding("error", "charter.value", "two", "a:2")]
    failure = explain(InvalidDocument(findings))
    assert [tuple(reason) for reason in failure.reasons] == [
        ("yaml.tag", "a:1: one"),
        ("charter.value", "a:2: two"),
    ]


def test_a_wrong_command_line_is_code_2_and_says_what_was_meant(hansa):
    answer = hansa("run", "stat")
    assert (answer.code, answer.out) == (2, "")
    assert "start" in answer.err
    assert "[command-line]" in answer.err
    assert hansa("frobnicate").code == 2
    assert hansa("proposal", "vote", "x", "yes", "--as", "ada").code == 2
    assert hansa("proposal", "vote", "1").code == 2
    assert hansa("log", "show", "--start", "-1").code == 2


def test_a_very_long_argument_is_not_repeated_in_full(hansa):
    answer = hansa("run", "brake", "1", "--as", "ada", "--reason", "x" * 5000)
    assert answer.code == 2
    assert len(answer.err) < 600
    assert "--reason" in answer.err


def test_an_error_is_a_line_on_stderr_and_with_json_an_object_on_stdout(hansa):
    answer = hansa("verify", "nowhere")
    assert (answer.code, answer.out) == (5, "")
    assert answer.err == "unavailable: there is nothing at `nowhere` [unavailable]\n"
    answer = hansa("verify", "nowhere", "--json")
    assert (answer.code, answer.err) == (5, "")
    assert answer.json == {
        "error": {
            "family": "unavailable",
            "rule": "unavailable",
            "reasons": ["there is nothing at `nowhere`"],
        }
    }
    assert hansa("verify", "--json").error["family"] == "usage"


def test_a_defect_is_one_line_and_shows_its_place_only_when_asked(hansa, monkeypatch):
    def fail(path):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("hansa.cli.record.read_record", fail)
    answer = hansa("verify", ".")
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "a defect in hansa: ZeroDivisionError: by zero (please report it; HANSA_DEBUG=1 shows where) [defect]"
    ]
    monkeypatch.setenv("HANSA_DEBUG", "1")
    assert "Traceback" in hansa("verify", ".").err


def test_a_user_who_presses_ctrl_c_sees_no_traceback(hansa, monkeypatch):
    def stop(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("hansa.cli.record.read_record", stop)
    answer = hansa("verify", ".")
    assert answer.code == 130
    assert answer.err == "interrupted: stopped by Ctrl-C [interrupted]\n"


def test_a_disk_that_fails_is_unavailable_not_a_defect(hansa, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied", "log.sqlite")

    monkeypatch.setattr("hansa.cli.record.read_record", fail)
    answer = hansa("verify", ".")
    assert answer.code == 5
    assert "`log.sqlite`: Permission denied" in answer.err


def test_texts_that_look_like_markup_are_printed_as_they_are(hansa):
    answer = hansa("verify", "[/bold] :smile: [red]x")
    assert "`[/bold] :smile: [red]x`" in answer.err


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False, **options
    )


def test_help_and_version_load_no_heavy_room():
    code = (
        "import json, sys\n"
        "from hansa.cli import main\n"
        "for line in (['--help'], ['run', 'start', '--help'], ['--version'], []):\n"
        "    main(line)\n"
        "heavy = {'numpy', 'sqlalchemy', 'pydantic', 'jinja2', 'ruamel', 'cryptography'} & set(sys.modules)\n"
        "print(json.dumps(sorted(heavy)))"
    )
    done = python("-c", code)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_an_auditor_needs_no_numerics(ran):
    code = (
        "import sys\n"
        "from hansa.cli import main\n"
        f"assert main(['verify', {str(ran)!r}]) == 0\n"
        "assert not {'numpy', 'jinja2'} & set(sys.modules)\n"
        "assert not any(name.startswith(('hansa.learning', 'hansa.secagg')) for name in sys.modules)"
    )
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_package_runs_as_a_module_and_says_its_version():
    done = python("-m", "hansa", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_a_reader_that_goes_away_is_no_failure(ran):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "hansa", "log", "show", "--folder", ran],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_question_marks(ran):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "hansa", "verify", ran], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0
    assert b"? cosigned" in done.stdout


def test_ctrl_c_while_the_program_still_loads_is_no_traceback():
    code = (
        "import builtins, sys\n"
        "load = builtins.__import__\n"
        "def interrupt(name, *rest):\n"
        "    if name.startswith('cyclopts'):\n"
        "        raise KeyboardInterrupt\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = interrupt\n"
        "from hansa.cli import main\n"
        "sys.exit(main(['demo']))"
    )
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (130, "interrupted: stopped by Ctrl-C [interrupted]\n")


def test_a_folder_that_stands_alone_is_told_where_it_goes(founded, hansa):
    answer = hansa("coalition", "show", "banks")
    assert (answer.code, answer.err) == (
        2,
        "wrong command line: `banks` is a folder; it goes with `--folder banks` [command-line]\n",
    )
