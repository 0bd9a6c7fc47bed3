"""Invitations: how an organisation on a machine of its own gets in. Specified in `docs/formats/invitation.md`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from hansa.errors import Malformed, Unavailable
from hansa.governance import Admit, Charter, Member, consent_message, parse_charter, parse_member
from hansa.governance.spelling import Several
from hansa.governance.validation import Form, parse_model
from hansa.node.house import NodeSettings, check_address
from hansa.node.trust import SYSTEM, read_authority
from hansa.transparency import PublicKey, SigningKey, canonical, encode_base64, parse_base64, parse_public_key

FORMAT: Final = "hansa/v1/invitation"
PROOF_PREFIX: Final = b"hansa/v1/invitation\n"

_ANY_KEY: Final = SigningKey.from_seed(bytes(32)).public.encode()
"""Stands in the place of a key that is not made yet, so that the rest of a member can be judged."""


class Invitation(Form):
    """An invitation as it was read.

    `member` and `members` are canonical but for the keys, which nobody has yet.
    """

    format: Literal["hansa/v1/invitation"] = FORMAT
    kind: Literal["found", "admit"]
    hub: Annotated[Several[Annotated[str, AfterValidator(check_address)]], Field(min_length=1)]
    authority: str
    log_key: str
    coalition: str | None
    charter: Mapping[str, Any]
    member: Mapping[str, Any]
    members: Several[Mapping[str, Any]]
    token: str | None = None

    @property
    def id(self) -> str:
        """Who is invited."""
        return str(self.member["id"])

    @property
    def agreed(self) -> Charter:
        """The charter."""
        return parse_charter(dict(self.charter))

    @property
    def log(self) -> PublicKey:
        """The key that signs checkpoints."""
        return parse_public_key(self.log_key)

    @property
    def settings(self) -> NodeSettings:
        """What the house of the invited member begins with."""
        return NodeSettings(member=self.id, hub=self.hub, authority=self.authority, coalition=self.coalition)

    def describe(self, key: PublicKey) -> Member:
        """Return the invited member as the record will name it."""
        return parse_member({**self.member, "key": key.encode()})

    def encode(self) -> bytes:
        """Return the file: canonical JSON."""
        return canonical.encode(self.to_json())


def parse_invitation(data: bytes) -> Invitation:
    """Read an invitation and check that it does not contradict itself.

    Raises:
        InvalidDocument: `invitation.*`, a field is missing, unknown, or of the wrong type.
        Malformed: `canonical-json.*`; `invitation.log-key`, the hub's own authority has another key than the log;
            `invitation.token`, `invitation.coalition`, one that this kind does not have or has to have; what is wrong with the
            charter or with a member.
    """
    invitation = parse_model(Invitation, canonical.parse(data.strip()), "invitation")
    parse_charter(dict(invitation.charter))
    for member in (invitation.member, *invitation.members):
        parse_member({**member, "key": _ANY_KEY})
    if invitation.authority != SYSTEM and read_authority(invitation.authority) != invitation.log:
        raise Malformed(
            "invitation.log-key", "the hub's authority in the invitation has another key than the log"
        )
    is_founding = invitation.kind == "found"
    if is_founding != (invitation.token is not None):
        raise Malformed("invitation.token", "an invitation to found has a token, and no other has")
    if is_founding != (invitation.coalition is None):
        raise Malformed(
            "invitation.coalition", "an invitation to join names the coalition; one to found it cannot"
        )
    if is_founding and invitation.member not in invitation.members:
        raise Malformed("invitation.member", "who is invited to found is not among the founders")
    return invitation


def read_invitation(path: Path) -> Invitation:
    """Read an invitation from a file.

    Raises:
        Unavailable: the file cannot be read.
        Malformed: as `parse_invitation`; `invitation.changed`, it says the same in another spelling.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror}") from error
    try:
        return parse_invitation(data)
    except Malformed as malformed:
        if malformed.rule != "canonical-json.not-canonical":
            raise
        raise Malformed(
            "invitation.changed",
            f"`{path}` is not as it was written: an editor or a mail program has changed its spaces or lines; take the file as it was sent",
        ) from None


def prove_key(key: SigningKey, token: str, member: str) -> str:
    """Return a founder's proof that it holds both its key and its invitation, base64."""
    digest = hashlib.sha256(parse_base64(token)).digest()
    return encode_base64(key.sign(PROOF_PREFIX + digest + member.encode()))


def write_admission(invitation: Invitation, key: SigningKey) -> dict[str, Any]:
    """Return the admission that a newcomer signs, which a member proposes."""
    assert invitation.coalition is not None  # the invitation is one to join
    member = invitation.describe(key.public)
    consent = key.sign(consent_message(invitation.coalition, member))
    return Admit(effect="admit", member=member, consent=encode_base64(consent)).to_json()
