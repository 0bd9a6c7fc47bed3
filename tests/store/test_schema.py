"""The tables: made new and brought up from the first release, they are the same."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import postgres
import pytest
import sqlalchemy
from logs import LEAVES, change, fill, note_of, refusal

from hansa.store import LogReader, LogStore, schema
from hansa.store.database import find_database
from hansa.store.migrations.versions import v1_first, v2_stamp, v3_papers
from hansa.transparency import hash_leaf, root_of

FIRST = Path(__file__).parents[1] / "vectors" / "store" / "version-1.sql"


@pytest.fixture
def first(tmp_path):
    """The log of 12 entries that the first release kept."""
    path = tmp_path / "log.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(FIRST.read_text())
    return path


def describe(where):
    """Return all that a database says of its tables."""
    session = find_database(where).open_reader()
    try:
        with session.connection.begin():
            inspector = sqlalchemy.inspect(session.connection)
            tables = {
                name: (
                    [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
                    inspector.get_pk_constraint(name),
                    inspector.get_indexes(name),
                )
                for name in inspector.get_table_names()
            }
            strict = []
            if isinstance(where, Path):
                strict = sorted(
                    session.connection.exec_driver_sql("SELECT name, strict FROM pragma_table_list").all()
                )
            return tables, [row for row in strict if not row[0].startswith("sqlite_")]
    finally:
        session.close()


def test_the_first_release_is_brought_up_to_date(first):
    for _ in range(2):
        with LogStore.open(first) as store:
            assert list(store.leaves()) == LEAVES
            assert store.checkpoint() == note_of(12, root_of(map(hash_leaf, LEAVES)))
    with LogStore.open(first) as store:
        assert store.append([b"goes on"]) == 13


def test_the_second_version_is_brought_up_to_date(tmp_path):
    path = fill(tmp_path / "log.sqlite")
    for statement in ("DROP TABLE paper", "UPDATE alembic_version SET version_num = '2'"):
        change(path, statement)
    assert refusal(path, LogReader.open).rule == "log.schema"
    with LogStore.open(path) as store:
        assert list(store.leaves()) == LEAVES
        store.keep_paper("subject", "name", b"data")
    assert describe(path) == describe(fill(tmp_path / "new.sqlite"))


def test_a_log_brought_up_to_date_is_like_a_new_one(first, tmp_path):
    LogStore.open(first).close()
    assert describe(first) == describe(fill(tmp_path / "new.sqlite"))


def test_the_migrations_make_the_tables_that_a_new_log_has(server, database):
    fill(database)
    migrated = server.make_database()
    engine = sqlalchemy.create_engine(
        sqlalchemy.make_url(migrated).set(drivername="postgresql+psycopg"), poolclass=sqlalchemy.pool.NullPool
    )
    with engine.begin() as connection:
        schema.run_migrations(connection)
    assert describe(migrated) == describe(database)
    with LogStore.open(migrated) as store:
        assert store.append(LEAVES) == 12


def test_an_upgrade_that_is_interrupted_leaves_the_first_release(first, monkeypatch):
    def fail(_connection):
        upgrade(_connection)
        raise KeyboardInterrupt

    upgrade = schema.upgrade_tables
    monkeypatch.setattr(schema, "upgrade_tables", fail)
    with pytest.raises(KeyboardInterrupt):
        LogStore.open(first)
    with closing(sqlite3.connect(first)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"leaf", "checkpoint", "meta"}
    monkeypatch.undo()
    LogStore.open(first).close()


def test_an_upgrade_repairs_nothing(first):
    change(first, "UPDATE leaf SET data = :data WHERE entry_index = 7", data=b"\0")
    assert refusal(first).rule == "log.leaf-hash"


@pytest.mark.parametrize("number", [0, 2, 7])
def test_an_unknown_version_is_refused(first, number):
    change(first, "UPDATE meta SET schema_version = :number", number=number)
    assert refusal(first).rule == "log.schema"


def test_a_reader_upgrades_nothing(first):
    before = first.read_bytes()
    assert refusal(first, LogReader.open).rule == "log.schema"
    assert first.read_bytes() == before


def test_the_newest_migration_is_the_version():
    versions = (v1_first, v2_stamp, v3_papers)
    assert [module.revision for module in versions] == ["1", "2", "3"]
    assert [module.down_revision for module in versions] == [None, "1", "2"]
    assert versions[-1].revision == schema.VERSION


def test_a_log_of_this_version_is_opened_without_the_migrations(tmp_path):
    program = (
        "import sys; from hansa.store import LogStore; LogStore.create(sys.argv[1]).close()\n"
        "LogStore.open(sys.argv[1]).close(); print('alembic' in sys.modules, 'psycopg' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "log.sqlite"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False False\n"


def test_a_column_of_another_type_is_refused(database):
    fill(database)
    postgres.run_statement(database, "ALTER TABLE checkpoint ALTER COLUMN note TYPE varchar(9999)")
    assert refusal(database).rule == "log.schema"


def test_a_folder_with_a_strange_name_can_hold_the_program(first, tmp_path, monkeypatch):
    """The migrations are found by their place, which may have any name."""
    place = tmp_path / "100%(here)s"
    shutil.copytree(Path(schema.__file__).parent / "migrations", place / "migrations")
    monkeypatch.setattr(schema, "__file__", str(place / "schema.py"))
    LogStore.open(first).close()
