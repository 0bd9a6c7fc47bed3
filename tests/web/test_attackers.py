"""What strangers, former members and members who mean ill try over the wire, against a real hub."""

import contextlib
import json
import resource
import signal
import socket
import ssl
import time
from hashlib import sha256

import pytest
from hubhouse import encode_entries, key_of, sign
from hubreader import state_of

from hansa.coalition import Leave
from hansa.node import Voter


def wait_for_end(raw):
    """Read until the other side hangs up, and return what it said."""
    said = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := raw.recv(65_536):
            said += piece
    return said


def judge(hub, method="GET", path="/checkpoint", body=b"", **how):
    answer = hub.ask(method, path, body, **how)
    return answer.status, answer.rule


def test_a_request_that_was_made_is_not_made_again(running_hub):
    headers = sign("GET", running_hub.authority, "/checkpoint", b"", "ada")
    assert running_hub.ask("GET", "/checkpoint", headers=headers).status == 200
    assert judge(running_hub, headers=headers) == (401, "request.replay")


def test_a_request_made_to_the_hub_before_its_restart_is_not_made_again(hubs):
    hub = hubs()
    headers = sign("GET", hub.authority, "/checkpoint", b"", "ada")
    assert hub.ask("GET", "/checkpoint", headers=headers).status == 200
    time.sleep(1)
    hub.stop()
    hub.start()
    assert judge(hub, headers=headers) == (401, "request.replay")
    assert hub.ask("GET", "/checkpoint", member="ada").status == 200


@pytest.mark.parametrize(
    ("signed", "rule"),
    [
        ({"created": 0}, "request.clock"),
        ({"created": int(time.time()) + 4_000}, "request.clock"),
        ({"key": key_of("eve")}, "signature.invalid"),
        ({"digest": sha256(b"something else").digest()}, "request.digest"),
    ],
)
def test_who_cannot_sign_this_request_now_is_nobody(running_hub, signed, rule):
    status, got = judge(running_hub, member="ada", **signed)
    assert got == rule
    assert status == 401


def test_a_stranger_is_nobody_also_with_a_good_signature(running_hub):
    assert judge(running_hub, member="eve") == (401, "request.member")


def test_a_signature_is_good_for_one_method_path_query_and_host(running_hub):
    good = sign("GET", running_hub.authority, "/checkpoint", b"", "ada")
    assert judge(running_hub, path="/tile/0/000.p/1", headers=good) == (401, "signature.invalid")
    assert judge(running_hub, path="/checkpoint?x=1", headers=good) == (401, "signature.invalid")
    foreign = sign("GET", "other.example", "/checkpoint", b"", "ada")
    assert judge(running_hub, headers=foreign) == (401, "signature.invalid")
    assert judge(running_hub, headers=foreign | {"Host": "other.example"}) == (421, "request.host")


