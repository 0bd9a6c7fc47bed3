import pytest
from threelog import START, Clock, close_logs, found, key_of, tick

from hansa.coalition import Propose
from hansa.governance import load_charter
from hansa.node import Voter
from hansa.node.duty import find_tick

DAY = 86_400


@pytest.fixture(autouse=True)
def logs():
    yield
    close_logs()


@pytest.fixture
def hub(tmp_path):
    return found(tmp_path / "log.sqlite", Clock())


def propose(hub):
    from threelog import CHARTER

    amended = load_charter(CHARTER.replace("version: 1", "version: 2"), "charter.yaml")
    body = Propose(title="Go on", reason="", effect={"effect": "amend", "charter": amended.to_json()})
    hub.submit(*Voter("ada", key_of("ada")).write(hub.state, body))


def test_nobody_notes_the_time_when_nothing_waits_for_it(hub):
    assert find_tick(hub.state, "ada", START + 99 * DAY, is_late=False) is None


def test_a_vote_that_ends_is_noted_by_one_member_after_the_other(hub):
    propose(hub)
    dues = [find_tick(hub.state, name, START, is_late=False) for name in ("ada", "bob", "cyd")]
    assert dues == [START + 3 * DAY, START + 3 * DAY + 2, START + 3 * DAY + 4]


def test_once_it_is_noted_nobody_notes_it_again(hub):
    propose(hub)
    hub._clock.now = START + 3 * DAY
    tick(hub, "bob")
    assert find_tick(hub.state, "ada", START + 3 * DAY, is_late=False) is None


def test_who_came_too_late_to_cosign_notes_the_time(hub):
    assert find_tick(hub.state, "ada", START + DAY, is_late=True) == START + DAY
    assert find_tick(hub.state, "cyd", START + DAY, is_late=True) == START + DAY + 4


def test_a_stranger_has_no_duties(hub):
    assert find_tick(hub.state, "eve", START, is_late=True) is None
