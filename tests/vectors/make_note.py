"""Make the vectors of notes and checkpoints.

`kind` is `key` (key), `note` (text, key: the note must be signed by it), `checkpoint` (text: the note's
text must be a checkpoint; key if it must be signed) or `audit` (text, keys: every line must be by one).
"""

from collections.abc import Iterator

from vectorfiles import Case, bad, valid, write

from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteKey,
    NoteSignature,
    SigningKey,
    cosign,
    encode_base64,
    root_of,
    sign_checkpoint,
)
from hansa.transparency.checkpoint import MAX_NOTE_SIGNATURES

GO = "golang.org/x/mod sumdb/note, note.go and note_test.go"
C2SP_NOTE = "C2SP signed-note, Verifier keys"
C2SP_CHECKPOINT = "C2SP tlog-checkpoint"
FORMATS = "transparency-dev/formats note/note_cosigv1_test.go"
ARCHE = "a checkpoint of the public log arche2025h1.staging.ct.transparency.dev and its published key"

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SOFA = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
ARCHE_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
ARCHE_NOTE = (
    "arche2025h1.staging.ct.transparency.dev\n"
    "1432088532\n"
    "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
    "\n"
    "— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    "— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n"
    "— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
)
ARCHE_WITNESSES = [
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
]

LOG = SigningKey.from_seed(b"\x0a" * 32)
ORIGIN = "log.example/coalition"
LOG_KEY = NoteKey(ORIGIN, ED25519, LOG.public)


def key_cases() -> Iterator[Case]:
    yield valid("key-peter-neumann", "Go's example key", GO, kind="key", key=PETER)
    yield valid("key-example-foo", "the specification's example key", C2SP_NOTE, kind="key", key=FOO)
    yield valid(
        "key-plus-in-base64",
        "a key whose base64 holds a plus",
        FORMATS,
        kind="key",
        key="TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
    )
    yield valid("key-witness", "a key that cosigns", FORMATS, kind="key", key=ARCHE_WITNESSES[2])

    def spoil(rule: str, name: str, what: str, key: str, source: str = "hansa") -> Case:
        return bad(rule, f"key-{name}", what, source, kind="key", key=key)

    name, key_id, material = PETER.split("+", 2)
    yield spoil("note-key.form", "two-parts", "no key", f"{name}+{key_id}")
    yield spoil(
        "note-key.form", "upper-case-id", "an ID in upper case", f"{name}+{key_id.upper()}+{material}"
    )
    yield spoil("note-key.form", "short-id", "an ID of seven digits", f"{name}+{key_id[1:]}+{material}")
    yield spoil("note-key.form", "newline", "a newline at the end", PETER + "\n")
    yield spoil("note-key.form", "no-name", "no name", f"+{key_id}+{material}")
    yield spoil("note-key.name", "space-in-name", "a space in the name", f"Peter Neumann+{key_id}+{material}")
    yield spoil(
        "note-key.name", "thin-space-in-name", "a Unicode space", f"Peter\u2009Neumann+{key_id}+{material}"
    )
    yield spoil("note-key.id", "other-name", "the ID of another name", f"PeterNewman+{key_id}+{material}")
    yield spoil("note-key.id", "other-id", "another ID", f"{name}+00000000+{material}")
    yield spoil(
        "note-key.kind",
        "unknown-kind",
        "a kind that is not assigned, with its own ID",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO,
    )
    yield spoil(
        "base64.not-canonical",
        "long-material",
        "Go's key with bytes added",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        GO,
    )
    yield spoil(
        "key.length",
        "33-bytes",
        "a key of 33 bytes",
        f"{name}+{key_id}+{encode_base64(bytes([ED25519]) + bytes(33))}",
    )
    yield spoil(
        "key.weak",
        "weak",
        "a point of small order",
        f"{name}+{key_id}+{encode_base64(bytes([ED25519]) + bytes(32))}",
    )


