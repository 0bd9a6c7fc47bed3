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

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from hansa.errors import Malformed, Refused
from hansa.secagg.agreement import verify_order
from hansa.secagg.evidence import Conflict, Witness
from hansa.secagg.field import parse_element
from hansa.secagg.graph import as_bits
from hansa.secagg.header import Bytes, Kind, verify_header
from hansa.secagg.masking import Mask, Numbers, apply_masks, number_type, widen_numbers
from hansa.secagg.message import (
    Backing,
    Box,
    Consents,
    Delivery,
    Roster,
    Secret,
    Survivors,
    parse_reveal,
    parse_shares,
)
from hansa.secagg.session import Session
from hansa.secagg.statement import (
    Advert,
    Consent,
    digest_dealers,
    parse_advert,
    parse_consent,
    parse_masked,
)
from hansa.secagg.survival import verify_enough
from hansa.secagg.tagging import derive_tag_key, is_tag
from hansa.secagg.unmasking import Unmasking

_MASKS_AT_ONCE: Final = 128
"""Keystreams that are open at the same time; their states would otherwise outgrow the numbers."""


@dataclass(frozen=True)
class _Turn:
    """A row of the table above."""

    take: Callable[["Aggregator", int, Bytes], None]
    close: Callable[["Aggregator"], Mapping[str, bytes]]
    then: Kind | None


