"""What holds for a log in PostgreSQL only."""

import hashlib
import logging
import time
import traceback
from urllib.parse import quote

import postgres
import pytest
from logs import LEAVES, fill, note_of

from hansa.errors import Malformed, Refused, Unavailable
from hansa.store import LogReader, LogStore


def test_an_empty_database_holds_no_log(database):
    for kind in (LogStore, LogReader):
        with pytest.raises(Unavailable, match="there is no log"):
            kind.open(database)


def test_a_database_used_for_something_else_is_left_alone(server, database):
    server.run("CREATE TABLE invoice (a INTEGER)", database.split("/")[3].split("?")[0])
    with pytest.raises(Refused, match="invoice") as excinfo:
        LogStore.create(database)
    assert excinfo.value.rule == "log.exists"
    with pytest.raises(Malformed) as excinfo:
        LogStore.open(database)
    assert excinfo.value.rule == "log.schema"


def test_a_reader_cannot_write(database):
    with (
        LogReader.open(fill(database)) as reader,
        pytest.raises(Unavailable, match="read-only transaction"),
        reader._transaction() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM leaf")


def test_who_says_nothing_for_its_lease_loses_the_right(database):
    with LogStore.create(database) as store:
        store.append(LEAVES[:1])
    with LogStore.open(database, lease_seconds=2) as store:
        for _ in range(2):
            time.sleep(1.2)
            store.renew()
        store.append(LEAVES[1:2])
        time.sleep(3)
        with LogStore.open(database) as other:
            with pytest.raises(Unavailable, match="idle-session timeout"):
                store.append([b"too late"])
            other.append(LEAVES[2:3])
            with pytest.raises(Unavailable, match="closed"):
                store.renew()
    with LogReader.open(database) as reader:
        assert list(reader.leaves()) == LEAVES[:3]


def test_what_stops_within_a_transaction_loses_it(database):
    with LogStore.create(database) as store:
        store.append(LEAVES[:1])
    store = LogStore.open(database, lease_seconds=1)

    def delete_too_slowly():
        with store._write() as connection:
            connection.exec_driver_sql("DELETE FROM leaf")
            time.sleep(2)

    with pytest.raises(Unavailable):
        delete_too_slowly()
    with LogReader.open(database) as reader:
        assert list(reader.leaves()) == LEAVES[:1]


def test_a_session_without_the_lock_does_not_write(database):
    """As behind a pooler, which gives each transaction another session."""
    with LogStore.create(database) as store:
        store._session.connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
        store._session.connection.rollback()
        for write in (lambda: store.append(LEAVES), lambda: store.save_checkpoint(note_of(0, EMPTY))):
            with pytest.raises(Unavailable, match=r"no right to write|closed"):
                write()
    with LogReader.open(database) as reader:
        assert reader.size == 0


EMPTY = hashlib.sha256(b"").digest()


def test_a_server_that_dies_keeps_what_it_confirmed():
    if not postgres.is_installed():
        pytest.skip("NOT TESTED on PostgreSQL: no server is installed")
    with postgres.run_server() as server:
        database = server.make_database()
        store = LogStore.create(database)
        for leaf in LEAVES:
            store.append([leaf])
        reader = LogReader.open(database)
        server.stop(how="immediate")
        for call in (lambda: store.append([b"x"]), reader.refresh, lambda: LogStore.open(database)):
            with pytest.raises(Unavailable):
                call()
        server.start()
        with LogStore.open(database) as store:
            assert list(store.leaves()) == LEAVES
        server.stop()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_forget_is_refused(server, database, setting):
    fill(database)
    server.run(f"ALTER SYSTEM SET {setting} = off")
    try:
        server.run("SELECT pg_reload_conf()")
        time.sleep(0.5)
        with pytest.raises(Refused, match=setting) as excinfo:
            LogStore.open(database)
        assert excinfo.value.rule == "log.durability"
    finally:
        server.run(f"ALTER SYSTEM RESET {setting}")
        server.run("SELECT pg_reload_conf()")
        time.sleep(0.5)
    LogStore.open(database).close()


def test_commits_are_flushed_even_where_the_database_says_otherwise(server, database):
    name = database.split("/")[3].split("?")[0]
    server.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with LogStore.create(database) as store, store._transaction() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


# Addresses and passwords.


def by_password(server, database, password):
    name = database.split("/")[3].split("?")[0]
    return f"postgresql://{postgres.OWNER}:{quote(password, safe='')}@127.0.0.1:{server.port}/{name}"


def test_a_password_may_stand_in_the_address(server, database):
    with LogStore.create(by_password(server, database, postgres.PASSWORD)) as store:
        assert store.append(LEAVES) == 12


def test_a_password_is_in_no_message_and_no_log(server, database, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "correct-horse"
    wrong = by_password(server, database, secret)
    addresses = [
        wrong,
        wrong.replace(f":{server.port}/", ":1/"),
        wrong.replace(f":{server.port}/", ":port/"),
        wrong.replace("127.0.0.1", "no such host"),
        wrong.replace(secret, f"{secret}@tail"),
        wrong.replace(secret, f"{secret}/tail"),
        wrong.replace("postgresql", "postgres"),
        wrong.replace("postgresql", "mysql"),
        wrong.rsplit("/", 1)[0],
        f"{database}&password={secret}",
        f"{wrong}?sslmode={secret}",
        f"{wrong}?no_such_setting=1",
    ]
    for address in addresses:
        for use in (LogStore.open, LogStore.create, LogReader.open):
            with pytest.raises((Unavailable, Malformed)) as excinfo:
                use(address)
            assert "\n" not in str(excinfo.value)
            assert secret not in "".join(traceback.format_exception(excinfo.value))
    assert secret not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "postgres://host/log",
        "mysql://host/log",
        "postgresql://",
        "postgresql://host",
        "postgresql+psycopg2://h/d",
    ],
)
def test_another_address_is_refused(address):
    with pytest.raises(Malformed) as excinfo:
        LogStore.open(address)
    assert excinfo.value.rule == "log.address"


def test_a_server_that_is_not_there_is_unavailable():
    address = f"postgresql://127.0.0.1:{postgres.free_port()}/log"
    for use in (LogStore.open, LogStore.create, LogReader.open):
        with pytest.raises(Unavailable, match=r"postgresql://127\.0\.0\.1/log"):
            use(address)


def test_without_the_driver_the_message_says_what_to_install(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match="hansa\\[postgres\\]"):
        LogStore.open("postgresql://127.0.0.1/log")
