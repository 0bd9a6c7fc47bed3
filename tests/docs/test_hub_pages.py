"""What `docs/hub.md` and the pages about the wire show is what the program reads and writes."""

import json
import re
import socket
from pathlib import Path

from hansa.governance.document import parse_document
from hansa.governance.validation import load_model
from hansa.hub import HubSettings
from hansa.hub.clerk import LEASE_SECONDS
from hansa.hub.standby import LOOK_SECONDS
from hansa.node import agent, remote, wire
from hansa.web.problems import Problem

DOCS = Path(__file__).parents[2] / "docs"


def read_json(page, number):
    return json.loads(re.findall(r"```json\n(.+?)```", (DOCS / page).read_text(), re.DOTALL)[number])


def test_the_settings_on_the_page_are_all_that_there_are_with_their_defaults():
    shown = read_json("hub.md", 0)
    read = load_model(HubSettings, parse_document(json.dumps(shown), "hub.json"), "hub")
    assert read.model_dump(mode="json") == shown
    least = {name: shown[name] for name in ("addresses", "listen")}
    assert load_model(HubSettings, parse_document(json.dumps(least), "hub.json"), "hub") == read


def test_every_setting_that_is_explained_exists():
    text = (DOCS / "hub.md").read_text()
    known = (
        HubSettings.model_fields.keys() | HubSettings.model_fields["limits"].annotation.model_fields.keys()
    )
    explained = set(re.findall(r"`([a-z]+_[a-z_]+)`", text))
    assert explained
    assert explained <= known


def test_the_times_on_the_pages_are_those_of_the_program():
    hub, failure = ((DOCS / page).read_text() for page in ("hub.md", "failure.md"))
    assert f"after {LEASE_SECONDS} seconds" in hub
    assert "four times a second" in hub
    assert LOOK_SECONDS * 4 == 1
    quiet = int(remote._QUIET_SECONDS_OF_ONE)
    assert (
        f"silent for {quiet} seconds beyond what they let it wait, {quiet + agent.WAIT_SECONDS} in all" in hub
    )
    assert "noticed within half a minute, then every five seconds" in failure
    alive = {name: seconds for _, name, seconds in wire._ALIVE}
    assert alive[socket.TCP_KEEPIDLE] + alive[socket.TCP_KEEPCNT] * alive[socket.TCP_KEEPINTVL] <= 30
    assert agent._LONGEST_PAUSE == 5


def test_the_statuses_on_the_page_are_those_of_the_table():
    text = (DOCS / "formats" / "wire.md").read_text()
    statuses = {
        int(number)
        for row in re.findall(r"^\| ([0-9, ]+) \|", text, re.MULTILINE)
        for number in row.split(",")
    }
    rules = re.findall(r"`((?:request|turn|run|signature|log|checkpoint)\.[a-z-]+)`", text)
    assert {Problem("refused", rule, ()).status for rule in rules} - {410} <= statuses
