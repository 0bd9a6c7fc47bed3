import hashlib
import http.server
import socket
import threading
import time
from pathlib import Path

import pytest
from hubhouse import encode_entries, found_hub, free_port, key_of, make_hub
from hubreader import state_of

from hansa.coalition import Tick
from hansa.entropy import draw
from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import HubFolder
from hansa.node import Voter
from hansa.node import remote as remote_module
from hansa.node.keyring import Keyring
from hansa.node.remote import Remote, fetch_authority
from hansa.node.trust import open_trust, verify_authority
from hansa.transparency import parse_checkpoint, parse_note


@pytest.fixture(name="hub", scope="module")
def _hub(tmp_path_factory):
    hub = found_hub(tmp_path_factory.mktemp("hub"))
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture(name="reach")
def _reach(hub):
    """Makes ways to the hub, closed at the end."""
    made = []

    def reach(*addresses, member="ada", key=None, successor=None, authority=None, clock=time.time):
        pauses = []
        trust = open_trust(authority or (hub.path / "authority.pem").read_text())
        remote = Remote(
            addresses or [f"https://127.0.0.1:{hub.port}"],
            trust,
            member=member,
            keyring=Keyring(Path("key"), key or key_of(member), successor),
            clock=lambda: int(clock()),
            draw=draw,
            pause=pauses.append,
        )
        remote.pauses = pauses
        made.append(remote)
        return remote

    yield reach
    for remote in made:
        remote.close()


def test_while_the_main_key_is_being_changed_either_of_two_keys_is_used(reach):
    remote = reach(key=key_of("thief"), successor=key_of("ada"))
    assert remote.read_checkpoint(None, 0)
    assert remote.pauses == [0.1]
    assert remote.read_checkpoint(None, 0)
    assert remote.pauses == [0.1]  # the one that did is used first
    with pytest.raises(Malformed, match="signature"):
        reach(key=key_of("thief"), successor=key_of("cyd")).read_checkpoint(None, 0)


def test_the_checkpoint_comes_once_and_then_is_waited_for(hub, reach):
    remote = reach()
    text = remote.read_checkpoint(None, 0)
    assert parse_checkpoint(parse_note(text).body).origin == "three.example/log"
    while (newer := remote.read_checkpoint(text, 3)) is not None:  # what other tests have brought before
        text = newer
    assert remote.read_checkpoint(text, 0) is None
    begun = time.monotonic()
    assert remote.read_checkpoint(text, 1) is None
    assert time.monotonic() - begun > 0.8


def test_an_entry_is_brought_and_again_does_no_harm(hub, reach):
    remote = reach()
    (tick,) = Voter("ada", key_of("ada")).write(state_of(hub), Tick())
    remote.submit([tick])
    remote.submit([tick])
    assert hub.ask("POST", "/v1/entries", encode_entries(tick), member="bob").status == 200


def test_what_the_hub_refuses_is_raised_as_the_hub_says_it(hub, reach):
    (tick,) = Voter("ada", key_of("ada")).write(state_of(hub), Tick())
    (other,) = Voter("bob", key_of("ada")).write(state_of(hub), Tick())
    with pytest.raises(Malformed) as caught:
        reach().submit([tick, other])
    assert caught.value.rule.startswith(("signature.", "envelope."))


def test_a_stranger_is_told_so_and_asks_once(hub, reach):
    remote = reach(member="eve")
    with pytest.raises((Refused, Malformed)) as caught:
        remote.read_checkpoint(None, 0)
    assert caught.value.rule == "request.member"
    assert remote.pauses == []


def test_a_clock_that_is_off_is_told_so(hub, reach):
    with pytest.raises(Refused) as caught:
        reach(clock=lambda: time.time() - 3_600).read_checkpoint(None, 0)
    assert caught.value.rule == "request.clock"


def test_a_bundle_is_read_from_where_one_has_it(hub, reach):
    remote = reach()
    whole = remote.read_tile("tile/entries/000.p/1")
    assert remote.read_tile("tile/entries/000.p/1", 7) == whole[7:]


def test_the_next_address_is_tried_and_remembered(hub, reach):
    dead = f"https://127.0.0.1:{free_port()}"
    alive = f"https://127.0.0.1:{hub.port}"
    remote = reach(dead, alive)
    assert remote.read_checkpoint(None, 0)
    assert remote.address == alive
    assert remote.pauses == []