@pytest.mark.parametrize(
    "claim",
    [
        {"X-Forwarded-User": "ada", "X-Hansa-Member": "ada"},
        {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1;host=hub"},
        {"Authorization": "Bearer ada", "X-SSL-Client-S-DN": "CN=ada"},
    ],
)
def test_no_other_header_says_who_asks(running_hub, claim):
    assert judge(running_hub, headers=claim) == (401, "request.unsigned")
    assert judge(running_hub, member="eve", headers=claim) == (401, "request.member")


def test_a_header_that_matters_comes_once(running_hub):
    headers = sign("GET", running_hub.authority, "/checkpoint", b"", "ada")
    other = sign("GET", running_hub.authority, "/checkpoint", b"", "bob")
    lines = [f"{name}: {value}" for each in (headers, other) for name, value in each.items()]
    text = "\r\n".join(
        ["GET /checkpoint HTTP/1.1", f"Host: {running_hub.authority}", *lines, "Connection: close", "", ""]
    )
    raw = running_hub.raw()
    raw.sendall(text.encode())
    assert b"request.form" in wait_for_end(raw)


def test_a_body_is_the_one_that_was_signed(running_hub):
    body = encode_entries()
    headers = sign("POST", running_hub.authority, "/v1/entries", body, "ada")
    assert judge(running_hub, "POST", "/v1/entries", body + b" ", headers=headers) == (401, "request.digest")


def test_whoever_left_sees_that_it_has_left_and_is_nobody_else(hubs):
    hub = hubs()
    (leave,) = Voter("cyd", key_of("cyd")).write(state_of(hub), Leave(reason=""))
    assert hub.ask("POST", "/v1/entries", encode_entries(leave), member="cyd").status == 200
    assert hub.ask("GET", "/checkpoint", member="cyd").status == 200
    for method, path in (
        ("POST", "/v1/entries"),
        ("POST", "/checkpoint"),
        ("GET", f"/v1/runs/{'0' * 64}"),
        ("GET", f"/v1/blobs/{'0' * 64}"),
    ):
        body = encode_entries(leave) if method == "POST" else b""
        assert judge(hub, method, path, body, member="cyd") in {
            (401, "request.member"),
            (405, "request.method"),
        }
    assert hub.ask("GET", "/checkpoint", member="ada").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 200_000,
        b'{"entries":[]}',
        b'{"entries":[{}]}',
        b'{"entries":[1]}',
        b'{"entries":{}}',
        b'{"entries":[{}],"more":1}',
        b'{ "entries":[{}]}',
        b'{"entries":[1.5]}',
        b"\xff\xfe",
        json.dumps({"entries": [{}] * 101}, separators=(",", ":")).encode(),
    ],
)
def test_nonsense_is_answered_and_changes_nothing(running_hub, body):
    before = state_of(running_hub).size
    assert judge(running_hub, "POST", "/v1/entries", body, member="ada")[0] == 400
    assert state_of(running_hub).size == before


def test_a_body_too_large_is_refused_before_it_is_read(running_hub):
    connection = running_hub.connect()
    headers = sign("POST", running_hub.authority, "/v1/entries", b"", "ada")
    connection.putrequest("POST", "/v1/entries")
    for name, value in {**headers, "Content-Length": str(10**12)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert answer.getheader("connection") == "close"
    assert json.loads(answer.read())["rule"] == "request.body-size"


def test_a_body_without_a_length_ends_at_the_limit(running_hub):
    raw = running_hub.raw()
    headers = sign("POST", running_hub.authority, "/v1/cosignatures", b"", "ada")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    start = ["POST /v1/cosignatures HTTP/1.1", f"Host: {running_hub.authority}", *lines]
    raw.sendall("\r\n".join([*start, "Transfer-Encoding: chunked", "", ""]).encode())
    piece = b"8000\r\n" + bytes(0x8000) + b"\r\n"
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        for _ in range(100):
            raw.sendall(piece)
    # Whoever goes on sending may lose the answer with the connection; nobody is served.
    assert wait_for_end(raw)[9:12] in {b"", b"413"}


def test_whoever_dawdles_over_the_headers_is_hung_up_on(hubs):
    hub = hubs(limits={"header_seconds": 1})
    silent, slow = hub.raw(), hub.raw()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        for letter in "GET /checkpoint HTTP/1.1\r\nX-Slow: aaaaaaaaaaaa":
            slow.sendall(letter.encode())
            time.sleep(0.1)
    assert wait_for_end(slow) == b""
    assert wait_for_end(silent) == b""
    assert hub.ask("GET", "/health").status == 200


def test_whoever_dawdles_over_the_body_is_answered_and_hung_up_on(hubs):
    hub = hubs(limits={"stalled_seconds": 1})
    raw = hub.raw()
    headers = sign("POST", hub.authority, "/v1/cosignatures", b"", "ada")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    start = ["POST /v1/cosignatures HTTP/1.1", f"Host: {hub.authority}", *lines, "Content-Length: 1000"]
    raw.sendall("\r\n".join([*start, "", '{"size":']).encode())
    said = wait_for_end(raw)
    assert b"408" in said
    assert b"request.slow" in said


def test_whoever_does_not_read_an_answer_is_hung_up_on(hubs):
    hub = hubs(limits={"stalled_seconds": 1})
    data = bytes(30_000_000)
    path = f"/v1/blobs/{sha256(data).hexdigest()}"
    assert hub.ask("PUT", path, data, member="ada").status == 204
    raw = hub.raw()
    headers = sign("GET", hub.authority, path, b"", "ada")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    raw.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {hub.authority}", *lines, "", ""]).encode())

    def count():
        figures = hub.ask("GET", "/metrics").body.decode()
        (line,) = (x for x in figures.splitlines() if x.startswith("hansa_http_requests_under_way"))
        return int(line.split(" ")[1])

    deadline = time.monotonic() + 20
    while count() > 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(wait_for_end(raw)) < len(data)


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 0", "Content-Length: 5"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["X-Folded: one\r\n two"],
        ["Content-Length: +5"],
        ["Bad Name: x"],
        ["X-Null: \x00"],
    ],
)
def test_what_proxies_might_read_differently_is_refused(running_hub, lines):
    raw = running_hub.raw()
    headers = sign("POST", running_hub.authority, "/v1/cosignatures", b"", "ada")
    signed = [f"{name}: {value}" for name, value in headers.items()]
    start = ["POST /v1/cosignatures HTTP/1.1", f"Host: {running_hub.authority}", "Connection: close"]
    raw.sendall("\r\n".join([*start, *signed, *lines, "", "0\r\n\r\n"]).encode())
    said = wait_for_end(raw)
    assert said[9:12] in {b"400", b"401", b""}
    assert b"HTTP/1.1" not in said[12:], "one request, one answer"


