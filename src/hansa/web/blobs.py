"""Blobs over HTTP: bytes named by their SHA-256, streamed both ways."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hansa.errors import Malformed, Refused, Unavailable
from hansa.hub import Hub
from hansa.store import check_name
from hansa.web.description import SIGNED, DigestPart, describe_answers, describe_bytes
from hansa.web.intake import admit, collect
from hansa.web.ranges import read_range

_MEBIBYTE: Final = 1024 * 1024


def blob_routes(hub: Hub) -> APIRouter:
    """Return the requests about blobs."""
    router = APIRouter(tags=["blobs"])
    answers = describe_answers("application/octet-stream", "the bytes", s206="the part that was asked for")

    @router.get("/v1/blobs/{digest}", responses=answers, openapi_extra=SIGNED)
    async def get_blob(request: Request, digest: DigestPart) -> Response:
        """Return a blob, or one range of it."""
        admit(request, hub)
        size = await measure(digest)
        start, stop = read_range(request, size)
        headers = _describe(digest, stop - start)
        parts = send_parts(hub.blobs.read_part(digest, start, stop))
        if (start, stop) == (0, size):
            return StreamingResponse(parts, 200, headers)
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
        return StreamingResponse(parts, 206, headers)

    @router.head("/v1/blobs/{digest}", responses=answers, openapi_extra=SIGNED)
    async def head_blob(request: Request, digest: DigestPart) -> Response:
        """Say whether a blob is there, and how long it is."""
        admit(request, hub)
        size = await measure(digest)
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
        check_name(digest)
        hub.clerk.require_lead()
        if caller.body_digest.hex() != digest:
            raise Malformed("blob.digest", "the body that was signed is not the blob of this name")
        most = hub.settings.limits.blob_mebibytes * _MEBIBYTE
        letter = await collect(request, hub, caller, most, to_file=True)
        assert letter.path is not None  # as was asked for
        try:
            await asyncio.to_thread(hub.blobs.adopt, letter.path, digest)
        except Unavailable:
            letter.discard()
            raise
        return Response(status_code=204)

    async def measure(digest: str) -> int:
        size = await asyncio.to_thread(hub.blobs.measure, digest)
        if size is None:
            raise Refused("blob.unknown", f"there is no blob `{digest}` here")
        return size

    return router


async def send_parts(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read piece by piece, beside what the event loop does."""
    while (chunk := await asyncio.to_thread(next, parts, None)) is not None:
        yield chunk


def _describe(digest: str, size: int) -> dict[str, str]:
    return {
        "etag": f'"{digest}"',
        "content-length": str(size),
        "content-type": "application/octet-stream",
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
    }
