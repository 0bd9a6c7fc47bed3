"""The header of every message of a secure sum: what it is, who sent it, which sum it belongs to."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NoReturn, TypeAlias

from hansa.errors import Malformed

Bytes: TypeAlias = bytes | memoryview
"""A message as it arrived, wherever it lies."""

MAGIC: Final = b"HSUM"
VERSION: Final = 1
HUB: Final = 0xFFFF
"""The sender of messages that come from the hub."""

HEADER_BYTES: Final = 40

_HEADER: Final = struct.Struct("<4sBBH32s")


class Kind(IntEnum):
    """What a message is; odd kinds go up to the hub, even kinds come down from it."""

    ADVERT = 1
    ROSTER = 2
    SHARES = 3
    DELIVERY = 4
    MASKED = 5
    SURVIVORS = 6
    CONSENT = 7
    CONSENTS = 8
    REVEAL = 9

    @property
    def label(self) -> str:
        """How the kind is called in messages to people."""
        return self.name.lower()


@dataclass(frozen=True)
class Header:
    """The first 40 bytes of every message."""

    kind: Kind
    sender: int
    session: bytes

    def encode(self) -> bytes:
        """Return the 40 bytes."""
        return _HEADER.pack(MAGIC, VERSION, self.kind, self.sender, self.session)


def parse_header(data: Bytes) -> Header:
    """Read the first 40 bytes of a message.

    Raises:
        Malformed: `secagg.form`, no message of this protocol and version.
    """
    if len(data) < HEADER_BYTES:
        refuse_form(f"a message has at least {HEADER_BYTES} bytes, got {len(data)}")
    magic, version, kind, sender, session = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        refuse_form(f"a message begins with `HSUM` and version {VERSION}")
    if kind not in Kind._value2member_map_:
        refuse_form(f"unknown kind of message {kind}")
    return Header(Kind(kind), sender, session)


def verify_header(data: Bytes, *, kind: Kind, session: bytes, sender: int) -> None:
    """Check that a message is the one that is due, before anything in it is looked at.

    Raises:
        Malformed: in this order: `secagg.form`, no message of this protocol; `secagg.session`, of
            another coalition, run, round, attempt, cohort or question; `secagg.turn`, not the kind that
            is due now; `secagg.sender`, from another position than it was carried for.
    """
    header = parse_header(data)
    if header.session != session:
        raise Malformed("secagg.session", f"the message `{header.kind.label}` belongs to another sum")
    if header.kind is not kind:
        raise Malformed("secagg.turn", f"expected the message `{kind.label}`, got `{header.kind.label}`")
    if header.sender != sender:
        raise Malformed("secagg.sender", f"the message `{kind.label}` names another sender than it came from")


def refuse_form(message: str) -> NoReturn:
    """Refuse bytes that are no message of this protocol, or not of the size they claim."""
    raise Malformed("secagg.form", message)


def open_message(data: Bytes, kind: Kind) -> Header:
    """Read the header of a message that is due to be of a kind. Raises Malformed `secagg.form`."""
    header = parse_header(data)
    if header.kind is not kind:
        refuse_form(f"expected the kind `{kind.label}`, got `{header.kind.label}`")
    return header


def unpack(layout: str, data: Bytes, offset: int, header: Header) -> tuple[int, ...]:
    """Read integers from a message. Raises Malformed `secagg.form`, it ends before them."""
    if len(data) < offset + struct.calcsize(layout):
        refuse_form(f"the message `{header.kind.label}` is cut off")
    return struct.unpack_from(layout, data, offset)


def check_size(data: Bytes, expected: int, header: Header) -> None:
    """Refuse a message of another size. Raises Malformed `secagg.form`."""
    if len(data) != expected:
        refuse_form(f"the message `{header.kind.label}` should have {expected:,} bytes, got {len(data):,}")
