"""Serving: a service behind TLS 1.3, with an end to everybody who is slow, until somebody says stop."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from hansa.errors import HansaError, Unavailable
from hansa.hub import Hub
from hansa.transparency import canonical
from hansa.web.bell import Bell
from hansa.web.connections import Connections, Place, group_address, make_room_for_files
from hansa.web.doorway import ABORT
from hansa.web.intake import VOUCH
from hansa.web.journal import note
from hansa.web.problems import MEDIA_TYPE, Problem
from hansa.web.service import make_service

IDLE_SECONDS: Final = 75
"""How long a connection may stay open between two requests."""

HEADER_BYTES: Final = 32 * 1024
"""The most that a request may have before its body."""

STOP_SECONDS: Final = 10
"""How long requests under way may take once the hub is to stop."""

GOODBYE_SECONDS: Final = 3
"""How long a caller may take to say goodbye; one whose cable is out never does."""

_BACKLOG: Final = 1_024
_RENEW_SECONDS: Final = 3_600
_TIRED_SECONDS: Final = 0.1
"""Before connections are taken again when that failed, as when there are too many files."""


class PatientlessProtocol(HttpToolsProtocol):
    """HTTP/1.1 that hangs up on whoever takes too long to say what it wants, or says too much before its body."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        *,
        connections: Connections,
        place: Place,
        header_seconds: int,
    ) -> None:
        super().__init__(config, state, {}, loop)
        self._connections = connections
        self._place = place
        self._header_seconds = header_seconds
        self._header_bytes = 0
        self._in_headers = True
        self._is_heard = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._place.hang_up = transport.abort
        self._deadline = self.loop.call_later(self._header_seconds, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._deadline.cancel()
        self._connections.give_back(self._place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a body, and begin to wait when a request begins."""
        if not self._is_heard:
            return
        if self._in_headers:
            if self._header_bytes == 0:
                self._deadline.cancel()
                self._deadline = self.loop.call_later(self._header_seconds, self.transport.abort)
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self._refuse_headers()

    def on_headers_complete(self) -> None:
        """Stop waiting: the service reads the body and has its own limits."""
        self._in_headers = False
        self._deadline.cancel()
        self.scope[ABORT] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # for the doorway
        self.scope[VOUCH] = self._vouch  # type: ignore[typeddict-unknown-key]  # for the intake
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._in_headers = True
        self._header_bytes = 0
        super().on_message_complete()

    def _refuse_headers(self) -> None:
        """Say that it is too much, and hear nothing more; closing at once would take the answer along."""
        self._is_heard = False
        self._deadline.cancel()
        self._deadline = self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # None before the first
            reason = f"a request has at most {HEADER_BYTES:,} bytes before its body"
            body = canonical.encode(Problem("malformed", "request.headers", (reason,)).to_json())
            head = (
                "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)

    def _vouch(self) -> None:
        self._connections.vouch(self._place)


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
    connections = Connections(make_room_for_files(limits.connections))
    config = Config(
        make_service(hub, bell, run_bell),
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
    acceptance = asyncio.create_task(
        _accept(
            listener,
            connections,
            lambda place: PatientlessProtocol(
                config,
                state,
                loop,
                connections=connections,
                place=place,
                header_seconds=limits.header_seconds,
            ),
            context,
            limits.header_seconds,
        )
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
    acceptance.cancel()
    await asyncio.wait({acceptance})
    listener.close()
    server.servers, server.lifespan = [], config.lifespan_class(config)
    await server.shutdown()


async def _accept(
    listener: socket.socket,
    connections: Connections,
    make_protocol: Callable[[Place], asyncio.Protocol],
    context: ssl.SSLContext | None,
    handshake_seconds: int,
) -> None:
    """Take connections in, and count each before its TLS handshake: who never makes one is a stranger, too."""
    loop = asyncio.get_running_loop()
    patience = (
        {}
        if context is None
        else {"ssl_handshake_timeout": handshake_seconds, "ssl_shutdown_timeout": GOODBYE_SECONDS}
    )
    shaking: set[asyncio.Task[None]] = set()

    async def shake(accepted: socket.socket, place: Place) -> None:
        try:
            await loop.connect_accepted_socket(
                lambda: make_protocol(place), accepted, ssl=context, **patience
            )
        except BaseException as error:
            accepted.close()
            connections.give_back(place)
            if not isinstance(error, OSError | TimeoutError):
                raise

    try:
        while True:
            try:
                accepted, address = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(_TIRED_SECONDS)
                continue
            place = Place(group_address(address[0]), partial(_cut, accepted))
            connections.take(place)
            task = asyncio.create_task(shake(accepted, place))
            shaking.add(task)
            task.add_done_callback(shaking.discard)
    finally:
        # Who is amid a handshake would be let in by nobody who tells it to leave, and keep the hub from stopping.
        for task in shaking:
            task.cancel()
        await asyncio.gather(*shaking, return_exceptions=True)


def _cut(accepted: socket.socket) -> None:
    """End a connection from below."""
    with contextlib.suppress(OSError):
        accepted.shutdown(socket.SHUT_RDWR)


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
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except OSError as error:
        listener.close()
        raise Unavailable(f"`{hub.settings.listen}` cannot be listened at: {error.strerror}") from error
    return listener


def _make_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
