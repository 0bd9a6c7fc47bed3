"""Make the vectors of evidence: the body of an entry, the member's key in base64, and its position in the cohort."""

from collections.abc import Iterator
from hashlib import sha256

from vectorfiles import Case, bad, valid, write

from hansa.transparency import SigningKey, encode_base64

KINDS = {"advert": (1, 96), "masked": (5, 56), "consent": (7, 64)}
POSITION = 3


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(sha256(name.encode()).digest())


def content(
    kind: str, what: str, *, sender: int = POSITION, session: str = "a sum", opening: bytes = b"HSUM\x01"
) -> bytes:
    """A statement of the length that its kind has, with an end that depends on `what`."""
    number, size = KINDS[kind]
    header = opening + bytes([number]) + sender.to_bytes(2, "little") + sha256(session.encode()).digest()
    return header + (sha256(what.encode()).digest() * 3)[:size]


def sign(statement: bytes, kind: str, name: str = "dan") -> dict[str, str]:
    signature = key_of(name).sign(b"hansa/v1/secure-sum/" + kind.encode() + b"\n" + statement)
    return {"content": encode_base64(statement), "signature": encode_base64(signature)}


def body(first: dict[str, str], second: dict[str, str], kind: str = "advert") -> dict[str, object]:
    return {
        "key": key_of("dan").public.encode(),
        "position": POSITION,
        "body": {"run": "ab" * 32, "member": "dan", "kind": kind, "first": first, "second": second},
    }


ONE = sign(content("advert", "one"), "advert")
BAD = [
    ("same", "twice-the-same", "one statement twice", body(ONE, ONE)),
    (
        "signature",
        "forged",
        "the second is signed by somebody else",
        body(ONE, sign(content("advert", "two"), "advert", "ada")),
    ),
    (
        "signature",
        "forged-first",
        "the first is signed by somebody else",
        body(sign(content("advert", "two"), "advert", "ada"), ONE),
    ),
    (
        "signature",
        "other-label",
        "the second was signed as a statement of another kind",
        body(ONE, sign(content("advert", "two"), "consent")),
    ),
    (
        "header",
        "other-sum",
        "the statements are about two sums",
        body(ONE, sign(content("advert", "two", session="another sum"), "advert")),
    ),
    (
        "header",
        "other-sender",
        "the statements name two senders",
        body(ONE, sign(content("advert", "two", sender=2), "advert")),
    ),
    (
        "header",
        "other-kind",
        "the second is of another kind",
        body(ONE, sign(content("consent", "two"), "consent")),
    ),
    (
        "header",
        "not-that-kind",
        "both are of another kind than is said",
        body(ONE, sign(content("advert", "two"), "advert"), "masked"),
    ),
    (
        "header",
        "another-place",
        "a sender that is not the member's place in the cohort",
        body(*(sign(content("advert", what, sender=4), "advert") for what in ("one", "two"))),
    ),
    (
        "header",
        "other-version",
        "statements of another version of the protocol",
        body(*(sign(content("advert", what, opening=b"HSUM\x02"), "advert") for what in ("one", "two"))),
    ),
    (
        "header",
        "short",
        "statements that end within the header",
        body(*(sign(content("advert", what)[:39], "advert") for what in ("one", "two"))),
    ),
]


def cases() -> Iterator[Case]:
    for kind in KINDS:
        pair = (sign(content(kind, what), kind) for what in ("one", "two"))
        yield valid(f"two-{kind}s", f"two {kind}s of one sum", **body(*pair, kind))
    for rule, name, what, fields in BAD:
        yield bad(f"evidence.{rule}", name, what, **fields)


if __name__ == "__main__":
    write("evidence", cases())
