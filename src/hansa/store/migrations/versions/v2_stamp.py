"""Version 2: the migrations keep the version of the tables; a number of our own beside it could disagree."""

from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Drop the number; the migrations have their stamp by now."""
    op.drop_table("meta")
