"""What an entry may say: the closed list of kinds, each with its own body.

Specified in `docs/formats/entries.md`. Bytes become values here and nowhere else; an unknown kind or field
is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hansa.errors import Malformed
from hansa.governance import Choice, LongReasonText, MemberId, MetricText, ReasonText, TitleText
from hansa.transparency import ENTRY_TYPE, Envelope, SigningKey, canonical, sign_envelope
from hansa.transparency.quoting import quote

ZERO_DIGEST: Final = "0" * 64
"""Stands where there is nothing to point at yet: `coalition` in `found`, `prev` at `seq` 0."""

MAX_ROUNDS: Final = 1_000_000

Kind = Literal[
    "found",
    "tick",
    "acknowledge",
    "key",
    "propose",
    "withdraw",
    "ballot",
    "recuse",
    "leave",
    "brake",
    "run_open",
    "run_seal",
    "run_close",
    "evidence",
    "handover",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

StatementKind = Literal["advert", "masked", "consent"]
"""What members sign in a secure sum (`docs/formats/secure-sum.md`)."""

Role = Literal["viewer", "representative", "data-steward"]
"""What a delegated key is for."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _check_base64(value: str) -> str:
    try:
        canonical.parse_base64(value)
    except Malformed as error:
        raise PydanticCustomError("base64", "{message}", {"message": error.message}) from None
    return value


class Body(BaseModel):
    """The fields of one kind: frozen, strict, no others."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class LogKey(Body):
    """The hub's key for checkpoints."""

    key: str


class Found(Body):
    """Founds the coalition: its charter, its log's key, its founders."""

    charter: dict[str, Any]
    log: LogKey
    members: list[dict[str, Any]]


class Tick(Body):
    """Moves the log's clock."""


class Acknowledge(Body):
    """A newcomer has replayed the log, and stands where everybody stood when it was admitted.

    `size` is how many entries there were then, `state` the digest of the fold over them.
    """

    size: Annotated[int, Field(ge=1)]
    state: Digest