def note_cases() -> Iterator[Case]:
    yield valid("note-peter-neumann", "Go's example note", GO, kind="note", text=PETER_NOTE, key=PETER)
    yield valid(
        "note-example-foo", "the specification's example note", C2SP_NOTE, kind="note", text=FOO_NOTE, key=FOO
    )
    body = "a text\n\nwith an empty line\n"
    line = NoteSignature(ORIGIN, LOG_KEY.id, LOG.sign(body.encode()))
    good = Note(body, (line,)).encode()
    yield valid(
        "note-empty-line", "the last empty line ends the text", kind="note", text=good, key=LOG_KEY.encode()
    )
    stranger = NoteSignature("stranger.example", b"\x00\x01\x02\x03", b"whatever it says")
    crowd = [NoteSignature(f"stranger{n}.example", bytes(4), bytes(64)) for n in range(40)]
    yield valid(
        "note-strangers",
        "lines of unknown keys are ignored",
        kind="note",
        key=LOG_KEY.encode(),
        text=Note(body, (*crowd, line, stranger)).encode(),
    )
    same_id = NoteSignature("stranger.example", LOG_KEY.id, bytes(64))
    same_name = NoteSignature(ORIGIN, b"\x00\x01\x02\x03", bytes(64))
    yield valid(
        "note-half-known",
        "a line with the name or the ID of the key, but not both, is of another key",
        kind="note",
        key=LOG_KEY.encode(),
        text=Note(body, (same_id, same_name, line)).encode(),
    )

    def spoil(rule: str, name: str, what: str, text: str) -> Case:
        return bad(rule, f"note-{name}", what, kind="note", text=text, key=LOG_KEY.encode())

    yield spoil("note.form", "empty", "nothing at all", "")
    yield spoil("note.form", "no-gap", "no empty line", good.replace("\n\n", "\n"))
    yield spoil("note.form", "no-signature", "no signature", body + "\n")
    yield spoil("note.form", "no-last-newline", "the last newline is missing", good[:-1])
    yield spoil("note.form", "blank-end", "two empty lines at the end", good + "\n\n")
    yield spoil("note.control", "tab", "a tab", good.replace("a text", "a\ttext"))
    yield spoil("note.control", "crlf", "Windows line ends", good.replace("\n", "\r\n"))
    yield spoil("note.control", "nul", "a NUL", good.replace("a text", "a\0text"))
    yield spoil("note.signature-line", "hyphen", "a hyphen for the dash", good.replace("— ", "- "))
    yield spoil("note.signature-line", "two-spaces", "two spaces", good.replace("— ", "—  "))
    yield spoil("note.signature-line", "space-at-the-end", "a space at the end", good[:-1] + " \n")
    yield spoil(
        "note.signature-line",
        "short",
        "a signature that is only an ID",
        f"{body}\n— {ORIGIN} {encode_base64(LOG_KEY.id)}\n",
    )
    yield spoil(
        "note.signature-line", "plus-in-name", "a plus in a name", good.replace(ORIGIN, "log+example")
    )
    yield spoil("note.signature-line", "text-after", "text after the signatures", good + "more\n")
    yield spoil("base64.not-canonical", "unpadded", "padding is missing", good.replace("=\n", "\n"))
    yield spoil("note.duplicate-signature", "duplicate", "one key twice", good + line.encode())
    yield spoil("note.unsigned", "unsigned", "another key signed", PETER_NOTE)
    yield spoil("signature.invalid", "other-text", "the text was changed", good.replace("a text", "a test"))
    yield spoil(
        "signature.invalid",
        "one-bad-line",
        "a known key with a bad signature",
        Note(body, (stranger, NoteSignature(ORIGIN, LOG_KEY.id, bytes(64)))).encode(),
    )
    many = "".join(f"— s{n} AAAAAAA=\n" for n in range(MAX_NOTE_SIGNATURES + 1))
    yield spoil("note.too-many-signatures", "too-many", "more lines than are read", f"{body}\n{many}")


