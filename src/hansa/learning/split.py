"""Which rows train, which test and which validate: decided by hashes, so that anyone can decide it again.

No random generator is involved: its stream would be a detail of a library's version. SHA-256 over the
seed, the member and the row (or its group) is the same everywhere and for ever.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Refused
from hansa.learning.moment import FORMS, read_moment
from hansa.learning.tables import Mask, Rows, Table, verify_table

_DOMAIN = b"hansa/v1/split\n"

_ASIDE = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class StratifiedSplit:
    """A share of each member's rows, drawn within each class of the label.

    Args:
        seed: any integer; another seed is another draw.
        test: the share of rows that test, above 0 and below 1.
        validation: the share that validates, above 0; both together below 1.
    """

    seed: int
    test: Fraction
    validation: Fraction | None = None

    def __post_init__(self) -> None:
        _verify_shares(self.test, self.validation)


@dataclass(frozen=True, slots=True)
class RowSplit:
    """About a share of each member's rows, each decided by its place in the file alone, whatever the others hold.

    Args:
        seed: any integer; another seed is another draw.
        test: about this share of the rows tests, above 0 and below 1.
        validation: about this share validates, above 0; both together below 1.
    """

    seed: int
    test: Fraction
    validation: Fraction | None = None

    def __post_init__(self) -> None:
        _verify_shares(self.test, self.validation)


@dataclass(frozen=True, slots=True)
class GroupSplit:
    """Whole groups (a person, a day): all rows of a group train, or all test.

    Args:
        column: the key column that names the group.
        seed: any integer.
        test: about this share of the groups tests.
        everywhere: True when a group means the same thing at every member (a day), and is on the same
            side at all of them; False when it is the member's own (a patient number).
        validation: about this share of the groups validates, above 0; both together below 1.
    """

    column: str
    seed: int
    test: Fraction
    everywhere: bool
    validation: Fraction | None = None

    def __post_init__(self) -> None:
        _verify_shares(self.test, self.validation)


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """The later rows test: those whose key is not below `since`.

    Args:
        column: the key column that holds the time.
        since: the first value that tests, as `read_moment` reads it; every row must be written in the
            same form.
        validation: the first value that validates; it lies before `since`.
    """

    column: str
    since: str
    validation: str | None = None


Split = StratifiedSplit | RowSplit | GroupSplit | TimeSplit


def split_rows(table: Table, rule: Split, member: str) -> Mask:
    """Say which rows test.

    Args:
        table: the member's rows.
        rule: from the plan.
        member: the member's id.

    Returns:
        Shape (n,): True for a row that tests.

    Raises:
        Refused: `split.missing` a row has no group or time; `split.time` the times of two rows, or of a row
            and `since`, are not written in one form.
        ValueError: the table lacks the key column.
    Guarantees:
        Depends on nothing but its arguments: the same on every machine and in every version.
    """
    match rule:
        case StratifiedSplit():
            return _stratify(table.labels, rule, member)
        case RowSplit():
            return _draw(table, rule, member)
        case GroupSplit():
            return _group(_key(table, rule.column), rule, member)
        case TimeSplit():
            return _compare(_key(table, rule.column), rule)


def find_validation(rule: Split | None) -> Split:
    """Return the rule that sets a tenth of the training rows aside: in the manner in which test rows were, with the next seed.

    Where time divides, or nothing does, single rows are drawn with the seed 0.
    """
    match rule:
        case StratifiedSplit(seed=seed):
            return StratifiedSplit(seed + 1, _ASIDE)
        case GroupSplit():
            return replace(rule, seed=rule.seed + 1, test=_ASIDE, validation=None)
        case RowSplit(seed=seed):
            return RowSplit(seed + 1, _ASIDE)
        case _:
            return RowSplit(0, _ASIDE)


def divide_rows(table: Table, rule: Split | None, member: str) -> Rows:
    """Check a member's table and divide it; without a rule all rows train, and without a share for it none validate.

    Raises:
        Refused: see `verify_table` and `split_rows`.
    """
    verify_table(table)
    test = np.zeros(len(table), dtype=bool) if rule is None else split_rows(table, rule, member)
    if rule is None or rule.validation is None:
        return Rows(member, table.take(~test), table.take(test))
    held = split_rows(table, _widen(rule), member)
    return Rows(member, table.take(~held), table.take(test), table.take(held & ~test))


def _widen(rule: Split) -> Split:
    """Return the rule by which test and validation rows together are held out: its test rows hold those of the rule."""
    match rule:
        case TimeSplit(since=since, validation=str(start)):
            first, last = read_moment(start), read_moment(since)
            if first is None or last is None or first.form != last.form or first >= last:
                raise Refused("split.time", f"rows validate from `{start}`, which must lie before `{since}`")
            return TimeSplit(rule.column, start)
        case StratifiedSplit() | RowSplit() | GroupSplit():
            return replace(rule, test=rule.test + (rule.validation or 0), validation=None)
        case _:
            return rule


def _verify_shares(test: Fraction, validation: Fraction | None) -> None:
    if not 0 < test < 1:
        raise ValueError(f"the share of test rows must lie between 0 and 1, got {test}")
    if validation is not None and not 0 < validation < 1 - test:
        raise ValueError(f"the share of validation rows must lie between 0 and {1 - test}, got {validation}")


def _stratify(labels: NDArray[np.int8], rule: StratifiedSplit, member: str) -> Mask:
    test = np.zeros(len(labels), dtype=bool)
    start = hashlib.sha256(_DOMAIN + f"row\n{rule.seed}\n{member}\n".encode())
    for label in (0, 1):
        ranked = sorted((_continue(start, str(row)), row) for row in np.flatnonzero(labels == label).tolist())
        count = math.floor(rule.test * len(ranked) + Fraction(1, 2))
        test[[row for _, row in ranked[:count]]] = True
    return test


def _draw(table: Table, rule: RowSplit, member: str) -> Mask:
    start = hashlib.sha256(_DOMAIN + f"rows\n{rule.seed}\n{member}\n".encode())
    places = range(len(table)) if table.places is None else table.places.tolist()
    return np.array([_tests(_continue(start, str(place)), rule.test) for place in places], dtype=bool)


def _group(keys: NDArray[np.object_], rule: GroupSplit, member: str) -> Mask:
    scope = "" if rule.everywhere else member
    start = hashlib.sha256(_DOMAIN + f"group\n{rule.seed}\n{scope}\n".encode())
    side = {key: _tests(_continue(start, key), rule.test) for key in set(keys.tolist())}
    return np.array([side[key] for key in keys.tolist()], dtype=bool)


def _compare(keys: NDArray[np.object_], rule: TimeSplit) -> Mask:
    since = read_moment(rule.since)
    if since is None:
        raise Refused("split.time", f"the split begins at `{rule.since}`, expected {FORMS}")
    test = np.zeros(len(keys), dtype=bool)
    for row, key in enumerate(keys.tolist()):
        moment = read_moment(key)
        if moment is None or moment.form != since.form:
            raise Refused(
                "split.time",
                f"`{rule.column}` must be {since.form} as `{rule.since}` is, got `{key}` in row {row}",
            )
        test[row] = moment >= since
    return test


def _key(table: Table, column: str) -> NDArray[np.object_]:
    if column not in table.keys:
        raise ValueError(f"the table has no key column `{column}`")
    keys = table.keys[column]
    absent = [row for row, key in enumerate(keys.tolist()) if key is None]
    if absent:
        raise Refused("split.missing", f"`{column}` decides who tests and is missing in row {absent[0]}")
    return np.array([str(key) for key in keys.tolist()], dtype=object)


def _tests(drawn: bytes, share: Fraction) -> bool:
    return int.from_bytes(drawn[:8], "big") * share.denominator < share.numerator << 64


def _continue(start: "hashlib._Hash", text: str) -> bytes:
    digest = start.copy()
    digest.update(text.encode())
    return digest.digest()
