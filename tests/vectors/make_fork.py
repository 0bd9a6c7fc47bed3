"""Make the vectors of forks: the file, as it is handed to a third party.

The log of `first` and that of `second` begin alike and go on differently, signed with the same key.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vectorfiles import Case, bad, valid, write

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from chain import Chain, key_of

from hansa.coalition import Tick, compare_head
from hansa.transparency import (
    ED25519,
    Checkpoint,
    NoteKey,
    canonical,
    encode_base64,
    hash_leaf,
    root_of,
    sign_checkpoint,
)

ORIGIN = "test.example/coalition"


def log_of(*authors: str) -> Chain:
    chain = Chain()
    for author in authors:
        chain.say(author, Tick())
    return chain


def note_of(chain: Chain, size: int | None = None, *, seed: str = "log", origin: str = ORIGIN) -> str:
    leaves = chain.leaves[:size]
    head = Checkpoint(origin, len(leaves), root_of(hash_leaf(leaf) for leaf in leaves))
    return sign_checkpoint(head, key_of(seed), origin).encode()


def evidence(own: Chain, other: Chain, size: int | None = None) -> dict[str, Any]:
    found = compare_head(own.leaves, note_of(own), note_of(other, size)).fork
    assert found is not None
    value: dict[str, Any] = json.loads(found.encode())
    return value


def spell(value: dict[str, Any]) -> str:
    return canonical.encode(value).decode() + "\n"


def change(path: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def changed(fork: dict[str, Any]) -> dict[str, Any]:
        *places, last = path.split(".")
        part = fork
        for place in places:
            part = part[place]
        part[last] = value
        return fork

    return changed


OWN, OTHER = log_of("ada", "bob", "cyd", "dan", "ada"), log_of("ada", "cyd", "bob", "ada", "dan", "cyd")
OTHERS_KEY = NoteKey(ORIGIN, ED25519, key_of("mallory").public).encode()
ELSEWHERE = NoteKey("other.example/log", ED25519, key_of("log").public).encode()


def _continued() -> dict[str, Any]:
    fork = evidence(OWN, OTHER, 3)
    root = root_of(hash_leaf(leaf) for leaf in OWN.leaves[:3])
    fork["first"]["note"] = note_of(OWN, 3)
    assert fork["root"] == encode_base64(root)
    return fork


def _exchanged(fork: dict[str, Any]) -> dict[str, Any]:
    return fork | {"first": fork["second"], "second": fork["first"]}


def _forged(fork: dict[str, Any]) -> dict[str, Any]:
    body, _, _ = fork["first"]["note"].rpartition("\n\n")
    _, _, line = note_of(OTHER, 2).rpartition("\n\n")
    return change("first.note", f"{body}\n\n{line}")(fork)


BAD: list[tuple[str, str, str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("fork.none", "continued", "the root is that of the first head", lambda fork: _continued()),
    (
        "consistency.old-root",
        "other-root",
        "a root that the second tree does not have",
        change("root", encode_base64(bytes(32))),
    ),
    ("consistency.length", "no-proof", "the proof is missing", change("proof", [])),
    ("consistency.size", "exchanged", "the larger head is called the first", _exchanged),
    ("note.unsigned", "other-key", "a key that did not sign", change("first.key", OTHERS_KEY)),
    ("signature.invalid", "forged", "the signature of another head", _forged),
    (
        "fork.origin",
        "other-log",
        "a head of another log",
        lambda fork: (
            fork | {"first": {"key": ELSEWHERE, "note": note_of(OTHER, 3, origin="other.example/log")}}
        ),
    ),
    (
        "found.first",
        "no-founding",
        "an entry that founds nothing",
        change("founding", OWN.leaves[1].decode()),
    ),
    ("fork.form", "other-format", "another format", change("format", "hansa/v2/fork")),
    ("fork.form", "extra-field", "a field too many", change("reason", "because")),
    ("fork.form", "short-root", "a root of 31 bytes", change("root", encode_base64(bytes(31)))),
    ("fork.form", "number-in-proof", "a number in the proof", change("proof", [1])),
]


def cases() -> Iterator[Case]:
    yield valid("shorter", "a head of 3 entries against a log of 6", file=spell(evidence(OWN, OTHER, 3)))
    yield valid("as-long", "two heads of 6 entries", file=spell(evidence(OWN, OTHER, 6)))
    yield valid("power-of-two", "a head of 4 entries", file=spell(evidence(OWN, OTHER, 4)))
    for rule, name, what, spoil in BAD:
        yield bad(rule, name, what, file=spell(spoil(evidence(OWN, OTHER, 3))))
    text = spell(evidence(OWN, OTHER, 3))
    yield bad("fork.form", "no-line-feed", "no line feed at the end", file=text[:-1])
    yield bad("canonical-json.not-canonical", "space", "a space too many", file=text.replace(",", ", ", 1))


if __name__ == "__main__":
    write("fork", cases())
