"""Make the vectors of proofs.

`kind` is `inclusion` (leaf_hash, index, size, proof, root), `consistency` (old_size, old_root, new_size,
new_root, proof) or `receipt` (text, leaf_hex, log_key, witnesses, cosignatures). Hashes are hexadecimal.
"""

from collections.abc import Iterator, Sequence

from make_merkle import LEAF_HASHES, ROOTS
from vectorfiles import Case, bad, valid, write

from hansa.transparency import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    NoteKey,
    Receipt,
    SigningKey,
    cosign,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    root_of,
    sign_checkpoint,
)

SOURCE = (
    "Certificate Transparency's reference proofs: transparency-dev/merkle proof/verify_test.go (RFC 6962)"
)

# As published: the leaf counted from 1, the size, the proof.
INCLUSION = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        2,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
OTHER = "abacaba000000000000000000000000000000000000000000060061e00123456"


def include(index: int, size: int, proof: Sequence[str], /, **fields: object) -> dict[str, object]:
    return {
        "kind": "inclusion",
        "leaf_hash": LEAF_HASHES[index],
        "index": index,
        "size": size,
        "proof": list(proof),
        "root": ROOTS[size],
        **fields,
    }


def extend(old: int, new: int, proof: Sequence[str], /, **fields: object) -> dict[str, object]:
    return {
        "kind": "consistency",
        "old_size": old,
        "old_root": ROOTS[old],
        "new_size": new,
        "new_root": ROOTS[new],
        "proof": list(proof),
        **fields,
    }


def inclusion_cases() -> Iterator[Case]:
    for leaf, size, proof in INCLUSION:
        yield valid(
            f"inclusion-{leaf - 1}-of-{size}", "a leaf is in a tree", SOURCE, **include(leaf - 1, size, proof)
        )
    _, size, proof = INCLUSION[2]
    yield bad(
        "inclusion.index",
        "inclusion-at-the-size",
        "an index that is the size",
        **include(5, 8, proof, index=8),
    )
    yield bad("inclusion.index", "inclusion-empty-tree", "a tree without leaves", **include(0, 0, []))
    yield bad(
        "inclusion.root", "inclusion-other-index", "the index beside it", **include(5, size, proof, index=4)
    )
    yield bad(
        "inclusion.root", "inclusion-other-leaf", "another leaf", **include(5, size, proof, leaf_hash=OTHER)
    )
    yield bad("inclusion.root", "inclusion-other-root", "another root", **include(5, size, proof, root=OTHER))
    yield bad(
        "inclusion.root",
        "inclusion-swapped",
        "two hashes swapped",
        **include(5, size, [proof[1], proof[0], proof[2]]),
    )
    yield bad(
        "inclusion.length", "inclusion-too-short", "the last hash is missing", **include(5, size, proof[:-1])
    )
    yield bad("inclusion.length", "inclusion-too-long", "a hash more", **include(5, size, [*proof, OTHER]))
    yield bad(
        "inclusion.length",
        "inclusion-half-a-hash",
        "a hash of 16 bytes",
        **include(5, size, [proof[0], proof[1], proof[2][:32]]),
    )
    yield bad(
        "inclusion.length",
        "inclusion-larger-tree",
        "a size twice as large",
        **include(5, size, proof, size=16),
    )


