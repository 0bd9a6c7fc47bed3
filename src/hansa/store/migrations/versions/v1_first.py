"""Version 1, the first that was released: leaves, checkpoints, and a number of their own."""

import sqlalchemy
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    number = sqlalchemy.BigInteger().with_variant(sqlalchemy.Integer, "sqlite")
    op.create_table(
        "leaf",
        sqlalchemy.Column("entry_index", number, primary_key=True, autoincrement=False),
        sqlalchemy.Column("data", sqlalchemy.LargeBinary, nullable=False),
        sqlalchemy.Column("leaf_hash", sqlalchemy.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "checkpoint",
        sqlalchemy.Column("tree_size", number, primary_key=True, autoincrement=False),
        sqlalchemy.Column("note", sqlalchemy.Text, nullable=False),
        sqlite_strict=True,
    )
    meta = op.create_table(
        "meta",
        sqlalchemy.Column("schema_version", sqlalchemy.Integer, primary_key=True, autoincrement=False),
        sqlite_strict=True,
    )
    op.bulk_insert(meta, [{"schema_version": 1}])
