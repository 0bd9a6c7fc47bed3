"""The hub's service: all its requests behind one doorway."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
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


def make_service(hub: Hub, bell: Bell) -> ASGIApp:
    """Return the service of a hub.

    Args:
        hub: the hub.
        bell: of the event loop that will serve it; closed before the service is.
    """
    meter = Meter()
    hub.listen(bell.ring)
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


def _answer_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # it is registered for these only
    if error.status_code == 405:
        problem = Problem("refused", "request.method", ("this cannot be asked with this method",))
    else:
        problem = Problem("refused", "request.unknown", ("there is nothing at this path",))
    answer = write_problem(problem)
    answer.headers.update(
        {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    )
    return answer