def consistency_cases() -> Iterator[Case]:
    for old, new, proof in CONSISTENCY:
        yield valid(f"consistency-{old}-{new}", "a tree continues another", SOURCE, **extend(old, new, proof))
    yield valid("consistency-0-8", "every tree continues the empty one", **extend(0, 8, []))
    old, new, proof = CONSISTENCY[2]
    yield bad("consistency.size", "consistency-backwards", "the old tree is larger", **extend(8, 6, proof))
    yield bad("consistency.length", "consistency-empty-proof", "no hashes", **extend(old, new, []))
    yield bad(
        "consistency.length",
        "consistency-power-empty-proof",
        "no hashes from a power of two",
        **extend(4, new, []),
    )
    yield bad(
        "consistency.length",
        "consistency-same-size-proof",
        "hashes where none are needed",
        **extend(8, 8, proof),
    )
    yield bad(
        "consistency.length",
        "consistency-from-empty-proof",
        "hashes from the empty tree",
        **extend(0, 8, proof),
    )
    yield bad(
        "consistency.length",
        "consistency-too-short",
        "the last hash is missing",
        **extend(old, new, proof[:-1]),
    )
    yield bad(
        "consistency.length", "consistency-too-long", "a hash more", **extend(old, new, [*proof, OTHER])
    )
    yield bad(
        "consistency.length",
        "consistency-half-a-hash",
        "a hash of 16 bytes",
        **extend(old, new, [proof[0], proof[1], proof[2][:32]]),
    )
    yield bad(
        "consistency.old-root",
        "consistency-fork",
        "another old root: a fork",
        **extend(old, new, proof, old_root=OTHER),
    )
    yield bad(
        "consistency.old-root",
        "consistency-same-size-fork",
        "two roots of one size",
        **extend(8, 8, [], old_root=OTHER),
    )
    yield bad(
        "consistency.old-root",
        "consistency-empty-fork",
        "a root of the empty tree that is not its root",
        **extend(0, 8, [], old_root=OTHER),
    )
    yield bad(
        "consistency.new-root",
        "consistency-other-new-root",
        "another new root",
        **extend(old, new, proof, new_root=OTHER),
    )
    yield bad(
        "consistency.new-root",
        "consistency-power-other-new-root",
        "another new root, from a power of two",
        **extend(2, 5, CONSISTENCY[3][2], new_root=OTHER),
    )


