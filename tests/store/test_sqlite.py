"""What holds for a log in a file only."""

import os
import sqlite3

import pytest
from logs import LEAVES, fill, refusal

from hansa.errors import HansaError, Unavailable
from hansa.store import LogReader, LogStore
from hansa.transparency import hash_leaf


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.sqlite"


@pytest.fixture
def filled(path):
    return fill(path)


def test_a_missing_log_is_unavailable(tmp_path):
    for path in (tmp_path / "none.sqlite", tmp_path / "no" / "folder.sqlite", tmp_path):
        for kind in (LogStore, LogReader):
            with pytest.raises(Unavailable):
                kind.open(path)
    with pytest.raises(Unavailable):
        LogStore.create(tmp_path / "no" / "folder.sqlite")


def test_a_closed_log_is_one_file_and_its_lock(filled):
    assert sorted(file.name for file in filled.parent.iterdir()) == ["log.sqlite", "log.sqlite.lock"]


def test_a_strange_path_is_only_a_path(tmp_path):
    path = tmp_path / "a?mode=ro&x#%20;.sqlite"
    with LogStore.create(path) as store:
        store.append(LEAVES)
    assert path.is_file()


def test_another_program_that_writes_makes_the_log_unavailable(filled):
    with LogStore.open(filled) as store:
        store._session.connection.connection.driver_connection.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(filled, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            store.append([b"x"])
        with pytest.raises(Unavailable, match="closed"):
            store.append([b"x"])
        other.rollback()
        other.close()
    with LogStore.open(filled) as store:
        assert store.size == 12


def test_a_folder_without_permission_is_unavailable(filled, monkeypatch):
    def refuse(*_arguments, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unavailable, match="Permission denied"):
        LogStore.open(filled)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"not a log\n" * 500])
def test_another_file_is_refused(path, content):
    path.write_bytes(content)
    assert refusal(path).rule in {"log.file", "log.schema"}


def test_a_flipped_byte_never_changes_what_is_read(filled):
    data = filled.read_bytes()
    refusals = []
    for at in range(5, len(data), 101):
        for old in filled.parent.glob("copy.sqlite*"):
            old.unlink()
        copy = filled.with_name("copy.sqlite")
        copy.write_bytes(data[:at] + bytes([data[at] ^ 0x81]) + data[at + 1 :])
        try:
            store = LogStore.open(copy)
        except HansaError as error:
            refusals.append(str(error))
        else:
            with store:
                assert list(store.leaves()) == LEAVES
    assert len(refusals) > 10
    assert not any("\n" in refusal for refusal in refusals)


def test_every_byte_of_an_entry_matters(filled):
    data = filled.read_bytes()
    for leaf in LEAVES:
        assert data.count(leaf + hash_leaf(leaf)) == 1
        at = data.index(leaf + hash_leaf(leaf))
        for offset in range(0, len(leaf) + 32, 5):
            for old in filled.parent.glob("copy.sqlite*"):
                old.unlink()
            copy = filled.with_name("copy.sqlite")
            copy.write_bytes(data[: at + offset] + bytes([data[at + offset] ^ 1]) + data[at + offset + 1 :])
            assert refusal(copy).rule == "log.leaf-hash"