def test_nobody_at_any_address_is_unavailable_after_some_tries(reach):
    remote = reach(f"https://127.0.0.1:{free_port()}", f"https://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="nor at"):
        remote.read_checkpoint(None, 0)
    assert len(remote.pauses) == 3


def test_a_hub_with_another_key_is_not_spoken_to(tmp_path, reach, hub):
    impostor = make_hub(tmp_path)
    impostor.start()
    try:
        with pytest.raises(Unavailable, match=r"[Cc]ertificate"):
            reach(f"https://127.0.0.1:{impostor.port}").read_checkpoint(None, 0)
        found = fetch_authority(f"https://127.0.0.1:{impostor.port}")
        with pytest.raises(Refused, match="somebody else answers"):
            verify_authority(found, HubFolder(hub.path).key.public)
    finally:
        impostor.stop()


def test_a_blob_appears_whole_or_not_at_all(hub, reach, tmp_path):
    data = bytes(300_000)
    digest = hashlib.sha256(data).hexdigest()
    assert hub.ask("PUT", f"/v1/blobs/{digest}", data, member="bob").status in {200, 201, 204}
    reach().fetch_blob(digest, tmp_path / digest)
    assert (tmp_path / digest).read_bytes() == data
    missing = "0" * 64
    with pytest.raises(Refused) as caught:
        reach().fetch_blob(missing, tmp_path / missing)
    assert caught.value.rule == "blob.unknown"
    assert [path.name for path in tmp_path.iterdir()] == [digest]


class Liar(http.server.BaseHTTPRequestHandler):
    """A hub on this machine that answers whatever it likes."""

    answers = ()

    def do_GET(self):
        status, headers, body = self.answers[min(self.server.asked, len(self.answers) - 1)]
        self.server.asked += 1
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture(name="lie")
def _lie():
    """Starts a liar with these answers, the last of them again and again; returns its address and how often it was asked."""
    servers = []

    def lie(*answers):
        handler = type("Handler", (Liar,), {"answers": answers})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.asked = 0
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}", server

    yield lie
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_connection_that_breaks_is_tried_again(lie, reach):
    address, server = lie((None, {}, b""), (200, {}, b"x\n"))
    assert reach(address).read_checkpoint(None, 0) == "x\n"
    assert server.asked == 2


def test_a_hub_that_stands_by_is_passed_over(lie, reach):
    standby, _ = lie((503, {}, b""))
    works, _ = lie((200, {}, b"x\n"))
    assert reach(standby, works).read_checkpoint(None, 0) == "x\n"


def test_a_hub_that_hangs_is_not_asked_first_again(lie, reach, monkeypatch):
    monkeypatch.setattr(remote_module, "_QUIET_SECONDS_OF_ONE", 0.5)
    works, _ = lie((200, {}, b"x\n"))
    with socket.create_server(("127.0.0.1", 0)) as hangs:  # the system takes connections, and nobody answers
        remote = reach(f"http://127.0.0.1:{hangs.getsockname()[1]}", works)
        assert remote.read_checkpoint(None, 0) == "x\n"
        assert remote.address == works
        assert len(remote.pauses) == 1


def test_a_blob_with_other_bytes_is_thrown_away(lie, reach, tmp_path):
    address, _ = lie((200, {}, b"not it"))
    with pytest.raises(Malformed, match="other bytes"):
        reach(address).fetch_blob("0" * 64, tmp_path / "blob")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_end_is_cut_off(lie, reach):
    address, _ = lie((200, {}, bytes(5 * 1024 * 1024)))
    with pytest.raises(Malformed, match="more than"):
        reach(address).read_checkpoint(None, 0)


def test_what_is_no_json_is_not_believed(lie, reach):
    for body in (b"[]", b"{", b"\xff"):
        address, _ = lie((200, {}, body))
        with pytest.raises(Malformed, match="JSON"):
            reach(address).read_run("a" * 64)
    address, _ = lie((200, {}, b"\xff"))
    with pytest.raises(Malformed, match="UTF-8"):
        reach(address).read_checkpoint(None, 0)


def test_a_redirection_leads_nowhere(lie, reach):
    address, _ = lie((302, {"location": "http://127.0.0.1:1/"}, b""))
    with pytest.raises(Unavailable, match="302"):
        reach(address).read_checkpoint(None, 0)
