"""A PostgreSQL server under a hub that is stopped, and started again."""

import time

import postgres
import pytest
from machines import NAMES

from hansa.node.intercom import Intercom

AWAY_SECONDS = 1.0


@pytest.fixture
def own_server():
    """A server that nobody else needs."""
    if not postgres.is_installed():
        pytest.skip("NOT TESTED, a database that is stopped: no PostgreSQL server is installed")
    with postgres.run_server() as running:
        yield running


def wait_until_ready(hub, status):
    """Wait until the hub says so; it looks after its session every second or two."""
    end = time.monotonic() + 20
    while hub.ask("GET", "/ready").status != status:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_database_stopped_while_everybody_speaks_loses_nothing_that_was_signed(
    own_server, outage, tell, how
):
    outage.found(("ada", "bob", "cyd"), database=own_server.make_database()).up()
    with outage.everybody_speaking(12):
        for _ in range(2):
            time.sleep(0.4)
            own_server.stop(how=how)
            time.sleep(AWAY_SECONDS)
            own_server.start()
    outage.settle()
    own_server.stop(how=how)
    with outage.everybody_speaking(1):
        wait_until_ready(outage.hub, 503)
        assert outage.hub.ask("GET", "/health").status == 200
        assert outage.hub.ask("GET", "/checkpoint", member="ada").status == 200
        time.sleep(AWAY_SECONDS)
        own_server.start()
        back_at = time.monotonic()
    outage.settle()
    wait_until_ready(outage.hub, 200)
    tell(
        f"the hub's PostgreSQL is stopped while every node speaks (`{how}`)",
        "commands wait, or say `signed and kept`; the hub is not ready, and by itself again when the database is back",
        time.monotonic() - back_at,
    )
    outage.verify_nothing_lost()


@pytest.mark.slow
def test_a_run_waits_for_a_database_that_is_stopped(own_server, outage, tell):
    outage.found(database=own_server.make_database()).up().approve_run()
    under_way = outage.begin("run", "start", 1, "--folder", "ada", "--json")
    dan = outage.nodes["dan"]
    run = dan.wait_until(lambda said: said["runs"])["runs"][0]
    while Intercom(dan.house).run(run)["turn"] < 2:
        time.sleep(0.01)
    own_server.stop(how="immediate")
    time.sleep(AWAY_SECONDS)
    own_server.start()
    back_at = time.monotonic()
    said = outage.end(under_way)
    assert said.code == 0, said.err + outage.journals()
    assert (said.json["dropped"], said.json["attempt"]) == ({}, 1)
    assert len(outage.last_run("ada").survivors) == len(NAMES)
    outage.settle()
    tell(
        "the hub's PostgreSQL is stopped in a run (`immediate`)",
        "nothing: the run waits, and ends with all four in its first attempt",
        time.monotonic() - back_at,
    )
    outage.verify_nothing_lost()
