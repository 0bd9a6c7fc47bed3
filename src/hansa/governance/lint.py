"""What follows from a charter for these members: every finding at once, in plain words, with names.

A well-formed charter may still be a bad agreement. Errors stop it; warnings ask for a second look; notes inform.
`docs/formats/charter.md` lists the rules.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from types import MappingProxyType
from typing import Final

from hansa.governance.assumption import lint_assumptions
from hansa.governance.charter import Charter, EffectName
from hansa.governance.decision import DecisionRule, Passes
from hansa.governance.finding import Finding, Level
from hansa.governance.member import Member
from hansa.governance.plan import MINIMUM_COHORT
from hansa.governance.power import (
    Bounds,
    Case,
    Game,
    Kind,
    Side,
    count_fewest_blockers,
    count_swings,
    make_cases,
    make_game,
)
from hansa.governance.privacy import CharterPrivacy
from hansa.governance.sharing import count_required
from hansa.governance.spelling import format_duration
from hansa.governance.tally import Elector
from hansa.transparency.cosignature import final_threshold

_NOUNS: Final[Mapping[EffectName, str]] = MappingProxyType(
    {"run": "run", "release": "release", "admit": "admission", "expel": "expulsion", "amend": "amendment"}
)
_WITHOUT: Final[Mapping[EffectName, str]] = MappingProxyType(
    {
        "run": "nothing can be trained",
        "release": "no model can be released",
        "admit": "nobody can be admitted",
        "expel": "nobody can be expelled",
        "amend": "this charter can never be changed",
    }
)
_SHOWN: Final = 5
"""How many names a message spells out."""


def lint_charter(charter: Charter, members: Sequence[Member]) -> tuple[Finding, ...]:
    """Judge a charter, for these members.

    Args:
        charter: well-formed.
        members: everybody who will be bound by it; without any, only the charter itself is judged.

    Returns:
        All findings: errors first, then warnings, then notes; in the order of the charter within each.
    """
    electorate = tuple(
        Elector(member.id, member.member_class, member.voting_weight)
        for member in sorted(members, key=lambda member: member.id)
        if member.member_class in charter.classes and charter.classes[member.member_class].votes
    )
    found = chain(
        _lint_classes(charter, members, electorate),
        _lint_decisions(charter),
        chain.from_iterable(
            _lint_power(name, rule, electorate) for name, rule in charter.decisions.items() if electorate
        ),
        _lint_weights(charter, electorate),
        _lint_privacy(charter, members),
        _lint_witnesses(charter, len(members)),
    )
    order: Mapping[Level, int] = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: order[finding.level]))


def _lint_classes(
    charter: Charter, members: Sequence[Member], electorate: Sequence[Elector]
) -> Iterator[Finding]:
    by_class: dict[str, list[str]] = {}
    for member in members:
        by_class.setdefault(member.member_class, []).append(member.id)
    for name in sorted(by_class.keys() - charter.classes.keys()):
        who = _names(by_class[name])
        yield _error("class-unknown", f"{who} should be of class `{name}`, which the charter does not define")
    if all(not member_class.votes for member_class in charter.classes.values()) or (
        members and not electorate
    ):
        yield _error("no-voters", "no member has a vote; let a class that has members vote")
    for name in charter.classes:
        if members and name not in by_class:
            yield _note("class-empty", f"class `{name}` has no member yet")


def _lint_decisions(charter: Charter) -> Iterator[Finding]:
    for name, consequence in _WITHOUT.items():
        if name not in charter.decisions:
            level: Level = "warning" if name in {"run", "amend"} else "note"
            yield Finding(level, "lint.decision-missing", f"`decisions` has no `{name}`: {consequence}")
    for name, rule in charter.decisions.items():
        if rule.period_seconds <= charter.clock.tolerance_seconds:
            yield _error(
                "period-below-tolerance",
                f"the period of `{name}`, {format_duration(rule.period_seconds)}, is not longer than the clock's "
                f"tolerance, {format_duration(charter.clock.tolerance_seconds)}: it could end before it begins",
            )
        if rule.timelock_seconds == 0 and rule.early:
            yield _warning(
                "early-without-timelock",
                f"`{name}` is settled early and takes effect at once: members who have not voted yet can neither "
                "object nor leave before; add a timelock",
            )
        elif rule.timelock_seconds == 0:
            yield _note("no-timelock", f"`{name}` has no timelock: nobody can leave before it takes effect")
        if rule.veto is not None and all(
            _is_idle(rule.veto, majority.passes) for majority in rule.majorities
        ):
            yield _note(
                "veto-idle",
                f"the veto of `{name}` never matters: whoever reaches it has stopped the proposal anyway",
            )


def _is_idle(veto: Fraction, passes: Passes) -> bool:
    # When no has a veto's share of those eligible, yes has at most the rest, and most of it when nobody abstains.
    return 1 - veto <= Fraction(1, 2) or not passes.is_met(1 - veto, 1)


def _lint_power(name: EffectName, rule: DecisionRule, electorate: Sequence[Elector]) -> Iterator[Finding]:
    noun = _NOUNS[name]
    game = make_game(rule, electorate)
    # An expulsion is another case for each member that it may concern, because that member has no vote in it.
    kinds, cases = make_cases(game, expulsion=name == "expel")
    voters = len(game.names) - (name == "expel")
    if not voters or not game.can_pass():
        yield _error(
            "unreachable", f"no {noun} can pass, even when every member votes yes: nobody is left to vote"
        )
        return
    yield from _lint_alone(name, game.sides, kinds, cases)
    yield from _lint_absence(name, kinds, cases)
    fewest = count_fewest_blockers(game, cases)
    if fewest > 1:
        yield _note(
            "blocking-minority", f"{fewest} of {voters} members can block {_article(noun)} {noun} together"
        )
    if name != "expel":
        yield from _lint_swings(name, game)


def _lint_alone(
    name: EffectName, sides: Sequence[Side], kinds: Sequence[Kind], cases: Sequence[Case]
) -> Iterator[Finding]:
    every = f"every {_NOUNS[name]}" + (" but its own" if name == "expel" else "")
    kind_of = {member: kind for kind in kinds for member in kind.members}
    case_of = {member: case for case in cases for member in case.concerned}
    for rule, verb, able in (
        ("decides-alone", "pass", _can_decide),
        ("blocks-alone", "block", _can_block),
    ):
        power = {kind: [case for case in cases if able(case, kind)] for kind in kinds}
        # A member has no vote on its own expulsion, whatever others of its kind have.
        counts = {
            kind: sum(len(case.concerned) - (case.kind is kind) for case in able_in)
            for kind, able_in in power.items()
        }
        most = {kind: len(case_of) - (kind.members[0] in case_of) for kind in kinds}
        if all(counts[kind] == most[kind] for kind in kinds) and len(kind_of) > 1:
            level: Level = "warning" if name == "amend" or verb == "pass" else "note"
            yield Finding(level, f"lint.{rule}", f"every member alone can {verb} {every}")
            continue
        first = {
            kind: heapq.nsmallest(
                _SHOWN + 2, chain.from_iterable(case.concerned[: _SHOWN + 2] for case in able_in)
            )
            for kind, able_in in power.items()
        }
        for member in sorted(kind_of):
            kind = kind_of[member]
            if counts[kind]:
                concerned = [other for other in first[kind] if other != member][: _SHOWN + 1]
                what = (
                    every
                    if counts[kind] == most[kind]
                    else f"the expulsion of {_names(concerned, 'or', counts[kind])}"
                )
                why = _standing(sides, kind, case_of[concerned[0]], verb)
                yield _warning(rule, f"{member} alone can {verb} {what} ({why})")


def _can_decide(case: Case, kind: Kind) -> bool:
    return all(bounds.decides(units) for bounds, units in zip(case.bounds, kind.units, strict=True))


def _can_block(case: Case, kind: Kind) -> bool:
    return any(bounds.blocks(units) for bounds, units in zip(case.bounds, kind.units, strict=True))


def _standing(sides: Sequence[Side], kind: Kind, case: Case, verb: str) -> str:
    """Say what a member counts where it makes the difference."""
    standings = zip(sides, kind.units, case.bounds, strict=True)
    return "; ".join(
        _share(side, units, bounds)
        for side, units, bounds in standings
        if verb == "pass" or bounds.blocks(units)
    )


def _share(side: Side, units: int, bounds: Bounds) -> str:
    own, total = Fraction(units, side.scale), Fraction(bounds.total, side.scale)
    if side.majority.by == "weight":
        return f"weight {_number(own)} of {_number(total)}{' after the cap' if side.is_capped else ''}"
    if side.majority.by == "class":
        return f"{_number(own)} of {_number(total)} classes"
    return f"1 of {_number(total)} members"


def _lint_absence(name: EffectName, kinds: Sequence[Kind], cases: Sequence[Case]) -> Iterator[Finding]:
    noun = _NOUNS[name]
    missing = [
        member
        for kind in kinds
        if any(
            any(bounds.misses(units) for bounds, units in zip(case.bounds, kind.units, strict=True))
            for case in cases
            if len(kind.members) > 1 or case.kind is not kind
        )
        for member in kind.members
    ]
    voters = sum(len(kind.members) for kind in kinds)
    if len(missing) == voters > 1:
        level: Level = "warning" if name == "amend" else "note"
        yield Finding(level, "lint.needs-everybody", f"one member who does not answer stops every {noun}")
    elif missing:
        yield _warning(
            "needs-one", f"when {_names(sorted(missing), 'or')} does not answer, no {noun} can pass"
        )


def _lint_swings(name: EffectName, game: Game) -> Iterator[Finding]:
    noun = _NOUNS[name]
    swings = count_swings(game)
    if swings is None:
        yield _note(
            "power-uncounted",
            f"the voting weights differ too much to count the voting power for `{name}` exactly; give them in smaller "
            "whole numbers",
        )
        return
    dummies = [member for member, count in zip(game.names, swings, strict=True) if count == 0]
    if dummies:
        yield _warning(
            "never-matters", f"the vote of {_names(dummies)} never matters for {_article(noun)} {noun}"
        )
    if len(set(swings)) > 1:
        order = sorted(zip(game.names, swings, strict=True), key=lambda pair: (-pair[1], pair[0]))
        parts = [f"{member} {_percent(count, sum(swings))}" for member, count in order[:_SHOWN]]
        rest = f" and {len(order) - _SHOWN} others" if len(order) > _SHOWN else ""
        yield _note("power", f"voting power for {_article(noun)} {noun}: {', '.join(parts)}{rest}")


def _lint_weights(charter: Charter, electorate: Sequence[Elector]) -> Iterator[Finding]:
    weights = {elector.voting_weight for elector in electorate}
    by_weight = {name: rule for name, rule in charter.decisions.items() if "weight" in rule.bases}
    if len(weights) > 1 and not by_weight:
        yield _note(
            "weights-unused", "members have different voting weights, and no decision counts by weight"
        )
    for name, rule in by_weight.items():
        total = sum(elector.voting_weight for elector in electorate)
        if len(weights) > 1 and rule.weight_cap is not None and min(weights) >= rule.weight_cap * total:
            yield _note("cap-equalises", f"`weight_cap` of `{name}` makes all members count the same")


def _lint_privacy(charter: Charter, members: Sequence[Member]) -> Iterator[Finding]:
    smallest = charter.privacy.minimum_cohort
    if smallest < MINIMUM_COHORT:
        yield _error(
            "cohort-too-small",
            f"`privacy.minimum_cohort` is {smallest}: a sum over two hides nothing; make it {MINIMUM_COHORT} or more",
        )
    if smallest > len(members) >= MINIMUM_COHORT:
        yield _error(
            "cohort-above-members",
            f"`privacy.minimum_cohort` is {smallest}, and there are {len(members)} members: no run could start",
        )
    bare, budget = charter.privacy.unnoised_sums == "allowed", charter.privacy.budget
    if not bare and budget is None and "run" in charter.decisions:
        yield _warning(
            "no-budget",
            "`privacy.unnoised_sums` is refused, and runs with noise need a `privacy.budget`: no run could start, unless "
            "each member sets one of its own",
        )
    if bare and budget is not None:
        yield _warning(
            "budget-beside-bare-sums",
            "`privacy.budget` bounds what runs with noise learn; runs without noise, which `privacy.unnoised_sums` allows, "
            "are charged nothing and bounded by nothing",
        )
    if bare and charter.privacy.differencing == "allowed":
        yield _warning(
            "differencing",
            "`privacy.differencing` is allowed: two runs without noise whose cohorts differ by one member give away that "
            "member's own sums",
        )
    yield from lint_assumptions(charter.privacy)
    yield from _lint_dropouts(charter.privacy, len(members))
    if members and len(members) < MINIMUM_COHORT:
        yield _warning(
            "few-members",
            f"with {len(members)} members nothing can be trained: runs need at least {MINIMUM_COHORT}",
        )


def _lint_dropouts(privacy: CharterPrivacy, members: int) -> Iterator[Finding]:
    smallest, nobody, nearly_all = privacy.minimum_cohort, Fraction(0), Fraction(99, 100)
    if members < max(smallest, MINIMUM_COHORT):
        return
    needed = {
        "minimum_cohort": smallest,
        "colluding": count_required(members, privacy.colluding, nearly_all),
        "dropouts": count_required(members, nobody, privacy.dropouts),
    }
    asking = [f"`privacy.{name}`" for name, count in needed.items() if count == members]
    if asking:
        yield _note(
            "nobody-may-vanish",
            f"a run over all {members} members ends when one of them vanishes, and must begin again; that everybody stays "
            f"is asked by {_names(asking)}",
        )


def _lint_witnesses(charter: Charter, members: int) -> Iterator[Finding]:
    if not members:
        return
    chosen, safe = charter.witnesses.threshold(members), final_threshold(members)
    if chosen > members:
        yield _error(
            "witness-unreachable",
            f"`witnesses.cosignatures` is {chosen}, and there are {members} members: no checkpoint would be final",
        )
    elif chosen < safe:
        yield _warning(
            "witness-weak",
            f"`witnesses.cosignatures` is {chosen} of {members}: two different histories could both look final; "
            f"write {safe} or `default`",
        )
    elif members <= 3:
        yield _warning(
            "witness-all",
            f"with {members} members every checkpoint needs all of them: one that is offline holds everybody up, and "
            "witnesses can only detect a fork, not outvote it",
        )


def _names(names: Sequence[str], conjunction: str = "and", count: int | None = None) -> str:
    """List `count` names, of which the first are enough; all of them if it is not said."""
    count = len(names) if count is None else count
    listed = [*names[:_SHOWN], f"{count - _SHOWN} others"] if count > _SHOWN + 1 else list(names[:count])
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {conjunction} {listed[-1]}"


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return f"{value.numerator:,}"
    whole, rest = divmod(value, 1)
    return f"{whole} {rest}" if whole else str(rest)


def _percent(part: int, whole: int) -> str:
    return f"{round(Fraction(100 * part, whole))} %"


def _error(rule: str, message: str) -> Finding:
    return Finding("error", f"lint.{rule}", message)


def _warning(rule: str, message: str) -> Finding:
    return Finding("warning", f"lint.{rule}", message)


def _note(rule: str, message: str) -> Finding:
    return Finding("note", f"lint.{rule}", message)
