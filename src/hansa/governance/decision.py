"""A decision rule: which majorities, which quorum, which veto, for how long. All of it exact.

People write `passes: "> 1/2 of cast"`; the record keeps the same text, the fraction in lowest terms.
"""

import re
from fractions import Fraction
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hansa.governance.spelling import (
    PositiveShare,
    Seconds,
    Several,
    Share,
    fault,
    format_fraction,
    parse_fraction,
)
from hansa.governance.validation import Form
from hansa.transparency.quoting import quote

Basis = Literal["head", "class", "weight"]
"""What is counted: members, classes (each counts 1, shared equally by its electors), or capped voting weights."""

Denominator = Literal["cast", "present", "eligible"]

_PASSES: Final = re.compile(r"(>=?)\s*(\S+)\s+of\s+(cast|present|eligible)")


class Passes(NamedTuple):
    """When a count is a majority: yes compared with a share of those who count.

    Args:
        strict: whether yes must be more than the share (`>`), or may equal it (`>=`).
        share: from 0 to 1.
        of: `cast` is yes and no; `present` also abstentions; `eligible` everybody who is not recused.
    """

    strict: bool
    share: Fraction
    of: Denominator

    def encode(self) -> str:
        """Write the one spelling, such as `>= 2/3 of cast`."""
        return f"{'>' if self.strict else '>='} {format_fraction(self.share)} of {self.of}"

    def is_met(self, yes: Fraction | int, base: Fraction | int) -> bool:
        """Say whether `yes` out of `base` is enough."""
        needed = self.share * base
        return yes > needed if self.strict else yes >= needed


def parse_passes(text: str) -> Passes:
    """Read `> 1/2 of cast`, `>= 2/3 of eligible` or `>= 0.5 of present`.

    Raises:
        ValueError: the text is not of this form, the share is above 1, or nothing can be more than all.
    """
    match = _PASSES.fullmatch(text.strip())
    if not match:
        raise ValueError(
            f"expected a majority such as `> 1/2 of cast`, `>= 2/3 of present` or `>= 3/4 of eligible`, got {quote(text, 60)}"
        )
    strict, share = match[1] == ">", parse_fraction(match[2])
    if share > 1 or (strict and share == 1):
        raise ValueError(f"nothing can reach {quote(text, 60)}; for everybody write `>= 1 of {match[3]}`")
    of: Denominator = "cast" if match[3] == "cast" else "present" if match[3] == "present" else "eligible"
    return Passes(strict, share, of)


def _read_passes(value: object) -> object:
    if isinstance(value, Passes):
        return value
    if not isinstance(value, str):
        raise fault("passes", "expected a majority such as `> 1/2 of cast`")
    try:
        return parse_passes(value)
    except ValueError as error:
        raise fault("passes", str(error)) from None


class Majority(Form):
    """One majority that a decision needs: `by` says what is counted, `passes` how much of it."""

    by: Basis = "head"
    passes: Annotated[
        Passes,
        BeforeValidator(_read_passes),
        PlainSerializer(Passes.encode, return_type=str),
        Field(examples=['"> 1/2 of cast"']),
    ]


class DecisionRule(Form):
    """How one kind of proposal is decided.

    - `majorities`: one, or two that count differently and must both be reached (double majority).
    - `quorum`: the share of eligible that must be present, in every basis used.
    - `veto`: the share of eligible that stops the proposal by voting no, in any basis used; None for no veto.
    - `weight_cap`: no elector counts more than this share of the electorate's whole voting weight.
    - `period_seconds`: how long ballots are taken; `timelock_seconds`: from passing to taking effect.
    - `early`: whether the proposal is settled as soon as no outstanding ballot can change it.

    For people, a single majority is written as `passes` (and `by`) without the list.
    """

    short_forms: ClassVar[tuple[str, ...]] = ("by", "passes")

    majorities: Annotated[Several[Majority], Field(min_length=1, max_length=2)]
    quorum: Annotated[Share, Field(examples=["1/2"])]
    veto: PositiveShare | None = None
    weight_cap: PositiveShare | None = None
    period_seconds: Annotated[
        Seconds, Field(ge=1, validation_alias=AliasChoices("period", "period_seconds"), examples=["7d"])
    ]
    timelock_seconds: Annotated[
        Seconds, Field(validation_alias=AliasChoices("timelock", "timelock_seconds"), examples=["1d"])
    ]
    early: bool = False

    @model_validator(mode="before")
    @classmethod
    def _spell_out_majority(cls, value: object) -> object:
        if not isinstance(value, dict) or "majorities" in value:
            return value
        single = {name: value[name] for name in ("by", "passes") if name in value}
        rest = {name: part for name, part in value.items() if name not in single}
        return {**rest, "majorities": [single]}

    @field_validator("majorities", mode="after")
    @classmethod
    def _check_majorities(cls, majorities: tuple[Majority, ...]) -> tuple[Majority, ...]:
        bases = [majority.by for majority in majorities]
        if len(set(bases)) != len(bases):
            raise fault(
                "majorities", f"both majorities count by {bases[0]}; let the second count differently"
            )
        return majorities

    @field_validator("weight_cap", mode="after")
    @classmethod
    def _check_weight_cap(cls, cap: Fraction | None, info: ValidationInfo) -> Fraction | None:
        majorities = info.data.get("majorities")
        if (
            cap is not None
            and majorities is not None
            and all(majority.by != "weight" for majority in majorities)
        ):
            raise fault(
                "weight-cap", "it has no effect here, because no majority counts by weight; remove it"
            )
        return cap

    @property
    def may_settle_early(self) -> bool:
        """Whether a ballot can end the vote before its period is over: by an early settlement or a veto."""
        return self.early or self.veto is not None

    @property
    def bases(self) -> tuple[Basis, ...]:
        """What the majorities count, in their order."""
        return tuple(majority.by for majority in self.majorities)
