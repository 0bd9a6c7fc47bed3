"""Secure sums: many members' numbers in, their total out, and nothing else to read.

Double masking after Bonawitz et al. 2017 in the variant for a malicious server, over integers modulo 2^64
or 2^32, with the neighbours of Bell et al. 2020 for large cohorts.
The parties are machines without sockets: bytes in, bytes out, legal moves in a table (`contributor`,
`aggregator`). Every byte is described in `docs/formats/secure-sum.md`.

Members may vanish at any move: the total is that of the survivors, who are named, or there is none.

This room never reads a clock, a file or a generator (randomness is an argument), never knows what the
numbers mean or why they are summed, and never takes the hub's word for who takes part: a `Session` is
built by each party from its own copy of the record.

    >>> import numpy as np
    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> from hansa.entropy import draw
    >>> from hansa.secagg import Aggregator, Contributor, Party, Session
    >>> keys = {name: Ed25519PrivateKey.from_private_bytes(draw(32)) for name in ("alder", "birch", "cedar")}
    >>> session = Session(
    ...     coalition=bytes(32), run=bytes(32), round=0, attempt=0,
    ...     cohort=tuple(Party(name, key.public_key().public_bytes_raw()) for name, key in keys.items()),
    ...     threshold=3, minimum_cohort=3, length=2, question=bytes(32))
    >>> members = {name: Contributor(session, name, sign=key.sign, draw=draw) for name, key in keys.items()}
    >>> for member in members.values():
    ...     member.contribute(np.array([1, -20]))
    >>> hub = Aggregator(session, draw=draw)
    >>> answers = {name: member.start() for name, member in members.items()}
    >>> while answers:
    ...     for name, answer in answers.items():
    ...         hub.receive(name, answer)
    ...     answers = {name: members[name].receive(message) for name, message in hub.broadcast().items()}
    >>> hub.survivors, hub.total.tolist()
    (('alder', 'birch', 'cedar'), [3, -60])
"""

from hansa.secagg.aggregator import Aggregator
from hansa.secagg.contributor import Contributor, Step
from hansa.secagg.evidence import Conflict
from hansa.secagg.header import Kind
from hansa.secagg.quantising import Quantiser
from hansa.secagg.session import LARGEST_COHORT, LARGEST_LENGTH, SMALLEST_COHORT, Party, Session
from hansa.secagg.statement import Statement

__all__ = [
    "LARGEST_COHORT",
    "LARGEST_LENGTH",
    "SMALLEST_COHORT",
    "Aggregator",
    "Conflict",
    "Contributor",
    "Kind",
    "Party",
    "Quantiser",
    "Session",
    "Statement",
    "Step",
]
