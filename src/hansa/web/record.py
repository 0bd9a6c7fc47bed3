"""The log over HTTP: checkpoint, tiles, entries, cosignatures. See `docs/formats/wire.md`."""

import asyncio
import re
from collections import OrderedDict
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from hansa.hub import Hub
from hansa.transparency import TILE_WIDTH, TilePlace, canonical, parse_envelope, parse_tile_path
from hansa.web.bell import Bell
from hansa.web.description import SIGNED, TilePart, describe_answers, describe_json
from hansa.web.document import Body, answer_json, parse_body
from hansa.web.intake import admit, admit_anybody, read_json
from hansa.web.ranges import read_range

MAX_WAIT_SECONDS: Final = 60
MAX_ENTRIES: Final = 100

_MAX_ENTRIES_BYTES: Final = 10 * 1024 * 1024
_MAX_COSIGNATURES_BYTES: Final = 256 * 1024
_CACHED_BUNDLES: Final = 8
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")
_FOREVER: Final = "max-age=31536000, immutable"


class Entries(Body):
    """Entries, each a DSSE envelope."""

    entries: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ENTRIES)]


class Cosignatures(Body):
    """Lines of cosignatures of the checkpoint of a size."""

    size: Annotated[int, Field(ge=1, lt=2**53)]
    signatures: Annotated[
        list[Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\n]*$")]],
        Field(min_length=1, max_length=64),
    ]


def record_routes(hub: Hub, bell: Bell) -> APIRouter:
    """Return the requests about the log.

    Args:
        hub: whose log.
        bell: rung when readers see something new.
    """
    router = APIRouter(tags=["record"])
    bundles: OrderedDict[TilePlace, bytes] = OrderedDict()

    def admit_reader(request: Request) -> str:
        """Let a reader in; return who may keep what it gets."""
        if hub.settings.readers == "anyone" and "signature" not in request.headers:
            admit_anybody(request, hub)
            return "public"
        admit(request, hub)
        return "private"

    @router.get(
        "/checkpoint",
        responses=describe_answers("text/plain", "the newest checkpoint", s304="nothing is new"),
        openapi_extra=SIGNED,
    )
    async def get_checkpoint(request: Request) -> Response:
        """Return the newest checkpoint; with `If-None-Match` and `Prefer: wait=25`, as soon as there is another one."""
        kept_by = admit_reader(request)
        known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"')
        if known and (seconds := read_wait(request)):
            await bell.wait_until(lambda: hub.clerk.published.tag != known, seconds)
        published = hub.clerk.published
        headers = {"etag": f'"{published.tag}"', "cache-control": f"{kept_by}, no-cache", "vary": "Prefer"}
        if published.tag == known:
            return Response(status_code=304, headers=headers)
        return Response(published.text, headers=headers, media_type="text/plain")

    @router.get(
        "/tile/{place:path}",
        responses=describe_answers(
            "application/octet-stream", "a tile or a bundle of entries", s206="the part that was asked for"
        ),
        openapi_extra=SIGNED,
    )
    async def get_tile(request: Request, place: TilePart) -> Response:
        """Return a tile or a bundle of entries."""
        kept_by = admit_reader(request)
        wanted = parse_tile_path(f"tile/{place}")
        size = hub.clerk.published.size
        data = bundles.get(wanted)
        if data is None:
            data = await asyncio.wrap_future(hub.clerk.ask(lambda reading: reading.read_tile(wanted, size)))
            if wanted.level is None:
                bundles[wanted] = data
                while len(bundles) > _CACHED_BUNDLES:
                    bundles.popitem(last=False)
        # A tile never changes; one that is not full is only asked for once.
        kept = _FOREVER if wanted.width == TILE_WIDTH else "max-age=60"
        headers = {"cache-control": f"{kept_by}, {kept}", "accept-ranges": "bytes"}
        start, stop = read_range(request, len(data))
        if stop - start < len(data):
            headers["content-range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return Response(
            data[start:stop],
            206 if "content-range" in headers else 200,
            headers,
            media_type="application/octet-stream",
        )

    @router.post(
        "/v1/entries",
        responses=describe_answers("application/json", "the numbers of the entries"),
        openapi_extra={**SIGNED, **describe_json(Entries)},
    )
    async def post_entries(request: Request) -> Response:
        """Sequence entries, all or none. Those that stand on the log already are answered with their numbers again."""
        caller = admit(request, hub)
        hub.clerk.require_lead()
        body = parse_body(Entries, await read_json(request, hub, caller, _MAX_ENTRIES_BYTES))
        envelopes = [parse_envelope(entry) for entry in body.entries]
        numbers = await asyncio.wrap_future(hub.clerk.submit(envelopes))
        listed: list[canonical.Json] = [*numbers]
        return answer_json({"numbers": listed})

    @router.post(
        "/v1/cosignatures",
        status_code=204,
        responses=describe_answers("text/plain", "never", s204="they are kept"),
        openapi_extra={**SIGNED, **describe_json(Cosignatures)},
    )
    async def post_cosignatures(request: Request) -> Response:
        """Take in cosignatures of a checkpoint."""
        caller = admit(request, hub)
        hub.clerk.require_lead()
        body = parse_body(Cosignatures, await read_json(request, hub, caller, _MAX_COSIGNATURES_BYTES))
        await asyncio.wrap_future(hub.clerk.cosign(body.size, body.signatures))
        return Response(status_code=204)

    return router


def read_wait(request: Request) -> int:
    """Return how many seconds the caller is willing to wait; 0 when it does not say so."""
    match = _WAIT.search(request.headers.get("prefer", ""))
    return min(int(match[1]), MAX_WAIT_SECONDS) if match else 0
