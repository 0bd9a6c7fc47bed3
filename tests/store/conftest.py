"""Lets the tests of this room use the helpers beside the vectors, and gives them both databases."""

import sys
from pathlib import Path

import postgres
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server."""
    if not postgres.is_installed():
        pytest.skip("NOT TESTED on PostgreSQL: no server is installed (Debian: apt-get install postgresql)")
    with postgres.run_server() as running:
        yield running


@pytest.fixture
def database(server):
    """The address of an empty PostgreSQL database."""
    return server.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """Where a log can lie: a path, or the address of an empty PostgreSQL database."""
    return tmp_path / "log.sqlite" if request.param == "sqlite" else request.getfixturevalue("database")
