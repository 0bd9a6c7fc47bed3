"""What a round costs between machines: real nodes and a real hub, over TLS on loopback.

    python benchmarks/rounds.py [--members N] [--bytes B] [--rounds R] [--turns T] [--flwr PYTHON] [--nvflare PYTHON]

Three exchanges, each in a coalition of its own, founded, voted on and opened through the product's doors, between `hansa hub up` and N times
`hansa node up`, each a process:

- an empty turn: 100 bytes to each member, 100 bytes back;
- a round: B bytes to each member, B bytes back, added up;
- a sum: a round of the same size through the whole door, with real trainers, masks and signatures, integers of 64 bits.

In the first two an array of float32 and its echo stand where coordinator and trainer stand; in the last only the recipe is the
benchmark's (`ours/program.py`). Drawing the answers is part of each. With an interpreter that has a peer installed, the first
two exchanges are repeated with the peer's processes. Linux only.
"""

import argparse
import http.client
import itertools
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ours.coalition import Coalition
from peers.deployment import PROC, Deployment

EMPTY_BYTES = 100
BARE_REQUESTS = 150
FOLDER = Path(__file__).parent
TIMEOUT_SECONDS = 900


class Cost(NamedTuple):
    """What one exchange took, a round: seconds, by the clock and of processors; the hub's peak in MB."""

    rounds: tuple[float, ...]
    hub: float
    nodes: float
    peak_mb: float
    bare: float = 0.0

    @property
    def median(self) -> float:
        """Seconds of the middle round."""
        return statistics.median(self.rounds)


def measure(mode: str, members: int, size_bytes: int, rounds: int) -> Cost:
    """Exchange arrays; the first round, in which connections and buffers are made, does not count."""
    with Deployment("hansa", timeout_seconds=TIMEOUT_SECONDS) as deployment:
        coalition = Coalition(deployment, members, mode, size_bytes)
        coalition.start()
        bare = time_bare_request(coalition)
        coalition.open_run()
        before = sum_nodes(coalition, 2)
        after = sum_nodes(coalition, rounds + 2)
        moments = coalition.await_moments(rounds + 2)[1:]
        walls = [moment.wall for moment in moments]
        return Cost(
            tuple(later - earlier for earlier, later in itertools.pairwise(walls)),
            (moments[-1].processor - moments[0].processor) / rounds,
            (after[1] - before[1]) / max(1, after[0] - before[0]),
            read_peak(coalition.hub.pid),
            bare,
        )


def sum_nodes(coalition: Coalition, count: int) -> tuple[int, float]:
    """Wait for so many moments; how many there are by then, and what all nodes used, seconds of processors."""
    coalition.await_moments(count)
    return coalition.count_moments(), sum(read_processor(node.pid) for node in coalition.nodes)


def read_processor(process: int) -> float:
    fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_peak(process: int) -> float:
    """The most that a process ever held, in MB."""
    status = (PROC / str(process) / "status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def time_bare_request(coalition: Coalition) -> float:
    """Seconds of an unsigned request for nothing on an open connection: the median."""
    trust = ssl.create_default_context(cadata=coalition.authority)
    connection = http.client.HTTPSConnection("127.0.0.1", coalition.port, context=trust, timeout=30)
    taken = []
    for _ in range(BARE_REQUESTS):
        begun = time.perf_counter()
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise SystemExit(f"`/health` answers {answer.status}")
    connection.close()
    return statistics.median(taken)


def measure_peer(script: str, python: str, members: int, size_bytes: int, rounds: int) -> Cost | None:
    """Let a peer do the same; None, with its reason on standard error, when it fails."""
    words = ("--members", members, "--bytes", size_bytes, "--rounds", rounds, "--timeout", TIMEOUT_SECONDS)
    command = [python, FOLDER / script, *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:
        try:
            said, _ = peer.communicate()
        finally:
            peer.terminate()  # it ends what it has started
    if peer.returncode:
        return None
    line = json.loads(said)
    return Cost(tuple(line["rounds"]), 0.0, 0.0, line["hub_rss_mb"])


def print_row(name: str, what: str, cost: Cost | None, ours: Cost) -> None:
    if cost is None:
        print(f"| {name} | {what} | failed |  |  |  |  |  |", flush=True)
        return
    peaks = f"{min(cost.rounds):.4f} | {max(cost.rounds):.4f}"
    processors = f"{cost.hub:.4f} + {cost.nodes:.4f}" if cost.nodes else ""
    ratio = cost.median / ours.median
    print(
        f"| {name} | {what} | {cost.median:.4f} | {peaks} | {ratio:.1f} | {processors} | {cost.peak_mb:.0f} |",
        flush=True,
    )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure rounds between processes, over TLS on loopback.")
    parser.add_argument("--members", type=int, default=10, help="node processes, at least 3")
    parser.add_argument("--bytes", type=int, default=40_000_000, help="of an array, a multiple of 8")
    parser.add_argument("--rounds", type=int, default=5, help="of arrays")
    parser.add_argument("--turns", type=int, default=300, help="of empty ones")
    parser.add_argument("--flwr", metavar="PYTHON", help="an interpreter that has Flower installed")
    parser.add_argument("--nvflare", metavar="PYTHON", help="an interpreter that has NVFLARE installed")
    given = parser.parse_args(arguments)
    if given.members < 3:
        parser.error(f"`--members` is at least 3, got `{given.members}`")
    if given.bytes < 8 or given.bytes % 8:
        parser.error(f"`--bytes` is a positive multiple of 8, got `{given.bytes}`")
    if given.rounds < 1 or given.turns < 1:
        parser.error("`--rounds` and `--turns` are at least 1")
    return given


def main(arguments: Sequence[str]) -> None:
    given = parse(arguments)
    members, size, rounds = given.members, given.bytes, given.rounds
    load = os.getloadavg()[0]
    print(f"{members} members, {os.cpu_count()} cores, load {load:.1f} before this began\n")
    print(
        "| software | exchange | median s | fastest | slowest | / ours | processors, hub + members s | hub, peak MB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    turn = measure("turns", members, EMPTY_BYTES, given.turns)
    large = f"{size / 1e6:g} MB each way"
    print_row("hansa", "empty turn", turn, turn)
    whole = measure("turns", members, size, rounds)
    print_row("hansa", large, whole, whole)
    print_row("hansa", f"masked sum of {size // 8:,} numbers", measure("sums", members, size, rounds), whole)
    for name, script, python in (
        ("Flower", "flower_rounds.py", given.flwr),
        ("NVFLARE", "nvflare_rounds.py", given.nvflare),
    ):
        if python:
            print_row(name, "empty turn", measure_peer(script, python, members, EMPTY_BYTES, rounds), turn)
            print_row(name, large, measure_peer(script, python, members, size, rounds), whole)
    print(f"\na bare request to the same hub, signed by nobody: {1000 * turn.bare:.2f} ms")
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main(sys.argv[1:])
