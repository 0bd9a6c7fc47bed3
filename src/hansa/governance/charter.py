"""The charter: YAML for people, canonical JSON for signatures, one digest.

`docs/formats/charter.md` specifies the form, example first.
"""

import re
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field

from hansa.governance.decision import DecisionRule
from hansa.governance.document import parse_document
from hansa.governance.privacy import CharterPrivacy
from hansa.governance.spelling import Named, NameText, ProseText, Seconds, Several, Slug, fault
from hansa.governance.validation import Form, load_model, parse_model
from hansa.transparency.canonical import Json, digest
from hansa.transparency.cosignature import final_threshold
from hansa.transparency.quoting import quote

EffectName = Literal["run", "release", "admit", "expel", "amend"]
"""What a proposal may do."""

MAX_ORIGIN: Final = 200
_ORIGIN: Final = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*"
)


def _check_origin(value: str) -> str:
    if len(value) > MAX_ORIGIN or not _ORIGIN.fullmatch(value):
        raise fault(
            "origin",
            f"expected an address without `https://`, such as `strikes.example/wildlife`, got {quote(value, 60)}",
        )
    return value


def _order_goals(goals: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(goals)) != len(goals):
        raise fault("sdg", "each goal is named once")
    return tuple(sorted(goals))


def _check_cosignatures(value: object) -> object:
    if value == "default" or (
        isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100_000
    ):
        return value
    raise fault(
        "cosignatures", f"expected `default` or how many members must cosign, got {quote(str(value))}"
    )


class MemberClass(Form):
    """A class of members: whether they vote."""

    votes: Annotated[bool, Field(examples=["true"])]


class Brake(Form):
    """How long one member alone can stop a run."""

    hours: Annotated[int, Field(ge=1, le=8_784)] = 72


class Clock(Form):
    """How far the log's clock may be from a witness's own."""

    tolerance_seconds: Annotated[
        Seconds, Field(ge=1, validation_alias=AliasChoices("tolerance", "tolerance_seconds"))
    ] = 300


class Witnesses(Form):
    """How many members must cosign a checkpoint before it is final."""

    cosignatures: Annotated[int | Literal["default"], BeforeValidator(_check_cosignatures)] = "default"

    def threshold(self, members: int) -> int:
        """Return how many of `members` must cosign; more than there are when the charter says so."""
        return final_threshold(members) if self.cosignatures == "default" else self.cosignatures


class Exit(Form):
    """What follows when a member leaves: how long it is bound, and what happens to models that used its data."""

    notice_seconds: Annotated[Seconds, Field(validation_alias=AliasChoices("notice", "notice_seconds"))] = (
        30 * 86_400
    )
    models_already_released: Literal["keep", "stop"] = "keep"


class Charter(Form):
    """The agreement of a coalition.

    What `decisions` does not list cannot be decided: closed by default.
    """

    version: Annotated[int, Field(ge=1, le=1_000_000, examples=[1])]
    name: Annotated[NameText, Field(examples=["Wildlife Strike Coalition"])]
    origin: Annotated[str, AfterValidator(_check_origin), Field(examples=["strikes.example/wildlife"])]
    purpose: Annotated[ProseText, Field(examples=["Learn together without sharing rows."])]
    sdg: Annotated[Several[Annotated[int, Field(ge=1, le=17)]], AfterValidator(_order_goals)] = ()
    classes: Annotated[Named[Slug, MemberClass], Field(min_length=1, examples=["{member: {votes: true}}"])]
    decisions: Annotated[
        Named[EffectName, DecisionRule],
        Field(examples=['{run: {passes: "> 1/2 of cast", quorum: 1/2, period: 3d, timelock: 1d}}']),
    ]
    privacy: CharterPrivacy = CharterPrivacy()
    brake: Brake = Brake()
    clock: Clock = Clock()
    witnesses: Witnesses = Witnesses()
    exit: Exit = Exit()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form, lower-case hexadecimal."""
        return digest(self.to_json())


def load_charter(text: str, source: str) -> Charter:
    """Read the charter that a person wrote.

    Args:
        text: YAML.
        source: the file's name, for messages.

    Raises:
        InvalidDocument: `yaml.*` and `charter.*`, with every finding.

    Guarantees:
        `parse_charter(load_charter(text, source).to_json())` is the same charter.
    """
    return load_model(Charter, parse_document(text, source), "charter")


def parse_charter(value: Json) -> Charter:
    """Read a charter in canonical form.

    Raises:
        InvalidDocument: `charter.*`; `charter.not-canonical` for any other spelling of a charter.
    """
    return parse_model(Charter, value, "charter")
