"""Founding from a machine of one's own: bring a key, compare what is to be signed with what was agreed, sign it.

The hub only carries. What a founder signs is the first entry of the log, and everything in it is held against the
invitation; what no invitation can say, the others' keys, people compare by telephone.

Source: `docs/formats/invitation.md`, "Founding".
"""

import hashlib
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from hansa.coalition import ZERO_DIGEST, Found, parse_entry
from hansa.errors import Malformed, Refused, Unavailable
from hansa.node.invitation import Invitation, prove_key
from hansa.node.problems import read_problem
from hansa.node.trust import open_trust
from hansa.node.wire import MAX_TEXT_BYTES, Broken, Unreached, Wire
from hansa.transparency import (
    ENTRY_TYPE,
    Envelope,
    PublicKey,
    SigningKey,
    encode_base64,
    pae,
    parse_base64,
    parse_public_key,
)

_QUIET_SECONDS: Final = 30.0


class Progress(NamedTuple):
    """How far a founding is.

    Args:
        missing: who has not brought its key, or its signature once there is something to sign.
        payload: what is to be signed, or None.
        coalition: the id, once it is founded.
    """

    missing: tuple[str, ...]
    payload: bytes | None
    coalition: str | None


class Founding:
    """One founder's way through a founding. Use with `with`.

    Args:
        invitation: of kind `found`.
        key: the founder's key.
        proxy: on the way out, or None.
    """

    def __init__(self, invitation: Invitation, key: SigningKey, proxy: str | None = None) -> None:
        assert invitation.token is not None  # it is an invitation to found
        self._invitation = invitation
        self._token = invitation.token
        self._key = key
        self._wire = Wire(open_trust(invitation.authority), proxy)

    def bring_key(self) -> Progress:
        """Bring this founder's key; again does no harm."""
        proof = prove_key(self._key, self._token, self._invitation.id)
        body = {"key": self._key.public.encode(), "proof": proof}
        return self._ask("PUT", f"/{self._invitation.id}/key", body)

    def look(self) -> Progress:
        """Ask how far it is."""
        return self._ask("GET", "")

    def sign(self, payload: bytes) -> Progress:
        """Sign the first entry, which `verify` has passed, and bring the signature; again does no harm."""
        signature = encode_base64(self._key.sign(pae(ENTRY_TYPE, payload)))
        return self._ask("PUT", f"/{self._invitation.id}/signature", {"signature": signature})

    def verify(self, payload: bytes) -> Mapping[str, PublicKey]:
        """Check that the first entry says what was agreed, and return the founders' keys, to be compared by people.

        Raises:
            Malformed: it is no entry.
            Refused: `founding.payload`, everything in which it differs from the invitation.
        """
        invitation = self._invitation
        entry = parse_entry(Envelope(ENTRY_TYPE, payload, ()))
        body = entry.body
        if not isinstance(body, Found):
            raise Refused("founding.payload", f"the hub wants a `{entry.kind}` signed, which founds nothing")
        problems = []
        if body.charter != dict(invitation.charter):
            problems.append("its charter is not the one in the invitation")
        if body.log.key != invitation.log_key:
            problems.append("its log has another key than the one in the invitation")
        if [{k: v for k, v in member.items() if k != "key"} for member in body.members] != [
            dict(member) for member in invitation.members
        ]:
            problems.append("its members are not those in the invitation")
        keys = {str(member.get("id")): str(member.get("key")) for member in body.members}
        if keys.get(invitation.id) != self._key.public.encode():
            problems.append(f"it does not have the key of `{invitation.id}` that was made here")
        if (entry.coalition, entry.seq, entry.prev) != (
            ZERO_DIGEST,
            0,
            ZERO_DIGEST,
        ) or entry.author not in keys:
            problems.append("it is not the first entry of a log")
        if problems:
            raise Refused("founding.payload", problems)
        return {name: parse_public_key(text) for name, text in keys.items()}

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Progress:
        failures = []
        data = None if body is None else json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        headers = {"authorization": f"Bearer {self._token}"}
        for address in self._invitation.hub:
            way = self._wire.ask(
                address, method, f"/v1/founding{path}", data, headers=headers, quiet_seconds=_QUIET_SECONDS
            )
            try:
                with way as reply:
                    said = bytes(reply.read(MAX_TEXT_BYTES))
            except (Unreached, Broken) as error:
                failures.append(f"`{address}`: {error.why}")
                continue
            if reply.status >= 400:
                raise read_problem(reply.status, said)
            return _read_progress(said)
        raise Unavailable(f"the hub cannot be reached at {', nor at '.join(failures)}")


def name_coalition(payload: bytes) -> str:
    """Return the id of the coalition that a first entry founds."""
    return hashlib.sha256(pae(ENTRY_TYPE, payload)).hexdigest()


def _read_progress(data: bytes) -> Progress:
    try:
        said: Any = json.loads(data)
        payload, coalition = said["payload"], said["coalition"]
        return Progress(
            tuple(str(name) for name in said["missing"]),
            None if payload is None else parse_base64(payload),
            None if coalition is None else str(coalition),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Malformed("hub.answer", "the hub does not say how far the founding is") from None
