import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "rounds.py"


@pytest.mark.slow
def test_rounds_are_measured_between_real_processes():
    words = ("--members", "3", "--bytes", "8000", "--rounds", "1", "--turns", "5")
    said = subprocess.run(
        [sys.executable, BENCHMARK, *words], capture_output=True, text=True, timeout=240, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "empty turn" in said.stdout
