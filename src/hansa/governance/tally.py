"""The count: who is eligible, what was cast, and whether it is enough. Exact, and the same for everybody.

Integers only: each basis is scaled so that every elector has a whole number of units. `docs/formats/tally.md`
specifies the rules; a slow and obvious version of them lives beside the tests.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from hansa.governance.decision import Basis, DecisionRule, Majority, Passes, parse_passes

__all__ = [
    "Basis",
    "BasisCount",
    "Choice",
    "DecisionRule",
    "Elector",
    "Heads",
    "Majority",
    "Outcome",
    "Passes",
    "Tally",
    "parse_passes",
    "tally",
]

Choice = Literal["yes", "no", "abstain"]
Outcome = Literal["open", "passed", "failed", "no_quorum", "vetoed"]


@dataclass(frozen=True, slots=True)
class Elector:
    """A member as frozen into an electorate when a proposal was opened; `voting_weight` is a whole number from 1."""

    member: str
    member_class: str
    voting_weight: int


class Heads(NamedTuple):
    """How many members did what."""

    yes: int
    no: int
    abstain: int
    absent: int
    recused: int


@dataclass(frozen=True, slots=True)
class BasisCount:
    """What one basis counted; members, classes or capped voting weight, exact.

    `absent` are the electors who neither voted nor are recused. `recused` counts in nothing else.
    """

    by: Basis
    yes: Fraction
    no: Fraction
    abstain: Fraction
    absent: Fraction
    recused: Fraction

    @property
    def cast(self) -> Fraction:
        """Yes and no."""
        return self.yes + self.no

    @property
    def present(self) -> Fraction:
        """Yes, no and abstentions."""
        return self.cast + self.abstain

    @property
    def eligible(self) -> Fraction:
        """Everybody who is not recused."""
        return self.present + self.absent


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcome of a proposal, and the counts it follows from: one for each basis of the rule."""

    outcome: Outcome
    counts: tuple[BasisCount, ...]
    heads: Heads


class _Units(NamedTuple):
    """Whole-number units of one basis; `scale` of them make 1."""

    majority: Majority
    yes: int
    no: int
    abstain: int
    absent: int
    recused: int
    scale: int

    @property
    def eligible(self) -> int:
        return self.yes + self.no + self.abstain + self.absent

    def is_vetoed(self, rule: DecisionRule) -> bool:
        return rule.veto is not None and self.eligible > 0 and self.no >= rule.veto * self.eligible

    def has_quorum(self, rule: DecisionRule) -> bool:
        return self.eligible > 0 and self.eligible - self.absent >= rule.quorum * self.eligible

    def is_majority(self) -> bool:
        base = self.eligible
        if self.majority.passes.of != "eligible":
            base -= self.absent
        if self.majority.passes.of == "cast":
            base -= self.abstain
        return self.yes > self.no and self.majority.passes.is_met(self.yes, base)

    def with_absent_as(self, choice: Literal["yes", "no"]) -> "_Units":
        if choice == "yes":
            return self._replace(yes=self.yes + self.absent, absent=0)
        return self._replace(no=self.no + self.absent, absent=0)


def tally(
    rule: DecisionRule,
    electorate: Sequence[Elector],
    ballots: Mapping[str, Choice],
    recused: Collection[str],
    *,
    closed: bool,
) -> Tally:
    """Count the ballots on one proposal.

    Args:
        rule: the decision rule that was in force when the proposal was opened.
        electorate: frozen at the opening, each member once.
        ballots: from member to choice; a member without a ballot is absent.
        recused: electors who count neither above nor below the line; a ballot of theirs does not count.
        closed: whether the period has ended.

    Returns:
        The outcome. A closed proposal is, in this order: `vetoed`, `no_quorum`, `passed`, `failed`. While ballots
        are still taken it is `vetoed` at once; under an `early` rule also `passed` or `failed` as soon as no
        outstanding ballot, abstention, absence or recusal could make it pass, or stop it; else `open`.

    Raises:
        ValueError: an elector stands in the electorate twice, or a ballot or recusal is nobody's of the electorate.

    Guarantees:
        A tie is never `passed`. The order of electors and ballots does not matter.
    """
    names = {elector.member for elector in electorate}
    if len(names) != len(electorate):
        raise ValueError("an elector stands in the electorate twice")
    strangers = (ballots.keys() | set(recused)) - names
    if strangers:
        raise ValueError(f"not in the electorate: {', '.join(sorted(strangers))}")
    standing = dict.fromkeys(names, "absent") | dict(ballots) | dict.fromkeys(recused, "recused")
    units = [_count(majority, rule, electorate, standing) for majority in rule.majorities]
    outcome = _close(rule, units) if closed else _settle(rule, units)
    return Tally(outcome, tuple(map(_in_natural_units, units)), _heads(standing))


