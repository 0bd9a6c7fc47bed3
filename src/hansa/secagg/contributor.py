"""A member's side of one secure sum: bytes in, bytes out, one legal move at a time.

| next move | on receiving | sends | then |
| --- | --- | --- | --- |
| advertise | (`start`) | advert | share |
| share | roster | shares | mask |
| mask | delivery | masked | consent |
| consent | survivors | consent | reveal |
| reveal | consents | reveal | done |

Members may vanish at any move. The roster is whose adverts arrived in time, the delivery whose shares
did, and only those two members have a mask between them who are in the delivery. Each list holds at least
as many as the session requires, and each is a part of the one before.

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
from hansa.secagg.agreement import agree_secret
from hansa.secagg.field import WIDE_BYTES, encode_element, reduce_wide
from hansa.secagg.header import HUB, Kind, verify_header
from hansa.secagg.masking import (
    Mask,
    Numbers,
    apply_masks,
    commit_to_seed,
    derive_pair_mask,
    derive_self_mask,
)
from hansa.secagg.message import (
    Advert,
    Box,
    Consent,
    Masked,
    Reveal,
    RevealedShare,
    Roster,
    Secret,
    Shares,
    Survivors,
    parse_consents,
    parse_delivery,
    parse_roster,
    parse_survivors,
)
from hansa.secagg.sealing import HeldShares, derive_box_key, open_shares, seal_shares
from hansa.secagg.session import Session
from hansa.secagg.shamir import split_secret


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

    Raises:
        Refused: `secagg.unknown-member`, this member is not in the cohort.
    Guarantees:
        Nothing leaves but the five messages of the table, each once, in order.
        Of every member at most one of its two secrets' shares is ever revealed, and none before as many
        survivors as the threshold have signed the same survivor set.
    Source: Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine
        learning", figure 4, with the additions for a malicious server.
    """

    def __init__(
        self,
        session: Session,
        me: str,
        *,
        sign: Callable[[bytes], bytes],
        draw: Callable[[int], bytes],
    ) -> None:
        if me not in session.indices:
            raise Refused("secagg.unknown-member", f"`{me}` is not in the cohort of this sum")
        self.step = Step.ADVERTISE
        self._session = session
        self._me = session.indices[me]
        self._sign = sign
        self._draw = draw
        self._numbers: Numbers | None = None
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
        self._mask_key, self._channel_key, self._seed = drawn[:32], drawn[32:64], drawn[64:]
        advert = Advert(
            session=self._session.digest,
            sender=self._me,
            mask_key=_public_key(self._mask_key),
            channel_key=_public_key(self._channel_key),
            commitment=commit_to_seed(self._seed, self._session.digest),
        )
        self._advert = replace(advert, signature=self._sign(advert.signed_bytes))
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
        if self.step not in {Step.ADVERTISE, Step.SHARE, Step.MASK} or self._numbers is not None:
            raise Refused("secagg.input", "a member contributes one vector, before its masked numbers leave")
        if vector.dtype not in (np.int64, np.uint64):
            raise Refused("secagg.input", f"a secure sum adds 64-bit integers, got `{vector.dtype}`")
        if vector.shape != (self._session.length,):
            raise Refused(
                "secagg.length", f"expected {self._session.length:,} numbers, got the shape {vector.shape}"
            )
        limit = self._session.largest_value
        if int(vector.max()) > limit or int(vector.min()) < -limit:
            raise Refused(
                "secagg.range", f"a number is larger in magnitude than {limit}, the total could overflow"
            )
        self._numbers = vector.astype(np.uint64)

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
        # 1. Nobody but the cohort is there, enough of it, and our own keys are ours.
        cohort = range(len(self._session.cohort))
        self._verify_part([advert.sender for advert in roster.adverts], cohort, "the roster")
        self._verify_count(len(roster.adverts), self._session.required, "the roster")
        if self._advert not in roster.adverts:
            raise Malformed("secagg.own", "the hub changed or left out this member's own advert")
        # 2. Identity keys from the record signed every advert.
        for advert in roster.adverts:
            if advert.sender != self._me and not self._session.cohort[advert.sender].is_signed(
                advert.signature, advert.signed_bytes
            ):
                raise Malformed(
                    "secagg.signature", f"`{self._name(advert.sender)}` did not sign the advert in its name"
                )
        # 3. No key serves twice.
        keys = [key for advert in roster.adverts for key in (advert.mask_key, advert.channel_key)]
        if len(set(keys)) != len(keys):
            raise Malformed("secagg.key", "the roster holds the same key twice")
        # 4. Agree with each other member, on a mask and on a box in each direction.
        self._roster = roster.digest
        sealing_keys = self._agree(roster)
        # 5. Share both secrets.
        boxes = self._deal(sealing_keys)
        del self._mask_key, self._channel_key, self._seed
        return Shares(self._session.digest, self._me, boxes).encode()

    def _agree(self, roster: Roster) -> Mapping[int, bytes]:
        mask_key = X25519PrivateKey.from_private_bytes(self._mask_key)
        channel_key = X25519PrivateKey.from_private_bytes(self._channel_key)
        self._masks: dict[int, Mask] = {
            self._me: derive_self_mask(self._seed, self._roster, self._me, adds=True)
        }
        self._opening_keys: dict[int, bytes] = {}
        sealing_keys: dict[int, bytes] = {}
        for advert in roster.adverts:
            other = advert.sender
            if other == self._me:
                continue
            try:
                mask_secret = agree_secret(mask_key, advert.mask_key)
                channel_secret = agree_secret(channel_key, advert.channel_key)
            except Malformed as error:
                raise Malformed(error.rule, f"`{self._name(other)}`: {error.message}") from None
            self._masks[other] = derive_pair_mask(mask_secret, self._roster, self._me, other)
            sealing_keys[other] = derive_box_key(channel_secret, self._roster, self._me, other)
            self._opening_keys[other] = derive_box_key(channel_secret, self._roster, other, self._me)
        return sealing_keys

    def _deal(self, sealing_keys: Mapping[int, bytes]) -> tuple[Box, ...]:
        degree = self._session.threshold - 1
        coefficients = reduce_wide(self._draw_exactly(2 * degree * WIDE_BYTES))
        holders = (self._me, *sealing_keys)
        points = [holder + 1 for holder in holders]
        seeds = split_secret(int.from_bytes(self._seed, "little"), coefficients[:degree], points)
        keys = split_secret(int.from_bytes(self._mask_key, "little"), coefficients[degree:], points)
        shares = {
            holder: HeldShares(seed, key) for holder, seed, key in zip(holders, seeds, keys, strict=True)
        }
        self._held: dict[int, HeldShares] = {self._me: shares[self._me]}
        return tuple(
            Box(other, seal_shares(key, self._roster, self._me, other, shares[other]))
            for other, key in sealing_keys.items()
        )

    def _mask(self, message: bytes) -> bytes:
        delivery = parse_delivery(message)
        # 1. For us, one box from each of enough others of the roster.
        if delivery.recipient != self._me:
            raise Malformed("secagg.recipient", "the hub delivered another member's shares")
        self._verify_part([box.member for box in delivery.boxes], self._opening_keys, "the delivery")
        self._verify_count(len(delivery.boxes) + 1, self._session.required, "the delivery, with this member,")
        # 2. Every box opens under the key of its pair, and holds two shares.
        for box in delivery.boxes:
            try:
                self._held[box.member] = open_shares(
                    self._opening_keys[box.member], self._roster, box.member, self._me, box.sealed
                )
            except Malformed as error:
                raise Malformed(
                    error.rule, f"shares from `{self._name(box.member)}`: {error.message}"
                ) from None
        # 3. Only now do numbers leave, under our own mask and one with each member that dealt.
        if self._numbers is None:
            raise Refused("secagg.input", "this member has contributed no numbers")
        apply_masks(self._numbers, [self._masks[dealer] for dealer in self._held])
        numbers = self._numbers.astype("<u8", copy=False).view(np.uint8).data
        masked = Masked(self._session.digest, self._me, numbers)
        self._masked_digest = masked.digest
        answer = replace(masked, signature=self._sign(masked.signed_bytes)).encode()
        self._numbers = None
        del self._masks, self._opening_keys
        return answer

    def _consent(self, message: bytes) -> bytes:
        survivors = parse_survivors(message)
        self._verify_survivors(survivors)
        self._survivors = survivors
        consent = Consent(
            session=self._session.digest,
            sender=self._me,
            survivors=survivors.digest(self._roster),
            masked=self._masked_digest,
        )
        self._own_consent = replace(consent, signature=self._sign(consent.signed_bytes))
        return self._own_consent.encode()

    def _verify_survivors(self, survivors: Survivors) -> None:
        alive, dropped = set(survivors.survivors), set(survivors.dropped)
        count = len(self._session.cohort)
        # 1. The two lists part those whose shares we hold: nobody is in both, nobody in neither.
        if alive & dropped:
            names = ", ".join(f"`{self._name(index)}`" for index in sorted(alive & dropped))
            raise Malformed(
                "secagg.set", f"{names} is named both survivor and dropped: that asks for both secrets"
            )
        if max(alive | dropped, default=0) >= count:
            raise Malformed("secagg.unknown-member", "the survivor set names somebody outside the cohort")
        if alive | dropped != self._held.keys():
            raise Malformed("secagg.set", "the survivor set is not about the members that dealt shares")
        # 2. It counts us in, and enough others.
        if self._me not in alive:
            raise Malformed("secagg.set", "the survivor set leaves out this member, whose numbers were sent")
        self._verify_count(len(alive), self._session.required, "the survivor set")

    def _reveal(self, message: bytes) -> bytes:
        consents = parse_consents(message).consents
        if self._survivors is None:
            raise RuntimeError("a reveal comes after a consent")
        agreed = self._survivors.digest(self._roster)
        alive = set(self._survivors.survivors)
        # 1. Survivors alone are heard, as many as recover a secret, and our own consent is ours.
        self._verify_part([consent.sender for consent in consents], alive, "the list of consents")
        self._verify_count(len(consents), self._session.threshold, "the list of consents")
        if self._own_consent not in consents:
            raise Malformed("secagg.own", "the hub changed or left out this member's own consent")
        # 2. Each signed, and signed the same set under the same roster.
        for consent in consents:
            name = self._name(consent.sender)
            if consent.sender == self._me:
                continue
            if not self._session.cohort[consent.sender].is_signed(consent.signature, consent.signed_bytes):
                raise Malformed("secagg.signature", f"`{name}` did not sign the consent in its name")
            if consent.survivors != agreed:
                raise Malformed("secagg.set", f"`{name}` consented to another survivor set or roster")
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


def _public_key(private_key: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
