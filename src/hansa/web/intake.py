"""What comes in: who asks, and the body of a request, never larger or slower than allowed."""

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from starlette.requests import ClientDisconnect, Request

from hansa import entropy
from hansa.engine import Letter
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.hub import Caller, Hub, TooOften, verify_body, verify_role
from hansa.transparency import canonical
from hansa.transparency.request import CONTENT_DIGEST, SIGNATURE, SIGNATURE_INPUT, Target
from hansa.web.connections import group_address

LEAST_BYTES_PER_SECOND: Final = 10_000
"""How slow a body may be on average, after the first half minute."""

VOUCH: Final = "hansa.vouch"
"""Where a request's scope says how to note that a member has asked on its connection."""

_NOTHING: Final = hashlib.sha256(b"").digest()
_SHORT_BYTES: Final = 256 * 1024
"""Up to here a body stays in memory."""

_PATIENCE_SECONDS: Final = 30
_ONCE: Final = frozenset(
    {"authorization", "host", "content-length", CONTENT_DIGEST, SIGNATURE_INPUT, SIGNATURE}
)


def admit(request: Request, hub: Hub) -> Caller:
    """Check who asks, before the body is read.

    Raises:
        Malformed, Refused: see `Gate.admit`; `request.role`; `request.body`, `request.digest`, where there is to be no body.
    """
    with charged(request, hub):
        headers = read_headers(request)
        target = Target(
            request.method,
            headers.get("host", ""),
            request.scope["raw_path"].decode("ascii"),
            request.scope["query_string"].decode("ascii"),
        )
        caller = hub.gate.admit(target, headers, time.monotonic())
    request.scope["hansa.member"] = caller.member
    request.scope.get(VOUCH, _do_nothing)()
    if request.method not in {"GET", "HEAD"}:
        verify_role(caller, entries=request.scope["path"] == "/v1/entries")
    if request.method in {"GET", "HEAD"}:
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            raise Malformed("request.body", f"a `{request.method}` has no body")
        verify_body(caller, _NOTHING)
    return caller


@contextmanager
def charged(request: Request, hub: Hub) -> Iterator[None]:
    """Let whoever cannot show who it is have asked as nobody.

    Raises:
        Refused: `request.rate`, nobody has asked too often from this address.
    Guarantees:
        Who can show it is not kept out by what others do, also not at the same address, as behind a proxy.
    """
    try:
        yield
    except TooOften:
        raise  # a member, by its own doing
    except HansaError:
        admit_anybody(request, hub)
        raise


def admit_anybody(request: Request, hub: Hub) -> None:
    """Let somebody in who does not say who it is, not too often.

    Raises:
        Refused: `request.rate`.
    """
    hub.open_limiter.spend(read_address(request), time.monotonic())


def read_address(request: Request) -> str:
    """Return the address at the other end of the connection, whatever a header says."""
    return group_address(request.client.host if request.client is not None else "")


def read_headers(request: Request) -> dict[str, str]:
    """Return the headers by name.

    Raises:
        Malformed: `request.form`, one that matters comes twice.
    """
    headers: dict[str, str] = {}
    for raw, value in request.scope["headers"]:
        name = raw.decode("latin-1")
        if name in headers and name in _ONCE:
            raise Malformed("request.form", f"the header `{name}` comes twice")
        headers[name] = value.decode("latin-1")
    return headers


async def read_json(request: Request, hub: Hub, caller: Caller | None, most_bytes: int) -> canonical.Json:
    """Read a body of canonical JSON into memory.

    Args:
        request: the request; its body has not been read.
        hub: whose limits.
        caller: whose digest the body must have; None where nobody signed.
        most_bytes: it may be no longer.

    Raises:
        Malformed: `request.digest`, `canonical-json.*`, `request.body`.
        Refused: `request.body-size`, `request.slow`.
    """
    return canonical.parse(await read_bytes(request, hub, caller, most_bytes))


