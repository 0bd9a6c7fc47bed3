"""Reading beside whoever writes."""

import pytest
from logs import LEAVES, change, fill, note_of, refusal

from hansa.errors import Unavailable
from hansa.store import LogReader, LogStore
from hansa.transparency import hash_leaf, root_of


def test_a_reader_sees_what_is_appended(where):
    with LogStore.create(where) as store, LogReader.open(where) as reader:
        assert (reader.size, reader.checkpoint()) == (0, None)
        store.append(LEAVES[:5])
        assert reader.size == 0
        assert reader.refresh() == 5
        store.append(LEAVES[5:])
        store.save_checkpoint(note_of(7, root_of(store.leaf_hashes()[:7])))
        assert (reader.refresh(), list(reader.leaves())) == (12, LEAVES)
        assert reader.frontier.root == store.frontier.root
        assert reader.checkpoint() == store.checkpoint()
        store.save_checkpoint(note_of(12, store.frontier.root))
        assert reader.refresh() == 12
        assert reader.checkpoint() == note_of(12, store.frontier.root)


def test_a_reader_takes_nothing_from_the_writer(where):
    with LogReader.open(fill(where)) as reader, LogStore.open(where) as store, LogReader.open(where) as other:
        assert store.append([b"more"]) == 13
        assert (reader.refresh(), other.refresh()) == (13, 13)


def test_a_reader_does_not_change_the_log(where):
    with (
        LogReader.open(fill(where)) as reader,
        pytest.raises(Unavailable),
        reader._transaction() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM leaf")
    with LogStore.open(where) as store:
        assert store.size == 12


@pytest.mark.parametrize(
    ("statement", "parameters", "rule"),
    [
        ("DELETE FROM leaf WHERE entry_index >= 12", {}, "log.changed"),
        ("UPDATE leaf SET data = :data WHERE entry_index = 13", {"data": b"\0"}, "log.leaf-hash"),
        ("UPDATE leaf SET leaf_hash = :hash WHERE entry_index = 12", {"hash": bytes(32)}, "log.changed"),
        ("DELETE FROM leaf WHERE entry_index = 13", {}, "log.gap"),
        ("UPDATE checkpoint SET tree_size = 16 WHERE tree_size = 12", {}, "log.checkpoint"),
        ("UPDATE checkpoint SET tree_size = -1 WHERE tree_size = 12", {}, "log.checkpoint"),
        (
            "INSERT INTO checkpoint VALUES (14, :note)",
            {"note": note_of(14, root_of(map(hash_leaf, LEAVES)))},
            "log.root-mismatch",
        ),
    ],
)
def test_a_reader_checks_what_is_new(where, statement, parameters, rule):
    with LogStore.open(fill(where)) as store:
        store.append([b"13th"])
    with LogReader.open(where) as reader:
        with LogStore.open(where) as store:
            store.append([b"14th", b"15th"])
        change(where, statement, **parameters)
        assert refusal(where, lambda _where: reader.refresh()).rule == rule
        with pytest.raises(Unavailable, match="closed"):
            reader.refresh()
