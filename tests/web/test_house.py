import contextlib
import http.client
import json
import socket
import stat
import time

import pytest
from nodehouse import NodeProcess, found_machines

from hansa.cli import main
from hansa.coalition import Ballot, RunSeal, Tick
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.intercom import Intercom
from hansa.store import LogStore
from hansa.web.house import open_socket, read_bodies


@pytest.fixture(name="machines", scope="module")
def _machines(tmp_path_factory):
    """A hub and three nodes, each in a process of its own, that are never stopped in a test."""
    hub, nodes = found_machines(tmp_path_factory.mktemp("m"))
    yield hub, nodes
    for node in nodes.values():
        node.stop()
    hub.stop()


@pytest.fixture(name="fragile")
def _fragile(tmp_path):
    """A hub and the houses of three members; a test starts and stops whom it likes."""
    hub, nodes = found_machines(tmp_path, started=())
    yield hub, nodes
    for node in nodes.values():
        node.stop()
    hub.stop()


def ask(node, method, path, data=None):
    connection = http.client.HTTPConnection("node")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(node.path / "node.sock"))
    with contextlib.closing(connection):
        with contextlib.suppress(
            BrokenPipeError, ConnectionResetError
        ):  # what it refuses it does not read to its end
            connection.request(method, path, data)
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"]


def test_three_nodes_make_the_log_final_by_themselves(machines):
    _, nodes = machines
    for node in nodes.values():
        found = node.wait_until(lambda said: said["entries"] == said["final"] > 0)
        assert found["standing"] == "active"
        assert found["outbox"] == []


