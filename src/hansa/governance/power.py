"""Who can do what under a decision rule when everybody votes yes or no: exact voting power.

A rule over a frozen electorate is a weighted game, or two at once. A set of members wins when their yes is enough
against everybody else's no.

Source: Banzhaf 1965, power as the number of swings; Brams and Affuso 1976, counting them by generating functions.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Final, NamedTuple

from hansa.governance.decision import DecisionRule, Majority
from hansa.governance.tally import Elector, scaled_weights

MAX_TABLE_BITS: Final = 2**23
"""The size of the counting table; above it `count_swings` gives up rather than keep people waiting."""


class Bounds(NamedTuple):
    """What is enough on one side of a game, in whole units.

    Args:
        total: what all electors count together.
        needed: the yes units that are enough against no from all others.
        presence: the yes units that are enough when all others stay away.
    """

    total: int
    needed: int
    presence: int

    def decides(self, units: int) -> bool:
        """Say whether a yes of `units` is enough, against no from all others."""
        return units >= self.needed

    def blocks(self, units: int) -> bool:
        """Say whether a no of `units` is enough, against yes from all others."""
        return self.total - units < self.needed

    def misses(self, units: int) -> bool:
        """Say whether the absence of `units` is enough, against yes from all others."""
        return self.total - units < self.presence


@dataclass(frozen=True, slots=True)
class Side:
    """One basis of a game, in whole units.

    Args:
        rule: the decision rule.
        majority: the majority that counts this way.
        units: what each elector counts, in the game's order.
        scale: how many units make 1.
        bounds: what is enough.
        is_capped: whether somebody counts less than its voting weight.
    """

    rule: DecisionRule
    majority: Majority
    units: tuple[int, ...]
    scale: int
    bounds: Bounds
    is_capped: bool

    def without(self, units: int) -> Bounds:
        """Return what is enough when an elector who counts `units` is recused."""
        return _bounds(self.rule, self.majority, self.bounds.total - units)


@dataclass(frozen=True, slots=True)
class Game:
    """A decision rule over its eligible electors; `names[i]` counts `side.units[i]` on each side."""

    names: tuple[str, ...]
    sides: tuple[Side, ...]

    def can_pass(self) -> bool:
        """Say whether everybody's yes is enough."""
        return bool(self.names) and all(side.bounds.decides(side.bounds.total) for side in self.sides)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Electors who count the same on every side: their names, sorted, and their units on each side."""

    members: tuple[str, ...]
    units: tuple[int, ...]


class Case(NamedTuple):
    """Something to be decided.

    Args:
        concerned: the members, sorted, each of whom makes such a case by having no vote in it; `("",)` for nobody.
        bounds: what is enough, on each side.
        kind: that of the concerned; None for nobody.
    """

    concerned: tuple[str, ...]
    bounds: tuple[Bounds, ...]
    kind: Kind | None = None


def make_game(rule: DecisionRule, electorate: Sequence[Elector], recused: Collection[str] = ()) -> Game:
    """Return the game that `rule` makes of the electors who are not recused."""
    taking_part = [index for index, elector in enumerate(electorate) if elector.member not in recused]
    names = tuple(electorate[index].member for index in taking_part)
    sides = []
    for majority in rule.majorities:
        units, scale = scaled_weights(majority.by, rule.weight_cap, electorate)
        own = tuple(units[index] for index in taking_part)
        capped = majority.by == "weight" and any(
            unit < elector.voting_weight * scale for unit, elector in zip(units, electorate, strict=True)
        )
        sides.append(Side(rule, majority, own, scale, _bounds(rule, majority, sum(own)), capped))
    return Game(names, tuple(sides))


def make_cases(game: Game, *, expulsion: bool) -> tuple[tuple[Kind, ...], tuple[Case, ...]]:
    """Return the kinds of electors of a game, and the cases in which they vote: one, or one for each kind to be expelled.

    Electors of one kind stand alike, so an electorate of equals is one kind however large it is.
    """
    members: dict[tuple[int, ...], list[str]] = {}
    for name, *units in zip(game.names, *(side.units for side in game.sides), strict=True):
        members.setdefault(tuple(units), []).append(name)
    kinds = tuple(Kind(tuple(sorted(names)), units) for units, names in members.items())
    if not expulsion:
        return kinds, (Case(("",), tuple(side.bounds for side in game.sides)),)
    return kinds, tuple(
        Case(
            kind.members,
            tuple(side.without(units) for side, units in zip(game.sides, kind.units, strict=True)),
            kind,
        )
        for kind in kinds
    )


def count_fewest_blockers(game: Game, cases: Sequence[Case]) -> int:
    """Count the members of the smallest set that can block something in one of the cases."""
    fewest = len(game.names)
    for place, side in enumerate(game.sides):
        heaviest = sorted(side.units, reverse=True)
        together = list(accumulate(heaviest))
        for case in cases:
            bounds = case.bounds[place]
            enough = bounds.total - bounds.needed + 1
            count = bisect_left(together, enough) + 1
            if case.kind is not None and heaviest[min(count, len(heaviest)) - 1] <= case.kind.units[place]:
                # Whoever is concerned would be among them, and has no vote: as many of the others.
                count = bisect_left(together, enough + case.kind.units[place])
            fewest = min(fewest, count)
    return fewest


def _bounds(rule: DecisionRule, majority: Majority, total: int) -> Bounds:
    passes = majority.passes
    reach = _least(passes.share * total, strict=passes.strict)
    more_than_no = total // 2 + 1
    unvetoed = 0 if rule.veto is None else _least((1 - rule.veto) * total, strict=True)
    quorum = max(1, _least(rule.quorum * total, strict=False))
    presence = max(quorum, reach) if passes.of == "eligible" else quorum
    return Bounds(total, max(reach, more_than_no, unvetoed), presence)


def count_swings(game: Game) -> tuple[int, ...] | None:
    """Count for each elector the sets of the others that lose without its yes and win with it.

    Returns:
        One number for each of `game.names`; 0 for an elector whose vote never matters. None when the voting weights
        differ too much for an exact count in reasonable time (`MAX_TABLE_BITS`).
    """
    sides = sorted((_reduce(side) for side in game.sides), key=lambda side: sum(side[0]))
    if len(sides) == 1:
        sides.insert(0, ((0,) * len(game.names), 0))
    (major, major_needed), (minor, minor_needed) = sides
    width, digit = sum(minor) + 1, len(game.names) // 8 + 1
    size = (sum(major) + 1) * width * digit
    if size * 8 > MAX_TABLE_BITS:
        return None
    kinds = Counter(zip(major, minor, strict=True))
    swings = {}
    for (own_major, own_minor), table in _tables_of_others(list(kinds.items()), 1, width, digit * 8):
        data = table.to_bytes(size, "little")
        winning = _sum_from(data, major_needed, minor_needed, width, digit)
        pivotal = _sum_from(data, major_needed - own_major, minor_needed - own_minor, width, digit)
        swings[own_major, own_minor] = pivotal - winning
    return tuple(swings[kind] for kind in zip(major, minor, strict=True))


def _least(bound: Fraction, *, strict: bool) -> int:
    """Return the least whole number that is at least `bound`, or above it."""
    return math.floor(bound) + 1 if strict else math.ceil(bound)


def _reduce(side: Side) -> tuple[tuple[int, ...], int]:
    divisor = math.gcd(*side.units) or 1
    return tuple(units // divisor for units in side.units), -(-side.bounds.needed // divisor)


def _tables_of_others(
    kinds: list[tuple[tuple[int, int], int]], table: int, width: int, digit_bits: int
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield for each kind of elector the table of all electors but one of that kind.

    A table is one large number: digit `major * width + minor` says how many sets of electors have these sums. To add an
    elector is a shift and an addition. `table` already holds everybody outside `kinds`; halving `kinds` keeps the work
    at n log n additions.
    """
    if len(kinds) == 1:
        kind, count = kinds[0]
        yield kind, _add(table, [(kind, count - 1)], width, digit_bits)
        return
    half = len(kinds) // 2
    for these, others in ((kinds[:half], kinds[half:]), (kinds[half:], kinds[:half])):
        yield from _tables_of_others(these, _add(table, others, width, digit_bits), width, digit_bits)


def _add(table: int, kinds: list[tuple[tuple[int, int], int]], width: int, digit_bits: int) -> int:
    for (major, minor), count in kinds:
        for _ in range(count):
            table += table << ((major * width + minor) * digit_bits)
    return table


def _sum_from(data: bytes, major: int, minor: int, width: int, digit: int) -> int:
    """Sum the digits whose two indices are at least `major` and `minor`.

    A number is congruent to the sum of its digits modulo the base less one, and here the sum is smaller than that.
    """
    total, row, start = 0, width * digit, max(minor, 0) * digit
    for offset in range(max(major, 0) * row, len(data), row):
        total += int.from_bytes(data[offset + start : offset + row], "little") % (256**digit - 1)
    return total
