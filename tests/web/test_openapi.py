"""The OpenAPI document against a real hub, by somebody else's tool."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hubhouse import SRC

HERE = Path(__file__).parent


@pytest.mark.parametrize("signed", [True, False], ids=["a member", "a stranger"])
def test_the_hub_does_what_its_document_says(hubs, tmp_path, signed):
    hub = hubs(limits={"requests_per_second": 100_000, "open_requests_per_second": 100_000})
    document = tmp_path / "openapi.json"
    document.write_bytes(hub.ask("GET", "/openapi.json").body)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    options = {
        "--url": f"https://127.0.0.1:{hub.port}",
        "--tls-verify": str(hub.path / "authority.pem"),
        "--phases": "examples,coverage,fuzzing",
        "--max-examples": "5",
        "--seed": "1",
        # It takes the signature that it made up for the one that was sent.
        **({"--exclude-checks": "ignored_auth"} if signed else {}),
    }
    told = subprocess.run(
        [*command, "run", str(document), *(word for option in options.items() for word in option)],
        env={
            **os.environ,
            "PYTHONPATH": f"{SRC}{os.pathsep}{HERE.parent / 'support'}",
            **({"SCHEMATHESIS_HOOKS": "signinghooks"} if signed else {}),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    assert "17 selected / 17 total" in told.stdout
    assert "defect" not in hub.journal()


def test_every_request_of_the_table_is_in_the_document(running_hub):
    table = (HERE.parents[1] / "docs" / "formats" / "wire.md").read_text()
    for path in running_hub.ask("GET", "/openapi.json").json()["paths"]:
        first = path.split("{")[0].rstrip("/")
        assert first in table, path
