"""What all parties of one secure sum know beforehand, and the digest that binds every byte to it.

A session is built by each party alone, from the record and the approved plan, never from what the hub
says. A session that would protect nobody cannot be built: its bounds are checked here, before any
machine exists and therefore before anything leaves.
"""

import re
import struct
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hansa.errors import Refused
from hansa.secagg.graph import Graph

SMALLEST_COHORT: Final = 3
"""A sum over two tells each of them the other's value."""

LARGEST_COHORT: Final = 1_024
"""Everybody looks at everybody's consent; beyond this the consents would outgrow the numbers."""

LARGEST_LENGTH: Final = 2**28
"""Numbers in one sum; 2 GiB."""

_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_COHORT_LABEL: Final = b"hansa/v1/secure-sum/cohort\n"
_SESSION_LABEL: Final = b"hansa/v1/secure-sum/session\n"


@dataclass(frozen=True)
class Party:
    """One member of the cohort.

    Args:
        id: the member's id on the record.
        key: the raw Ed25519 identity key, 32 bytes. Weak keys are refused where keys enter the
            record, so they are not looked for again here.
    """

    id: str
    key: bytes

    def __post_init__(self) -> None:
        if _SLUG.fullmatch(self.id) is None:
            raise ValueError(f"a member id is a slug, got `{self.id}`")
        if len(self.key) != 32:
            raise ValueError(f"an identity key has 32 bytes, got {len(self.key)}")

    def is_signed(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this party signed `message`."""
        try:
            self._verifier.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.key)


@dataclass(frozen=True)
class Session:
    """One secure sum: who, for what, how many numbers, and which attempt.

    Args:
        coalition: 32 bytes that name the coalition.
        run: 32 bytes that name the approved run.
        round: the round of the run, from 0.
        attempt: the attempt at this round, from 0. The three together are used once.
        cohort: the parties, strictly ascending by id.
        threshold: shares that recover a secret. In a complete graph more than half of the cohort, at most
            all of it; in a sparse one odd, at least 3 and at most `degree + 1`.
        minimum_cohort: what the plan asks for, at least 3; in a sparse graph more than half of the cohort.
        length: how many integers are summed, from 1.
        question: SHA-256 over everything public the answers depend on, the scale of the numbers
            included.
        degree: neighbours of each member; 0 when all are neighbours of all.
        graph: 32 public bytes that nobody chose alone, from which neighbours are drawn.
        number_bits: bits of the integers and of the modulus, 32 or 64.

    Raises:
        Refused: `secagg.cohort`, `secagg.minimum-cohort`, `secagg.degree`, `secagg.threshold` or
            `secagg.length`, when the sum would not protect its contributors.
        ValueError: a digest or seed has not 32 bytes, a counter is not an unsigned 32-bit integer, or
            integers have another size.
    """

    coalition: bytes
    run: bytes
    round: int
    attempt: int
    cohort: tuple[Party, ...]
    threshold: int
    minimum_cohort: int
    length: int
    question: bytes
    degree: int = 0
    graph: bytes = bytes(32)
    number_bits: Literal[32, 64] = 64

    def __post_init__(self) -> None:
        for name in ("coalition", "run", "question", "graph"):
            if len(getattr(self, name)) != 32:
                raise ValueError(f"`{name}` must have 32 bytes")
        for name in ("round", "attempt"):
            if not 0 <= getattr(self, name) < 2**32:
                raise ValueError(f"`{name}` must be an unsigned 32-bit integer")
        if self.number_bits not in {32, 64}:
            raise ValueError(f"integers have 32 or 64 bits, got {self.number_bits}")
        # 1. A cohort has one spelling, and every party in it is another one.
        ids = [party.id for party in self.cohort]
        if any(left >= right for left, right in pairwise(ids)):
            raise Refused("secagg.cohort", "the cohort must be sorted by member id, each member once")
        if len({party.key for party in self.cohort}) != len(ids):
            raise Refused("secagg.cohort", "two members of the cohort have the same identity key")
        if len(ids) > LARGEST_COHORT:
            raise Refused(
                "secagg.cohort", f"a cohort has at most {LARGEST_COHORT:,} members, got {len(ids):,}"
            )
        # 2. Enough parties that a total hides each of them.
        if self.minimum_cohort < SMALLEST_COHORT:
            raise Refused(
                "secagg.minimum-cohort",
                f"a sum needs a minimum cohort of at least {SMALLEST_COHORT}, the plan says {self.minimum_cohort}",
            )
        if len(ids) < self.minimum_cohort:
            raise Refused(
                "secagg.minimum-cohort",
                f"the cohort has {len(ids)} members, the plan asks for at least {self.minimum_cohort}",
            )
        # 3. Nobody can be recovered twice.
        if self.degree:
            self._verify_sparse()
        elif not len(ids) < 2 * self.threshold <= 2 * len(ids):
            raise Refused(
                "secagg.threshold",
                f"the threshold must be more than half of the {len(ids)} members and at most all, got {self.threshold}",
            )
        # 4. Something to sum that fits a message.
        if not 1 <= self.length <= LARGEST_LENGTH:
            raise Refused("secagg.length", f"a sum has 1 to {LARGEST_LENGTH:,} numbers, got {self.length:,}")

    def _verify_sparse(self) -> None:
        """Check the bounds of a graph in which not all are neighbours."""
        count = len(self.cohort)
        if self.degree % 2 or not 2 <= self.degree <= count - 2:
            raise Refused(
                "secagg.degree",
                f"each of {count} members has 0 (all others) or an even number of neighbours from 2 to {count - 2}, got {self.degree}",
            )
        if self.threshold % 2 == 0 or not 3 <= self.threshold <= self.degree + 1:
            raise Refused(
                "secagg.threshold",
                f"with {self.degree} neighbours the threshold is odd and from 3 to {self.degree + 1}, got {self.threshold}",
            )
        if 2 * self.minimum_cohort <= count:
            raise Refused(
                "secagg.minimum-cohort",
                f"a sparse graph needs more than half of the {count} members in every total, the plan says {self.minimum_cohort}",
            )

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that bind every field; carried by every message."""
        cohort = b"".join(bytes((len(party.id),)) + party.id.encode() + party.key for party in self.cohort)
        counters = struct.pack(
            "<IIHHHBQ",
            self.round,
            self.attempt,
            self.threshold,
            self.minimum_cohort,
            self.degree,
            self.number_bits,
            self.length,
        )
        return sha256(
            _SESSION_LABEL
            + self.coalition
            + self.run
            + counters
            + self.graph
            + self.question
            + sha256(_COHORT_LABEL + cohort).digest()
        ).digest()

    @cached_property
    def indices(self) -> dict[str, int]:
        """Position in the cohort by member id; messages name members by it."""
        return {party.id: index for index, party in enumerate(self.cohort)}

    @property
    def required(self) -> int:
        """Members that must be left for a total: the larger of threshold and minimum cohort."""
        return max(self.threshold, self.minimum_cohort)

    @property
    def quorum(self) -> int:
        """Members that must sign the survivor set before anything is revealed."""
        return self.required if self.degree else self.threshold

    @property
    def required_nearby(self) -> int:
        """Members that must be left of a neighbourhood, its owner included, before its numbers leave."""
        return self.threshold if self.degree else self.required

    @property
    def required_in_window(self) -> int:
        """Members that must be left in each window of the circle; in a complete graph all are in one window."""
        return (self.threshold - 1) // 2 if self.degree else self.required

    @cached_property
    def topology(self) -> Graph:
        """Who is whose neighbour."""
        return Graph(len(self.cohort), self.degree, self.graph)

    @property
    def largest_value(self) -> int:
        """The magnitude up to which one party's integers cannot overflow the total.

        That is floor((2^63 - 1) / n), or floor((2^31 - 1) / n) for integers of 32 bits.
        """
        return ((1 << (self.number_bits - 1)) - 1) // len(self.cohort)
