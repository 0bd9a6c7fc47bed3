"""Evidence: what a member signed twice in one secure sum, and could have meant only once.

An honest machine signs one advert, one masked vector and one consent in a sum. Two different ones of a kind show, to
anybody and without trusting who found them, that the member lied to somebody. The record keeps that; what follows from
it is for the members to decide. Specified in `docs/formats/entries.md`.
"""

from types import MappingProxyType
from typing import Final

from hansa.coalition.entry import Entry, Evidence, SignedStatement
from hansa.coalition.snapshot import EvidenceRecord, State
from hansa.errors import Malformed, Refused
from hansa.transparency import PublicKey, parse_base64

HEADER_BYTES: Final = 40
"""Magic, version, kind, sender and session digest; what two statements about the same thing share."""

_KINDS: Final = MappingProxyType({"advert": 1, "masked": 5, "consent": 7})


def accept_evidence(state: State, entry: Entry, body: Evidence) -> State:
    """Keep two statements that contradict each other.

    Raises:
        Refused: `run.unknown`, `evidence.member`, `evidence.known`, `evidence.same`.
        Malformed: `evidence.header`, `evidence.signature`.
    """
    run = state.runs.get(body.run)
    if run is None:
        raise Refused("run.unknown", f"no attempt of this coalition has the id `{body.run}`")
    if body.member not in run.cohort:
        raise Refused("evidence.member", f"`{body.member}` took no part in this attempt")
    header = parse_base64(body.first.content)[:HEADER_BYTES].hex()
    brought = EvidenceRecord(state.newest, state.at, entry.author, body.run, body.member, body.kind, header)
    known = next((other for other in state.evidence if brought.is_like(other)), None)
    if known is not None:
        raise Refused(
            "evidence.known",
            f"that `{body.member}` signed two `{known.kind}` statements in this attempt or sum is on the record already, as "
            f"entry {known.number}",
        )
    verify_contradiction(body, run.keys[body.member], run.cohort.index(body.member))
    return state._replace(evidence=(*state.evidence, brought))


def verify_contradiction(body: Evidence, key: PublicKey, position: int) -> None:
    """Check that two statements cannot both be honest.

    Args:
        body: the statements, and what they are said to be.
        key: the member's.
        position: of the member in the cohort, from 0.

    Raises:
        Refused: `evidence.same`.
        Malformed: `evidence.header`, `evidence.signature`.
    """
    first, second = (parse_base64(statement.content) for statement in (body.first, body.second))
    _verify_header(first, second, body.kind, position)
    if first == second:
        raise Refused("evidence.same", "the two statements are one and the same; that contradicts nothing")
    for statement, content in ((body.first, first), (body.second, second)):
        _verify_signature(key, body, statement, content)


def _verify_header(first: bytes, second: bytes, kind: str, position: int) -> None:
    """Both are of this kind, from this sender, and about one and the same sum."""
    opening = b"HSUM" + bytes((1, _KINDS[kind]))
    if len(first) < HEADER_BYTES or not first.startswith(opening):
        raise Malformed("evidence.header", f"the first statement is no `{kind}` of a secure sum")
    if int.from_bytes(first[6:8], "little") != position:
        raise Malformed("evidence.header", "the first statement names another sender than the member")
    if first[:HEADER_BYTES] != second[:HEADER_BYTES]:
        raise Malformed(
            "evidence.header", "the two statements are about different things: their first 40 bytes differ"
        )


def _verify_signature(key: PublicKey, body: Evidence, statement: SignedStatement, content: bytes) -> None:
    message = b"hansa/v1/secure-sum/" + body.kind.encode() + b"\n" + content
    try:
        key.verify(parse_base64(statement.signature), message)
    except Malformed:
        raise Malformed(
            "evidence.signature", f"`{body.member}` did not sign both statements; this is evidence of nothing"
        ) from None