def test_only_its_owner_can_open_the_socket(machines):
    _, nodes = machines
    mode = (nodes["ada"].path / "node.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o077 == 0


def test_what_is_said_is_on_the_log_when_it_is_answered(machines):
    _, nodes = machines
    (number,) = Intercom(nodes["ada"].house).say([Tick()])
    found = Intercom(nodes["ada"].house).status()
    assert found["entries"] > number
    for node in nodes.values():
        node.wait_until(lambda said: said["final"] > number)


def test_what_the_fold_refuses_is_told_by_its_rule_and_nothing_is_signed(machines):
    _, nodes = machines
    with pytest.raises(Refused) as caught:
        Intercom(nodes["bob"].house).say([Ballot(proposal="0" * 64, choice="yes", reason="")])
    assert caught.value.rule == "proposal.unknown"
    assert Intercom(nodes["bob"].house).status()["outbox"] == []


def test_what_no_person_says_is_not_taken(machines):
    _, nodes = machines
    with pytest.raises(Malformed) as caught:
        Intercom(nodes["bob"].house).say([RunSeal(run="0" * 64, transcript="0" * 64, result="0" * 64)])
    assert caught.value.rule == "entry.kind"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "entries.form"),
        (b"[]", "entries.form"),
        (b'{"bodies":[]}', "entries.form"),
        (b'{"bodies":[{"kind":"tick"}]}', "entries.form"),
        (b'{"bodies":[{"kind":"found","body":{}}]}', "entry.kind"),
        (b'{"bodies":[{"kind":["tick"],"body":{}}]}', "entry.kind"),
        (b'{"bodies":[{"kind":"tick","body":{"x":1}}]}', "entry.body"),
        (b'{"bodies":[' + b",".join([b'{"kind":"tick","body":{}}'] * 65) + b"]}", "entries.form"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_rule(data, rule):
    with pytest.raises(Malformed) as caught:
        read_bodies(data)
    assert caught.value.rule == rule


def test_failures_are_problem_documents(machines):
    _, nodes = machines
    kind = "application/problem+json"
    assert ask(nodes["ada"], "POST", "/entries", b"{") == (400, kind)
    assert ask(nodes["ada"], "POST", "/entries", bytes(2 * 1024 * 1024)) == (413, kind)
    assert ask(nodes["ada"], "GET", f"/runs/{'0' * 64}") == (404, kind)
    assert ask(nodes["ada"], "GET", "/elsewhere")[0] == 404


def test_a_node_that_is_not_running_says_how_to_start_it(fragile, capsys):
    _, nodes = fragile
    assert main(["node", "status", "--folder", str(nodes["ada"].path)]) == 5
    assert f"hansa node up --folder {nodes['ada'].path}" in " ".join(capsys.readouterr().err.split())


def test_there_is_one_node_in_a_house(fragile):
    _, nodes = fragile
    nodes["ada"].start()
    second = NodeProcess(nodes["ada"].path)
    with pytest.raises(AssertionError, match="another node is at work"):
        second.start()
    assert second.stop() == 5
    assert nodes["ada"].wait_until(lambda said: said["entries"] == 1)


def test_a_node_that_is_asked_to_stop_stops_and_leaves_no_socket(fragile):
    _, nodes = fragile
    node = nodes["ada"].start()
    begun = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - begun < 10
    assert not (node.path / "node.sock").exists()
    assert node.events()[-1]["event"] == "stopped"


def test_a_killed_node_goes_on_where_it_was(fragile):
    _, nodes = fragile
    for node in nodes.values():
        node.start()
    nodes["cyd"].wait_until(lambda said: said["final"] == 1)
    nodes["cyd"].stop(9)
    number = Intercom(nodes["ada"].house).say([Tick()])[0]
    assert Intercom(nodes["ada"].house).status()["final"] == number
    nodes["cyd"].start()
    for node in nodes.values():
        node.wait_until(lambda said: said["final"] == number + 1)


def test_without_the_hub_what_is_said_is_kept_and_goes_up_when_it_is_back(fragile):
    hub, nodes = fragile
    node = nodes["ada"].start()
    node.wait_until(lambda said: said["entries"] == 1)
    hub.stop()
    with pytest.raises(Unavailable, match="signed and kept"):
        Intercom(node.house).say([Tick()])
    assert Intercom(node.house).status()["outbox"] == ["tick"]
    hub.start()
    node.wait_until(lambda said: said["entries"] == 2 and said["outbox"] == [])


@pytest.mark.parametrize(
    "moment",
    [pytest.param("signed", marks=pytest.mark.slow), "sent", pytest.param("seen", marks=pytest.mark.slow)],
)
def test_killed_while_it_speaks_a_node_says_it_once(fragile, moment):
    hub, nodes = fragile
    node = nodes["ada"]
    node.program = (str(_support("dyingnode.py")), moment)
    node.start()
    node.wait_until(lambda said: said["entries"] == 1)
    with pytest.raises(Unavailable, match="does not answer"):
        Intercom(node.house).say([Tick()])
    node.process.wait(10)
    assert len(list((node.path / "outbox").glob("*.json"))) == 1
    node.stop()
    node.program = ("-m", "hansa")
    node.start()
    node.wait_until(lambda said: said["entries"] == 2 and said["outbox"] == [])
    assert Intercom(node.house).say([Tick()]) == (2,)
    hub.stop()
    with LogStore.open(hub.path / "log.sqlite") as store:
        assert store.size == 3


def _support(name):
    from pathlib import Path

    return Path(__file__).parents[1] / "support" / name


def test_a_member_that_leaves_is_told_so_and_its_node_asks_for_nothing_more(fragile, capsys):
    hub, nodes = fragile
    for node in nodes.values():
        node.start()
    for node in nodes.values():
        node.wait_until(lambda said: said["final"])
    cyd = nodes["cyd"]
    assert main(["member", "leave", "--folder", str(cyd.path)]) == 0
    assert "`cyd` has left" in " ".join(capsys.readouterr().out.split())
    found = cyd.wait_until(lambda said: not said["follows"])
    assert (found["standing"], found["outbox"], found["hub_problem"]) == ("left", [], None)
    assert found["entries"] == found["final"]
    cyd.stop()
    hub.stop()
    cyd.start()
    assert cyd.wait_until(lambda said: said["entries"])["hub_problem"] is None
    assert "left" in [event["event"] for event in cyd.events()]
    assert main(["proposal", "vote", "1", "yes", "--folder", str(cyd.path)]) == 4
    capsys.readouterr()
    assert main(["node", "status", "--folder", str(cyd.path)]) == 0
    assert "not asked any more" in " ".join(capsys.readouterr().out.split())


def test_a_socket_that_cannot_be_made_says_so(tmp_path):
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    with pytest.raises(Unavailable, match="too long"):
        open_socket(deep / "node.sock")


def test_a_socket_that_a_killed_node_left_is_in_nobodys_way(tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "node.sock"))
    opened = open_socket(tmp_path / "node.sock")
    opened.close()


def test_the_journal_is_json_and_holds_no_secret(machines):
    _, nodes = machines
    for node in nodes.values():
        node.wait_until(lambda said: said["entries"])
        assert [json.loads(line)["event"] for line in node.journal().splitlines()]
        assert "PRIVATE" not in node.journal()
