"""How long it takes to get in: from `pip install` to a member's first cosignature.

    python benchmarks/joining.py              # installs into a fresh environment, from the package index that pip is set to
    python benchmarks/joining.py --installed  # takes the environment that runs this

A hub and three founders on this machine, each in a process of its own over TLS. What is timed is what the last founder does when
the others wait for it: install, make a key and sign (`hansa coalition join`), start the node (`hansa node up`), replay, cosign.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("ada", "bob", "cyd")
CHARTER = """
version: 1
name: Three
origin: three.example/joining
purpose: Measure how long it takes.
classes: {bank: {votes: true}}
decisions: {run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}}
privacy: {minimum_cohort: 3, unnoised_sums: allowed}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run(
        [*pip, "--no-compile", "--require-hashes", "-r", ROOT / "requirements" / "core.txt"], check=True
    )
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", ROOT], check=True)
    return folder / "bin" / "python"


def wait_for_cosignature(node: subprocess.Popen[str]) -> None:
    assert node.stderr is not None
    for line in node.stderr:
        if json.loads(line)["event"] == "cosigned":
            return
    raise SystemExit("the node ended before it cosigned")


def main() -> None:
    laps: list[tuple[str, float]] = []
    environment = {**os.environ, "HANSA_PASSPHRASE": "four candles"}
    behind: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        begun = time.perf_counter()
        python = Path(sys.executable) if "--installed" in sys.argv else install(folder / "venv")
        laps.append(("pip install", time.perf_counter() - begun))

        def begin(*words: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [python, "-m", "hansa", *words],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            behind.append(process)
            return process

        def end(process: subprocess.Popen[str]) -> None:
            out, err = process.communicate()
            if process.returncode:
                raise SystemExit(out + err)

        try:
            (folder / "charter.yaml").write_text(CHARTER)
            listed = [f"- {{id: {name}, name: {name.title()} Bank, country: NL}}" for name in NAMES]
            (folder / "members.yaml").write_text("\n".join(listed))
            end(begin("hub", "init", "hub", "--address", f"https://127.0.0.1:{free_port()}"))
            found = ("coalition", "found", "charter.yaml", "--members", "members.yaml")
            end(begin(*found, "--hub", "hub", "--invitations", "in"))
            hub = begin("hub", "up", "hub")
            assert hub.stdout is not None
            hub.stdout.readline()

            def join(name: str) -> subprocess.Popen[str]:
                return begin("coalition", "join", f"in/{name}.json", "--folder", name, "--yes")

            others = [join(name) for name in NAMES[:-1]]
            time.sleep(5)
            begun = time.perf_counter()
            end(join(NAMES[-1]))
            laps.append(("hansa coalition join", time.perf_counter() - begun))
            for process in others:
                process.communicate()
            begun = time.perf_counter()
            wait_for_cosignature(begin("node", "up", "--folder", NAMES[-1]))
            laps.append(("hansa node up, until it has cosigned", time.perf_counter() - begun))
        finally:
            for process in behind:
                process.kill()
                process.communicate()
    for what, seconds in (*laps, ("together", sum(seconds for _, seconds in laps))):
        print(f"{what:<40} {seconds:6.1f} s")


if __name__ == "__main__":
    main()
