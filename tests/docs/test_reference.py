"""`docs/cli.md` says of every command and option what the program says, and of no other."""

import re
from pathlib import Path

import pytest

from hansa.cli.application import build_app
from hansa.cli.failure import EXIT_CODES

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SHARED = {"--json", "--folder"}


def list_commands(app=None, path=()):
    app = app or build_app()
    verbs = [name for name in app if not name.startswith("-")]
    if not verbs:
        yield path, app
    for name in verbs:
        yield from list_commands(app[name], (*path, name))
    if not path:
        yield ("--install-completion",), app["--install-completion"]


COMMANDS = dict(list_commands())


def read_sections():
    """The page by its headings."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SECTIONS = read_sections()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_is_documented_with_its_arguments_and_options(path):
    arguments = list(COMMANDS[path].assemble_argument_collection())
    positional = [a.name for a in arguments if not a.name.startswith("-")]
    heading = f"`{' '.join(('hansa', *path, *positional))}`"
    assert heading in SECTIONS
    section = SECTIONS[heading]
    options = {a.name for a in arguments if a.name.startswith("-")}
    documented = set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
    assert options - SHARED <= documented, "an option is not documented"
    assert documented <= options, "what is documented is not there"


def test_no_command_is_documented_that_is_not_there():
    documented = {heading.strip("`").split()[1] for heading in SECTIONS if heading.startswith("`hansa")}
    assert documented == {path[0] for path in COMMANDS}
    assert sum(heading.startswith("`hansa") for heading in SECTIONS) == len(COMMANDS)


def test_shared_options_are_documented_once():
    documented = set(re.findall(r"^\| `(--[a-z-]+)", SECTIONS["Options of every command"], re.MULTILINE))
    assert documented == SHARED | {"--help", "--version"}


def test_metavars_are_those_of_the_help(capsys):
    from hansa.cli import main

    for path in COMMANDS:
        heading = next(h for h in SECTIONS if h.strip("`").split()[1 : 1 + len(path)] == list(path))
        main([*path, "--help"])
        text = capsys.readouterr().out
        for option in re.findall(r"^\| `(--[a-z-]+ ?[A-Z]*)`", SECTIONS[heading], re.MULTILINE):
            assert f"{option} " in text, (heading, option)


def test_the_exit_codes_are_documented():
    rows = re.findall(r"^\| (\d+) \| (\w*) \|", SECTIONS["Exit codes"], re.MULTILINE)
    assert {family: int(code) for code, family in rows if family} == dict(EXIT_CODES)


def test_every_transcript_is_listed():
    folder = Path(__file__).parents[2] / "docs" / "transcripts"
    listed = set(re.findall(r"\(transcripts/([a-z-]+)\.md\)", SECTIONS["Transcripts"]))
    assert listed == {path.stem for path in folder.glob("*.md")}
