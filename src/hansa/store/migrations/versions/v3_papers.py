"""Version 3: papers beside the log, for what several hubs over one database must find."""

import sqlalchemy
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "paper",
        sqlalchemy.Column("subject", sqlalchemy.Text, primary_key=True),
        sqlalchemy.Column("name", sqlalchemy.Text, primary_key=True),
        sqlalchemy.Column("data", sqlalchemy.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
