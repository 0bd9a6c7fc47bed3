"""What holds for every test."""

import os

import postgres
import pytest
from hypothesis import settings

settings.register_profile("everyday", deadline=None)
settings.register_profile("exhaustive", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server, for whoever leaves it running."""
    if not postgres.is_installed():
        pytest.skip("NOT TESTED on PostgreSQL: no server is installed (Debian: apt-get install postgresql)")
    with postgres.run_server() as running:
        yield running


@pytest.fixture
def database(server):
    """The address of an empty PostgreSQL database."""
    return server.make_database()
