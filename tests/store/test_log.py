import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.store import LogStore
from hansa.transparency import Checkpoint, SigningKey, hash_leaf, root_of, sign_checkpoint

KEY = SigningKey.from_seed(bytes(32))
LEAVES = [f"leaf {n}".encode() for n in range(12)]


def note_of(size, root):
    return sign_checkpoint(Checkpoint("log.example", size, root), KEY, "log.example").encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.sqlite"


@pytest.fixture
def filled(path):
    """A closed log of 12 entries with checkpoints of 5 and 12."""
    with LogStore.create(path) as store:
        store.append(LEAVES[:5])
        store.save_checkpoint(note_of(5, store.frontier.root))
        store.append(LEAVES[5:])
        store.save_checkpoint(note_of(12, store.frontier.root))
    return path


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
    connection.close()


def refusal(path):
    with pytest.raises(Malformed) as excinfo:
        LogStore.open(path)
    assert "\n" not in str(excinfo.value)
    return excinfo.value


def test_a_new_log_is_empty(path):
    with LogStore.create(path) as store:
        assert (store.size, store.leaf_hashes(), list(store.leaves()), store.checkpoint()) == (
            0,
            (),
            [],
            None,
        )


def test_a_log_is_read_back(filled):
    with LogStore.open(filled) as store:
        assert store.size == 12
        assert list(store.leaves()) == LEAVES
        assert list(store.leaves(3, 6)) == LEAVES[3:6]
        assert list(store.leaves(10)) == LEAVES[10:]
        assert list(store.leaves(10, 99)) == LEAVES[10:]
        assert list(store.leaves(6, 3)) == []
        assert store.leaf_hashes() == tuple(map(hash_leaf, LEAVES))
        assert store.frontier.root == root_of(map(hash_leaf, LEAVES))
        assert store.checkpoint() == note_of(12, store.frontier.root)


def test_append_returns_the_new_size(path):
    with LogStore.create(path) as store:
        assert store.append(LEAVES[:3]) == 3
        assert store.append([]) == 3
        assert store.append(LEAVES[3:4]) == 4


@settings(max_examples=15, deadline=None)  # the disk takes its time
@given(st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=5))
def test_any_appends_are_read_back(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("log") / "log.sqlite"
    LogStore.create(path).close()
    kept = []
    for batch in batches:
        with LogStore.open(path) as store:
            store.append(batch)
            kept += batch
    with LogStore.open(path) as store:
        assert list(store.leaves()) == kept
        assert store.frontier.root == root_of(map(hash_leaf, kept))


def test_more_entries_than_one_chunk_are_read_in_order(path):
    leaves = [str(n).encode() for n in range(700)]
    with LogStore.create(path) as store:
        store.append(leaves)
        assert list(store.leaves()) == leaves
    with LogStore.open(path) as store:
        assert list(store.leaves(250, 600)) == leaves[250:600]


def test_a_log_may_grow_while_it_is_read(path):
    with LogStore.create(path) as store:
        store.append([b"x"] * 300)
        seen = 0
        for _ in store.leaves():
            seen += 1
            if seen in {1, 257}:
                store.append([b"y"])
        assert (seen, store.size) == (300, 302)


def test_a_leaf_that_is_too_long_adds_nothing(path):
    with LogStore.create(path) as store:
        with pytest.raises(Malformed) as excinfo:
            store.append([b"x", bytes(65_536)])
        assert excinfo.value.rule == "leaf.too-long"
        assert store.size == 0
        assert store.append([bytes(65_535)]) == 1


def test_a_log_is_not_made_twice(filled):
    with pytest.raises(Refused) as excinfo:
        LogStore.create(filled)
    assert excinfo.value.rule == "log.exists"
    with LogStore.open(filled) as store:
        assert store.size == 12


def test_a_missing_log_is_unavailable(tmp_path):
    for path in (tmp_path / "none.sqlite", tmp_path / "no" / "folder.sqlite", tmp_path):
        with pytest.raises(Unavailable):
            LogStore.open(path)
    with pytest.raises(Unavailable):
        LogStore.create(tmp_path / "no" / "folder.sqlite")


def test_a_closed_log_is_unavailable(path):
    store = LogStore.create(path)
    store.append(LEAVES)
    store.close()
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.append([b"x"])
    with pytest.raises(Unavailable, match="closed"):
        list(store.leaves())


def test_a_closed_log_is_one_file_and_its_lock(filled):
    assert sorted(file.name for file in filled.parent.iterdir()) == ["log.sqlite", "log.sqlite.lock"]


def test_a_strange_path_is_only_a_path(tmp_path):
    path = tmp_path / "a?mode=ro&x#%20;.sqlite"
    with LogStore.create(path) as store:
        store.append(LEAVES)
    assert path.is_file()


# One writer.


def test_a_second_writer_is_told_who_writes(path):
    with LogStore.create(path):
        for attempt in (LogStore.open, LogStore.create):
            with pytest.raises(Unavailable, match=f"process {os.getpid()} on "):
                attempt(path)
    LogStore.open(path).close()


def test_a_second_process_is_told_who_writes(path):
    program = (
        "import sys; from hansa.errors import Unavailable; from hansa.store import LogStore\n"
        "try: LogStore.open(sys.argv[1])\n"
        "except Unavailable as error: print(error)"
    )
    with LogStore.create(path):
        result = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
        )
    assert f"process {os.getpid()} on " in result.stdout


def test_a_refused_opening_gives_the_lock_back(filled):
    change(filled, "DELETE FROM leaf WHERE entry_index = 3")
    for _ in range(2):
        assert refusal(filled).rule == "log.gap"


