"""The nine messages of a secure sum, byte by byte.

Every message begins with the same 40 bytes: magic, version, kind, sender and session digest. All
integers are little-endian, members are named by their position in the cohort, lists are counted and
strictly ascending, and nothing may follow the last field: a message has one spelling.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Final

from hansa.errors import Malformed
from hansa.secagg.field import ELEMENT_BYTES
from hansa.secagg.header import HEADER_BYTES, HUB, Header, Kind, parse_header, refuse_form

BOX_BYTES: Final = 2 * ELEMENT_BYTES + 16
"""Two encrypted shares and their authentication tag."""

ADVERT_BYTES: Final = HEADER_BYTES + 3 * 32 + 64
CONSENT_BYTES: Final = HEADER_BYTES + 2 * 32 + 64
SIGNATURE_BYTES: Final = 64

_ADVERT_LABEL: Final = b"hansa/v1/secure-sum/advert\n"
_MASKED_LABEL: Final = b"hansa/v1/secure-sum/masked\n"
_CONSENT_LABEL: Final = b"hansa/v1/secure-sum/consent\n"
_ROSTER_LABEL: Final = b"hansa/v1/secure-sum/roster\n"
_SET_LABEL: Final = b"hansa/v1/secure-sum/survivors\n"


class Secret(IntEnum):
    """Which of a member's two secrets a revealed share belongs to."""

    SELF_SEED = 1
    MASK_KEY = 2


