"""What a proposal may do: a closed list of effects, each with its own fields.

`parse_effect` is where bytes become effects, and nowhere else; an effect that is not listed here is refused.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from hansa.errors import Malformed, Refused
from hansa.governance.charter import Charter, EffectName
from hansa.governance.decision import DecisionRule
from hansa.governance.member import Member
from hansa.governance.spelling import Digest, Slug, fault
from hansa.governance.validation import Form, parse_model
from hansa.transparency.canonical import Json, encode, parse_base64
from hansa.transparency.keys import parse_public_key
from hansa.transparency.quoting import quote

CONSENT_PREFIX: Final = b"hansa/v1/admit\n"
"""Separates a newcomer's consent from everything else that its key signs."""


def _check_signature(value: str) -> str:
    try:
        length = len(parse_base64(value))
    except Malformed as error:
        raise fault("consent", error.message) from None
    if length != 64:
        raise fault("consent", f"expected a signature of 64 bytes, got {length}")
    return value


class Admit(Form):
    """A newcomer becomes a member; `consent` is its own signature, see `consent_message`."""

    effect: Literal["admit"]
    member: Member
    consent: Annotated[str, AfterValidator(_check_signature)]


class Expel(Form):
    """A membership ends by decision of the others."""

    effect: Literal["expel"]
    member: Slug


class Amend(Form):
    """A new charter, in canonical form."""

    effect: Literal["amend"]
    charter: dict[str, Any]


class Run(Form):
    """A run of exactly this plan, in canonical form."""

    effect: Literal["run"]
    plan: dict[str, Any]


class Release(Form):
    """The release of a model with its report; `run` is the number of the entry that proposed the run."""

    effect: Literal["release"]
    run: Annotated[int, Field(ge=0, lt=2**53)]
    model: Digest
    report: Digest


Effect: TypeAlias = Admit | Expel | Amend | Run | Release

EFFECTS: Final[Mapping[str, type[Effect]]] = MappingProxyType(
    {"admit": Admit, "expel": Expel, "amend": Amend, "run": Run, "release": Release}
)


def parse_effect(value: Json) -> Effect:
    """Read an effect in canonical form.

    Raises:
        Malformed: `effect.unknown` for an effect that does not exist; `effect.*` and `member.*` for its fields. The
            charter or the plan inside is not judged here.
    """
    name = value.get("effect") if isinstance(value, dict) else None
    model = EFFECTS.get(name) if isinstance(name, str) else None
    if model is None:
        got = quote(name) if isinstance(name, str) else "no text"
        raise Malformed("effect.unknown", f"expected an `effect` of {', '.join(EFFECTS)}; got {got}")
    return parse_model(model, value, "effect")


def consent_message(coalition: str, member: Member) -> bytes:
    """Return the bytes that a newcomer signs to become a member.

    Args:
        coalition: the coalition's id, 64 hexadecimal digits.
        member: itself, exactly as it will stand on the record.
    """
    return CONSENT_PREFIX + encode({"coalition": coalition, "member": member.to_json()})


def verify_consent(effect: Admit, coalition: str) -> None:
    """Check that the newcomer asked to join this coalition, under this name, class, weight and key.

    Raises:
        Malformed: `admit.consent`.
    """
    try:
        parse_public_key(effect.member.key).verify(
            parse_base64(effect.consent), consent_message(coalition, effect.member)
        )
    except Malformed:
        raise Malformed(
            "admit.consent",
            f"`{effect.member.id}` did not sign its admission to this coalition with these particulars",
        ) from None


def decision_rule_for(charter: Charter, effect: EffectName) -> DecisionRule:
    """Return the rule by which a proposal with this effect is decided.

    Raises:
        Refused: `propose.undecidable`; what the charter does not list cannot be decided.
    """
    rule = charter.decisions.get(effect)
    if rule is None:
        raise Refused("propose.undecidable", f"charter version {charter.version} has no rule for `{effect}`")
    return rule
