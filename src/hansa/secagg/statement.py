"""What members sign in a secure sum: their keys, their masked numbers, and who is in the total.

Every signature covers a label and the statement's content, which begins with the header. So two different
statements of one member, of one kind and in one sum, are evidence that anybody can check.
"""

import struct
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from hansa.secagg.header import (
    HEADER_BYTES,
    Bytes,
    Header,
    Kind,
    check_size,
    open_message,
    refuse_form,
    unpack,
)

SIGNATURE_BYTES: Final = 64
TAG_BYTES: Final = 16
ADVERT_BYTES: Final = HEADER_BYTES + 3 * 32 + SIGNATURE_BYTES
CONSENT_BYTES: Final = HEADER_BYTES + 2 * 32 + SIGNATURE_BYTES
NUMBERS_START: Final = HEADER_BYTES + 8
"""Where the numbers of a masked message begin: aligned, so that they are read where they lie."""
MASKED_END_BYTES: Final = 32 + TAG_BYTES + SIGNATURE_BYTES
"""What follows the numbers of a masked message."""

_DEALERS_LABEL: Final = b"hansa/v1/secure-sum/dealers\n"
_LABELS: Final = MappingProxyType(
    {
        Kind.ADVERT: b"hansa/v1/secure-sum/advert\n",
        Kind.MASKED: b"hansa/v1/secure-sum/masked\n",
        Kind.CONSENT: b"hansa/v1/secure-sum/consent\n",
    }
)


@dataclass(frozen=True)
class Statement:
    """Something that a member signed, as it can be shown to others.

    Args:
        content: what it says; begins with the 40 bytes of the header.
        signature: the member's, over `signed_bytes`; empty before it is signed.
    """

    content: bytes
    signature: bytes = b""

    @property
    def kind(self) -> Kind:
        """Which kind of message it belongs to."""
        return Kind(self.content[5])

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers: a label, then the content."""
        return _LABELS[self.kind] + self.content

    @property
    def digest(self) -> bytes:
        """32 bytes over the content."""
        return sha256(self.content).digest()


@dataclass(frozen=True)
class Advert:
    """A member's keys for one sum, signed with its identity key. 200 bytes."""

    session: bytes
    sender: int
    mask_key: bytes
    """X25519 public key from which pair masks are agreed."""
    channel_key: bytes
    """X25519 public key to which shares are encrypted, and from which the tag's key is agreed."""
    commitment: bytes
    """Fixes the seed of the self mask."""
    signature: bytes = b""

    @cached_property
    def statement(self) -> Statement:
        """All of it."""
        header = Header(Kind.ADVERT, self.sender, self.session).encode()
        return Statement(header + self.mask_key + self.channel_key + self.commitment, self.signature)

    def encode(self) -> bytes:
        """Return the message."""
        return self.statement.content + self.signature


def parse_advert(data: Bytes) -> Advert:
    """Read an advert. Raises Malformed `secagg.form`."""
    header = open_message(data, Kind.ADVERT)
    check_size(data, ADVERT_BYTES, header)
    data = bytes(data)
    return Advert(header.session, header.sender, data[40:72], data[72:104], data[104:136], data[136:])


@dataclass(frozen=True)
class Masked:
    """A member's masked numbers, with a tag: a bit lost on the way is found before it is in any sum."""

    session: bytes
    sender: int
    length: int
    """How many numbers."""
    numbers: Bytes = field(repr=False)
    """Unsigned integers of 32 or 64 bits."""
    dealers: bytes
    """Digest of those that the sender masked with, and of itself."""
    tag: bytes
    """Of header, length and numbers, under a key that only the sender and the hub have."""
    signature: bytes = b""

    @property
    def statement(self) -> Statement:
        """All but the numbers themselves, for which the tag stands."""
        return Statement(self.opening + self.dealers + self.tag, self.signature)

    @property
    def opening(self) -> bytes:
        """The 48 bytes before the numbers."""
        header = Header(Kind.MASKED, self.sender, self.session).encode()
        return header + struct.pack("<Q", self.length)

    def encode(self) -> bytes:
        """Return the message."""
        return b"".join((self.opening, self.numbers, self.dealers, self.tag, self.signature))


def parse_masked(data: Bytes, number_bits: int) -> Masked:
    """Read masked numbers without copying them. Raises Malformed `secagg.form`."""
    header = open_message(data, Kind.MASKED)
    (length,) = unpack("<Q", data, HEADER_BYTES, header)
    if length >= 2**32:
        refuse_form(f"the message `{header.kind.label}` claims {length:,} numbers")
    check_size(data, NUMBERS_START + number_bits // 8 * length + MASKED_END_BYTES, header)
    numbers = memoryview(data)[NUMBERS_START:-MASKED_END_BYTES]
    end = bytes(data[-MASKED_END_BYTES:])
    return Masked(header.session, header.sender, length, numbers, end[:32], end[32:48], end[48:])


@dataclass(frozen=True)
class Consent:
    """A member's signature under the survivor set and under the numbers it sent. 168 bytes."""

    session: bytes
    sender: int
    survivors: bytes
    """Digest of the survivor set."""
    masked: bytes
    """Digest of the content of the member's own masked statement."""
    signature: bytes = b""

    @cached_property
    def statement(self) -> Statement:
        """All of it."""
        header = Header(Kind.CONSENT, self.sender, self.session).encode()
        return Statement(header + self.survivors + self.masked, self.signature)

    def encode(self) -> bytes:
        """Return the message."""
        return self.statement.content + self.signature


def parse_consent(data: Bytes) -> Consent:
    """Read a consent. Raises Malformed `secagg.form`."""
    header = open_message(data, Kind.CONSENT)
    check_size(data, CONSENT_BYTES, header)
    data = bytes(data)
    return Consent(header.session, header.sender, data[40:72], data[72:104], data[104:])


def digest_dealers(dealers: int) -> bytes:
    """32 bytes over the members that one member masked with, and itself.

    Args:
        dealers: their positions as a set of bits.
    """
    return sha256(_DEALERS_LABEL + dealers.to_bytes(128, "little")).digest()
