"""The founding over HTTP, for those who hold an invitation. See `docs/formats/invitation.md`."""

import asyncio
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from hansa.errors import Malformed, Refused
from hansa.hub import Hub
from hansa.transparency.canonical import parse_base64
from hansa.web.description import MemberPart, describe_answers, describe_json
from hansa.web.document import Body, answer_json, parse_body
from hansa.web.intake import charged, read_headers, read_json

_MAX_BYTES: Final = 16 * 1024
_INVITED: Final[dict[str, Any]] = {"security": [{"invitation": []}]}
_Short = Annotated[str, StringConstraints(max_length=200)]


class FounderKey(Body):
    """A founder's key, base64, and its proof that it holds both the key and the invitation."""

    key: _Short
    proof: _Short


class FounderSignature(Body):
    """A founder's signature of the first entry, base64."""

    signature: _Short


def founding_routes(hub: Hub) -> APIRouter:
    """Return the requests about a founding."""
    router = APIRouter(tags=["founding"])
    answers = describe_answers("application/json", "how far the founding is")
    # INVARIANT: one after the other, for the lobby reads and writes one file.
    turn = asyncio.Lock()

    @router.get("/v1/founding", responses=answers, openapi_extra=_INVITED)
    async def get_founding(request: Request) -> Response:
        """Say how far the founding is."""
        token = _admit_invited(request, hub)
        async with turn:
            hub.lobby.look(token)
            await finish()
            return answer_json(hub.lobby.look(token))

    @router.put(
        "/v1/founding/{member}/key",
        responses=answers,
        openapi_extra={**_INVITED, **describe_json(FounderKey)},
    )
    async def put_key(request: Request, member: MemberPart) -> Response:
        """Take a founder's key, once."""
        token = _admit_invited(request, hub)
        body = parse_body(FounderKey, await read_json(request, hub, None, _MAX_BYTES))
        async with turn:
            return answer_json(hub.lobby.bring_key(token, member, body.key, body.proof))

    @router.put(
        "/v1/founding/{member}/signature",
        responses=answers,
        openapi_extra={**_INVITED, **describe_json(FounderSignature)},
    )
    async def put_signature(request: Request, member: MemberPart) -> Response:
        """Take a founder's signature of the first entry; the last one founds the coalition."""
        token = _admit_invited(request, hub)
        body = parse_body(FounderSignature, await read_json(request, hub, None, _MAX_BYTES))
        async with turn:
            hub.lobby.bring_signature(token, member, body.signature)
            await finish()
            return answer_json(hub.lobby.look(token))

    async def finish() -> None:
        if (written := hub.lobby.finish()) is not None:
            await asyncio.wrap_future(written)

    return router


def _admit_invited(request: Request, hub: Hub) -> bytes:
    """Return the token that somebody shows, if it is that of an invitation."""
    hub.clerk.require_lead()  # first: only that hub knows the founders
    with charged(request, hub):
        token = _read_token(request)
        founder = hub.lobby.recognise(token)
        # Founders have no key on the record yet; no address is called like one.
        hub.open_limiter.spend(f"founder {founder}", time.monotonic())
    return token


def _read_token(request: Request) -> bytes:
    scheme, _, text = read_headers(request).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(text) > 100:
        raise Refused("founding.token", "the founding is for those who show the token of an invitation")
    try:
        return parse_base64(text)
    except Malformed:
        raise Refused("founding.token", "this is not the token of an invitation") from None
