"""A whole secure sum in one process, with fixed randomness, that tests may stop and disturb anywhere."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import shake_256

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hansa.secagg import Aggregator, Contributor, Kind, Party, Session

NAMES = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel")


def make_draw(label: str) -> Callable[[int], bytes]:
    """Random bytes that depend on the label and on how often they were asked for."""
    calls = 0

    def draw(size_bytes: int) -> bytes:
        nonlocal calls
        calls += 1
        return shake_256(f"{label}/{calls}".encode()).digest(size_bytes)

    return draw


def make_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(shake_256(f"identity/{name}".encode()).digest(32))


def make_session(names=NAMES[:3], **changes) -> Session:
    fields = {
        "coalition": b"c" * 32,
        "run": b"r" * 32,
        "round": 4,
        "attempt": 0,
        "cohort": tuple(Party(name, make_key(name).public_key().public_bytes_raw()) for name in names),
        "threshold": len(names),
        "minimum_cohort": 3,
        "length": 2,
        "question": b"q" * 32,
    }
    return Session(**(fields | changes))


@dataclass
class Sum:
    """Members and a hub; `waiting` are the messages that were sent and not yet delivered."""

    session: Session
    keys: Mapping[str, Ed25519PrivateKey]
    members: dict[str, Contributor]
    hub: Aggregator
    waiting: Mapping[str, bytes] = field(default_factory=dict)
    seen: list[Mapping[str, bytes]] = field(default_factory=list)

    def contribute(self, vectors) -> "Sum":
        for member, vector in zip(self.members.values(), vectors, strict=True):
            member.contribute(np.asarray(vector))
        return self

    def start(self) -> "Sum":
        self.waiting = {name: member.start() for name, member in self.members.items()}
        return self

    def step(self) -> None:
        """Deliver what waits: from the members to the hub, or the other way round."""
        self.seen.append(dict(self.waiting))
        if self.kind % 2:
            for name, message in self.waiting.items():
                self.hub.receive(name, message)
            self.waiting = self.hub.broadcast()
        else:
            self.waiting = {
                name: self.members[name].receive(message) for name, message in self.waiting.items()
            }

    def vanish(self, *names) -> "Sum":
        """Let members send and receive nothing from now on."""
        self.waiting = {name: message for name, message in self.waiting.items() if name not in names}
        return self

    def run(self, until: Kind | None = None) -> "Sum":
        """Go on until messages of a kind are about to be delivered, or to the end."""
        while self.waiting and self.kind is not until:
            self.step()
        return self

    def copy(self) -> "Sum":
        """An independent copy; what a session and keys are is never changed, so they stay the same."""
        kept = {id(thing): thing for thing in (self.session, self.keys)}
        return copy.deepcopy(self, kept)

    @property
    def kind(self) -> Kind:
        return Kind(next(iter(self.waiting.values()))[5])


@pytest.fixture(scope="session")
def start_sum():
    """Build a sum with `vectors` (default: small ones), started, adverts waiting."""

    def start(vectors=None, *, names=None, label="draw", **changes) -> Sum:
        if vectors is None:
            vectors = [[10, -1], [20, -2], [30, -3]]
        names = names or NAMES[: len(vectors)]
        session = make_session(names, **({"length": len(vectors[0])} | changes))
        keys = {name: make_key(name) for name in names}
        members = {
            name: Contributor(
                session,
                name,
                sign=lambda message, key=key: key.sign(message),
                draw=make_draw(f"{label}/{name}"),
            )
            for name, key in keys.items()
        }
        return (
            Sum(session, keys, members, Aggregator(session, draw=make_draw(f"{label}/hub")))
            .contribute(vectors)
            .start()
        )

    return start


@pytest.fixture(scope="session")
def session_of():
    """Build a session from names and changed fields."""
    return make_session


@pytest.fixture(scope="session")
def key_of():
    """The identity key of a name."""
    return make_key


@pytest.fixture(scope="session")
def draw_of():
    """Fixed randomness for a label."""
    return make_draw
