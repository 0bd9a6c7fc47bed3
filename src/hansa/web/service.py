"""The hub's service: all its requests behind one doorway."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from hansa.errors import HansaError
from hansa.hub import Hub
from hansa.web.bell import Bell
from hansa.web.blobs import blob_routes
from hansa.web.description import SCHEMES
from hansa.web.doorway import Doorway, answer_failure, write_problem
from hansa.web.founding import founding_routes
from hansa.web.operations import Meter, operation_routes
from hansa.web.problems import Problem
from hansa.web.record import record_routes
from hansa.web.runs import run_routes


def make_service(hub: Hub, bell: Bell, run_bell: Bell) -> ASGIApp:
    """Return the service of a hub.

    Args:
        hub: the hub.
        bell: rung when readers see something new; of the event loop that will serve the service.
        run_bell: rung when there is news for members of a run.
    """
    meter = Meter()
    service = FastAPI(
        title="hansa hub",
        version=version("hansa"),
        summary="What a member's node and the hub say to each other; docs/formats/wire.md explains it.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (
        record_routes(hub, bell),
        blob_routes(hub),
        run_routes(hub, run_bell),
        founding_routes(hub),
        operation_routes(hub, meter),
    ):
        service.include_router(router)
    service.add_exception_handler(HansaError, answer_failure)
    service.add_exception_handler(HTTPException, _answer_http)
    service.openapi = _describe(service)  # type: ignore[method-assign]  # as its own documentation does
    return Doorway(service, meter, hub.settings.limits.stalled_seconds)


def _describe(service: FastAPI) -> Any:  # noqa: ANN401 - a function without arguments that returns JSON
    document = service.openapi()
    document.setdefault("components", {})["securitySchemes"] = dict(SCHEMES)
    return lambda: document


def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # it is registered for these only
    if error.status_code != 405:
        return write_problem(Problem("refused", "request.unknown", ("there is nothing at this path",)))
    answer = write_problem(Problem("refused", "request.method", ("this cannot be asked with this method",)))
    allowed = {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    answer.headers["allow"] = ", ".join(sorted(allowed))
    return answer