def test_another_program_that_writes_makes_the_log_unavailable(filled):
    with LogStore.open(filled) as store:
        store._connection.connection.driver_connection.execute("PRAGMA busy_timeout = 1")
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


# Checkpoints.


def test_the_newest_checkpoint_is_the_largest(path):
    with LogStore.create(path) as store:
        store.append(LEAVES)
        hashes = store.leaf_hashes()
        for size in (12, 5, 0, 7):
            store.save_checkpoint(note_of(size, root_of(hashes[:size])))
        assert store.checkpoint() == note_of(12, store.frontier.root)


def test_a_checkpoint_with_more_signatures_replaces_the_first(filled):
    other = SigningKey.from_seed(b"\x01" * 32)
    with LogStore.open(filled) as store:
        root = store.frontier.root
        more = sign_checkpoint(Checkpoint("log.example", 12, root), KEY, "log.example").add(
            sign_checkpoint(Checkpoint("log.example", 12, root), other, "other.example").signatures
        )
        store.save_checkpoint(more.encode())
        assert store.checkpoint() == more.encode()
    with LogStore.open(filled) as store:
        assert store.checkpoint() == more.encode()


@pytest.mark.parametrize(
    ("size", "root", "rule"),
    [
        (13, bytes(32), "log.checkpoint"),
        (12, bytes(32), "log.root-mismatch"),
        (5, root_of(map(hash_leaf, LEAVES[:6])), "log.root-mismatch"),
        (0, bytes(32), "log.root-mismatch"),
    ],
)
def test_a_checkpoint_of_something_else_is_not_kept(filled, size, root, rule):
    with LogStore.open(filled) as store:
        with pytest.raises(Malformed) as excinfo:
            store.save_checkpoint(note_of(size, root))
        assert excinfo.value.rule == rule
        assert store.append([b"goes on"]) == 13


def test_what_is_no_checkpoint_is_not_kept(filled):
    with LogStore.open(filled) as store, pytest.raises(Malformed) as excinfo:
        store.save_checkpoint("hello\n")
    assert excinfo.value.rule == "note.form"


# Opening compares all that is derived with the leaves.


def test_a_changed_entry_is_named(filled):
    change(filled, "UPDATE leaf SET data = x'00' WHERE entry_index = 7")
    error = refusal(filled)
    assert error.rule == "log.leaf-hash"
    assert error.message.startswith("entry 7:")


def test_a_changed_hash_is_named(filled):
    change(filled, "UPDATE leaf SET leaf_hash = zeroblob(32) WHERE entry_index = 2")
    error = refusal(filled)
    assert error.rule == "log.leaf-hash"
    assert error.message.startswith("entry 2:")


def test_an_entry_changed_together_with_its_hash_is_found_by_the_next_checkpoint(filled):
    change(
        filled,
        ("UPDATE leaf SET data = ?, leaf_hash = ? WHERE entry_index = 8", (b"forged", hash_leaf(b"forged"))),
    )
    error = refusal(filled)
    assert error.rule == "log.root-mismatch"
    assert error.message.startswith("entry 5 or a later one before 12:")


def test_two_swapped_entries_are_found(filled):
    change(
        filled,
        "UPDATE leaf SET entry_index = 99 WHERE entry_index = 1",
        "UPDATE leaf SET entry_index = 1 WHERE entry_index = 2",
        "UPDATE leaf SET entry_index = 2 WHERE entry_index = 99",
    )
    error = refusal(filled)
    assert error.rule == "log.root-mismatch"
    assert error.message.startswith("entry 0 or a later one before 5:")


@pytest.mark.parametrize("index", [0, 4, 5, 10])
def test_a_missing_entry_is_named(filled, index):
    change(filled, f"DELETE FROM leaf WHERE entry_index = {index}")
    error = refusal(filled)
    assert error.rule == "log.gap"
    assert error.message.startswith(f"entry {index}:")


def test_a_missing_end_is_found_by_the_checkpoint(filled):
    change(filled, "DELETE FROM leaf WHERE entry_index >= 10")
    error = refusal(filled)
    assert error.rule == "log.checkpoint"
    assert error.message.startswith("entry 10:")


def test_entries_after_the_last_checkpoint_may_be_there(filled):
    with LogStore.open(filled) as store:
        store.append([b"not yet in a checkpoint"])
    with LogStore.open(filled) as store:
        assert store.size == 13


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE checkpoint SET note = 'hello' WHERE tree_size = 5", "log.checkpoint"),
        ("UPDATE checkpoint SET tree_size = 6 WHERE tree_size = 5", "log.checkpoint"),
        ("UPDATE checkpoint SET tree_size = -1 WHERE tree_size = 5", "log.checkpoint"),
        ("UPDATE meta SET schema_version = 2", "log.schema"),
        ("DELETE FROM meta", "log.schema"),
        ("INSERT INTO meta VALUES (7)", "log.schema"),
        ("DROP TABLE checkpoint", "log.schema"),
        ("CREATE TABLE more (a INTEGER)", "log.schema"),
        ("ALTER TABLE leaf RENAME COLUMN data TO content", "log.file"),
    ],
)
def test_a_changed_file_is_refused(filled, statement, rule):
    change(filled, statement)
    assert refusal(filled).rule == rule


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


@pytest.mark.parametrize("size", [13, 10**8, 2**40, 2**62, 2**63 - 1])
def test_a_checkpoint_kept_for_any_number_of_entries_is_refused_at_once(filled, size):
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("INSERT INTO checkpoint VALUES (?, ?)", (size, note_of(size, bytes(32))))
    with pytest.raises(Malformed) as excinfo:
        LogStore.open(filled)
    assert excinfo.value.rule == "log.checkpoint"
    assert excinfo.value.message.startswith("entry 12: missing")
