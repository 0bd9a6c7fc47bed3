"""Transcripts are documentation that runs: each in a fresh folder, each line of output compared.

In a transcript, a block whose first line is ```` ```console ```` holds commands after `$ ` and what they print; any
other block that names a file (```` ```yaml charter.yaml ````) is that file, and a Python file is run. In what is
printed, `…` stands for any text within a line, and a line of only `…` for any lines; runs of spaces are equal.
`$ echo $?` shows the exit code. A command that ends in ` &` is a process of its own until the transcript ends; of one that says `up`
the first line is waited for. `$ wait` waits for the others. The port 8443 stands for one that is free.
"""

import contextlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hubhouse import SRC, free_port

from hansa.cli import main

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "docs" / "transcripts").glob("*.md"))
SLOW = {"demo.md", "statistics.md"}
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: (?P<file>[\w.-]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def read_blocks(text):
    """The blocks of a transcript: (language, file or None, text, number of its first line)."""
    for match in BLOCK.finditer(text):
        yield match["language"], match["file"], match["text"], text.count("\n", 0, match.start()) + 2


def read_commands(text):
    """The commands of a block of a console: (line within the block, command, expected lines)."""
    commands = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith("$ "):
            commands.append((number, line[2:], []))
        else:
            assert commands, f"output before the first command: {line}"
            commands[-1][2].append(line)
    return commands


class Console:
    """A shell in which `hansa` runs in this process, or behind it."""

    def __init__(self):
        self.code = 0
        self.port = str(free_port())
        self.behind = []

    def run(self, command):
        return self._run(command.replace("8443", self.port)).replace(self.port, "8443")

    def _run(self, command):
        if command.endswith(" &"):
            return self._begin(shlex.split(command.removesuffix(" &")))
        if command == "wait":
            return "".join(self._end(process) for process in self.behind if not hasattr(process, "up"))
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            os.environ[name] = value
            return ""
        if command == "echo $?":
            return f"{self.code}\n"
        if words[0] == "hansa" and not {"|", ">"} & set(words):
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                self.code = main(words[1:])
            return out.getvalue()
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        self.code = done.returncode
        return done.stdout + done.stderr

    def _begin(self, words):
        program = [sys.executable, "-m", *words] if words[0] == "hansa" else words
        process = subprocess.Popen(
            program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        )
        self.behind.append(process)
        if "up" not in words:
            return ""
        process.up = True
        return process.stdout.readline()

    def _end(self, process):
        try:
            return process.communicate(timeout=60)[0]
        except ValueError:
            return ""  # waited for before

    def close(self):
        for process in self.behind:
            process.kill()
            process.wait()
            process.stdout.close()


def match_lines(expected, got):
    """Whether lines are as expected, `…` being anything."""
    if not expected:
        return not got
    if expected[0] == "…":
        return any(match_lines(expected[1:], got[start:]) for start in range(len(got) + 1))
    pattern = ".+?".join(map(re.escape, _squeeze(expected[0]).split("…")))
    return bool(got) and bool(re.fullmatch(pattern, _squeeze(got[0]))) and match_lines(expected[1:], got[1:])


def _squeeze(line):
    return re.sub(" {2,}", " ", line)


def play(text):
    """Play a transcript in the current folder, and yield (line, command, expected lines, lines as they were)."""
    with contextlib.closing(Console()) as console:
        for language, file, block, start in read_blocks(text):
            if file is not None:
                Path(file).write_text(block)
                if language == "python":
                    runpy.run_path(file)
            elif language == "console":
                for number, command, expected in read_commands(block):
                    got = [line.rstrip() for line in console.run(command).splitlines()]
                    yield start + number, command, expected, got


@pytest.fixture(autouse=True)
def _plain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HANSA_FOLDER", "")  # so that what a transcript exports is undone
    monkeypatch.delenv("HANSA_FOLDER")
    monkeypatch.setenv("HANSA_PASSPHRASE", "")  # likewise
    monkeypatch.delenv("HANSA_PASSPHRASE")
    monkeypatch.setenv("PYTHONPATH", str(SRC))


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if path.name in SLOW else ()) for path in TRANSCRIPTS],
    ids=lambda path: path.stem,
)
def test_a_transcript_plays_as_it_is_written(path):
    played = 0
    for line, command, expected, got in play(path.read_text()):
        played += 1
        assert match_lines(expected, got), (
            f"{path.name}:{line}: $ {command}\n--- expected\n"
            + "\n".join(expected)
            + "\n--- got\n"
            + "\n".join(got)
        )
    assert played


def test_there_are_transcripts():
    assert {"first-coalition", "members", "rehearse", "verify", "demo"} <= {path.stem for path in TRANSCRIPTS}


@pytest.mark.parametrize(
    ("expected", "got", "verdict"),
    [
        (["a … c"], ["a b c"], True),
        (["a … c"], ["a c"], False),
        (["a.c"], ["abc"], False),
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["a", "…"], ["a"], True),
        (["a   c"], ["a c"], True),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(expected, got, verdict):
    assert match_lines(expected, got) is verdict
