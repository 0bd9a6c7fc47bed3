"""The doorway that every request passes: one spelling of paths, an end to slow readers, a count and a line of the journal."""

import asyncio
import logging
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hansa.errors import HansaError, Refused
from hansa.hub import Limiter, TooOften
from hansa.transparency import canonical
from hansa.web.journal import LOGGER, note
from hansa.web.operations import Meter
from hansa.web.problems import MEDIA_TYPE, Problem, describe

ABORT: Final = "hansa.abort"
"""Where a request's scope says how to cut its connection."""

PENANCE_SECONDS: Final = 0.25
"""How long whoever asks too often waits for the answer that says so."""

_LINES_PER_SECOND: Final = 10
_LINES_AT_ONCE: Final = 200


class Doorway:
    """Stands before a service.

    Args:
        service: what is behind it.
        meter: counts.
        stalled_seconds: how long a reader may leave a piece of an answer standing.
    """

    def __init__(self, service: ASGIApp, meter: Meter, stalled_seconds: int) -> None:
        self._service = service
        self._meter = meter
        self._stalled_seconds = stalled_seconds
        # Strangers must not fill the disk with what is written about them.
        self._lines = Limiter(_LINES_PER_SECOND, _LINES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._service(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._stalled_seconds)
        self._meter.under_way += 1
        try:
            if scope["raw_path"] != scope["path"].encode("utf-8"):
                # A second spelling of a path is nobody's path, and nothing behind here has to think of it.
                refused = Refused("request.unknown", "paths here have no percent signs")
                answer = await answer_failure(Request(scope), refused)
                await answer(scope, visit.receive, visit.send)
            else:
                await self._service(scope, visit.receive, visit.send)
        except _GoneError:
            visit.status = visit.status or 499
            # Closing would wait until what is left was read.
            scope.get(ABORT, _do_nothing)()
        except Exception:  # noqa: BLE001 - this is the face; whoever asked has got its answer, or gets none
            LOGGER.exception("defect", extra={"facts": {"method": scope["method"]}})
            visit.status = 500
            if not visit.has_begun:
                problem = Problem("defect", "defect", ("the hub made a mistake; its journal says which",))
                await write_problem(problem)(scope, visit.receive, visit.send)
        finally:
            self._meter.under_way -= 1
            self._note(scope, visit)

    def _note(self, scope: Scope, visit: "_Visit") -> None:
        seconds = time.perf_counter() - visit.began
        route = getattr(scope.get("route"), "path", "unknown")
        self._meter.count(
            scope["method"],
            route,
            visit.status,
            seconds=seconds,
            sent=visit.sent_bytes,
            received=visit.received_bytes,
        )
        note(
            "request",
            self._weigh(visit.status),
            method=scope["method"],
            path=scope["path"][:200],
            status=visit.status,
            member=scope.get("hansa.member"),
            address=scope["client"][0] if scope["client"] else None,
            milliseconds=round(seconds * 1000, 1),
            received_bytes=visit.received_bytes,
            sent_bytes=visit.sent_bytes,
            **({"rule": scope["hansa.rule"]} if "hansa.rule" in scope else {}),
        )

    def _weigh(self, status: int) -> int:
        if status < 400:
            return logging.DEBUG
        try:
            self._lines.spend("", time.monotonic())
        except TooOften:
            return logging.DEBUG
        return logging.WARNING if status >= 500 else logging.INFO


def _do_nothing() -> None:
    pass


class _GoneError(Exception):
    """The reader does not read."""


class _Visit:
    """One request as it passes."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stalled_seconds: int) -> None:
        self._stalled_seconds = stalled_seconds
        self.began = time.perf_counter()
        self.status = 0
        self.sent_bytes = 0
        self.received_bytes = 0
        self.has_begun = False
        headers = dict(scope["headers"])
        self._waits_for_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received_bytes += len(message.get("body", b""))
            self._waits_for_body = self._waits_for_body and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.has_begun = True
            if self._waits_for_body:
                # What was not read is not waited for.
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        else:
            self.sent_bytes += len(message.get("body", b""))
        try:
            async with asyncio.timeout(self._stalled_seconds):
                await self._send(message)
        except TimeoutError:
            raise _GoneError from None


async def answer_failure(request: Request, error: Exception) -> Response:
    """Return the answer to a request that failed as expected; one that came too often waits for it."""
    assert isinstance(error, HansaError)  # it is registered for these only
    problem = describe(error)
    request.scope["hansa.rule"] = problem.rule
    answer = write_problem(problem)
    if isinstance(error, TooOften):
        # So one connection has few tries a second, and the signatures that are checked for nothing are bounded.
        await asyncio.sleep(PENANCE_SECONDS)
        answer.headers["retry-after"] = str(max(1, round(error.wait_seconds)))
    elif problem.status == 503:
        answer.headers["retry-after"] = "1"
    return answer


def write_problem(problem: Problem) -> Response:
    """Return a problem document."""
    return Response(
        canonical.encode(problem.to_json()),
        problem.status,
        {"cache-control": "no-store"},
        media_type=MEDIA_TYPE,
    )
