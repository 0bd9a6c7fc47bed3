"""A real hub in a process of its own, and members who speak to it over TLS as strangers would.

What a member needs to ask is written out here once more, with the standard library only, so that the hub is not
tested by the code that it shares with the node.
"""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from hansa.coalition import ZERO_DIGEST, Found, LogKey, make_entry
from hansa.governance import Member, load_charter
from hansa.hub import HubFolder, Sequencer, init_hub
from hansa.store import LogStore
from hansa.transparency import SigningKey, canonical

SRC = Path(__file__).parents[2] / "src"
NAMES = ("ada", "bob", "cyd")

CHARTER = """
version: 1
name: Three
origin: three.example/log
purpose: Try things out.
classes: {bank: {votes: true}}
decisions:
  run: {passes: "> 1/2 of cast", quorum: 0, period: 1h, timelock: 0s, early: true}
  admit: {passes: "> 1/2 of cast", quorum: 0, period: 1h, timelock: 0s, early: true}
  amend: {passes: ">= 2/3 of cast", quorum: 1/2, period: 3d, timelock: 1d}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
clock: {tolerance: 5m}
"""


def key_of(name):
    return SigningKey.from_seed(sha256(name.encode()).digest())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_found(log_key, names=NAMES, charter=CHARTER):
    """Return the `found` entry of a coalition of these members."""
    members = [
        Member(
            id=n, name=n, member_class="bank", country="NL", voting_weight=1, key=key_of(n).public.encode()
        )
        for n in sorted(names)
    ]
    body = Found(
        charter=load_charter(charter, "charter.yaml").to_json(),
        log=LogKey(key=log_key.public.encode()),
        members=[member.to_json() for member in members],
    )
    return make_entry(
        body,
        coalition=ZERO_DIGEST,
        author=members[0].id,
        seq=0,
        prev=ZERO_DIGEST,
        keys=tuple(key_of(member.id) for member in members),
    )


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def rule(self):
        return self.json()["rule"]


@dataclass
class HubProcess:
    """A hub folder, and the process that serves it."""

    path: Path
    port: int
    process: subprocess.Popen = None
    arguments: tuple = ()
    program: tuple = ("-m", "hansa")
    connections: list = field(default_factory=list)

    def start(self, wait=True):
        environment = {**os.environ, "PYTHONPATH": str(SRC)}
        command = [sys.executable, "-W", "error", *self.program, "hub", "up", str(self.path), *self.arguments]
        with (self.path.parent / "journal").open("ab") as journal:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=journal, env=environment)
        if wait:
            line = self.process.stdout.readline()
            assert line, self.journal()
        return self

    def journal(self):
        return (self.path.parent / "journal").read_text()

    def stop(self, number=signal.SIGTERM):
        for connection in self.connections:
            connection.close()
        self.connections.clear()
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            finally:
                self.process.kill()
                self.process.wait()
                self.process.stdout.close()
            self.process = None

    @property
    def authority(self):
        return f"127.0.0.1:{self.port}"

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=(self.path / "authority.pem").read_text())
        return context

    def connect(self, timeout=30):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.context(), timeout=timeout
        )
        self.connections.append(connection)
        return connection

    def raw(self):
        """Return an open TLS socket."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        wrapped = self.context().wrap_socket(plain, server_hostname="127.0.0.1")
        self.connections.append(wrapped)
        return wrapped

    def ask(self, method, path, body=b"", *, member=None, headers=None, connection=None, **signed):
        """Ask once, signed by a member if one is named; return the answer."""
        said = dict(headers or {})
        if member is not None:
            said = sign(method, self.authority, path, body, member, **signed) | said
        connection = connection or self.connect()
        connection.request(method, path, body or None, said)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def sign(method, authority, path, body, member, *, created=None, nonce=None, key=None, digest=None):
    """Return the headers of a signed request, spelt out from wire.md."""
    path, _, query = path.partition("?")
    said = b64encode(digest if digest is not None else sha256(body).digest()).decode()
    content = f"sha-256=:{said}:"
    nonce = b64encode(nonce or os.urandom(16)).decode()
    parameters = (
        '("@method" "@authority" "@path" "@query" "content-digest")'
        f';created={int(time.time()) if created is None else created};keyid="{member}";alg="ed25519"'
        f';nonce="{nonce}";tag="hansa/v1"'
    )
    base = (
        f'"@method": {method}\n"@authority": {authority}\n"@path": {path}\n"@query": ?{query}\n'
        f'"content-digest": {content}\n"@signature-params": {parameters}'
    )
    signature = b64encode((key or key_of(member)).sign(base.encode())).decode()
    return {
        "Content-Digest": content,
        "Signature-Input": f"hansa={parameters}",
        "Signature": f"hansa=:{signature}:",
    }


def make_hub(folder, database=None, **settings):
    """Make a hub's folder with a free port, its log in a database if one is named."""
    port = free_port()
    path = folder / "hub"
    there = {} if database is None else {"log": database, "blobs": str(folder / "blobs")}
    init_hub(path, [f"https://127.0.0.1:{port}"], None, **there)
    if settings:
        file = path / "hub.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return HubProcess(path, port)


def found_hub(folder, names=NAMES, charter=CHARTER, **settings):
    """Make a hub's folder with a coalition that is founded already."""
    hub = make_hub(folder, **settings)
    opened = HubFolder(hub.path)
    with LogStore.open(opened.log) as store:
        Sequencer(store, opened.key, lambda: int(time.time())).submit(write_found(opened.key, names, charter))
    return hub


def encode_entries(*envelopes):
    """Return the body that brings entries."""
    return canonical.encode({"entries": [envelope.to_json() for envelope in envelopes]})
