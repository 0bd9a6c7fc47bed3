"""Runs over HTTP: the turns of a member, and how far a run is. See `docs/formats/wire.md`, "Turns of a run"."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hansa.errors import Refused
from hansa.hub import Caller, Hub
from hansa.web.bell import Bell
from hansa.web.description import SIGNED, CountPart, DigestPart, NumberPart, describe_answers, describe_bytes
from hansa.web.document import answer_json
from hansa.web.intake import admit, collect
from hansa.web.record import read_wait

_CHUNK_BYTES: Final = 256 * 1024
_MEBIBYTE: Final = 1024 * 1024
_PATH: Final = "/v1/runs/{run}/{carriage}/turns/{number}"


def run_routes(hub: Hub, bell: Bell) -> APIRouter:
    """Return the requests about runs.

    Args:
        hub: whose runs.
        bell: rung when there are new messages, or a run has ended.
    """
    router = APIRouter(tags=["runs"])
    message = describe_answers("application/octet-stream", "the next message", s204="there is none yet")

    @router.get(
        "/v1/runs/{run}",
        responses=describe_answers("application/json", "how far the run is"),
        openapi_extra=SIGNED,
    )
    async def get_run(request: Request, run: DigestPart) -> Response:
        """Say how far a run is, and what came of it."""
        caller = admit(request, hub)
        return answer_json(hub.conductor.describe(run, caller.member))

    @router.get(_PATH, responses=message, openapi_extra=SIGNED)
    async def get_turn(
        request: Request, run: DigestPart, carriage: CountPart, number: NumberPart
    ) -> Response:
        """Return a message of the coordinator to this member; with `Prefer: wait=25`, as soon as there is one."""
        caller = admit(request, hub)
        return await bring_message(request, caller, run, read_number(carriage, least=0), read_number(number))

    @router.put(_PATH, responses=message, openapi_extra={**SIGNED, **describe_bytes()})
    async def put_turn(
        request: Request, run: DigestPart, carriage: CountPart, number: NumberPart
    ) -> Response:
        """Take this member's answer, and return the next message, as soon as there is one."""
        caller = admit(request, hub)
        carried, turn = read_number(carriage, least=0), read_number(number)
        mailbox = hub.conductor.find_mailbox(run, carried, caller.member)
        if mailbox is None:
            raise Refused("turn.order", "the run has not begun yet")
        with mailbox.attended(caller.member):
            # Before it is sent: many megabytes that nobody waits for stay where they are.
            mailbox.verify_open(caller.member, turn, caller.body_digest)
            most = hub.settings.limits.message_mebibytes * _MEBIBYTE
            letter = await collect(request, hub, caller, most)
            try:
                mailbox.bring(caller.member, turn, letter)
            except Refused:
                letter.discard()
                raise
        return await bring_message(request, caller, run, carried, turn + 1)

    async def bring_message(
        request: Request, caller: Caller, run: str, carriage: int, number: int
    ) -> Response:
        """Wait for a message, no longer than the caller is willing to."""
        found: list[bytes] = []

        def look() -> bool:
            mailbox = hub.conductor.find_mailbox(run, carriage, caller.member)
            fetched = None if mailbox is None else mailbox.fetch(caller.member, number)
            if fetched is not None:
                found.append(fetched)
            return fetched is not None

        mailbox = hub.conductor.find_mailbox(run, carriage, caller.member)
        with mailbox.attended(caller.member) if mailbox is not None else nullcontext():
            await bell.wait_until(look, read_wait(request))
        return send_bytes(found[0]) if found else Response(status_code=204)

    return router


def send_bytes(data: bytes) -> Response:
    """Return an answer of raw bytes, sent piece by piece and not copied."""
    headers = {"content-length": str(len(data)), "cache-control": "no-store"}
    if len(data) <= _CHUNK_BYTES:
        return Response(data, headers=headers, media_type="application/octet-stream")
    return StreamingResponse(_cut(data), headers=headers, media_type="application/octet-stream")


async def _cut(data: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(data)
    for start in range(0, len(data), _CHUNK_BYTES):
        yield view[start : start + _CHUNK_BYTES]


def read_number(text: str, *, least: int = 1) -> int:
    """Read a number of a path, in its one spelling.

    Raises:
        Refused: `request.unknown`.
    """
    if (
        not text.isascii()
        or not text.isdigit()
        or len(text) > 9
        or str(int(text)) != text
        or int(text) < least
    ):
        raise Refused("request.unknown", "there is nothing at this path")
    return int(text)