def test_strangers_do_not_fill_the_journal(hubs):
    hub = hubs(limits={"open_requests_per_second": 10_000})
    connection = hub.connect()
    for _ in range(600):
        hub.ask("GET", "/nothing", connection=connection)
    assert len(hub.journal().splitlines()) < 500


def test_headers_without_end_are_hung_up_on(running_hub):
    raw = running_hub.raw()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        raw.sendall(b"GET /checkpoint HTTP/1.1\r\n")
        for number in range(2_000):
            raw.sendall(b"X-%d: %b\r\n" % (number, b"a" * 100))
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert b"200 OK" not in raw.recv(1_000)
    assert running_hub.ask("GET", "/health").status == 200


def test_headers_that_are_too_long_are_answered(running_hub):
    raw = running_hub.raw()
    raw.sendall(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000)
    said = raw.recv(4_096)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["rule"] == "request.headers"


def test_who_asks_too_often_waits_and_the_others_do_not(hubs):
    hub = hubs(limits={"requests_per_second": 1})
    connection = hub.connect()
    answers = [hub.ask("GET", "/checkpoint", member="ada", connection=connection) for _ in range(15)]
    late = answers[10]
    assert (late.status, late.rule) == (429, "request.rate")
    assert int(late.headers["retry-after"]) >= 1
    assert answers[0].status == 200
    assert hub.ask("GET", "/checkpoint", member="bob").status == 200


def test_strangers_cannot_ask_for_ever(hubs):
    hub = hubs(limits={"open_requests_per_second": 1})
    connection = hub.connect()
    answers = [hub.ask("GET", "/checkpoint", connection=connection).status for _ in range(11)]
    assert answers[0] == 401
    assert answers[10] == 429
    began = time.monotonic()
    assert hub.ask("GET", "/checkpoint", connection=connection, member="ada", key=key_of("eve")).status == 429
    assert time.monotonic() - began >= 0.2, "signatures are not checked for nothing as fast as they come"


def test_what_strangers_do_at_an_address_keeps_no_member_out_that_shares_it(hubs):
    hub = hubs(limits={"open_requests_per_second": 1})
    connection = hub.connect()
    good = sign("GET", hub.authority, "/checkpoint", b"", "ada")
    assert hub.ask("GET", "/checkpoint", headers=good, connection=connection).status == 200
    tries = [{}, {"member": "ada", "key": key_of("eve")}, {"member": "eve"}, {"headers": good}]
    said = [hub.ask("GET", "/checkpoint", connection=connection, **tries[n % 4]) for n in range(16)]
    assert {answer.status for answer in said} == {401, 429}
    for name in ("ada", "bob"):
        assert hub.ask("GET", "/checkpoint", member=name, connection=connection).status == 200
    for path in ("/health", "/ready", "/v1/authority"):
        assert hub.ask("GET", path).status == 200