async def read_bytes(request: Request, hub: Hub, caller: Caller | None, most_bytes: int) -> bytes:
    """Read a body into memory; see `read_json`."""
    body = b"".join([chunk async for chunk in read_chunks(request, hub, most_bytes)])
    if caller is not None:
        verify_body(caller, hashlib.sha256(body).digest())
    return body


async def collect(
    request: Request, hub: Hub, caller: Caller, most_bytes: int, *, to_file: bool = False
) -> Letter:
    """Read a body, piece by piece: a long one into a file beside the log.

    Args:
        request: the request; its body has not been read.
        hub: whose spool and limits.
        caller: whose digest the body must have.
        most_bytes: it may be no longer.
        to_file: a short one, too.

    Raises:
        Malformed: `request.digest`, `request.body`.
        Refused: `request.body-size`, `request.slow`.
        Unavailable: the disk fails.
    Guarantees:
        When it raises, the file is gone.
    """
    digest = hashlib.sha256()
    kept: list[bytes] = []
    size = 0
    path: Path | None = None
    file: FileIO | None = None
    try:
        async for chunk in read_chunks(request, hub, most_bytes):
            digest.update(chunk)
            kept.append(chunk)
            size += len(chunk)
            if file is None and size > _SHORT_BYTES:
                path, file = _open(hub, request)
            if file is not None:
                _write(hub, file, kept)
        if file is None and to_file:
            path, file = _open(hub, request)
            _write(hub, file, kept)
        verify_body(caller, digest.digest())
    except BaseException as error:
        if path is not None:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"the hub's disk does not take what was sent: {error.strerror}") from error
        raise
    finally:
        if file is not None:
            file.close()
    return Letter(digest.digest(), None if path is not None else b"".join(kept), path)


def _open(hub: Hub, request: Request) -> tuple[Path, FileIO]:
    """Make a file in the spool, if the disk has room for what is said to come.

    Raises:
        Unavailable: it has not.
    """
    _require_room(hub, int(request.headers.get("content-length", "0")))
    path = hub.folder.spool / entropy.draw(16).hex()
    return path, path.open("xb", buffering=0)


def _write(hub: Hub, file: FileIO, kept: list[bytes]) -> None:
    """Write what is in memory to a file, and forget it there.

    Raises:
        Unavailable: the disk has no room for it; asked each time, for a length may be left out, and others write too.
    """
    for chunk in kept:
        _require_room(hub, len(chunk))
        view = memoryview(chunk)
        while view:
            view = view[file.write(view) :]
    kept.clear()


def _require_room(hub: Hub, size_bytes: int) -> None:
    reserve = hub.settings.limits.reserve_mebibytes * 1024 * 1024
    if shutil.disk_usage(hub.folder.spool).free - size_bytes < reserve:
        raise Unavailable("the hub's disk is nearly full, and what is left is for the log")


async def read_chunks(request: Request, hub: Hub, most_bytes: int) -> AsyncIterator[bytes]:
    """Read a body piece by piece.

    Raises:
        Malformed: `request.body`, the connection ended inside it.
        Refused: `request.body-size`, `request.slow`.
    """
    said = request.headers.get("content-length", "0")
    if not said.isascii() or not said.isdigit() or int(said) > most_bytes:
        raise _too_large(most_bytes)
    began, size = time.monotonic(), 0
    stalled = hub.settings.limits.stalled_seconds
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(stalled):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise Refused("request.slow", f"nothing came for {stalled} seconds") from None
        except ClientDisconnect:
            raise Malformed("request.body", "the connection ended inside the body") from None
        if chunk is None:
            return
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        if time.monotonic() - began > _PATIENCE_SECONDS + size / LEAST_BYTES_PER_SECOND:
            raise Refused("request.slow", f"less than {LEAST_BYTES_PER_SECOND:,} bytes a second came")
        yield chunk


def _do_nothing() -> None:
    pass


def _too_large(most_bytes: int) -> Refused:
    return Refused("request.body-size", f"a body here has at most {most_bytes:,} bytes")
