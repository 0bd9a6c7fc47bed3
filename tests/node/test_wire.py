import http.server
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest

from hansa.errors import Malformed
from hansa.node.wire import Broken, Unreached, Wire, name_host

LONG = bytes(range(256)) * 20_000


class Hub(http.server.BaseHTTPRequestHandler):
    """Brings a body back, in pieces without a length when it was asked to."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.client_address, self.headers["host"], len(body)))
        self.send_response(200)
        if self.path == "/cut":
            self.send_header("content-length", str(len(body) + 1))
            self.close_connection = True
        elif self.path == "/pieces":
            self.send_header("transfer-encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or self.path == "/once"

    def do_CONNECT(self):
        self.server.asked.append((self.path, self.headers["proxy-authorization"]))
        host, _, port = self.path.rpartition(":")
        self.send_response(200)
        self.end_headers()
        with socket.create_connection((host, int(port))) as onward:
            onward.sendall(_receive_whole(self.connection))
            self.connection.sendall(_receive_whole(onward))
        self.close_connection = True

    def log_message(self, *_arguments):
        pass


def _receive_whole(connection):
    """Receive a message with a short body, which may come by itself."""
    message = b""
    while not message.partition(b"\r\n\r\n")[2]:
        message += connection.recv(65_536)
    return message


class Server(http.server.ThreadingHTTPServer):
    """Remembers what it was asked, and tells of each connection that it has closed."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Hub)
        self.asked = []
        self.closed = threading.Semaphore(0)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.closed.release()


@contextmanager
def listening():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(name="hub")
def _hub():
    with listening() as (server, address):
        yield server, address


@pytest.fixture(name="wire")
def _wire():
    wire = Wire(ssl.create_default_context())
    yield wire
    wire.close()


def bring(wire, address, body, path="/", most_bytes=2**30):
    with wire.ask(address, "PUT", path, body, quiet_seconds=5) as reply:
        return bytes(reply.read(most_bytes))


def test_a_body_goes_and_comes_as_it_is_however_long(hub, wire):
    _, address = hub
    for body in (b"", b"x", LONG, memoryview(LONG)):
        assert bring(wire, address, body) == body


def test_a_connection_serves_again_once_an_answer_was_read_to_its_end(hub, wire):
    server, address = hub
    for body in (b"", b"one", LONG):
        bring(wire, address, body)
    with wire.ask(address, "PUT", "/", b"unread", quiet_seconds=5):
        pass
    bring(wire, address, b"three")
    ports = [port for (_, port), _, _ in server.asked]
    assert len(set(ports[:4])) == 1
    assert ports[4] != ports[0]


def test_a_connection_that_the_other_end_has_closed_is_not_used_again(hub, wire):
    server, address = hub
    assert bring(wire, address, b"last", "/once") == b"last"
    assert server.closed.acquire(timeout=5)
    assert bring(wire, address, b"first") == b"first"


def test_an_answer_without_a_length_is_read_to_its_end_and_no_further_than_allowed(hub, wire):
    _, address = hub
    assert bring(wire, address, LONG, "/pieces") == LONG
    for path in ("/pieces", "/"):
        with pytest.raises(Malformed, match="more than 1,000 bytes"):
            bring(wire, address, LONG, path, most_bytes=1_000)
    with wire.ask(address, "PUT", "/pieces", LONG, quiet_seconds=5) as reply:
        assert b"".join(bytes(chunk) for chunk in reply.read_chunks(len(LONG))) == LONG


def test_an_answer_that_ends_early_is_none(hub, wire):
    _, address = hub
    for body in (b"x", LONG):
        with pytest.raises(Broken, match="broke"):
            bring(wire, address, body, "/cut")
    with (
        wire.ask(address, "PUT", "/cut", LONG, quiet_seconds=5) as reply,
        pytest.raises(Broken, match="broke"),
    ):
        list(reply.read_chunks(2**30))


def test_who_refuses_a_body_before_its_end_is_heard(wire):
    def refuse(listener):
        taken, _ = listener.accept()
        with taken:
            taken.recv(1_000)
            taken.sendall(b"HTTP/1.1 413 Too much\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with wire.ask(address, "PUT", "/", LONG, quiet_seconds=5) as reply:
            assert (reply.status, bytes(reply.read(10))) == (413, b"no")
        thread.join()


def test_a_proxy_is_asked_for_the_way_with_its_password(hub):
    server, address = hub
    with listening() as (proxy, at):
        wire = Wire(ssl.create_default_context(), at.replace("//", "//ada:s%40fe@"))
        assert bring(wire, address, b"x") == b"x"
        wire.close()
        assert proxy.asked == [(address.removeprefix("http://"), "Basic YWRhOnNAZmU=")]
        assert server.asked[0][1:] == (address.removeprefix("http://"), 1)


def test_a_proxy_that_is_not_there_is_told(hub):
    wire = Wire(ssl.create_default_context(), "http://127.0.0.1:1")
    with pytest.raises(Unreached, match="cannot be reached"):
        bring(wire, hub[1], b"x")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://hub.example", "hub.example"),
        ("https://hub.example:443", "hub.example"),
        ("https://hub.example:8443", "hub.example:8443"),
        ("http://[::1]:80", "[::1]"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_a_host_is_named_without_the_port_that_its_scheme_has_anyway(address, host):
    assert name_host(address) == host
