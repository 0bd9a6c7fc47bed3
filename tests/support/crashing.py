"""A program that is killed. It keeps a log, blobs and a public folder, and writes down what it was promised.

    python crashing.py work FOLDER              works until somebody kills it
    python crashing.py sweep FOLDER STEP...     for each step works in a process of its own, in FOLDER/STEP,
                                                that kills itself before it executes that line of the store
    python crashing.py vm FOLDER STEP...        the same in the middle of SQLite's work, after STEP * 20 of
                                                the instructions of its virtual machine
    python crashing.py count FOLDER             prints how many lines a whole round executes

The log lies in FOLDER, or where the variable LOG says: a PostgreSQL database, the same for all steps.

Kills are real: SIGKILL, so that nothing is tidied up.
"""

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from hansa.store import BeingWritten, BlobStore, LogStore, NoLog, publish
from hansa.transparency import Checkpoint, SigningKey, sign_checkpoint

KEY = SigningKey.from_seed(bytes(32))
ORIGIN = "log.example/crash"
ROUND = 4


def leaf_of(index):
    return hashlib.sha256(str(index).encode()).hexdigest().encode() * (1 + index % 5)


def batch_of(index):
    """Sizes of the appends: after the entry `index` so many more come in one call."""
    return 1 + index % 3


def boundaries(size):
    """Say whether a log of this size ends where a call of append ended."""
    index = 0
    while index < size:
        index += batch_of(index)
    return index == size


def note_of(store):
    return sign_checkpoint(Checkpoint(ORIGIN, store.size, store.frontier.root), KEY, ORIGIN).encode()


def open_log(folder):
    """Open the log, made when it is not there, as soon as the one who was killed before is gone."""
    where = os.environ.get("LOG", folder / "log.sqlite")
    while True:
        try:
            return LogStore.open(where)
        except BeingWritten:
            time.sleep(0.01)
        except NoLog:
            return LogStore.create(where)


def work(folder, rounds):
    promises = os.open(folder / "promised", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    blobs = BlobStore(folder / "blobs")
    with open_log(folder) as store:
        for _ in range(rounds):
            count = batch_of(store.size)
            size = store.append([leaf_of(index) for index in range(store.size, store.size + count)])
            os.write(promises, f"{size}\n".encode())
            note = note_of(store)
            store.save_checkpoint(note)
            blobs.put(leaf_of(size))
            publish(folder / "public", list(store.leaves()), note)


def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_before_line(step, seen):
    def trace_line(_frame, what, _argument):
        if what == "line":
            seen[0] += 1
            if seen[0] == step:
                kill_myself()
        return trace_line

    def trace_call(frame, _what, _argument):
        return trace_line if f"{os.sep}store{os.sep}" in frame.f_code.co_filename else None

    sys.settrace(trace_call)


def kill_in_sqlite(step):
    ticks = [0]

    def tick():
        ticks[0] += 1
        if ticks[0] == step:
            kill_myself()

    event.listen(Engine, "connect", lambda connection, _: connection.set_progress_handler(tick, 20))


def in_child(folder, arm):
    child = os.fork()
    if child == 0:
        folder.mkdir()
        arm()
        work(folder, ROUND)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    command, folder, *steps = sys.argv[1:]
    folder = Path(folder)
    if command == "work":
        work(folder, 10_000)
    elif command == "count":
        seen = [0]
        folder.mkdir()
        kill_before_line(0, seen)
        work(folder, ROUND)
        sys.settrace(None)
        print(seen[0])
    else:
        for step in map(int, steps):
            arm = {
                "sweep": lambda step=step: kill_before_line(step, [0]),
                "vm": lambda step=step: kill_in_sqlite(step),
            }
            print(step, in_child(folder / str(step), arm[command]))


if __name__ == "__main__":
    main()
