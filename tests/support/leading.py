"""A program that writes one log together with others of its kind, whenever it is its turn; it is stopped and killed.

    python leading.py WHERE NAME FOLDER

It appends the leaves `NAME 0`, `NAME 1`, … and notes in FOLDER/promised each that it was promised, and in
FOLDER/shown each checkpoint that somebody could have seen. It says on its standard output when it begins
and when it ceases to lead.
"""

import os
import sys
import time
from pathlib import Path

from hansa.errors import Unavailable
from hansa.store import LogStore
from hansa.transparency import Checkpoint, SigningKey, sign_checkpoint

KEY = SigningKey.from_seed(bytes(32))
ORIGIN = "log.example/leaders"
LEASE_SECONDS = 2


def note(path, line):
    """Write a line as a whole, also when many processes do and any of them is killed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def lead(store, name, folder):
    count = sum(leaf.startswith(f"{name} ".encode()) for leaf in store.leaves())
    while True:
        leaf = f"{name} {count}"
        size = store.append([leaf.encode()])
        note(folder / "promised", leaf)
        signed = sign_checkpoint(Checkpoint(ORIGIN, size, store.frontier.root), KEY, ORIGIN)
        store.save_checkpoint(signed.encode())
        note(folder / "shown", f"{size} {store.frontier.root.hex()}")
        count += 1


def main():
    where, name, folder = sys.argv[1:]
    while True:
        try:
            with LogStore.open(
                where if "://" in where else Path(where), lease_seconds=LEASE_SECONDS
            ) as store:
                print("leads", flush=True)
                lead(store, name, Path(folder))
        except Unavailable as error:
            print(type(error).__name__, error, flush=True)
            time.sleep(0.05)


if __name__ == "__main__":
    main()
