"""The node's face for the people of its house: a few questions over a Unix socket that only its owner can open.

GET  /status        how the node does
POST /entries       {"bodies":[{"kind":"ballot","body":{…}}]}: sign them; {"numbers":[12]} once the own fold has them;
                    with "name":"clara", by that key of the house, which the member delegates to
POST /key           {"passphrase":"…"}: another main key; base64, or null; {"number":12} once the own fold has it
POST /handover      {"handover":{…},"instead":false} or {"log_key":…,"addresses":[…],"instead":false}: sign, or draft
POST /handover/take  {"handover":{…}}: follow the hub that it names from now on; {"addresses":[…]}
GET  /runs/<run>    how far an attempt is, here and at the hub
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hansa.coalition import BODIES, Body, parse_handover
from hansa.errors import HansaError, Malformed, Refused, Unavailable
from hansa.node.agent import Agent
from hansa.node.intercom import SAY_SECONDS
from hansa.transparency import Envelope, parse_base64, parse_public_key
from hansa.web.problems import MEDIA_TYPE, describe

NOT_SAID: Final = frozenset({"found", "acknowledge", "run_seal", "handover"})
"""Kinds that no person writes through the node: they begin a coalition, follow by themselves, or are signed by many."""

_MAX_BODY_BYTES: Final = 1024 * 1024
_MAX_ENTRIES: Final = 64


def make_house_service(agent: Agent) -> Starlette:
    """Return the service of a house."""

    async def status(_request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(agent.describe))

    async def entries(request: Request) -> Response:
        name, bodies = read_bodies(await _read_body(request))
        numbers = await run_in_threadpool(agent.say, bodies, SAY_SECONDS, name)
        return JSONResponse({"numbers": list(numbers)})

    async def key(request: Request) -> Response:
        passphrase = read_passphrase(await _read_body(request))
        return JSONResponse({"number": await run_in_threadpool(agent.rotate_key, passphrase, SAY_SECONDS)})

    async def handover(request: Request) -> Response:
        signed = await run_in_threadpool(sign_handover, agent, await _read_body(request))
        return JSONResponse({"handover": signed.to_json()})

    async def take(request: Request) -> Response:
        signed = read_signed_handover(await _read_body(request))
        addresses = await run_in_threadpool(agent.turn_to_hub, signed)
        return JSONResponse({"addresses": list(addresses)})

    async def run(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(agent.describe_run, request.path_params["run"]))

    return Starlette(
        routes=[
            Route("/status", _guard(status), methods=["GET"]),
            Route("/entries", _guard(entries), methods=["POST"]),
            Route("/key", _guard(key), methods=["POST"]),
            Route("/handover", _guard(handover), methods=["POST"]),
            Route("/handover/take", _guard(take), methods=["POST"]),
            Route("/runs/{run}", _guard(run), methods=["GET"]),
        ]
    )


def sign_handover(agent: Agent, data: bytes) -> Envelope:
    """Sign a handover that is brought, or draft one.

    Raises:
        Malformed, Refused: `house.form`, or as `Follower.sign_handover`.
    """
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    match said:
        case {"handover": handover, "instead": bool(instead), "drop": bool(drop)}:
            return agent.sign_handover(parse_handover(handover)[0], instead=instead, drop=drop)
        case {"log_key": str(log_key), "addresses": [*addresses], "instead": bool(instead)} if all(
            isinstance(address, str) for address in addresses
        ):
            return agent.draft_handover(parse_public_key(log_key), addresses, instead=instead)
        case _:
            raise Malformed(
                "house.form", "expected a handover to sign, or a log key and addresses to draft one"
            )


def read_signed_handover(data: bytes) -> Envelope:
    """Read a handover to be taken.

    Raises:
        Malformed: `house.form`, or as `parse_handover`.
    """
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.keys() != {"handover"}:
        raise Malformed("house.form", "expected a handover to take")
    return parse_handover(said["handover"])[0]


def serve_house(agent: Agent, path: Path, ready: Callable[[], None]) -> None:
    """Let a node work and serve the people of its house, until the process is asked to stop (SIGTERM, Ctrl-C).

    Args:
        agent: the node; it is started here, and stopped.
        path: of the socket.
        ready: called once people can ask.

    Raises:
        Unavailable: the socket cannot be made, or another node is at work here.
    """
    listening = open_socket(path)  # before any thread begins: it changes what new files allow
    config = uvicorn.Config(
        make_house_service(agent),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    agent.start()
    try:
        _Server(config).serve_until_told(listening, ready)
    finally:
        agent.stop()
        listening.close()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


class _Server(uvicorn.Server):
    """A server whose process ends as any other does when it was asked to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve_until_told`; the parent would raise them again at the end."""
        yield

    def serve_until_told(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT."""

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop)
            ready()
            await self.serve(sockets=[listening])

        asyncio.run(serve())

    def _stop(self) -> None:
        self.should_exit = True


def open_socket(path: Path) -> socket.socket:
    """Return a socket that only its owner can open.

    The caller holds the house's lock, so a socket that is there already was left by a node that was killed.

    Raises:
        Unavailable: it cannot be made.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # from its first moment on, not only after a chmod
    try:
        path.unlink(missing_ok=True)
        opened.bind(str(path))
        opened.listen(64)
    except OSError as error:
        opened.close()
        reason = error.strerror or str(error)
        raise Unavailable(f"the socket `{path}` cannot be made: {reason}; is the path too long?") from error
    finally:
        os.umask(before)
    return opened


def read_passphrase(data: bytes) -> bytes | None:
    """Read the passphrase of the main key, None where it has none.

    Raises:
        Malformed: `house.form`.
    """
    try:
        match json.loads(data):
            case {"passphrase": None}:
                return None
            case {"passphrase": str(said)}:
                return parse_base64(said)
    except ValueError:
        pass
    raise Malformed("house.form", "expected `passphrase`, in base64 or null")


def read_bodies(data: bytes) -> tuple[str, tuple[Body, ...]]:
    """Read what people want to say, after the name of the key that says it; empty for the main key.

    Raises:
        Malformed: `entries.form`, `entry.kind`, `entry.body`.
    """
    try:
        said = json.loads(data)
        name = said.get("name", "")
        pairs = [(found["kind"], found["body"]) for found in said["bodies"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        name, pairs = None, []
    if not isinstance(name, str) or not pairs:
        raise Malformed("entries.form", "expected `bodies`, a list of objects with `kind` and `body`")
    if len(pairs) > _MAX_ENTRIES:
        raise Malformed("entries.form", f"expected 1 to {_MAX_ENTRIES} entries, got {len(pairs)}")
    return name, tuple(_read_body_of(kind, body) for kind, body in pairs)


def _read_body_of(kind: object, value: object) -> Body:
    model = BODIES.get(kind) if isinstance(kind, str) and kind not in NOT_SAID else None
    if model is None:
        raise Malformed("entry.kind", "this is not a kind of entry that people write")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Malformed("entry.body", f"`{kind}` field `{place}`: {first['msg'].lower()}") from None


async def _read_body(request: Request) -> bytes:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MAX_BODY_BYTES:
            raise Refused("request.body-size", f"at most {_MAX_BODY_BYTES:,} bytes can be said at once")
    return data


def _guard(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Turn failures into problem documents."""

    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except HansaError as error:
            problem = describe(error)
            content: dict[str, Any] = {**problem.to_json()}
            return JSONResponse(content, status_code=problem.status, media_type=MEDIA_TYPE)

    return guarded
