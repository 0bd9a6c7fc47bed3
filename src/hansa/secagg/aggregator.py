"""The hub's side of one secure sum: it carries, checks and adds, and learns the total alone.

| turn | takes from each member left | sends to each member left |
| --- | --- | --- |
| 1 | advert | roster |
| 2 | shares | delivery |
| 3 | masked | survivors |
| 4 | consent | consents |
| 5 | reveal | (nothing; the total is known) |

The caller decides when a turn closes (`broadcast`): who has not been heard by then is out of the sum for
good. Those that dealt shares and sent no numbers are recovered by the shares of their mask keys, those
that sent numbers are in the total whether or not they are still there.

The hub of this module is an honest one. What a dishonest hub can do is bounded by the contributors'
checks, not by anything here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from hansa.errors import Malformed, Refused
from hansa.secagg.agreement import agree_secret, verify_order
from hansa.secagg.field import parse_element
from hansa.secagg.header import Kind, verify_header
from hansa.secagg.masking import Mask, apply_masks, commit_to_seed, derive_pair_mask, derive_self_mask
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
from hansa.secagg.shamir import combine_shares, interpolate_at_zero, recover_secret

_TRIES: Final = 5_000
"""Sets of shares that are tried when some are wrong, in the whole sum: seconds, even for a large cohort."""

_MASKS_AT_ONCE: Final = 128
"""Keystreams that are open at the same time; their states would otherwise outgrow the numbers."""


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
        A refused message changes nothing: the member may send the right one until the turn closes.
        The total is exactly that of `survivors`, at least as many as the session requires, and every
        secret that went into it fits what was advertised; otherwise the sum ends, naming members.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn: Kind | None = Kind.ADVERT
        self._ended = ""
        self._expected = set(range(len(session.cohort)))
        self._arrived: set[int] = set()
        self._adverts: dict[int, Advert] = {}
        self._keys: set[bytes] = set()
        self._boxes: dict[int, tuple[Box, ...]] = {}
        self._dealt: frozenset[int] = frozenset()
        self._survivors: Survivors | None = None
        self._sum = np.zeros(session.length, dtype=np.uint64)
        self._masked_digests: dict[int, bytes] = {}
        self._consents: dict[int, Consent] = {}
        self._reveals: dict[int, Reveal] = {}
        self._points: tuple[int, ...] = ()
        self._factors: tuple[int, ...] = ()
        self._tries = _TRIES
        self._disputes: list[tuple[int, int]] = []
        self._total: NDArray[np.int64] | None = None

    @property
    def turn(self) -> Kind | None:
        """The kind of message the hub waits for; None when the sum is over, either way."""
        return None if self._ended else self._turn

    @property
    def missing(self) -> tuple[str, ...]:
        """Members left whose message of this turn has not arrived."""
        return () if self.turn is None else self._names(self._expected - self._arrived)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Members whose numbers are in the total.

        Raises:
            RuntimeError: the turn in which numbers arrive is not closed yet.
        """
        if self._survivors is None:
            raise RuntimeError("the secure sum has no survivors yet")
        return self._names(self._survivors.survivors)

    @property
    def disputes(self) -> tuple[tuple[str, str], ...]:
        """Wrong shares that the sum survived: whose secret it was, and who returned the share.

        One of the two sent it wrong. Which one is not known, and wrong shares that were agreed upon can
        make a right one look wrong, so this is a reason to look closer and no evidence.
        """
        return tuple((self._name(owner), self._name(holder)) for owner, holder in self._disputes)

    @property
    def total(self) -> NDArray[np.int64]:
        """The sum of the survivors' vectors, shape (length,), int64.

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
            Malformed: the message is wrong, and the rule says how. `secagg.ended`: the sum is over.
            Refused: `secagg.late`, an earlier turn closed without this member.
        Guarantees:
            A refused message changes nothing.
        """
        turn = self._require_open()
        if member not in self._session.indices:
            raise Malformed("secagg.unknown-member", f"`{member}` is not in the cohort of this sum")
        index = self._session.indices[member]
        if index not in self._expected:
            raise Refused("secagg.late", f"`{member}` was not heard in time and is out of this sum")
        if index in self._arrived:
            raise Malformed(
                "secagg.duplicate", f"`{member}` sent a second message in the turn `{turn.label}`"
            )
        try:
            verify_header(message, kind=turn, session=self._session.digest, sender=index)
            self._TURNS[turn].take(self, index, message)  # INVARIANT: checks everything, then changes
        except Malformed as error:
            raise Malformed(error.rule, f"`{member}`: {error.message}") from None
        self._arrived.add(index)

    def broadcast(self) -> Mapping[str, bytes]:
        """Close the turn with whoever was heard; all others are out of the sum.

        Returns:
            The next message for each member left; empty after the last turn, when `total` is known.

        Raises:
            Refused: `secagg.dropout`, too few were heard; the sum has ended. All that were not are named.
            Malformed: `secagg.share`, a secret cannot be recovered; the sum has ended.
        """
        turn = self._require_open()
        missing = self.missing
        self._ended = f"the turn `{turn.label}` could not be closed"  # INVARIANT: unless all of it succeeds
        # Once the numbers are in, fewer than survived may finish: as many as recover a secret.
        is_summed = self._survivors is not None
        required = self._session.threshold if is_summed else self._session.required
        if len(self._arrived) < required:
            raise Refused("secagg.dropout", [f"`{name}` sent no message `{turn.label}`" for name in missing])
        self._expected = self._arrived
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
        keys = {advert.mask_key, advert.channel_key}
        if len(keys) < 2 or keys & self._keys:
            raise Malformed("secagg.key", "the advert holds a key that is in use")
        for key in keys:
            verify_order(key)
        self._keys |= keys
        self._adverts[index] = advert

    def _close_adverts(self) -> Mapping[str, bytes]:
        self._roster = Roster(
            self._session.digest, tuple(advert for _, advert in sorted(self._adverts.items()))
        )
        return self._to_all(self._roster.encode())

    def _take_shares(self, index: int, message: bytes) -> None:
        boxes = parse_shares(message).boxes
        others = [other for other in sorted(self._adverts) if other != index]
        if [box.member for box in boxes] != others:
            raise Malformed("secagg.cohort", "the shares are not for every other member of the roster")
        self._boxes[index] = boxes

    def _close_shares(self) -> Mapping[str, bytes]:
        inbound: dict[int, list[Box]] = {index: [] for index in self._boxes}
        for sender, boxes in sorted(self._boxes.items()):
            for box in boxes:
                if box.member in inbound:
                    inbound[box.member].append(Box(sender, box.sealed))
        self._dealt = frozenset(self._boxes)
        self._boxes.clear()
        return {
            self._name(index): Delivery(self._session.digest, index, tuple(boxes)).encode()
            for index, boxes in sorted(inbound.items())
        }

    def _take_masked(self, index: int, message: bytes) -> None:
        masked = parse_masked(message)
        numbers = np.frombuffer(masked.numbers, dtype="<u8")
        if len(numbers) != self._session.length:
            raise Malformed(
                "secagg.length", f"expected {self._session.length:,} numbers, got {len(numbers):,}"
            )
        # INVARIANT: before they are added. Nobody who vanishes after sending can say what it sent, and
        # numbers are not kept, so a bit lost on the way could neither be found nor taken out again.
        if not self._session.cohort[index].is_signed(masked.signature, masked.signed_bytes):
            raise Malformed(
                "secagg.signature", "the masked numbers are not signed with the identity key on the record"
            )
        self._masked_digests[index] = masked.digest
        np.add(self._sum, numbers, out=self._sum)

    def _close_masked(self) -> Mapping[str, bytes]:
        dropped = self._dealt - self._masked_digests.keys()
        self._survivors = Survivors(
            self._session.digest, tuple(sorted(self._masked_digests)), tuple(sorted(dropped))
        )
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
            raise Malformed("secagg.masked", "the member consents to other masked numbers than it signed")
        self._consents[index] = consent

    def _close_consents(self) -> Mapping[str, bytes]:
        consents = tuple(consent for _, consent in sorted(self._consents.items()))
        return self._to_all(Consents(self._session.digest, consents).encode())

    def _take_reveal(self, index: int, message: bytes) -> None:
        reveal = parse_reveal(message)
        if [(share.owner, share.secret) for share in reveal.shares] != self._asked():
            raise Malformed(
                "secagg.reveal",
                "expected a share of the self seed of every survivor, of the mask key of every other dealer, and nothing else",
            )
        for share in reveal.shares:
            parse_element(share.share)
        self._reveals[index] = reveal

    def _asked(self) -> list[tuple[int, Secret]]:
        return [
            (owner, Secret.SELF_SEED if owner in self._masked_digests else Secret.MASK_KEY)
            for owner in sorted(self._dealt)
        ]

    def _close_reveals(self) -> Mapping[str, bytes]:
        secrets = {
            owner: self._recover(place, owner, secret) for place, (owner, secret) in enumerate(self._asked())
        }
        masks = self._masks_in_sum(secrets)
        while batch := tuple(islice(masks, _MASKS_AT_ONCE)):
            apply_masks(self._sum, batch)
        self._total = self._sum.view(np.int64)
        return {}

    def _recover(self, place: int, owner: int, secret: Secret) -> bytes:
        """Join the revealed shares of one secret, and make sure that it is the one that was advertised."""

        def is_advertised(element: int) -> bool:
            if element >= 2**256:
                return False
            data, advert = element.to_bytes(32, "little"), self._adverts[owner]
            if secret is Secret.SELF_SEED:
                return commit_to_seed(data, self._session.digest) == advert.commitment
            return (
                X25519PrivateKey.from_private_bytes(data).public_key().public_bytes_raw() == advert.mask_key
            )

        # 1. As many holders as the threshold asks for; whose shares were wrong before comes last.
        suspects = {holder for _, holder in self._disputes}
        holders = sorted(self._reveals, key=lambda holder: (holder in suspects, holder))
        shares = {holder + 1: parse_element(self._reveals[holder].shares[place].share) for holder in holders}
        points = tuple(shares)[: self._session.threshold]
        if points != self._points:
            self._points, self._factors = points, interpolate_at_zero(points)
        element = combine_shares(self._factors, (shares[point] for point in points))
        if is_advertised(element):
            return element.to_bytes(32, "little")
        # 2. Some share is wrong. Those beyond the threshold can tell which.
        found = recover_secret(shares, self._session.threshold, is_advertised, tries=self._tries)
        self._tries -= found.tries
        if found.secret is None:
            names = ", ".join(f"`{self._name(holder)}`" for holder in sorted(holders))
            what = secret.name.lower().replace("_", " ")
            raise Malformed(
                "secagg.share",
                f"the {what} of `{self._name(owner)}` does not come out of its shares: it dealt, or some of {names} returned, wrong ones",
            )
        self._disputes += [(owner, point - 1) for point in found.wrong]
        return found.secret.to_bytes(32, "little")

    def _masks_in_sum(self, secrets: Mapping[int, bytes]) -> Iterator[Mask]:
        """The masks that are left in the sum of the masked vectors, with opposite signs."""
        for owner, secret in secrets.items():
            if owner in self._masked_digests:
                yield derive_self_mask(secret, self._roster.digest, owner, adds=False)
                continue
            # The dropped member's own masks are the survivors' with opposite signs.
            key = X25519PrivateKey.from_private_bytes(secret)
            for survivor in self._masked_digests:
                agreed = agree_secret(key, self._adverts[survivor].mask_key)
                yield derive_pair_mask(agreed, self._roster.digest, owner, survivor)

    def _to_all(self, message: bytes) -> Mapping[str, bytes]:
        return dict.fromkeys(self._names(self._expected), message)

    def _names(self, members: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._name(index) for index in sorted(members))

    def _name(self, index: int) -> str:
        return self._session.cohort[index].id

    _TURNS: ClassVar[Mapping[Kind, _Turn]] = MappingProxyType(
        {
            Kind.ADVERT: _Turn(_take_advert, _close_adverts, Kind.SHARES),
            Kind.SHARES: _Turn(_take_shares, _close_shares, Kind.MASKED),
            Kind.MASKED: _Turn(_take_masked, _close_masked, Kind.CONSENT),
            Kind.CONSENT: _Turn(_take_consent, _close_consents, Kind.REVEAL),
            Kind.REVEAL: _Turn(_take_reveal, _close_reveals, None),
        }
    )
