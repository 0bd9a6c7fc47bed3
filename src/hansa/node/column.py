"""Columns of a plan, filled block by block from texts: each knows what it expects and reports what it finds."""

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hansa.governance import CategoryFeature, NumberFeature
from hansa.governance.label import Event, Label
from hansa.learning import FORMS, read_moment
from hansa.node.cell import NumberReader, advise_number, is_missing, parse_number, parse_plain
from hansa.node.defects import Defects
from hansa.node.likeness import describe_difference, enumerate_some, find_alike, fold_text, show

_Kind = TypeVar("_Kind", bound=np.generic)


class Cells(NamedTuple):
    """Some rows of one column.

    Args:
        column: its name.
        rows: the row numbers as a spreadsheet shows them.
        texts: what stands there, one for each row.
    """

    column: str
    rows: Sequence[int]
    texts: Sequence[str]


class NumberColumn:
    """A number feature's values: float64, NaN for missing."""

    def __init__(self, feature: NumberFeature) -> None:
        self.name = feature.name
        self._feature = feature
        self._unit = f" ({feature.unit})" if feature.unit else ""
        self._minimum = float(feature.minimum)
        self._maximum = float(feature.maximum)
        self._numbers = NumberReader()
        self._parts = [np.empty(0)]

    def read(self, cells: Cells, defects: Defects) -> None:
        """Take in a block of rows."""
        numbers = np.fromiter(map(self._numbers.__getitem__, cells.texts), np.float64, len(cells.texts))
        self._parts.append(numbers)
        absent = np.isnan(numbers)
        if self._feature.missing == "refused" and absent.any():
            _report(defects, "data.missing", cells, absent, lambda _: _explain_missing("a number"))
        wrong = ~absent & ~((numbers >= self._minimum) & (numbers <= self._maximum))
        if wrong.any():
            unread = np.isinf(numbers)
            _report(defects, "data.number", cells, unread, self._explain_text)
            _report(defects, "data.range", cells, wrong & ~unread, self._explain_range)

    def _explain_text(self, text: str) -> str:
        return f"found {show(text)}, expected a number{self._unit}; {advise_number(text)}"

    def _explain_range(self, text: str) -> str:
        bounds = f"{self._feature.minimum} to {self._feature.maximum}{self._unit}"
        empty = ", leave it empty," if self._feature.missing == "allowed" else ""
        return f"found {show(text)}, expected {bounds}; correct it{empty} or propose a plan with wider bounds"

    @property
    def values(self) -> NDArray[np.float64]:
        """All values so far, shape (n,)."""
        return _join(self._parts)


