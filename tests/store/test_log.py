"""What a log promises, on SQLite and on PostgreSQL alike."""

import contextlib
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import KEY, LEAVES, change, fill, note_of, refusal

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import BeingWritten, LogReader, LogStore
from hansa.transparency import Checkpoint, SigningKey, hash_leaf, root_of, sign_checkpoint


@pytest.fixture
def filled(where):
    return fill(where)


def test_a_new_log_is_empty(where):
    with LogStore.create(where) as store:
        assert (store.size, store.leaf_hashes(), list(store.leaves()), store.checkpoint()) == (
            0,
            (),
            [],
            None,
        )


def test_a_log_is_made_with_all_that_is_in_it_or_not_at_all(where):
    hashes = [hash_leaf(leaf) for leaf in LEAVES]
    heads = [note_of(5, root_of(hashes[:5])), note_of(5, root_of(hashes[1:6])), note_of(12, root_of(hashes))]
    for leaves, note, rule in (
        (LEAVES[:5], heads[1], "log.root-mismatch"),
        (LEAVES[:5], heads[2], "log.checkpoint"),
        (LEAVES[:5], "no checkpoint", "note.form"),
        ([b"x" * 70_000], None, "leaf.too-long"),
    ):
        with pytest.raises(Malformed) as caught:
            LogStore.create(where, leaves, note)
        assert caught.value.rule == rule
    with LogStore.create(where, LEAVES[:6], heads[0]) as store:
        assert (tuple(store.leaves()), store.checkpoint()) == (tuple(LEAVES[:6]), heads[0])


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


def test_append_returns_the_new_size(where):
    with LogStore.create(where) as store:
        assert store.append(LEAVES[:3]) == 3
        assert store.append([]) == 3
        assert store.append(LEAVES[3:4]) == 4


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=5))
def test_any_appends_are_read_back(where, batches):
    """One log for all examples: each goes on where the one before stopped."""
    with contextlib.suppress(Refused):
        LogStore.create(where).close()
    with LogReader.open(where) as reader:
        kept = list(reader.leaves())
    for batch in batches:
        with LogStore.open(where) as store:
            store.append(batch)
            kept += batch
    with LogStore.open(where) as store:
        assert list(store.leaves()) == kept
        assert store.frontier.root == root_of(map(hash_leaf, kept))


def test_more_entries_than_one_chunk_are_read_in_order(where):
    leaves = [str(n).encode() for n in range(700)]
    with LogStore.create(where) as store:
        store.append(leaves)
        assert list(store.leaves()) == leaves
    with LogStore.open(where) as store:
        assert list(store.leaves(250, 600)) == leaves[250:600]


def test_a_log_may_grow_while_it_is_read(where):
    with LogStore.create(where) as store:
        store.append([b"x"] * 300)
        seen = 0
        for _ in store.leaves():
            seen += 1
            if seen in {1, 257}:
                store.append([b"y"])
        assert (seen, store.size) == (300, 302)


def test_a_leaf_that_is_too_long_adds_nothing(where):
    with LogStore.create(where) as store:
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


def test_a_closed_log_is_unavailable(where):
    store = LogStore.create(where)
    store.append(LEAVES)
    store.close()
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.append([b"x"])
    with pytest.raises(Unavailable, match="closed"):
        list(store.leaves())


# One writer.


def test_a_second_writer_is_told_who_writes(where):
    with LogStore.create(where):
        for attempt in (LogStore.open, LogStore.create):
            with pytest.raises(BeingWritten, match=f"process {os.getpid()} on "):
                attempt(where)
    LogStore.open(where).close()


def test_a_second_process_is_told_who_writes(where):
    program = (
        "import sys; from hansa.errors import Unavailable; from hansa.store import LogStore\n"
        "try: LogStore.open(sys.argv[1])\n"
        "except Unavailable as error: print(error)"
    )
    with LogStore.create(where):
        result = subprocess.run(
            [sys.executable, "-c", program, where], capture_output=True, text=True, check=True
        )
    assert f"process {os.getpid()} on " in result.stdout


def test_a_refused_opening_gives_the_lock_back(filled):
    change(filled, "DELETE FROM leaf WHERE entry_index = 3")
    for _ in range(2):
        assert refusal(filled).rule == "log.gap"


# Checkpoints.


def test_the_newest_checkpoint_is_the_largest(where):
    with LogStore.create(where) as store:
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
    change(filled, "UPDATE leaf SET data = :data WHERE entry_index = 7", data=b"\0")
    error = refusal(filled)
    assert error.rule == "log.leaf-hash"
    assert error.message.startswith("entry 7:")


def test_a_changed_hash_is_named(filled):
    change(filled, "UPDATE leaf SET leaf_hash = :hash WHERE entry_index = 2", hash=bytes(32))
    error = refusal(filled)
    assert error.rule == "log.leaf-hash"
    assert error.message.startswith("entry 2:")


def test_an_entry_changed_together_with_its_hash_is_found_by_the_next_checkpoint(filled):
    change(
        filled,
        "UPDATE leaf SET data = :data, leaf_hash = :hash WHERE entry_index = 8",
        data=b"forged",
        hash=hash_leaf(b"forged"),
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
        ("UPDATE alembic_version SET version_num = '4'", "log.schema"),
        ("DELETE FROM alembic_version", "log.schema"),
        ("INSERT INTO alembic_version VALUES ('7')", "log.schema"),
        ("DROP TABLE checkpoint", "log.schema"),
        ("CREATE TABLE more (a INTEGER)", "log.schema"),
        ("ALTER TABLE leaf RENAME COLUMN data TO content", "log.schema"),
    ],
)
def test_a_changed_file_is_refused(filled, statement, rule):
    change(filled, statement)
    assert refusal(filled).rule == rule


@pytest.mark.parametrize("size", [13, 10**8, 2**40, 2**62, 2**63 - 1])
def test_a_checkpoint_kept_for_any_number_of_entries_is_refused_at_once(filled, size):
    change(filled, "INSERT INTO checkpoint VALUES (:size, :note)", size=size, note=note_of(size, bytes(32)))
    with pytest.raises(Malformed) as excinfo:
        LogStore.open(filled)
    assert excinfo.value.rule == "log.checkpoint"
    assert excinfo.value.message.startswith("entry 12: missing")
