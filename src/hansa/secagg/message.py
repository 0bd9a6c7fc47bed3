"""What a hub hands round in a secure sum, and the shares and secrets that members send it, byte by byte.

Every message begins with the same 40 bytes: magic, version, kind, sender and session digest. All
integers are little-endian, members are named by their position in the cohort, lists are counted and
strictly ascending, and nothing may follow the last field: a message has one spelling. What members sign
is in `statement`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from hansa.errors import Malformed
from hansa.secagg.field import ELEMENT_BYTES
from hansa.secagg.header import (
    HEADER_BYTES,
    HUB,
    Bytes,
    Header,
    Kind,
    check_size,
    open_message,
    refuse_form,
    unpack,
)
from hansa.secagg.statement import (
    ADVERT_BYTES,
    CONSENT_BYTES,
    SIGNATURE_BYTES,
    TAG_BYTES,
    Advert,
    Consent,
    parse_advert,
    parse_consent,
)

BOX_BYTES: Final = 2 * ELEMENT_BYTES + 16
"""Two encrypted shares and their authentication tag."""

_SET_LABEL: Final = b"hansa/v1/secure-sum/survivors\n"
_BOX: Final = struct.Struct(f"<H{BOX_BYTES}s")
_REVEALED: Final = struct.Struct(f"<HB{ELEMENT_BYTES}s")


class Secret(IntEnum):
    """Which of a member's two secrets a revealed share belongs to."""

    SELF_SEED = 1
    MASK_KEY = 2


_SECRETS: Final = MappingProxyType({int(secret): secret for secret in Secret})


@dataclass(frozen=True)
class Roster:
    """The adverts of one member's neighbours and its own, as far as they arrived in time."""

    session: bytes
    hub_key: bytes
    """X25519 public key with which members and the hub agree on the keys of tags."""
    adverts: tuple[Advert, ...]

    def encode(self) -> bytes:
        """Return the message."""
        adverts = b"".join(advert.encode() for advert in self.adverts)
        header = Header(Kind.ROSTER, HUB, self.session).encode()
        return header + self.hub_key + struct.pack("<H", len(self.adverts)) + adverts


def parse_roster(data: bytes) -> Roster:
    """Read a roster. Raises Malformed `secagg.form`, `secagg.order` or, of an advert, `secagg.session`."""
    header = open_message(data, Kind.ROSTER)
    (count,) = unpack("<H", data, HEADER_BYTES + 32, header)
    items = _split(data, HEADER_BYTES + 34, count, ADVERT_BYTES, header)
    adverts = tuple(parse_advert(item) for item in items)
    _check_inner(Kind.ROSTER, header.session, adverts)
    return Roster(header.session, data[HEADER_BYTES : HEADER_BYTES + 32], adverts)


class Box(NamedTuple):
    """Two shares, encrypted by one member for another."""

    member: int
    """The recipient on the way up, the sender on the way down."""
    sealed: bytes


@dataclass(frozen=True)
class Shares:
    """A member's boxes, one for each other member of the roster."""

    session: bytes
    sender: int
    boxes: tuple[Box, ...]

    def encode(self) -> bytes:
        """Return the message."""
        header = Header(Kind.SHARES, self.sender, self.session).encode()
        return header + struct.pack("<H", len(self.boxes)) + _encode_boxes(self.boxes)


def parse_shares(data: Bytes) -> Shares:
    """Read the shares a member deals. Raises Malformed `secagg.form` or `secagg.order`."""
    header = open_message(data, Kind.SHARES)
    (count,) = unpack("<H", data, HEADER_BYTES, header)
    return Shares(header.session, header.sender, _parse_boxes(data, HEADER_BYTES + 2, count, header))


@dataclass(frozen=True)
class Delivery:
    """The boxes meant for one member."""

    session: bytes
    recipient: int
    boxes: tuple[Box, ...]

    def encode(self) -> bytes:
        """Return the message."""
        header = Header(Kind.DELIVERY, HUB, self.session).encode()
        return header + struct.pack("<HH", self.recipient, len(self.boxes)) + _encode_boxes(self.boxes)


def parse_delivery(data: bytes) -> Delivery:
    """Read a delivery. Raises Malformed `secagg.form` or `secagg.order`."""
    header = open_message(data, Kind.DELIVERY)
    recipient, count = unpack("<HH", data, HEADER_BYTES, header)
    return Delivery(header.session, recipient, _parse_boxes(data, HEADER_BYTES + 4, count, header))


@dataclass(frozen=True)
class Backing:
    """What shows a member that a neighbour sent numbers, and with whom it masked them: the end of `masked`."""

    sender: int
    tag: bytes
    signature: bytes


@dataclass(frozen=True)
class Survivors:
    """Whose numbers are in the total, and who dealt shares but sent no numbers in time."""

    session: bytes
    survivors: tuple[int, ...]
    dropped: tuple[int, ...]
    backings: tuple[Backing, ...] = ()
    """In a sparse graph, of the recipient's neighbours that survived; none in a complete one."""

    def encode(self) -> bytes:
        """Return the message."""
        items = (struct.pack("<H", item.sender) + item.tag + item.signature for item in self.backings)
        return self._set_bytes() + struct.pack("<H", len(self.backings)) + b"".join(items)

    def digest(self, hub_key: bytes) -> bytes:
        """32 bytes over both lists and the hub's key; what members consent to."""
        return sha256(_SET_LABEL + hub_key + self._set_bytes()).digest()

    def _set_bytes(self) -> bytes:
        members = (*self.survivors, *self.dropped)
        body = struct.pack(f"<HH{len(members)}H", len(self.survivors), len(self.dropped), *members)
        return Header(Kind.SURVIVORS, HUB, self.session).encode() + body


