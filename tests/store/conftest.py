"""Lets the tests of this room use the helpers beside the vectors, and gives them both databases."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """Where a log can lie: a path, or the address of an empty PostgreSQL database."""
    return tmp_path / "log.sqlite" if request.param == "sqlite" else request.getfixturevalue("database")
