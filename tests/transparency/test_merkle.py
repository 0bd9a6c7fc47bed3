import obvious_merkle as obvious
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectorfiles import read

from hansa.errors import Malformed
from hansa.transparency import (
    EMPTY_ROOT,
    Frontier,
    hash_leaf,
    hash_tiles,
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)

TREES = read("merkle")
PROOFS = {name: vector for name, vector in read("proof").items() if vector[1]["kind"] != "receipt"}

# The whole of a small world: every size up to 40.
LEAVES = [bytes([n]) * (n % 5) + b"leaf" for n in range(40)]
HASHES = [hash_leaf(leaf) for leaf in LEAVES]
ROOTS = [root_of(HASHES[:size]) for size in range(41)]


def check(vector):
    proof = [bytes.fromhex(node) for node in vector["proof"]]
    if vector["kind"] == "inclusion":
        verify_inclusion(
            bytes.fromhex(vector["leaf_hash"]),
            vector["index"],
            vector["size"],
            proof,
            bytes.fromhex(vector["root"]),
        )
    else:
        verify_consistency(
            vector["old_size"],
            bytes.fromhex(vector["old_root"]),
            vector["new_size"],
            bytes.fromhex(vector["new_root"]),
            proof,
        )


@pytest.mark.parametrize("name", PROOFS)
def test_every_proof_gets_its_verdict(name):
    rule, vector = PROOFS[name]
    if rule:
        with pytest.raises(Malformed) as excinfo:
            check(vector)
        assert excinfo.value.rule == rule
    else:
        check(vector)


@pytest.mark.parametrize("name", [name for name, (_, vector) in TREES.items() if "roots" in vector])
def test_trees_have_the_published_hashes(name):
    _, vector = TREES[name]
    leaves = [bytes.fromhex(leaf) for leaf in vector["leaves_hex"]]
    hashes = [hash_leaf(leaf) for leaf in leaves]
    assert [leaf_hash.hex() for leaf_hash in hashes] == vector["leaf_hashes"]
    assert [root_of(hashes[:size]).hex() for size in range(len(leaves) + 1)] == vector["roots"]
    assert [obvious.mth(leaves[:size]).hex() for size in range(len(leaves) + 1)] == vector["roots"]


@pytest.mark.parametrize("name", [name for name, (_, vector) in TREES.items() if "tiles" in vector])
def test_trees_have_the_published_tiles(name):
    _, vector = TREES[name]
    hashes = [hash_leaf(str(n).encode()) for n in range(vector["size"])]
    tiles = {path: len(tile) for path, tile in hash_tiles(hashes)}
    assert vector["tiles"].items() <= tiles.items()
    assert list(tiles.values()).count(8192) == vector["full_tiles"]
    assert root_of(hashes).hex() == vector["root"]


def test_the_quick_root_is_the_obvious_one():
    assert [obvious.mth(LEAVES[:size]) for size in range(41)] == ROOTS


def test_the_quick_inclusion_proofs_are_the_obvious_ones():
    for size in range(1, 41):
        for index in range(size):
            proof = prove_inclusion(HASHES[:size], index)
            assert list(proof) == obvious.path(index, LEAVES[:size])
            verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])


def test_the_quick_consistency_proofs_are_the_obvious_ones():
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = prove_consistency(HASHES[:new], old)
            assert list(proof) == obvious.proof(old, LEAVES[:new])
            verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_an_inclusion_proof_proves_nothing_else():
    for size in range(1, 14):
        for index in range(size):
            proof = prove_inclusion(HASHES[:size], index)
            for other_size in range(1, 16):
                for other_index in range(other_size):
                    if (other_index, other_size) == (index, size) or root_and_path_agree(
                        index, size, other_index, other_size
                    ):
                        continue
                    with pytest.raises(Malformed):
                        verify_inclusion(HASHES[index], other_index, other_size, proof, ROOTS[size])


def root_and_path_agree(index, size, other_index, other_size):
    """Say whether two places have the same turns on the way to the root, so that size is not bound."""
    return turns(index, size) == turns(other_index, other_size)


def turns(index, size):
    if size == 1:
        return []
    k = obvious.k_of(size)
    return [*turns(index, k), "right"] if index < k else [*turns(index - k, size - k), "left"]


def test_every_flipped_byte_of_a_proof_is_refused():
    for size, index in [(11, 4), (8, 7), (2, 0)]:
        proof = prove_inclusion(HASHES[:size], index)
        for at in range(len(proof)):
            for byte in range(32):
                node = proof[at][:byte] + bytes([proof[at][byte] ^ 1]) + proof[at][byte + 1 :]
                with pytest.raises(Malformed) as excinfo:
                    verify_inclusion(
                        HASHES[index], index, size, (*proof[:at], node, *proof[at + 1 :]), ROOTS[size]
                    )
                assert excinfo.value.rule == "inclusion.root"


def test_every_flipped_byte_of_a_consistency_proof_is_refused():
    for old, new in [(4, 11), (6, 8), (7, 40)]:
        proof = prove_consistency(HASHES[:new], old)
        for at in range(len(proof)):
            for byte in range(32):
                node = proof[at][:byte] + bytes([proof[at][byte] ^ 1]) + proof[at][byte + 1 :]
                with pytest.raises(Malformed) as excinfo:
                    verify_consistency(
                        old, ROOTS[old], new, ROOTS[new], (*proof[:at], node, *proof[at + 1 :])
                    )
                assert excinfo.value.rule in {"consistency.old-root", "consistency.new-root"}


@given(st.integers(1, 40), st.integers(1, 40), st.lists(st.sampled_from(ROOTS + HASHES), max_size=7))
def test_made_up_consistency_proofs_are_refused(old, new, proof):
    fork = [hash_leaf(b"fork"), *HASHES[1:new]]
    with pytest.raises(Malformed):
        verify_consistency(old, ROOTS[old], new, root_of(fork), proof)


@given(st.lists(st.integers(0, 12), max_size=8))
def test_a_frontier_grows_in_any_steps(steps):
    frontier = Frontier()
    for step in steps:
        frontier = frontier.extend(
            hash_leaf(str(n).encode()) for n in range(frontier.size, frontier.size + step)
        )
    hashes = [hash_leaf(str(n).encode()) for n in range(sum(steps))]
    assert frontier.size == len(hashes)
    assert frontier.root == root_of(hashes)
    assert len(frontier.hashes) == frontier.size.bit_count()


def test_a_frontier_is_not_changed_by_growing():
    before = Frontier().extend(HASHES[:7])
    after = before.append(HASHES[7])
    assert (before.size, before.root) == (7, ROOTS[7])
    assert (after.size, after.root) == (8, ROOTS[8])


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Frontier().root == EMPTY_ROOT == root_of([]) == ROOTS[0]


def test_proving_what_is_not_there_is_our_own_mistake():
    for index in (-1, 3):
        with pytest.raises(ValueError):
            prove_inclusion(HASHES[:3], index)
    for old in (-1, 4):
        with pytest.raises(ValueError):
            prove_consistency(HASHES[:3], old)


def test_a_negative_number_is_refused():
    with pytest.raises(Malformed) as excinfo:
        verify_inclusion(HASHES[0], -1, 3, [], ROOTS[3])
    assert excinfo.value.rule == "inclusion.index"
    with pytest.raises(Malformed) as excinfo:
        verify_consistency(-1, ROOTS[0], 3, ROOTS[3], [])
    assert excinfo.value.rule == "consistency.size"
