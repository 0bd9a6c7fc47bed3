"""How the hub is: whether it lives, whether it sequences, and figures for Prometheus.

Source: the text format of Prometheus, version 0.0.4.
"""

import resource
from collections import Counter
from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hansa.errors import Refused, Unavailable
from hansa.hub import Hub
from hansa.web.description import describe_answers
from hansa.web.document import answer_json
from hansa.web.intake import admit_anybody

_BOUNDS: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
"""Seconds; a long poll may take as long as it was asked to wait."""


class Meter:
    """Counts requests, by what was asked and what came of it; names nobody."""

    def __init__(self) -> None:
        self.under_way = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def count(
        self, method: str, route: str, status: int, *, seconds: float, sent: int, received: int
    ) -> None:
        """Note one request that has been answered.

        Args:
            method: in capitals.
            route: the pattern of its path, not the path itself.
            status: of the answer.
            seconds: it took.
            sent: bytes of the answer's body.
            received: bytes of the request's body.
        """
        self._requests[method, route, status] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]  # a counter of seconds
        self._within[route, next((b for b in _BOUNDS if seconds <= b), float("inf"))] += 1
        self._bytes["sent"] += sent
        self._bytes["received"] += received

    def write(self) -> Iterator[str]:
        """Return the lines."""
        yield "# TYPE hansa_http_requests_total counter"
        for (method, route, status), number in sorted(self._requests.items()):
            yield (
                f'hansa_http_requests_total{{method="{method}",route="{route}",status="{status}"}} {number}'
            )
        yield "# TYPE hansa_http_request_seconds histogram"
        for route, seconds in sorted(self._seconds.items()):
            total = 0
            for bound in (*_BOUNDS, float("inf")):
                total += self._within[route, bound]
                shown = "+Inf" if bound == float("inf") else f"{bound}"
                yield f'hansa_http_request_seconds_bucket{{route="{route}",le="{shown}"}} {total}'
            yield f'hansa_http_request_seconds_sum{{route="{route}"}} {seconds:.6f}'
            yield f'hansa_http_request_seconds_count{{route="{route}"}} {total}'
        yield "# TYPE hansa_http_body_bytes_total counter"
        for direction, number in sorted(self._bytes.items()):
            yield f'hansa_http_body_bytes_total{{direction="{direction}"}} {number}'
        yield "# TYPE hansa_http_requests_under_way gauge"
        yield f"hansa_http_requests_under_way {self.under_way}"


def operation_routes(hub: Hub, meter: Meter) -> APIRouter:
    """Return the requests about the hub itself; they name no member and no content."""
    router = APIRouter(tags=["operations"])

    # These two and the authority are said to anybody, however often: to say no costs as much, and a watchman or a node that
    # begins must not be kept out by strangers behind the same proxy.
    @router.get("/health", responses=describe_answers("application/json", "it lives"))
    async def get_health() -> Response:
        """Say that the process lives."""
        return answer_json({"status": "alive"})

    @router.get("/ready", responses=describe_answers("application/json", "it sequences entries"))
    async def get_ready() -> Response:
        """Say whether the hub sequences entries; `503` when it does not, with the rule `hub.standby` when another one does."""
        hub.clerk.require_lead()
        if not hub.clerk.is_working:
            raise Unavailable("the hub cannot write its log")
        return answer_json({"status": "founded" if _count(hub)[0] else "waits for its founders"})

    @router.get("/metrics", responses=describe_answers("text/plain", "figures"))
    async def get_metrics(request: Request) -> Response:
        """Return figures for Prometheus."""
        admit_anybody(request, hub)
        size, final_size = _count(hub)
        lines = [
            *meter.write(),
            "# TYPE hansa_log_entries gauge",
            f"hansa_log_entries {size}",
            "# TYPE hansa_log_final_entries gauge",
            f"hansa_log_final_entries {final_size}",
            "# TYPE hansa_runs_under_way gauge",
            f"hansa_runs_under_way {hub.conductor.under_way}",
            "# TYPE hansa_sequencing gauge",
            f"hansa_sequencing {int(hub.clerk.is_working)}",
            "# TYPE hansa_peak_memory_bytes gauge",
            f"hansa_peak_memory_bytes {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}",
        ]
        return Response(
            "".join(f"{line}\n" for line in lines),
            media_type="text/plain; version=0.0.4",
            headers={"cache-control": "no-store"},
        )

    @router.get("/v1/authority", responses=describe_answers("application/x-pem-file", "a certificate, PEM"))
    async def get_authority() -> Response:
        """Return the hub's certificate authority."""
        authority = hub.folder.authority
        if authority == "system":
            raise Refused("authority.system", "this hub has a certificate that the system trusts")
        return Response(authority, media_type="application/x-pem-file")

    return router


def _count(hub: Hub) -> tuple[int, int]:
    try:
        published = hub.clerk.published
    except Refused:
        return 0, 0
    return published.size, published.final_size