def receipt_cases() -> Iterator[Case]:
    log, *witnesses = (SigningKey.from_seed(bytes([n]) * 32) for n in (10, 11, 12, 13))
    origin = "log.example/coalition"
    leaves = [f"leaf {n}".encode() for n in range(11)]
    hashes = [hash_leaf(leaf) for leaf in leaves]
    head = Checkpoint(origin, len(leaves), root_of(hashes))
    note = sign_checkpoint(head, log, origin)
    names = [f"witness{n}.example" for n in range(3)]
    note = note.add(
        [
            cosign(note.body, 1_795_431_600 + n, key, name)
            for n, (key, name) in enumerate(zip(witnesses, names, strict=True))
        ]
    )
    keys = {
        "log_key": NoteKey(origin, ED25519, log.public).encode(),
        "witnesses": [
            NoteKey(name, COSIGNATURE, key.public).encode()
            for key, name in zip(witnesses, names, strict=True)
        ],
        "cosignatures": 3,
    }
    good = Receipt(7, prove_inclusion(hashes, 7), note)

    def describe(text: str, **fields: object) -> dict[str, object]:
        return {"kind": "receipt", "text": text, "leaf_hex": leaves[7].hex(), **keys, **fields}

    def spoil(before: str, after: str) -> dict[str, object]:
        return describe(good.encode().replace(before, after, 1))

    yield valid("receipt-7-of-11", "a leaf with three witnesses", **describe(good.encode()))
    alone = sign_checkpoint(Checkpoint(origin, 1, hashes[0]), log, origin)
    yield valid(
        "receipt-0-of-1",
        "the only leaf, with no hashes and no witness",
        **describe(Receipt(0, (), alone).encode(), leaf_hex=leaves[0].hex(), cosignatures=0),
    )
    yield bad("receipt.form", "receipt-other-version", "another version", **spoil("@v1", "@v2"))
    yield bad(
        "receipt.form",
        "receipt-no-head",
        "no index and no hashes",
        **describe("c2sp.org/tlog-proof@v1\n\n" + note.encode()),
    )
    yield bad("receipt.index", "receipt-no-index", "no index line", **spoil("index 7\n", ""))
    yield bad(
        "receipt.form", "receipt-crlf", "Windows line ends", **describe(good.encode().replace("\n", "\r\n"))
    )
    yield bad(
        "receipt.extra", "receipt-extra", "data that nobody signed", **spoil("index", "extra aGVsbG8=\nindex")
    )
    yield bad("receipt.index", "receipt-leading-zero", "a leading zero", **spoil("index 7", "index 07"))
    yield bad("receipt.index", "receipt-negative", "a negative index", **spoil("index 7", "index -7"))
    yield bad("receipt.index", "receipt-two-spaces", "two spaces", **spoil("index 7", "index  7"))
    first = good.encode().split("\n")[2]
    yield bad(
        "receipt.hash", "receipt-short-hash", "a hash of 16 bytes", **spoil(first, "AAAAAAAAAAAAAAAAAAAAAA==")
    )
    yield bad(
        "receipt.hash",
        "receipt-64-hashes",
        "more hashes than any tree needs",
        **spoil(first, f"{first}\n" * 63 + first),
    )
    yield bad(
        "base64.not-canonical",
        "receipt-trailing-bits",
        "trailing bits of a hash",
        **spoil(first, f"{first[:-2]}{chr(ord(first[-2]) + 1)}="),
    )
    yield bad(
        "note.form",
        "receipt-no-note",
        "no checkpoint",
        **describe(good.encode().partition("\n\n")[0] + "\n\n"),
    )
    yield bad(
        "note.unsigned",
        "receipt-other-log-key",
        "the log's key is another one",
        **describe(good.encode(), log_key=NoteKey(origin, ED25519, witnesses[0].public).encode()),
    )
    other = sign_checkpoint(Checkpoint("log.example/other", len(leaves), head.root), log, origin)
    yield bad(
        "receipt.origin",
        "receipt-other-origin",
        "a checkpoint of another log, signed with the same key",
        **describe(Receipt(7, good.proof, other).encode(), cosignatures=0),
    )
    yield bad(
        "receipt.cosignatures",
        "receipt-too-few-witnesses",
        "two of three witnesses",
        **describe(Receipt(7, good.proof, Note(note.body, note.signatures[:3])).encode()),
    )
    yield bad(
        "receipt.cosignatures",
        "receipt-same-witness-twice",
        "one witness under two names",
        **describe(good.encode(), witnesses=[*keys["witnesses"][:1], *keys["witnesses"][:1]], cosignatures=2),
    )
    yield bad(
        "signature.invalid",
        "receipt-forged-witness",
        "a witness's signature under another time",
        **describe(
            Receipt(
                7,
                good.proof,
                Note(
                    note.body,
                    (
                        *note.signatures[:3],
                        type(note.signatures[3])(
                            names[2], note.signatures[3].key_id, bytes(8) + note.signatures[3].signature[8:]
                        ),
                    ),
                ),
            ).encode()
        ),
    )
    yield bad(
        "inclusion.root", "receipt-other-leaf", "another leaf", **describe(good.encode(), leaf_hex=b"x".hex())
    )
    yield bad("inclusion.root", "receipt-other-index", "another index", **spoil("index 7", "index 6"))


def cases() -> Iterator[Case]:
    yield from inclusion_cases()
    yield from consistency_cases()
    yield from receipt_cases()
    hashes = [hash_leaf(str(n).encode()) for n in range(300)]
    for index in (0, 255, 256, 299):
        yield valid(
            f"inclusion-{index}-of-300",
            "a leaf in a tree of 300 decimal numbers",
            kind="inclusion",
            leaf_hash=hashes[index].hex(),
            index=index,
            size=300,
            root=root_of(hashes).hex(),
            proof=[node.hex() for node in prove_inclusion(hashes, index)],
        )
    for old in (128, 255, 256, 257, 299):
        yield valid(
            f"consistency-{old}-300",
            "a tree of 300 decimal numbers continues another",
            kind="consistency",
            old_size=old,
            old_root=root_of(hashes[:old]).hex(),
            new_size=300,
            new_root=root_of(hashes).hex(),
            proof=[node.hex() for node in prove_consistency(hashes, old)],
        )


if __name__ == "__main__":
    write("proof", cases())
