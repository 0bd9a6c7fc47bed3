"""A member's keys: the main one, which says everything, and delegated ones, each of which says what its role may.

The chain of entries stays one for each member, whichever of its keys signs. Specified in `docs/formats/entries.md`.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from hansa.coalition.entry import Entry, Key, Role
from hansa.coalition.snapshot import Delegate, MemberRecord, State
from hansa.errors import Malformed, Refused
from hansa.transparency import (
    Envelope,
    PublicKey,
    SigningKey,
    canonical,
    encode_base64,
    parse_base64,
    parse_public_key,
    verify_envelope,
)

KEY_PREFIX: Final = b"hansa/v1/key\n"
"""Separates a proof of possession from everything else that a key signs."""

MAY_WRITE: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {
        "viewer": frozenset(),
        "representative": frozenset(
            {"tick", "propose", "withdraw", "ballot", "recuse", "brake", "evidence"},
        ),
        "data-steward": frozenset({"tick", "brake", "run_open", "run_close", "evidence"}),
    }
)
"""The kinds of entry that a delegated key may sign; everything else takes the main key."""


def possession_message(coalition: str, member: str, name: str = "", role: str = "") -> bytes:
    """Return the bytes that a new key signs, to show that somebody holds it and agrees to what it is for.

    Args:
        coalition: the coalition's id.
        member: whose key it becomes.
        name: of a delegated key; empty for a main key.
        role: likewise.
    """
    return KEY_PREFIX + canonical.encode(
        {"coalition": coalition, "member": member, "name": name, "role": role}
    )


def introduce_key(
    coalition: str, member: str, key: SigningKey, *, name: str = "", role: Role | None = None
) -> Key:
    """Write the entry by which a member grants a role to a key, or makes it its main key where no name is given.

    Args:
        coalition: the coalition's id.
        member: whose key it becomes.
        key: signs that it agrees.
        name: of a delegated key.
        role: likewise.
    """
    proof = key.sign(possession_message(coalition, member, name, role or ""))
    return Key(
        act="grant" if name else "rotate",
        name=name,
        role=role or "",
        key=key.public.encode(),
        proof=encode_base64(proof),
    )


def verify_signer(record: MemberRecord, entry: Entry, envelope: Envelope) -> None:
    """Check that a member's main key signed, or a delegated one whose role may say this; and nobody else.

    Raises:
        Malformed: `envelope.signer-unknown`, `envelope.signer-missing`, `signature.invalid`.
        Refused: `key.revoked`, `key.role`.
    """
    present = {signature.keyid for signature in envelope.signatures}
    delegate = next((d for d in record.delegates.values() if present == {d.key.fingerprint}), None)
    key = record.key if delegate is None else delegate.key
    verify_envelope(envelope, {key.fingerprint: key})
    if delegate is None:
        return
    called = f"`{record.member.id}/{delegate.name}`"
    if delegate.is_revoked:
        raise Refused("key.revoked", f"the key {called} was revoked")
    if entry.kind not in MAY_WRITE[delegate.role]:
        raise Refused("key.role", f"the key {called} is a {delegate.role}'s, who writes no `{entry.kind}`")


def change_keys(state: State, entry: Entry, body: Key) -> State:
    """Grant a role to a key, revoke one, or put another main key in the place of the old; at once.

    Raises:
        Refused: `key.known` (the name is or was in use), `key.unknown`, `key.revoked`, `key.used` (the key is or was
            somebody's).
        Malformed: `key.proof`, or as `parse_public_key`.
    """
    record = state.members[entry.author]
    if body.act == "revoke":
        delegate = record.delegates.get(body.name)
        if delegate is None:
            raise Refused("key.unknown", f"`{entry.author}` has granted no key of the name `{body.name}`")
        if delegate.is_revoked:
            raise Refused("key.revoked", f"the key `{entry.author}/{body.name}` was revoked before")
        return state.with_member(_with_delegate(record, delegate._replace(is_revoked=True)))
    if body.name in record.delegates:
        raise Refused(
            "key.known", f"the name `{entry.author}/{body.name}` is or was in use; names are never used again"
        )
    key = parse_public_key(body.key)
    if any(key == other for known in state.members.values() for other in list_keys(known)):
        raise Refused("key.used", "this key is or was a member's, or one that a member delegates to")
    try:
        message = possession_message(state.coalition, entry.author, body.name, body.role)
        key.verify(parse_base64(body.proof), message)
    except Malformed:
        raise Malformed(
            "key.proof", "the new key did not sign that it is this member's, under this name and role"
        ) from None
    if body.role:
        return state.with_member(_with_delegate(record, Delegate(body.name, body.role, key)))
    member = record.member.model_copy(update={"key": body.key})
    return state.with_member(record._replace(member=member, key=key, retired=(*record.retired, record.key)))


def list_keys(record: MemberRecord) -> Iterator[PublicKey]:
    """Name every key that is or was a member's."""
    yield record.key
    yield from record.retired
    yield from (delegate.key for delegate in record.delegates.values())


def find_key(state: State, key_id: str) -> tuple[MemberRecord, Delegate | None, PublicKey]:
    """Return whose key a name stands for: `ada` for a main key, `ada/clara` for a delegated one.

    Returns:
        The member, the delegated key's record or None for the main key, and the key.

    Raises:
        Refused: `author.unknown`, `author.left`, `author.expelled`; `key.unknown`, `key.revoked`.
    """
    member, _, name = key_id.partition("/")
    record = state.members.get(member)
    if record is None:
        raise Refused("author.unknown", f"`{member}` is not a member")
    if not record.belongs:
        raise Refused(f"author.{record.status}", f"`{member}` is no longer a member")
    if not name:
        return record, None, record.key
    delegate = record.delegates.get(name)
    if delegate is None:
        raise Refused("key.unknown", f"`{member}` has granted no key of the name `{name}`")
    if delegate.is_revoked:
        raise Refused("key.revoked", f"the key `{key_id}` was revoked")
    return record, delegate, delegate.key


def _with_delegate(record: MemberRecord, delegate: Delegate) -> MemberRecord:
    return record._replace(delegates=MappingProxyType({**record.delegates, delegate.name: delegate}))
