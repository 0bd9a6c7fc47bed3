"""The wire: HTTP/1.1 to the hub, over connections that are kept and used again.

A body goes out from where it lies and comes in where it is to stay: of 40 MB, each copy costs as much as its encryption.
What is sent, and what an answer means, is somebody else's business.
"""

import http.client
import mmap
import select
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from hansa.errors import Malformed, Unavailable

Bytes: TypeAlias = bytes | memoryview

MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Of an answer that is a document."""

_CONNECT_SECONDS: Final = 10.0
"""How long a connection may take to be made."""

_IDLE_SECONDS: Final = 30.0
"""How long a connection is kept that nobody uses; shorter than the hub keeps it."""

_PORTS: Final = MappingProxyType({"https": 443, "http": 80})
_IDLE_CONNECTIONS: Final = 16
_CHUNK_BYTES: Final = 256 * 1024
_HUGE_BYTES: Final = 4 * 1024 * 1024
"""From here on the system is asked for large pages; with small ones the first touch of a body costs more than its encryption."""

_ALIVE: Final = tuple(
    (level, getattr(socket, name), seconds)
    for level, name, seconds in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 25_000),  # milliseconds
    )
    if hasattr(socket, name)
)
"""Lets the operating system find out within half a minute that nobody is at the other end any more: a node that waits for the
hub says nothing itself, so a hub that was started anew meanwhile could not tell it."""


class Unreached(Unavailable):
    """Nobody answers at an address; nothing was asked."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"the hub cannot be reached at `{address}`: {why}")
        self.why = why


class Broken(Unavailable):
    """A connection broke; what was asked may have been done."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"the connection to the hub at `{address}` broke: {why}")
        self.why = why


class Wire:
    """Connections on the way out. For several threads; each request has a connection of its own meanwhile.

    Args:
        trust: what certificates are checked with.
        proxy: `http://` address of a proxy on the way out, or None.
    """

    def __init__(self, trust: ssl.SSLContext, proxy: str | None = None) -> None:
        self._trust = trust
        self._proxy = None if proxy is None else urlsplit(proxy)
        # INVARIANT: `_idle` and `_is_closed` change under the lock only.
        self._lock = Lock()
        self._idle: list[tuple[str, float, http.client.HTTPConnection]] = []
        self._is_closed = False

    def close(self) -> None:
        """Close connections: those that nobody uses now, the others when they were used."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for _, _, connection in idle:
            connection.close()

    @contextmanager
    def ask(
        self,
        address: str,
        method: str,
        path: str,
        body: Bytes | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        quiet_seconds: float,
    ) -> Iterator["Reply"]:
        """Send a request once.

        Args:
            address: such as `https://hub.example:8443`.
            method: in capitals.
            path: with its query, as it is signed.
            body: sent from where it lies.
            headers: besides host and length of the body.
            quiet_seconds: how long the connection may bring nothing.

        Raises:
            Unreached: nobody answers there.
            Broken: the connection broke.
        """
        connection = self._find(address) or self._connect(address)
        is_sent = is_free = False
        try:
            with _told(address):
                connection.sock.settimeout(quiet_seconds)
                # Whoever refuses a body does not wait for its end, and says why.
                with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                    connection.request(method, path, body, {"host": name_host(address), **headers})
                    is_sent = True
                answer = connection.getresponse()
            yield Reply(answer, address)
            is_free = is_sent and answer.isclosed() and not answer.will_close
        finally:
            if is_free:
                self._keep(address, connection)
            else:
                connection.close()

    def _find(self, address: str) -> http.client.HTTPConnection | None:
        """Take a connection that is open and not used."""
        now, found, old = time.monotonic(), None, []
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                whose, since, connection = self._idle[place]
                # One that brings something unasked has been closed at the other end.
                if now - since > _IDLE_SECONDS or _is_readable(connection):
                    old.append(connection)
                elif whose == address and found is None:
                    found = connection
                else:
                    continue
                del self._idle[place]
        for connection in old:
            connection.close()
        return found

    def _keep(self, address: str, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            is_kept = not self._is_closed and len(self._idle) < _IDLE_CONNECTIONS
            if is_kept:
                self._idle.append((address, time.monotonic(), connection))
        if not is_kept:
            connection.close()

    def _connect(self, address: str) -> http.client.HTTPConnection:
        parts, proxy = urlsplit(address), self._proxy
        port = parts.port or _PORTS[parts.scheme]
        host, at = str(parts.hostname), port
        if proxy is not None:
            host, at = str(proxy.hostname), proxy.port or 80
        connection = (
            http.client.HTTPSConnection(host, at, timeout=_CONNECT_SECONDS, context=self._trust)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, at, timeout=_CONNECT_SECONDS)
        )
        if proxy is not None:
            headers = {}
            if proxy.username is not None:
                secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
                headers["proxy-authorization"] = f"Basic {b64encode(secret.encode()).decode()}"
            connection.set_tunnel(str(parts.hostname), port, headers)
        try:
            connection.connect()
            for option in _ALIVE:
                connection.sock.setsockopt(*option)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreached(address, _explain(error)) from error
        return connection


class Reply:
    """An answer of which the body has not been read.

    Args:
        answer: as it comes.
        address: of whom.
    """

    def __init__(self, answer: http.client.HTTPResponse, address: str) -> None:
        self._answer = answer
        self._address = address
        self.status = answer.status

    def read(self, most_bytes: int) -> memoryview:
        """Read the whole body.

        Raises:
            Malformed: `hub.answer`, it is longer than `most_bytes`.
            Broken: the connection broke inside it.
        """
        length = self._answer.length
        if length is None:
            return memoryview(b"".join(bytes(chunk) for chunk in self.read_chunks(most_bytes)))
        if length > most_bytes:
            raise _too_long(most_bytes)
        room, got = make_room(length), 0
        with _told(self._address):
            while got < length:
                count = self._answer.readinto(room[got:])
                if not count:
                    raise http.client.IncompleteRead(b"", length - got)
                got += count
            self._answer.read()  # nothing; now it knows that it is at its end
        return room

    def read_chunks(self, most_bytes: int) -> Iterator[memoryview]:
        """Read the body piece by piece; each is gone when the next one is read. Raises as `read`."""
        room, size = memoryview(bytearray(_CHUNK_BYTES)), 0
        length = self._answer.length
        while True:
            with _told(self._address):
                count = self._answer.readinto(room)
                if not count and length is not None and size < length:
                    raise http.client.IncompleteRead(b"", length - size)
            if not count:
                return
            size += count
            if size > most_bytes:
                raise _too_long(most_bytes)
            yield room[:count]


def make_room(size_bytes: int) -> memoryview:
    """Return zeros to write into, of which nothing is taken from the system before it is written."""
    if size_bytes < _HUGE_BYTES:
        return memoryview(bytearray(size_bytes))
    room = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        room.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(room)


def name_host(address: str) -> str:
    """Return how a request names the host at an address: without the port that its scheme has anyway."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(f":{_PORTS.get(parts.scheme)}")


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Say in our words that a connection broke."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise Broken(address, _explain(error)) from error


def _explain(error: Exception) -> str:
    return str(error) or type(error).__name__


def _is_readable(connection: http.client.HTTPConnection) -> bool:
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _too_long(most_bytes: int) -> Malformed:
    return Malformed("hub.answer", f"the hub sends more than {most_bytes:,} bytes")
