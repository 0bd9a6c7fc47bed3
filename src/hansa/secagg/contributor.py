"""A member's side of one secure sum: bytes in, bytes out, one legal move at a time.

| next move | on receiving | sends | then |
| --- | --- | --- | --- |
| advertise | (`start`) | advert | share |
| share | roster | shares | mask |
| mask | delivery | masked | consent |
| consent | survivors | consent | reveal |
| reveal | consents | reveal | done |

Members may vanish at any move. The roster is which of this member's neighbours' adverts arrived in time,
the delivery whose shares did, and only those two members have a mask between them who are in the
delivery. Each list holds at least as many as the session requires, and each is a part of the one before.

Anything else ends the machine: it answers nothing more, which makes this member one that vanished. Each
move begins by assuming that it fails.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from hansa.errors import Malformed, Refused
from hansa.secagg.dealing import count_drawn_bytes, deal_secrets
from hansa.secagg.field import encode_element
from hansa.secagg.graph import as_bits
from hansa.secagg.header import HUB, Kind, verify_header
from hansa.secagg.masking import commit_to_seed, derive_self_mask
from hansa.secagg.message import (
    Box,
    Reveal,
    RevealedShare,
    Secret,
    Shares,
    Survivors,
    parse_consents,
    parse_delivery,
    parse_roster,
    parse_survivors,
)
from hansa.secagg.outgoing import Outgoing
from hansa.secagg.pairing import Pair, agree_pair, salt_self
from hansa.secagg.sealing import HeldShares, open_shares, seal_shares
from hansa.secagg.session import Session
from hansa.secagg.statement import (
    Advert,
    Consent,
    Masked,
    digest_dealers,
)
from hansa.secagg.survival import verify_survivors
from hansa.secagg.tagging import derive_tag_key


class Step(Enum):
    """The move that a contributor makes next."""

    ADVERTISE = "advertise"
    SHARE = "share"
    MASK = "mask"
    CONSENT = "consent"
    REVEAL = "reveal"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class _Move:
    """A row of the table above."""

    awaits: Kind
    make: Callable[["Contributor", bytes], bytes]
    then: Step


class Contributor:
    """One member in one secure sum.

    Args:
        session: what this member's own copy of the record says about the sum.
        me: this member's id.
        sign: signs bytes with this member's Ed25519 identity key; called three times, with labelled bytes.
        draw: returns so many fresh random bytes; called twice.
        threads: how many parts of long numbers are masked at the same time; changes nothing but the time.

    Raises:
        Refused: `secagg.unknown-member`, this member is not in the cohort.
    Guarantees:
        Nothing leaves but the five messages of the table, each once, in order.
        Of every member at most one of its two secrets' shares is ever revealed, and none before a quorum
        of survivors has signed the same survivor set.
    Source: Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine
        learning", figure 4, with the additions for a malicious server; the neighbours of Bell et al. 2020.
    """

    def __init__(
        self,
        session: Session,
        me: str,
        *,
        sign: Callable[[bytes], bytes],
        draw: Callable[[int], bytes],
        threads: int = 1,
    ) -> None:
        if me not in session.indices:
            raise Refused("secagg.unknown-member", f"`{me}` is not in the cohort of this sum")
        self.step = Step.ADVERTISE
        self._session = session
        self._me = session.indices[me]
        self._sign = sign
        self._draw = draw
        self._threads = threads
        self._outgoing: Outgoing | None = None
        self._survivors: Survivors | None = None

    @property
    def survivors(self) -> tuple[str, ...]:
        """Members whose numbers are in the total, by the set that this member signed.

        Raises:
            RuntimeError: no survivor set was signed yet.
        """
        if self._survivors is None:
            raise RuntimeError("the secure sum has no survivors yet")
        return tuple(self._name(index) for index in self._survivors.survivors)

    def start(self) -> bytes:
        """Draw the keys of this sum and advertise them.

        Returns:
            The message `advert`, signed.

        Raises:
            Malformed: `secagg.turn`, the machine was started before.
        """
        if self.step is not Step.ADVERTISE:
            raise Malformed("secagg.turn", "this secure sum was started before; keys are advertised once")
        self.step = Step.FAILED
        drawn = self._draw_exactly(96)
        self._mask_key = X25519PrivateKey.from_private_bytes(drawn[:32])
        self._channel_key = X25519PrivateKey.from_private_bytes(drawn[32:64])
        self._seed = drawn[64:]
        advert = Advert(
            session=self._session.digest,
            sender=self._me,
            mask_key=self._mask_key.public_key().public_bytes_raw(),
            channel_key=self._channel_key.public_key().public_bytes_raw(),
            commitment=commit_to_seed(self._seed, self._session.digest),
        )
        self._advert = replace(advert, signature=self._sign(advert.statement.signed_bytes))
        self.step = Step.SHARE
        return self._advert.encode()

    def contribute(self, vector: NDArray[np.int64] | NDArray[np.uint64]) -> None:
        """Give the machine the numbers of this member; due before the shares of the others arrive.

        Args:
            vector: shape (length,), int64 or uint64; copied.

        Raises:
            Refused: `secagg.input`, another type of number, or a second vector; `secagg.length`, another
                shape; `secagg.range`, a magnitude at which the total of the cohort could overflow.
        Guarantees:
            A refused vector changes nothing.
        """
        if self.step not in {Step.ADVERTISE, Step.SHARE, Step.MASK} or self._outgoing is not None:
            raise Refused("secagg.input", "a member contributes one vector, before its masked numbers leave")
        if vector.dtype not in (np.int64, np.uint64):
            raise Refused("secagg.input", f"a secure sum adds 64-bit integers, got `{vector.dtype}`")
        if vector.shape != (self._session.length,):
            raise Refused(
                "secagg.length", f"expected {self._session.length:,} numbers, got the shape {vector.shape}"
            )
        self._outgoing = Outgoing(vector, self._session.number_bits, self._session.largest_value)

    def receive(self, message: bytes) -> bytes:
        """Take the hub's next message and make the next move.

        Args:
            message: what the hub sent.

        Returns:
            The message to send back.

        Raises:
            Malformed: the message is wrong; the rule says how. `secagg.ended`: the machine is done or
                failed before.
            Refused: `secagg.input`, no vector was contributed in time; `secagg.dropout`, too few members
                are left to hide each of them.
        Guarantees:
            After any failure the machine sends nothing more.
        """
        if self.step in {Step.DONE, Step.FAILED}:
            raise Malformed(
                "secagg.ended", f"this secure sum is over ({self.step.value}); try again with a new one"
            )
        if self.step is Step.ADVERTISE:
            raise Malformed("secagg.turn", "the hub sent a message before this member advertised its keys")
        move = self._MOVES[self.step]
        self.step = Step.FAILED  # INVARIANT: failed unless the whole move succeeds
        verify_header(message, kind=move.awaits, session=self._session.digest, sender=HUB)
        answer = move.make(self, message)
        self.step = move.then
        return answer

    def _share(self, message: bytes) -> bytes:
        roster = parse_roster(message)
        # 1. Nobody but our neighbours is there, enough of them, and our own keys are ours.
        near = {self._me, *self._session.topology.list_neighbours(self._me)}
        self._verify_part([advert.sender for advert in roster.adverts], near, "the roster")
        self._verify_count(len(roster.adverts), self._session.required_nearby, "the roster")
        if self._advert not in roster.adverts:
            raise Malformed("secagg.own", "the hub changed or left out this member's own advert")
        # 2. Identity keys from the record signed every advert.
        for advert in roster.adverts:
            if advert.sender != self._me and not self._session.cohort[advert.sender].is_signed(
                advert.signature, advert.statement.signed_bytes
            ):
                raise Malformed(
                    "secagg.signature", f"`{self._name(advert.sender)}` did not sign the advert in its name"
                )
        # 3. No key serves twice.
        keys = [key for advert in roster.adverts for key in (advert.mask_key, advert.channel_key)]
        if len(set(keys)) != len(keys):
            raise Malformed("secagg.key", "the roster holds the same key twice")
        # 4. Agree with the hub on a tag's key, with each neighbour on a mask and a box in each direction.
        self._hub_key = roster.hub_key
        try:
            self._tag_key = derive_tag_key(self._channel_key, roster.hub_key, self._advert, roster.hub_key)
        except Malformed as error:
            raise Malformed(error.rule, f"the hub: {error.message}") from None
        self._pairs: dict[int, Pair] = {}
        for advert in roster.adverts:
            if advert.sender == self._me:
                continue
            try:
                self._pairs[advert.sender] = agree_pair(
                    self._mask_key, self._channel_key, self._advert, advert
                )
            except Malformed as error:
                raise Malformed(error.rule, f"`{self._name(advert.sender)}`: {error.message}") from None
        self._self_mask = derive_self_mask(self._seed, salt_self(self._advert), self._me, adds=True)
        # 5. Share both secrets among the neighbourhood.
        boxes = self._deal()
        del self._mask_key, self._channel_key, self._seed
        return Shares(self._session.digest, self._me, boxes).encode()

    def _deal(self) -> tuple[Box, ...]:
        drawn = self._draw_exactly(count_drawn_bytes(self._session.threshold))
        shares = deal_secrets(self._seed, self._mask_key.private_bytes_raw(), drawn, (self._me, *self._pairs))
        self._held: dict[int, HeldShares] = {self._me: shares[self._me]}
        return tuple(
            Box(other, seal_shares(pair.sealing_key, pair.salt, self._me, other, shares[other]))
            for other, pair in self._pairs.items()
        )

    def _mask(self, message: bytes) -> bytes:
        delivery = parse_delivery(message)
        # 1. For us, one box from each of enough others of the roster.
        if delivery.recipient != self._me:
            raise Malformed("secagg.recipient", "the hub delivered another member's shares")
        self._verify_part([box.member for box in delivery.boxes], self._pairs, "the delivery")
        self._verify_count(
            len(delivery.boxes) + 1, self._session.required_nearby, "the delivery, with this member,"
        )
        # 2. Every box opens under the key of its pair, and holds two shares.
        for box in delivery.boxes:
            pair = self._pairs[box.member]
            try:
                self._held[box.member] = open_shares(
                    pair.opening_key, pair.salt, box.member, self._me, box.sealed
                )
            except Malformed as error:
                raise Malformed(
                    error.rule, f"shares from `{self._name(box.member)}`: {error.message}"
                ) from None
        # 3. Only now do numbers leave, under our own mask and one with each neighbour that dealt.
        outgoing = self._outgoing
        if outgoing is None:
            raise Refused("secagg.input", "this member has contributed no numbers")
        masks = [self._self_mask, *(self._pairs[dealer].mask for dealer in self._held if dealer != self._me)]
        dealers = digest_dealers(as_bits(self._held))
        masked = Masked(self._session.digest, self._me, self._session.length, b"", dealers, b"")
        masked = outgoing.mask(masks, masked, self._tag_key, self._sign, threads=self._threads)
        self._masked_digest = masked.statement.digest
        self._outgoing = None
        del self._pairs, self._self_mask, self._tag_key
        return outgoing.encode()

    def _consent(self, message: bytes) -> bytes:
        survivors = parse_survivors(message)
        self._verify_survivors(survivors)
        self._survivors = survivors
        consent = Consent(
            session=self._session.digest,
            sender=self._me,
            survivors=survivors.digest(self._hub_key),
            masked=self._masked_digest,
        )
        self._own_consent = replace(consent, signature=self._sign(consent.statement.signed_bytes))
        return self._own_consent.encode()

    def _verify_survivors(self, survivors: Survivors) -> None:
        verify_survivors(self._session, self._me, as_bits(self._held), survivors)

    def _reveal(self, message: bytes) -> bytes:
        consents = parse_consents(message).consents
        if self._survivors is None:
            raise RuntimeError("a reveal comes after a consent")
        agreed = self._survivors.digest(self._hub_key)
        alive = set(self._survivors.survivors)
        # 1. Survivors alone are heard, as many as must agree, and our own consent is ours.
        self._verify_part([consent.sender for consent in consents], alive, "the list of consents")
        self._verify_count(len(consents), self._session.quorum, "the list of consents")
        if self._own_consent not in consents:
            raise Malformed("secagg.own", "the hub changed or left out this member's own consent")
        # 2. Each signed, and signed the same set under the same key of the hub.
        for consent in consents:
            name = self._name(consent.sender)
            if consent.sender == self._me:
                continue
            if not self._session.cohort[consent.sender].is_signed(
                consent.signature, consent.statement.signed_bytes
            ):
                raise Malformed("secagg.signature", f"`{name}` did not sign the consent in its name")
            if consent.survivors != agreed:
                raise Malformed("secagg.set", f"`{name}` consented to another survivor set or key of the hub")
        # 3. One secret of each member: the seed of those who stayed, the key of those who went.
        shares = tuple(
            RevealedShare(owner, Secret.SELF_SEED, encode_element(held.self_seed))
            if owner in alive
            else RevealedShare(owner, Secret.MASK_KEY, encode_element(held.mask_key))
            for owner, held in sorted(self._held.items())
        )
        del self._held
        return Reveal(self._session.digest, self._me, shares).encode()

    def _verify_part(self, members: Sequence[int], whole: Container[int], what: str) -> None:
        """Check that everybody in a list belongs to those it may name."""
        if members and members[-1] >= len(self._session.cohort):
            raise Malformed("secagg.unknown-member", f"{what} names somebody outside the cohort")
        for member in members:
            if member not in whole:
                raise Malformed("secagg.cohort", f"{what} has no place for `{self._name(member)}`")

    def _verify_count(self, count: int, required: int, what: str) -> None:
        if count < required:
            raise Refused("secagg.dropout", f"{what} holds {count} members, this sum asks for {required}")

    def _draw_exactly(self, size_bytes: int) -> bytes:
        drawn = self._draw(size_bytes) if size_bytes else b""
        if len(drawn) != size_bytes:
            raise ValueError(f"`draw` returned {len(drawn)} bytes, asked for {size_bytes}")
        return drawn

    def _name(self, index: int) -> str:
        return self._session.cohort[index].id

    _MOVES: ClassVar[Mapping[Step, _Move]] = MappingProxyType(
        {
            Step.SHARE: _Move(Kind.ROSTER, _share, Step.MASK),
            Step.MASK: _Move(Kind.DELIVERY, _mask, Step.CONSENT),
            Step.CONSENT: _Move(Kind.SURVIVORS, _consent, Step.REVEAL),
            Step.REVEAL: _Move(Kind.CONSENTS, _reveal, Step.DONE),
        }
    )
