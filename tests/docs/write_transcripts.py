"""Bring transcripts up to date: `python tests/docs/write_transcripts.py [NAME ...]`.

Plays each transcript and replaces the output that is no longer as written. What is new each time becomes `…`; read the
difference before you commit it.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from test_transcripts import TRANSCRIPTS, match_lines, play

TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
NEW_EACH_TIME = (
    (r"[0-9a-f]{64}", "…"),
    (rf"{TIME}(?=  )", "…" + " " * 19),
    (TIME, "…"),
    (r"(coalition|plan) [0-9a-f]{16}…", r"\1 …"),
    (r"(takes effect|for another) \d+", r"\1 …"),
    (r"\d+\.\d s\b|< 0\.1 s", "… s"),
    (r"[\d.,]+ [kMG]B of memory", "… of memory"),
    (r"^times .*", "…"),
    (r"^(— \S+) .*", r"\1 …"),
    (r"\b[A-Za-z0-9+/]{43}=", "…"),
)


def elide(line):
    for pattern, text in NEW_EACH_TIME:
        line = re.sub(pattern, text, line)
    return line


def elide_all(lines):
    """What of an answer stays the same; the list of times may take a second line, and one `…` stands for both."""
    elided = []
    in_times = False
    for line in lines:
        in_times = line.startswith("times ") or (in_times and line.startswith(" "))
        if not (in_times and line.startswith(" ")):
            elided.append(elide(line))
    return elided


def rewrite(path):
    """Play a transcript in a fresh folder and return its text as it should be."""
    lines = path.read_text().splitlines()
    for number, _, expected, got in reversed(list(play(path.read_text()))):
        if not match_lines(expected, got):
            lines[number : number + len(expected)] = elide_all(got)
    return "\n".join(lines) + "\n"


def main(names):
    os.environ["COLUMNS"] = "80"
    for path in TRANSCRIPTS:
        if names and path.stem not in names:
            continue
        os.environ.pop("HANSA_FOLDER", None)
        os.environ.pop("HANSA_PASSPHRASE", None)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            text = rewrite(path)
        if text != path.read_text():
            path.write_text(text)
            print(f"{path.name}: written anew")


if __name__ == "__main__":
    main(sys.argv[1:])
