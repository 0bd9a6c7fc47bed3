"""Make the vectors of cosignatures: `text` is the note, `key` the witness's, `at` the time that it gives."""

from collections.abc import Iterator

from make_note import ARCHE, ARCHE_NOTE, ARCHE_WITNESSES, LOG, ORIGIN
from vectorfiles import Case, bad, valid, write

from hansa.transparency import (
    COSIGNATURE,
    Checkpoint,
    Note,
    NoteKey,
    NoteSignature,
    SigningKey,
    cosign,
    root_of,
    sign_checkpoint,
)

AT = 1_795_431_600

AICS = "aics-tlog 0.2.1"
AICS_KEY = "peer.example/witness+375a29ed+BAtROtm0kkAVygkC7QeQRNOsXb7CMG8GlIwQ2o62458t"
AICS_NOTE = """log.example/peers
3
cj413eq2+9jjmkdzxh+LpYhof9aS/0W4vdHfWg0QqXs=

— log.example/peers JlilFh0Ewz7szH/SncMsohrg7UmFU1gPhX2mNJx0rxFmd4fzUeSDf0clDR0q1vPGxX1jmww1GLshZ8npizQUrTA2agE=
— peer.example/witness N1op7QAAAABrBBywI6rvnYhrqZs1mGl2f5/c11tHGD5bDgviXBxuV1pjwC7Cg+kOW8caQZ4qVu4tkfsxY5vLH54vEbR//bptbP04Dg==
"""


def cases() -> Iterator[Case]:
    for key in ARCHE_WITNESSES:
        name = key.split("+")[0].split("/")[-1].replace(":", "-")
        yield valid(
            f"arche-{name}",
            "a public witness on a public log",
            ARCHE,
            text=ARCHE_NOTE,
            key=key,
            at=1779573024,
        )
        yield bad(
            "signature.invalid",
            f"arche-{name}-other-size",
            "the same, with another size",
            ARCHE,
            text=ARCHE_NOTE.replace("1432088532", "1432088533"),
            key=key,
        )
    yield valid("aics", "a cosignature by another implementation", AICS, text=AICS_NOTE, key=AICS_KEY, at=AT)
    witness = SigningKey.from_seed(b"\x0b" * 32)
    witness_key = NoteKey("witness.example", COSIGNATURE, witness.public)
    plain = sign_checkpoint(Checkpoint(ORIGIN, 0, root_of([])), LOG, ORIGIN)
    line = cosign(plain.body, AT, witness, "witness.example")

    def describe(*lines: NoteSignature) -> dict[str, object]:
        return {"text": plain.add(lines).encode(), "key": witness_key.encode()}

    def replace(signature: bytes) -> NoteSignature:
        return NoteSignature(line.name, line.key_id, signature)

    yield valid("one-witness", "a witness of our own", **describe(line), at=AT)
    yield valid("time-zero", "the earliest time", **describe(cosign(plain.body, 0, witness, line.name)), at=0)
    last = 2**63 - 1
    yield valid(
        "time-last", "the latest time", **describe(cosign(plain.body, last, witness, line.name)), at=last
    )
    yield bad("cosignature.missing", "missing", "the witness did not cosign", **describe())
    other = NoteSignature("witness.example", b"\x00\x01\x02\x03", line.signature)
    yield bad("cosignature.missing", "other-id", "its name with the ID of another key", **describe(other))
    yield bad(
        "cosignature.form", "no-time", "a signature without a time", **describe(replace(line.signature[8:]))
    )
    yield bad("cosignature.form", "byte-more", "a byte more", **describe(replace(line.signature + b"\x00")))
    yield bad(
        "cosignature.time",
        "beyond-63-bits",
        "a time beyond 2^63 - 1",
        **describe(replace(b"\x80" + line.signature[1:])),
    )
    yield bad(
        "signature.invalid",
        "other-time",
        "the time was changed",
        **describe(replace((AT + 1).to_bytes(8, "big") + line.signature[8:])),
    )
    yield bad(
        "signature.invalid",
        "text-signature",
        "a plain signature of the text is no cosignature",
        **describe(replace(AT.to_bytes(8, "big") + witness.sign(plain.body.encode()))),
    )
    other_log = Note(Checkpoint("log.example/other", 0, root_of([])).encode(), (line,))
    yield bad(
        "signature.invalid",
        "other-log",
        "moved to a checkpoint of another log",
        text=other_log.encode(),
        key=witness_key.encode(),
    )


if __name__ == "__main__":
    write("cosignature", cases())