def test_who_sends_a_members_request_again_spends_nothing_that_is_the_members(hubs):
    hub = hubs(limits={"requests_per_second": 1})
    connection = hub.connect()
    good = sign("GET", hub.authority, "/checkpoint", b"", "ada")
    assert hub.ask("GET", "/checkpoint", headers=good, connection=connection).status == 200
    for _ in range(15):
        assert judge(hub, headers=good, connection=connection) == (401, "request.replay")
    assert hub.ask("GET", "/checkpoint", member="ada", connection=connection).status == 200


def test_when_there_are_too_many_connections_a_stranger_makes_room(hubs):
    hub = hubs(limits={"connections": 8})
    members = [hub.connect() for _ in range(3)]
    for connection in members:
        assert hub.ask("GET", "/checkpoint", member="ada", connection=connection).status == 200
    silent = [socket.create_connection(("127.0.0.1", hub.port), timeout=30) for _ in range(20)]
    half_said = [hub.raw() for _ in range(10)]
    assert hub.ask("GET", "/checkpoint", member="bob").status == 200
    assert wait_for_end(silent[0]) == b""
    assert wait_for_end(half_said[0]) == b""
    for connection in members:
        assert hub.ask("GET", "/checkpoint", member="ada", connection=connection).status == 200
    for raw in silent:
        raw.close()


def test_members_fill_a_hub_and_nobody_is_hung_up_on_for_one_more(hubs):
    hub = hubs(limits={"connections": 8})
    members = [hub.connect() for _ in range(8)]
    for connection in members:
        assert hub.ask("GET", "/checkpoint", member="ada", connection=connection).status == 200
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert wait_for_end(hub.raw()) == b""
    for connection in members:
        assert hub.ask("GET", "/checkpoint", member="ada", connection=connection).status == 200
    members.pop().close()
    time.sleep(0.2)
    assert hub.ask("GET", "/health").status == 200


def test_members_are_served_while_more_handshakes_hang_than_there_may_be_files(hubs):
    hub = hubs(start=False)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        hub.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    hanging = [socket.create_connection(("127.0.0.1", hub.port), timeout=30) for _ in range(400)]
    assert hub.ask("GET", "/checkpoint", member="ada").status == 200
    for raw in hanging:
        raw.close()


def test_a_plain_connection_to_a_tls_port_gets_nothing(running_hub):
    with socket.create_connection(("127.0.0.1", running_hub.port), timeout=30) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"alive" not in wait_for_end(plain)


def test_older_tls_is_refused(running_hub):
    context = running_hub.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", running_hub.port), timeout=30) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    "name",
    ["..", "../hub.json", "key", "A" * 64, "a" * 63, "a" * 65, "%2e%2e%2fkey", "a" * 32 + "/" + "a" * 31],
)
def test_no_name_of_a_blob_leads_anywhere_else(running_hub, name):
    for method in ("GET", "PUT", "HEAD"):
        answer = running_hub.ask(method, f"/v1/blobs/{name}", member="ada")
        assert answer.status in {400, 404, 405}


def test_a_blob_has_the_digest_of_its_name(running_hub):
    digest = sha256(b"good").hexdigest()
    assert judge(running_hub, "PUT", f"/v1/blobs/{digest}", b"bad", member="ada") == (400, "blob.digest")
    lying = judge(
        running_hub, "PUT", f"/v1/blobs/{digest}", b"bad", member="ada", digest=sha256(b"good").digest()
    )
    assert lying == (401, "request.digest")
    assert running_hub.ask("GET", f"/v1/blobs/{digest}", member="ada").status == 404
    assert not list((running_hub.path / "spool").iterdir())


def test_whoever_ends_its_handshake_after_the_hub_was_told_to_stop_does_not_keep_it(hubs):
    hub = hubs()
    plain = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
    heard, to_say = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = hub.context().wrap_bio(heard, to_say, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        caller.do_handshake()
    plain.sendall(to_say.read())
    heard.write(plain.recv(65_536))
    hub.process.send_signal(signal.SIGTERM)
    while '"event": "stopping"' not in hub.journal():
        time.sleep(0.01)
    began = time.monotonic()
    with contextlib.suppress(ConnectionError, ssl.SSLWantReadError):
        caller.do_handshake()
        while True:
            caller.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            plain.sendall(to_say.read())
            time.sleep(0.1)
    assert hub.process.wait(20) == 0
    assert time.monotonic() - began < 8
    plain.close()
