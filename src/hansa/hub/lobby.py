"""The lobby: where founders on machines of their own meet before there is a log.

Each founder holds an invitation with a token; the lobby knows the token's digest only. First each brings its key, then
each signs the same `found` entry; when all have, it is the first entry of the log. The lobby can keep somebody out, and
then there is no coalition; it cannot let anybody else in, because every founder compares the entry before it signs.

Specified in `docs/formats/invitation.md`.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationError

from hansa import entropy
from hansa.coalition import ZERO_DIGEST, Found, LogKey, apply, make_entry, write_payload
from hansa.errors import Malformed, Refused, Unavailable
from hansa.governance import Charter, Member
from hansa.governance.validation import Form
from hansa.hub.clerk import Clerk
from hansa.hub.folder import HubFolder, write_private
from hansa.hub.sequencer import LATEST
from hansa.transparency import (
    ENTRY_TYPE,
    MAX_LEAF_BYTES,
    Envelope,
    Leaf,
    Signature,
    SigningKey,
    canonical,
    encode_base64,
    pae,
    parse_base64,
    parse_public_key,
)

FOUNDING_FILE: Final = "founding.json"
INVITATION_FORMAT: Final = "hansa/v1/invitation"
PROOF_PREFIX: Final = b"hansa/v1/invitation\n"
TOKEN_BYTES: Final = 32


class Founding(Form):
    """What is kept of a founding: `members` are canonical but for `key`; the others are by member id."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: Literal["hansa/v1/founding"] = "hansa/v1/founding"
    charter: dict[str, Any]
    lead: str
    members: Annotated[list[dict[str, Any]], Field(min_length=2)]
    tokens: dict[str, str]
    """SHA-256 of each founder's token, hex."""
    keys: dict[str, str]
    signatures: dict[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        """The founders, in order."""
        return tuple(str(member["id"]) for member in self.members)


def open_lobby(
    folder: HubFolder, charter: Charter, members: Sequence[Mapping[str, canonical.Json]], lead: str
) -> Mapping[str, dict[str, canonical.Json]]:
    """Begin a founding, and write an invitation for each founder.

    Args:
        folder: a hub whose log is empty.
        charter: version 1.
        members: canonical, but for their keys, which are left out.
        lead: the founder that is the author of the first entry.

    Returns:
        The invitations by member id; their tokens are kept nowhere else.

    Raises:
        Refused: `founding.begun`, somebody was invited already; what the fold says of the charter and the members;
            `found.size`, the entry would be too long.
        Unavailable: the disk fails.
    """
    path = folder.path / FOUNDING_FILE
    if path.exists():
        raise Refused(
            "founding.begun",
            f"a founding has begun at this hub; to begin anew, remove `{path}` before anybody has signed",
        )
    ordered = sorted((dict(member) for member in members), key=lambda member: str(member["id"]))
    _rehearse(charter, ordered, lead)
    tokens = {str(member["id"]): entropy.draw(TOKEN_BYTES) for member in ordered}
    founding = Founding(
        charter=charter.to_json(),
        lead=lead,
        members=ordered,
        tokens={name: hashlib.sha256(token).hexdigest() for name, token in tokens.items()},
        keys={},
        signatures={},
    )
    _save(path, founding)
    return {
        str(member["id"]): {
            "format": INVITATION_FORMAT,
            "kind": "found",
            "hub": [*folder.settings.addresses],
            "authority": folder.authority,
            "log_key": folder.key.public.encode(),
            "coalition": None,
            "charter": charter.to_json(),
            "member": member,
            "members": [*ordered],
            "token": encode_base64(tokens[str(member["id"])]),
        }
        for member in ordered
    }


class Lobby:
    """Where the founders of one hub's coalition meet. Not for several threads.

    Args:
        folder: the hub's.
        clerk: who writes the first entry.
    """

    def __init__(self, folder: HubFolder, clerk: Clerk) -> None:
        self._path = folder.path / FOUNDING_FILE
        self._log_key = folder.key.public
        self._clerk = clerk

    def recognise(self, token: bytes) -> str:
        """Return the founder who was invited with a token.

        Raises:
            Refused: `founding.none`, `founding.token`.
            Unavailable, Malformed: what is kept of it cannot be read.
        """
        return _recognise(self._read(), token)

    def look(self, token: bytes) -> dict[str, canonical.Json]:
        """Say how far the founding is, to somebody who was invited.

        Raises:
            Refused: `founding.none`, `founding.token`.
            Unavailable, Malformed: what is kept of it cannot be read.
        """
        founding = self._read()
        _recognise(founding, token)
        return self._describe(founding)

    def bring_key(self, token: bytes, member: str, key: str, proof: str) -> dict[str, canonical.Json]:
        """Take a founder's key, once.

        Args:
            token: of its invitation.
            member: its id.
            key: base64 of its Ed25519 public key.
            proof: base64 of its signature over the prefix, SHA-256 of the token, and its id.

        Raises:
            Refused: `founding.none`, `founding.token`, `founding.key`: another key is here, or somebody else's.
            Malformed: it is no key, or the proof is not by it.
        """
        founding = self._read()
        self._require(founding, token, member)
        public = parse_public_key(key)
        message = PROOF_PREFIX + hashlib.sha256(token).digest() + member.encode()
        public.verify(parse_base64(proof), message)
        kept = founding.keys.get(member)
        if kept is not None and kept != key:
            raise Refused(
                "founding.key",
                f"`{member}` has brought another key; whoever runs the hub can begin the founding anew",
            )
        others = {held for name, held in founding.keys.items() if name != member}
        if key in others or key == self._log_key.encode():
            raise Refused("founding.key", "each founder and the hub have a key of their own")
        if kept is None:
            founding = founding.model_copy(update={"keys": {**founding.keys, member: key}})
            _save(self._path, founding)
        return self._describe(founding)

    def bring_signature(self, token: bytes, member: str, signature: str) -> dict[str, canonical.Json]:
        """Take a founder's signature of the first entry; `finish` when it is the last one.

        Raises:
            Refused: `founding.none`, `founding.token`, `founding.keys`: there is nothing to sign yet.
            Malformed: `signature.invalid`, `base64.not-canonical`.
        """
        founding = self._read()
        self._require(founding, token, member)
        payload = self._write_payload(founding)
        if payload is None:
            raise Refused("founding.keys", "not every founder has brought its key yet")
        parse_public_key(founding.keys[member]).verify(parse_base64(signature), pae(ENTRY_TYPE, payload))
        if founding.signatures.get(member) != signature:
            founding = founding.model_copy(update={"signatures": {**founding.signatures, member: signature}})
            _save(self._path, founding)
        return self._describe(founding)

    def finish(self) -> Future[tuple[int, ...]] | None:
        """Let the clerk write the first entry if all have signed it and it does not stand on the log yet."""
        envelope = self._assemble(self._read())
        if envelope is None or self._stands(envelope):
            return None
        return self._clerk.submit([envelope])

    def _stands(self, envelope: Envelope) -> bool:
        try:
            return self._clerk.state.coalition == envelope.id
        except Refused:
            return False

    def _require(self, founding: Founding, token: bytes, member: str) -> None:
        if _recognise(founding, token) != member:
            raise Refused("founding.token", f"this is not the invitation of `{member}`")

    def _read(self) -> Founding:
        try:
            return Founding.model_validate(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            raise Refused("founding.none", "nobody is being invited here") from None
        except OSError as error:
            raise Unavailable(f"`{self._path}` cannot be read: {error.strerror}") from error
        except (ValueError, ValidationError) as error:
            raise Malformed("founding.file", f"`{self._path}` is damaged: {error}") from None

    def _describe(self, founding: Founding) -> dict[str, canonical.Json]:
        payload = self._write_payload(founding)
        waits_for = founding.keys if payload is None else founding.signatures
        missing: list[canonical.Json] = [name for name in founding.ids if name not in waits_for]
        whole = self._assemble(founding)
        coalition = whole.id if whole is not None and self._stands(whole) else None
        stage = "founded" if coalition else "keys" if payload is None else "signatures"
        return {
            "stage": stage,
            "members": [{**m, "key": founding.keys.get(str(m["id"]))} for m in founding.members],
            "missing": missing,
            "payload": None if payload is None else encode_base64(payload),
            "coalition": coalition,
        }

    def _write_payload(self, founding: Founding) -> bytes | None:
        if set(founding.keys) != set(founding.ids):
            return None
        members = [{**member, "key": founding.keys[str(member["id"])]} for member in founding.members]
        body = Found(charter=founding.charter, log=LogKey(key=self._log_key.encode()), members=members)
        return write_payload(body, coalition=ZERO_DIGEST, author=founding.lead, seq=0, prev=ZERO_DIGEST)

    def _assemble(self, founding: Founding) -> Envelope | None:
        payload = self._write_payload(founding)
        if payload is None or set(founding.signatures) != set(founding.ids):
            return None
        signatures = (
            Signature(
                parse_public_key(founding.keys[name]).fingerprint, parse_base64(founding.signatures[name])
            )
            for name in founding.ids
        )
        return Envelope(ENTRY_TYPE, payload, tuple(sorted(signatures, key=lambda signature: signature.keyid)))


def _recognise(founding: Founding, token: bytes) -> str:
    """Return whose token this is."""
    digest = hashlib.sha256(token).hexdigest()
    for name, kept in founding.tokens.items():
        if hmac.compare_digest(kept, digest):
            return name
    raise Refused("founding.token", "nobody was invited with this token")


def _rehearse(charter: Charter, members: Sequence[Mapping[str, canonical.Json]], lead: str) -> None:
    """Found the coalition with keys that nobody keeps, to see whether the fold will take it."""
    keys = {str(member["id"]): SigningKey.from_seed(entropy.draw(32)) for member in members}
    whole = [{**member, "key": keys[str(member["id"])].public.encode()} for member in members]
    log_key = SigningKey.from_seed(entropy.draw(32)).public.encode()
    envelope = make_entry(
        Found(charter=charter.to_json(), log=LogKey(key=log_key), members=whole),
        coalition=ZERO_DIGEST,
        author=lead,
        seq=0,
        prev=ZERO_DIGEST,
        keys=tuple(keys.values()),
    )
    try:
        leaf = Leaf(LATEST, envelope).encode()
    except Malformed:
        raise Refused(
            "found.size",
            f"{len(members)} organisations are too many for one founding, whose entry has at most {MAX_LEAF_BYTES:,} bytes; "
            "found the coalition with fewer, and let it admit the others",
        ) from None
    apply(None, leaf)


def describe_member(member: Member) -> dict[str, canonical.Json]:
    """Return a member in canonical form without its key."""
    return {name: value for name, value in member.to_json().items() if name != "key"}


def _save(path: Path, founding: Founding) -> None:
    try:
        write_private(path, canonical.encode(founding.model_dump(mode="json")))
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be written: {error.strerror}") from error