@dataclass(frozen=True)
class Advert:
    """A member's keys for one sum, signed with its identity key. 200 bytes."""

    session: bytes
    sender: int
    mask_key: bytes
    """X25519 public key from which pair masks are agreed."""
    channel_key: bytes
    """X25519 public key to which shares are encrypted."""
    commitment: bytes
    """Fixes the seed of the self mask."""
    signature: bytes = b""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: a label, then everything before the signature."""
        return _ADVERT_LABEL + self._unsigned()

    def encode(self) -> bytes:
        """Return the message."""
        return self._unsigned() + self.signature

    def _unsigned(self) -> bytes:
        header = Header(Kind.ADVERT, self.sender, self.session).encode()
        return header + self.mask_key + self.channel_key + self.commitment


def parse_advert(data: bytes) -> Advert:
    """Read an advert. Raises Malformed `secagg.form`."""
    header = _open(data, Kind.ADVERT)
    _check_size(data, ADVERT_BYTES, header)
    return Advert(header.session, header.sender, data[40:72], data[72:104], data[104:136], data[136:])


@dataclass(frozen=True)
class Roster:
    """The adverts that arrived in time, as the hub hands them round."""

    session: bytes
    adverts: tuple[Advert, ...]

    @property
    def digest(self) -> bytes:
        """32 bytes over all adverts; enters every key that is derived from them."""
        return sha256(_ROSTER_LABEL + b"".join(advert.encode() for advert in self.adverts)).digest()

    def encode(self) -> bytes:
        """Return the message."""
        return _encode_list(Kind.ROSTER, self.session, (advert.encode() for advert in self.adverts))


def parse_roster(data: bytes) -> Roster:
    """Read a roster. Raises Malformed `secagg.form`, `secagg.order` or, of an advert, `secagg.session`."""
    session, items = _parse_list(data, Kind.ROSTER, ADVERT_BYTES)
    adverts = tuple(parse_advert(item) for item in items)
    _check_inner(Kind.ROSTER, session, adverts)
    return Roster(session, adverts)


@dataclass(frozen=True)
class Box:
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


def parse_shares(data: bytes) -> Shares:
    """Read the shares a member deals. Raises Malformed `secagg.form` or `secagg.order`."""
    header = _open(data, Kind.SHARES)
    (count,) = _unpack("<H", data, HEADER_BYTES, header)
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
    header = _open(data, Kind.DELIVERY)
    recipient, count = _unpack("<HH", data, HEADER_BYTES, header)
    return Delivery(header.session, recipient, _parse_boxes(data, HEADER_BYTES + 4, count, header))


@dataclass(frozen=True)
class Masked:
    """A member's masked numbers, signed: a bit lost on the way is found before it is in any sum."""

    session: bytes
    sender: int
    numbers: bytes | memoryview = field(repr=False)
    """Unsigned 64-bit integers; begins at byte 48, so that a reader may use it where it lies."""
    signature: bytes = b""

    @cached_property
    def digest(self) -> bytes:
        """32 bytes over everything before the signature; what the member's consent repeats."""
        hashed = sha256(self._opening())
        hashed.update(self.numbers)
        return hashed.digest()

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: a label, then the digest, so that long numbers are hashed once."""
        return _MASKED_LABEL + self.digest

    def encode(self) -> bytes:
        """Return the message."""
        return b"".join((self._opening(), self.numbers, self.signature))

    def _opening(self) -> bytes:
        header = Header(Kind.MASKED, self.sender, self.session).encode()
        return header + struct.pack("<Q", len(self.numbers) // 8)


def parse_masked(data: bytes) -> Masked:
    """Read masked numbers without copying them. Raises Malformed `secagg.form`."""
    header = _open(data, Kind.MASKED)
    (length,) = _unpack("<Q", data, HEADER_BYTES, header)
    _check_size(data, HEADER_BYTES + 8 + 8 * length + SIGNATURE_BYTES, header)
    numbers = memoryview(data)[HEADER_BYTES + 8 : -SIGNATURE_BYTES]
    return Masked(header.session, header.sender, numbers, data[-SIGNATURE_BYTES:])


@dataclass(frozen=True)
class Survivors:
    """Whose numbers are in the total, and who dealt shares but sent no numbers in time."""

    session: bytes
    survivors: tuple[int, ...]
    dropped: tuple[int, ...]

    def encode(self) -> bytes:
        """Return the message."""
        members = (*self.survivors, *self.dropped)
        body = struct.pack(f"<HH{len(members)}H", len(self.survivors), len(self.dropped), *members)
        return Header(Kind.SURVIVORS, HUB, self.session).encode() + body

    def digest(self, roster: bytes) -> bytes:
        """32 bytes over the set and the roster it is a part of; what members consent to."""
        return sha256(_SET_LABEL + roster + self.encode()).digest()


def parse_survivors(data: bytes) -> Survivors:
    """Read a survivor set. Raises Malformed `secagg.form` or `secagg.order`."""
    header = _open(data, Kind.SURVIVORS)
    count, missing = _unpack("<HH", data, HEADER_BYTES, header)
    _check_size(data, HEADER_BYTES + 4 + 2 * (count + missing), header)
    members = struct.unpack_from(f"<{count + missing}H", data, HEADER_BYTES + 4)
    survivors, dropped = members[:count], members[count:]
    _check_order(header.kind, survivors)
    _check_order(header.kind, dropped)
    return Survivors(header.session, survivors, dropped)


@dataclass(frozen=True)
class Consent:
    """A member's signature under the survivor set and under the numbers it sent. 168 bytes."""

    session: bytes
    sender: int
    survivors: bytes
    """Digest of the survivor set."""
    masked: bytes
    """Digest of the member's own masked message."""
    signature: bytes = b""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: a label, then everything before the signature."""
        return _CONSENT_LABEL + self._unsigned()

    def encode(self) -> bytes:
        """Return the message."""
        return self._unsigned() + self.signature

    def _unsigned(self) -> bytes:
        return Header(Kind.CONSENT, self.sender, self.session).encode() + self.survivors + self.masked


def parse_consent(data: bytes) -> Consent:
    """Read a consent. Raises Malformed `secagg.form`."""
    header = _open(data, Kind.CONSENT)
    _check_size(data, CONSENT_BYTES, header)
    return Consent(header.session, header.sender, data[40:72], data[72:104], data[104:])


@dataclass(frozen=True)
class Consents:
    """The consents that arrived in time, as the hub hands them round."""

    session: bytes
    consents: tuple[Consent, ...]

    def encode(self) -> bytes:
        """Return the message."""
        return _encode_list(Kind.CONSENTS, self.session, (consent.encode() for consent in self.consents))


def parse_consents(data: bytes) -> Consents:
    """Read the consents. Raises Malformed `secagg.form`, `secagg.order` or, of a consent, `secagg.session`."""
    session, items = _parse_list(data, Kind.CONSENTS, CONSENT_BYTES)
    consents = tuple(parse_consent(item) for item in items)
    _check_inner(Kind.CONSENTS, session, consents)
    return Consents(session, consents)


@dataclass(frozen=True)
class RevealedShare:
    """One share of one secret of one member: of the self seed if it survived, of the mask key if it dropped."""

    owner: int
    secret: Secret
    share: bytes = field(repr=False)


@dataclass(frozen=True)
class Reveal:
    """The shares a member gives back so that the hub can take the masks off the total."""

    session: bytes
    sender: int
    shares: tuple[RevealedShare, ...]

    def encode(self) -> bytes:
        """Return the message."""
        header = Header(Kind.REVEAL, self.sender, self.session).encode()
        items = (struct.pack("<HB", item.owner, item.secret) + item.share for item in self.shares)
        return header + struct.pack("<H", len(self.shares)) + b"".join(items)


def parse_reveal(data: bytes) -> Reveal:
    """Read revealed shares. Raises Malformed `secagg.form` or `secagg.order`."""
    header = _open(data, Kind.REVEAL)
    (count,) = _unpack("<H", data, HEADER_BYTES, header)
    items = _split(data, HEADER_BYTES + 2, count, 3 + ELEMENT_BYTES, header)
    shares = []
    for item in items:
        owner, secret = struct.unpack_from("<HB", item)
        if secret not in Secret._value2member_map_:
            refuse_form(f"a reveal names the unknown secret {secret}")
        shares.append(RevealedShare(owner, Secret(secret), item[3:]))
    # INVARIANT: ascending owners, each once, so that no reveal can carry both secrets of one member.
    _check_order(header.kind, [share.owner for share in shares])
    return Reveal(header.session, header.sender, tuple(shares))


def _open(data: bytes, kind: Kind) -> Header:
    header = parse_header(data)
    if header.kind is not kind:
        refuse_form(f"expected the kind `{kind.label}`, got `{header.kind.label}`")
    return header


def _unpack(layout: str, data: bytes, offset: int, header: Header) -> tuple[int, ...]:
    if len(data) < offset + struct.calcsize(layout):
        refuse_form(f"the message `{header.kind.label}` is cut off")
    return struct.unpack_from(layout, data, offset)


def _split(data: bytes, offset: int, count: int, size: int, header: Header) -> tuple[bytes, ...]:
    _check_size(data, offset + count * size, header)
    return tuple(data[start : start + size] for start in range(offset, len(data), size))


def _encode_list(kind: Kind, session: bytes, items: Iterable[bytes]) -> bytes:
    encoded = tuple(items)
    return Header(kind, HUB, session).encode() + struct.pack("<H", len(encoded)) + b"".join(encoded)


def _parse_list(data: bytes, kind: Kind, size: int) -> tuple[bytes, tuple[bytes, ...]]:
    header = _open(data, kind)
    (count,) = _unpack("<H", data, HEADER_BYTES, header)
    return header.session, _split(data, HEADER_BYTES + 2, count, size, header)


def _encode_boxes(boxes: Sequence[Box]) -> bytes:
    return b"".join(struct.pack("<H", box.member) + box.sealed for box in boxes)


def _parse_boxes(data: bytes, offset: int, count: int, header: Header) -> tuple[Box, ...]:
    items = _split(data, offset, count, 2 + BOX_BYTES, header)
    boxes = tuple(Box(int.from_bytes(item[:2], "little"), item[2:]) for item in items)
    _check_order(header.kind, [box.member for box in boxes])
    return boxes


def _check_size(data: bytes, expected: int, header: Header) -> None:
    if len(data) != expected:
        refuse_form(f"the message `{header.kind.label}` should have {expected:,} bytes, got {len(data):,}")


def _check_order(kind: Kind, members: Sequence[int]) -> None:
    if any(left >= right for left, right in pairwise(members)):
        raise Malformed("secagg.order", f"the message `{kind.label}` lists members out of order or twice")


def _check_inner(kind: Kind, session: bytes, parts: Sequence[Advert | Consent]) -> None:
    if any(part.session != session for part in parts):
        raise Malformed("secagg.session", f"the message `{kind.label}` carries a part of another sum")
    _check_order(kind, [part.sender for part in parts])
