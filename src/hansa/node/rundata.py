"""A member's table during one run: read once, when the run begins, and looked at again when it is over.

A run asks many questions, and all of them are answered from the rows as they were at its beginning. So a table that changes meanwhile
changes no answer; its people are told, because the report they read next is about the rows as they were.
"""

from collections.abc import Callable

from hansa.coalition import State
from hansa.errors import Refused, Unavailable
from hansa.governance import Plan
from hansa.learning import Rows
from hansa.node.consent import verify_consent
from hansa.node.data import load_rows
from hansa.node.owntable import Home, find_table, look_at_table


class RunData:
    """The table of one member for one run.

    Args:
        home: its folder.
        fold: returns this member's own fold as it is now.
    """

    def __init__(self, home: Home, fold: Callable[[], State]) -> None:
        self._home = home
        self._fold = fold
        self._seen: tuple[tuple[int, ...], ...] | None = None

    def load(self, plan: Plan) -> Rows:
        """Read the table and hold it against the plan, if the member's data stewards let the plan have its columns.

        Raises:
            Refused: `data.none`, the house has no table; `data.consent`, before a row is read; `data.changed`, it was written while
                it was read; or as `load_rows`.
            Malformed: a mapping or a consent is not what it should be.
            Unavailable: the disk fails.
        """
        seen = look_at_table(self._home)
        own = find_table(self._home)
        verify_consent(self._home, self._fold(), plan.columns, own.digest)
        rows = load_rows(own.path, plan, self._home.member, own.mapping)
        if look_at_table(self._home) != seen:
            raise Refused(
                "data.changed",
                f"{self._name} was written while it was read, so that its rows might be of two tables; let nobody write it "
                "while a run begins",
            )
        self._seen = seen
        return rows

    def verify_unchanged(self) -> None:
        """Check that the table is still the one that was read, if one was.

        Raises:
            Refused: `data.changed`, it is not; the run used the one that was read.
        """
        if self._seen is None:
            return
        try:
            is_same = look_at_table(self._home) == self._seen
        except Unavailable:
            is_same = False
        if not is_same:
            raise Refused(
                "data.changed",
                f"{self._name} changed while a run was under way; the run and its report are about the rows as they were when it "
                "began",
            )

    @property
    def _name(self) -> str:
        return "the mapping" if self._home.data is None else f"`{self._home.data.name}`"
