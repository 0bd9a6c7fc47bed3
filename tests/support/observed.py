"""A hub or a node under observation, with the fault that a test wants: `python observed.py OPTIONS node up --folder HOUSE`.

OPTIONS is a JSON object, every field optional:

| field | what |
| --- | --- |
| `signed` | a file that gets a line for each entry: `signing <id>` before it is kept in the outbox, `kept <id>` after |
| `clock` | a file with the seconds that this process's clock is ahead; read again each time somebody looks at the clock |
| `die` | `["before", N]` or `["after", N]`: killed before the N-th answer of a run leaves, or after the hub has it |

The product knows nothing of this program, and kills are real: SIGKILL, so that nothing is tidied up.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

said, *arguments = sys.argv[1:]
options = json.loads(said)
if "clock" in options:
    real, ahead = time.time, Path(options["clock"])
    time.time = lambda: real() + float(ahead.read_text())  # before anybody imports it

from hansa.cli import main  # noqa: E402 - after the clock
from hansa.node.outbox import Outbox  # noqa: E402
from hansa.node.remote import Remote  # noqa: E402

keep, answer_turn = Outbox._keep, Remote.answer_turn
answers = [0]


def note(word, waiting):
    with Path(options["signed"]).open("a") as file:
        file.write(f"{word} {waiting.envelope.id}\n")


def keep_and_note(outbox, waiting):
    note("signing", waiting)
    keep(outbox, waiting)
    note("kept", waiting)


def answer_and_die(*words):
    when, number = options["die"]
    answers[0] += 1
    is_last = answers[0] == number
    if is_last and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    message = answer_turn(*((*words[:-1], 0) if is_last else words))
    if is_last:
        os.kill(os.getpid(), signal.SIGKILL)
    return message


if "signed" in options:
    Outbox._keep = keep_and_note
if "die" in options:
    Remote.answer_turn = answer_and_die
sys.exit(main(arguments))
