"""What is exchanged with a peer, how it is asked for, and the line that is printed."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from peers.deployment import Deployment, DeploymentError

NUMBER_BYTES = 4  # float32


@dataclass(frozen=True)
class Exchange:
    """Every round sends `size_bytes` to each member and as much back, as random float32."""

    members: int
    size_bytes: int
    rounds: int
    timeout_seconds: float

    @property
    def numbers(self) -> int:
        """How many numbers one array holds."""
        return self.size_bytes // NUMBER_BYTES


@dataclass(frozen=True)
class Measured:
    """What a peer took: seconds of each round in order, and whether the wire was encrypted."""

    rounds: tuple[float, ...]
    is_encrypted: bool


def parse_exchange(description: str, arguments: Sequence[str]) -> Exchange:
    """Read the command line, or leave with status 2 and the reason."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--members", type=int, default=10, help="member processes, at least 2")
    parser.add_argument(
        "--bytes", type=int, default=100, help="bytes each way for each member, a multiple of 4"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds, at least 1")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for everything, start included")
    given = parser.parse_args(arguments)
    if given.members < 2:
        parser.error(f"`--members` is at least 2, got `{given.members}`")
    if given.bytes < NUMBER_BYTES or given.bytes % NUMBER_BYTES:
        parser.error(f"`--bytes` is a positive multiple of {NUMBER_BYTES}, got `{given.bytes}`")
    if given.rounds < 1:
        parser.error(f"`--rounds` is at least 1, got `{given.rounds}`")
    if not given.timeout > 0:
        parser.error(f"`--timeout` is positive, got `{given.timeout:g}`")
    return Exchange(given.members, given.bytes, given.rounds, given.timeout)


def measure_peer(
    package: str,
    description: str,
    exchange_rounds: Callable[[Deployment, Exchange], Measured],
    arguments: Sequence[str],
) -> None:
    """Measure an installed peer and print one line of JSON; leave with status 1 and the reason when that fails."""
    exchange = parse_exchange(description, arguments)
    try:
        peer_version = version(package)
    except PackageNotFoundError:
        fail(f"`{package}` is not installed for `{sys.executable}`: run this with an interpreter that has it")
    try:
        with Deployment(package, timeout_seconds=exchange.timeout_seconds) as deployment:
            measured = exchange_rounds(deployment, exchange)
    except DeploymentError as error:
        fail(f"`{package}` {peer_version}: {error}")
    if len(measured.rounds) != exchange.rounds:
        fail(f"`{package}` {peer_version}: expected {exchange.rounds} rounds, got {len(measured.rounds)}")
    line = {
        "peer": package,
        "version": peer_version,
        "members": exchange.members,
        "bytes": exchange.size_bytes,
        "tls": measured.is_encrypted,
        "rounds": [round(seconds, 4) for seconds in measured.rounds],
        "median": round(statistics.median(measured.rounds), 4),
        "hub_rss_mb": round(deployment.peak_bytes / 1e6),
    }
    print(json.dumps(line), flush=True)


def fail(reason: str) -> NoReturn:
    """Leave with status 1; standard output stays empty."""
    print(reason, file=sys.stderr)
    raise SystemExit(1)
