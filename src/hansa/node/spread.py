"""Answers of one member, worked out by its own Ray cluster: rows in pieces at the workers, sums of sums brought together exactly.

The cluster is the member's, as its table is: what travels inside is pickled by Ray and comes from nobody else. Only the answer goes on to the
door. As it is the same bit for bit wherever it was worked out, a cluster that fails costs time and nothing else.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from hansa.errors import Unavailable
from hansa.learning import Question, Recipe, Rows, Vector
from hansa.learning.spreading import Division, find_division
from hansa.node.workbench import first_line

LOCAL: Final = "local"


class _Worker:
    """Some pieces of a member's rows, in a process of its own; what they remember between questions stays there."""

    def __init__(self, pieces: Sequence[Rows]) -> None:
        self._pieces = pieces

    def measure(self, measure: Callable[[Any, Rows], Vector], question: Question) -> list[Vector]:
        return [measure(question, piece) for piece in self._pieces]


class _Spread:
    """What answers the questions of one recipe about one member's rows."""

    def __init__(
        self,
        address: str,
        report: Callable[[Exception], None],
        recipe: Recipe[Any],
        rows: Rows,
        workers: int | None,
    ) -> None:
        self._address = address
        self._report = report
        self._recipe = recipe
        self._rows = rows
        self._most = workers
        self._workers: list[Any] | None = None
        self._is_alone = False

    def __call__(self, question: Question) -> Vector:
        division = None if self._is_alone else find_division(self._recipe, question)
        if division is not None:
            try:
                return division.join(question, self._measure(division, question))
            except Unavailable as error:
                self._is_alone, self._workers = True, None
                self._report(error)
        return self._recipe.answer(question, self._rows)

    def _measure(self, division: Division, question: Question) -> list[Vector]:
        ray = connect_ray(self._address, self._most)
        try:
            if self._workers is None:
                pieces = division.prepare(self._rows).pieces
                count = min(len(pieces), self._most or max(1, int(ray.cluster_resources().get("CPU", 1))))
                make = ray.remote(_Worker)
                self._workers = [make.remote(pieces[first::count]) for first in range(count)]
            asked = ray.put(question)
            answers = ray.get([worker.measure.remote(division.measure, asked) for worker in self._workers])
        except ray.exceptions.RayError as error:
            raise Unavailable(
                f"the Ray cluster at `{self._address}` failed, so this machine goes on alone: {first_line(error)}"
            ) from error
        return [part for parts in answers for part in parts]


def spread_over_ray(
    address: str,
    report: Callable[[Exception], None],
    recipe: Recipe[Any],
    rows: Rows,
    *,
    workers: int | None = None,
) -> Callable[[Question], Vector]:
    """Return what answers the questions of one run, over a Ray cluster where it can.

    Args:
        address: of the cluster, or `local` for one on this machine.
        report: told when the cluster fails; from then on the run is answered here.
        recipe: what is computed.
        rows: the member's.
        workers: at most so many; as many as there are processors unless told.

    Guarantees:
        Each answer is that of `recipe.answer`, bit for bit, where machines compute alike.
    """
    return _Spread(address, report, recipe, rows, workers)


def connect_ray(address: str, workers: int | None = None) -> Any:  # noqa: ANN401 - Ray's module, which few have
    """Return Ray, connected to a cluster once for this process.

    Raises:
        Unavailable: the package is not installed, or the cluster cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise Unavailable("spreading answers needs the package ray: install `hansa[ray]`") from error
    if not ray.is_initialized():
        place: dict[str, Any] = (
            {"address": "local", "num_cpus": workers, "include_dashboard": False}
            if address == LOCAL
            else {"address": address}
        )
        try:
            ray.init(**place, configure_logging=False, log_to_driver=False)
        except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            raise Unavailable(
                f"the Ray cluster at `{address}` cannot be reached: {first_line(error)}"
            ) from error
    return ray