class Key(Body):
    """Grants a role to a key, revokes such a key, or puts another main key in the place of the old.

    `proof` is the new key's signature, see `delegation.possession_message`. What an act does not need is empty.
    """

    act: Literal["grant", "revoke", "rotate"]
    name: Annotated[str, StringConstraints(pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?$")]
    role: Role | Literal[""]
    key: Annotated[str, StringConstraints(max_length=44)]
    proof: Annotated[str, StringConstraints(max_length=88), AfterValidator(_check_base64)]

    @model_validator(mode="after")
    def _check_act(self) -> Self:
        present = tuple(bool(part) for part in (self.name, self.role, self.key, self.proof))
        if present != _NEEDED[self.act]:
            raise PydanticCustomError(
                "act", "a grant has all fields, `revoke` a name, `rotate` key and proof"
            )
        return self


_NEEDED: Final = MappingProxyType(
    {
        "grant": (True, True, True, True),
        "revoke": (True, False, False, False),
        "rotate": (False, False, True, True),
    }
)
"""Which fields of a `Key` are not empty, in the order of their declaration."""


class Propose(Body):
    """Opens a proposal."""

    title: TitleText
    reason: LongReasonText
    effect: dict[str, Any]


class Withdraw(Body):
    """Takes an own proposal back."""

    proposal: Digest


class Ballot(Body):
    """One member's voice on one proposal, final."""

    proposal: Digest
    choice: Choice
    reason: ReasonText


class Recuse(Body):
    """An elector steps aside."""

    proposal: Digest
    reason: ReasonText


class Leave(Body):
    """The author leaves."""

    reason: ReasonText


class Brake(Body):
    """Stops a run at once, for a bounded time."""

    proposal: Digest
    reason: ReasonText


class RunOpen(Body):
    """Begins one attempt at an approved run."""

    proposal: Digest
    plan: Digest
    recipe: Digest
    attempt: Annotated[int, Field(ge=1, le=10_000)]
    cohort: Annotated[list[MemberId], Field(max_length=1_000)]
    threshold: Annotated[int, Field(ge=1)]


class RunSeal(Body):
    """A contributor vouches for the transcript it saw and the result it recomputed."""

    run: Digest
    transcript: Digest
    result: Digest


class RunClose(Body):
    """Ends an attempt, completed or failed.

    `dropped` maps a member that vanished to the first round whose total lacks its numbers; one more than the last
    round when it only lacks a seal.
    """

    run: Digest
    status: Literal["completed", "failed"]
    transcript: Digest
    model: Digest
    report: Digest
    metrics: dict[str, MetricText]
    dropped: dict[MemberId, Annotated[int, Field(ge=1, le=MAX_ROUNDS)]]
    reason: ReasonText


class SignedStatement(Body):
    """Something that a member signed outside the log; both in base64."""

    content: Annotated[str, StringConstraints(max_length=1_368), AfterValidator(_check_base64)]
    signature: Annotated[str, StringConstraints(min_length=88, max_length=88), AfterValidator(_check_base64)]


class Evidence(Body):
    """Two statements of one member in one secure sum that cannot both be honest."""

    run: Digest
    member: MemberId
    kind: StatementKind
    first: SignedStatement
    second: SignedStatement


Address = Annotated[
    str,
    StringConstraints(
        max_length=200, pattern=r"^https?://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*$"
    ),
]


class Handover(Body):
    """Another hub continues the log after its first `size` entries, whose tree has the root `root`.

    From this entry on the log is signed with `key`, and found at `addresses`. Members sign it together.
    """

    size: Annotated[int, Field(ge=1)]
    root: Digest
    key: Annotated[str, StringConstraints(min_length=44, max_length=44)]
    addresses: Annotated[list[Address], Field(max_length=16)]


BODIES: Final[Mapping[str, type[Body]]] = MappingProxyType(
    {
        "found": Found,
        "tick": Tick,
        "acknowledge": Acknowledge,
        "key": Key,
        "propose": Propose,
        "withdraw": Withdraw,
        "ballot": Ballot,
        "recuse": Recuse,
        "leave": Leave,
        "brake": Brake,
        "run_open": RunOpen,
        "run_seal": RunSeal,
        "run_close": RunClose,
        "evidence": Evidence,
        "handover": Handover,
    }
)

_FIELDS: Final = frozenset({"v", "coalition", "kind", "author", "seq", "prev", "body"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One parsed entry; `body` is the instance that belongs to `kind`."""

    id: str
    coalition: str
    kind: str
    author: str
    seq: int
    prev: str
    body: Body


def parse_entry(envelope: Envelope) -> Entry:
    """Read the payload of `envelope`; signatures are checked elsewhere.

    Raises:
        Malformed: `entry.type`, `canonical-json.*`, `entry.fields`, `entry.version`, `entry.kind`, `entry.body`.
    """
    if envelope.payload_type != ENTRY_TYPE:
        raise Malformed("entry.type", f"expected `{ENTRY_TYPE}`, got {quote(envelope.payload_type)}")
    value = canonical.parse(envelope.payload)
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise Malformed("entry.fields", f"a payload has exactly the fields {', '.join(sorted(_FIELDS))}")
    if value["v"] != 1 or isinstance(value["v"], bool):
        raise Malformed("entry.version", f"expected 1, got {quote(str(value['v']))}")
    kind, seq = value["kind"], value["seq"]
    model = BODIES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Malformed("entry.kind", f"{quote(str(kind))} is not one of {', '.join(KINDS)}")
    coalition, author, prev = value["coalition"], value["author"], value["prev"]
    if not (isinstance(coalition, str) and isinstance(author, str) and isinstance(prev, str)):
        raise Malformed("entry.fields", "coalition, author and prev are texts")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
        raise Malformed("entry.fields", f"seq is a whole number from 0, got {quote(str(seq))}")
    try:
        body = model.model_validate(value["body"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Malformed("entry.body", f"`{kind}` field {quote(place)}: {first['msg'].lower()}") from None
    return Entry(envelope.id, coalition, str(kind), author, seq, prev, body)


def make_entry(
    body: Body, *, coalition: str, author: str, seq: int, prev: str, keys: tuple[SigningKey, ...]
) -> Envelope:
    """Write and sign an entry; its kind follows from the type of `body`.

    Raises:
        ValueError: the type of `body` is not one of `BODIES`.
    """
    payload = write_payload(body, coalition=coalition, author=author, seq=seq, prev=prev)
    return sign_envelope(ENTRY_TYPE, payload, keys)


def write_payload(body: Body, *, coalition: str, author: str, seq: int, prev: str) -> bytes:
    """Return what an entry says, for those who sign apart from each other.

    Raises:
        ValueError: the type of `body` is not one of `BODIES`.
    """
    payload: dict[str, canonical.Json] = {
        "v": 1,
        "coalition": coalition,
        "kind": name_kind(body),
        "author": author,
        "seq": seq,
        "prev": prev,
        "body": body.model_dump(mode="json"),
    }
    return canonical.encode(payload)


def name_kind(body: Body) -> str:
    """Return the kind of an entry with this body.

    Raises:
        ValueError: the type of `body` is not one of `BODIES`.
    """
    kind = next((name for name, model in BODIES.items() if type(body) is model), None)
    if kind is None:
        raise ValueError(f"`{type(body).__name__}` is not the body of an entry")
    return kind
