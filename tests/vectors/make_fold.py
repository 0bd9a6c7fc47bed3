"""Make the vectors of the fold: a whole log, and the digest of the state that it comes to, or the rule of its last entry.

Each bad log is one of which all entries but the last are accepted.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vectorfiles import Case, bad, valid, write

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from chain import Chain, key_of, member_of

from hansa.coalition import (
    Ballot,
    Body,
    Key,
    Leave,
    Tick,
    draft_handover,
    possession_message,
    read_handover,
    write_acknowledgement,
)
from hansa.errors import Malformed, Refused
from hansa.transparency import Envelope, Leaf, Signature, encode_base64

ADDRESS = "https://hub.example:8443"


def joined() -> Chain:
    chain = Chain()
    chain.admit(member_of("eve"))
    return chain


def new_key(chain: Chain, member: str, seed: str, name: str = "", role: str = "") -> Key:
    message = possession_message(chain.state.coalition, member, name, role)
    return Key(
        act="grant" if role else "rotate",
        name=name,
        role=role,
        key=key_of(seed).public.encode(),
        proof=encode_base64(key_of(seed).sign(message)),
    )


def delegated() -> Chain:
    chain = Chain()
    for role in ("viewer", "representative", "data-steward"):
        chain.say("ada", new_key(chain, "ada", role, f"a-{role}", role))
    return chain


def revoked() -> Chain:
    chain = delegated()
    chain.say("ada", Key(act="revoke", name="a-representative", role="", key="", proof=""))
    return chain


def rotated() -> Chain:
    chain = Chain()
    chain.say("ada", new_key(chain, "ada", "second"))
    return chain


def handover(chain: Chain, *signers: str, **changes: Any) -> Envelope:
    """Write a handover by ada, signed by `signers` and the new log key, but for the changes to what it says."""
    draft = draft_handover(
        chain.state, author="ada", key=key_of("ada"), log_key=key_of("new log").public, addresses=[ADDRESS]
    )
    body = read_handover(draft).model_copy(update=changes)
    return chain.write("ada", body, keys=tuple(map(key_of, (*signers, "new log"))))


def forged(chain: Chain) -> Envelope:
    envelope = handover(chain, "ada", "bob", "cyd")
    first, second, *rest = envelope.signatures
    return Envelope(
        envelope.payload_type, envelope.payload, (Signature(first.keyid, second.sig), second, *rest)
    )


def say(member: str, body: Callable[[Chain], Body] | Body, *seeds: str) -> Callable[[Chain], Envelope]:
    def written(chain: Chain) -> Envelope:
        said = body(chain) if callable(body) else body
        return chain.write(member, said, keys=tuple(key_of(seed) for seed in seeds or (member,)))

    return written


def acknowledgement(**changes: Any) -> Callable[[Chain], Body]:
    return lambda chain: write_acknowledgement(chain.state, "eve").model_copy(update=changes)


NOBODYS = Ballot(proposal="ab" * 32, choice="yes", reason="")
LAST: list[tuple[str, str, Callable[[], Chain], Callable[[Chain], Envelope]]] = [
    (
        "acknowledged",
        "a newcomer acknowledges the state after its admission",
        joined,
        say("eve", acknowledgement()),
    ),
    (
        "left-before",
        "who is admitted leaves before it has acknowledged",
        joined,
        say("eve", Leave(reason="")),
    ),
    ("silent", "who has not acknowledged says something else", joined, say("eve", Tick())),
    ("other-state", "another state than everybody's", joined, say("eve", acknowledgement(state="ab" * 32))),
    ("other-size", "a state at another size", joined, say("eve", acknowledgement(size=2))),
    ("twice", "a founder has nothing to acknowledge", joined, say("ada", acknowledgement())),
    (
        "granted",
        "a key is granted a role",
        Chain,
        say("bob", lambda chain: new_key(chain, "bob", "clara", "clara", "viewer")),
    ),
    ("spoken", "a representative's key signs", delegated, say("ada", Tick(), "representative")),
    ("viewer", "a viewer's key signs", delegated, say("ada", Tick(), "viewer")),
    ("steward", "a data steward's key votes", delegated, say("ada", NOBODYS, "data-steward")),
    ("revoked", "a revoked key signs", revoked, say("ada", Tick(), "representative")),
    (
        "elsewhere",
        "a delegated key signs for another member",
        delegated,
        say("bob", Tick(), "representative"),
    ),
    (
        "name-again",
        "a name is granted again after it was revoked",
        revoked,
        say("ada", lambda chain: new_key(chain, "ada", "fresh", "a-representative", "viewer")),
    ),
    (
        "no-possession",
        "a key whose holder signed another role",
        Chain,
        say(
            "ada",
            lambda chain: new_key(chain, "ada", "clara", "clara", "viewer").model_copy(
                update={"role": "representative"}
            ),
        ),
    ),
    (
        "somebodys",
        "a key that is a member's",
        Chain,
        say("ada", lambda chain: new_key(chain, "ada", "bob", "clara", "viewer")),
    ),
    (
        "unknown-name",
        "a name that nobody was granted",
        Chain,
        say("ada", Key(act="revoke", name="clara", role="", key="", proof="")),
    ),
    ("rotated", "the new main key signs", rotated, say("ada", Tick(), "second")),
    ("retired", "the old main key signs after a rotation", rotated, say("ada", Tick())),
    (
        "handed-over",
        "three of four members hand the log over",
        Chain,
        lambda chain: handover(chain, "ada", "bob", "cyd"),
    ),
    ("too-few", "two of four members do not", Chain, lambda chain: handover(chain, "ada", "bob")),
    (
        "stranger",
        "one who is not a member signs too",
        Chain,
        lambda chain: handover(chain, "ada", "bob", "cyd", "eve"),
    ),
    ("unsigned", "its author did not sign", Chain, lambda chain: handover(chain, "bob", "cyd", "dan")),
    ("forged", "a signature is another one's", Chain, forged),
    (
        "other-log",
        "the root is another log's",
        Chain,
        lambda chain: handover(chain, "ada", "bob", "cyd", root="ab" * 32),
    ),
    (
        "too-late",
        "there are more entries by now",
        rotated,
        lambda chain: handover(chain, "ada", "bob", "cyd", size=1),
    ),
    (
        "old-key",
        "the new key is the one that the log has",
        Chain,
        lambda chain: handover(chain, "ada", "bob", "cyd", key=key_of("log").public.encode()),
    ),
]


def cases() -> Iterator[Case]:
    for name, what, begin, end in LAST:
        chain = begin()
        envelope = end(chain)
        leaves = [leaf.decode() for leaf in (*chain.leaves, Leaf(chain.at, envelope).encode())]
        try:
            chain.take(envelope)
        except (Refused, Malformed) as error:
            yield bad(error.rule, name, what, leaves=leaves)
        else:
            yield valid(name, what, leaves=leaves, state=chain.state.digest)


if __name__ == "__main__":
    write("fold", cases())
