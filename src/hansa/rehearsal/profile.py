"""What one column of one file holds: counts, extremes and, while they are few, its different texts."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hansa.node.cell import NumberReader

MAX_DISTINCT: Final = 2_000
"""Different texts of a column that are remembered."""

_SHOWN_TEXTS: Final = 20


@dataclass
class ColumnProfile:
    """A column of one file, seen block by block.

    Args:
        limit: how many different texts are remembered; beyond it the column is `open`.
    """

    limit: int = MAX_DISTINCT
    rows: int = 0
    missing: int = 0
    first_missing: int = 0
    numbers: int = 0
    texts: int = 0
    low: float = math.inf
    high: float = -math.inf
    is_whole: bool = True
    is_open: bool = False
    characters: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first_rows: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    _numbers: NumberReader = field(default_factory=NumberReader, repr=False)
    _origin: float = 0.0
    _sum: float = 0.0
    _squares: float = 0.0
    _different: int = 0

    def read(self, rows: Sequence[int], texts: Sequence[str]) -> None:
        """Take in a block.

        Args:
            rows: the row numbers.
            texts: what stands there.
        """
        self.rows += len(texts)
        counts = Counter(texts)
        new = counts.keys() - self.first_rows.keys()
        if new and not self.is_open:
            # From the last row to the first, so that the first one stays.
            first = dict(zip(reversed(texts), reversed(rows), strict=True))
            self.first_rows |= {text: first[text] for text in new}
        for text, count in counts.items():
            number = self._numbers[text]
            if math.isnan(number):
                self.first_missing = self.first_missing or rows[texts.index(text)]
                self.missing += count
                continue
            self._different += 1
            self.characters += len(text) * count
            if math.isinf(number):
                self.texts += count
                if text not in self.words and len(self.words) < _SHOWN_TEXTS:
                    self.words[text] = rows[texts.index(text)]
            else:
                self._count_number(number, count)
            if not self.is_open:
                self.counts[text] += count
        self.is_open = self.is_open or len(self.counts) > self.limit

    def _count_number(self, number: float, count: int) -> None:
        if not self.numbers:
            self._origin = number
        self.numbers += count
        self.low, self.high = min(self.low, number), max(self.high, number)
        self.is_whole = self.is_whole and number.is_integer()
        apart = number - self._origin
        self._sum += count * apart
        # A product of floats overflows to infinity; `**` would raise.
        self._squares += count * (apart * apart)

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def mean(self) -> float:
        """The mean of the numbers."""
        return self._origin + self._sum / self.numbers

    @property
    def deviation(self) -> float:
        """The standard deviation of the numbers; infinite where their squares are beyond a float."""
        mean = self._sum / self.numbers
        variance = self._squares / self.numbers - mean * mean
        return math.sqrt(max(0.0, variance)) if math.isfinite(variance) else math.inf

    @property
    def is_constant(self) -> bool:
        """Whether all rows with a value hold the same text."""
        return not self.is_open and len(self.counts) == 1

    @property
    def is_unique(self) -> bool:
        """Whether no two rows with a value hold the same text, as far as was seen."""
        return self._different == self.present and (self.is_open or len(self.counts) == self.present)
