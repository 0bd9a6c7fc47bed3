"""A member's table during one run: read once, when the run begins, and looked at again when it is over.

A run asks many questions, and all of them are answered from the rows as they were at its beginning. So a table that changes meanwhile
changes no answer; its people are told, because the report they read next is about the rows as they were.
"""

from pathlib import Path

from hansa.errors import Refused, Unavailable
from hansa.governance import Plan
from hansa.learning import Rows
from hansa.node.data import load_rows
from hansa.node.house import House


class RunData:
    """The table of one member for one run.

    Args:
        house: its folder.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._read: tuple[Path, tuple[int, ...]] | None = None

    def load(self, plan: Plan) -> Rows:
        """Read the table and hold it against the plan.

        Raises:
            Refused: `data.none`, the house has no table; `data.changed`, it was written while it was read; or as `load_rows`.
            Unavailable: the disk fails.
        """
        path = self._house.data
        if path is None:
            raise Refused("data.none", f"`{self._house.member}` has no data file in `{self._house.folder}`")
        self._read = path, _look(path)
        rows = load_rows(path, plan, self._house.member)
        if _look(path) != self._read[1]:
            self._read = None
            raise Refused(
                "data.changed",
                f"`{path.name}` was written while it was read, so that its rows might be of two tables; let nobody write it "
                "while a run begins",
            )
        return rows

    def verify_unchanged(self) -> None:
        """Check that the table is still the one that was read, if one was.

        Raises:
            Refused: `data.changed`, it is not; the run used the one that was read.
        """
        if self._read is None:
            return
        path, seen = self._read
        try:
            is_same = _look(path) == seen
        except Unavailable:
            is_same = False
        if not is_same:
            raise Refused(
                "data.changed",
                f"`{path.name}` changed while a run was under way; the run and its report are about the rows as they were when it "
                "began",
            )


def _look(path: Path) -> tuple[int, ...]:
    """Return what the file system says of a file; it says something else when the file is written or replaced."""
    try:
        status = path.stat()
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
