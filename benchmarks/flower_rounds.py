"""Flower's rounds as it is deployed by its documentation, for `rounds.py`; run by an interpreter that has Flower installed.

    PYTHON benchmarks/flower_rounds.py [--members N] [--bytes B] [--rounds R] [--timeout SECONDS]

Starts one SuperLink and N SuperNodes as processes on loopback, over TLS, and runs an app with its stock FedAvg, in which every
member receives an array of B bytes and answers with another. Prints one line of JSON. A round is what FedAvg takes from one
aggregate to the next; drawing the answers is part of it. The hub's memory is that of the SuperLink, its SuperExec and the ServerApp together.

Off is only what needs a network beyond loopback: telemetry, the look for updates, the installation of the app's dependencies.
As in its documentation, nodes are not authenticated, and what stays within a node's machine is not encrypted.
"""

import itertools
import json
import shutil
import sys
from pathlib import Path

from peers.deployment import Deployment, DeploymentError, find_ports, is_listening, list_descendants
from peers.exchange import Exchange, Measured, measure_peer

APP = Path(__file__).parent / "peers/flower_app"
OFFLINE = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}


def exchange_rounds(deployment: Deployment, exchange: Exchange) -> Measured:
    folder = deployment.folder
    deployment.environment.update(OFFLINE, FLWR_HOME=str(folder / "flwr"))
    certificate, key = write_certificate(deployment)
    port, *node_ports = find_ports(1 + exchange.members)
    address = f"127.0.0.1:{port}"
    superlink = deployment.start(
        "superlink",
        *(
            "flower-superlink",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--disable-runtime-dependency-installation",
        ),
        *("--ssl-ca-certfile", certificate, "--ssl-certfile", certificate, "--ssl-keyfile", key),
    )
    deployment.list_hub = lambda: (superlink.pid, *list_descendants(superlink.pid))
    deployment.await_that(lambda: is_listening(port), "SuperLink", superlink)
    nodes = [
        deployment.start(
            f"supernode-{number}",
            *("flower-supernode", "--superlink", address, "--root-certificates", certificate),
            *("--port", str(node_port)),
        )
        for number, node_port in enumerate(node_ports)
    ]
    outcome = run_app(deployment, exchange, address, certificate)
    deployment.await_that(outcome.exists, "result", superlink, *nodes)
    result = json.loads(outcome.read_text())
    if "error" in result:
        raise DeploymentError(f"the ServerApp failed: {result['error']}\n{deployment.read_logs('*')}")
    moments = result["moments"]
    return Measured(
        tuple(later - earlier for earlier, later in itertools.pairwise(moments)), is_encrypted=True
    )


def write_certificate(deployment: Deployment) -> tuple[Path, Path]:
    """A certificate for loopback that is its own authority, and its key."""
    certificate, key = deployment.folder / "certificate.pem", deployment.folder / "key.pem"
    if shutil.which("openssl") is None:
        raise DeploymentError("needs the command `openssl` for a certificate")
    deployment.run(
        "openssl",
        *(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-keyout", key, "-out", certificate),
    )
    return certificate, key


def run_app(deployment: Deployment, exchange: Exchange, address: str, certificate: Path) -> Path:
    """Submit the app; where its result will be."""
    # Copied, because Flower may leave files beside the app.
    app, outcome = deployment.folder / "app", deployment.folder / "result.json"
    shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
    home = deployment.folder / "flwr"
    home.mkdir(exist_ok=True)
    # JSON strings are TOML strings, too.
    (home / "config.toml").write_text(
        f"[superlink]\ndefault = 'here'\n[superlink.here]\naddress = {json.dumps(address)}\n"
        f"root-certificates = {json.dumps(str(certificate))}\n"
    )
    config = (
        f"members={exchange.members} numbers={exchange.numbers} rounds={exchange.rounds} "
        f"result={json.dumps(str(outcome))}"
    )
    deployment.run("flwr", "flwr", "run", app, "here", "--run-config", config)
    return outcome


if __name__ == "__main__":
    measure_peer("flwr", "Measure rounds of Flower.", exchange_rounds, sys.argv[1:])
