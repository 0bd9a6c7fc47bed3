"""Blobs over HTTP: bytes named by their SHA-256, streamed both ways."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import Hub
from hansa.web.description import SIGNED, DigestPart, describe_answers, describe_bytes
from hansa.web.intake import admit, collect
from hansa.web.ranges import read_range

_CHUNK_BYTES: Final = 256 * 1024
_MEBIBYTE: Final = 1024 * 1024


def blob_routes(hub: Hub) -> APIRouter:
    """Return the requests about blobs."""
    router = APIRouter(tags=["blobs"])
    answers = describe_answers("application/octet-stream", "the bytes", s206="the part that was asked for")

    @router.get("/v1/blobs/{digest}", responses=answers, openapi_extra=SIGNED)
    async def get_blob(request: Request, digest: DigestPart) -> Response:
        """Return a blob, or one range of it."""
        admit(request, hub)
        path, size = _find(hub, digest)
        start, stop = read_range(request, size)
        headers = _describe(digest, stop - start)
        if (start, stop) == (0, size):
            return StreamingResponse(send_file(path, 0, size), 200, headers)
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        return StreamingResponse(send_file(path, start, stop), 206, headers)

    @router.head("/v1/blobs/{digest}", responses=answers, openapi_extra=SIGNED)
    async def head_blob(request: Request, digest: DigestPart) -> Response:
        """Say whether a blob is there, and how long it is."""
        admit(request, hub)
        _, size = _find(hub, digest)
        return Response(status_code=200, headers=_describe(digest, size))

    @router.put(
        "/v1/blobs/{digest}",
        status_code=204,
        responses=describe_answers("text/plain", "never", s204="it is kept"),
        openapi_extra={**SIGNED, **describe_bytes()},
    )
    async def put_blob(request: Request, digest: DigestPart) -> Response:
        """Keep a blob; keeping it twice is the same."""
        caller = admit(request, hub)
        hub.blobs.path(digest)
        if caller.body_digest.hex() != digest:
            raise Malformed("blob.digest", "the body that was signed is not the blob of this name")
        most = hub.settings.limits.blob_mebibytes * _MEBIBYTE
        letter = await collect(request, hub, caller, most, to_file=True)
        assert letter.path is not None  # as was asked for
        await asyncio.to_thread(hub.blobs.adopt, letter.path, digest)
        return Response(status_code=204)

    return router


async def send_file(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    """Read a file piece by piece, from byte `start` to `stop` (not included)."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while start < stop:
            chunk = file.read(min(_CHUNK_BYTES, stop - start))
            if not chunk:
                raise Unavailable(f"`{path.name}` became shorter while it was read")
            start += len(chunk)
            yield chunk


def _find(hub: Hub, digest: DigestPart) -> tuple[Path, int]:
    path = hub.blobs.path(digest)
    try:
        return path, path.stat().st_size
    except FileNotFoundError:
        raise Refused("blob.unknown", f"there is no blob `{digest}` here") from None
    except OSError as error:
        raise Unavailable(f"the blob `{digest}` cannot be read: {error.strerror}") from error


def _describe(digest: str, size: int) -> dict[str, str]:
    return {
        "etag": f'"{digest}"',
        "content-length": str(size),
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
    }
