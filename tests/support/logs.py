"""Logs for the tests of the store, and a hand that changes them behind its back."""

import sqlite3
from contextlib import closing

import pytest
from postgres import run_statement

from hansa.errors import Malformed
from hansa.store import LogStore
from hansa.transparency import Checkpoint, SigningKey, sign_checkpoint

KEY = SigningKey.from_seed(bytes(32))
LEAVES = [f"leaf {n}".encode() for n in range(12)]


def note_of(size, root):
    return sign_checkpoint(Checkpoint("log.example", size, root), KEY, "log.example").encode()


def fill(where):
    """Make a closed log of 12 entries with checkpoints of 5 and 12."""
    with LogStore.create(where) as store:
        store.append(LEAVES[:5])
        store.save_checkpoint(note_of(5, store.frontier.root))
        store.append(LEAVES[5:])
        store.save_checkpoint(note_of(12, store.frontier.root))
    return where


def change(where, *statements, **parameters):
    """Change a log with another program than the store."""
    if isinstance(where, str):
        for statement in statements:
            run_statement(where, statement, parameters)
        return
    with closing(sqlite3.connect(where)) as connection, connection:
        for statement in statements:
            connection.execute(statement, parameters)


def refusal(where, opened=LogStore.open):
    with pytest.raises(Malformed) as excinfo:
        opened(where)
    assert "\n" not in str(excinfo.value)
    return excinfo.value
