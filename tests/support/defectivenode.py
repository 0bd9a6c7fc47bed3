"""A node with a defect that shows when its part in a run is over: `python defectivenode.py node up --folder HOUSE`."""

import sys

from hansa.cli import main
from hansa.node.rundata import RunData


def divide(_data):
    return 1 / 0


RunData.verify_unchanged = divide
sys.exit(main(sys.argv[1:]))
