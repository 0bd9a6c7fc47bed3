"""The hub's side of one secure sum: it carries, checks and adds, and learns the total alone.

| turn | takes from each member | sends to each member |
| --- | --- | --- |
| 1 | advert | roster |
| 2 | shares | delivery |
| 3 | masked | survivors |
| 4 | consent | consents |
| 5 | reveal | (nothing; the total is known) |

The hub of this module is an honest one. What a dishonest hub can do is bounded by the contributors'
checks, not by anything here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hansa.errors import Malformed, Refused
from hansa.secagg.field import parse_element
from hansa.secagg.header import Kind, verify_header
from hansa.secagg.masking import Mask, apply_masks, commit_to_seed, derive_self_mask
from hansa.secagg.message import (
    Advert,
    Box,
    Consent,
    Consents,
    Delivery,
    Reveal,
    Roster,
    Secret,
    Survivors,
    parse_advert,
    parse_consent,
    parse_masked,
    parse_reveal,
    parse_shares,
)
from hansa.secagg.session import Session
from hansa.secagg.shamir import combine_shares, interpolate_at_zero


@dataclass(frozen=True)
class _Turn:
    """A row of the table above."""

    take: Callable[["Aggregator", int, bytes], None]
    close: Callable[["Aggregator"], Mapping[str, bytes]]
    then: Kind | None


class Aggregator:
    """The hub in one secure sum.

    Args:
        session: what the hub's own copy of the record says about the sum.
    Guarantees:
        It keeps one running sum, never a member's vector.
        It gives a total only if every member of the cohort is in it and every reveal fits what was
        advertised; otherwise it ends, naming a member.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn: Kind | None = Kind.ADVERT
        self._ended = ""
        self._arrived: set[int] = set()
        self._adverts: dict[int, Advert] = {}
        self._boxes: dict[int, tuple[Box, ...]] = {}
        self._sum = np.zeros(session.length, dtype=np.uint64)
        self._masked_digests: dict[int, bytes] = {}
        self._consents: dict[int, Consent] = {}
        self._reveals: dict[int, Reveal] = {}
        self._total: NDArray[np.int64] | None = None

    @property
    def turn(self) -> Kind | None:
        """The kind of message the hub waits for; None when the sum is over, either way."""
        return None if self._ended else self._turn

    @property
    def missing(self) -> tuple[str, ...]:
        """Members whose message of this turn has not arrived."""
        if self.turn is None:
            return ()
        return tuple(
            party.id for index, party in enumerate(self._session.cohort) if index not in self._arrived
        )

    @property
    def total(self) -> NDArray[np.int64]:
        """The sum of all members' vectors, shape (length,), int64.

        Raises:
            RuntimeError: the sum is not finished.
        """
        if self._total is None:
            raise RuntimeError("the secure sum has no total yet")
        return self._total

    def receive(self, member: str, message: bytes) -> None:
        """Take one member's message of this turn.

        Args:
            member: whose message it is, as the carrier knows.
            message: what the member sent.

        Raises:
            Malformed: the message is wrong, and the rule says how; the sum has ended.
        """
        turn = self._require_open()
        self._ended = f"the message of `{member}` was refused"  # INVARIANT: unless the whole step succeeds
        if member not in self._session.indices:
            raise Malformed("secagg.unknown-member", f"`{member}` is not in the cohort of this sum")
        index = self._session.indices[member]
        if index in self._arrived:
            raise Malformed(
                "secagg.duplicate", f"`{member}` sent a second message in the turn `{turn.label}`"
            )
        try:
            verify_header(message, kind=turn, session=self._session.digest, sender=index)
            self._TURNS[turn].take(self, index, message)
        except Malformed as error:
            raise Malformed(error.rule, f"`{member}`: {error.message}") from None
        self._arrived.add(index)
        self._ended = ""

    def broadcast(self) -> Mapping[str, bytes]:
        """Close the turn.

        Returns:
            The next message for each member; empty after the last turn, when `total` is known.

        Raises:
            Refused: `secagg.dropout`, members sent nothing; the sum has ended. All are named.
            Malformed: what the members sent does not fit together; the sum has ended.
        """
        turn = self._require_open()
        missing = self.missing
        self._ended = f"the turn `{turn.label}` could not be closed"
        if missing:
            raise Refused("secagg.dropout", [f"`{name}` sent no message `{turn.label}`" for name in missing])
        messages = self._TURNS[turn].close(self)
        self._turn = self._TURNS[turn].then
        self._arrived = set()
        self._ended = ""
        return messages

    def _require_open(self) -> Kind:
        if self.turn is None:
            raise Malformed("secagg.ended", f"this secure sum is over: {self._ended or 'the total is known'}")
        return self.turn

    def _take_advert(self, index: int, message: bytes) -> None:
        advert = parse_advert(message)
        if not self._session.cohort[index].is_signed(advert.signature, advert.signed_bytes):
            raise Malformed(
                "secagg.signature", "the advert is not signed with the identity key on the record"
            )
        self._adverts[index] = advert

    def _close_adverts(self) -> Mapping[str, bytes]:
        self._roster = Roster(
            self._session.digest, tuple(advert for _, advert in sorted(self._adverts.items()))
        )
        return self._to_all(self._roster.encode())

    def _take_shares(self, index: int, message: bytes) -> None:
        boxes = parse_shares(message).boxes
        others = [other for other in range(len(self._session.cohort)) if other != index]
        if [box.member for box in boxes] != others:
            raise Malformed("secagg.cohort", "the shares are not for every other member of the cohort")
        self._boxes[index] = boxes

    def _close_shares(self) -> Mapping[str, bytes]:
        inbound: dict[int, list[Box]] = {index: [] for index in self._boxes}
        for sender, boxes in sorted(self._boxes.items()):
            for box in boxes:
                inbound[box.member].append(Box(sender, box.sealed))
        self._boxes.clear()
        return {
            party.id: Delivery(self._session.digest, index, tuple(inbound[index])).encode()
            for index, party in enumerate(self._session.cohort)
        }

    def _take_masked(self, index: int, message: bytes) -> None:
        numbers = np.frombuffer(parse_masked(message).numbers, dtype="<u8")
        if len(numbers) != self._session.length:
            raise Malformed(
                "secagg.length", f"expected {self._session.length:,} numbers, got {len(numbers):,}"
            )
        self._masked_digests[index] = sha256(message).digest()
        np.add(self._sum, numbers, out=self._sum)

    def _close_masked(self) -> Mapping[str, bytes]:
        self._survivors = Survivors(self._session.digest, tuple(sorted(self._masked_digests)), ())
        self._agreed = self._survivors.digest(self._roster.digest)
        return self._to_all(self._survivors.encode())

    def _take_consent(self, index: int, message: bytes) -> None:
        consent = parse_consent(message)
        if not self._session.cohort[index].is_signed(consent.signature, consent.signed_bytes):
            raise Malformed(
                "secagg.signature", "the consent is not signed with the identity key on the record"
            )
        if consent.survivors != self._agreed:
            raise Malformed("secagg.set", "the member consents to another survivor set or roster")
        if consent.masked != self._masked_digests[index]:
            raise Malformed("secagg.masked", "the masked numbers that arrived are not those that were sent")
        self._consents[index] = consent

    def _close_consents(self) -> Mapping[str, bytes]:
        consents = tuple(consent for _, consent in sorted(self._consents.items()))
        return self._to_all(Consents(self._session.digest, consents).encode())

    def _take_reveal(self, index: int, message: bytes) -> None:
        reveal = parse_reveal(message)
        revealed = [(share.owner, share.secret) for share in reveal.shares]
        if revealed != [(owner, Secret.SELF_SEED) for owner in self._survivors.survivors]:
            raise Malformed(
                "secagg.reveal", "expected one share of the self seed of every survivor, and nothing else"
            )
        for share in reveal.shares:
            parse_element(share.share)
        self._reveals[index] = reveal

    def _close_reveals(self) -> Mapping[str, bytes]:
        # As many holders as the threshold asks for; the commitments show whether their shares were right.
        holders = sorted(self._reveals)[: self._session.threshold]
        factors = interpolate_at_zero([holder + 1 for holder in holders])
        masks: list[Mask] = []
        for owner in self._survivors.survivors:
            shares = (parse_element(self._reveals[holder].shares[owner].share) for holder in holders)
            secret = combine_shares(factors, shares)
            masks.append(self._self_mask(owner, secret))
        apply_masks(self._sum, masks)
        self._total = self._sum.view(np.int64)
        return {}

    def _self_mask(self, owner: int, secret: int) -> Mask:
        seed = secret.to_bytes(33, "little")
        if seed[32] or commit_to_seed(seed[:32], self._session.digest) != self._adverts[owner].commitment:
            name = self._session.cohort[owner].id
            raise Malformed(
                "secagg.share",
                f"the revealed shares of `{name}` do not give the seed it committed to: it dealt, or others returned, wrong ones",
            )
        return derive_self_mask(seed[:32], self._roster.digest, owner, adds=False)

    def _to_all(self, message: bytes) -> Mapping[str, bytes]:
        return {party.id: message for party in self._session.cohort}

    _TURNS: ClassVar[Mapping[Kind, _Turn]] = MappingProxyType(
        {
            Kind.ADVERT: _Turn(_take_advert, _close_adverts, Kind.SHARES),
            Kind.SHARES: _Turn(_take_shares, _close_shares, Kind.MASKED),
            Kind.MASKED: _Turn(_take_masked, _close_masked, Kind.CONSENT),
            Kind.CONSENT: _Turn(_take_consent, _close_consents, Kind.REVEAL),
            Kind.REVEAL: _Turn(_take_reveal, _close_reveals, None),
        }
    )
