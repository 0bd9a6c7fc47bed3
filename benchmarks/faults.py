"""What happens when things fail: the fault suite over real processes, and the table of `docs/failure.md`.

    python benchmarks/faults.py               # all faults, some of which need root: small disks, networks of their own
    python benchmarks/faults.py --quick       # those of `make test`
    python benchmarks/faults.py --markdown    # the rows of the table

Recovery is counted from the moment at which the cause is gone until every node has said what it had to say, and all of the log is
final for it. Each fault ends with an account that no process keeps of itself: every entry that a node signed stands on the log once,
no other entry of a member does, and every mirror is a beginning of the log.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report"
        report.touch()
        chosen = "not slow" if "--quick" in sys.argv else "slow or not slow"
        command = [sys.executable, "-m", "pytest", "tests/faults", "-q", "-p", "no:randomly", "-m", chosen]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "HANSA_FAULT_REPORT": str(report)},
            stdout=sys.stderr,
            check=False,
        )
        rows = [json.loads(line) for line in report.read_text().splitlines()]
    if "--markdown" in sys.argv:
        print("| what fails | what the others see | seconds to recover |\n| --- | --- | --- |")
        for fault, others_see, seconds in rows:
            print(f"| {fault} | {others_see} | {seconds:.1f} |")
    else:
        for fault, others_see, seconds in rows:
            print(f"{seconds:6.1f} s  {fault}\n          {others_see}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