def parse_survivors(data: bytes) -> Survivors:
    """Read a survivor set. Raises Malformed `secagg.form` or `secagg.order`."""
    header = open_message(data, Kind.SURVIVORS)
    count, missing = unpack("<HH", data, HEADER_BYTES, header)
    members = unpack(f"<{count + missing}H", data, HEADER_BYTES + 4, header)
    survivors, dropped = members[:count], members[count:]
    start = HEADER_BYTES + 4 + 2 * len(members)
    (backed,) = unpack("<H", data, start, header)
    items = _split(data, start + 2, backed, 2 + TAG_BYTES + SIGNATURE_BYTES, header)
    backings = tuple(
        Backing(int.from_bytes(item[:2], "little"), item[2:-SIGNATURE_BYTES], item[-SIGNATURE_BYTES:])
        for item in items
    )
    for positions in (survivors, dropped, [item.sender for item in backings]):
        _check_order(header.kind, positions)
    return Survivors(header.session, survivors, dropped, backings)


@dataclass(frozen=True)
class Consents:
    """As many consents as are asked for before anything is revealed, the recipient's own among them."""

    session: bytes
    consents: tuple[Consent, ...]

    def encode(self) -> bytes:
        """Return the message."""
        consents = b"".join(consent.encode() for consent in self.consents)
        header = Header(Kind.CONSENTS, HUB, self.session).encode()
        return header + struct.pack("<H", len(self.consents)) + consents


def parse_consents(data: bytes) -> Consents:
    """Read the consents. Raises Malformed `secagg.form`, `secagg.order` or, of a consent, `secagg.session`."""
    header = open_message(data, Kind.CONSENTS)
    (count,) = unpack("<H", data, HEADER_BYTES, header)
    items = _split(data, HEADER_BYTES + 2, count, CONSENT_BYTES, header)
    consents = tuple(parse_consent(item) for item in items)
    _check_inner(Kind.CONSENTS, header.session, consents)
    return Consents(header.session, consents)


class RevealedShare(NamedTuple):
    """One share of one secret of one member: of the self seed if it survived, of the mask key if it dropped."""

    owner: int
    secret: Secret
    share: bytes

    def __repr__(self) -> str:
        """Name the share without showing it."""
        return f"RevealedShare(owner={self.owner}, secret={self.secret!r})"


@dataclass(frozen=True)
class Reveal:
    """The shares a member gives back so that the hub can take the masks off the total."""

    session: bytes
    sender: int
    shares: tuple[RevealedShare, ...]

    def encode(self) -> bytes:
        """Return the message."""
        header = Header(Kind.REVEAL, self.sender, self.session).encode()
        items = (_REVEALED.pack(*item) for item in self.shares)
        return header + struct.pack("<H", len(self.shares)) + b"".join(items)


def parse_reveal(data: Bytes) -> Reveal:
    """Read revealed shares. Raises Malformed `secagg.form` or `secagg.order`."""
    header = open_message(data, Kind.REVEAL)
    (count,) = unpack("<H", data, HEADER_BYTES, header)
    check_size(data, HEADER_BYTES + 2 + count * _REVEALED.size, header)
    items = tuple(_REVEALED.iter_unpack(memoryview(data)[HEADER_BYTES + 2 :]))
    if unknown := {secret for _, secret, _ in items} - _SECRETS.keys():
        refuse_form(f"a reveal names the unknown secret {min(unknown)}")
    # INVARIANT: ascending owners, each once, so that no reveal can carry both secrets of one member.
    _check_order(header.kind, [owner for owner, _, _ in items])
    shares = tuple(RevealedShare(owner, _SECRETS[secret], share) for owner, secret, share in items)
    return Reveal(header.session, header.sender, shares)


def _split(data: bytes, offset: int, count: int, size: int, header: Header) -> tuple[bytes, ...]:
    check_size(data, offset + count * size, header)
    return tuple(data[start : start + size] for start in range(offset, len(data), size))


def _encode_boxes(boxes: Sequence[Box]) -> bytes:
    return b"".join(_BOX.pack(*box) for box in boxes)


def _parse_boxes(data: Bytes, offset: int, count: int, header: Header) -> tuple[Box, ...]:
    check_size(data, offset + count * _BOX.size, header)
    boxes = tuple(map(Box._make, _BOX.iter_unpack(memoryview(data)[offset:])))
    _check_order(header.kind, [box.member for box in boxes])
    return boxes


def _check_order(kind: Kind, members: Sequence[int]) -> None:
    if any(left >= right for left, right in pairwise(members)):
        raise Malformed("secagg.order", f"the message `{kind.label}` lists members out of order or twice")


def _check_inner(kind: Kind, session: bytes, parts: Sequence[Advert | Consent]) -> None:
    if any(part.session != session for part in parts):
        raise Malformed("secagg.session", f"the message `{kind.label}` carries a part of another sum")
    _check_order(kind, [part.sender for part in parts])
