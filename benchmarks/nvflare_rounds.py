"""NVFLARE's rounds in its POC mode, for `rounds.py`; run by an interpreter that has NVFLARE installed.

    PYTHON benchmarks/nvflare_rounds.py [--members N] [--bytes B] [--rounds R] [--timeout SECONDS]

Starts one server and N sites as processes on loopback, provisioned with mutual TLS, and submits a job with its stock FedAvg,
in which every member receives an array of B bytes and answers with another. Prints one line of JSON. A round is what the
server's log says from the start of one to the start of the next, and of the last to the end of FedAvg; drawing the answers is part of it.
The hub's memory is that of the server and its job process together.
"""

import itertools
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from peers.deployment import Deployment, DeploymentError, find_ports, list_matching
from peers.exchange import Exchange, Measured, measure_peer

JOB = Path(__file__).parent / "peers/nvflare_job.py"
# The controller announces a round under a line of its own; the time stands before it.
MOMENT = re.compile(
    r"^(?P<moment>[\d-]+ [\d:]+,\d+) - FedAvg - .*\n[=-]+\n *(?:Round \d+ started|(?P<end>Finished FedAvg))\. *$",
    re.MULTILINE,
)
ENDED = re.compile(r"Server runner finished|child process exit with return code|Failed to run the Job")


def exchange_rounds(deployment: Deployment, exchange: Exchange) -> Measured:
    folder = deployment.folder
    server = folder / "poc/example_project/prod_00/server"
    console = server / "poc_console.log"
    deployment.environment["NVFLARE_POC_WORKSPACE"] = str(folder / "poc")
    deployment.list_hub = lambda: list_matching(str(server))
    ports = map(str, find_ports(2))
    sizes = map(str, (exchange.members, exchange.size_bytes, exchange.rounds))
    deployment.run("job", sys.executable, JOB, folder, *ports, *sizes)
    deployment.await_that(lambda: is_over(console), "end of the job")
    return Measured(read_rounds(console.read_text(), exchange), is_encrypted(server))


def is_over(console: Path) -> bool:
    """Whether the job has ended, well or not."""
    return console.exists() and ENDED.search(console.read_text()) is not None


def read_rounds(log: str, exchange: Exchange) -> tuple[float, ...]:
    """Seconds of the rounds that a server's log tells of.

    Raises:
        DeploymentError: FedAvg did not finish, or a round went on without somebody.
    """
    found = list(MOMENT.finditer(log))
    if not found or found[-1]["end"] is None:
        raise DeploymentError("FedAvg did not finish:\n" + "\n".join(log.splitlines()[-15:]))
    complete = log.count(f"Aggregated {exchange.members}/{exchange.members} results")
    if complete != exchange.rounds:
        raise DeploymentError(
            f"expected {exchange.rounds} rounds of all {exchange.members} members, got {complete}"
        )
    # Local time without a zone; only differences count.
    moments = [
        datetime.strptime(each["moment"], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC) for each in found
    ]
    return tuple((later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments))


def is_encrypted(server: Path) -> bool:
    """Whether the server was provisioned to speak TLS, of one side or both."""
    (service,) = json.loads((server / "startup/fed_server.json").read_text())["servers"]
    return service["connection_security"] in {"tls", "mtls"}


if __name__ == "__main__":
    measure_peer("nvflare", "Measure rounds of NVFLARE.", exchange_rounds, sys.argv[1:])