def checkpoint_cases() -> Iterator[Case]:
    yield valid(
        "checkpoint-behind-the-sofa",
        "the specification's example; its key is not published",
        C2SP_CHECKPOINT,
        kind="checkpoint",
        text=SOFA,
        size=20852163,
    )
    yield valid(
        "checkpoint-arche",
        "a log in the world, signed by two keys and four witnesses",
        ARCHE,
        kind="checkpoint",
        text=ARCHE_NOTE,
        key=ARCHE_KEY,
        size=1432088532,
    )
    empty = sign_checkpoint(Checkpoint(ORIGIN, 0, root_of([])), LOG, ORIGIN)
    yield valid(
        "checkpoint-empty",
        "a log without entries",
        kind="checkpoint",
        text=empty.encode(),
        key=LOG_KEY.encode(),
        size=0,
    )

    def spoil(rule: str, name: str, what: str, body: str) -> Case:
        line = NoteSignature(ORIGIN, LOG_KEY.id, LOG.sign(body.encode()))
        return bad(rule, f"checkpoint-{name}", what, kind="checkpoint", text=Note(body, (line,)).encode())

    body = empty.body
    yield spoil("checkpoint.form", "extension", "an extension line", body + "more\n")
    yield spoil("checkpoint.form", "two-lines", "no root", "\n".join(body.split("\n")[:2]) + "\n")
    yield spoil("checkpoint.origin", "empty-origin", "an empty origin", body.replace(ORIGIN, ""))
    yield spoil("checkpoint.origin", "origin-with-space", "a space in the origin", body.replace("/", " "))
    yield spoil("checkpoint.size", "leading-zero", "a leading zero", body.replace("\n0\n", "\n00\n"))
    yield spoil("checkpoint.size", "minus", "a negative size", body.replace("\n0\n", "\n-1\n"))
    yield spoil(
        "checkpoint.size", "arabic-digits", "digits of another script", body.replace("\n0\n", "\n٣\n")
    )
    yield spoil(
        "checkpoint.size",
        "beyond-64-bits",
        "twenty digits",
        body.replace("\n0\n", "\n10000000000000000000\n"),
    )
    yield spoil(
        "checkpoint.root", "short-root", "a root of 16 bytes", f"{ORIGIN}\n0\n{encode_base64(bytes(16))}\n"
    )
    yield spoil(
        "base64.not-canonical",
        "root-url-alphabet",
        "the URL alphabet",
        f"{ORIGIN}\n0\n{encode_base64(bytes([255]) * 32).replace('/', '_')}\n",
    )


def audit_cases() -> Iterator[Case]:
    plain = sign_checkpoint(Checkpoint(ORIGIN, 0, root_of([])), LOG, ORIGIN)
    witness = SigningKey.from_seed(b"\x0b" * 32)
    line = cosign(plain.body, 1_795_431_600, witness, "witness.example")
    keys = [LOG_KEY.encode(), NoteKey(line.name, COSIGNATURE, witness.public).encode()]
    note = plain.add([line])
    yield valid(
        "audit-all-known", "every line is by a known key", kind="audit", text=note.encode(), keys=keys
    )
    yield bad(
        "note.unknown-signer",
        "audit-stranger",
        "a line of a key that nobody knows",
        kind="audit",
        text=note.encode(),
        keys=keys[:1],
    )
    flipped = NoteSignature(line.name, bytes([line.key_id[0] ^ 1]) + line.key_id[1:], line.signature)
    yield bad(
        "note.unknown-signer",
        "audit-changed-id",
        "one bit of a line's key ID was changed",
        kind="audit",
        text=plain.add([flipped]).encode(),
        keys=keys,
    )
    yield bad(
        "signature.invalid",
        "audit-changed-time",
        "the time of a cosignature was changed",
        kind="audit",
        text=plain.add([NoteSignature(line.name, line.key_id, bytes(8) + line.signature[8:])]).encode(),
        keys=keys,
    )


def cases() -> Iterator[Case]:
    yield from key_cases()
    yield from note_cases()
    yield from checkpoint_cases()
    yield from audit_cases()


if __name__ == "__main__":
    write("note", cases())
