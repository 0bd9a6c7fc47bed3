"""Lets the tests of this room use the helpers beside the vectors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "vectors"))
