"""What is wrong with a table: grouped, bounded, and each with its file, row and column.

A column of a million wrong cells must not become a million lines, and the one wrong cell beside it must not
be lost among them. Equal cells of a column are one finding; a column shows its first few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hansa.errors import Refused
from hansa.governance import Finding
from hansa.node.likeness import enumerate_some, show

SHOWN_PER_COLUMN: Final = 5
"""Different wrong texts of one column that are shown, per rule."""

SHOWN_FINDINGS: Final = 50
"""Findings that one refusal lists; the rest is counted."""


class TableRefused(Refused):
    """A table does not meet what is expected of it.

    `findings` holds what was found, in order of row and column; `rule` is the rule of the first. `reasons` lists
    at most `SHOWN_FINDINGS` of them and counts the others.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        if not findings:
            raise ValueError("a refused table has at least one finding")
        self.findings = tuple(findings)
        reasons = [str(finding) for finding in findings[:SHOWN_FINDINGS]]
        if len(findings) > SHOWN_FINDINGS:
            reasons.append(f"and {len(findings) - SHOWN_FINDINGS:,} more findings; mend these first")
        super().__init__(findings[0].rule, reasons)


@dataclass(slots=True)
class _Cells:
    """Cells of one column that are wrong in the same way with the same text."""

    message: str
    rows: list[int]
    count: int


@dataclass(slots=True)
class _Rest:
    """Wrong cells of one column beyond those that are shown."""

    row: int
    count: int = 0


@dataclass
class Defects:
    """Collects defects while a table is read.

    Args:
        file: the file's name, as messages show it.
    """

    file: str
    _whole: list[Finding] = field(default_factory=list)
    _cells: dict[tuple[str, str, str], _Cells] = field(default_factory=dict)
    _shown: dict[tuple[str, str], int] = field(default_factory=dict)
    _rests: dict[tuple[str, str], _Rest] = field(default_factory=dict)

    def add(self, *findings: Finding) -> None:
        """Take in findings about the whole file or whole rows."""
        self._whole += findings

    def add_column(self, rule: str, column: str, message: str) -> None:
        """Take in a finding about a whole column."""
        self.add(Finding("error", rule, message, f"{self.file}, column {show(column)}"))

    def add_cells(
        self, rule: str, column: str, found: str, rows: Sequence[int], explain: Callable[[str], str]
    ) -> None:
        """Take in cells of one column that hold the same wrong text.

        Args:
            rule: the rule they break.
            column: the column's name.
            found: the text.
            rows: their rows as a spreadsheet shows them, at least one, ascending.
            explain: says of the text what is expected and what to do; asked only for texts that are shown.
        """
        known = self._cells.get((rule, column, found))
        if known is not None:
            known.rows += rows[: max(0, 4 - len(known.rows))]
            known.count += len(rows)
        elif self._shown.get((rule, column), 0) < SHOWN_PER_COLUMN:
            self._shown[rule, column] = self._shown.get((rule, column), 0) + 1
            self._cells[rule, column, found] = _Cells(explain(found), list(rows[:4]), len(rows))
        else:
            self._rests.setdefault((rule, column), _Rest(rows[0])).count += len(rows)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything so far: whole files and columns first, then cells in order of row."""
        placed = []
        for (rule, column, _), cells in self._cells.items():
            place = f"{self.file}, row {cells.rows[0]}, column {show(column)}"
            message = cells.message
            if cells.count > 1:
                others = enumerate_some(map(str, cells.rows[1:]), 3)
                others = others if cells.count == len(cells.rows) else f"{others}, …"
                message += f" (the same in {cells.count - 1:,} more row{'s' * (cells.count > 2)}: {others})"
            placed.append((cells.rows[0], Finding("error", rule, message, place)))
        for (rule, column), rest in self._rests.items():
            place = f"{self.file}, from row {rest.row}, column {show(column)}"
            message = f"{rest.count:,} more cell{'s' * (rest.count > 1)} with other texts that are wrong in the same way"
            placed.append((rest.row, Finding("error", rule, message, place)))
        placed.sort(key=lambda item: item[0])  # stable: columns stay in order within a row
        return (*self._whole, *(finding for _, finding in placed))

    def verify_none(self) -> None:
        """Refuse the table if anything was found.

        Raises:
            TableRefused: with all findings.
        """
        found = self.findings
        if found:
            raise TableRefused(found)
