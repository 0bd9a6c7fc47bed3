import json
import os
from pathlib import Path

import pytest
from outage import Outage


@pytest.fixture
def outage(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("HANSA_FOLDER", raising=False)
    made = Outage(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def tell():
    """Notes what a fault did, for the table that `benchmarks/faults.py` prints."""

    def note(fault, others_see, recovery_seconds):
        if "HANSA_FAULT_REPORT" in os.environ:
            with Path(os.environ["HANSA_FAULT_REPORT"]).open("a") as file:
                file.write(json.dumps([fault, others_see, round(recovery_seconds, 1)]) + "\n")

    return note
