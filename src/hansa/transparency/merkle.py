"""The Merkle tree of RFC 6962: roots, a frontier that grows, proofs of inclusion and of consistency.

Everything works on leaf *hashes*; what a leaf says is of no concern here. Symbols of the RFC: `D[n]` is
our list of leaf hashes, `MTH` our root, `PATH` inclusion proof, `PROOF` consistency proof.

Source: RFC 6962 section 2.1; the verification loops are those of RFC 9162 section 2.1.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from hansa.errors import Malformed

HASH_BYTES = 32

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf, SHA-256(0x00 || data), 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node, SHA-256(0x01 || left || right), 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """All that must be kept of a tree to let it grow: the roots of its perfect subtrees.

    Args:
        size: number of leaves.
        hashes: one 32-byte root for each 1 in the binary form of `size`, largest subtree first.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf_hash: bytes) -> Self:
        """Return the frontier with one more leaf."""
        return self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> Self:
        """Return the frontier with more leaves, in order."""
        size, hashes = self.size, list(self.hashes)
        for leaf_hash in leaf_hashes:
            node = leaf_hash
            for _ in range(_trailing_ones(size)):
                node = hash_children(hashes.pop(), node)
            hashes.append(node)
            size += 1
        return type(self)(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """The root of the tree, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, node = self.hashes
        for left in reversed(rest):
            node = hash_children(left, node)
        return node


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree over these leaf hashes.

    Source: RFC 6962 section 2.1, MTH.
    """
    return Frontier().extend(leaf_hashes).root


def prove_inclusion(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Prove that leaf `index` is in the tree over all of `leaf_hashes`.

    Returns:
        The siblings on the way from the leaf to the root, nearest first.

    Raises:
        ValueError: there is no leaf with this index.
    Source: RFC 6962 section 2.1.1, PATH.
    """
    if not 0 <= index < len(leaf_hashes):
        raise ValueError(f"no leaf {index} in a tree of {len(leaf_hashes)}")
    proof: list[bytes] = []
    level = list(leaf_hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        # A last node without a sibling rises unchanged: that is RFC 6962's uneven split, seen from below.
        pairs = [hash_children(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(level) & ~1 :]
        index >>= 1
    return tuple(proof)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf is number `index` of the tree with `size` leaves and this root.

    Raises:
        Malformed: `inclusion.index` (not below `size`), `inclusion.length` (too few or too many hashes,
            or one that has not 32 bytes), `inclusion.root` (the proof leads to another root).
    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise Malformed("inclusion.index", f"no leaf {index} in a tree of {size}")
    _check_hashes("inclusion.length", proof)
    node, last, place = leaf_hash, size - 1, index
    for sibling in proof:
        if last == 0:
            raise Malformed("inclusion.length", f"the proof for leaf {index} of {size} has too many hashes")
        if place & 1 or place == last:
            node = hash_children(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = hash_children(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise Malformed("inclusion.length", f"the proof for leaf {index} of {size} has too few hashes")
    if node != root:
        raise Malformed("inclusion.root", f"the proof for leaf {index} of {size} leads to another root")


def prove_consistency(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Prove that the tree over the first `old_size` leaves is a beginning of the tree over all.

    Returns:
        The hashes of the proof in RFC 6962's order; none if `old_size` is 0 or all.

    Raises:
        ValueError: the old tree is larger than the new one.
    Source: RFC 6962 section 2.1.2, PROOF.
    """
    if not 0 <= old_size <= len(leaf_hashes):
        raise ValueError(f"no tree of {old_size} in a tree of {len(leaf_hashes)}")
    if old_size in {0, len(leaf_hashes)}:
        return ()
    proof: list[bytes] = []
    start, stop = 0, len(leaf_hashes)
    # Walk down to where the old tree ends, and note on each level the half that the walk leaves out.
    while old_size not in {start, stop}:
        middle = start + _split(stop - start)
        if old_size <= middle:
            proof.append(root_of(leaf_hashes[middle:stop]))
            stop = middle
        else:
            proof.append(root_of(leaf_hashes[start:middle]))
            start = middle
    if start:  # Otherwise the subtree is the old tree itself, whose root the reader has.
        proof.append(root_of(leaf_hashes[start:stop]))
    return tuple(reversed(proof))


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that one tree is a beginning of the other.

    Raises:
        Malformed: `consistency.size` (the old tree is the larger one), `consistency.length` (too few or
            too many hashes, or one that has not 32 bytes), `consistency.old-root`,
            `consistency.new-root`.
    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise Malformed("consistency.size", f"a tree of {old_size} is no beginning of a tree of {new_size}")
    _check_hashes("consistency.length", proof)
    if old_size in {0, new_size}:
        if proof:
            raise Malformed("consistency.length", f"from {old_size} to {new_size} a proof has no hashes")
        if old_root != (new_root if old_size else EMPTY_ROOT):
            raise Malformed(
                "consistency.old-root", f"the old root is not that of the first {old_size} leaves"
            )
        return
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes:
        raise Malformed("consistency.length", f"the proof from {old_size} to {new_size} has too few hashes")
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old, new = hashes[0], hashes[0]
    for node in hashes[1:]:
        if last == 0:
            raise Malformed(
                "consistency.length", f"the proof from {old_size} to {new_size} has too many hashes"
            )
        if place & 1 or place == last:
            old, new = hash_children(node, old), hash_children(node, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = hash_children(new, node)
        place, last = place >> 1, last >> 1
    if last:
        raise Malformed("consistency.length", f"the proof from {old_size} to {new_size} has too few hashes")
    if old != old_root:
        raise Malformed(
            "consistency.old-root", f"the proof leads to another root for the first {old_size} leaves"
        )
    if new != new_root:
        raise Malformed("consistency.new-root", f"the proof leads to another root for all {new_size} leaves")


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (RFC 6962's k), for `size` > 1."""
    return 1 << ((size - 1).bit_length() - 1)


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1


def _check_hashes(rule: str, proof: Sequence[bytes]) -> None:
    for node in proof:
        if len(node) != HASH_BYTES:
            raise Malformed(rule, f"a hash has {HASH_BYTES} bytes, got {len(node)}")
