"""The tables of a log, the same in SQLite and PostgreSQL, and their version.

A new log is made from these tables, an old one is brought to them by the migrations; a test holds the two
ways to the same result.
"""

from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, String, Table, Text

from hansa.errors import Malformed

VERSION: Final = "3"
"""Of the tables; the newest migration has this name."""

STAMP: Final = "alembic_version"
"""The table that says which version the tables have."""

metadata = MetaData()
leaf = Table(
    "leaf",
    metadata,
    Column(
        "entry_index", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    ),
    Column("data", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    sqlite_strict=True,
)
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("tree_size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    sqlite_strict=True,
)
paper = Table(
    "paper",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_strict=True,
)
stamp = Table(
    STAMP,
    metadata,
    Column("version_num", String(32), nullable=False),
    # As the migrations make it: their tool owns this table.
    sqlalchemy.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

_FIRST_TABLES: Final = frozenset({"leaf", "checkpoint", "meta"})
"""Of version 1, which kept its number in `meta`."""

_SECOND_TABLES: Final = frozenset({"leaf", "checkpoint", STAMP})
"""Of version 2."""


def create_tables(connection: Connection) -> None:
    """Make the tables of an empty log, within the caller's transaction."""
    metadata.create_all(connection)
    connection.execute(sqlalchemy.insert(stamp).values(version_num=VERSION))


def list_tables(connection: Connection) -> frozenset[str]:
    """Return the names of the tables that are there."""
    return frozenset(sqlalchemy.inspect(connection).get_table_names())


def is_old(connection: Connection) -> bool:
    """Say whether these are the tables of an earlier version, which `upgrade_tables` brings to this one."""
    tables = list_tables(connection)
    if tables == _FIRST_TABLES:
        return list(connection.exec_driver_sql("SELECT schema_version FROM meta").scalars()) == [1]
    return tables == _SECOND_TABLES and _read_versions(connection) == ["2"]


def upgrade_tables(connection: Connection) -> None:
    """Bring the tables of an earlier version to this one, within the caller's transaction."""
    run_migrations(connection, start="1" if list_tables(connection) == _FIRST_TABLES else None)


def run_migrations(connection: Connection, *, start: str | None = None) -> None:
    """Run the migrations, within the caller's transaction.

    Args:
        connection: to the database.
        start: the version that the tables have, where no stamp says so yet.
    """
    # Only here, because a log is upgraded once and opened every day.
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    if start is not None:
        command.stamp(config, start)
    command.upgrade(config, VERSION)


def check_schema(connection: Connection) -> None:
    """Refuse tables that are not those of this version.

    Raises:
        Malformed: `log.schema`.
    """
    names = list_tables(connection)
    if names != metadata.tables.keys():
        raise Malformed("log.schema", f"expected the tables of a log, got {sorted(names)}")
    inspector = sqlalchemy.inspect(connection)
    for name, table in metadata.tables.items():
        expected = {column.name: column.type.compile(connection.dialect) for column in table.columns}
        got = {
            column["name"]: column["type"].compile(connection.dialect)
            for column in inspector.get_columns(name)
        }
        if got != expected:
            raise Malformed("log.schema", f"the table `{name}` should have {expected}, got {got}")
    versions = _read_versions(connection)
    if versions != [VERSION]:
        raise Malformed(
            "log.schema", f"expected version {VERSION} of the tables, got {', '.join(versions) or 'none'}"
        )


def _read_versions(connection: Connection) -> list[str]:
    return list(connection.execute(sqlalchemy.select(stamp.c.version_num)).scalars())
