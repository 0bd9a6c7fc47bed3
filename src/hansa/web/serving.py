"""Serving: a service behind TLS 1.3, with an end to everybody who is slow, until somebody says stop."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hansa.errors import HansaError, Unavailable
from hansa.hub import Hub
from hansa.web.bell import Bell
from hansa.web.doorway import ABORT
from hansa.web.journal import note
from hansa.web.service import make_service

IDLE_SECONDS: Final = 75
"""How long a connection may stay open between two requests."""

HEADER_BYTES: Final = 32 * 1024
"""The most that a request may have before its body."""

STOP_SECONDS: Final = 10
"""How long requests under way may take once the hub is to stop."""

GOODBYE_SECONDS: Final = 3
"""How long a caller may take to say goodbye; one whose cable is out never does."""

_RENEW_SECONDS: Final = 3_600
_ONE_ADDRESS: Final = 4
"""One address may hold a quarter of the connections; behind a proxy, where all are one, the proxy sets limits."""


class PatientlessProtocol(HttpToolsProtocol):
    """HTTP/1.1 that hangs up on whoever takes too long to say what it wants, or says too much before its body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._header_bytes = 0
        self._in_headers = True
        served = self.config.app
        assert isinstance(served, Served)  # `serve` made it
        self._connections, self._header_seconds = served.connections, served.header_seconds
        self._deadline = self.loop.call_later(self._header_seconds, transport.abort)
        if not self._connections.take(self.client[0] if self.client else ""):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._deadline.cancel()
        self._connections.give_back(self.client[0] if self.client else "")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a body, and begin to wait when a request begins."""
        if self._in_headers:
            if self._header_bytes == 0:
                self._deadline.cancel()
                self._deadline = self.loop.call_later(self._header_seconds, self.transport.abort)
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Stop waiting: the service reads the body and has its own limits."""
        self._in_headers = False
        self._deadline.cancel()
        self.scope[ABORT] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # for the doorway
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._in_headers = True
        self._header_bytes = 0
        super().on_message_complete()


class Connections:
    """How many connections there are, and from where.

    Args:
        most: of all addresses together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_address: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Count one more; say whether it may stay. Either way it is given back when it is lost."""
        self._by_address[address] += 1
        few = max(4, self._most // _ONE_ADDRESS)
        return self._by_address.total() <= self._most and (
            self._by_address[address] <= few or address in {"127.0.0.1", "::1"}
        )

    def give_back(self, address: str) -> None:
        """Count one less."""
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


class Served:
    """A service with what the protocol before it needs to know."""

    def __init__(self, service: ASGIApp, connections: Connections, header_seconds: int) -> None:
        self.service = service
        self.connections = connections
        self.header_seconds = header_seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Pass it on."""
        await self.service(scope, receive, send)


def serve(hub: Hub, ready: Callable[[], None]) -> None:
    """Serve a hub until SIGTERM or SIGINT.

    Args:
        hub: the hub; the caller closes it.
        ready: told once that requests are served.

    Raises:
        Unavailable: the address cannot be listened at, or the certificate cannot be used.
    """
    context = _make_context(hub) if hub.settings.is_encrypted else None
    listener = _listen(hub)
    with asyncio.Runner(loop_factory=_make_loop) as runner:
        runner.run(_serve(hub, context, listener, ready))


async def _serve(
    hub: Hub, context: ssl.SSLContext | None, listener: socket.socket, ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    bell, run_bell = Bell(), Bell()
    limits = hub.settings.limits
    served = Served(make_service(hub, bell, run_bell), Connections(limits.connections), limits.header_seconds)
    config = Config(
        served,
        http=PatientlessProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    config.load()
    server = Server(config)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await server.on_tick(0)
    state = server.server_state
    acceptor = await loop.create_server(
        lambda: PatientlessProtocol(config, state, {}, loop),
        sock=listener,
        ssl=context,
        backlog=1_024,
        ssl_handshake_timeout=limits.header_seconds if context is not None else None,
        ssl_shutdown_timeout=GOODBYE_SECONDS if context is not None else None,
    )
    renewal = asyncio.create_task(_renew(hub, context)) if context is not None else None
    dates = asyncio.create_task(_keep_date(server))
    hub.begin(bell.ring, run_bell.ring)
    ready()
    await stopped.wait()
    note("stopping", requests=len(state.tasks))
    bell.close()
    run_bell.close()
    dates.cancel()
    if renewal is not None:
        renewal.cancel()
    server.servers, server.lifespan = [acceptor], config.lifespan_class(config)
    await server.shutdown()


async def _keep_date(server: Server) -> None:
    """Renew the `Date` of answers each second; callers compare their clocks with it."""
    while True:
        await asyncio.sleep(1)
        await server.on_tick(0)


async def _renew(hub: Hub, context: ssl.SSLContext) -> None:
    """Look after the certificate; new connections get the new one."""
    shown = await asyncio.to_thread(hub.provide_certificate)
    seen = shown[0].read_bytes()
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        with contextlib.suppress(HansaError, OSError, ssl.SSLError):
            certificate, key = await asyncio.to_thread(hub.provide_certificate)
            if certificate.read_bytes() != seen:
                context.load_cert_chain(certificate, key)
                seen = certificate.read_bytes()
                note("certificate renewed")


def _make_context(hub: Hub) -> ssl.SSLContext:
    certificate, key = hub.provide_certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(f"the certificate `{certificate}` cannot be used: {error}") from error
    return context


def _listen(hub: Hub) -> socket.socket:
    host, port = hub.settings.listens_at
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"`{hub.settings.listen}` cannot be listened at: {error.strerror}") from error
    return listener


def _make_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