class _TextColumn:
    """Texts as they stand, each kept once; None for what is missing."""

    def __init__(self, name: str, known: Mapping[str, str | None] | None = None) -> None:
        self.name = name
        self._meaning: dict[str, str | None] = dict(known or {})
        self._parts = [np.empty(0, dtype=object)]

    def _keep(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Keep a block, and return where it is missing."""
        for text in set(texts).difference(self._meaning):
            self._meaning[text] = None if is_missing(text) else text
        meanings = [self._meaning[text] for text in texts]
        part = np.empty(len(texts), dtype=object)
        part[:] = meanings
        self._parts.append(part)
        return np.fromiter((meaning is None for meaning in meanings), np.bool_, len(texts))

    @property
    def values(self) -> NDArray[np.object_]:
        """All values so far, shape (n,), `str` or None."""
        return _join(self._parts)


class CategoryColumn(_TextColumn):
    """A category feature's values. What the plan lists is a category even if it also spells a missing value."""

    def __init__(self, feature: CategoryFeature) -> None:
        self._listed = () if feature.categories == "counted" else feature.categories
        super().__init__(feature.name, {text: text for text in self._listed})
        self._feature = feature

    def read(self, cells: Cells, defects: Defects) -> None:
        """Take in a block of rows."""
        absent = self._keep(cells.texts)
        if self._feature.missing == "refused" and absent.any():
            _report(defects, "data.missing", cells, absent, lambda _: _explain_missing("a category"))
        if not self._listed:
            return
        strange = {
            text for text in set(cells.texts).difference(self._listed) if self._meaning[text] is not None
        }
        if strange:
            wrong = _mark(cells, strange.__contains__)
            _report(defects, "data.category", cells, wrong, self._explain)

    def _explain(self, text: str) -> str:
        alike = find_alike(text, self._listed)
        if alike is not None:
            difference = describe_difference(text, alike)
            return f"found {show(text)}, expected {show(alike)} as the plan spells it; they differ in {difference}"
        known = enumerate_some(map(show, self._listed), 8)
        empty = ", leave it empty," if self._feature.missing == "allowed" else ""
        return (
            f"found {show(text)}, expected one of {known}; recode it{empty} or propose a plan that lists it"
        )


class GroupColumn(_TextColumn):
    """The column that names each row's group or person: never missing, and one group never written in two ways.

    Groups are told apart letter by letter, so a person who is `7` here and `7.0` there would both train and test.

    Args:
        name: the column's name.
        everywhere: whether a group means the same at every member, where other files may write it in another way.
    """

    def __init__(self, name: str, *, everywhere: bool) -> None:
        super().__init__(name)
        self._everywhere = everywhere
        self._spellings: dict[str | Decimal, str] = {}
        self._faults: dict[str, str] = {}

    def read(self, cells: Cells, defects: Defects) -> None:
        """Take in a block of rows."""
        fresh = [text for text in dict.fromkeys(cells.texts) if text not in self._meaning]
        absent = self._keep(cells.texts)
        if absent.any():
            _report(defects, "data.missing", cells, absent, _explain_missing_group)
        for text in fresh:
            fault = "" if self._meaning[text] is None else self._find_fault(text)
            if fault:
                self._faults[text] = fault
        if self._faults:
            wrong = _mark(cells, self._faults.__contains__)
            _report(defects, "data.key", cells, wrong, self._explain)

    def _find_fault(self, text: str) -> str:
        if text != text.strip():
            return "expected no space at the beginning or the end; remove it"
        if not text.isprintable():
            return "expected no character that cannot be seen; write it again"
        if not unicodedata.is_normalized("NFC", text):
            return "expected letters and accents as one character (Unicode NFC); write it so in every row"
        number = parse_plain(text)
        is_whole = number is not None and number == int(number)
        if self._everywhere and is_whole and not text.removeprefix("-").isdigit():
            whole = show(f"{number:.0f}")
            return (
                f"expected a whole number as {whole}, since groups are the same at every member; write it so"
            )
        first = self._spellings.setdefault(fold_text(text) if number is None else number, text)
        if first == text:
            return ""
        return f"and {show(first)} in another row; if they are one group, write it in one way, else tell them apart more clearly"

    def _explain(self, text: str) -> str:
        return f"found {show(text)}, {self._faults[text]}"


class TimeColumn(_TextColumn):
    """The column that says when a row was: never missing, and written as the plan writes its `from`.

    Args:
        name: the column's name.
        start: the first value that tests.
    """

    def __init__(self, name: str, start: str) -> None:
        super().__init__(name)
        self._start = start
        moment = read_moment(start)
        self._form = None if moment is None else moment.form
        self._fits: dict[str, bool] = {}
        self._is_refused = False

    def read(self, cells: Cells, defects: Defects) -> None:
        """Take in a block of rows."""
        absent = self._keep(cells.texts)
        if absent.any():
            _report(defects, "data.missing", cells, absent, _explain_missing_key)
        if self._form is None:
            self._refuse_start(defects)
            return
        for text in set(cells.texts).difference(self._fits):
            moment = read_moment(text)
            # What is missing has been reported as such.
            self._fits[text] = is_missing(text) or (moment is not None and moment.form == self._form)
        wrong = _mark(cells, lambda text: not self._fits[text])
        if wrong.any():
            _report(defects, "data.time", cells, wrong, self._explain)

    def _refuse_start(self, defects: Defects) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        message = (
            f"the plan tests from {show(self._start)}, with which no row can be compared; propose a plan whose `from`"
            f" is {FORMS}"
        )
        defects.add_column("data.time", self.name, message)

    def _explain(self, text: str) -> str:
        start = show(self._start)
        return f"found {show(text)}, expected {self._form}, because the plan tests from {start}; write all times this way"


def _explain_missing_group(_: str) -> str:
    return "found no value, and this column says which rows belong together; fill it in or remove the row"


def _explain_missing_key(_: str) -> str:
    return "found no value, and this column decides which rows test; fill it in or remove the row"


class LabelColumn:
    """The label: 1 where the text is the plan's positive one, 0 where it is the negative one."""

    def __init__(self, label: Label | Event) -> None:
        self.name = label.name
        self._label = label
        self._codes = {label.positive: 1, label.negative: 0}
        self._parts = [np.empty(0, np.int8)]

    def read(self, cells: Cells, defects: Defects) -> None:
        """Take in a block of rows."""
        codes = np.fromiter((self._codes.get(text, -1) for text in cells.texts), np.int8, len(cells.texts))
        self._parts.append(codes)
        wrong = codes < 0
        if not wrong.any():
            return
        absent = wrong & _mark(cells, is_missing)
        _report(defects, "data.label-missing", cells, absent, self._explain_missing)
        _report(defects, "data.label", cells, wrong & ~absent, self._explain)

    def _explain_missing(self, _: str) -> str:
        return f"found no value, expected {self._expected}; fill it in or remove the row"

    @property
    def _expected(self) -> str:
        return f"{show(self._label.negative)} or {show(self._label.positive)}"

    def _explain(self, text: str) -> str:
        number = parse_number(text)
        same = [known for known in self._codes if math.isfinite(number) and parse_number(known) == number]
        alike = same[0] if same else find_alike(text, self._codes)
        remedy = (
            f"write it as {show(alike)}"
            if alike
            else "recode it or remove the row, as a label has two values"
        )
        return f"found {show(text)}, expected {self._expected}; {remedy}"

    @property
    def values(self) -> NDArray[np.int8]:
        """All labels so far, shape (n,)."""
        return _join(self._parts)


def _join(parts: list[NDArray[_Kind]]) -> NDArray[_Kind]:
    """Return all parts as one, and keep them so: a column is in memory once."""
    parts[:] = [np.concatenate(parts)]
    return parts[0]


PlanColumn = NumberColumn | CategoryColumn | GroupColumn | TimeColumn | LabelColumn


def _mark(cells: Cells, is_meant: Callable[[str], bool]) -> NDArray[np.bool_]:
    return np.fromiter(map(is_meant, cells.texts), np.bool_, len(cells.texts))


def _explain_missing(expected: str) -> str:
    return f"found no value, expected {expected}; fill it in, remove the row, or propose a plan that says `missing: allowed`"


def _report(
    defects: Defects, rule: str, cells: Cells, wrong: NDArray[np.bool_], explain: Callable[[str], str]
) -> None:
    """Report wrong cells, one finding for each text; all spellings of a missing value are one."""
    places: dict[str, list[int]] = {}
    for index in np.flatnonzero(wrong).tolist():
        text = "" if is_missing(cells.texts[index]) else cells.texts[index]
        places.setdefault(text, []).append(cells.rows[index])
    for text, rows in places.items():
        defects.add_cells(rule, cells.column, text, rows, explain)