class Aggregator:
    """The hub in one secure sum.

    Args:
        session: what the hub's own copy of the record says about the sum.
        draw: returns so many fresh random bytes; called once, for the key with which tags are checked.
        threads: how many parts of a long sum are unmasked at the same time; changes nothing but the time.
    Guarantees:
        It keeps one running sum, never a member's vector.
        A refused message changes nothing but what is known of conflicts: the member may send the right
        one until the turn closes.
        The total is exactly that of `survivors`, at least as many as the session requires, and every
        secret that went into it fits what was advertised; otherwise the sum ends, naming members.
    """

    def __init__(self, session: Session, *, draw: Callable[[int], bytes], threads: int = 1) -> None:
        self._session = session
        self._threads = threads
        self._key = X25519PrivateKey.from_private_bytes(draw(32))
        self._hub_key = self._key.public_key().public_bytes_raw()
        self._turn: Kind | None = Kind.ADVERT
        self._ended = ""
        self._expected = set(range(len(session.cohort)))
        self._arrived: set[int] = set()
        self._witness = Witness(session)
        self._adverts: dict[int, Advert] = {}
        self._keys: set[bytes] = set()
        self._boxes: dict[int, tuple[Box, ...]] = {}
        self._dealt: frozenset[int] = frozenset()
        self._room: NDArray[np.int64] = np.zeros(session.length, dtype="<i8")
        self._backings: dict[int, Backing] = {}
        self._masked_digests: dict[int, bytes] = {}
        self._survivors: Survivors | None = None
        self._consents: dict[int, Consent] = {}
        self._revealed: dict[int, dict[int, int]] = {}
        self._unmasking = Unmasking(session, self._adverts)
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
        return tuple((self._name(owner), self._name(holder)) for owner, holder in self._unmasking.disputes)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Two statements that one member signed and that differ, also if the second came late or was refused."""
        return self._witness.conflicts

    @property
    def total(self) -> NDArray[np.int64]:
        """The sum of the survivors' vectors, shape (length,), int64.

        Raises:
            RuntimeError: the sum is not finished.
        """
        if self._total is None:
            raise RuntimeError("the secure sum has no total yet")
        return self._total

    def receive(self, member: str, message: Bytes) -> None:
        """Take one member's message of this turn.

        Args:
            member: whose message it is, as the carrier knows.
            message: what the member sent; long ones are read where they lie.

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
        try:
            self._verify_due(index, turn)
            verify_header(message, kind=turn, session=self._session.digest, sender=index)
            self._TURNS[turn].take(self, index, message)  # INVARIANT: checks everything, then changes
        except Malformed as error:
            self._witness.overhear(index, message)
            raise Malformed(error.rule, f"`{member}`: {error.message}") from None
        except Refused:
            self._witness.overhear(index, message)
            raise
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
        self._expected = self._arrived
        try:
            messages = self._TURNS[turn].close(self)
        except Refused as error:
            silent = [f"`{name}` sent no message `{turn.label}`" for name in missing]
            raise Refused(error.rule, silent or error.reasons) from None
        self._turn = self._TURNS[turn].then
        self._arrived = set()
        self._ended = ""
        return messages

    @property
    def _sum(self) -> Numbers:
        """The running sum; numbers of 32 bits lie in the first half of the room in which their total will be."""
        return self._room.view(number_type(self._session.number_bits))[: self._session.length]

    def _verify_due(self, index: int, turn: Kind) -> None:
        if index not in self._expected:
            raise Refused(
                "secagg.late", f"`{self._name(index)}` was not heard in time and is out of this sum"
            )
        if index in self._arrived:
            raise Malformed("secagg.duplicate", f"it sent a second message in the turn `{turn.label}`")

    def _require_open(self) -> Kind:
        if self.turn is None:
            raise Malformed("secagg.ended", f"this secure sum is over: {self._ended or 'the total is known'}")
        return self.turn

    def _take_advert(self, index: int, message: Bytes) -> None:
        advert = parse_advert(message)
        self._witness.hear(index, advert.statement)
        keys = {advert.mask_key, advert.channel_key}
        if len(keys) < 2 or keys & self._keys:
            raise Malformed("secagg.key", "the advert holds a key that is in use")
        for key in keys:
            verify_order(key)
        self._keys |= keys
        self._adverts[index] = advert

    def _close_adverts(self) -> Mapping[str, bytes]:
        self._verify_count(self._session.required)
        return {
            self._name(index): Roster(
                self._session.digest,
                self._hub_key,
                tuple(self._adverts[near] for near in self._near(index, self._adverts, itself=True)),
            ).encode()
            for index in sorted(self._adverts)
        }

    def _take_shares(self, index: int, message: Bytes) -> None:
        boxes = parse_shares(message).boxes
        if [box.member for box in boxes] != self._near(index, self._adverts):
            raise Malformed("secagg.cohort", "the shares are not for every neighbour in the roster")
        self._boxes[index] = boxes

    def _close_shares(self) -> Mapping[str, bytes]:
        self._verify_count(self._session.required)
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

    def _take_masked(self, index: int, message: Bytes) -> None:
        masked = parse_masked(message, self._session.number_bits)
        if masked.length != self._session.length:
            raise Malformed(
                "secagg.length", f"expected {self._session.length:,} numbers, got {masked.length:,}"
            )
        self._witness.hear(index, masked.statement)
        dealers = as_bits(self._near(index, self._dealt, itself=True))
        if masked.dealers != digest_dealers(dealers):
            raise Malformed("secagg.backing", "the numbers are masked with others than those that dealt")
        # INVARIANT: before they are added. Nobody who vanishes after sending can say what it sent, and
        # numbers are not kept, so a bit lost on the way could neither be found nor taken out again.
        advert = self._adverts[index]
        key = derive_tag_key(self._key, advert.channel_key, advert, self._hub_key)
        if not is_tag(masked.tag, key, masked.opening, masked.numbers):
            raise Malformed("secagg.tag", "the masked numbers changed on the way")
        self._backings[index] = Backing(index, masked.tag, masked.signature)
        self._masked_digests[index] = masked.statement.digest
        running = self._sum
        np.add(running, np.frombuffer(masked.numbers, dtype=running.dtype), out=running)

    def _close_masked(self) -> Mapping[str, bytes]:
        verify_enough(self._session, set(self._backings))
        alive, dropped = sorted(self._backings), sorted(self._dealt - self._backings.keys())
        self._survivors = Survivors(self._session.digest, tuple(alive), tuple(dropped))
        self._agreed = self._survivors.digest(self._hub_key)
        if self._session.degree == 0:
            return self._to_all(self._survivors.encode())
        return {
            self._name(index): replace(
                self._survivors,
                backings=tuple(self._backings[near] for near in self._near(index, self._backings)),
            ).encode()
            for index in alive
        }

    def _take_consent(self, index: int, message: Bytes) -> None:
        consent = parse_consent(message)
        self._witness.hear(index, consent.statement)
        if consent.survivors != self._agreed:
            raise Malformed("secagg.set", "the member consents to another survivor set or key of the hub")
        if consent.masked != self._masked_digests[index]:
            raise Malformed("secagg.masked", "the member consents to other masked numbers than it signed")
        self._consents[index] = consent

    def _close_consents(self) -> Mapping[str, bytes]:
        """Show everybody as many consents as must agree: the first ones, with the recipient's own among them."""
        quorum, session = self._session.quorum, self._session.digest
        self._verify_count(quorum)
        consents = tuple(consent for _, consent in sorted(self._consents.items()))
        first = Consents(session, consents[:quorum]).encode()
        messages = {self._name(consent.sender): first for consent in consents[:quorum]}
        for own in consents[quorum:]:
            messages[self._name(own.sender)] = Consents(session, (*consents[: quorum - 1], own)).encode()
        return messages

    def _take_reveal(self, index: int, message: Bytes) -> None:
        reveal = parse_reveal(message)
        asked = [(owner, self._secret_of(owner)) for owner in self._near(index, self._dealt, itself=True)]
        if [(share.owner, share.secret) for share in reveal.shares] != asked:
            raise Malformed(
                "secagg.reveal",
                "expected a share of the self seed of every survivor, of the mask key of every other dealer, and nothing else",
            )
        elements = [parse_element(share.share) for share in reveal.shares]
        for (owner, _), element in zip(asked, elements, strict=True):
            self._revealed.setdefault(owner, {})[index] = element

    def _close_reveals(self) -> Mapping[str, bytes]:
        if any(len(self._revealed.get(owner, ())) < self._session.threshold for owner in self._dealt):
            raise Refused("secagg.dropout", "too few shares of a secret are left")
        secrets = {
            owner: self._unmasking.recover(owner, self._secret_of(owner), self._revealed[owner])
            for owner in sorted(self._dealt)
        }
        masks = self._masks_in_sum(secrets)
        while batch := tuple(islice(masks, _MASKS_AT_ONCE)):
            apply_masks(self._sum, batch, threads=self._threads)
        widen_numbers(self._sum, self._room)
        self._total = self._room
        return {}

    def _masks_in_sum(self, secrets: Mapping[int, bytes]) -> Iterator[Mask]:
        """The masks that are left in the sum of the masked vectors, with opposite signs."""
        for owner, secret in secrets.items():
            if owner in self._backings:
                yield self._unmasking.undo_self_mask(owner, secret)
            else:
                yield from self._unmasking.undo_pair_masks(owner, secret, self._near(owner, self._backings))

    def _verify_count(self, required: int) -> None:
        if len(self._arrived) < required:
            raise Refused("secagg.dropout", f"{len(self._arrived)} members are left of {required}")

    def _secret_of(self, owner: int) -> Secret:
        return Secret.SELF_SEED if owner in self._backings else Secret.MASK_KEY

    def _near(self, index: int, members: Container[int], *, itself: bool = False) -> list[int]:
        """Those of a member's neighbours that are among some members, ascending, with itself if asked for."""
        near = self._session.topology.list_neighbours(index)
        return sorted([member for member in near if member in members] + [index] * itself)

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