def _close(rule: DecisionRule, units: Sequence[_Units]) -> Outcome:
    """Decide a closed proposal. The order of the steps is part of the rule."""
    # 1. A veto in any basis stops it.
    if any(count.is_vetoed(rule) for count in units):
        return "vetoed"
    # 2. The quorum must hold in every basis; nobody eligible is no quorum.
    if not all(count.has_quorum(rule) for count in units):
        return "no_quorum"
    # 3. Every majority must be reached, with more yes than no.
    return "passed" if all(count.is_majority() for count in units) else "failed"


def _settle(rule: DecisionRule, units: Sequence[_Units]) -> Outcome:
    """Decide a proposal that still takes ballots, as far as nothing outstanding can change it."""
    # 1. A veto stays reached: no only grows and eligible only shrinks.
    if any(count.is_vetoed(rule) for count in units):
        return "vetoed"
    if not rule.early:
        return "open"
    # 2. Everybody is recused, which is final.
    if any(count.eligible == 0 for count in units):
        return "no_quorum"
    # 3. It can no longer pass: not even when everybody outstanding votes yes, which also helps the quorum most.
    if _close(rule, [count.with_absent_as("yes") for count in units]) != "passed":
        return "failed"
    # 4. It passes whatever comes: when everybody outstanding votes no, and also when they all stay away, which
    #    is worst for the quorum. A recusal instead of a no only raises yes as a share of what remains.
    worst = _close(rule, [count.with_absent_as("no") for count in units])
    if worst == "passed" and all(count.has_quorum(rule) for count in units):
        return "passed"
    return "open"


def _count(
    majority: Majority, rule: DecisionRule, electorate: Sequence[Elector], standing: Mapping[str, str]
) -> _Units:
    weights, scale = scaled_weights(majority.by, rule.weight_cap, electorate)
    sums: Counter[str] = Counter()
    for elector, weight in zip(electorate, weights, strict=True):
        sums[standing[elector.member]] += weight
    return _Units(majority, sums["yes"], sums["no"], sums["abstain"], sums["absent"], sums["recused"], scale)


def scaled_weights(
    by: Basis, weight_cap: Fraction | None, electorate: Sequence[Elector]
) -> tuple[tuple[int, ...], int]:
    """Return what each elector counts in one basis, in whole units, and how many units make 1.

    | by | an elector counts |
    | --- | --- |
    | head | 1 |
    | class | 1 divided by the number of electors of its class, recused or not |
    | weight | its voting weight, at most `weight_cap` times the electorate's whole voting weight |
    """
    if by == "head":
        return (1,) * len(electorate), 1
    if by == "class":
        sizes = Counter(elector.member_class for elector in electorate)
        scale = math.lcm(*sizes.values())
        return tuple(scale // sizes[elector.member_class] for elector in electorate), scale
    if weight_cap is None:
        return tuple(elector.voting_weight for elector in electorate), 1
    scale = weight_cap.denominator
    most = weight_cap.numerator * sum(elector.voting_weight for elector in electorate)
    return tuple(min(elector.voting_weight * scale, most) for elector in electorate), scale


def _heads(standing: Mapping[str, str]) -> Heads:
    count = Counter(standing.values())
    return Heads(count["yes"], count["no"], count["abstain"], count["absent"], count["recused"])


def _in_natural_units(units: _Units) -> BasisCount:
    parts = (units.yes, units.no, units.abstain, units.absent, units.recused)
    return BasisCount(units.majority.by, *(Fraction(part, units.scale) for part in parts))
